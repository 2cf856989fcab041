"""The search for redesigns: plans tried on an outline, and the best of them, best first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from fieldscope.analyses.edits import Edit
from fieldscope.analyses.outline import Outline
from fieldscope.errors import InputError
from fieldscope.redesign import efficiency, performance
from fieldscope.redesign.figures import Figures
from fieldscope.redesign.plans import Bench

Told: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done, how far it is, and of how much."""

MOST = 4000
"""Plans that are tried at most."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A redesign that the arithmetic recommends.

    Attributes:
        title: what it is, in a few words.
        edits: what is done.
        before: figures of the network as it is.
        after: figures that it would have.
    """

    title: str
    edits: tuple[Edit, ...]
    before: Figures
    after: Figures


def search(
    outline: Outline,
    goal: Literal["efficiency", "performance"],
    *,
    budget: float | None = None,
    frozen: Mapping[str, str] | None = None,
    told: Told = lambda *_: None,
) -> Iterator[Candidate]:
    """Search for redesigns of a network, best first.

    For efficiency: no unproductive layer is left, no compute is added, and what saw the whole
    input still does. The first costs least, the last keeps most layers. Where frozen layers
    can't be dealt with, the fewest are left. For performance: no
    unproductive convolution is left, within a budget; with as many layers as can be, then at
    the least cost. The order is the same every time.

    Args:
        outline: the network.
        goal: "efficiency" or "performance".
        budget: most multiply-accumulates, as a factor of those that there are; None for no
            limit. For efficiency it is never more than 1.
        frozen: layers and modules that can't be edited, each with the reason.
        told: called as the search goes on.

    Yields:
        Candidates. An interrupt while searching yields the best so far, and is raised then.

    Raises:
        InputError: the goal or the budget makes no sense.

    Example:
        >>> import fieldscope
        >>> from fieldscope.analyses.outline import outline_of
        >>> from torch import nn
        >>> net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(6)))
        >>> first = next(search(outline_of(fieldscope.analyze(net, (1, 1, 8, 8))), "efficiency"))
        >>> first.title, first.edits, first.after.unproductive
        ('cut behind 3', (Remove(module='4'), Remove(module='5')), 0)
    """
    if goal not in ("efficiency", "performance"):
        raise InputError(f'goal {goal!r} is neither "efficiency" nor "performance"')
    if budget is not None and not budget > 0:
        raise InputError(
            f"a budget of {budget:g} times the compute leaves none\ngive a factor above 0"
        )
    bench = Bench(outline, {**outline.frozen, **(frozen or {})})
    kind = efficiency.Search if goal == "efficiency" else performance.Search
    look = kind(bench, budget)
    stopped = False
    try:
        for done, of in look.steps():
            told(f"searching for {goal}", done, of)
            if bench.tried >= MOST:
                break
    except KeyboardInterrupt:
        stopped = True
    yield from (Candidate(title, edits, bench.before, after) for title, edits, after in look.best())
    if stopped:
        raise KeyboardInterrupt
