"""Analyse networks in all their forms, and write docs/forms.md.

    python -m benchmarks.forms                    all of them, to docs/forms.md (minutes)
    python -m benchmarks.forms resnet18 VGG16     some, printed only

Exit code 1 if the fields of a layer differ.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.forms import of_jax, of_keras, of_torch
from benchmarks.forms.fields import Comparison
from fieldscope.version import __version__
from fieldscope.wording import listed
from fieldscope.writing import replacing

PAGE = Path(__file__).parents[2] / "docs" / "forms.md"
_PACKAGES = (
    *("torch", "torchvision", "onnx", "keras", "tensorflow-cpu", "jax"),
    *("flax", "equinox"),
)

_HEAD = """\
# The same network in several forms

Made by `python -m benchmarks.forms` with {versions}.

Each network is analysed in every form, and its layers, modules that hold others included, are
compared with those of the same name in the form that it came from: extents, size, stride, start
and narrowest path on every axis, whether there is context, and whether all that is exact.
PyTorch's forms stand beside the module itself; of an ONNX file the modules are compared, since
exporters number functional operators in ways of their own. Keras' networks on JAX and PyTorch
stand beside themselves on TensorFlow, networks of flax and equinox beside the same in PyTorch.

| network | form | layers | exact | compared | different |
|--|--|--:|--:|--:|--|
"""


def main(arguments: Sequence[str]) -> int:
    console = Console()
    rows = []
    for one in _compared(arguments):
        rows.append(one)
        console.print(" ".join(_cells(one)), soft_wrap=True)
    if not arguments:
        _write(rows)
    else:
        table = Table("network", "form", "layers", "exact", "compared", "different")
        for one in rows:
            table.add_row(*_cells(one))
        console.print(table)
    return int(any(one.different for one in rows))


def _compared(names: Sequence[str]) -> Iterator[Comparison]:
    for name in of_torch.NAMES:
        if not names or name in names:
            yield from of_torch.compared(name)
    keras = [name for name in of_keras.NAMES if not names or name in names]
    if keras:
        yield from of_keras.compared(keras)
    for name in of_jax.NAMES:
        if not names or name in names:
            yield from of_jax.compared(name)


def _cells(one: Comparison) -> tuple[str, ...]:
    different = listed(list(one.different), most=4) if one.different else "none"
    counts = (one.layers, one.exact, one.compared)
    return (one.network, one.form, *map(str, counts), different)


def _write(rows: Sequence[Comparison]) -> None:
    versions = [f"fieldscope {__version__}"]
    versions += [f"{name} {metadata.version(name)}" for name in _PACKAGES]
    lines = [f"| {' | '.join(_cells(one))} |" for one in rows]
    compared = sum(one.compared for one in rows)
    different = sum(len(one.different) for one in rows)
    foot = f"\n{compared:,} layers compared, {different:,} different.\n"
    with replacing(PAGE) as file:
        text = _HEAD.format(versions=", ".join(versions)) + "\n".join(lines) + "\n" + foot
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
