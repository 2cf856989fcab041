"""The page docs/rfa-toolbox.md, made from what both tools say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from benchmarks.rfa_answers import Both, Compared, Pair, Verdicts

_HEAD = """\
# Beside rfa-toolbox

Made by `python -m benchmarks.rfa` with {versions}. All rows: [rfa-toolbox.csv](rfa-toolbox.csv).

[rfa-toolbox](https://github.com/MLRichter/receptive_field_analysis_toolbox) is the tool of those
who proposed receptive-field analysis. Both were given the same networks of torchvision at
224 × 224; its smallest and largest field over all paths (`receptive_field_min`,
`receptive_field_max`) are held against fieldscope's `narrowest` and `size`, along both axes, for
every module that both name. (EfficientNet-B0 with its filter `"inf"`, which leaves
squeeze-and-excitation aside.) Where they differ, a gradient judged: see
[decision 0011](decisions/0011-receptive-field-analysis.md).

## Fields

Of **{layers:,}** modules, {windows:,} of them with a window of more than one element,
**{minimal:,}** have the same smallest field and **{maximal:,}** the same largest.

"""

_KINDS = {
    "adaptive pooling": "adaptive pooling that leaves the map as large as it is: the tool takes "
    "every adaptive pooling for a global one",
    "behind it": "behind such a pooling",
    "unexplained": "not explained",
}

_RANGES = """
## Feasible resolutions

The tool's range starts where no layer is *critical* any more (each smallest field fits into the
input), or where each kernel, times the stride behind its layer, does, whichever is more. Called as
in its documentation (infinite fields count), it takes the fields that enter layers instead of their
own. With `lower_bound=True` it starts where no layer is *unproductive*, or at the rule about
kernels. fieldscope's `uncritical` and `smallest` are the first and the last of these without the
rule about kernels, which is about padding and not about fields. The upper end is the same.

"""

_VERDICTS = """
## Verdicts

Layers with a window that can add no context: *unproductive* in fieldscope, a *border layer* in the
tool, which calls so, too, what has a map no larger than its kernel; the last column counts what it
names by this rule alone. (The tool also marks layers that widen nothing: activations, norms and
1 × 1 convolutions behind such a layer. fieldscope calls those *not widening*.)

"""


def page(networks: Sequence[Compared], versions: dict[str, str]) -> str:
    """Make the page: fields, differences, ranges, verdicts."""
    layers = [layer for network in networks for layer in network.layers]
    named = {name: version for name, version in versions.items() if name != "source"}
    head = _HEAD.format(
        versions=", ".join(f"{name} {version}" for name, version in named.items()),
        layers=len(layers),
        windows=sum(layer.kernel for layer in layers),
        minimal=sum(layer.minimal == layer.narrowest for layer in layers),
        maximal=sum(layer.maximal == layer.size for layer in layers),
    )
    fields = _table(
        ("network", "modules", "with a window", "equal min", "equal max", "largest field"),
        "l r r r r r",
        (_fields(network) for network in networks),
    )
    ranges = _table(
        (
            "network",
            "tool",
            "as documented",
            "`lower_bound`",
            "smallest",
            "uncritical",
            "largest",
        ),
        "l r r r r r r",
        (_ranges(network) for network in networks),
    )
    verdicts = _table(
        ("network", "input", "windows", "both", "fieldscope alone", "tool alone", "by its map"),
        "l r r r r r r",
        (_verdicts(network, found) for network in networks for found in network.verdicts),
    )
    return "".join([head, fields, _differences(layers), _RANGES, ranges, _VERDICTS, verdicts])


def kind(layer: Both, before: Sequence[Both]) -> str:
    """Why the tools differ about a layer, given those in front of it."""
    if layer.maximal == (math.inf, math.inf) and math.inf not in layer.size:
        if "adaptive" in layer.source:
            return "adaptive pooling"
        if before and not before[-1].agrees:
            return "behind it"
    return "unexplained"


def _fields(network: Compared) -> tuple[str, ...]:
    layers = network.layers
    finite = [layer.size for layer in layers if math.inf not in layer.size]
    return (
        network.network,
        str(len(layers)),
        str(sum(layer.kernel for layer in layers)),
        str(sum(layer.minimal == layer.narrowest for layer in layers)),
        str(sum(layer.maximal == layer.size for layer in layers)),
        _extents(max(finite)),
    )


def _differences(layers: Sequence[Both]) -> str:
    found = [
        (layer, kind(layer, layers[:place]))
        for place, layer in enumerate(layers)
        if not layer.agrees
    ]
    if not found:
        return ""
    rows = (
        (
            layer.network,
            f"`{layer.layer}`",
            _extents(layer.minimal),
            _extents(layer.narrowest),
            _KINDS[why],
        )
        for layer, why in found
    )
    return "\n### Differences\n\n" + _table(
        ("network", "module", "tool", "fieldscope", "why"), "l l r r l", rows
    )


def _ranges(network: Compared) -> tuple[str, ...]:
    low, high = network.theirs
    return (
        network.network,
        f"{_extents(low)} to {_extents(high)}",
        _extents(network.unfiltered),
        _extents(network.lower_bound),
        _extents(network.smallest),
        _extents(network.uncritical),
        _extents(network.largest),
    )


def _verdicts(network: Compared, found: Verdicts) -> tuple[str, ...]:
    counts = (len(found.both), len(found.ours), len(found.theirs), len(found.by_map))
    return (network.network, str(found.extent), str(found.windows), *map(str, counts))


def _extents(extents: Pair) -> str:
    texts = ["all" if extent == math.inf else f"{extent}" for extent in extents]
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


def _table(head: tuple[str, ...], alignment: str, lines: Iterable[tuple[str, ...]]) -> str:
    rule = "|".join("--:" if letter == "r" else "--" for letter in alignment.split())
    body = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([f"| {' | '.join(head)} |", f"|{rule}|", *body]) + "\n"
