"""How a layer's positions cover an input: the map of reads, and the patterns far from borders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from fieldscope.errors import InputError
from fieldscope.render import coverage as words
from fieldscope.render.numerals import extents, large, product
from fieldscope.render.pictures import sheet, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fieldscope.analyses.coverage import Coverage, Evenness

Floats = npt.NDArray[np.float64]

_MAP, _TILE = (4.0, 3.6), (1.9, 1.9)
# Elements of a pattern that are shown, at least, so that it is seen to repeat.
_SHOWN = 8
_MOST = 64
_COLOURS = "cividis"


def draw(found: Coverage, *, title: str | None = None) -> style.Picture:
    """Draw a coverage; `fieldscope.render.pictures.coverage_picture` says what is shown."""
    if not 1 <= len(found.axes) <= 3:
        raise InputError(f"a coverage over {len(found.axes)} axes can't be drawn; one to three can")
    plane, unread, where = _sliced(found)
    patterns = [
        (name, one)
        for name, one in (
            ("reads, far from borders", found.pattern),
            ("ways to positions", found.arrivals),
        )
        if one is not None and one.period and len(one.period) <= 3
    ]
    rows, columns = plane.shape
    size = (
        (_MAP[0], 1.1)
        if len(found.axes) == 1
        else sheet.panel_size(rows, columns, widest=_MAP[0], tallest=_MAP[1])
    )
    tile = (_TILE[0], 1.1) if len(found.axes) == 1 else _TILE
    with style.own_style():
        made = sheet.compose(
            [[size, *(tile for _ in patterns)]],
            title=title or f"{found.layer or 'output'} of {found.model}",
            subtitle=f"how it covers {found.input} {extents(found.mask.shape)}" + where,
            notes=list(words.closing(found)),
            margins=sheet.Margins(left=0.55, right=0.25, above=0.40, below=0.50),
        )
        (panels,) = made.panels
        _draw_map(panels[0], plane, unread, found)
        for axes, (name, one) in zip(panels[1:], patterns, strict=True):
            _draw_pattern(axes, one, name)
    return made.figure


def _sliced(found: Coverage) -> tuple[Floats, npt.NDArray[np.bool_], str]:
    """The plane that is shown: of a volume, the slice through its middle."""
    reads, unread, where = found.reads, ~found.mask, ""
    if reads.ndim == 3:
        middle = reads.shape[0] // 2
        reads, unread, where = reads[middle], unread[middle], f", at {found.axes[0]} = {middle}"
    return np.atleast_2d(reads), np.atleast_2d(unread), where


def _draw_map(axes: Axes, reads: Floats, unread: npt.NDArray[np.bool_], found: Coverage) -> None:
    """Reads by brightness; what nobody reads in a colour of its own."""
    most = reads.max(initial=0)
    shown = reads / most if most else reads
    low = shown[shown > 0].min(initial=1)
    wide = low < 0.02
    shown = np.log10(np.maximum(shown, low)) if wide else shown
    box = (-0.5, reads.shape[1] - 0.5, reads.shape[0] - 0.5, -0.5)
    look: dict[str, Any] = {"extent": box, "aspect": "auto", "interpolation": "nearest"}
    axes.imshow(shown, cmap=_COLOURS, vmin=np.log10(low) if wide else 0, **look).set_gid("reads")
    if unread.any():
        axes.imshow(
            np.where(unread, 1.0, np.nan), cmap=ListedColormap([style.RUST]), **look
        ).set_gid("unread")
        axes.legend(
            handles=[Patch(facecolor=style.RUST, label="not read")],
            loc="lower right",
            bbox_to_anchor=(1, 1),
            frameon=False,
            fontsize=style.SMALL,
            borderaxespad=0.1,
        )
    name = "reads" if found.scaled or not most else f"reads, {_range(reads)}"
    axes.set_title(f"{name} (log)" if wide else name, fontsize=style.NORMAL, loc="left")
    style.bare_ticks(axes)
    axes.set_xlabel(found.axes[-1])
    if len(found.axes) == 1:
        axes.set_yticks([])
    else:
        axes.set_ylabel(found.axes[-2])


def _range(reads: Floats) -> str:
    """How often the elements that are read at all are, from the darkest to the brightest.

    >>> _range(np.array([0.0, 1.0, 2.5])), _range(np.array([0.0, 4.0])), _range(np.array([1, 25e6]))
    ('1 to 2.5', '4 each', '1 to 25M')
    """
    some = reads[reads > 0]
    ends = [f"{one:.3g}" if one < 1000 else large(round(one)) for one in (some.min(), some.max())]
    return " to ".join(ends) if ends[0] != ends[1] else f"{ends[0]} each"


def _draw_pattern(axes: Axes, found: Evenness, name: str) -> None:
    """Some periods of a pattern, beginning with position 0."""
    counts = np.atleast_2d(found.counts[0] if found.counts.ndim == 3 else found.counts)
    many = [min(max(-(-_SHOWN // n), 2) * n, max(_MOST, n)) for n in counts.shape]
    if len(found.period) == 1:
        many[0] = 1
    index = np.ix_(*(np.arange(n) % m for n, m in zip(many, counts.shape, strict=True)))
    picture = counts[index]
    axes.imshow(
        picture,
        cmap=_COLOURS,
        vmin=0,
        vmax=max(float(counts.max()), 1e-9),
        aspect="auto",
        interpolation="nearest",
    ).set_gid(name)
    if found.nothing:
        axes.imshow(
            np.where(picture == 0, 1.0, np.nan),
            cmap=ListedColormap([style.RUST]),
            aspect="auto",
            interpolation="nearest",
        )
    axes.set_title(name, fontsize=style.NORMAL, loc="left")
    axes.set_xlabel(
        "even" if found.even else f"period {product(found.period)}, {words.ratio(found)} : 1"
    )
    axes.set_xticks([])
    axes.set_yticks([])
