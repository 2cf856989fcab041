"""Names, containers, inputs and outputs of a report."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import fieldscope


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.relu(self.conv(x))


class Net(nn.Module):
    """A shared module, functional operators, containers in containers."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block()
        self.stack = nn.Sequential(nn.Sequential(nn.Conv1d(1, 1, 5)), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        y = self.block(self.block(x))
        y = functional.max_pool1d(self.stack(y), 2)
        return y + 1 + y


def test_layers_have_the_names_of_modules_and_operators() -> None:
    report = fieldscope.analyze(Net(), (1, 1, 20))
    sizes = {layer.name: layer.size for layer in report.layers if not layer.movement}
    assert sizes["block.conv"] == (3,)
    assert sizes["block.relu_1"] == sizes["block.add_1"] == (3,)
    assert sizes["block.conv#2"] == sizes["block#2.add_1"] == (5,)
    assert sizes["stack.0.0"] == sizes["stack.1"] == (9,)
    assert sizes["add_1"] == sizes["add_2"] == (10,)


def test_a_container_is_its_output() -> None:
    report = fieldscope.analyze(Net(), (1, 1, 20))
    containers = {layer.name: layer.size for layer in report.containers}
    assert containers["block"] == (3,)
    assert containers["block#2"] == (5,)
    assert containers["stack"] == (9,)
    assert report["stack.0"].size == (9,)
    assert all(report[name].container for name in ("block", "stack"))
    assert {layer.name for layer in report.find("stack*")} >= {"stack", "stack.1"}


def test_a_container_called_again_is_another() -> None:
    shared = nn.Conv1d(1, 1, 3)
    report = fieldscope.analyze(nn.Sequential(shared, nn.ReLU(), shared), (1, 1, 20))
    assert [report[name].size for name in ("0", "0#2")] == [(3,), (5,)]


def test_layers_stand_in_the_order_of_execution() -> None:
    names = [layer.name for layer in fieldscope.analyze(Net(), (1, 1, 20)).layers]
    expected = ["block.conv", "block.add_1", "block.conv#2", "stack.0.0", "add_1", "add_2"]
    assert [name for name in names if name in expected] == expected


def test_nested_outputs_have_paths() -> None:
    def net(x: Tensor) -> Any:
        pooled = functional.avg_pool1d(x, 4)
        return {"maps": [x[..., 2:], (pooled, None)], "aux": pooled.mean(2), "scale": 3}

    outputs = fieldscope.analyze(net, (1, 1, 20)).outputs
    assert {name: layer.size for name, layer in outputs.items()} == {
        "output['maps'][0]": (1,),
        "output['maps'][1][0]": (4,),
        "output['aux']": (math.inf,),
    }


def test_an_input_can_be_an_output() -> None:
    outputs = fieldscope.analyze(lambda x: (x, x + 1), (1, 1, 7)).outputs
    assert [layer.size for layer in outputs.values()] == [(1,), (1,)]
    assert outputs["output[0]"].box((4,)) == (slice(4, 5),)


class Fusion(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(1, 1, 2, 2)

    def forward(self, image: Tensor, sound: Tensor) -> tuple[Tensor, Tensor]:
        return self.down(image) * sound.mean(2)[..., None, None], sound[..., 1:]


@pytest.mark.parametrize(
    "inputs",
    [
        ((1, 1, 8, 6), (1, 1, 50)),
        [(1, 1, 8, 6), torch.zeros(1, 1, 50)],
        {"image": (1, 1, 8, 6), "sound": (1, 1, 50)},
    ],
)
def test_each_input_has_its_own_field(inputs: Any) -> None:
    report = fieldscope.analyze(Fusion(), inputs)
    assert [(info.name, info.axes, info.spatial) for info in report.inputs] == [
        ("image", ("y", "x"), (2, 3)),
        ("sound", ("x",), (2,)),
    ]
    second = report.outputs["output[1]"]
    assert second.fields["sound"].start == (1,)
    assert second.fields["image"].size == (0, 0)
    assert report["down"].fields["image"].size == (2, 2)
    assert report["down"].box((1, 2), input="image") == (slice(2, 4), slice(4, 6))
    with pytest.raises(fieldscope.InputError, match=r"image.*sound"):
        _ = second.size


def test_axes_of_channels_last_input() -> None:
    def net(x: Tensor) -> Tensor:  # [n y x channel]
        return functional.avg_pool2d(x.permute(0, 3, 1, 2), (2, 3)).permute(0, 2, 3, 1)

    report = fieldscope.analyze(net, (1, 8, 9, 3), axes=(1, 2))
    layer = report.output
    assert (layer.shape, layer.size, layer.spatial) == ((1, 4, 3, 3), (2, 3), (1, 2))
    assert layer.box((1, 2)) == (slice(2, 4), slice(6, 9))
    named = fieldscope.analyze(net, (1, 8, 9, 3), axes={"row": 1, "column": 2})
    assert named.inputs[0].axes == ("row", "column")


def test_a_branch_on_a_value_needs_an_example() -> None:
    def net(x: Tensor) -> Tensor:
        if x.sum() > 0:
            return x
        return functional.avg_pool1d(x, 3, 1)

    with pytest.raises(fieldscope.TraceError, match="example="):
        fieldscope.analyze(net, (1, 1, 9))
    ones = torch.ones(1, 1, 9)
    assert fieldscope.analyze(net, (1, 1, 9), example=ones).output.size == (1,)
    assert fieldscope.analyze(net, (1, 1, 9), example=-ones).output.size == (3,)


def test_loops_and_recursion_of_the_forward_are_followed() -> None:
    def net(x: Tensor, depth: int = 3) -> Tensor:
        return x if depth == 0 else net(functional.avg_pool1d(x, 3, 1), depth - 1)

    assert fieldscope.analyze(net, (1, 1, 20)).output.size == (7,)


def test_positions_and_names_outside_are_errors() -> None:
    report = fieldscope.analyze(Net(), (1, 1, 20))
    with pytest.raises(fieldscope.PositionError, match="99"):
        report.output.box((99,))
    with pytest.raises(fieldscope.PositionError, match=r"position \(1, 2\) doesn't fit"):
        report.output.box((1, 2))
    with pytest.raises(fieldscope.PositionError, match="channel 4"):
        report.output.box((1,), channel=4)
    with pytest.raises(fieldscope.LayerNotFoundError, match=r"block\.conv"):
        report["block.cov"]
    assert "block.cov" not in report
    assert "block.conv" in report


# Skip connections: the smallest field of any path.
def test_narrowest_takes_the_shortest_path() -> None:
    net = nn.Sequential(nn.Conv1d(1, 1, 5), Block(), Block())
    layer = fieldscope.analyze(net, (1, 1, 30)).output
    assert (layer.size, layer.narrowest) == ((9,), (5,))


def test_an_unknown_operator_is_a_bound_that_is_listed() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.head(torch.linalg.qr(x)[0])
            return y

    report = fieldscope.analyze(Net(), (1, 1, 6, 6))
    assert not report.output.exact
    assert report["head"].bounds
    assert report.output.box((0, 0)) == (slice(0, 6), slice(0, 6))
    (bound,) = report.bounds
    assert "qr" in bound.operator
    assert bound.layers == 2
    with pytest.raises(fieldscope.BoundError, match="qr"):
        fieldscope.analyze(Net(), (1, 1, 6, 6), strict=True)


def test_a_layer_that_reads_only_between_its_inputs_elements_has_no_start() -> None:
    model = nn.Sequential(nn.ConvTranspose1d(1, 1, 1, 3), nn.Conv1d(1, 1, 1, 3, padding=1))
    layer = fieldscope.analyze(model, (1, 1, 9)).output
    assert (layer.size, layer.start, layer.stride) == ((0,), (None,), (1,))
