"""Networks side by side as a document: a row per figure, a column per network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fieldscope.render.document import Column, Document, Note, Row
from fieldscope.render.numerals import extents, large, percent, product
from fieldscope.render.resolution import UNLIMITED
from fieldscope.wording import listed

if TYPE_CHECKING:
    from fieldscope.analyses.comparison import Compared, Comparison
    from fieldscope.analyses.steps import Sizes


def _limits(sizes: Sizes) -> str:
    return UNLIMITED if all(size == math.inf for size in sizes) else product(sizes)


_FIGURES: tuple[tuple[str, Callable[[Compared], str]], ...] = (
    ("input", lambda one: extents(one.productivity.shape)),
    ("largest field", lambda one: product(one.largest)),
    ("total stride", lambda one: product(one.resolution.stride)),
    ("context", lambda one: "yes" if one.context else "no"),
    ("layers that widen", lambda one: str(len(one.productivity.widening))),
    ("unproductive", lambda one: str(len(one.productivity.unproductive))),
    (
        "critical",
        lambda one: str(
            len(one.productivity.judged("critical"))
            + len(one.productivity.judged("partly critical"))
        ),
    ),
    ("MACs", lambda one: large(one.productivity.macs)),
    ("  in unproductive layers", lambda one: percent(one.productivity.share_of("unproductive"))),
    ("parameters", lambda one: large(one.productivity.parameters)),
    (
        "  in unproductive layers",
        lambda one: percent(one.productivity.share_of("unproductive", "parameters")),
    ),
    ("productive from", lambda one: _limits(one.resolution.productive_from)),
    ("uncritical from", lambda one: _limits(one.resolution.uncritical)),
    ("seen whole up to", lambda one: _limits(one.resolution.largest)),
    ("exact", lambda one: "yes" if one.exact else "no"),
)


def described(found: Comparison) -> Document:
    """Put networks side by side into texts."""
    names = _short([one.name for one in found.models])
    columns = (
        Column("figure", worth=len(names) + 1),
        *(Column(name, numeric=True, worth=len(names) - k) for k, name in enumerate(names)),
    )
    rows = []
    for name, figure in _FIGURES:
        cells = [figure(one) for one in found.models]
        rows.append(Row((name, *cells), news=len(set(cells)) > 1))
    inputs = dict.fromkeys(product(one.productivity.extents) for one in found.models)
    return Document(
        title=listed(names),
        subtitle=f"judged at {listed(list(inputs))}",
        columns=columns,
        rows=tuple(rows),
        notes=tuple(_notes(found)),
        closing=tuple(_closing(found, names)),
    )


def _short(names: Sequence[str]) -> list[str]:
    """Names without the scheme or file that all share; numbered where two are alike.

    >>> _short(["torchvision:vgg16", "torchvision:vgg19"]), _short(["a", "a"])
    (['vgg16', 'vgg19'], ['a', 'a (2)'])
    """
    heads = {name.rpartition(":")[0] for name in names}
    short = [name.rpartition(":")[2] if len(heads) == 1 else name for name in names]
    seen: dict[str, int] = {}
    found = []
    for name in short:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def _notes(found: Comparison) -> Sequence[Note]:
    if all(one.productivity.counted for one in found.models):
        return ()
    return (Note("parameters: some are those of kernels and matrices only"),)


def _closing(found: Comparison, names: Sequence[str]) -> Sequence[str]:
    shares = [one.productivity.share_of("unproductive") for one in found.models]
    if not any(shares):
        return ("None of them has unproductive layers at this input.",)
    best, worst = min(shares), max(shares)
    if best == worst:
        return (f"All spend {percent(best)} of their compute in layers that can add no context.",)
    least = [name for name, share in zip(names, shares, strict=True) if share == best]
    most = [name for name, share in zip(names, shares, strict=True) if share == worst]
    verb = "wastes" if len(least) == 1 else "waste"
    sentence = (
        f"{listed(least)} {verb} least: {percent(best)} of the compute lies in layers that can add "
        f"no context, of {listed(most)} {percent(worst)}."
    )
    return (sentence,)
