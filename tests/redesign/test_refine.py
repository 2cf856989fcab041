"""Proposals: what they promise is measured on copies that run and train."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import fieldscope
from fieldscope.errors import InputError, ModelError
from fieldscope.frontends.targets import resolve
from fieldscope.redesign.figures import figures_of
from fieldscope.redesign.refinement import Proposal, Refinement

SHAPE = (1, 3, 32, 32)


def known(name: str) -> nn.Module:
    model: nn.Module = resolve(name, values=True).model
    return model


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    return known("torchvision:resnet18")


@pytest.fixture(scope="module")
def shapes_only() -> nn.Module:
    """ResNet-18 whose weights have no values."""
    model: nn.Module = resolve("torchvision:resnet18").model
    return model


@pytest.fixture(scope="module", params=["efficiency", "performance"])
def refinement(request: pytest.FixtureRequest, resnet: nn.Module) -> Refinement:
    return fieldscope.refine(resnet, SHAPE, goal=request.param, most=2)


def trained_for_a_step(model: nn.Module, *, batch: int = 2, extent: int = 32) -> list[str]:
    """The parameters that a step of training leaves as they were."""
    torch.manual_seed(0)
    model.train()
    before = {name: one.detach().clone() for name, one in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss = functional.cross_entropy(
        model(torch.randn(batch, 3, extent, extent)), torch.arange(batch)
    )
    loss.backward()
    optimizer.step()
    return [name for name, one in model.named_parameters() if torch.equal(one, before[name])]


def test_resnet18_at_32_pixels_needs_no_more_than_half_of_its_compute(
    shapes_only: nn.Module,
) -> None:
    found = fieldscope.refine(shapes_only, SHAPE, goal="efficiency", most=1)
    assert found.before.unproductive == 3
    assert found.best.after.unproductive == 0
    assert found.best.after.macs <= found.before.macs / 2


def test_resnet18_at_32_pixels_can_have_all_convolutions_productive(shapes_only: nn.Module) -> None:
    found = fieldscope.refine(shapes_only, SHAPE, goal="performance", most=1)
    assert found.best.after.convolutions == 0
    assert found.best.after.widening >= 16


def test_a_budget_that_cannot_be_met_is_named(shapes_only: nn.Module) -> None:
    found = fieldscope.refine(shapes_only, SHAPE, goal="efficiency", budget=0.01)
    assert found.proposals == ()
    assert found.why_none.endswith("can be carried out within 0.01 times the compute")


def test_a_budget_is_kept(shapes_only: nn.Module) -> None:
    found = fieldscope.refine(shapes_only, SHAPE, goal="performance", budget="2x")
    assert found.proposals
    assert all(one.after.macs <= 2 * found.before.macs for one in found.proposals)


def test_proposals_train_for_a_step(refinement: Refinement) -> None:
    assert trained_for_a_step(refinement.best.apply()) == []


def test_what_is_promised_is_what_a_fresh_analysis_finds(refinement: Refinement) -> None:
    for proposal in refinement.proposals:
        report = fieldscope.analyze(proposal.apply(), SHAPE)
        assert figures_of(report) == proposal.after
        assert proposal.verified
        assert proposal.report.output.shape == (1, 1000)
        assert fieldscope.productivity(proposal.report).macs == proposal.after.macs


def test_no_edit_of_efficiency_costs_more_than_now(shapes_only: nn.Module) -> None:
    found = fieldscope.refine(shapes_only, SHAPE, goal="efficiency")
    assert all(one.after.unproductive == 0 for one in found.proposals)
    assert all(one.after.macs <= found.before.macs for one in found.proposals)


def test_the_model_that_is_refined_stays_as_it_is(resnet: nn.Module) -> None:
    before, text = copy.deepcopy(resnet.state_dict()), repr(resnet)
    resnet.train()
    fieldscope.refine(resnet, SHAPE, goal="performance", most=1).best.apply()
    assert resnet.training
    assert repr(resnet) == text
    assert all(torch.equal(one, before[name]) for name, one in resnet.state_dict().items())


def test_models_that_are_named_can_be_trained() -> None:
    best = fieldscope.refine("torchvision:resnet18", SHAPE, most=1).best
    assert trained_for_a_step(best.apply()) == []


def test_what_is_no_module_is_told_by_its_type() -> None:
    layers = nn.Sequential(*(nn.Conv1d(1, 1, 5, padding=2) for _ in range(4)))
    function: Any = layers.forward
    found = fieldscope.refine(lambda x: function(x), (1, 1, 8), framework="torch")
    assert found.before.unproductive == 2
    assert all(not one.verified for one in found.proposals)


def test_copies_are_alike_every_time(refinement: Refinement) -> None:
    one, other = (refinement.best.apply().state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_code_of_a_proposal_does_what_the_proposal_does(
    refinement: Refinement, resnet: nn.Module
) -> None:
    space: dict[str, Any] = {}
    exec(compile(refinement.best.code(), "refined.py", "exec"), space)
    made = space["refine"](copy.deepcopy(resnet))
    assert repr(made) == repr(refinement.best.apply())


@pytest.mark.parametrize("name", ["vgg16", "mobilenet_v2"])
@pytest.mark.parametrize("goal", ["efficiency", "performance"])
def test_other_networks_at_32_pixels_are_left_without_unproductive_convolutions(
    name: str, goal: str
) -> None:
    model = resolve(f"torchvision:{name}").model
    found = fieldscope.refine(model, SHAPE, goal=goal, most=1)
    assert found.before.convolutions > 0
    assert found.best.after.convolutions == 0
    if goal == "efficiency":
        assert found.best.after.unproductive == 0
        assert found.best.after.macs < found.before.macs


class SmallAlexNet(nn.Module):
    """AlexNet as it is built for images of 32 pixels: the stem of the original fits none."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 11, stride=4, padding=5),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, padding=1),
            nn.Conv2d(16, 24, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, padding=1),
            nn.Conv2d(24, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.classifier(self.features(x).mean((2, 3)))
        return result


@pytest.mark.parametrize("goal", ["efficiency", "performance"])
def test_alexnet_at_32_pixels_is_refined_and_trains(goal: str) -> None:
    found = fieldscope.refine(SmallAlexNet(), (1, 3, 32, 32), goal=goal)
    assert found.before.unproductive > 0
    assert found.best.after.convolutions == 0
    assert trained_for_a_step(found.best.apply()) == []


class Functional(nn.Module):
    """A part of the convolutions is called as functions."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 5, stride=2, padding=2)
        self.first = nn.Conv2d(8, 8, 3, padding=1)
        self.bare = nn.Parameter(torch.rand(8, 8, 3, 3))
        self.last = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.first(functional.relu(self.stem(x))))
        x = functional.conv2d(x, self.bare, padding=1)
        x = functional.max_pool2d(self.last(x), 2)
        result: Tensor = self.head(functional.adaptive_avg_pool2d(x, 1).flatten(1))
        return result


def test_what_functions_do_is_not_edited_and_is_told() -> None:
    found = fieldscope.refine(Functional(), (1, 3, 10, 14), goal="efficiency")
    edited = {name for one in found.proposals for word in one.words for name in word.split()}
    assert not edited & {"conv2d_1:", "max_pool2d_1:"}
    assert any("it is called as a function, so no module" in note for note in found.notes)


def test_rectangular_inputs_and_one_axis_are_refined() -> None:
    net = nn.Sequential(*(nn.Conv1d(2, 2, 9, padding=4) for _ in range(5)))
    found = fieldscope.refine(net, (1, 2, 20))
    assert found.before.unproductive == 2
    assert found.best.after.unproductive == 0
    assert found.best.apply()(torch.rand(1, 2, 20)).shape == (1, 2, 20)
    plane = nn.Sequential(*(nn.Conv2d(2, 2, (5, 9), padding=(2, 4)) for _ in range(5)))
    found = fieldscope.refine(plane, (1, 2, 12, 20))
    assert found.before.unproductive > 0
    assert found.best.after.unproductive == 0


class Stereo(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.deep = nn.Sequential(*(nn.Conv2d(2, 2, 5, padding=2) for _ in range(6)))
        self.flat = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        result: Tensor = self.deep(left) + self.flat(right)
        return result


def test_the_input_that_is_refined_for_is_named_where_there_are_several() -> None:
    shapes = ((1, 2, 12, 11), (1, 2, 12, 11))
    found = fieldscope.refine(Stereo(), shapes, input="left")
    assert found.input == "left"
    assert (found.before.unproductive, found.best.after.unproductive) == (3, 0)
    left, right = torch.rand(1, 2, 12, 11), torch.rand(1, 2, 12, 11)
    assert found.best.apply()(left, right).shape == (1, 2, 12, 11)
    with pytest.raises(InputError, match="say which with input="):
        fieldscope.refine(Stereo(), shapes)


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(nn.Conv1d(2, 2, 5, padding=2) for _ in range(6)))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layers(x) if x.sum() > 0 else x
        return result


def test_a_forward_that_branches_is_refined_on_an_example() -> None:
    found = fieldscope.refine(Branching(), example=torch.ones(1, 2, 9))
    assert (found.before.unproductive, found.best.after.unproductive) == (4, 0)


def test_a_model_whose_outputs_become_larger_is_told() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, stride=2, padding=1),
        *(nn.Conv2d(2, 2, 3, stride=s, padding=1) for s in (2, 1, 1, 1)),
    )
    found = fieldscope.refine(net, (1, 1, 16, 16), goal="performance")
    larger = [one for one in found.proposals if one.report.output.shape[2:] != (4, 4)]
    assert larger
    assert all("instead of 1×2×4×4" in one.remarks[0] for one in larger)


def test_layers_with_computed_weights_are_told_once_each() -> None:
    norm = nn.utils.parametrizations.weight_norm
    net = nn.Sequential(*(norm(nn.Conv1d(2, 2, 5, padding=2)) for _ in range(4)))
    found = fieldscope.refine(net, (1, 2, 9))
    assert found.proposals == ()
    assert found.notes == (
        (
            "not edited: 0, 1, 2 and 1 more: its weight is computed from others (weight_norm, "
            "spectral_norm or pruning)"
        ),
    )


def test_a_network_without_dead_weight_needs_no_proposal() -> None:
    found = fieldscope.refine(nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU()), (1, 1, 8, 8))
    assert found.proposals == ()
    assert found.why_none == "no layer widens the field"
    with pytest.raises(ModelError, match="there is no proposal for Sequential: no layer widens"):
        found.best  # noqa: B018  # the look-up is what is tested


def test_proposals_from_a_report_are_told_in_words() -> None:
    net = nn.Sequential(*(nn.Conv2d(1, 1, 5, padding=2) for _ in range(5)))
    report = fieldscope.analyze(net, (1, 1, 9, 9))
    found = fieldscope.refine(report)
    best = found.best
    assert (found.before.unproductive, best.after.unproductive, best.verified) == (3, 0, False)
    assert (
        "figures are predicted, not measured: the model itself was not given, only a report"
        in (found.notes[-1])
    )
    made = fieldscope.refine(net, (1, 1, 9, 9)).best
    assert (best.edits, best.after) == (made.edits, made.after)
    for asked in (best.apply, best.code, lambda: best.report):
        with pytest.raises(ModelError, match="only modules of PyTorch can be edited"):
            asked()


def interrupting(**at: int) -> Callable[[str, int, int], None]:
    """What ends the work when a stage has told of itself so often."""
    count = dict.fromkeys(at, 0)

    def told(what: str, done: int, of: int) -> None:
        del done, of
        stage = what.partition(" ")[0]
        if stage in at:
            count[stage] += 1
            if count[stage] == at[stage]:
                raise KeyboardInterrupt

    return told


def test_an_interrupt_keeps_the_best_so_far(shapes_only: nn.Module) -> None:
    told = interrupting(searching=40)
    found = fieldscope.refine(shapes_only, SHAPE, goal="performance", told=told, most=1)
    assert found.proposals[0].verified
    assert (
        found.notes[-1] == "the search was stopped: only what it had found until then is proposed"
    )


def test_an_interrupt_before_anything_is_found_is_no_proposal(shapes_only: nn.Module) -> None:
    found = fieldscope.refine(shapes_only, SHAPE, told=interrupting(searching=1))
    assert found.proposals == ()
    assert found.notes[-1].startswith("the search was stopped")


def test_an_interrupt_while_verifying_keeps_what_is_verified(shapes_only: nn.Module) -> None:
    found = fieldscope.refine(shapes_only, SHAPE, told=interrupting(verifying=2))
    assert len(found.proposals) == 1
    assert found.notes[-1].startswith("the verification was stopped")


def test_a_second_interrupt_ends_all(shapes_only: nn.Module) -> None:
    with pytest.raises(KeyboardInterrupt):
        fieldscope.refine(shapes_only, SHAPE, told=interrupting(searching=40, verifying=1))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"goal": "eficiency"}, "there is no goal 'eficiency'; did you mean efficiency?"),
        ({"budget": 0}, "the budget is 0; it must be a factor of today's compute"),
        ({"budget": "cheap"}, "the budget is 'cheap'; it must be a factor of today's compute"),
        ({"budget": "2x"}, "and efficiency never takes more compute than now"),
        ({"most": 0}, "most is 0; it must be 1 or more"),
    ],
)
def test_wrong_calls_are_told(options: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=re.escape(why)):
        fieldscope.refine(nn.Conv2d(1, 1, 3), (1, 1, 8, 8), **options)


def test_a_refinement_is_data_too(refinement: Refinement) -> None:
    found = json.loads(refinement.to_json())
    assert found["schema"] == "fieldscope.refine/1"
    assert found["goal"] == refinement.goal
    assert found["before"]["unproductive"] == 3
    first = found["proposals"][0]
    assert first["after"]["macs"] == refinement.best.after.macs
    assert first["share_of_macs"] == refinement.best.after.macs / refinement.before.macs
    assert {edit["kind"] for edit in first["edits"]} <= {"reshape", "remove", "repeat", "refit"}
    assert refinement == refinement
    assert isinstance(refinement.best, Proposal)
    assert repr(refinement.best).startswith("<Proposal for ResNet: ")
