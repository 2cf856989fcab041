"""The picture of a run's curve."""

from __future__ import annotations

import pytest

from fieldscope.lab.curves import Epoch
from fieldscope.lab.pictures.curves import curves_picture


@pytest.mark.parametrize("losses", [(2.0, 1.9), (0.0, 0.0), (2.0,)])
def test_the_best_epoch_of_the_highest_loss_is_not_cut_off(losses: tuple[float, ...]) -> None:
    curve = [Epoch(at, 1.95, 0.5, loss, 0.5, 0.001, 1.0) for at, loss in enumerate(losses, start=1)]
    loss, accuracy = curves_picture(curve, title="run").axes
    low, high = loss.get_ylim()
    assert low == 0
    assert high > 1.05 * max(1.95, *losses)
    assert accuracy.get_ylim() == (0, 1.02)


def test_a_curve_without_epochs_or_of_no_loss_has_a_picture_all_the_same() -> None:
    for curve in ([], [Epoch(1, 0.0, 1.0, 0.0, 1.0, 0.001, 1.0)]):
        assert curves_picture(curve, title="run").axes[0].get_ylim()[1] > 0
