"""Verification of small models of all kinds, run for real: theory and measurement agree."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

import fieldscope
from fieldscope.analyses.verification import Verification
from fieldscope.errors import InputError, LayerNotFoundError, ModelError, TraceError
from fieldscope.geometry import masks


def chain() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, stride=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 2, (3, 1))
    )


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.norm = nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2)
        self.two = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.two(functional.relu(self.norm(self.one(x)))) + x)


def dilated() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 1, 3, dilation=2), nn.Conv2d(1, 1, 3, dilation=4))


class SqueezeExcite(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.down, self.up = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        gate: Tensor = self.up(functional.relu(self.down(y.mean((2, 3), keepdim=True))))
        return y * gate.sigmoid()


def normed() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.SiLU(), nn.Conv2d(4, 2, 3))


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.into, self.down = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 4, 2, 2)
        self.middle, self.up = nn.Conv2d(4, 4, 3, padding=1), nn.ConvTranspose2d(4, 3, 2, 2)
        self.out = nn.Conv2d(6, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        fine = functional.relu(self.into(x))
        coarse = functional.relu(self.middle(functional.relu(self.down(fine))))
        y: Tensor = self.out(torch.cat([fine, self.up(coarse)], 1))
        return y


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm = nn.Conv1d(2, 8, 3, padding=1), nn.LayerNorm(8)
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.norm(self.embed(x).transpose(1, 2))
        y: Tensor = self.head(tokens + self.attend(tokens, tokens, tokens)[0])
        return y


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.forth = nn.Conv1d(2, 4, 3), nn.LSTM(4, 5, batch_first=True)
        self.both = nn.GRU(5, 3, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.both(self.forth(self.conv(x).transpose(1, 2))[0])[0]
        return y


def volume() -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(1, 2, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool3d((1, 2, 2)),
        nn.Conv3d(2, 1, (3, 1, 2)),
    )


class ChannelsLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.head(self.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        return y


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        scaled: Tensor = 2 * x * gradient
        return scaled


class Custom(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.two(Square.apply(self.one(x)))  # type: ignore[no-untyped-call]
        return y


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], tuple[int, ...]]] = {
    "chain": (chain, (1, 1, 20, 16), (13, 5)),
    "residual": (lambda: nn.Sequential(Residual(), Residual()), (1, 2, 12, 10), (9, 9)),
    "dilated": (dilated, (1, 1, 16, 15), (13, 13)),
    "squeeze and excitation": (SqueezeExcite, (1, 1, 9, 10), (3, 3)),
    "group norm": (normed, (1, 1, 9, 10), (5, 5)),
    "U-Net": (UNet, (1, 1, 12, 8), (10, 8)),
    "attention": (Attention, (1, 2, 9), (9,)),
    "recurrent": (Recurrent, (1, 2, 9), (9,)),
    "volume": (volume, (1, 1, 6, 8, 8), (5, 4, 6)),
    "custom function": (Custom, (1, 1, 9, 9), (5, 5)),
}


def verified(model: nn.Module, inputs: Any, **options: Any) -> Verification:
    torch.manual_seed(0)
    return fieldscope.verify(model, inputs, **options)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_agrees_at_the_centre_and_the_ends(name: str) -> None:
    build, shape, size = NETWORKS[name]
    found = verified(build(), shape)
    assert found.agrees, found
    assert {check.verdict for check in found.checks} == {"agrees"}, found
    assert found.checks[-1].size == found.checks[-1].measured == size


@pytest.mark.parametrize("name", ["chain", "dilated", "squeeze and excitation", "recurrent"])
def test_the_output_agrees_with_the_probe_and_at_random_positions(name: str) -> None:
    build, shape, _ = NETWORKS[name]
    found = verified(build(), shape, layers=["output"], positions=6, seed=3)
    (check,) = found.checks
    assert check.verdict == "agrees", check
    assert {one.test for one in check.findings if one.verdict == "agrees"} >= {
        "structure",
        "gradient",
        "probe",
        "forward",
    }


def test_channels_last_agree_along_the_axes_that_are_named() -> None:
    found = verified(ChannelsLast(), (1, 8, 9, 3), axes=(1, 2))
    assert found.agrees, found
    assert found.checks[-1].measured == (3, 3)


class Two(nn.Module):
    """Two inputs, of which one is read by a wider window."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Conv2d(1, 2, 3), nn.Conv2d(1, 2, (5, 3), padding=(1, 0))
        self.last = nn.Conv2d(2, 1, 3)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        y: Tensor = self.last(self.one(left) + self.other(right))
        return y


TWO = {"left": (1, 1, 9, 9), "right": (1, 1, 9, 9)}


def test_of_two_inputs_the_one_that_is_named_is_looked_at() -> None:
    found = verified(Two(), TWO, input="right", layers=["other"])
    assert found.input == "right"
    assert found.checks[0].measured == (5, 3)
    with pytest.raises(InputError, match=r"several inputs with spatial axes: 'left' and 'right'"):
        verified(Two(), TWO)


@pytest.mark.parametrize("name", ["left", "right"])
def test_what_is_read_of_the_other_input_is_no_disagreement(name: str) -> None:
    found = verified(Two(), TWO, input=name)
    assert found.agrees, found


class Cut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)[:, :, 1:-1, 2:-1] * 2
        return y


def test_slices_along_two_axes_at_once_are_told_apart() -> None:
    found = verified(Cut(), (1, 1, 9, 9))
    assert found.agrees, found


class Decomposed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        values: Tensor = torch.linalg.svdvals(self.conv(x))
        return values


def test_an_unknown_operator_is_not_measurable_and_says_why() -> None:
    found = verified(Decomposed(), (1, 1, 8, 8))
    assert found.agrees
    conv, *others = found.checks
    assert conv.verdict == "agrees"
    assert [check.verdict for check in others] == ["not measurable"]
    assert "can't be taken out of a real run" in others[0].why[0]


class Shift(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.roll(1, -1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient  # which should be rolled back


class Lying(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = Shift.apply(self.conv(x))  # type: ignore[no-untyped-call]
        return y


def test_a_wrong_backward_is_told_from_a_wrong_field() -> None:
    found = verified(Lying(), (1, 1, 9))
    assert found.agrees, found
    (gradient,) = [f for f in found.checks[1].findings if f.test == "gradient"]
    assert gradient.verdict == "not measurable"
    assert gradient.why.startswith("at (3,) the model depends on 1 element outside of the field")
    assert gradient.why.endswith("; but changing them doesn't change the model's output")


class Fickle(nn.Module):
    """Reads elsewhere at each call, and so not what the analysis has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3)
        self.calls = itertools.count(1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x).roll(next(self.calls), -1)
        return y


def test_a_model_that_reads_something_else_disagrees() -> None:
    found = verified(Fickle(), (1, 1, 9))
    assert not found.agrees
    assert [check.verdict for check in found.checks] == ["agrees", "disagrees"]
    assert found.summary == "2 layers: 1 agree, 1 disagree"
    assert any("an operator reads more than its lowering says" in w for w in found.checks[1].why)


def random_states() -> tuple[object, ...]:
    numbers: Any = np.random.get_state()  # noqa: NPY002  # the one that models may use
    return torch.get_rng_state().tolist(), numbers[1].tolist(), random.getstate()


def test_the_model_is_left_as_it_was_found() -> None:
    first = Residual()
    model = nn.Sequential(first, nn.Dropout(0.5), nn.Conv2d(2, 1, 3), SqueezeExcite()).train()
    first.norm.eval()
    first.one.weight.requires_grad_(False)
    first.two.weight.grad = torch.full_like(first.two.weight, 3.0)
    values = {name: one.clone() for name, one in model.state_dict().items()}
    training = [one.training for one in model.modules()]
    trained = [one.requires_grad for one in model.parameters()]
    states = random_states()
    found = fieldscope.verify(model, (1, 2, 9, 8), layers=["0.two", "output"], positions=2)
    assert found.agrees, found
    assert random_states() == states
    assert all(torch.equal(values[name], one) for name, one in model.state_dict().items())
    assert [one.training for one in model.modules()] == training
    assert [one.requires_grad for one in model.parameters()] == trained
    assert first.two.weight.grad.unique().tolist() == [3.0]
    assert [one.grad is None for one in model.parameters()].count(False) == 1
    assert not any(one._forward_hooks for one in model.modules())


def test_the_same_seed_finds_the_same() -> None:
    model = chain()
    found = [fieldscope.verify(model, (1, 1, 20, 16), seed=seed) for seed in (4, 4)]
    assert found[0] == found[1]


def test_one_layer_needs_no_list() -> None:
    (check,) = fieldscope.verify(chain(), (1, 1, 20, 16), layers="2", positions=1).checks
    assert check.layer == "2"
    with pytest.raises(LayerNotFoundError, match="Sequential has no layer '20'"):
        fieldscope.verify(chain(), (1, 1, 20, 16), layers="20")


def test_what_cannot_be_verified_is_told() -> None:
    with pytest.raises(LayerNotFoundError, match="Sequential has no layer 'zzzz'"):
        fieldscope.verify(chain(), (1, 1, 20, 16), layers=["zzzz"])
    with pytest.raises(ModelError, match="the model fails on inputs"):
        fieldscope.verify(chain(), (1, 2, 20, 16))
    with pytest.raises(ModelError, match="the model was built without values for its weights"):
        fieldscope.verify(nn.Conv1d(1, 1, 3, device="meta"), (1, 1, 9))
    with pytest.raises(TraceError, match="branches on a tensor's value"):
        fieldscope.verify(Branching(), (1, 1, 9))


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


def test_a_map_without_positions_left_is_no_reason_to_fail() -> None:
    class Emptied(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([x, x[:, :, :0]], 2)

    found = verified(Emptied(), (1, 1, 9))
    assert found.agrees, found


def causal(extent: int) -> Tensor:
    return torch.full((extent, extent), float("-inf")).triu(1)


class SelfAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.attention(x, x, x, attn_mask=causal(x.shape[1]))[0]
        return y


def test_a_causal_mask_that_is_added_to_scores_hides() -> None:
    model = SelfAttention().eval()
    heat = fieldscope.gradient(model, (1, 7, 4), axes=(1,), position=(3,), mode="structure")
    assert heat.hull == (slice(0, 4),)
    found = fieldscope.verify(model, (1, 7, 4), axes=(1,), layers=["output"])
    assert found.agrees, found
    assert found.checks[0].measured == (4,)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_a_border_that_is_mirrored_or_repeated_is_no_disagreement(mode: str) -> None:
    pads = {"reflect": nn.ReflectionPad2d, "replicate": nn.ReplicationPad2d}
    pad = pads.get(mode, nn.CircularPad2d)(2)
    found = fieldscope.verify(nn.Sequential(pad, nn.Conv2d(1, 1, 3)), (1, 1, 8, 9), positions=5)
    assert found.agrees, found


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_models_of_other_precision_are_verified(dtype: torch.dtype) -> None:
    model = nn.Sequential(nn.Conv1d(1, 2, 3, dilation=2), nn.ReLU()).to(dtype)
    found = fieldscope.verify(model, (1, 1, 12), layers=["1"])
    assert found.agrees, found
    assert [f.why for f in found.checks[0].findings if f.test == "probe"] == [""]


def test_weights_that_are_no_modules_are_verified() -> None:
    weight = nn.Parameter(torch.ones(2, 1, 3))

    def model(x: Tensor) -> Tensor:
        return functional.conv1d(functional.conv1d(x, weight), weight.transpose(0, 1) * 2)

    assert fieldscope.verify(model, (1, 1, 9)).agrees


class Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = checkpoint(self.conv, x, use_reentrant=False)
        return y


def test_what_runs_again_on_the_way_back_is_told() -> None:
    with pytest.raises(ModelError, match="activation checkpointing runs parts of a model once"):
        fieldscope.gradient(Checkpointed(), (1, 1, 9), mode="structure")
    found = fieldscope.verify(Checkpointed(), (1, 1, 9))
    assert found.agrees
    assert "PyTorch can't take the gradient" in " ".join(found.checks[0].why)


def test_a_lowering_that_forgets_groups_disagrees(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Conv1d(4, 4, 3, groups=4), nn.Conv1d(4, 4, 3, groups=4))
    assert fieldscope.verify(model, (1, 4, 12)).agrees
    monkeypatch.setattr(masks, "channels", lambda mask, axis, *_: masks.over(mask, (axis,)))
    found = fieldscope.verify(model, (1, 4, 12))
    assert not found.agrees
    assert found.checks[-1].why[0].startswith("channel: of channel 3 at (4,)")
