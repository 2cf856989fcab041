"""Time what follows from an analysis beside the analysis itself, and the search for redesigns.

    python -m benchmarks.findings

Productivity is to take 0.2 s at most beyond its analysis, and refine 30 s for ResNet-50.
`--strict` exits with 1 where a target was missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from rich.console import Console

import fieldscope
from benchmarks import measures
from benchmarks.claims import Claim, at_most, judged, milliseconds, page, table
from fieldscope.frontends.targets import resolve

NETWORKS = (
    "torchvision:vgg16",
    "torchvision:resnet50",
    "torchvision:resnet152",
    "torchvision:densenet201",
    "torchvision:inception_v3",
    "torchvision:efficientnet_b7",
    "torchvision:regnet_y_128gf",
    "torchvision:swin_b",
    "torchvision:vit_h_14",
    "timm:nasnetalarge",
    "timm:hrnet_w64",
    "timm:tresnet_xl",
)
SECONDS_AT_MOST = 0.2
REFINE_SECONDS_AT_MOST = 30.0
# At 8 pixels its middle layers are unproductive, from 12 on none is.
EXTENTS = (8, 11, 32)
FINDINGS: dict[str, Callable[..., Any]] = {
    "productivity": fieldscope.productivity,
    "resolution": fieldscope.resolution,
    "alignment": fieldscope.alignment,
    "coverage": fieldscope.coverage,
    "growth": partial(fieldscope.growth, changes=False),
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    console = page()
    claims = [*findings(console, repeats=options.repeats), *redesigns(console)]
    return judged(claims, console, strict=options.strict)


def findings(console: Console, *, repeats: int) -> list[Claim]:
    """Compare each finding with the analysis that it is made of."""
    shown = table(
        "what follows from an analysis; productivity also over the analysis",
        *("network", "analysis", "ratio", *FINDINGS),
    )
    claims = []
    for name in NETWORKS:
        with console.status(name):
            target = resolve(name)
            report = fieldscope.analyze(target.model, target.inputs)
            analysis, *others = measures.interleaved(
                [
                    partial(fieldscope.analyze, target.model, target.inputs),
                    *(partial(_found, finding, report) for finding in FINDINGS.values()),
                ],
                repeats=repeats,
            )
        seconds = others[0].best
        claims.append(at_most(f"{name}, seconds of productivity", seconds, SECONDS_AT_MOST))
        shown.add_row(
            name.partition(":")[2],
            milliseconds(analysis.best),
            f"{others[0].over(analysis):.2f}",
            *(milliseconds(one.best) for one in others),
        )
    console.print(shown)
    return claims


def _found(finding: Callable[..., Any], report: fieldscope.Report) -> Any:
    try:
        return finding(report)
    except fieldscope.InputError:  # of networks that have no such thing, such as a last map
        return None


def redesigns(console: Console) -> list[Claim]:
    """Time the whole of refine on ResNet-50, verification included, beside its analysis."""
    model = resolve("torchvision:resnet50").model
    shown = table(
        "refine on torchvision's ResNet-50, in seconds",
        *("extent", "goal", "analysis", "refine", "target", "", "proposals"),
    )
    claims = []
    for extent in EXTENTS:
        shape = (1, 3, extent, extent)
        for goal in ("efficiency", "performance"):
            analysis = measures.seconds(partial(fieldscope.analyze, model, shape))
            found: list[fieldscope.Refinement] = []
            taken = measures.seconds(
                lambda shape=shape, goal=goal, found=found: found.append(  # type: ignore[misc]
                    fieldscope.refine(model, shape, goal=goal)
                )
            )
            claim = at_most(f"refine at {extent}, {goal}, seconds", taken, REFINE_SECONDS_AT_MOST)
            claims.append(claim)
            shown.add_row(
                str(extent),
                goal,
                f"{analysis:.3f}",
                f"{taken:.2f}",
                f"≤ {REFINE_SECONDS_AT_MOST:g}",
                claim.verdict,
                str(len(found[0].proposals)),
            )
    console.print(shown)
    return claims


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.findings", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="runs of each; the best counts")
    parser.add_argument(
        "--strict", action="store_true", help="exit with 1 where a target is missed"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
