"""Several maps side by side, to one scale: how the field grows, or which layer reads what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fieldscope.analyses.support import SupportMask
from fieldscope.errors import InputError
from fieldscope.geometry.maps import InputMap
from fieldscope.render import maps as words
from fieldscope.render.numerals import extents
from fieldscope.render.pictures import content, field, images, line, plane, sheet, style
from fieldscope.render.pictures.plane import Box, extent
from fieldscope.wording import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_WIDE = 11.0
# Where all hulls together take less of the input than this, only their surroundings are shown.
_CROPPED = 0.5
_MARGINS = sheet.Margins(left=0.56, right=0.14, above=0.46, below=0.40)
_LINES = sheet.Margins(left=0.3, right=0.3, above=0.34, below=0.16)
_LAST_LINE = sheet.Margins(left=0.3, right=0.3, above=0.34, below=0.42)
_BAR = 0.95


def draw(
    maps: Sequence[InputMap],
    *,
    image: Any,
    resize: bool,
    log: bool,
    title: str | None,
    columns: int | None,
) -> style.Picture:
    """Draw maps; `fieldscope.render.pictures.side_by_side` says what the options mean."""
    content.alike(maps)
    if columns is not None and columns < 1:
        raise InputError(f"columns must be 1 or more, got {columns}")
    first = maps[0]
    scale = content.scale(maps, log=log)
    shown = None
    if image is not None:
        shown = images.fitting(
            image, first.mask.shape, first.axes, owner=words.owner(first), resize=resize
        )
    models = listed(list(dict.fromkeys(one.model for one in maps)), most=3)
    texts: dict[str, Any] = {
        "title": title or models,
        "subtitle": f"over {words.over(first)}",
        "notes": list(_notes(maps, lit=shown is not None)),
    }
    view = common(maps)
    with style.own_style():
        if len(first.axes) == 1:
            return _lines(maps, scale, view[0], texts)
        if len(first.axes) == 3:
            return _slices(maps, shown, scale, texts)
        return _planes(maps, shown, scale, (view[0], view[1]), texts, columns=columns)


def common(maps: Sequence[InputMap]) -> tuple[slice, ...]:
    """Choose the part of the input that all maps are shown on: all of it, or around the hulls."""
    shape = maps[0].mask.shape
    whole = tuple(slice(0, length) for length in shape)
    hull = content.union(maps)
    if hull is None:
        return whole
    largest = max(extent(run) / length for run, length in zip(hull, shape, strict=True))
    if largest >= _CROPPED:
        return whole
    margins = [max(extent(run) // 8, 2) for run in hull]
    return tuple(
        slice(max(run.start - margin, 0), min(run.stop + margin, length))
        for run, margin, length in zip(hull, margins, shape, strict=True)
    )


def _planes(
    maps: Sequence[InputMap],
    image: images.Floats | None,
    scale: content.Scale | None,
    view: Box,
    texts: dict[str, Any],
    *,
    columns: int | None,
) -> style.Picture:
    high, wide = (extent(run) for run in view)
    most = 4 if wide <= 1.5 * high else 3 if wide <= 3 * high else 2
    across = columns or content.columns_for(len(maps), most=most)
    room = min(_MOST_WIDE / across - _MARGINS.left - _MARGINS.right, 3.6)
    size = sheet.panel_size(high, wide, widest=room, tallest=3.6)
    rows = [maps[start : start + across] for start in range(0, len(maps), across)]
    coloured = scale is not None and image is None
    made = sheet.compose(
        [[size for _ in row] for row in rows],
        margins=_MARGINS,
        spare=_BAR if coloured else 0,
        **texts,
    )
    for row, panels in zip(rows, made.panels, strict=True):
        for one, axes in zip(row, panels, strict=True):
            ((ground, _),) = content.planes(one, image, scale, in_colours=image is None)
            plane.draw(axes, ground, view, sizes=False)
            if axes is not panels[0]:
                axes.set_ylabel("")
            _head(axes, one, size[0])
    if coloured and scale is not None:
        field.colour_bar(made, scale)
    return made.figure


def _slices(
    maps: Sequence[InputMap],
    image: images.Floats | None,
    scale: content.Scale | None,
    texts: dict[str, Any],
) -> style.Picture:
    """Draw volumes as rows of three slices; each through a place that its own layer reads."""
    longest = max(maps[0].mask.shape)
    inches = 2.0 / longest
    drawn = [content.planes(one, image, scale, in_colours=image is None) for one in maps]
    coloured = scale is not None and image is None
    made = sheet.compose(
        [
            [
                sheet.panel_size(*ground.mask.shape, widest=w * inches, tallest=h * inches)
                for ground, _ in row
                for h, w in [ground.mask.shape]
            ]
            for row in drawn
        ],
        margins=_MARGINS,
        spare=_BAR if coloured else 0,
        **texts,
    )
    for one, row, panels in zip(maps, drawn, made.panels, strict=True):
        for (ground, text), axes in zip(row, panels, strict=True):
            plane.draw(axes, ground, ground.whole, sizes=False)
            if axes is not panels[0]:
                _write(axes, text, "", 0)
        _head(panels[0], one, 2.4, after=row[0][1])
    if coloured and scale is not None:
        field.colour_bar(made, scale)
    return made.figure


def _lines(
    maps: Sequence[InputMap], scale: content.Scale | None, view: slice, texts: dict[str, Any]
) -> style.Picture:
    high = 0.26 if scale is None else 0.6
    margins = [_LINES] * (len(maps) - 1) + [_LAST_LINE]
    made = sheet.compose([[(7.4, high)]] * len(maps), margins=margins, **texts)
    panels = [row[0] for row in made.panels]
    for one, axes in zip(maps, panels, strict=True):
        line.strip_of(axes, one, view, scale=scale, sizes=False)
        axes.set_yticks([])
        if axes is not panels[-1]:
            axes.tick_params(labelbottom=False)
        _head(axes, one, 7.0, level=True)
    panels[-1].set_xlabel(maps[0].axes[0], labelpad=1)
    return made.figure


def _head(
    axes: Axes, one: InputMap, inches: float, *, after: str = "", level: bool = False
) -> None:
    """Write the layer's name over a panel, its size and what is read of it below or beside."""
    told = [extents(one.size) if one.count else "reads nothing"]
    if one.count and isinstance(one, SupportMask):
        told += [] if words.share(one) == "100%" else [f"{words.share(one)} read"]
        told += [] if one.exact else ["a bound"]
    text = " · ".join([*told, *([after] if after else [])])
    name = one.layer if one.channel is None else f"{one.layer}, channel {one.channel}"
    if level:
        _write(axes, "", style.fitted(name, inches / 2, style.NORMAL), 0)
        axes.annotate(
            text,
            (1, 1),
            xycoords="axes fraction",
            xytext=(0, 4),
            textcoords="offset points",
            ha="right",
            fontsize=style.SMALL,
            color=style.QUIET,
            annotation_clip=False,
        ).set_gid("size")
        return
    _write(axes, style.fitted(text, inches, style.SMALL), style.fitted(name, inches, 10.0), 11)


def _write(axes: Axes, quiet: str, bold: str, lift: float) -> None:
    for text, up, look in (
        (quiet, 4.0, {"fontsize": style.SMALL, "color": style.QUIET, "gid": "size"}),
        (bold, 4.0 + lift, {"fontweight": "bold", "color": style.INK, "gid": "layer"}),
    ):
        if text:
            axes.annotate(
                text,
                (0, 1),
                xycoords="axes fraction",
                xytext=(0, up),
                textcoords="offset points",
                annotation_clip=False,
                **look,
            )


def _notes(maps: Sequence[InputMap], *, lit: bool) -> Iterator[str]:
    keys = ["bright: read, dim: not" if lit else "dark: read, light: not"]
    if not all(isinstance(one, SupportMask) for one in maps):
        keys = ["light grey: no gradient", *(["brightness: strength"] if lit else [])]
        if len(maps[0].axes) == 1:
            keys = ["height: |d output / d input|, alike for all"]
    keys += ["grey: hull"] if len(maps[0].axes) == 1 else ["frame: hull"]
    keys += ["+: its centre"]
    at = list(dict.fromkeys(one.position for one in maps))
    if len(at) == 1 and at[0]:
        inside = ", ".join(map(str, at[0]))
        keys.insert(0, f"position {f'({inside})' if len(at[0]) > 1 else inside} of each layer")
    yield sheet.BETWEEN.join(keys)
    told: dict[str, dict[str, None]] = {}
    for one in maps:
        for remark in words.remarks(one):
            told.setdefault(remark, {})[one.layer] = None
    yield from (f"{listed(list(layers), most=3)}: {remark}" for remark, layers in told.items())
