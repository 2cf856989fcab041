"""A run's curve as a picture: loss and accuracy of both parts, the best epoch marked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator, PercentFormatter

from fieldscope.lab.curves import Epoch, best_of
from fieldscope.lab.runs import CURVES_PICTURE, Run
from fieldscope.render.pictures import save, sheet, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANEL = (4.0, 2.6)
_MARGINS = sheet.Margins(above=0.1, below=0.52, left=0.7, right=0.3)


def curves_picture(
    curve: Sequence[Epoch], *, title: str, subtitle: str = "", epochs: int = 0
) -> Figure:
    """Draw loss and accuracy by epoch, training thin and validation bold.

    Args:
        curve: the epochs that are done.
        title: heading.
        subtitle: a quieter line below.
        epochs: how many are wanted, for the width of the panels.

    >>> from fieldscope.lab.curves import Epoch
    >>> picture = curves_picture([Epoch(1, 0.9, 0.5, 0.8, 0.75, 0.001, 2.0)], title="a")
    >>> [axes.get_ylabel() for axes in picture.axes]
    ['cross-entropy', 'accuracy']
    """
    with style.own_style():
        best = best_of(curve)
        notes = (
            []
            if best is None
            else [f"best validation accuracy {best.val_accuracy:.1%}, epoch {best.epoch}"]
        )
        composed = sheet.compose(
            [(_PANEL, _PANEL)], title=title, subtitle=subtitle, notes=notes, margins=_MARGINS
        )
        loss, accuracy = composed.panels[0]
        _draw(loss, curve, "loss", epochs=max(epochs, len(curve)))
        _draw(accuracy, curve, "accuracy", epochs=max(epochs, len(curve)))
        loss.set_ylabel("cross-entropy")
        accuracy.set_ylabel("accuracy")
        # Room for the mark of the best epoch, whose loss may be the highest.
        highest = max((max(one.train_loss, one.val_loss) for one in curve), default=1.0)
        loss.set_ylim(0, 1.08 * highest or 1.0)
        accuracy.set_ylim(0, 1.02)
        accuracy.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        return composed.figure


def _draw(axes: Axes, curve: Sequence[Epoch], what: str, *, epochs: int) -> None:
    style.bare_ticks(axes)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.set_xlim(0.5, max(epochs, 2) + 0.5)
    axes.set_xlabel("epoch")
    axes.spines[["top", "right"]].set_visible(False)
    numbers = [one.epoch for one in curve]
    lines = {"train": (style.QUIET, 1.0, "training"), "val": (style.BLUE, 2.2, "validation")}
    for part, (colour, width, name) in lines.items():
        values = [getattr(one, f"{part}_{what}") for one in curve]
        # A single epoch has no line.
        mark = "o" if len(values) == 1 else None
        (line,) = axes.plot(
            numbers, values, color=colour, linewidth=width, marker=mark, markersize=3, label=name
        )
        line.set_gid(f"{part}-{what}")
    best = best_of(curve)
    if best is not None:
        (mark_,) = axes.plot(
            [best.epoch],
            [getattr(best, f"val_{what}")],
            marker="o",
            markersize=7,
            color=style.AMBER,
            markeredgecolor=style.INK,
            markeredgewidth=0.8,
            linestyle="none",
            label="best epoch",
            zorder=3,
        )
        mark_.set_gid(f"best-{what}")
    if best is not None and what == "loss":
        axes.legend(
            fontsize=style.SMALL,
            frameon=False,
            loc="best",
            labelcolor=style.INK,
            handlelength=1.6,
        )


def save_curves(run: Run) -> Path:
    """Draw a run's curve into its folder, and give the file.

    Raises:
        InputError: it can't be written.

    Example:
        >>> save_curves.__name__
        'save_curves'
    """
    settings, path = run.settings, run.folder / CURVES_PICTURE
    extent = settings.resolution
    subtitle = (
        f"{extent}×{extent}, {run.photos[0]:,} photos of {len(run.classes)} classes, "
        f"seed {settings.seed}"
    )
    figure = curves_picture(
        run.curves,
        title=f"{settings.kind} {settings.model}",
        subtitle=subtitle,
        epochs=settings.epochs,
    )
    save(figure, path)
    return path
