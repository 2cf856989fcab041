"""A row of the zoo's table says what the report says."""

from __future__ import annotations

import torch
from torch import nn

import fieldscope
from benchmarks.zoo_row import Row, described, output_layer, row


@torch.library.custom_op("fieldscope_zoo_row::unknown", mutates_args=())
def unknown(x: torch.Tensor) -> torch.Tensor:
    return x.clone()


@unknown.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


class Unknown(nn.Module):
    """An operator that nobody can have a lowering for."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = unknown(x)
        return result


def _described(model: nn.Module, shape: tuple[int, ...]) -> Row:
    report = fieldscope.analyze(model, shape)
    return described(
        report,
        model="timm:x",
        family="resnet",
        modules=dict(model.named_modules()),
        shapes=[shape],
        seconds=0.02,
        ratio=1.234,
    )


def test_a_classifier_is_described_by_the_map_before_its_pooling() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, kernel_size=(5, 3), stride=(3, 2)),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )
    described = _described(model, (1, 3, 60, 90))
    assert described.output == "1"
    assert (described.field, described.stride, described.narrowest) == ("5x3", "3x2", "5x3")
    assert (described.model, described.family) == ("timm:x", "timm/resnet")
    assert (described.input, described.seconds, described.ratio) == ("1x3x60x90", "0.0200", "1.23")
    assert (described.status, described.exact, described.bounds) == ("ok", "yes", "")


def test_the_outermost_module_that_ends_in_the_map_is_named() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = x + self.conv(x)
            return result

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stages = nn.Sequential(Block(), Block())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            features: torch.Tensor = self.stages(x).flatten(2)
            return (features.transpose(1, 2) @ features).sum()

    described = _described(Net(), (1, 3, 20, 30))
    assert (described.output, described.field) == ("stages", "5x5")


def test_a_network_that_ends_in_a_map_is_described_by_it() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, kernel_size=3), nn.ConvTranspose2d(4, 1, 2, stride=2))
    report = fieldscope.analyze(model, (1, 3, 20, 30))
    assert output_layer(report, {}) is report.output
    assert _described(model, (1, 3, 20, 30)).stride == "1/2x1/2"


def test_a_map_that_reads_all_of_one_axis_is_still_a_map() -> None:
    class Rows(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.softmax(-1)

    assert _described(Rows(), (1, 3, 20, 30)).field == "1xall"


def test_a_network_without_any_map_is_described_by_its_output() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 5, 2))
    report = fieldscope.analyze(model, (1, 3, 4, 5))
    assert output_layer(report, {}) is report.output
    assert _described(model, (1, 3, 4, 5)).field == "allxall"


def test_bounds_are_named_and_counted() -> None:
    described = _described(nn.Sequential(Unknown(), Unknown()), (1, 3, 8, 9))
    assert (described.exact, described.bounds) == ("no", "fieldscope_zoo_row.unknown(2)")


def test_a_network_is_built_analysed_and_timed() -> None:
    made = row(("torchvision", "resnet18"))
    assert (made.model, made.field, made.stride) == ("torchvision:resnet18", "435x435", "32x32")
    assert made.input == "1x3x224x224"
    assert 0 < float(made.seconds) < 60
    assert float(made.ratio) > 0
