"""Keras networks on each backend, which is fixed for a process: one process each.

python -m benchmarks.forms.of_keras VGG16 ResNet50     # JSON of the fields, on KERAS_BACKEND
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

import fieldscope
from benchmarks.forms import of_torch
from benchmarks.forms.fields import Comparison, Fields, fields_of, numbers

NAMES = (
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
BACKENDS = ("tensorflow", "jax", "torch")


TORCHVISION = {"VGG16": "vgg16", "VGG19": "vgg19"}
"""Networks that are the same in torchvision, window for window."""


def compared(names: Sequence[str] = NAMES) -> Iterator[Comparison]:
    """Each network on JAX and on PyTorch beside itself on TensorFlow; VGG beside torchvision's."""
    on = {backend: _on(backend, names) for backend in BACKENDS}
    for name in names:
        if name in TORCHVISION:
            yield _beside_torchvision(name, on["tensorflow"][name])
        for backend in BACKENDS[1:]:
            form = f"Keras on {backend}, beside tensorflow"
            yield Comparison.of(name, form, on[backend][name], on["tensorflow"][name])


def _beside_torchvision(name: str, fields: Fields) -> Comparison:
    """The windows of a network in their order, since names differ."""
    model, shape = of_torch.network(TORCHVISION[name])
    report = fieldscope.analyze(model, shape)
    windows = (layer for layer in report.layers if layer.operator == "window")
    ours = [one for key, one in fields.items() if key.startswith("block")]
    theirs = [numbers(layer) for layer in windows if layer.spatial]
    both = zip(ours, theirs, strict=True)
    different = tuple(str(k) for k, (a, b) in enumerate(both) if list(a) != list(b))
    exact = sum(bool(one[-1]) for one in ours)
    form = "Keras, beside torchvision"
    return Comparison(name, form, len(ours), len(ours), different, exact)


def _on(backend: str, names: Sequence[str]) -> dict[str, Fields]:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.forms.of_keras", *names],
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    found: dict[str, dict[str, list[object]]] = json.loads(run.stdout)
    return {name: {k: tuple(v) for k, v in one.items()} for name, one in found.items()}


def main(names: Sequence[str]) -> int:
    found = {name: fields_of(fieldscope.analyze(f"keras:{name}")) for name in names}
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
