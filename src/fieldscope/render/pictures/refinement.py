"""A network as it is beside its proposals: widening layers, compute and parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from fieldscope.errors import InputError
from fieldscope.render import refinement as words
from fieldscope.render.numerals import large, product
from fieldscope.render.pictures import sheet, style
from fieldscope.render.pictures.verdicts import LOOKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fieldscope.redesign.figures import Figures
    from fieldscope.redesign.refinement import Refinement

_HEIGHT, _COLUMN, _NARROWEST, _BAR = 1.25, 1.05, 4.6, 0.62
_PLAIN, _DEAD = LOOKS["productive"], LOOKS["unproductive"]
_NOW = "as it is"


def draw(found: Refinement, *, title: str | None = None) -> style.Picture:
    """Draw proposals; `fieldscope.render.pictures.refinement_picture` says what is shown."""
    if not found.proposals:
        raise InputError(
            f"there is no proposal for {found.model}, so there is nothing to draw: {found.why_none}"
        )
    shown = [found.before, *(one.after for one in found.proposals)]
    names = [_NOW, *(str(number) for number in range(1, len(shown)))]
    width = max(_COLUMN * len(shown), _NARROWEST)
    with style.own_style():
        made = sheet.compose(
            [[(width, _HEIGHT)] for _ in range(3)],
            title=title or found.model,
            subtitle=words.subtitle(found),
            notes=list(_notes(found)),
            margins=[
                sheet.Margins(left=0.86, right=0.3, above=0.34, below=0.06),
                sheet.Margins(left=0.86, right=0.3, above=0.2, below=0.06),
                sheet.Margins(left=0.86, right=0.3, above=0.2, below=0.66),
            ],
        )
        (layers,), (compute,), (parameters,) = made.panels
        _draw_layers(layers, shown)
        _draw_amounts(compute, shown, "MACs", lambda one: one.macs)
        _draw_amounts(parameters, shown, "parameters", lambda one: one.parameters)
        for (axes,) in made.panels:
            axes.set_xlim(-0.6, len(shown) - 0.4)
            axes.spines[["top", "right"]].set_visible(False)
            axes.xaxis.set_major_locator(FixedLocator(range(len(shown))))
            axes.tick_params(length=2.5, width=0.6, color=style.QUIET, labelsize=style.SMALL)
            axes.tick_params(axis="x", labelbottom=axes is parameters)
            axes.grid(axis="y", color=style.FAINT, linewidth=0.4)
            axes.set_axisbelow(True)
        labels = [
            f"{name}\nfield {product(one.size)}\nstride {_strides(one)}"
            for name, one in zip(names, shown, strict=True)
        ]
        parameters.set_xticks(range(len(shown)), labels)
    return made.figure


def _draw_layers(axes: Axes, shown: Sequence[Figures]) -> None:
    """Layers that widen the field, and on top of them the unproductive ones."""
    for at, one in enumerate(shown):
        alive = one.widening - one.unproductive
        for bottom, count, look, gid in (
            (0, alive, _PLAIN, "productive"),
            (alive, one.unproductive, _DEAD, "unproductive"),
        ):
            if not count:
                continue
            bar = axes.bar(
                at,
                count,
                width=_BAR,
                bottom=bottom,
                color=look.fill,
                edgecolor=look.edge,
                hatch=look.hatch * 2,
                linewidth=0.6,
            )
            bar[0].set_gid(f"{gid}: {at}")
        text = f"{one.unproductive} of {one.widening}"
        _above(axes, at, one.widening, text)
    axes.set_ylim(0, max(one.widening for one in shown) * 1.22 + 0.1)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    axes.set_ylabel("layers\nthat widen")
    axes.legend(
        handles=[
            Patch(
                facecolor=_PLAIN.fill, edgecolor=_PLAIN.edge, linewidth=0.6, label="can add context"
            ),
            Patch(
                facecolor=_DEAD.fill,
                edgecolor=_DEAD.edge,
                hatch=_DEAD.hatch * 2,
                linewidth=0.6,
                label="unproductive",
            ),
        ],
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=2,
        frameon=False,
        fontsize=style.SMALL,
        handlelength=1.8,
        handleheight=1.1,
        borderaxespad=0.1,
    )


def _draw_amounts(
    axes: Axes, shown: Sequence[Figures], label: str, amount: Callable[[Figures], int]
) -> None:
    most = max(map(amount, shown))
    for at, one in enumerate(shown):
        bar = axes.bar(
            at,
            amount(one),
            width=_BAR,
            color=_PLAIN.fill if at else "#d2d2cb",
            edgecolor=_PLAIN.edge if at else style.QUIET,
            linewidth=0.6,
        )
        bar[0].set_gid(f"{label}: {at}")
        _above(axes, at, amount(one), large(amount(one)))
    axes.set_ylim(0, most * 1.22 or 1)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: large(int(value))))
    axes.set_ylabel(label)


def _above(axes: Axes, at: int, height: float, text: str) -> None:
    axes.annotate(
        text,
        (at, height),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        fontsize=style.SMALL,
        fontweight="bold",
        color=style.INK,
        gid="number",
    )


def _strides(one: Figures) -> str:
    return "×".join(map(str, dict.fromkeys(one.stride))) or "–"


def _notes(found: Refinement) -> Iterator[str]:
    for number, one in enumerate(found.proposals, start=1):
        yield f"{number}  {'; '.join(one.words)}"
