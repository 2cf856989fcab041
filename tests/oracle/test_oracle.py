"""The oracle is judged by trying: change each input element, see what moves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from torch import Tensor, nn

from tests import oracle
from tests.networks import Plan, networks
from tests.networks.plan import make
from tests.oracle.brute import changed

# Text of a module, shape of its input.
CASES = [
    ("nn.Conv1d(2, 2, 3, stride=2, padding=2, groups=2)", (1, 2, 7)),
    ("nn.Conv2d(2, 3, (2, 3), stride=(3, 1), dilation=(1, 2))", (1, 2, 6, 6)),
    ("nn.Conv1d(2, 2, 2, stride=4)", (1, 2, 11)),
    ("nn.Conv2d(1, 1, 3, padding='same', padding_mode='circular')", (1, 1, 3, 4)),
    ("nn.Conv3d(1, 2, (1, 2, 3), padding=(0, 1, 1))", (1, 1, 2, 3, 3)),
    ("nn.ConvTranspose1d(2, 2, 3, stride=2, padding=1, output_padding=1)", (1, 2, 4)),
    ("nn.ConvTranspose2d(2, 4, (2, 3), stride=(3, 2), dilation=(2, 1), groups=2)", (1, 2, 2, 3)),
    ("nn.MaxPool1d(3, 2, 1, dilation=2, ceil_mode=True)", (1, 1, 9)),
    ("nn.MaxPool2d((2, 3), (3, 2), (1, 0), ceil_mode=True)", (1, 1, 5, 6)),
    ("nn.AvgPool2d((3, 2), 2, 1, ceil_mode=True, count_include_pad=False)", (1, 1, 5, 4)),
    ("nn.LPPool1d(2, 3, ceil_mode=True)", (1, 1, 7)),
    ("nn.AdaptiveAvgPool2d((3, 5))", (1, 1, 7, 4)),
    ("nn.AdaptiveMaxPool1d(4)", (1, 1, 9)),
    ("nn.PixelShuffle(2)", (1, 4, 2, 3)),
    ("nn.ChannelShuffle(2)", (1, 4, 2, 2)),
    ("nn.ReflectionPad2d((2, 1, 0, 1))", (1, 1, 3, 4)),
    ("Pad((-1, 2), 'constant')", (1, 1, 5)),
    ("Resize(size=(7,), mode='nearest')", (1, 1, 5)),
    ("Resize(scale=(1.7,), mode='nearest-exact')", (1, 1, 5)),
    ("Resize(size=(5,), mode='linear', align_corners=True)", (1, 1, 3)),
    ("Resize(size=(5,), mode='linear')", (1, 1, 3)),
    ("Resize(size=(3, 8), mode='bilinear', antialias=True)", (1, 1, 7, 4)),
    ("Resize(scale=(2.0, 1.5), mode='bicubic')", (1, 1, 4, 5)),
    ("Resize(size=(7, 3), mode='bicubic', align_corners=True)", (1, 1, 4, 9)),
    ("Resize(size=(4,), mode='area')", (1, 1, 6)),
    ("Unfold((2, 2), (2, 1), (1, 0), (1, 2))", (1, 1, 4, 5)),
    ("UnfoldFold((2, 3), (1, 2))", (1, 1, 4, 5)),
    ("Windows(2, 3, 2)", (1, 1, 8)),
    ("WriteSlice(2, 3, 1, 2, add=True)", (1, 2, 6)),
    ("Erase(2, 1, 2)", (1, 2, 5)),
    ("Interleave(2)", (1, 2, 3)),
    ("ThroughView(2)", (1, 2, 2, 3)),
    ("ScaleInto(2)", (1, 2, 4)),
    ("Scatter(2, (4, 0, 2))", (1, 2, 5)),
    ("Scatter(2, (4, 0, 2), add=True)", (1, 2, 5)),
    ("Choose(2)", (1, 1, 5)),
    ("Choose(2, fill=True)", (1, 1, 5)),
    ("Take(2, (3, 0, 3), 'gather')", (1, 2, 4)),
    ("Points((0, 2, 1), (3, 0, 0))", (1, 1, 3, 4)),
    ("GridSample((2, 3), 4)", (1, 1, 4, 5)),
    ("nn.GroupNorm(2, 4)", (1, 4, 5)),
    ("nn.InstanceNorm2d(2)", (1, 2, 3, 3)),
    ("nn.LayerNorm((2, 5))", (1, 2, 5)),
    ("ChannelsLast(nn.LayerNorm(3))", (1, 3, 5)),
    ("Excite(3, 'flat')", (1, 3, 4)),
    ("Strip((3,), 'std')", (1, 2, 3, 4)),
    ("SpatialGate()", (1, 3, 4)),
    ("Along(2, 'softmax')", (1, 2, 5)),
    ("Along(2, 'cumsum')", (1, 2, 5)),
    ("Along(2, 'fft')", (1, 1, 5)),
    ("Along(2, 'filter')", (1, 1, 5)),
    ("LinearAlong(2, 4, 3, 'einsum')", (1, 2, 4)),
    ("Recurrent('LSTM', 2, 3, bidirectional=True)", (1, 2, 4)),
    ("Recurrent('GRU', 2, 2)", (1, 2, 4)),
    ("Attention(2)", (1, 2, 5)),
    ("Attention(2, 2, 'hand')", (1, 2, 5)),
    ("WindowAttention(2, (2, 2), (1, 1), 'hand')", (1, 2, 4, 4)),
    ("WindowAttention(1, (2, 3))", (1, 1, 3, 4)),
    ("nn.Sequential(nn.Conv1d(2, 2, 3, padding=1), Attention(2, 1, mask='band'))", (1, 2, 8)),
    ("Residual(nn.Sequential(nn.Conv1d(1, 1, 2, 2), nn.ReLU(inplace=True)))", (1, 1, 6)),
    ("nn.LocalResponseNorm(2)", (1, 4, 3)),
]


@pytest.mark.parametrize(("code", "shape"), CASES, ids=[code for code, _ in CASES])
def test_the_gradient_finds_what_trying_finds(code: str, shape: tuple[int, ...]) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        module = make(code).eval()
    assert_agrees(module, [shape], trials=6)


# The second network is one whose masked attention leaves some positions out.
@pytest.mark.parametrize("how", ["fused", "hand", "module"])
def test_masked_attention_is_not_read_where_masked(how: str) -> None:
    module = make(f"Attention(2, 1, {how!r}, mask='causal')").eval()
    measured = oracle.measure(module, (1, 2, 5))
    tried = changed(module, [(1, 2, 5)]).reshape(2, 5, 2, 5).any(2)
    for position in range(5):
        reads = measured.support("", (0, slice(None), position)).any(1)[0]
        assert reads.tolist() == [i <= position for i in range(5)]
        assert tried[:, position].any(0).tolist() == reads.tolist()


@settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(networks(most=4))
def test_random_networks_read_no_more_than_the_oracle_says(plan: Plan) -> None:
    elements = sum(torch.Size(shape).numel() for shape in plan.inputs)
    assume(elements <= 60)
    assert_agrees(plan.build(), list(plan.inputs), trials=1, contained=True)


def assert_agrees(
    module: nn.Module, shapes: list[tuple[int, ...]], *, trials: int, contained: bool = False
) -> None:
    """Every element of the (first) output reads what trying says that it does."""
    measured = oracle.measure(module, tuple(shapes))
    parts = measured.shapes[""]
    part, shape = next(iter(parts.items()))
    for number in range(len(shapes)):
        tried = changed(module, shapes, number, trials=trials)
        for element in range(len(tried)):
            index = tuple(int(i) for i in torch.unravel_index(torch.tensor(element), shape))
            told = measured.support("", index, part=part, input=str(number)).flatten()
            found = tried[element]
            assert not (found & ~told).any(), f"{index} reads more: {found.nonzero()[:, 0]}"
            if not contained:
                assert torch.equal(found, told), f"{index}: tried {found}, told {told}"
    module.float()


def test_context_is_left_out_on_request_only() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, (3, 1)), make("Excite(4)"), nn.GroupNorm(2, 4))
    everywhere = ((0, 9), (0, 7))
    for layer in ("1", "2"):
        assert oracle.boxes(model, (1, 3, 9, 7), layer, (2, 3)) == everywhere
        assert oracle.boxes(model, (1, 3, 9, 7), layer, (2, 3), context=False) == ((2, 5), (3, 4))


def test_attention_is_no_context() -> None:
    model = make("Attention(3)")
    assert oracle.boxes(model, (1, 3, 9), "", (2,), context=False) == ((0, 9),)


def test_a_constant_channel_reads_nothing() -> None:
    def with_coordinates(x: Tensor) -> Tensor:
        return torch.cat([x, torch.arange(5.0).expand(1, 1, 5)], 1)

    measured = oracle.measure(with_coordinates, (1, 1, 5))
    assert measured.hull("", (0, 0, 3)) == ((3, 4),)
    assert measured.hull("", (0, 1, 3)) == ((0, 0),)


def test_supports_have_gaps() -> None:
    mask = oracle.support(nn.Conv1d(1, 1, 3, dilation=3), (1, 1, 12), lambda y: y[..., 2])
    assert mask.nonzero()[:, 2].tolist() == [2, 5, 8]


def test_deep_networks_neither_overflow_nor_vanish() -> None:
    model = nn.Sequential(*[nn.Conv1d(64, 64, 3, padding=1) for _ in range(400)])
    assert oracle.boxes(model, (1, 64, 1000), "399", (500,)) == ((100, 901),)


def test_the_model_is_left_as_found() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5))
    model[1].eval()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    seed = torch.random.get_rng_state()
    oracle.measure(model, (1, 2, 5))
    assert [module.training for module in model.modules()] == [True, True, False]
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), seed)


def test_an_operator_without_stand_in_is_an_error() -> None:
    def rare(x: Tensor) -> Any:
        return torch.linalg.qr(x)[0]

    with pytest.raises(oracle.OracleError, match="linalg_qr"):
        oracle.measure(rare, (1, 1, 3, 3))
