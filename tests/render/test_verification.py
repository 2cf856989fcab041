"""The page of a verification: columns that fit, names shortened, reasons in whole words."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from fieldscope.analyses.verification import Finding, LayerCheck, Test, Verdict, Verification
from fieldscope.render import shown  # noqa: F401  # registers how verifications show themselves
from fieldscope.render.layout import Line, lines
from fieldscope.render.verification import described

LONG = "features.denseblock4.denselayer16.conv2"
WHY = (
    "at (3, 3) the neutralised model reads 3 elements outside of the field: an operator reads "
    "more than its lowering says"
)


def a_check(
    name: str,
    verdict: Verdict = "agrees",
    why: str = "",
    *,
    test: Test = "structure",
    shape: tuple[int, ...] = (1, 64, 16, 16),
    size: tuple[int, ...] = (7, 5),
    measured: tuple[int, ...] | None = (7, 5),
) -> LayerCheck:
    return LayerCheck(name, shape, size, measured, (Finding(test, (3, 3), verdict, why),))


def found(*checks: LayerCheck, model: str = "net", name: str = "x") -> Verification:
    return Verification(model, name, 3, checks)


MIXED = found(
    a_check("conv1", size=(3, 3), measured=(3, 3)),
    a_check(LONG, "disagrees", WHY, size=(212, 212), measured=(212, 214)),
    a_check("lstm", "not measurable", "the probe says nothing", test="probe", measured=None),
)


def text(page: Iterable[Line]) -> str:
    return "\n".join("".join(span.text for span in line).rstrip() for line in page)


def rows(verification: Verification, width: int | None) -> list[str]:
    return text(lines(described(verification), width)).splitlines()


def test_a_page_of_80_columns_shortens_names() -> None:
    assert (
        text(lines(described(MIXED), 80))
        == """\
net  verified on x

layer                              shape        theory  measured  verdict
────────────────────────────────────────────────────────────────────────────────
conv1                              1×64×16×16      3×3       3×3  agrees
featur….denseb…4.densela…16.conv2  1×64×16×16  212×212   212×214  disagrees
    structure: at (3, 3) the neutralised model reads 3 elements outside of the
      field: an operator reads more than its lowering says
lstm                               1×64×16×16      7×5         –  not measurable
    probe: the probe says nothing

3 layers: 1 agree, 1 disagree, 1 not measurable"""
    )


def test_a_page_of_140_columns_has_whole_names() -> None:
    assert rows(MIXED, 140) == rows(MIXED, None)
    assert rows(MIXED, 140)[5] == f"{LONG}  1×64×16×16  212×212   212×214  disagrees"


def test_a_page_of_30_columns_keeps_the_layer_and_its_verdict() -> None:
    assert (
        text(lines(described(MIXED), 30))
        == """\
net  verified on x

layer           verdict
──────────────────────────────
conv1           agrees
feature….conv2  disagrees
    structure: at (3, 3) the
      neutralised model reads
      3 elements outside of
      the field: an operator
      reads more than its
      lowering says
lstm            not measurable
    probe: the probe says
      nothing

no room for theory, measured
and shape (--width)

3 layers: 1 agree, 1 disagree,
1 not measurable"""
    )


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (140, ["layer", "shape", "theory", "measured", "verdict"]),
        (64, ["layer", "shape", "theory", "measured", "verdict"]),
        (60, ["layer", "theory", "measured", "verdict"]),
        (44, ["layer", "theory", "verdict"]),
        (36, ["layer", "verdict"]),
        (30, ["layer", "verdict"]),
    ],
)
def test_columns_go_one_by_one_the_shape_first(width: int, columns: list[str]) -> None:
    lines = rows(MIXED, width)
    assert lines[2].split() == columns
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [30, 33, 47, 61, 79, 80, 100, 140])
def test_no_line_is_longer_than_the_page(width: int) -> None:
    long = found(*MIXED.checks, model="./a/long/way/down/to/networks.py:build", name="photograph")
    assert max(map(len, rows(long, width))) <= width


def test_short_names_get_no_more_room_than_they_need() -> None:
    lines = rows(found(a_check("0"), a_check("1")), 30)
    assert lines[2:5] == [
        "layer  theory  verdict",
        "──────────────────────",
        "0         7×5  agrees",
    ]


def test_all_can_leave_out_the_layers_that_agree() -> None:
    page = text(lines(described(MIXED, all=False), 140)).splitlines()
    assert not any(line.startswith("conv1") for line in page)
    assert any(line.startswith(LONG) for line in page)
    assert any(line.startswith("lstm") for line in page)
    assert page[-1] == MIXED.summary
    none = lines(described(found(a_check("a"), a_check("b")), all=False), 140)
    assert text(none) == "net  verified on x\n\n2 layers: 2 agree"


@pytest.mark.parametrize(
    ("verdicts", "summary"),
    [
        ([], "0 layers: 0 agree"),
        (["agrees"], "1 layer: 1 agree"),
        (["agrees"] * 1200, "1,200 layers: 1,200 agree"),
        (["disagrees"] * 2, "2 layers: 0 agree, 2 disagree"),
        (["not measurable"] * 2 + ["agrees"], "3 layers: 1 agree, 2 not measurable"),
    ],
)
def test_the_summary_counts(verdicts: list[Verdict], summary: str) -> None:
    checks = [a_check(f"l{k}", verdict) for k, verdict in enumerate(verdicts)]
    assert found(*checks).summary == summary
    assert found(*checks).agrees is ("disagrees" not in verdicts)


def test_verdicts_have_looks_of_their_own() -> None:
    parts = {
        span.text.strip(): span.part
        for line in lines(described(MIXED), 140)
        for span in line
        if span.text.strip() in ("agrees", "disagrees", "not measurable")
    }
    assert parts == {"agrees": "text", "disagrees": "alarm", "not measurable": "quiet"}


def test_what_explains_comes_once_and_what_disagrees_first() -> None:
    findings = (
        Finding("gradient", (3, 3), "not measurable", "no values"),
        Finding("structure", (3, 3), "disagrees", "reads more"),
        Finding("structure", (0, 0), "disagrees", "reads more"),
        Finding("hull", (3, 3), "agrees"),
    )
    one = LayerCheck("a", (1, 1, 4, 4), (3, 3), None, findings)
    assert one.verdict == "disagrees"
    lines = rows(found(one), None)
    assert lines[5:7] == ["    structure: reads more", "    gradient: no values"]


def test_a_prompt_shows_a_verification_as_wide_as_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert repr(MIXED) == text(lines(described(MIXED), 80))


def test_a_prompt_shows_of_many_layers_those_that_do_not_agree(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    few = found(*(a_check(f"conv{k}") for k in range(32)))
    assert len(repr(few).splitlines()) == 32 + 6
    many = found(*few.checks, a_check("wrong", "disagrees", "reads more"))
    assert repr(many).splitlines()[2:] == [
        "layer  shape       theory  measured  verdict",
        "──────────────────────────────────────────────",
        "wrong  1×64×16×16     7×5       7×5  disagrees",
        "    structure: reads more",
        "",
        "33 layers: 32 agree, 1 disagree",
    ]


def test_a_notebook_shows_all_layers_with_signs_that_html_reads() -> None:
    checks = [a_check(f"conv{k}") for k in range(40)]
    html = found(*checks, a_check("a<b", "disagrees", "1 < 2"))._repr_html_()
    assert html is not None
    assert html.startswith('<div class="fieldscope">')
    assert "a&lt;b" in html
    assert "structure: 1 &lt; 2" in html
    assert "conv39" in html
