"""A network with an operator that fieldscope has no rule for."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Spectral(nn.Module):
    """Keeps the strongest parts of each map."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, kernel_size=3, padding=1)
        self.head = nn.Conv2d(4, 1, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        rows, strength, columns = torch.linalg.svd(self.stem(x), full_matrices=False)
        kept = rows[..., :8] @ (strength[..., :8, None] * columns[..., :8, :])
        y: Tensor = self.head(kept)
        return y
