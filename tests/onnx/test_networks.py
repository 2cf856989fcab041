"""The same network from PyTorch and from an ONNX file has the same fields."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import onnx
import onnx.utils
import onnxruntime
import pytest
import torch
from torch import nn

import fieldscope
from fieldscope.analyses.layers import Report
from fieldscope.frontends.torch.torchvision_ops import missing_operators_allowed
from tests.onnx.reports import reported


def _torchvision(name: str) -> nn.Module:
    with missing_operators_allowed():
        import torchvision
    found: nn.Module = getattr(torchvision.models, name)(weights=None)
    return found


def _exported(
    module: nn.Module, shape: tuple[int, ...], path: Path, *, dynamo: bool, opset: int
) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        example = (torch.zeros(shape),)
        torch.onnx.export(
            module, example, str(path), dynamo=dynamo, opset_version=opset, verbose=False
        )
    return path


def _agree(wanted: Report, found: Report, least: int) -> None:
    """Layers of the same name and shape have the same fields, and so has the output."""
    same = 0
    names = {layer.name: layer for layer in (*found.layers, *found.containers)}
    for layer in (*wanted.layers, *wanted.containers):
        other = names.get(layer.name)
        if other is None or layer.operator == "pointwise" or "_" in layer.name.split(".")[-1]:
            continue
        for told in ("size", "stride", "start", "narrowest", "context", "exact"):
            assert getattr(layer, told) == getattr(other, told), (layer.name, told)
        same += 1
    assert same >= least, sorted(names)
    assert not found.bounds
    assert found.output.size == wanted.output.size


EXPORTS = [(False, 9), (False, 13), (True, 20)]


class Double(nn.Sequential):
    def __init__(self, axes: int, before: int, after: int) -> None:
        conv: Any = nn.Conv2d if axes == 2 else nn.Conv3d
        super().__init__(conv(before, after, 3, padding=1), nn.ReLU(), conv(after, after, 3))


class UNet(nn.Module):
    def __init__(self, axes: int) -> None:
        super().__init__()
        self.down = Double(axes, 1, 4)
        self.pool: Any = nn.MaxPool2d(2) if axes == 2 else nn.MaxPool3d(2)
        self.inner = Double(axes, 4, 4)
        transposed: Any = nn.ConvTranspose2d if axes == 2 else nn.ConvTranspose3d
        self.up = transposed(4, 4, 2, stride=2)
        self.last = Double(axes, 8, 2)
        self.axes = axes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        side = self.down(x)
        up = self.up(self.inner(self.pool(side)))
        cut = up.shape[-1]
        side = side[..., :cut, :cut] if self.axes == 2 else side[..., :cut, :cut, :cut]
        found: torch.Tensor = self.last(torch.cat([side, up], 1))
        return found


class Squeezed(nn.Module):
    """Squeeze and excitation, by calls and modules of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.less = nn.Conv2d(4, 2, 1)
        self.more = nn.Conv2d(2, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.mean((2, 3), keepdim=True)
        found: torch.Tensor = x * torch.sigmoid(self.more(torch.relu(self.less(mean))))
        return found


def _squeezed() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), Squeezed(), nn.Conv2d(4, 4, 5, 2), Squeezed())


def _tcn() -> nn.Module:
    convs = [nn.Conv1d(2, 2, 3, dilation=2**k, padding=2**k) for k in range(4)]
    return nn.Sequential(*(part for conv in convs for part in (conv, nn.ReLU())))


SMALL: dict[str, tuple[Any, tuple[int, ...], int]] = {
    "unet-2d": (lambda: UNet(2), (1, 1, 26, 26), 8),
    "unet-3d": (lambda: UNet(3), (1, 1, 18, 18, 18), 8),
    "tcn": (_tcn, (1, 2, 64), 4),
    "squeezed": (_squeezed, (1, 1, 20, 24), 8),
    "resnet18": (lambda: _torchvision("resnet18"), (1, 3, 64, 64), 20),
}


@pytest.mark.parametrize(("dynamo", "opset"), EXPORTS)
@pytest.mark.parametrize("name", SMALL)
def test_exported_networks_have_the_same_fields(
    name: str, dynamo: bool, opset: int, tmp_path: Path
) -> None:
    build, shape, least = SMALL[name]
    module = build().eval()
    path = _exported(module, shape, tmp_path / "net.onnx", dynamo=dynamo, opset=opset)
    _agree(fieldscope.analyze(module, shape), reported(path), least)


@pytest.mark.zoo
@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize(
    "name", ["mobilenet_v2", "resnet50", "densenet121", "convnext_tiny", "swin_t"]
)
def test_published_networks_have_the_same_fields(name: str, dynamo: bool, tmp_path: Path) -> None:
    module, shape = _torchvision(name).eval(), (1, 3, 224, 224)
    path = _exported(module, shape, tmp_path / "net.onnx", dynamo=dynamo, opset=18)
    _agree(fieldscope.analyze(module, shape), reported(path), 10)


def _rapidocr(name: str) -> Path:
    spec = importlib.util.find_spec("rapidocr_onnxruntime")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("rapidocr-onnxruntime isn't installed")
    return Path(spec.submodule_search_locations[0]) / "models" / name


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("ch_PP-OCRv4_det_infer.onnx", (1, 3, 96, 160)),
        ("ch_PP-OCRv4_rec_infer.onnx", (1, 3, 48, 160)),
        ("ch_ppocr_mobile_v2.0_cls_infer.onnx", (1, 3, 48, 192)),
    ],
)
def test_files_of_others_are_exact(name: str, shape: tuple[int, ...]) -> None:
    report = reported(_rapidocr(name), shape)
    assert report.bounds == ()
    assert len(report.layers) > 100


def test_a_probe_of_the_runtime_agrees(tmp_path: Path) -> None:
    """Boxes at inner layers of a file of others, measured by ONNX Runtime."""
    path, shape = _rapidocr("ch_PP-OCRv4_det_infer.onnx"), (1, 3, 96, 160)
    report = reported(path, shape)
    found = onnx.load(str(path))
    names = [layer.name for layer in report.layers if layer.operator == "window"]
    for name in (names[4], names[12]):
        layer = report[name]
        node = next(one for one in found.graph.node if one.name == name)
        found.graph.output.append(onnx.ValueInfoProto(name=node.output[0]))
        cut = tmp_path / "cut.onnx"
        onnx.utils.extract_model(str(path), str(cut), ["x"], [node.output[0]], check_model=False)
        session = onnxruntime.InferenceSession(str(cut), providers=["CPUExecutionProvider"])
        for position in ((0, 0), (1, 3)):
            seen = fieldscope.probe(session, shape, position)
            box = layer.box(position)
            assert all(
                told.start <= part.start and part.stop <= told.stop
                for told, part in zip(box, seen.hull, strict=True)
            ), (name, position, box, seen.hull)
            assert seen.hull == box, (name, position)
