"""Curves of several runs over each other, and their accuracy against what they compute."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from fieldscope.lab.pages import comparing as words
from fieldscope.render.numerals import large
from fieldscope.render.pictures import sheet, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fieldscope.lab.comparing.findings import Group, RunComparison
    from fieldscope.lab.curves import Epoch

_WIDTH, _HEIGHT = 3.3, 2.5
_ROW = 0.2
_LETTER = 0.6 * style.SMALL / 72
_COLOURS = (style.BLUE, style.RUST, "#2f8f5b", "#8b4fa8", "#a87700", "#4d4d4d")
# Told apart in grey as well.
_DASHES = (
    "-",
    (0, (5, 1.5)),
    (0, (1.2, 1.2)),
    (0, (6, 1.5, 1, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (9, 2)),
)
_MARKERS = ("o", "s", "^", "D", "v", "P")


class _Look(NamedTuple):
    colour: str
    dashes: Any
    marker: str


def draw(found: RunComparison, *, title: str | None = None) -> style.Picture:
    """Draw runs: validation accuracy and loss by epoch, and the best accuracy by compute.

    Args:
        found: the runs; those that differ only by their seed share a colour where they are
            grouped, and their mean is bold.
        title: instead of the number of runs.
    """
    page = words.described(found)
    names, looks = words.names_of(found), _looks(found)
    groups = list(zip(words.shown_groups(found), looks, strict=True))
    costs = any(_point(group) is not None for group, _ in groups)
    panels = 3 if costs else 2
    with style.own_style():
        room = panels * (_WIDTH + 0.9)
        rows = _legend_rows(names, room)
        made = sheet.compose(
            [[(_WIDTH, _HEIGHT)] * panels],
            title=title or page.title,
            subtitle=page.subtitle,
            notes=[*(note.text for note in page.notes if not note.option), *page.closing],
            margins=sheet.Margins(left=0.68, right=0.22, above=0.12 + _ROW * rows, below=0.5),
        )
        accuracy, loss, *more = made.panels[0]
        _draw_curves(accuracy, groups, lambda one: 100 * one.val_accuracy, "accuracy")
        _draw_curves(loss, groups, lambda one: one.val_loss, "loss")
        accuracy.set_ylabel("validation accuracy, %")
        loss.set_ylabel("validation loss")
        for axes in more:
            _draw_points(axes, groups)
        for axes in made.panels[0]:
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(length=2.5, width=0.6, color=style.QUIET, labelsize=style.SMALL)
            axes.grid(color=style.FAINT, linewidth=0.4)
            axes.set_axisbelow(True)
        _legend(accuracy, list(zip(names, looks, strict=True)), -(-len(names) // rows))
    return made.figure


def _looks(found: RunComparison) -> list[_Look]:
    """A colour per model and options; runs of one that stand alone differ by their dashes."""
    if found.grouped:
        return [_look(at, at) for at, _ in enumerate(found.groups)]
    places = {
        run.name: (at, number)
        for at, group in enumerate(found.groups)
        for number, run in enumerate(group.runs)
    }
    alone = len(found.groups) == len(found.runs)
    looks = (places[run.name] for run in found.runs)
    return [_look(colour, colour if alone else dash) for colour, dash in looks]


def _look(colour: int, dash: int) -> _Look:
    return _Look(
        _COLOURS[colour % len(_COLOURS)],
        _DASHES[dash % len(_DASHES)],
        _MARKERS[dash % len(_MARKERS)],
    )


def _draw_curves(
    axes: Axes, groups: Sequence[tuple[Group, _Look]], value: Callable[[Epoch], float], what: str
) -> None:
    """A line per run; of several runs of a group thin ones, and their mean bold."""
    for at, (group, (colour, dashes, _)) in enumerate(groups):
        single = len(group.runs) == 1
        for run in group.runs:
            _line(
                axes, run.curves, value, color=colour, linestyle=dashes if single else "-",
                linewidth=1.7 if single else 0.7, alpha=1.0 if single else 0.5,
                gid=f"{what}: {run.name}",
            )  # fmt: skip
        if not single:
            _line(
                axes, group.mean_curve, value, color=colour, linestyle=dashes, linewidth=2.2,
                gid=f"mean {what}: {at}",
            )  # fmt: skip
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))


def _line(axes: Axes, curve: Sequence[Epoch], value: Callable[[Epoch], float], **look: Any) -> None:
    heights = [value(one) for one in curve]
    # A curve of one epoch is a point, which a line wouldn't show.
    marker = "o" if len(curve) == 1 else ""
    finite = [height if math.isfinite(height) else math.nan for height in heights]
    axes.plot([one.epoch for one in curve], finite, marker=marker, markersize=4, **look)


def _point(group: Group) -> tuple[int, float] | None:
    """The compute of a group's model, and its accuracy in per cent; None if one isn't known."""
    counts = group.runs[0].counts
    if counts is None or not counts.macs or group.accuracy is None:
        return None
    return counts.macs, 100 * group.accuracy


def _draw_points(axes: Axes, groups: Sequence[tuple[Group, _Look]]) -> None:
    """The best accuracy by compute; of several runs their mean, with the spread."""
    places = []
    for at, (group, (colour, _, marker)) in enumerate(groups):
        point = _point(group)
        if point is None:
            continue
        places.append(point[0])
        if group.spread is not None:
            axes.errorbar(
                *point, yerr=100 * group.spread, fmt="none", ecolor=colour, elinewidth=1.0,
                capsize=3.0,
            )  # fmt: skip
        axes.plot(
            *point, marker=marker, markersize=7, color=colour, markeredgecolor=style.PAPER,
            linestyle="none", gid=f"point: {at}",
        )  # fmt: skip
    axes.set_xscale("log")
    low, high = min(places), max(places)
    axes.set_xlim(low / 1.6, high * 1.6)
    # Ticks at the models themselves: those of a logarithmic scale may be none at all here.
    ticks: list[int] = []
    for place in sorted(set(places)):
        if not ticks or place > ticks[-1] * 1.25 ** (1 + math.log10(high / low)):
            ticks.append(place)
    axes.set_xticks(ticks)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: large(round(value))))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.set_xlabel("multiply-accumulates for a photo")
    axes.set_ylabel("best validation accuracy, %")


def _legend_rows(names: Sequence[str], room: float) -> int:
    widest = max(map(len, names)) * _LETTER + 0.6
    columns = max(min(int(room / widest), len(names)), 1)
    return -(-len(names) // columns)


def _legend(axes: Axes, names: Sequence[tuple[str, _Look]], columns: int) -> None:
    handles = []
    for name, (colour, dashes, marker) in names:
        handles.append(
            Line2D(
                [], [], color=colour, linestyle=dashes, linewidth=1.7, marker=marker,
                markersize=5, markeredgecolor=style.PAPER, label=name,
            )
        )  # fmt: skip
    legend = axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=columns,
        frameon=False,
        fontsize=style.SMALL,
        handlelength=3.0,
        columnspacing=1.4,
        borderaxespad=0.1,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
