"""How proposals are shown: a row for each, what is edited below it, and bars."""

from __future__ import annotations

import pytest

from fieldscope.analyses.edits import Remove, Reshape
from fieldscope.errors import InputError
from fieldscope.redesign.figures import Figures
from fieldscope.redesign.refinement import Goal, Proposal, Refinement
from fieldscope.render.layout import text
from fieldscope.render.pictures import refinement_picture
from fieldscope.render.refinement import closing, described, subtitle

BEFORE = Figures(3, 2, 18, (435, 419), (32, 16), 11_700_000, 37_500_000)
AFTER = Figures(0, 0, 13, (53, 41), (4, 4), 3_030_000, 15_000_000)
LARGER = Figures(1, 0, 18, (53, 41), (4, 4), 11_700_000, 375_000_000)


def proposal(after: Figures, *, title: str = "a smaller stem", verified: bool = True) -> Proposal:
    return Proposal(
        model="net",
        title=title,
        edits=(Reshape("conv1", kernel=(3, 3)), Remove("pool")),
        words=("conv1: kernel 7×7 -> 3×3", "pool: taken out"),
        before=BEFORE,
        after=after,
        verified=verified,
        remarks=("output has shape 1×4×8×8 instead of 1×4×2×2",),
    )


def refinement(
    *proposals: Proposal,
    goal: Goal = "efficiency",
    budget: float | None = 1.0,
    before: Figures = BEFORE,
) -> Refinement:
    return Refinement(
        model="net",
        input="x",
        shape=(1, 3, 32, 30),
        axes=("y", "x"),
        goal=goal,
        budget=budget,
        before=before,
        proposals=proposals,
        notes=("not edited: conv9: the model calls it 2 times",),
    )


def test_each_proposal_is_a_row_with_its_edits_below() -> None:
    page = text(described(refinement(proposal(AFTER))), 100).splitlines()
    rows = [line.split() for line in page]
    assert [
        "as",
        "it",
        "is",
        "3",
        "2",
        "18",
        "435×419",
        "32×16",
        "11.7M",
        "37.5M",
        "100",
        "%",
    ] in rows
    at = rows.index(["1", "0", "0", "13", "53×41", "4", "3.03M", "15M", "40", "%"])
    assert page[at + 1 : at + 5] == [
        "    a smaller stem:",
        "      conv1: kernel 7×7 -> 3×3",
        "      pool: taken out",
        "      output has shape 1×4×8×8 instead of 1×4×2×2",
    ]
    assert "not edited: conv9: the model calls it 2 times" in page


def test_columns_of_less_worth_go_first() -> None:
    head = text(described(refinement(proposal(AFTER))), 48).splitlines()
    assert ["proposal", "unproductive", "parameters", "MACs"] in [line.split() for line in head]


def test_goal_and_budget_stand_above() -> None:
    assert subtitle(refinement()).endswith("efficiency (less compute, no unproductive layer)")
    assert subtitle(refinement(goal="performance", budget=2.5)).endswith(
        "performance (no unproductive layer), within 2.5 times the compute"
    )


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            refinement(proposal(AFTER)),
            "Proposal 1 leaves no layer unproductive with 40 % of the compute.",
        ),
        (
            refinement(proposal(LARGER)),
            "Proposal 1 leaves 1 unproductive layer of 3 with 10 times the compute.",
        ),
        (
            refinement(),
            "There is no proposal: no edit was found that makes it better and can be carried out.",
        ),
        (
            refinement(before=AFTER),
            "There is no proposal: no layer is unproductive as it is.",
        ),
    ],
)
def test_the_finding_is_said_in_a_sentence(found: Refinement, sentence: str) -> None:
    assert next(closing(found)) == sentence


def test_only_what_was_measured_is_called_measured() -> None:
    assert len(list(closing(refinement(proposal(AFTER))))) == 2
    assert len(list(closing(refinement(proposal(AFTER, verified=False))))) == 1


def test_a_picture_has_bars_for_now_and_for_each_proposal() -> None:
    figure = refinement_picture(refinement(proposal(AFTER), proposal(LARGER)))
    layers, compute, parameters = figure.axes
    assert [bar.get_height() for bar in layers.patches] == [15, 3, 13, 17, 1]  # type: ignore[attr-defined]  # bars
    assert [bar.get_height() for bar in compute.patches] == [37_500_000, 15_000_000, 375_000_000]  # type: ignore[attr-defined]  # bars
    names = [label.get_text().splitlines()[0] for label in parameters.get_xticklabels()]
    assert names == ["as it is", "1", "2"]


def test_nothing_is_drawn_of_no_proposal() -> None:
    with pytest.raises(InputError, match="there is no proposal for net, so there is nothing to d"):
        refinement_picture(refinement())


def test_proposals_show_themselves() -> None:
    import fieldscope.render.shown  # noqa: F401  # registers how findings show themselves

    found = refinement(proposal(AFTER))
    assert "a smaller stem" in repr(found)
    assert "<table" in (found._repr_html_() or "")
    assert found.to_image().axes
