"""A network that finds words in sound: windows on samples, wider and wider."""

from __future__ import annotations

from torch import Tensor, nn


class Block(nn.Module):
    """A dilated window, added to what came in."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, dilation=dilation, padding=dilation)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.norm(self.conv(x)).relu()
        return y


def build(width: int = 32, blocks: int = 4) -> nn.Module:
    """Build the network for sound of 16,000 samples a second."""
    return nn.Sequential(
        nn.Conv1d(1, width, kernel_size=400, stride=160, padding=200),
        *(Block(width, 2**level) for level in range(blocks)),
        nn.Conv1d(width, 12, kernel_size=1),
    )
