"""A network with two inputs: a left and a right picture."""

from __future__ import annotations

from torch import Tensor, nn


class Stereo(nn.Module):
    """Looks around in the left picture, and along the rows of the right one."""

    def __init__(self) -> None:
        super().__init__()
        self.around = nn.Conv2d(3, 16, kernel_size=5, padding=2)
        self.along = nn.Conv2d(3, 16, kernel_size=(1, 65), padding=(0, 32))
        self.depth = nn.Conv2d(16, 1, kernel_size=3, padding=1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        depth: Tensor = self.depth(self.around(left) * self.along(right))
        return depth
