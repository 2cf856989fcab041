"""Draw the pictures that the docs show: `python -m docs.pictures`.

The same code gives the same bytes, so a picture that changed is a change to look at.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from matplotlib import get_data_path
from PIL import Image
from torch import nn

import fieldscope
from fieldscope.analyses.growing import growing
from fieldscope.frontends.torch.zoo import build
from fieldscope.render.pictures import (
    field_picture,
    growth_animation,
    growth_curve,
    save,
    side_by_side,
)

FOLDER = Path(__file__).parent / "images"
DPI = 80


def photograph(extent: int = 224) -> npt.NDArray[np.uint8]:
    """Grace Hopper, by James S. Davis, US Navy: in the public domain, comes with matplotlib."""
    with Image.open(Path(get_data_path()) / "sample_data" / "grace_hopper.jpg") as image:
        return np.asarray(image.crop((0, 0, 512, 512)).resize((extent, extent)))


def analysed(name: str) -> fieldscope.Report:
    """The report of one of torchvision's networks."""
    model, inputs = build("torchvision", name)
    return fieldscope.analyze(model, inputs, name=name)


def dilated() -> nn.Sequential:
    """Convolutions whose dilations share a factor, so that they never read what lies between."""
    return nn.Sequential(*(nn.Conv2d(1, 1, 3, dilation=step, padding=step) for step in (2, 4, 6)))


class Causal(nn.Module):
    """A convolution over time that looks back only."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step
        self.conv = nn.Conv1d(1, 1, 2, dilation=step)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.conv(nn.functional.pad(signal, (self.step, 0)))
        return found


def causal() -> nn.Sequential:
    """Looks back by steps that grow threefold, with gaps."""
    return nn.Sequential(*(Causal(3**k) for k in range(6)))


def signal(extent: int) -> npt.NDArray[np.float64]:
    """A sound that rises in pitch, swells and dies down."""
    time = np.linspace(0, 1, extent)
    return np.sin(2 * np.pi * (20 * time + 60 * time**2)) * np.exp(-(((time - 0.5) / 0.2) ** 2))


def encoder() -> nn.Sequential:
    """Three levels of a network for volumes."""

    def level(inside: int, outside: int) -> list[nn.Module]:
        return [nn.Conv3d(inside, outside, (1, 3, 3), padding=(0, 1, 1)), nn.MaxPool3d((1, 2, 2))]

    return nn.Sequential(*level(1, 2), *level(2, 2), nn.Conv3d(2, 2, 3, padding=1))


def volume() -> npt.NDArray[np.float64]:
    """A body with something inside."""
    z, y, x = np.mgrid[:32, :64, :64]
    body = ((z - 15) / 14) ** 2 + ((y - 32) / 26) ** 2 + ((x - 31) / 22) ** 2
    inside = ((z - 13) / 5) ** 2 + ((y - 26) / 7) ** 2 + ((x - 36) / 6) ** 2
    return np.where(inside < 1, 0.95, np.where(body < 1, 0.55 - 0.2 * body, 0.08))


def network() -> nn.Sequential:
    """A small network with weights drawn at random, as they are before training."""
    torch.manual_seed(3)
    layers: list[nn.Module] = []
    for inside, outside, stride in ((3, 16, 2), (16, 32, 1), (32, 32, 2), (32, 32, 1), (32, 32, 2)):
        layers += [nn.Conv2d(inside, outside, 3, stride=stride, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)


def field() -> Any:
    return field_picture(
        fieldscope.support(analysed("vgg16"), layer="features.19", position=(8, 17)),
        image=photograph(),
    )


def gridding() -> Any:
    return field_picture(fieldscope.support(dilated(), (1, 1, 96, 128)))


def timeline() -> Any:
    found = fieldscope.support(causal(), (1, 1, 1000), position=(700,), axes={"time": 2})
    return field_picture(found, image=signal(1000))


def slices() -> Any:
    found = fieldscope.support(encoder(), (1, 1, 32, 64, 64), position=(14, 7, 8))
    return field_picture(found, image=volume())


def heat() -> Any:
    photo = torch.tensor(photograph(128) / 255.0, dtype=torch.float32).permute(2, 0, 1)[None]
    found = fieldscope.gradient(network(), photo, name="network")
    return field_picture(found, image=photo, log=True)


def stages() -> Any:
    report = analysed("resnet18")
    names = ["conv1", "layer1.1.conv2", "layer2.1.conv2", "layer3.0.conv2", "layer3.1.conv2"]
    return side_by_side(
        growing(report, layers=[*names, "layer4.0.conv2"]), image=photograph(), title="resnet18"
    )


def curve() -> Any:
    return growth_curve(analysed("vgg16"))


def residual() -> Any:
    return growth_curve(analysed("resnet50"))


def verdicts() -> Any:
    return fieldscope.productivity(resnet18_report()).to_image()


def refined() -> Any:
    model, _ = build("torchvision", "resnet18")
    found = fieldscope.refine(model, (1, 3, 32, 32), goal="performance", most=3, name="resnet18")
    return found.to_image()


def shares() -> Any:
    return fieldscope.growth(analysed("vgg16"), changes=False).to_image()


def limits() -> Any:
    return fieldscope.resolution(analysed("resnet50")).to_image()


def compared() -> Any:
    names = ("resnet18", "resnet50", "vgg16", "mobilenet_v2")
    models = {name: build("torchvision", name)[0] for name in names}
    return fieldscope.compare(models, (1, 3, 64, 64)).to_image()


PICTURES: Mapping[str, Callable[[], Any]] = {
    "field.webp": field,
    "gridding.png": gridding,
    "timeline.png": timeline,
    "slices.webp": slices,
    "heat.webp": heat,
    "stages.webp": stages,
    "growth-vgg16.png": curve,
    "growth-resnet50.png": residual,
    "resnet18-32.png": verdicts,
    "resnet18-32-refined.png": refined,
    "shares-vgg16.png": shares,
    "resolution-resnet50.png": limits,
    "comparison.png": compared,
}


def resnet18_report() -> fieldscope.Report:
    model, _ = build("torchvision", "resnet18")
    return fieldscope.analyze(model, (1, 3, 32, 32), name="resnet18")


def resnet18_at_32() -> fieldscope.ArchitectureGraph:
    return fieldscope.architecture(resnet18_report())


# Laid out without Graphviz, whose versions draw otherwise.
GRAPHS: Mapping[str, Callable[[], fieldscope.ArchitectureGraph]] = {
    "resnet18-32.svg": resnet18_at_32,
}


def film(path: Path) -> None:
    report = analysed("vgg16")
    names = [f"features.{k}" for k in (7, 14, 19, 23, 30)]
    growth_animation(
        growing(report, layers=names),
        path,
        image=photograph(),
        report=report,
        seconds_per_frame=1,
    )


def augmented(path: Path) -> None:
    """Photographs that scikit-image and scikit-learn ship, as training sees them in the lab."""
    from fieldscope.lab.data import Augmentation, Preparation, Split, augmented_sheet, save_sheet
    from fieldscope.photos import Photo, images_in
    from tests.shipped import photographs

    with tempfile.TemporaryDirectory() as folder:
        photos = tuple(
            Photo(one, one.name, one.stem, one.stat().st_size)
            for one in images_in(photographs(Path(folder) / "photos"))
        )
        split = Split(photos, (), tuple(sorted(photo.label for photo in photos)))
        preparation = Preparation(112, augment=Augmentation())
        save_sheet(augmented_sheet(split, preparation, seed=0, rows=3, versions=5, tile=88), path)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        save(draw(), FOLDER / name, dpi=DPI)
        print(f"{FOLDER.name}/{name}")
    for name, graph in GRAPHS.items():
        graph().save(FOLDER / name, engine="builtin")
        print(f"{FOLDER.name}/{name}")
    for name, write in (("growth.gif", film), ("lab-augmented.png", augmented)):
        write(FOLDER / name)
        print(f"{FOLDER.name}/{name}")


if __name__ == "__main__":
    main()
