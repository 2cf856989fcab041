"""Time the analysis against a bare forward pass and against the peers.

    python -m benchmarks.speed

Everything is a ratio measured side by side in one run; targets are printed
beside what was reached. `--strict` exits with 1 where one was missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import measures, peers
from benchmarks.claims import Claim, at_most, judged, milliseconds, page, table
from benchmarks.networks import NETWORKS
from benchmarks.workers import Limits, outcomes

META_RATIO_AT_MOST = 1.5
PEER_RATIO_AT_MOST = 1.0
MEMORY_AT_MOST = 150e6
IMPORT_SECONDS_AT_MOST = 0.1
CHAIN_LENGTHS = (50, 100, 200, 400, 800)
# Time per operator of the longest chain over that of the shortest; 16 where
# cost grew with the square.
CHAIN_GROWTH_AT_MOST = 1.5
_GRADIENT_REPEATS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    console = page()
    sections: dict[str, Callable[[], list[Claim]]] = {
        "forward": lambda: time_networks(console, repeats=options.repeats),
        "rfa": lambda: time_rfa_toolbox(console, options.rfa_toolbox),
        "chain": lambda: cost_of_chains(console, repeats=options.repeats),
        "memory": lambda: memory(console),
        "import": lambda: import_time(console, repeats=options.repeats),
    }
    claims = [
        claim for name, section in sections.items() if name in options.only for claim in section()
    ]
    return judged(claims, console, strict=options.strict)


def time_networks(console: Console, *, repeats: int) -> list[Claim]:
    """Compare with a bare forward pass on meta, and with the gradient method."""
    shown = table(
        "analysis of every layer, over a bare forward pass and over the gradient of one position",
        *("network", "forward", "analysis", "ratio", "in pairs", "target", ""),
        *("gradient", "ratio", "target", ""),
    )
    claims: list[Claim] = []
    for network in NETWORKS:
        with console.status(network.name):
            model = network.build().eval()
            analysis = measures.analysis(model, network.shape)
            # Shapes need no threads: what other programs do would only show.
            with measures.threads(1):
                bare, ours = measures.interleaved(
                    [measures.meta_forward(network), analysis], repeats=repeats
                )
            gradient, beside = measures.interleaved(
                [measures.gradient_method(network, model), analysis], repeats=_GRADIENT_REPEATS
            )
        ratio = ours.over(bare)
        over_gradient = beside.over(gradient)
        claims += [
            at_most(f"{network.name}, analysis over meta forward", ratio, META_RATIO_AT_MOST),
            at_most(
                f"{network.name}, analysis over gradient method",
                over_gradient,
                PEER_RATIO_AT_MOST,
            ),
        ]
        shown.add_row(
            network.name,
            milliseconds(bare.best),
            milliseconds(ours.best),
            f"{ratio:.2f}",
            f"{ours.pairwise_over(bare):.2f}",
            f"≤ {META_RATIO_AT_MOST}",
            claims[-2].verdict,
            milliseconds(gradient.best),
            f"{over_gradient:.2f}",
            f"≤ {PEER_RATIO_AT_MOST}",
            claims[-1].verdict,
        )
    console.print(shown)
    return claims


def time_rfa_toolbox(console: Console, folder: Path | None) -> list[Claim]:
    """Compare with rfa-toolbox where that can be installed."""
    shown = table(
        f"analysis over rfa-toolbox {peers.VERSION}",
        *("network", "rfa-toolbox", "analysis", "ratio", "target", ""),
    )
    claims: list[Claim] = []
    with tempfile.TemporaryDirectory() as temporary, console.status("rfa-toolbox"):
        if folder is None:
            reason = peers.install(Path(temporary))
            if reason:
                console.print(f"rfa-toolbox skipped: {reason}", markup=False, highlight=False)
                return []
        tasks = [(network.name, str(folder or temporary)) for network in NETWORKS]
        for outcome in outcomes(peers.compare, tasks, jobs=1, limits=Limits(seconds=120)):
            name = outcome.task[0]
            if outcome.status != "ok":
                reason = str(outcome.value).partition(" [")[0]
                shown.add_row(name, f"{outcome.status}: {reason[:60]}", "", "", "", "")
                continue
            theirs, ours = outcome.value
            claims.append(
                at_most(f"{name}, analysis over rfa-toolbox", ours / theirs, PEER_RATIO_AT_MOST)
            )
            shown.add_row(
                name,
                milliseconds(theirs),
                milliseconds(ours),
                f"{ours / theirs:.3f}",
                f"≤ {PEER_RATIO_AT_MOST}",
                claims[-1].verdict,
            )
    console.print(shown)
    return claims


def cost_of_chains(console: Console, *, repeats: int) -> list[Claim]:
    """Check that cost is linear in the number of operators."""
    with console.status("chains"), measures.threads(1):
        costs = measures.chain_costs(CHAIN_LENGTHS, repeats=repeats)
    shown = table(
        "chains of convolutions",
        *("length", "operators", "operators per convolution", "analysis", "per convolution"),
    )
    for cost in costs:
        shown.add_row(
            str(cost.length),
            str(cost.operators),
            f"{cost.operators / cost.length:g}",
            milliseconds(cost.seconds),
            f"{1e6 * cost.seconds / cost.length:.0f} µs",
        )
    console.print(shown)
    first, last = costs[0], costs[-1]
    claims = [
        at_most(
            "operators per convolution, longest chain over shortest",
            (last.operators / last.length) / (first.operators / first.length),
            1.0,
        ),
        at_most(
            "time per convolution, longest chain over shortest",
            (last.seconds / last.length) / (first.seconds / first.length),
            CHAIN_GROWTH_AT_MOST,
        ),
    ]
    for claim in claims:
        console.print(f"{claim.what}: {claim.shown} {claim.verdict}", highlight=False)
    return claims


def memory(console: Console) -> list[Claim]:
    """Compare the peak of an analysis with that of `import torch`."""
    with console.status("memory"):
        peaks = measures.peaks()
    over = peaks.analyze_resnet152 - peaks.import_torch
    claim = Claim(
        "peak memory of resnet152 over import torch",
        over,
        MEMORY_AT_MOST,
        f"{over / 1e6:.0f} MB, target ≤ {MEMORY_AT_MOST / 1e6:.0f} MB",
    )
    shown = table("peak memory", "process", "MB", "over import torch", "target", "")
    shown.add_row("import torch", f"{peaks.import_torch / 1e6:.0f}", "", "", "")
    shown.add_row(
        "import torchvision",
        f"{peaks.import_torchvision / 1e6:.0f}",
        f"{(peaks.import_torchvision - peaks.import_torch) / 1e6:.0f}",
        "",
        "",
    )
    shown.add_row(
        "analysis of torchvision:resnet152",
        f"{peaks.analyze_resnet152 / 1e6:.0f}",
        f"{over / 1e6:.0f}",
        f"≤ {MEMORY_AT_MOST / 1e6:.0f}",
        claim.verdict,
    )
    console.print(shown)
    return [claim]


def import_time(console: Console, *, repeats: int) -> list[Claim]:
    """Compare `import fieldscope` with an empty program."""
    with console.status("import"):
        ours, empty = measures.import_times(repeats=repeats)
        loaded = measures.frameworks_loaded()
    over = ours.best - empty.best
    claim = Claim(
        "import fieldscope over an empty program",
        over,
        IMPORT_SECONDS_AT_MOST,
        f"{over:.3f} s, target ≤ {IMPORT_SECONDS_AT_MOST} s",
    )
    shown = table("import fieldscope", "program", "time", "over empty", "target", "")
    shown.add_row("empty", milliseconds(empty.best), "", "", "")
    shown.add_row(
        "import fieldscope",
        milliseconds(ours.best),
        milliseconds(over),
        f"≤ {IMPORT_SECONDS_AT_MOST} s",
        claim.verdict,
    )
    console.print(shown)
    console.print(f"frameworks it loads: {loaded or 'none'}", highlight=False)
    return [claim, at_most("frameworks loaded by import fieldscope", len(loaded.split()), 0)]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=(__doc__ or "").partition("\n")[0]
    )
    sections = ("forward", "rfa", "chain", "memory", "import")
    add = parser.add_argument
    add("--repeats", metavar="N", type=int, default=7, help="runs of each (default 7)")
    add("--only", nargs="+", choices=sections, default=sections, help="some sections only")
    add("--strict", action="store_true", help="exit with 1 where a target is missed")
    add("--rfa-toolbox", metavar="DIR", type=Path, help="where rfa-toolbox is installed already")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
