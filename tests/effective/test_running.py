"""A measurement that is interrupted keeps what it has, and goes on from there."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import fieldscope
from fieldscope.errors import InputError
from fieldscope.measure import running
from fieldscope.measure.torch import effective, passes
from tests.effective.nets import line, photographs

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


def a_single_array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.ones(3))
    return file.getvalue()


def with_counts(counts: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, kind="fieldscope.effective-state/1", question="a=b", counts=counts, layers=[])
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"PK\x03\x04", b"no state at all", a_single_array(), a_single_array()[:-9],
        with_counts([1, 2]), with_counts(3),
    ],
)  # fmt: skip
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


def test_weights_that_are_shared_by_other_networks_dont_make_them_one_question(
    tmp_path: Path,
) -> None:
    def dilated(by: int) -> nn.Conv1d:
        conv = nn.Conv1d(1, 1, 3, dilation=by)
        for weight in conv.parameters():
            nn.init.ones_(weight)
        return conv

    state = tmp_path / "erf.npz"
    fieldscope.effective(dilated(1), IMAGES, state=state)
    with pytest.raises(InputError, match="structure is"):
        fieldscope.effective(dilated(2), IMAGES, state=state)


def test_photographs_at_another_size_are_another_question(tmp_path: Path) -> None:
    folder, state = photographs(tmp_path / "photos", (9, 9)), tmp_path / "erf.npz"
    conv = nn.Conv2d(3, 2, 3)
    fieldscope.effective(conv, folder, inputs=(1, 3, 8, 8), state=state)
    with pytest.raises(InputError, match=r"input is input \(3, 9, 9\)"):
        fieldscope.effective(conv, folder, inputs=(1, 3, 9, 9), state=state)


def test_other_batches_of_a_loader_are_another_question(tmp_path: Path) -> None:
    state = tmp_path / "erf.npz"
    fieldscope.effective(net(), IMAGES.split(2), state=state, inputs=(1, 1, 12))
    with pytest.raises(InputError, match="images is tuple"):
        fieldscope.effective(net(), (IMAGES + 1).split(2), state=state, inputs=(1, 1, 12))


def test_a_state_knows_images_in_brain_floats_again(tmp_path: Path) -> None:
    state = tmp_path / "erf.npz"
    for _ in range(2):
        erf = fieldscope.effective(net(), IMAGES.bfloat16(), state=state)
        assert erf.images == 9


def test_a_disk_that_is_full_at_the_end_doesnt_lose_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise InputError("cannot write erf.npz: No space left on device")

    monkeypatch.setattr(running, "save", full)
    erf = fieldscope.effective(net(), IMAGES, state=tmp_path / "erf.npz")
    assert erf.images == 9
    assert erf.remarks == (
        "the running mean is not kept: cannot write erf.npz: No space left on device",
    )


def test_where_no_state_can_be_written_is_told_before_anything_is_run(tmp_path: Path) -> None:
    batches = iter(IMAGES.split(2))
    with pytest.raises(InputError, match=r"cannot write state .*: there is no folder"):
        fieldscope.effective(net(), batches, inputs=(1, 1, 12), state=tmp_path / "no" / "erf.npz")
    assert len(list(batches)) == 5


def test_an_interrupt_between_two_layers_keeps_whole_images_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    state = tmp_path / "erf.npz"
    fieldscope.effective(net(), IMAGES, layer=["0.0", "1"], count=4, state=state)
    times = iter(range(99))

    def interrupted(*given: Any, **options: Any) -> Any:
        if next(times) == 1:
            raise KeyboardInterrupt
        return passes.gradient_of(*given, **options)

    monkeypatch.setattr(effective, "gradient_of", interrupted)
    found = fieldscope.effective(net(), IMAGES, layer=["0.0", "1"], state=state)
    assert [one.images for one in found.fields] == [4, 4]
    alone = fieldscope.effective(net(), IMAGES[:4], layer=["0.0", "1"])
    for name in found.names:
        assert np.allclose(found[name].values, alone[name].values)


def test_what_fails_later_doesnt_lose_what_was_measured_before(tmp_path: Path) -> None:
    state = tmp_path / "erf.npz"

    def batches() -> Iterator[torch.Tensor]:
        yield from IMAGES.split(2)[:3]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        fieldscope.effective(net(), batches(), inputs=(1, 1, 12), state=state)
    with np.load(state) as held:
        assert held["counts"].tolist() == [6, 0]
