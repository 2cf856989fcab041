"""The joins of a model, each with where its branches' positions are centred."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from fieldscope.errors import InputError
from fieldscope.render import alignment as words
from fieldscope.render.pictures import sheet, style
from fieldscope.render.pictures.growth import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fieldscope.analyses.alignment import Alignment, Join

_WIDTH, _ROW = 4.8, 0.24
_MOST = 40
_MARKS = ("o", "s", "^")
_COLOURS = (style.BLUE, style.RUST, style.INK)


def draw(found: Alignment, *, title: str | None = None) -> style.Picture:
    """Draw joins; `fieldscope.render.pictures.alignment_picture` says what is shown."""
    joins = [join for join in found.joins if join.verdict != "not comparable"]
    if not joins:
        raise InputError(f"{found.model} has no joins that can be compared: nothing to draw")
    shown = _chosen(joins)
    names = [shortened(join.layer or "(model)") for join in shown]
    notes = list(words.closing(found))
    if len(shown) < len(joins):
        notes.append(f"Shown are {len(shown)} of {len(joins)} joins, those out of line first.")
    left = 0.3 + max(map(len, names)) * 0.62 * style.SMALL / 72
    with style.own_style():
        made = sheet.compose(
            [[(_WIDTH, _ROW * len(shown) + 0.2)]],
            title=title or found.model,
            subtitle="where the branches of each join are centred, against the first one",
            notes=notes,
            margins=sheet.Margins(left=left, right=0.3, above=0.36, below=0.5),
        )
        ((axes,),) = made.panels
        axes.axvline(0, color=style.FAINT, linewidth=1.0, zorder=0)
        for at, join in enumerate(shown):
            _draw_join(axes, join, at)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        high = max((abs(float(one)) for join in shown for one in _known(join)), default=0)
        axes.set_xlim(-max(high, 1) * 1.15, max(high, 1) * 1.15)
        axes.set_yticks(range(len(shown)), names)
        for text in axes.get_yticklabels():
            text.set_parse_math(False)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
        axes.tick_params(length=2.5, width=0.6, color=style.QUIET, labelsize=style.SMALL)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.set_xlabel("offset of the centre, in input elements")
        _legend(axes, found, shown)
    return made.figure


def _chosen(joins: Sequence[Join]) -> list[Join]:
    """As many as a page holds, in their order: those that aren't aligned before others."""
    if len(joins) <= _MOST:
        return list(joins)
    ranked = sorted(range(len(joins)), key=lambda at: (joins[at].aligned, at))[:_MOST]
    return [joins[at] for at in sorted(ranked)]


def _known(join: Join) -> list[Fraction]:
    return [one for branch in join.branches for one in branch.offset if one is not None]


def _draw_join(axes: Axes, join: Join, at: int) -> None:
    if not _known(join):
        axes.text(
            0, at, " strides differ", va="center", fontsize=style.SMALL, color=style.RUST
        ).set_gid(f"strides differ: {join.layer}")
        return
    for axis, column in enumerate(zip(*(one.offset for one in join.branches), strict=True)):
        known = [float(one) for one in column if one is not None]
        if not known or (axis and column == tuple(one.offset[0] for one in join.branches)):
            continue
        look = axis % len(_MARKS)
        axes.plot([min(known), max(known)], [at, at], color=_COLOURS[look], linewidth=1.2, zorder=1)
        axes.plot(
            known,
            [at] * len(known),
            linestyle="",
            marker=_MARKS[look],
            markersize=4.5,
            color=_COLOURS[look] if not join.aligned else style.PAPER,
            markeredgecolor=_COLOURS[look],
            markeredgewidth=0.8,
            gid=f"{join.verdict}: {join.layer}",
        )


def _legend(axes: Axes, found: Alignment, shown: Sequence[Join]) -> None:
    """Name the marks, where axes differ."""
    apart = {
        axis
        for join in shown
        for branch in join.branches
        for axis, one in enumerate(branch.offset)
        if one != branch.offset[0]
    }
    if not apart:
        return
    marks = [0, *sorted(apart)]
    handles = [
        Line2D([], [], linestyle="", marker=_MARKS[k % 3], color=_COLOURS[k % 3]) for k in marks
    ]
    names = [found.axes[k] for k in marks]
    alike = [name for k, name in enumerate(found.axes) if k not in apart and k]
    names[0] = ", ".join([names[0], *alike])
    axes.legend(
        handles,
        names,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=len(marks),
        frameon=False,
        fontsize=style.SMALL,
        borderaxespad=0,
        handletextpad=0.2,
    )
