"""The results of the experiments: rows that are committed, and the pictures of the page."""

from __future__ import annotations

import csv
import dataclasses
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.lab.experiments import SEEDS, Question, Variant, variants
from benchmarks.lab.running import folder_of
from benchmarks.zoo_table import ROOT, replaced
from fieldscope.lab import Run, compare
from fieldscope.render.pictures import save as save_picture

TABLE = ROOT / "docs" / "experiments.csv"
IMAGES = ROOT / "docs" / "images"
DPI = 80
_LAST = 3


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one run.

    Attributes:
        question: the experiment.
        variant: the network.
        seed: of split, weights and order.
        macs: multiply-accumulates for a photo.
        parameters: of the network.
        trained: of these, those that were trained.
        unproductive: layers that can add no context.
        photos: trained on, and kept for validation.
        accuracy: on those, the mean of the last three epochs.
        best: the best epoch's, which is chosen by the same photos.
        curve: the accuracy after each epoch.
        border: the layer from which on the analysis says that none is productive; "" for none.
        saturation: the first layer whose probe is as good as any; "" without probes.
        apart: layers between these two, of all that widen; "" without probes.
        agreement: of prediction and probes, from 0 to 1; nan without probes.
        productive_gain: mean gain of accuracy by a productive layer; nan without probes.
        other_gain: by one that isn't.
    """

    question: str
    variant: str
    seed: int
    macs: int
    parameters: int
    trained: int
    unproductive: int
    photos: str
    accuracy: float
    best: float
    curve: str
    border: str = ""
    saturation: str = ""
    apart: str = ""
    agreement: float = float("nan")
    productive_gain: float = float("nan")
    other_gain: float = float("nan")

    @property
    def curves(self) -> tuple[float, ...]:
        return tuple(float(one) for one in self.curve.split())


def collected(folder: Path) -> list[Row]:
    """The rows of all runs in a folder, which must be finished."""
    return [
        _row(variant, seed, folder_of(folder, variant, seed))
        for variant in variants()
        for seed in SEEDS
    ]


def _row(variant: Variant, seed: int, folder: Path) -> Row:
    run = Run.read(folder)
    assert run.counts is not None, "these networks can be analysed"
    assert run.best is not None, "a finished run has epochs"
    accuracies = [one.val_accuracy for one in run.curves]
    probes: dict[str, Any] = {}
    if variant.probed:
        found = json.loads((folder / "probe.json").read_text(encoding="utf-8"))
        probes = probed(found)
    return Row(
        question=variant.question,
        variant=variant.name,
        seed=seed,
        macs=run.counts.macs,
        parameters=run.counts.parameters,
        trained=run.counts.trained,
        unproductive=run.counts.unproductive,
        photos="+".join(map(str, run.photos)),
        accuracy=statistics.fmean(accuracies[-_LAST:]),
        best=run.best.val_accuracy,
        curve=" ".join(f"{one:.4f}" for one in accuracies),
        **probes,
    )


def probed(found: dict[str, Any]) -> dict[str, Any]:
    """What a row has of probes, by what `probe.json` has."""
    places = found["widening"]
    border = places.index(found["border"]) if found["border"] else len(places)
    return {
        "border": found["border"] or "",
        "saturation": found["saturation"],
        "apart": f"{places.index(found['saturation']) - border:+d} of {len(places)}",
        "agreement": found["agreement"],
        "productive_gain": _number(found["mean_gain"]["productive"]),
        "other_gain": _number(found["mean_gain"]["not_productive"]),
    }


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def save(rows: Sequence[Row], folder: Path) -> None:
    """Write the rows to the table that is committed, and draw the pictures."""
    names = [one.name for one in dataclasses.fields(Row)]
    with replaced(TABLE) as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            written = dataclasses.asdict(row)
            for key, value in written.items():
                written[key] = round(value, 6) if isinstance(value, float) else value
            writer.writerow(written)
    for question in ("redesigns", "transfer"):
        draw(question, folder)
    for variant in variants():
        if variant.probed:
            draw_probes(variant, folder)


def draw(question: Question, folder: Path) -> None:
    """The curves of all runs of an experiment, and their accuracy beside their cost."""
    runs = [
        folder_of(folder, variant, seed)
        for variant in variants()
        for seed in SEEDS
        if variant.question == question
    ]
    save_picture(compare(runs, group=True).to_image(), IMAGES / f"lab-{question}.png", dpi=DPI)


def draw_probes(variant: Variant, folder: Path) -> None:
    """The probes of the first seed's run."""
    picture = folder_of(folder, variant, SEEDS[0]) / "probe.png"
    (IMAGES / f"lab-probe-{variant.name}.png").write_bytes(picture.read_bytes())


def read() -> list[Row]:
    """The rows that are committed."""
    kinds = {one.name: one.type for one in dataclasses.fields(Row)}
    numbers = {"int": int, "float": float, "str": str}
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [
            Row(**{key: numbers[str(kinds[key])](value) for key, value in line.items()})
            for line in csv.DictReader(file)
        ]
