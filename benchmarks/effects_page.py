"""The tables of docs/effective.md, made from docs/effects.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.effects import RESULTS
from benchmarks.markdown import table
from fieldscope.render.numerals import percent


def results() -> Mapping[str, Any]:
    """What `python -m benchmarks.effects` measured."""
    found: Mapping[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def structure() -> str:
    """What activations, skip connections, dilation and pooling do at initialisation."""
    found = results()
    told = (
        f"{found['depth']} convolutions of 3 × 3 with {found['channels']} channels and random "
        f"weights, {found['seeds']} times; squares of gradients; deviations and widths in elements."
    )
    heads = (
        *("chain", "theoretical width", "deviation expected", "measured"),
        *("share of the field expected", "measured", "Gaussian (R²)"),
    )
    return "\n".join([told, "", *table(heads, map(_chain, found["chains"]))])


def _chain(one: Mapping[str, Any]) -> Sequence[str]:
    measured, expected = one["measured"], one["expected"]
    mean, deviation = measured["deviation"]
    share, spread = measured["share"]
    return (
        one["name"],
        f"{one['theory']:.0f}",
        f"{expected['deviation']:.2f}",
        f"{mean:.2f} ± {deviation:.2f}",
        percent(expected["share"]),
        f"{100 * share:.0f} ± {100 * spread:.0f} %",
        f"{measured['fit'][0]:.2f}",
    )


def training() -> str:
    """What training did to VGG16, stage by stage."""
    heads = (
        *("layer", "theoretical width", "deviation expected", "untrained", "trained"),
        *("share of the field untrained", "trained"),
    )
    return "\n".join(table(heads, map(_layer, results()["training"])))


def _layer(one: Mapping[str, Any]) -> Sequence[str]:
    deviations = [one[key]["deviation"] for key in ("expected", "untrained", "trained")]
    return (
        f"`{one['layer']}`",
        f"{one['theory']:.0f}",
        *(f"{deviation:.1f}" for deviation in deviations),
        *(percent(one[key]["share"]) for key in ("untrained", "trained")),
    )
