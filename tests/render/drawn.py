"""Maps made by hand, and ways to look at what was drawn of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from fieldscope.analyses.support import SupportMask
from fieldscope.measure.heat import HeatMap

Box = tuple[slice, ...]
NAMES: dict[int, tuple[str, ...]] = {
    0: (),
    1: ("t",),
    2: ("y", "x"),
    3: ("z", "y", "x"),
    4: ("t", "z", "y", "x"),
}


def box(*runs: tuple[int, int]) -> Box:
    return tuple(slice(*run) for run in runs)


def a_mask(
    shape: tuple[int, ...],
    hull: Box,
    *,
    step: int = 1,
    layer: str = "conv",
    name: str = "x",
    axes: tuple[str, ...] | None = None,
    **rest: Any,
) -> SupportMask:
    """A map that reads every `step`-th element of a box, by all three channels."""
    elements = np.zeros((1, 3, *shape), dtype=bool)
    elements[0][(slice(None), *(slice(run.start, run.stop, step) for run in hull))] = True
    return SupportMask(
        "net",
        layer,
        tuple(1 for _ in shape),
        None,
        name,
        axes or NAMES[len(shape)],
        elements,
        tuple(range(2, 2 + len(shape))),
        **rest,
    )


def a_heat(
    shape: tuple[int, ...], hull: Box, *, layer: str = "conv", remarks: tuple[str, ...] = ()
) -> HeatMap:
    """Strengths that fall off from 1 at the box's middle over six decades to its corners."""
    values = np.zeros(shape)
    inside = [np.linspace(-1, 1, run.stop - run.start) ** 2 for run in hull]
    total = sum(np.meshgrid(*inside, indexing="ij")) / len(shape)
    values[hull] = 10.0 ** (-6 * total)
    position = tuple(1 for _ in shape)
    return HeatMap("net", layer, position, None, "x", NAMES[len(shape)], values, "real", 2, remarks)


def named(where: Artist, name: str) -> list[Any]:
    """What was drawn under a name."""
    return where.findobj(lambda artist: artist.get_gid() == name)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def hull_of(axes: Axes) -> tuple[float, float, float, float]:
    """Left, top, width and height of the frame around the hull."""
    (frame,) = named(axes, "hull")
    left, top = frame.get_xy()
    return float(left), float(top), float(frame.get_width()), float(frame.get_height())


def painted(figure: Figure) -> npt.NDArray[np.float64]:
    """The picture as grey levels from 0 to 1, as a printer without colours gives it."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]  # matplotlib gives it no types
    shown = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return np.asarray(shown[..., :3] @ np.array([0.299, 0.587, 0.114]) / 255)


def level(figure: Figure, axes: Axes, row: float, column: float) -> float:
    """Grey level at an element, of the canvas as it was drawn."""
    grey = painted(figure)
    across, down = axes.transData.transform((column, row))
    return float(grey[round(grey.shape[0] - down), round(across)])
