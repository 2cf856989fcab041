"""Time the effective field beside the bare forward and backward passes that it needs.

    python -m benchmarks.effective

Both take the same images in the same batches, in turns. `--strict` exits with 1 where a target
was missed.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from functools import partial

import torch
from rich.console import Console
from torch import nn

import fieldscope
from benchmarks import measures
from benchmarks.claims import Claim, at_most, judged, milliseconds, page, table
from benchmarks.networks import NETWORKS, VGG16, Network
from fieldscope.measure.torch.images import NOISE

RATIO_AT_MOST = 1.2
IMAGES, BATCH = NOISE, 8


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    console = page()
    return judged(ratios(console, repeats=options.repeats), console, strict=options.strict)


def ratios(console: Console, *, repeats: int) -> list[Claim]:
    """Compare the measurement, its analysis included, with the passes alone."""
    shown = table(
        f"effective field of the last map's centre over {IMAGES} images in batches of {BATCH}",
        *("network", "bare passes", "effective", "ratio", "target", ""),
    )
    claims: list[Claim] = []
    for network in (VGG16, *NETWORKS):
        if len(network.shape) != 4:
            continue
        with console.status(network.name):
            model = network.build().eval()
            images = torch.randn(
                (IMAGES, *network.shape[1:]), generator=torch.Generator().manual_seed(0)
            )
            bare, whole = measures.interleaved(
                [
                    partial(passes, model, images, network.feature),
                    partial(_effective, model, images, network),
                ],
                repeats=repeats,
            )
        ratio = whole.over(bare)
        claims.append(at_most(f"{network.name}, effective over bare passes", ratio, RATIO_AT_MOST))
        shown.add_row(
            network.name,
            milliseconds(bare.best),
            milliseconds(whole.best),
            f"{ratio:.2f}",
            f"≤ {RATIO_AT_MOST:g}",
            claims[-1].verdict,
        )
    console.print(shown)
    return claims


class _Reached(BaseException):
    """The layer has been run: nothing behind it is needed."""


def passes(model: nn.Module, images: torch.Tensor, layer: str) -> torch.Tensor:
    """The sum of a position's gradients, as a script would take them."""
    held: list[torch.Tensor] = []

    def hook(_module: nn.Module, _args: object, output: torch.Tensor) -> None:
        held.append(output)
        raise _Reached

    total = torch.zeros(images.shape[2:])
    frozen = [weight for weight in model.parameters() if weight.requires_grad]
    for weight in frozen:
        weight.requires_grad_(False)
    handle = model.get_submodule(layer).register_forward_hook(hook)
    try:
        for batch in images.split(BATCH):
            leaf = batch.clone().requires_grad_()
            held.clear()
            with contextlib.suppress(_Reached):
                model(leaf)
            (output,) = held
            chosen = output
            for extent in output.shape[2:]:
                chosen = chosen[:, :, extent // 2]
            (gradient,) = torch.autograd.grad(chosen.sum(), leaf)
            total += gradient.abs().sum(dim=(0, 1))
    finally:
        handle.remove()
        for weight in frozen:
            weight.requires_grad_(True)
    return total


def _effective(
    model: nn.Module, images: torch.Tensor, network: Network
) -> fieldscope.EffectiveField:
    return fieldscope.effective(model, images, layer=network.feature, batch_size=BATCH)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.effective")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each, of which the best")
    parser.add_argument("--strict", action="store_true", help="exit with 1 on a missed target")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
