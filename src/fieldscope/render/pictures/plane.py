"""One panel: a plane of the input, what is read on it, and the hull with its sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from fieldscope.geometry.regions import BoolArray
from fieldscope.render.pictures import style
from fieldscope.render.pictures.images import Floats, brightness, colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Box = tuple[slice, slice]

# Perceptually uniform, and made for eyes that don't tell red from green.
HEAT = colormaps["cividis"].with_extremes(bad="#efefec")

# How an image is changed: read elements lifted, others dimmed, so that the two differ by
# _LIFT + v (1 - _LIFT - _DIM) at an element of brightness v, at least _LIFT even where black.
_LIFT, _DIM = 0.16, 0.30
# Pixels of the screen per element from which lines between elements help.
_ROOM_FOR_LINES = 7
_ROOM_FOR_CROSS = 22


@dataclass(frozen=True, slots=True)
class Plane:
    """What one panel shows, over the rows and columns of a plane.

    Attributes:
        mask: which elements are read `[row column]`.
        hull: the box around them; empty slices where nothing is read.
        names: names of the two axes.
        image: the input there `[row column channel]`, values from 0 to 1.
        weight: how strongly each element is read, from 0 to 1, for the light that falls
            on the image; the mask itself where that is all that is known.
        values: what a heat map shows in colours; None for the image or the plain grid.
        norm: how values become colours.
        centre: where the hull's centre lies, in elements.
        own: the position's own centre, where it is known and another one.
        bound: whether the mask is only a bound.
    """

    mask: BoolArray
    hull: Box
    names: tuple[str, str]
    image: Floats | None = None
    weight: npt.NDArray[np.float32] | None = None
    values: npt.NDArray[np.float64] | None = None
    norm: Normalize | None = None
    centre: tuple[float, float] | None = None
    own: tuple[float, float] | None = None
    bound: bool = False

    @property
    def whole(self) -> Box:
        """The box of all rows and columns."""
        return slice(0, self.mask.shape[0]), slice(0, self.mask.shape[1])

    @property
    def dark(self) -> bool:
        """Whether the ground is dark, so that lines on it must be light."""
        return self.image is not None and self.values is None


def extent(run: slice) -> int:
    """Number of elements of a run.

    >>> extent(slice(2, 5))
    3
    """
    return int(run.stop - run.start)


def lit(image: Floats, weight: npt.NDArray[np.float32]) -> style.Colours:
    """Light an image where it is read: bright and coloured there, dim and grey elsewhere.

    >>> black = np.zeros((1, 2, 1), np.float32)
    >>> lit(black, np.array([[0, 1]], np.float32))[0, :, 0].tolist()
    [0, 40]
    """
    strength = weight[..., np.newaxis]
    bright = _LIFT + (1 - _LIFT) * colours(image)
    dim = _DIM * brightness(image)[..., np.newaxis]
    return np.asarray((bright * strength + dim * (1 - strength)) * 255, dtype=np.uint8)


def grid(mask: BoolArray, hull: Box) -> style.Colours:
    """Colour a plane without an image: read, gap inside the hull, outside."""
    found = np.empty((*mask.shape, 3), dtype=np.uint8)
    found[:] = style.OUTSIDE
    found[hull] = style.GAP
    found[mask] = style.READ
    return found


def draw(axes: Axes, plane: Plane, view: Box, *, sizes: bool = True, ticks: bool = True) -> None:
    """Draw a plane, or the part of it inside `view`.

    Element i lies between i - ½ and i + ½, as matplotlib has it, so that the hull lo:hi is
    drawn from lo - ½ to hi - ½.
    """
    rows, columns = view
    box = (columns.start - 0.5, columns.stop - 0.5, rows.stop - 0.5, rows.start - 0.5)
    _ground(axes, plane, view, box)
    axes.set(xlim=box[:2], ylim=box[2:])
    style.bare_ticks(axes)
    if ticks:
        axes.set_xlabel(plane.names[1], labelpad=1)
        axes.set_ylabel(plane.names[0], labelpad=3)
    else:
        axes.set(xticks=[], yticks=[])
    # Between colours that change from element to element, lines would only add noise.
    if plane.values is None and _pixels_per_element(axes, view) >= _ROOM_FOR_LINES:
        _lines(axes, view, dark=plane.dark)
    if extent(plane.hull[0]) and extent(plane.hull[1]):
        _outline(axes, plane)
        if sizes:
            _sizes(axes, plane, view)
    # In a hull as small as a cross, the cross would hide it, and the hull marks the place.
    pixels = min(map(extent, plane.hull)) * _pixels_per_element(axes, view)
    if plane.centre is not None and pixels >= _ROOM_FOR_CROSS:
        _mark(axes, plane.centre, "centre", dark=plane.dark)
    if plane.own is not None:
        _mark(axes, plane.own, "own", dark=plane.dark)


def _ground(axes: Axes, plane: Plane, view: Box, box: tuple[float, float, float, float]) -> None:
    # Where several elements share a pixel of the screen, they are averaged.
    fine = _pixels_per_element(axes, view) < 1
    look = "antialiased" if fine else "nearest"
    if plane.values is not None:
        shown = np.ma.masked_where(~plane.mask[view], plane.values[view])
        picture = axes.imshow(
            shown, cmap=HEAT, norm=plane.norm, extent=box, aspect="auto", interpolation="nearest"
        )
    elif plane.image is not None:
        weight = plane.mask if plane.weight is None else plane.weight
        colour = lit(plane.image[view], weight[view].astype(np.float32))
        picture = axes.imshow(colour, extent=box, aspect="auto", interpolation=look)
    else:
        colour = grid(plane.mask, plane.hull)[view]
        picture = axes.imshow(colour, extent=box, aspect="auto", interpolation=look)
    picture.set_gid("ground")


def _pixels_per_element(axes: Axes, view: Box) -> float:
    figure = axes.get_figure(root=True)
    assert figure is not None
    across, down = figure.get_size_inches() * style.DPI
    box = axes.get_position()
    return float(
        min(box.width * across / extent(view[1]), box.height * down / max(extent(view[0]), 1))
    )


def _lines(axes: Axes, view: Box, *, dark: bool) -> None:
    rows, columns = view
    left, right, top, bottom = (
        at - 0.5 for at in (columns.start, columns.stop, rows.start, rows.stop)
    )
    upright = [[(at - 0.5, top), (at - 0.5, bottom)] for at in range(columns.start, columns.stop)]
    level = [[(left, at - 0.5), (right, at - 0.5)] for at in range(rows.start, rows.stop)]
    colour = style.INK if dark else style.PAPER
    lines = LineCollection(upright + level, colors=colour, linewidths=0.4, alpha=0.5)
    lines.set_gid("elements")
    axes.add_collection(lines, autolim=False)


def line_look(*, dark: bool) -> tuple[str, str]:
    """Give the colours of a line and of its case, by the ground that it runs on."""
    return (style.AMBER, style.INK) if dark else (style.INK, style.PAPER)


def _outline(axes: Axes, plane: Plane) -> None:
    rows, columns = plane.hull
    colour, case = line_look(dark=plane.dark)
    view = (sorted(axes.get_ylim()), sorted(axes.get_xlim()))
    inside = all(
        low <= run.start - 0.5 and run.stop - 0.5 <= high
        for run, (low, high) in zip(plane.hull, view, strict=True)
    )
    frame = Rectangle(
        (columns.start - 0.5, rows.start - 0.5),
        extent(columns),
        extent(rows),
        fill=False,
        edgecolor=colour,
        linewidth=1.3,
        linestyle=(0, (4, 2)) if plane.bound else "solid",
        path_effects=style.cased(case, width=2.5),
        # A hull that reaches the border keeps the outer half of its line.
        clip_on=not inside,
        zorder=4,
        gid="hull",
    )
    axes.add_patch(frame)


def _mark(axes: Axes, at: tuple[float, float], kind: str, *, dark: bool) -> None:
    colour, case = line_look(dark=dark)
    (mark,) = axes.plot(
        [at[1]],
        [at[0]],
        marker="+" if kind == "centre" else "o",
        markersize=9 if kind == "centre" else 8,
        markerfacecolor="none",
        markeredgecolor=colour,
        markeredgewidth=1.4,
        path_effects=style.cased(case, width=3.2),
        linestyle="none",
        clip_on=True,
        zorder=5,
        scalex=False,
        scaley=False,
    )
    mark.set_gid(kind)


def _sizes(axes: Axes, plane: Plane, view: Box) -> None:
    """Write the hull's size outside the panel, above it and to its right, like a drawing's."""
    for axis, across in ((1, True), (0, False)):
        run, seen = plane.hull[axis], view[axis]
        low, high = max(run.start, seen.start) - 0.5, min(run.stop, seen.stop) - 0.5
        if high <= low:
            continue
        measure(axes, low, high, f"{extent(run)}", across=across)


def measure(axes: Axes, low: float, high: float, text: str, *, across: bool) -> None:
    """Draw a dimension line from low to high beside the axes, with its text at the middle."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    box = axes.get_position()
    size = figure.get_size_inches()
    inches = float(box.height * size[1] if across else box.width * size[0])
    near, half, far = 1 + 0.06 / inches, 1 + 0.095 / inches, 1 + 0.13 / inches
    along, out = [low, low, low, high, high, high], [near, far, half, half, far, near]
    where = axes.get_xaxis_transform() if across else axes.get_yaxis_transform()
    (line,) = axes.plot(
        along if across else out,
        out if across else along,
        transform=where,
        color=style.INK,
        linewidth=0.9,
        clip_on=False,
        scalex=False,
        scaley=False,
    )
    line.set_gid("measure-x" if across else "measure-y")
    middle, beside = (low + high) / 2, 1 + 0.17 / inches
    axes.text(
        middle if across else beside,
        beside if across else middle,
        text,
        transform=where,
        ha="center" if across else "left",
        va="bottom" if across else "center",
        fontsize=style.NORMAL,
        fontweight="bold",
        color=style.INK,
        clip_on=False,
        gid="size-x" if across else "size-y",
    )
