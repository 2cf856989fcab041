"""Proposals for models that call other modules in training than in eval mode."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import fieldscope


class Auxiliary(nn.Module):
    """A second head that runs in training only."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.near = nn.Conv2d(3, 4, 5, padding=2), nn.Conv2d(4, 4, 5, padding=2)
        self.far, self.last = nn.Conv2d(4, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.head, self.aux = nn.Linear(8, 2), nn.Sequential(nn.Linear(8, 2))

    def forward(self, x: torch.Tensor) -> Any:
        x = self.far(self.near(self.stem(x)))
        out = self.head(self.last(x).mean((2, 3)))
        return (out, self.aux(x.mean((2, 3)))) if self.training else out


def test_a_proposal_that_runs_in_eval_mode_only_is_told() -> None:
    found = fieldscope.refine(Auxiliary(), (1, 3, 8, 8))
    cut = [one for one in found.proposals if one.words[0].startswith("far and last: taken out")]
    assert 0 < len(cut) < len(found.proposals)
    for one in found.proposals:
        made, x = one.apply().train(), torch.rand(2, 3, 8, 8)
        if one in cut:
            (remark,) = one.remarks
            assert remark.startswith("fails in training mode, which calls aux, too: RuntimeError")
            with pytest.raises(RuntimeError, match="mat1 and mat2"):
                made(x)
        else:
            assert not one.remarks
            made(x)
