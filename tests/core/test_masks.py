"""Masks of attention: what they hide, what they don't, and what isn't known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import fieldscope

STEPS = 12
CAUSAL = torch.ones(STEPS, STEPS).tril().bool()
PADDED = torch.arange(STEPS) < 8

Hide = Callable[[Tensor], Tensor]


def attention(weights: Hide) -> Callable[[Tensor], Tensor]:
    """Attention of steps to steps, [n c x], whose weights a function makes of the scores."""

    def forward(x: Tensor) -> Tensor:
        tokens = x.transpose(1, 2)
        return (weights(tokens @ tokens.transpose(1, 2)) @ tokens).transpose(1, 2)

    return forward


def read(model: Callable[[Tensor], Tensor], position: int) -> tuple[int, int, bool]:
    output = fieldscope.analyze(model, (1, 4, STEPS)).output
    (box,) = output.box((position,))
    return box.start, box.stop, output.exact


def softmax_by_hand(scores: Tensor) -> Tensor:
    weights = (scores - scores.amax(-1, keepdim=True)).exp()
    return weights / weights.sum(-1, keepdim=True)


HIDING: dict[str, Hide] = {
    "minus infinity": lambda s: s.masked_fill(~CAUSAL, float("-inf")).softmax(-1),
    "a large negative number": lambda s: s.masked_fill(~CAUSAL, -1e9).softmax(-1),
    "the smallest number of the type": lambda s: s.masked_fill(
        ~CAUSAL, torch.finfo(s.dtype).min
    ).softmax(-1),
    "added": lambda s: (s + torch.zeros(STEPS, STEPS).masked_fill(~CAUSAL, -1e9)).softmax(-1),
    "chosen": lambda s: torch.where(CAUSAL, s, float("-inf")).softmax(-1),
    "scaled afterwards": lambda s: (s.masked_fill(~CAUSAL, float("-inf")) / 2).softmax(-1),
    "zero behind the softmax": lambda s: s.softmax(-1).tril(),
    "a softmax by hand": lambda s: softmax_by_hand(s.masked_fill(~CAUSAL, float("-inf"))),
}


@pytest.mark.parametrize("name", HIDING)
def test_a_causal_mask_hides_the_steps_behind(name: str) -> None:
    if name == "zero behind the softmax":  # the softmax itself has read every score
        assert read(attention(HIDING[name]), 3) == (0, STEPS, True)
    else:
        assert read(attention(HIDING[name]), 3) == (0, 4, True)


@pytest.mark.parametrize(
    "weights",
    [
        lambda s: s.masked_fill(~CAUSAL, float("-inf")).softmax(-1) + 1e-3,
        lambda s: s.tril().exp(),
        lambda s: torch.tanh(s.masked_fill(~CAUSAL, float("-inf"))).softmax(-1),
        lambda s: 1 - s.masked_fill(~CAUSAL, float("-inf")).softmax(-1),
        lambda s: s.masked_fill(~CAUSAL, float("-inf")).topk(STEPS, -1)[0].clamp(min=-9),
    ],
    ids=["plus a constant", "exp of zero", "tanh of minus infinity", "one minus", "sorted"],
)
def test_what_makes_something_of_the_masks_constant_lets_all_steps_through(weights: Hide) -> None:
    start, stop, _ = read(attention(weights), 3)
    assert (start, stop) == (0, STEPS)


def test_a_mask_that_hides_keys_from_every_row_hides_their_values() -> None:
    hide = attention(lambda s: s.masked_fill(~PADDED, float("-inf")).softmax(-1))
    assert read(hide, 3) == (0, 8, True)


def test_a_row_that_a_finite_mask_hides_altogether_reads_every_value() -> None:
    both = PADDED[:, None] & PADDED[None]
    assert read(attention(lambda s: s.masked_fill(~both, -1e9).softmax(-1)), 9) == (0, 12, True)
    assert read(attention(lambda s: s.masked_fill(~both, -1e9).softmax(-1)), 3) == (0, 8, True)


def test_a_small_negative_number_hides_nothing() -> None:
    assert read(attention(lambda s: s.masked_fill(~CAUSAL, -100.0).softmax(-1)), 3) == (0, 12, True)


@pytest.mark.parametrize("weights", [False, True])
def test_multi_head_attention_with_a_causal_mask(weights: bool) -> None:
    attend = nn.MultiheadAttention(4, 2, batch_first=True)
    mask = nn.Transformer.generate_square_subsequent_mask(STEPS)

    def forward(x: Tensor) -> Tensor:
        h = x.transpose(1, 2)
        result: Tensor = attend(h, h, h, attn_mask=mask, need_weights=weights)[0]
        return result.transpose(1, 2)

    assert read(forward, 3) == (0, 4, True)


@pytest.mark.parametrize("example", [False, True])
@pytest.mark.parametrize("mask", ["causal", "table", "keys", "none"])
def test_fused_attention_with_each_kind_of_mask(mask: str, example: bool) -> None:
    chosen = {"causal": None, "table": CAUSAL, "keys": PADDED[None, None, None], "none": None}

    def forward(x: Tensor) -> Tensor:
        h = x.transpose(1, 2)[:, None]
        y = functional.scaled_dot_product_attention(
            h, h, h, attn_mask=chosen[mask], is_causal=mask == "causal"
        )
        return y[:, 0].transpose(1, 2)

    given = {"example": torch.randn(1, 4, STEPS)} if example else {"inputs": (1, 4, STEPS)}
    output = fieldscope.analyze(forward, **given).output
    stop = {"causal": 4, "table": 4, "keys": 8, "none": STEPS}[mask]
    assert output.exact
    assert output.box((3,)) == (slice(0, stop),)


def test_a_mask_per_window_is_a_bound_and_strict_lists_it() -> None:
    windows = torch.stack([CAUSAL[:6, :6], CAUSAL[:6, :6].T])

    def forward(x: Tensor) -> Tensor:
        h = x.transpose(1, 2).reshape(2, 6, 4)
        scores = (h @ h.transpose(1, 2)).masked_fill(~windows, float("-inf"))
        return (scores.softmax(-1) @ h).reshape(1, STEPS, 4).transpose(1, 2)

    report = fieldscope.analyze(forward, (1, 4, STEPS))
    assert not report.output.exact
    assert [bound.reason for bound in report.bounds] == [
        "its mask differs along more than one axis"
    ]
    with pytest.raises(fieldscope.BoundError, match="differs along more than one axis"):
        fieldscope.analyze(forward, (1, 4, STEPS), strict=True)
