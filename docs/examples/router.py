"""A network whose forward looks at values: bright pictures take another way."""

from __future__ import annotations

from torch import Tensor, nn


class Router(nn.Module):
    """Looks near in the light and far in the dark."""

    def __init__(self) -> None:
        super().__init__()
        self.near = nn.Conv2d(3, 8, kernel_size=3)
        self.far = nn.Conv2d(3, 8, kernel_size=9)

    def forward(self, image: Tensor) -> Tensor:
        y: Tensor = self.near(image) if image.mean() > 0.5 else self.far(image)
        return y
