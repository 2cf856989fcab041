"""The oracle for narrowest fields is judged by trying every choice of branches."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.oracle.branches import every_choice, narrowest


class Twice(nn.Module):
    """Two windows of different length side by side, and one behind; then a shortcut around it."""

    def __init__(self, *, join: str) -> None:
        super().__init__()
        self.join = join
        self.stem = nn.Conv2d(1, 2, (3, 1), (2, 1), padding=(1, 0))
        self.tall, self.wide = (
            nn.Conv2d(2, 2, (5, 1), padding=(2, 0)),
            nn.Conv2d(2, 2, (1, 7), padding=(0, 3)),
        )
        self.after = nn.Conv2d(4 if join == "cat" else 2, 2, 3, padding=1)
        self.last = nn.Conv2d(2, 1, (3, 1), padding=(1, 0))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        one, other = self.tall(x), self.wide(x)
        y = self.after(torch.cat([one, other], 1) if self.join == "cat" else one + other)
        y += x
        z: Tensor = self.last(y)
        return z


@pytest.mark.parametrize("join", ["cat", "add"])
@pytest.mark.parametrize(
    ("axis", "sizes"),
    [
        # The wide branch is the narrow one along y: 3, 3 + 2·2 = 7 behind it; around all of it 3.
        (0, {"stem": 3, "tall": 11, "wide": 3, "after": 7, "last": 7}),
        # Along x the tall one is: 1, then 3; around it 1.
        (1, {"stem": 1, "tall": 1, "wide": 7, "after": 3, "last": 1}),
    ],
)
def test_the_smallest_of_all_choices_is_found(join: str, axis: int, sizes: dict[str, int]) -> None:
    model = Twice(join=join).eval()
    shape = (1, 1, 40, 20)
    measured = narrowest(model, shape, axis)
    choices = list(every_choice(model, shape))
    assert len(choices) == 4
    for layer, size in sizes.items():
        found = []
        for one in [measured, *choices]:
            extents = one.shapes[layer][""][2:]
            index = (0, slice(None), *(extent // 2 for extent in extents))
            low, high = one.hull(layer, index)[axis]
            found.append(high - low)
        assert found[0] == min(found[1:]) == size, layer


def test_deleting_a_branch_of_one_join_leaves_it_to_the_others() -> None:
    class Reused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.wider = nn.Conv1d(1, 1, 5), nn.Conv1d(1, 1, 9)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            one, other = self.wide(x), self.wider(x)
            return one[..., 2:-2] + other, torch.cat([other, other[..., :]], 1)

    measured = narrowest(Reused(), (1, 1, 40), 0)
    ((low, high),) = measured.hull("", (0, slice(None), 10), part="[0]")
    assert high - low == 5
    ((low, high),) = measured.hull("", (0, slice(None), 10), part="[1]")
    assert high - low == 9
