"""A measurement that is interrupted keeps what it has, and goes on from there."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import fieldscope
from fieldscope.errors import InputError
from fieldscope.measure import running
from tests.effective.nets import line

IMAGES = torch.randn(9, 1, 12, generator=torch.Generator().manual_seed(1))


def net() -> nn.Sequential:
    return nn.Sequential(line([1.0, 2.0, -1.0], [1.0, 1.0]), nn.Tanh())


class Stopped:
    """Batches before the last of which somebody presses Ctrl-C."""

    def __init__(self, after: int) -> None:
        self.after = after

    def __iter__(self) -> Iterator[torch.Tensor]:
        for number, batch in enumerate(IMAGES.split(2)):
            if number == self.after:
                os.kill(os.getpid(), signal.SIGINT)
            yield batch


def test_an_interrupt_keeps_the_mean_of_what_was_seen() -> None:
    erf = fieldscope.effective(net(), Stopped(3), inputs=(1, 1, 12), count=9)
    assert (erf.images, erf.remarks) == (6, ("stopped after 6 of 9 images",))
    assert np.allclose(erf.values, fieldscope.effective(net(), IMAGES[:6]).values)


def test_an_interrupt_before_anything_was_seen_ends_it() -> None:
    with pytest.raises(KeyboardInterrupt):
        fieldscope.effective(net(), Stopped(0), inputs=(1, 1, 12))


def test_a_state_is_gone_on_with_and_gives_the_same_mean(tmp_path: Path) -> None:
    state = tmp_path / "erf.npz"
    first = fieldscope.effective(net(), IMAGES, count=4, batch_size=3, state=state)
    assert first.images == 4
    seen: list[int] = []
    rest = fieldscope.effective(
        net(), IMAGES, batch_size=2, state=state, told=lambda _, done, __: seen.append(done)
    )
    assert seen[0] == 4
    assert rest.images == 9
    assert np.allclose(rest.values, fieldscope.effective(net(), IMAGES).values, rtol=1e-6)
    again = fieldscope.effective(net(), IMAGES, state=state)
    assert np.array_equal(again.values, rest.values)


def test_an_interrupted_pass_leaves_a_state_that_is_gone_on_with(tmp_path: Path) -> None:
    state = tmp_path / "erf.npz"
    part = fieldscope.effective(net(), Stopped(2), inputs=(1, 1, 12), state=state)
    assert part.images == 4
    rest = fieldscope.effective(net(), Stopped(99), inputs=(1, 1, 12), state=state)
    assert rest.images == 9
    assert np.allclose(rest.values, fieldscope.effective(net(), IMAGES).values, rtol=1e-6)


def test_a_state_of_another_question_is_refused_and_kept(tmp_path: Path) -> None:
    state = tmp_path / "erf.npz"
    fieldscope.effective(net(), IMAGES, state=state)
    before = state.read_bytes()
    for options in (
        {"seed": 5},
        {"contribution": "squared"},
        {"layer": "0"},
        {"position": (1,)},
    ):
        with pytest.raises(InputError, match="holds the mean of something else"):
            fieldscope.effective(net(), IMAGES, state=state, **options)
    with pytest.raises(InputError, match="images is"):
        fieldscope.effective(net(), IMAGES + 1, state=state)
    other = nn.Sequential(line([1.0, 2.0, -1.5], [1.0, 1.0]), nn.Tanh())
    with pytest.raises(InputError, match="weights is"):
        fieldscope.effective(other, IMAGES, state=state)
    assert state.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no state at all"])
def test_a_file_that_is_no_state_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    state = tmp_path / "erf.npz"
    state.write_bytes(content)
    with pytest.raises(InputError, match="holds no running mean"):
        fieldscope.effective(net(), IMAGES, state=state)
    assert state.read_bytes() == content


def test_a_state_with_pickled_objects_is_not_opened(tmp_path: Path) -> None:
    state = tmp_path / "erf.npz"
    np.savez(state, kind=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="holds no running mean"):
        running.load(state, {})


def test_what_was_left_out_counts_as_seen(tmp_path: Path) -> None:
    state = tmp_path / "erf.npz"
    images = IMAGES.clone()
    images[1] = torch.nan
    fieldscope.effective(net(), images, count=3, state=state)
    rest = fieldscope.effective(net(), images, state=state)
    assert (rest.images, rest.remarks[0][:17]) == (8, "1 images left out")
    assert np.allclose(rest.values, fieldscope.effective(net(), images).values, rtol=1e-6)
