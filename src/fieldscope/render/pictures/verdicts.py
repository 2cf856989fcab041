"""How verdicts look, in every picture: colours, and a pattern for eyes that see none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fieldscope.analyses.verdicts import Verdict


class Look(NamedTuple):
    """A fill, its hatch, and the colour of its edge."""

    fill: str
    hatch: str
    edge: str


LOOKS: dict[Verdict, Look] = {
    "productive": Look("#8fb9dd", "", "#1f4e79"),
    "critical": Look("#f5a34a", "//", "#7a4300"),
    "partly critical": Look("#ffe169", "..", "#7a6400"),
    "unproductive": Look("#d94841", "xx", "#5c0f0b"),
    "not widening": Look("#e6e6e1", "", "#8a8a84"),
}
"""Red, orange and yellow, as is usual in the field; the hatches tell them apart in grey."""
