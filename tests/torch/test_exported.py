"""Exported programs say of their layers what the models say that they were exported from."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import fieldscope
from fieldscope.errors import InputError, ModelError, TraceError
from fieldscope.frontends.torch.exported import trace
from fieldscope.frontends.torch.torchvision_ops import import_torchvision
from tests.networks.witness import changed, disagreements, exact
from tests.torch.exporting import TCN, UNet, core, differences, exported, saved

NETWORKS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "UNet 2-D": (lambda: UNet(2), (1, 1, 32, 24)),
    "UNet 3-D": (lambda: UNet(3), (1, 1, 16, 12, 8)),
    "TCN": (TCN, (1, 3, 50)),
    "resnet18": (lambda: import_torchvision().models.resnet18(), (1, 3, 64, 64)),
    "mobilenet_v2": (lambda: import_torchvision().models.mobilenet_v2(), (1, 3, 64, 64)),
}

LARGE = ("resnet50", "densenet121", "convnext_tiny", "swin_t")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_has_the_layers_and_fields_of_its_model(name: str, tmp_path: Path) -> None:
    build, shape = NETWORKS[name]
    model = build()
    program = exported(model, torch.zeros(shape))
    assert differences(model, shape, saved(program, tmp_path / "net.pt2")) == []
    assert differences(model, shape, program) == []


@pytest.mark.zoo
@pytest.mark.parametrize("name", LARGE)
def test_a_file_of_a_large_network_has_the_layers_and_fields_of_its_model(
    name: str, tmp_path: Path
) -> None:
    model = getattr(import_torchvision().models, name)()
    shape = (1, 3, 64, 64)
    program = exported(model, torch.zeros(shape))
    assert differences(model, shape, saved(program, tmp_path / "net.pt2")) == []


@pytest.mark.parametrize("name", ["UNet 2-D", "TCN"])
def test_core_operators_have_the_same_fields(name: str) -> None:
    build, shape = NETWORKS[name]
    model = build()
    program = core(exported(model, torch.zeros(shape)))
    own, other = fieldscope.analyze(model, shape), fieldscope.analyze(trace(program))
    shared = [layer.name for layer in own.layers if layer.name in other]
    assert len(shared) > 0.7 * len(own.layers)
    assert [own[each].size for each in shared] == [other[each].size for each in shared]
    assert other.output.box((5,) * len(shape[2:])) == own.output.box((5,) * len(shape[2:]))


class Twice(nn.Module):
    """A block that is called twice, and something under a second name."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Identity())
        self.head = nn.Conv2d(3, 2, 5)

    def forward(self, x: torch.Tensor) -> dict[str, Any]:
        y = self.block(self.block(x)) + x
        return {"map": self.head(y), "both": (y, y.mean((2, 3)))}


@pytest.mark.parametrize("strict", [False, True])
def test_second_calls_and_outputs_are_named_as_in_the_model(strict: bool) -> None:
    model = Twice()
    program = exported(model, torch.zeros(1, 3, 12, 12), strict=strict)
    assert differences(model, (1, 3, 12, 12), program) == []
    names = [layer.name for layer in trace(program).layers]
    assert names == ["block.0", "block.1", "block.0#2", "block.1#2", "add_1", "head", "mean_1"]


class Dynamic(nn.Module):
    """Sizes are computed from those of the input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        half = x.shape[-1] // 2
        y = self.conv(x).narrow(2, 1, x.shape[-1] - 2)
        return torch.nn.functional.pad(y, (0, half))


def dynamic() -> Any:
    extent = torch.export.Dim("extent", min=4, max=100)
    return exported(Dynamic(), torch.zeros(1, 2, 10), dynamic_shapes={"x": {2: extent}})


@pytest.mark.parametrize("in_memory", [True, False])
def test_sizes_that_are_free_come_from_the_inputs(in_memory: bool, tmp_path: Path) -> None:
    program = dynamic() if in_memory else saved(dynamic(), tmp_path / "net.pt2")
    assert trace(program).inputs[0].shape == (1, 2, 10)
    found = fieldscope.analyze(trace(program, (1, 2, 50)))
    assert found.output.shape == (1, 2, 73)
    assert found.output.box((24,)) == fieldscope.analyze(Dynamic(), (1, 2, 50)).output.box((24,))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ((1, 2, 3), "makes .* 3, and the program was exported for 4 to 100"),
        ((1, 3, 10), r"exported for 'x' of shape \(1, 2, .*\), and \(1, 3, 10\) is given\n.*1: "),
        ((1, 2, 10, 10), "is given"),
        ({"y": (1, 2, 10)}, "no input 'y'"),
    ],
)
def test_sizes_that_a_program_is_not_for_are_told(
    inputs: Any, message: str, tmp_path: Path
) -> None:
    for program in (dynamic(), saved(dynamic(), tmp_path / "net.pt2")):
        with pytest.raises(InputError, match=message):
            trace(program, inputs)


class Branch(nn.Module):
    """One of two branches, by a value."""

    def forward(self, x: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
        return torch.cond(  # type: ignore[no-any-return]  # torch has no types here
            gate.sum() > 0, lambda a: a.roll(1, -1), lambda a: a.roll(-2, -1), (x,)
        )


def test_both_branches_and_what_decides_are_read(tmp_path: Path) -> None:
    program = exported(Branch(), torch.zeros(1, 1, 9), torch.zeros(3))
    for one in (program, saved(program, tmp_path / "net.pt2")):
        report = fieldscope.analyze(trace(one, axes={"x": (2,), "gate": (0,)}), fold_context=True)
        assert report.output.exact
        box = report.output.box((4,), input="x")
        assert box == (slice(3, 7),)
        assert report.output.box((4,), input="gate") == (slice(0, 3),)


ROWS = np.random.default_rng(0).standard_normal((4, 5)).astype(np.float32)


class Loops(nn.Module):
    """A scan and a map over rows."""

    def forward(self, x: torch.Tensor) -> Any:
        from torch._higher_order_ops import scan
        from torch._higher_order_ops.map import map as mapped

        carry, rows = scan(lambda c, row: (c + row, c * row), x[0].clone(), x, dim=0)
        return carry, rows, mapped(lambda row: row.flip(-1), x)  # type: ignore[misc,arg-type]  # too narrow there


def test_loops_are_followed_step_by_step(tmp_path: Path) -> None:
    model = Loops()
    program = exported(model, torch.zeros(4, 5))
    seen = changed(lambda x: [r.numpy() for r in model(torch.from_numpy(x))], [ROWS])
    for one in (program, saved(program, tmp_path / "net.pt2")):
        found = trace(one, axes=(0, 1))
        assert all(exact(found, output) for output in range(3))
        assert list(disagreements(found, seen)) == []


class Recurrent(nn.Module):
    """Recurrent layers in both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.forth = nn.LSTM(4, 3, batch_first=True)
        self.both = nn.GRU(3, 2, bidirectional=True, batch_first=True)

    def forward(self, x: torch.Tensor) -> Any:
        y, _ = self.forth(x)
        return y, self.both(y)[0]


def test_recurrent_layers_are_taken_whole() -> None:
    model = Recurrent()
    program = exported(model, torch.zeros(1, 6, 4))
    report = fieldscope.analyze(trace(program, axes=(1,)))
    assert report.outputs["output[0]"].box((2,)) == (slice(0, 3),)
    assert report.outputs["output[1]"].box((2,)) == (slice(0, 6),)
    assert len(report.layers) == 2


class Table(nn.Module):
    """Gathers by a table and hides by a mask, both buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("order", torch.tensor([3, 1, 2, 0]))
        self.register_buffer("mask", torch.full((4, 4), float("-inf")).triu(1), persistent=False)
        self.order: torch.Tensor
        self.mask: torch.Tensor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x[:, :, self.order]
        scores = y.transpose(1, 2) @ y + self.mask
        return torch.softmax(scores, -1) @ y.transpose(1, 2)


def test_tables_and_masks_are_read_from_the_file(tmp_path: Path) -> None:
    path = saved(exported(Table(), torch.zeros(1, 2, 4)), tmp_path / "net.pt2")
    own = fieldscope.analyze(Table(), (1, 2, 4))
    found = fieldscope.analyze(trace(path))
    for position in range(4):
        assert found.output.exact
        assert own.output.box((position,)) == found.output.box((position,))


class Hidden(nn.Module):
    """Scores that are hidden by minus infinity, as most attention in Python hides them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = x @ x.transpose(-1, -2)
        hidden = torch.ones(x.shape[-2], x.shape[-2], dtype=torch.bool).triu(1)
        return scores.masked_fill(hidden, float("-inf")).softmax(-1) @ x


@pytest.mark.parametrize("decomposed", [False, True])
def test_infinity_in_a_file_is_a_number(decomposed: bool, tmp_path: Path) -> None:
    program = exported(Hidden(), torch.zeros(1, 5, 2))
    path = saved(core(program) if decomposed else program, tmp_path / "net.pt2")
    report = fieldscope.analyze(trace(path, axes=(1,)))
    assert [report.output.box((at,)) for at in range(5)] == [(slice(0, k),) for k in range(1, 6)]


def test_a_custom_operator_is_a_bound(tmp_path: Path) -> None:
    with torch.library._scoped_library("fieldscope_test", "FRAGMENT") as library:
        library.define("double(Tensor x) -> Tensor")
        library.impl("double", lambda x: x * 2, "CompositeExplicitAutograd")
        library.impl("double", torch.empty_like, "Meta")

        class Custom(nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return torch.ops.fieldscope_test.double(x.flip(-1))  # type: ignore[no-any-return]  # as above

        path = saved(exported(Custom(), torch.zeros(1, 1, 8)), tmp_path / "net.pt2")
        with_it = fieldscope.analyze(trace(path))
    report = fieldscope.analyze(trace(path))
    for found in (with_it, report):
        assert not found.output.exact
        assert found.output.box((3,)) == (slice(0, 8),)
        assert "fieldscope_test.double" in found.bounds[0].operator


class Quantised(nn.Module):
    """A convolution between rounded numbers, as PyTorch's quantisation writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rounding = torch.ops.quantized_decomposed
        kept = (0.1, 0, -128, 127, torch.int8)
        x = rounding.quantize_per_tensor(x, *kept)
        x = self.conv(rounding.dequantize_per_tensor(x, *kept))
        return rounding.quantize_per_tensor(x, *kept)  # type: ignore[no-any-return]  # as above


def test_quantised_programs_read_position_for_position(tmp_path: Path) -> None:
    importlib.import_module("torch.ao.quantization.fx._decomposed")  # registers the operators
    path = saved(exported(Quantised(), torch.zeros(1, 2, 9)), tmp_path / "net.pt2")
    report = fieldscope.analyze(trace(path))
    assert report.output.exact
    assert report.output.box((4,)) == (slice(4, 7),)
    assert [layer.source for layer in report.layers] == [
        "quantized_decomposed.quantize_per_tensor",
        "quantized_decomposed.dequantize_per_tensor",
        "aten.convolution",
        "quantized_decomposed.quantize_per_tensor",
    ]


def test_values_that_decide_sizes_are_told(tmp_path: Path) -> None:
    class Chosen(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.zeros(x.argmax().item()).sum()  # type: ignore[arg-type]  # an index

    program = exported(Chosen(), torch.ones(1, 1, 8))
    with pytest.raises(TraceError, match=r"needs a tensor's value"):
        trace(saved(program, tmp_path / "net.pt2"))


def test_what_is_no_program_is_told() -> None:
    with pytest.raises(ModelError, match=r"is ReLU, which isn't an exported one\n"):
        trace(nn.ReLU())


def test_reading_a_file_imports_no_compiler(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.AdaptiveAvgPool2d(1))
    path = saved(exported(model, torch.zeros(1, 1, 8, 8)), tmp_path / "net.pt2")
    code = (
        "import sys\nfrom fieldscope.frontends.torch.exported import trace\n"
        f"trace({str(path)!r})\nprint('torch._dynamo' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
