"""Time the exact support of a position beside a real forward pass and beside autograd.

    python -m benchmarks.supports

Everything is a ratio measured side by side in one run; targets are printed
beside what was reached. `--strict` exits with 1 where one was missed.
"""

from __future__ import annotations

import argparse
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import torch
from rich.console import Console
from torch import nn

import fieldscope
from benchmarks import measures
from benchmarks.claims import Claim, at_most, judged, milliseconds, page, table
from benchmarks.networks import NETWORKS, VGG16, Network, UNet

FORWARD_RATIO_AT_MOST = 1.0
# The networks that this is claimed of; the others are shown beside them.
CLAIMED = ("vgg16", "resnet50")
# Of the bytes of a mask with one element per element of the largest map, channels left out.
MEMORY_RATIO_AT_MOST = 4.0
EXTENT = 128


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    console = page()
    claims = [*time_networks(console, repeats=options.repeats), *memory(console)]
    return judged(claims, console, strict=options.strict)


def time_networks(console: Console, *, repeats: int) -> list[Claim]:
    """Compare with a real forward pass, and with the gradient of the same position.

    "With analysis" is what one position costs that is asked for once; each further one
    costs the support alone.
    """
    shown = table(
        "support of the last map's centre, over a real forward pass and over its gradient",
        *("network", "forward", "with analysis", "ratio", "target", ""),
        *("support", "gradient", "ratio"),
    )
    claims: list[Claim] = []
    for network in (VGG16, *NETWORKS):
        with console.status(network.name):
            model = network.build().eval()
            report = fieldscope.analyze(model, network.shape)
            forward, whole, alone, gradient = measures.interleaved(
                [
                    _forward(network, model),
                    partial(_support, model, network.shape, layer=network.feature),
                    partial(_support, report, layer=network.feature),
                    measures.gradient_method(network, model),
                ],
                repeats=repeats,
            )
        ratio = whole.over(forward)
        claim = at_most(f"{network.name}, support over forward", ratio, FORWARD_RATIO_AT_MOST)
        claimed = network.name in CLAIMED
        claims += [claim] * claimed
        shown.add_row(
            network.name,
            milliseconds(forward.best),
            milliseconds(whole.best),
            f"{ratio:.2f}",
            f"≤ {FORWARD_RATIO_AT_MOST:g}" if claimed else "",
            claim.verdict if claimed else "",
            milliseconds(alone.best),
            milliseconds(gradient.best),
            f"{alone.over(gradient):.3f}",
        )
    console.print(shown)
    return claims


def memory(console: Console) -> list[Claim]:
    """Compare the peak of finding a support with a mask of the volume, at 128³."""
    shape = (1, 1, EXTENT, EXTENT, EXTENT)
    shown = table(
        f"memory at {EXTENT}³, over a mask of one map",
        *("network", "size", "density", "peak", "masks", "target", ""),
    )
    claims = []
    for name, model in VOLUMES.items():
        report = fieldscope.analyze(model(), shape)
        found, peak = _peak(partial(_support, report))
        masks = peak / prod(shape)
        claims.append(at_most(f"{name}, peak in masks", masks, MEMORY_RATIO_AT_MOST))
        shown.add_row(
            name,
            "×".join(map(str, found.size)),
            f"{found.density:.2f}",
            f"{peak / 1e6:.1f} MB",
            f"{masks:.2f}",
            f"≤ {MEMORY_RATIO_AT_MOST:g}",
            claims[-1].verdict,
        )
    console.print(shown)
    return claims


def _dilated() -> nn.Module:
    return nn.Sequential(*(nn.Conv3d(1, 1, 3, padding=5, dilation=5) for _ in range(12)))


class Branches(nn.Module):
    """Windows along one axis each, added up: a union that is no product of axes."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [
                nn.Conv3d(1, 1, (3, 1, 1), padding=(7, 0, 0), dilation=7),
                nn.Conv3d(1, 1, (1, 3, 1), padding=(0, 7, 0), dilation=7),
                nn.Conv3d(1, 1, (1, 1, 3), padding=(0, 0, 7), dilation=7),
            ]
        )
        self.window = nn.Conv3d(1, 1, 2, dilation=3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(3):
            one, two, three = (branch(x) for branch in self.branches)
            x = self.window(one + two + three)
        return x


VOLUMES: dict[str, Callable[[], nn.Module]] = {
    "unet_3d": lambda: UNet(3, channels=4),
    "dilated chain": _dilated,
    "branches": Branches,
}


def _support(
    model: nn.Module | fieldscope.Report, shape: Any = None, *, layer: str | None = None
) -> fieldscope.SupportMask:
    """Find a support, and its hull."""
    found = fieldscope.support(model, shape, layer=layer)
    _ = found.hull
    return found


def _forward(network: Network, model: nn.Module) -> measures.Call:
    image = torch.randn(network.shape)

    def forward() -> Any:
        with torch.no_grad():
            return model(image)

    return forward


def _peak(call: Callable[[], fieldscope.SupportMask]) -> tuple[fieldscope.SupportMask, int]:
    """What a call gives, and the most memory that it had from Python and NumPy."""
    call()
    tracemalloc.start()
    try:
        found = call()
        return found, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.supports", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--repeats", metavar="N", type=int, default=5, help="runs (default 5)")
    parser.add_argument("--strict", action="store_true", help="exit with 1 for a missed target")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
