"""PyTorch networks, as they are and exported."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

import fieldscope
from benchmarks.forms.fields import Comparison, Fields, fields_of
from benchmarks.networks import TCN, UNet
from fieldscope.frontends.torch.torchvision_ops import import_torchvision

Shape = tuple[int, ...]
NAMES = (
    "resnet18",
    "resnet50",
    "mobilenet_v2",
    "densenet121",
    "convnext_tiny",
    "swin_t",
    "unet_2d",
    "unet_3d",
    "tcn",
)


def network(name: str) -> tuple[nn.Module, Shape]:
    """A network with weights, in eval mode, and the shape of its input."""
    torch.manual_seed(0)
    made: dict[str, Callable[[], tuple[nn.Module, Shape]]] = {
        "unet_2d": lambda: (UNet(2), (1, 1, 64, 96)),
        "unet_3d": lambda: (UNet(3), (1, 1, 16, 32, 32)),
        "tcn": lambda: (TCN(), (1, 4, 256)),
    }
    if name in made:
        model, shape = made[name]()
        return model.eval(), shape
    return import_torchvision().models.get_model(name, weights=None).eval(), (1, 3, 224, 224)


def compared(name: str) -> Iterator[Comparison]:
    """A network's exported forms beside the module."""
    model, shape = network(name)
    module = fields_of(fieldscope.analyze(model, shape))
    # An exporter numbers functional operators in its own way.
    modules = {path for path, _ in model.named_modules()}
    with tempfile.TemporaryDirectory() as folder:
        for form, export in FORMS.items():
            path = export(model, shape, Path(folder))
            names = None if path.suffix == ".pt2" else modules
            yield Comparison.of(name, form, _analysed(path), module, names)


def _analysed(path: Path) -> Fields:
    return fields_of(fieldscope.analyze(path))


def _exported(model: nn.Module, shape: Shape, folder: Path) -> Path:
    path = folder / "model.pt2"
    with _quietly():
        torch.export.save(torch.export.export(model, (torch.zeros(shape),)), path)
    return path


def _onnx(dynamo: bool) -> Callable[[nn.Module, Shape, Path], Path]:
    def export(model: nn.Module, shape: Shape, folder: Path) -> Path:
        path = folder / f"model_{dynamo}.onnx"
        with _quietly():
            torch.onnx.export(model, (torch.zeros(shape),), str(path), dynamo=dynamo)
        return path

    return export


FORMS = {
    "torch.export": _exported,
    "ONNX, by torch.export": _onnx(dynamo=True),
    "ONNX, by TorchScript": _onnx(dynamo=False),
}


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
