"""rfa-toolbox as a peer: the committed table holds for fieldscope, and for the tool where it is."""

from __future__ import annotations

import importlib.util
import json
import math
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch

import fieldscope
from benchmarks import rfa
from benchmarks.rfa_answers import NETWORKS, SHAPE, Both, Compared, Verdicts, build, compared
from benchmarks.rfa_page import kind, page
from fieldscope.analyses.layers import Report
from fieldscope.analyses.productivity import productivity_of
from fieldscope.analyses.resolution import resolution_of
from tests import oracle

ROWS = rfa.read_rows()
FOUND: list[dict[str, Any]] = json.loads(
    rfa.TABLE.with_suffix(".json").read_text(encoding="utf-8")
)["networks"]


def _report(network: str) -> Report:
    return fieldscope.analyze(_model(network), SHAPE)


@pytest.mark.parametrize("network", NETWORKS)
def test_fieldscope_agrees_with_the_tool_on_every_layer_but_those_that_are_explained(
    network: str,
) -> None:
    """Red after a change of what fieldscope says; `python -m benchmarks.rfa` writes anew."""
    report = _report(network)
    rows = [row for row in ROWS if row.network == network]
    assert len(rows) > 20
    for place, row in enumerate(rows):
        layer = report[row.layer]
        assert (layer.narrowest, layer.size) == (row.narrowest, row.size), row.layer
        if not row.agrees:
            assert kind(row, rows[:place]) in ("adaptive pooling", "behind it"), row.layer


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found["network"])
def test_ranges_and_verdicts_are_the_tools_without_its_rule_about_kernels(
    found: dict[str, Any],
) -> None:
    report = _report(found["network"])
    ours = resolution_of(report)
    low, high = found["theirs"]
    assert ours.largest == tuple(high)
    assert list(ours.uncritical) == found["uncritical"]
    assert list(ours.smallest) == found["smallest"]
    kernels = [
        kernel * stride
        for row in ROWS
        if row.network == found["network"] and row.kernel
        for kernel, stride in [_kernel_and_stride(report, row)]
    ]
    assert tuple(low) == (max(*kernels, *ours.uncritical),) * 2
    assert found["lower_bound"] == [max(*kernels, *ours.smallest)] * 2
    for verdicts in found["verdicts"]:
        assert verdicts["ours"] == []
        assert verdicts["theirs"] == verdicts["by_map"]
        unproductive = [
            layer.layer for layer in productivity_of(report, verdicts["extent"]).unproductive
        ]
        assert verdicts["both"] == unproductive


def _kernel_and_stride(report: Report, row: Both) -> tuple[int, int]:
    """Kernel and stride behind the layer; all kernels are square."""
    module: Any = _model(row.network).get_submodule(row.layer.partition("#")[0])
    kernel, stride = module.kernel_size, report[row.layer].stride[0]
    assert stride is not None
    return int(kernel[0] if isinstance(kernel, tuple) else kernel), int(stride)


@lru_cache(maxsize=1)  # tests of one network follow each other
def _model(network: str) -> torch.nn.Module:
    with torch.device("meta"):
        return build(network)


def test_a_pooling_that_keeps_the_map_reads_no_more_than_what_enters() -> None:
    """The tool takes it for a global one; the gradient is the judge."""
    model = build("alexnet")
    measured = oracle.measure(model, SHAPE)
    index = (0, slice(None), 2, 2)
    box = tuple((part.start, part.stop) for part in _report("alexnet")["avgpool"].box((2, 2)))
    assert measured.hull("avgpool", index) == measured.hull("features.12", index) == box
    # 195, of which the padding takes 2.
    assert [high - low for low, high in box] == [193, 193]


def test_the_tool_itself_says_what_the_table_says() -> None:
    found_at = importlib.util.find_spec("rfa_toolbox")
    if found_at is None or found_at.origin is None:
        pytest.skip("rfa-toolbox isn't installed; `python -m benchmarks.rfa` installs it aside")
    found = compared(("resnet18", str(Path(found_at.origin).parents[1])))
    assert list(found.layers) == [row for row in ROWS if row.network == "resnet18"]


ROW = Both("net", "conv", "aten.convolution", True, (7, 7), (9, 11), (7, 7), (9, 11))
POOL = Both(
    "net",
    "pool",
    "aten._adaptive_avg_pool2d",
    False,
    (math.inf,) * 2,
    (math.inf,) * 2,
    (7, 7),
    (9, 9),
)
COMPARED = Compared(
    network="net",
    layers=(ROW, POOL),
    unnamed=1,
    theirs=((7, 7), (9, 11)),
    unfiltered=(7, 7),
    lower_bound=(6, 6),
    smallest=(5, 5),
    uncritical=(7, 7),
    largest=(9, 11),
    verdicts=(Verdicts(4, 1, ("conv",), (), (), ()),),
)


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    table = tmp_path / "rfa.csv"
    rfa.write(table, [COMPARED], {"rfa-toolbox": "1.7.0"})
    assert rfa.read_rows(table) == [ROW, POOL]
    written = json.loads(table.with_suffix(".json").read_text(encoding="utf-8"))
    assert written["made_with"] == {"rfa-toolbox": "1.7.0"}
    assert written["networks"][0]["largest"] == [9, 11]


def test_the_page_tells_what_agrees_and_explains_what_does_not() -> None:
    text = page([COMPARED], {"rfa-toolbox": "1.7.0", "source": "abc"})
    assert "with rfa-toolbox 1.7.0. All rows" in text
    assert "Of **2** modules, 1 of them with a window" in text
    assert "| net | 2 | 1 | 1 | 1 | 9×11 |" in text
    assert "| net | `pool` | all | 7 | adaptive pooling" in text
    assert "| net | 7 to 9×11 | 7 | 6 | 5 | 7 | 9×11 |" in text
    assert "| net | 4 | 1 | 1 | 0 | 0 | 0 |" in text


def test_a_difference_without_a_known_reason_is_unexplained() -> None:
    assert kind(replace(ROW, maximal=(8, 8)), [ROW]) == "unexplained"
    assert kind(POOL, [ROW]) == "adaptive pooling"
    assert kind(replace(POOL, source="aten.relu"), [POOL]) == "behind it"
    assert kind(replace(POOL, source="aten.relu"), [ROW]) == "unexplained"


def test_the_committed_page_is_of_the_committed_table() -> None:
    text = rfa.TABLE.with_suffix(".md").read_text(encoding="utf-8")
    assert f"Of **{len(ROWS):,}** modules" in text
    assert "not explained" not in text
