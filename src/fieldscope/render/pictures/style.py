"""The look that all pictures share: colours, type, and figures that show themselves.

Read and unread differ in brightness by construction, whatever the colours: a
picture must survive a printer without colours and eyes that see other ones.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context, style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import AbstractPathEffect, Normal, Stroke, withStroke
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

Colours = npt.NDArray[np.uint8]

INK = "#1c1c1c"
QUIET = "#6a6a6a"
FAINT = "#c9c9c9"
PAPER = "#ffffff"
AMBER = "#ffc32b"
BLUE = "#1f4e79"
RUST = "#c2410c"

# The grid without an image: what is read, what isn't inside the hull, what lies outside.
READ = (31, 78, 121)
GAP = (214, 214, 208)
OUTSIDE = (243, 243, 240)

SMALL, NORMAL, LARGE = 8.0, 9.0, 12.0
DPI = 100

_OVERRIDES = {
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": NORMAL,
    # A layer may be called "$x_1$".
    "text.parse_math": False,
    "axes.linewidth": 0.6,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "svg.hashsalt": "fieldscope",
    # Texts stay texts, which can be searched.
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}


@contextmanager
def own_style() -> Iterator[None]:
    """Draw in the pictures' own style, whatever the user's, who gets theirs back."""
    with rc_context():
        style.use(["default", _OVERRIDES])
        yield


class Picture(Figure):
    """A figure that shows itself in a notebook, also where pyplot isn't loaded.

    IPython shows figures only once pyplot has told it how. This one answers by
    itself; where pyplot has, its answer is the one that counts.
    """

    def _repr_png_(self) -> bytes:
        written = io.BytesIO()
        with own_style():
            self.savefig(written, format="png", dpi=DPI, facecolor=PAPER)
        return written.getvalue()


def blank(width: float, height: float) -> Picture:
    """Make an empty figure, in inches, that no window or global state knows of."""
    figure = Picture(figsize=(width, height), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Put axes on a figure, in inches from its upper left corner."""
    across, down = figure.get_size_inches()
    box = (left / across, 1 - (top + height) / down, width / across, height / down)
    return figure.add_axes(box)


def write(
    figure: Figure, left: float, top: float, text: str, *, points: float = NORMAL, **look: Any
) -> Text:
    """Write a text on a figure, its top in inches from the upper left corner."""
    across, down = figure.get_size_inches()
    look.setdefault("color", INK)
    look.setdefault("va", "top")
    return figure.text(
        left / across, 1 - top / down, text, fontsize=points, parse_math=False, **look
    )


def bare_ticks(axes: Axes, *, most: int = 5) -> None:
    """Give axes few and quiet ticks, at whole elements."""
    axes.tick_params(length=2.5, width=0.6, color=QUIET, labelcolor=QUIET, labelsize=SMALL)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=most, integer=True, steps=[1, 2, 4, 5, 8, 10]))


def cased(colour: str, *, width: float) -> Sequence[AbstractPathEffect]:
    """Run a line of another colour along both sides, so that it is seen on any ground."""
    return [Stroke(linewidth=width, foreground=colour), Normal()]


def haloed(artist: Artist, colour: str = PAPER, width: float = 2.0) -> None:
    """Put a rim around a text, so that it reads on any ground."""
    artist.set_path_effects([withStroke(linewidth=width, foreground=colour)])


def fitted(text: str, inches: float, points: float) -> str:
    """Shorten a text in its middle until it fits, by the width of usual letters.

    >>> fitted("features.28", 3, 9)
    'features.28'
    >>> fitted("features.denseblock3.denselayer48.conv2", 1.5, 9)
    'features.…r48.conv2'
    """
    room = max(int(inches * 72 / (0.62 * points)), 5)
    if len(text) <= room:
        return text
    tail = (room - 1) // 2
    return f"{text[: room - 1 - tail]}…{text[len(text) - tail :]}"
