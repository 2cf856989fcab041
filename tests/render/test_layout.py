from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from fieldscope.render.document import WORTH, describe
from fieldscope.render.layout import fit, lines, shortened, text
from tests.render import handmade
from tests.render.handmade import Made

REPORTS = [
    handmade.residual,
    handmade.anisotropic,
    handmade.stream,
    handmade.unet,
    handmade.attentive,
    handmade.loose,
    handmade.stereo,
    handmade.deep,
]


def page(report: Made, width: int | None, **options: Any) -> str:
    return text(describe(report, **options), width)


def test_a_page_of_80_columns() -> None:
    assert (
        page(handmade.residual(), 80)
        == """\
resnet50  x 1×3×224×224 (y, x)

layer            operator   shape         size  stride  start  narrowest
────────────────────────────────────────────────────────────────────────
conv1            window     1×64×112×112     7       2     -3          7
bn1              pointwise  1×64×112×112     7       2     -3          7
layer4.2.conv2   window     1×512×7×7      427      32   -213         11
layer4.2.conv3   window     1×2048×7×7     427      32   -213         11
layer4.2.relu#3  pointwise  1×2048×7×7     427      32   -213         11
avgpool          reduce     1×2048×1×1     all       –      –        all
fc               contract   1×1000         all       –      –        all

all: reads the whole input along that axis
every field is exact
1 layer that only moves elements not shown (--all)

The output (fc) reads the whole input, from avgpool on; before that, layer4 sees
427×427 elements, 1.9 times the input's 224×224 (what lies beyond it is
padding)."""
    )


def test_a_page_of_140_columns() -> None:
    assert (
        page(handmade.loose(), 140)
        == """\
Moe  x 1×3×64×64 (y, x)

layer       operator  shape         size  stride   start  narrowest  context  exact
───────────────────────────────────────────────────────────────────────────────────
stem        window    1×8×64×64        3       1      -1          3           yes
moe.router  opaque    1×8×64×64     ≤all       –       –        all           no
head        window    1×2×64×64  ≤all×31     –×1  –, -15     all×31           no

all: reads the whole input along that axis
≤: a bound; the true field lies inside it

Each position of the output (head) sees at most all×31 elements (y×x) of the input's 64×64: all
along y and 48% along x.
Only a bound for 2 of 3 layers: the true field lies inside the one given.
  aten.topk at moe.router (moe.py:41): it has no lowering, so every output is taken to read every
    input
  aten.unique at the model's own forward: it has no lowering, so every output is taken to read every
    input"""
    )


def test_a_period_has_a_column_where_there_is_one() -> None:
    assert page(handmade.unet(), 70).splitlines()[2:7] == [
        "layer  operator  shape      size  stride  period  start  narrowest",
        "──────────────────────────────────────────────────────────────────",
        "down   window    1×8×32×32     4       2       1     -1          4",
        "up     spread    1×8×64×64     8     1/2       1     -3          8",
        "head   window    1×2×64×64    10       2       2     -4          5",
    ]


def test_several_inputs_stand_side_by_side_where_there_is_room() -> None:
    assert page(handmade.stereo(), 80).splitlines()[2:6] == [
        "                                        ─── left ───  ─── right ───",
        "layer              operator  shape      size  stride   size  stride",
        "───────────────────────────────────────────────────────────────────",
        "left_encoder.conv  window    1×8×30×45     7       2   none       –",
    ]


def test_several_inputs_stand_one_below_the_other_where_there_is_none() -> None:
    assert page(handmade.stereo(), 40).splitlines()[:15] == [
        "Stereo",
        "  left 1×3×60×90 (y, x); right 1×3×60×90",
        "    (y, x); style 1×512",
        "",
        "left",
        "layer              size  stride",
        "───────────────────────────────",
        "left_encoder.conv     7       2",
        "fusion.conv           7       2",
        "",
        "right",
        "layer               size  stride",
        "────────────────────────────────",
        "left_encoder.conv   none       –",
        "fusion.conv        11×41       2",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
@pytest.mark.parametrize("report", REPORTS)
def test_no_line_of_a_table_is_longer_than_the_page(report: Callable[[], Made], width: int) -> None:
    made = replace(describe(report()), closing=())
    assert [line for line in text(made, width).splitlines() if len(line) > width] == []


@pytest.mark.parametrize("report", REPORTS)
def test_each_row_is_one_line_and_names_stay_apart(report: Callable[[], Made]) -> None:
    made = describe(report())
    for width in (60, 80, 140):
        sheet = fit(made, width)[0]
        names = {shortened(row.cells[0], sheet.widths[0]) for row in made.rows}
        assert len(names) == len(made.rows)


@pytest.mark.parametrize("report", REPORTS)
def test_columns_are_left_out_in_the_order_of_their_worth(report: Callable[[], Made]) -> None:
    made = replace(describe(report()), notes=())
    made = replace(made, columns=tuple(replace(one, idle=False) for one in made.columns))
    for width in range(30, 150, 5):
        for sheet in fit(made, width):
            kept = {column.key for _, column in sheet.columns}
            worth = [key for key in WORTH if key in {column.key for column in made.columns}]
            assert kept == set(worth[: len(kept)])
            assert {*sheet.left_out} == set(worth[len(kept) :])


def test_what_is_left_out_is_told_unless_it_says_nothing() -> None:
    assert "no room for start, narrowest and context (--columns, --width)" in page(
        handmade.attentive(), 60
    ).replace("\n", " ")
    assert "no room" not in page(handmade.residual(), 80)


def test_a_page_without_end_shortens_and_leaves_out_nothing() -> None:
    shown = page(handmade.deep(), None)
    assert "no room" not in shown
    assert "…" not in shown


def test_chosen_columns_stand_in_the_order_chosen() -> None:
    shown = page(handmade.residual(), 80, columns=["size", "layer", "source"])
    assert shown.splitlines()[2:5] == [
        "size  layer            source",
        "───────────────────────────────────────",
        "   7  conv1            aten.convolution",
    ]


def test_of_chosen_columns_the_last_are_left_out_first() -> None:
    shown = page(handmade.residual(), 30, columns=["shape", "source", "size", "layer"])
    assert shown.splitlines()[2] == "shape         source"
    assert "no room for size and layer" in shown


def test_a_stride_of_one_half_is_written_as_one() -> None:
    layer = replace(
        handmade.residual().layers[0], fields={"x": handmade.square(5, Fraction(1, 2), -2, 3)}
    )
    report = replace(handmade.residual(), layers=(layer,), outputs={"output": layer})
    assert "5     1/2     -2" in page(report, 80)


@pytest.mark.parametrize(
    ("name", "width", "written"),
    [
        ("layer4.2.conv3", 14, "layer4.2.conv3"),
        ("layer4.2.conv3", 13, "lay…4.2.conv3"),
        ("features.denseblock4.denselayer16.conv2", 26, "feat….dens…4.dens…16.conv2"),
        ("stages.3.blocks.26.mlp.fc1", 20, "st….3.bl….26.mlp.fc1"),
        ("stages.3.blocks.26.mlp.fc1", 9, "stag….fc1"),
        ("scaled_dot_product_attention", 16, "scaled_d…tention"),
        ("a.b", 1, "a"),
    ],
)
def test_names_are_shortened_in_the_middle(name: str, width: int, written: str) -> None:
    assert shortened(name, width) == written
    assert len(written) <= width


def test_rows_without_news_are_marked_for_the_medium() -> None:
    parts = [{span.part for span in line} for line in lines(describe(handmade.residual()), 80)]
    quiet = [at for at, row in enumerate(parts) if "quiet" in row]
    # bn1 behind conv1, two layers behind conv2, fc behind avgpool
    assert quiet == [5, 7, 8, 10]


def test_bounds_are_marked_for_the_medium() -> None:
    spans = [span for line in lines(describe(handmade.loose())) for span in line]
    assert [span.text.strip() for span in spans if span.part == "loose"] == [
        "≤all",
        "no",
        "≤all×31",
        "no",
    ]


def test_the_part_of_a_name_that_the_row_above_has_too_is_marked() -> None:
    spans = [span for line in lines(describe(handmade.residual())) for span in line]
    assert [span.text for span in spans if span.part == "path" and span.text] == ["layer4.2."] * 2
