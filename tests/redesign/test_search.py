"""The search for redesigns: what it finds, in which order, and that it holds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import pytest
from torch import nn

import fieldscope
from fieldscope.analyses.edits import Edit, Refit, Remove, Repeat, Reshape
from fieldscope.analyses.outline import Outline, outline_of
from fieldscope.errors import InputError
from fieldscope.frontends.targets import resolve
from fieldscope.redesign.figures import Figures, figures_of
from fieldscope.redesign.search import Candidate, search
from fieldscope.redesign.structure import chain_of
from fieldscope.redesign.torch.applying import applied


def outlined(name: str, shape: tuple[int, ...]) -> Outline:
    return outline_of(fieldscope.analyze(f"torchvision:{name}", shape))


def found(name: str, extent: int, goal: Any, **options: Any) -> list[Candidate]:
    return list(search(outlined(name, (1, 3, extent, extent)), goal, **options))


def share(candidate: Candidate) -> float:
    return candidate.after.macs / candidate.before.macs


def chain(*kernels: int) -> nn.Sequential:
    return nn.Sequential(*(nn.Conv1d(2, 2, k, padding=k // 2) for k in kernels))


def best(model: nn.Module, shape: tuple[int, ...], goal: Any, **options: Any) -> Candidate:
    return next(search(outline_of(fieldscope.analyze(model, shape)), goal, **options))


def test_a_chain_is_cut_where_it_sees_all_of_its_input() -> None:
    # Sizes 3, 5, 7, 9, 11: the last receives 9 of 8 elements.
    one = best(chain(3, 3, 3, 3, 3), (1, 2, 8), "efficiency")
    assert one.edits == (Remove("4"),)
    assert (one.before.unproductive, one.after.unproductive, one.after.size) == (1, 0, (9,))
    assert one.after.macs * 5 == one.before.macs * 4


def test_of_a_rectangular_input_both_axes_count() -> None:
    model = nn.Sequential(*(nn.Conv2d(1, 1, (3, 5), padding=(1, 2)) for _ in range(5)))
    # y: 3, 5, 7, 9, 11 of 6; x: 5, 9, 13, 17, 21 of 12: the fourth receives 7 of 6, 13 of 12.
    one = best(model, (1, 1, 6, 12), "efficiency")
    assert one.edits == (Remove("3"), Remove("4"))
    assert one.after.size == (7, 13)


def test_resnet18_at_16_pixels_becomes_what_was_published_for_efficiency() -> None:
    first = found("resnet18", 16, "efficiency")[0]
    assert first.edits == (
        Reshape("conv1", kernel=(3, 3), padding=(1, 1)),
        Remove("layer2.1"),
        Remove("layer3"),
        Remove("layer4"),
        Refit("fc", 128),
    )
    assert first.title == "conv1 3×3 with stride 2, cut behind layer2.0"
    assert 0.15 < share(first) < 0.25


def test_resnet18_at_32_pixels_costs_at_most_half_without_unproductive_layers() -> None:
    candidates = found("resnet18", 32, "efficiency")
    assert share(candidates[0]) <= 0.5
    costs = [one.after.macs for one in candidates]
    kept = [one.after.widening for one in candidates]
    assert costs == sorted(costs)
    assert kept == sorted(kept)
    assert all(one.after.unproductive == 0 for one in candidates)
    assert all(min(one.after.size) >= 32 for one in candidates)
    # The gentlest only narrows the layers that could add nothing.
    assert [edit for edit in candidates[-1].edits if isinstance(edit, Remove)] == []


def test_resnet18_becomes_productive_with_all_its_layers() -> None:
    candidates = found("resnet18", 32, "performance")
    first = candidates[0]
    assert first.after.unproductive == 0
    assert first.after.widening == first.before.widening
    assert not any(isinstance(edit, (Remove, Repeat, Refit)) for edit in first.edits)
    # Strides change in both branches of a block.
    changed = {edit.layer for edit in first.edits if isinstance(edit, Reshape) and edit.stride}
    assert all(
        f"{name.rsplit('.', 1)[0]}.downsample.0" in changed for name in changed if "conv1" in name
    )
    kinds = {one.title for one in candidates}
    assert len(kinds) == len(candidates) > 3
    assert any("conv1 3×3 with stride 1" in title for title in kinds)
    assert any("maxpool" in title for title in kinds)
    assert any("more of" in title for title in kinds)


@pytest.mark.parametrize("extent", [16, 32])
def test_within_twice_the_compute_blocks_are_moved(extent: int) -> None:
    first = found("resnet18", extent, "performance", budget=2.0)[0]
    assert first.after.convolutions == 0
    assert share(first) <= 2
    assert any(isinstance(edit, Repeat) for edit in first.edits)


@pytest.mark.parametrize("name", ["vgg16", "vgg19", "mobilenet_v2", "densenet121"])
def test_networks_for_large_images_are_refined_for_32_pixels(name: str) -> None:
    first = found(name, 32, "efficiency")[0]
    assert first.before.unproductive > 0
    assert first.after.unproductive == 0
    assert share(first) < 0.7
    more = found(name, 32, "performance")[0]
    assert more.after.convolutions == 0


def test_where_nothing_is_unproductive_nothing_is_proposed() -> None:
    # Bottlenecks widen once each, and their shortcuts don't.
    outline = outlined("resnet50", (1, 3, 32, 32))
    assert outline.base.unproductive == ()
    assert list(search(outline, "efficiency")) == list(search(outline, "performance")) == []


def test_a_budget_that_is_not_met_leaves_the_fewest_unproductive_convolutions() -> None:
    model = chain(3, 3, 3, 3, 3, 3)
    one = best(model, (1, 2, 6), "performance", budget=0.9)
    assert one.after.macs <= 0.9 * one.before.macs
    assert one.after.convolutions < one.before.convolutions


def test_frozen_layers_stay() -> None:
    outline = outline_of(fieldscope.analyze(chain(3, 3, 3, 3, 3, 3), (1, 2, 8)))
    frozen = {"4": "it is dear to somebody"}
    assert list(search(outline, "efficiency", frozen={**frozen, "5": "so is this"})) == []
    one = next(search(outline, "efficiency", frozen=frozen))
    assert one.edits == (Remove("5"),)
    assert one.title == "without 5, 1 unproductive layer left"


def test_the_order_is_the_same_every_time() -> None:
    outline = outlined("resnet18", (1, 3, 32, 48))
    assert list(search(outline, "performance")) == list(search(outline, "performance"))


def test_progress_is_told_up_to_the_end() -> None:
    told: list[tuple[str, int, int]] = []
    outline = outlined("resnet18", (1, 3, 32, 32))
    list(search(outline, "efficiency", told=lambda *step: told.append(step)))
    assert {word for word, *_ in told} == {"searching for efficiency"}
    assert [done for _, done, _ in told] == list(range(told[-1][2] + 1))


def test_an_interrupt_yields_the_best_so_far() -> None:
    count = itertools.count()

    def told(*_: Any) -> None:
        if next(count) == 20:
            raise KeyboardInterrupt

    outline = outlined("resnet18", (1, 3, 32, 32))
    kept: list[Candidate] = []
    with pytest.raises(KeyboardInterrupt):
        kept.extend(search(outline, "performance", told=told))
    assert kept
    assert kept[0].after.convolutions < kept[0].before.convolutions


@pytest.mark.parametrize(
    ("goal", "budget", "message"),
    [
        ("speed", None, 'goal \'speed\' is neither "efficiency" nor "performance"'),
        ("performance", 0.0, "a budget of 0 times the compute leaves none\ngive a factor"),
        ("performance", -1.0, "a budget of -1 times"),
        ("performance", float("nan"), "a budget of nan times"),
    ],
)
def test_goals_that_make_no_sense_are_told(goal: Any, budget: float | None, message: str) -> None:
    outline = outline_of(fieldscope.analyze(chain(3), (1, 2, 8)))
    with pytest.raises(InputError, match=message):
        list(search(outline, goal, budget=budget))


class Joined(nn.Module):
    """Two branches that are joined by the model itself, and a sequence behind."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv1d(2, 2, 3, padding=1)
        self.right = nn.Conv1d(2, 2, 5, padding=2)
        self.rest = nn.Sequential(*(nn.Conv1d(2, 2, 5, padding=2) for _ in range(3)))

    def forward(self, x: Any) -> Any:
        return self.rest(self.left(x) + self.right(x))


def test_the_chain_of_units_begins_behind_the_last_join_without_a_module() -> None:
    outline = outline_of(fieldscope.analyze(Joined(), (1, 2, 8)))
    assert [unit.name for unit in chain_of(outline)] == ["rest.0", "rest.1", "rest.2"]


def test_sequences_come_apart_and_blocks_do_not() -> None:
    units = chain_of(outlined("mobilenet_v2", (1, 3, 32, 32)))
    names = [unit.name for unit in units]
    assert names[:4] == ["features.0", "features.1", "features.2", "features.3"]
    assert [unit.same for unit in units[:4]] == [False, False, False, True]


def differing(predicted: Figures, measured: Figures) -> Sequence[str]:
    return [
        one.name
        for one in fields(Figures)
        if getattr(predicted, one.name) != getattr(measured, one.name)
    ]


def assert_holds(name: str, goal: Any, budget: float | None, extent: int = 32) -> None:
    model = resolve(f"torchvision:{name}").model
    assert isinstance(model, nn.Module)
    shape = (1, 3, extent, extent)
    for one in search(outlined(name, shape), goal, budget=budget):
        edits: Sequence[Edit] = one.edits
        after = figures_of(fieldscope.analyze(applied(model, edits), shape))
        assert differing(one.after, after) == [], one.title


@pytest.mark.parametrize(("goal", "budget"), [("efficiency", None), ("performance", 2.0)])
def test_candidates_are_what_the_edited_model_turns_out_to_be(
    goal: str, budget: float | None
) -> None:
    assert_holds("resnet18", goal, budget)


@pytest.mark.zoo
@pytest.mark.parametrize(
    ("name", "extent"),
    [
        ("alexnet", 64),
        ("vgg11_bn", 32),
        ("vgg16", 32),
        ("mobilenet_v2", 32),
        ("densenet121", 32),
        ("efficientnet_b0", 32),
        ("googlenet", 32),
        ("mnasnet0_5", 32),
        ("mobilenet_v3_small", 32),
        ("shufflenet_v2_x0_5", 32),
        ("squeezenet1_1", 32),
        ("convnext_tiny", 32),
    ],
)
@pytest.mark.parametrize(
    ("goal", "budget"), [("efficiency", None), ("performance", None), ("performance", 2.0)]
)
def test_candidates_for_the_zoo_are_what_the_edited_models_turn_out_to_be(
    name: str, extent: int, goal: str, budget: float | None
) -> None:
    assert_holds(name, goal, budget, extent)
