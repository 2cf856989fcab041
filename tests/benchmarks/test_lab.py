"""The experiments: the page says what the committed rows say, and rows what runs say."""

from __future__ import annotations

import doctest
import math
from dataclasses import replace

import pytest

from benchmarks import markdown
from benchmarks.lab import page, results
from benchmarks.lab.experiments import SEEDS, redesigns, variants
from benchmarks.lab.results import Row, probed
from fieldscope.lab import Probing
from fieldscope.lab.probing.classifier import Score
from fieldscope.lab.probing.findings import LayerProbe


def row(variant: str, seed: int, accuracy: float, *, question: str = "redesigns") -> Row:
    return Row(
        question, variant, seed, 1000, 100, 100, 3, "10+10", accuracy, accuracy,
        " ".join(f"{accuracy - 0.1 + k / 200:.4f}" for k in range(20)),
        border="layer4" if question == "redesigns" else "",
        saturation="layer3" if question == "redesigns" else "",
        apart="-1 of 9" if question == "redesigns" else "",
        agreement=8 / 9,
        productive_gain=0.04,
        other_gain=0.001,
    )  # fmt: skip


def rows(**accuracies: tuple[float, ...]) -> list[Row]:
    transfer = ("pretrained", "random", "small-vgg")
    found = [
        row(name, seed, value)
        for name, values in accuracies.items()
        for seed, value in enumerate(values)
    ]
    return found + [
        row(name, seed, 0.5 + place / 10 + seed / 100, question="transfer")
        for place, name in enumerate(transfer)
        for seed in range(3)
    ]


def test_the_page_is_what_the_rows_say() -> None:
    """Red after a change of the page's code: run `python -m benchmarks.lab --page`."""
    assert page.PAGE.read_text(encoding="utf-8") == page.text(results.read())


def test_every_network_was_trained_with_every_seed() -> None:
    found = {(one.question, one.variant, one.seed) for one in results.read()}
    assert found == {(one.question, one.name, seed) for one in variants() for seed in SEEDS}
    assert len(SEEDS) >= 3


def test_no_path_of_a_machine_is_in_the_rows() -> None:
    assert "/" not in results.TABLE.read_text(encoding="utf-8")
    commands = [*redesigns(), *(one.command for one in variants())]
    assert not [one for command in commands for one in command if one.startswith("/")]


SAME = (0.90, 0.91, 0.92)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"efficiency": SAME},
            "keeps the accuracy.* That holds here: 0.0 points less at 1.00 times",
        ),
        (
            {"efficiency": (0.80, 0.81, 0.82)},
            "keeps the accuracy.* That does not hold here: 10.0 points less",
        ),
        (
            {"efficiency": (0.80, 0.99, 0.92)},
            "keeps the accuracy.* That holds here: 0.7 points less at 1.00 times the compute, whi",
        ),
        ({"performance": (0.95, 0.96, 0.97)}, "raises the accuracy.* That holds here: 5.0 points"),
        (
            {"performance": (0.89, 0.95, 0.93)},
            "raises the accuracy.* That can't be told here: 1.3 points more",
        ),
        (
            {"performance": (0.85, 0.86, 0.87)},
            "raises the accuracy.* That does not hold here: 5.0 points less",
        ),
    ],
)
def test_the_page_says_what_came_out_whichever_way(
    changed: dict[str, tuple[float, ...]], said: str
) -> None:
    accuracies = {"resnet18": SAME, "efficiency": SAME, "performance": SAME, **changed}
    assert said in page.text(rows(**accuracies))


def test_the_page_ranks_by_what_the_rows_say() -> None:
    text = page.text(rows(resnet18=SAME, efficiency=SAME, performance=SAME))
    assert "In the end small-vgg trained from scratch leads the same frozen body" in text
    assert "by 10.0 points, more than chance over seeds explains." in text
    assert "Probes saturate before the border in 9 of 9 runs, behind it in 0." in text
    late = [replace(one, apart="+2 of 9") for one in rows(resnet18=SAME, efficiency=SAME)]
    told = "\n".join(page._probes([one for one in late if one.saturation]))
    assert "before the border in 0 of 6 runs, behind it in 6." in told
    assert "digits need less" not in told


def test_rows_take_from_probes_what_these_say() -> None:
    def probe(name: str, verdict: str, accuracy: float) -> LayerProbe:
        return LayerProbe(name, name, verdict, 4, Score(accuracy, 0.01))  # type: ignore[arg-type]

    probes = (probe("a", "productive", 0.5), probe("b", "productive", 0.9))
    found = Probing(
        "net", "run", (8, 8), (10, 10), 2, ("a", "b", "c"), "c",
        (*probes, probe("c", "unproductive", 0.88)), Score(0.4, 0.1),
    )  # fmt: skip
    assert probed(found.to_dict()) == {
        "border": "c",
        "saturation": "b",
        "apart": "-1 of 3",
        "agreement": pytest.approx(2 / 3),
        "productive_gain": pytest.approx(0.25),
        "other_gain": pytest.approx(-0.02),
    }
    endless = replace(found, border=None, layers=probes, widening=("a", "b"))
    assert probed(endless.to_dict())["apart"] == "-1 of 2"
    assert math.isnan(probed(endless.to_dict())["other_gain"])


@pytest.mark.parametrize("module", [markdown, page])
def test_examples_in_docstrings_hold(module: object) -> None:
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted
    assert not found.failed
