"""The same fields under the same names on every backend; one process for each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.keras.fields import fields

SMALL = ("MobileNetV2",)
LARGE = (
    "VGG16",
    "VGG19",
    "ResNet50",
    "MobileNetV2",
    "EfficientNetB0",
    "DenseNet121",
    "InceptionV3",
    "Xception",
    "ConvNeXtTiny",
)
ROOT = Path(__file__).parents[2]


def on(backend: str, names: tuple[str, ...]) -> dict[str, Any]:
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path}
    command = [sys.executable, "-m", "tests.keras.fields", *names]
    found = subprocess.run(command, env=environment, capture_output=True, check=True, cwd=ROOT)
    result: dict[str, Any] = json.loads(found.stdout)
    return result


def here(names: tuple[str, ...]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(json.dumps({name: fields(name) for name in names}))
    return result


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_small_network_is_the_same_everywhere(backend: str) -> None:
    assert on(backend, SMALL) == here(SMALL)


@pytest.mark.zoo
@pytest.mark.parametrize(("backend", "names"), [("jax", LARGE), ("torch", LARGE)])
def test_published_networks_are_the_same_everywhere(backend: str, names: tuple[str, ...]) -> None:
    assert on(backend, names) == here(names)
