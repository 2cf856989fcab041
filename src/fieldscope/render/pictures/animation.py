"""The field growing through the layers: one frame per map, as GIF or MP4."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from subprocess import CalledProcessError
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rcParams
from matplotlib.animation import FFMpegWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle
from PIL import Image, ImageColor

from fieldscope import writing
from fieldscope.errors import InputError
from fieldscope.geometry.maps import InputMap
from fieldscope.render import maps as words
from fieldscope.render.numerals import extents, product, sizes
from fieldscope.render.pictures import content, files, images, layers, line, plane, sheet, style

if TYPE_CHECKING:
    from fieldscope.analyses.layers import Report

# As many pixels as 5 or 6 inches have; a film is shown small.
_DPI = 100
_LEFT, _RIGHT, _ABOVE, _BELOW = 0.56, 0.30, 0.86, 0.92
_LAST = 4
_EXACT = (style.PAPER, style.INK, style.QUIET, style.FAINT, style.AMBER, style.BLUE)
_COLOURS = 256 - len(_EXACT)
_ALMOST = 10

Draw = Callable[[InputMap], None]


def save(
    maps: Sequence[InputMap],
    path: str | os.PathLike[str],
    *,
    image: Any,
    resize: bool,
    log: bool,
    report: Report | None,
    title: str | None,
    seconds: float,
) -> None:
    """Save maps as a film; `fieldscope.render.pictures.growth_animation` says how."""
    kind = files.known(path, files.ANIMATIONS, what="an animation", otherwise=tuple(files.FORMATS))
    target = writing.check(path)
    content.alike(maps)
    if not seconds > 0:
        raise InputError(f"seconds per frame must be above 0, got {seconds}")
    with _own_settings(kind):
        film = Film(maps, image=image, resize=resize, log=log, report=report, title=title)
        if kind == "gif":
            _save_gif(film, target, seconds)
        else:
            _save_mp4(film, target, seconds)


@contextlib.contextmanager
def _own_settings(kind: str) -> Iterator[None]:
    # Where ffmpeg lies is the user's to say, whatever the style.
    program = rcParams["animation.ffmpeg_path"]
    with style.own_style():
        rcParams["animation.ffmpeg_path"] = program
        if kind == "mp4" and not FFMpegWriter.isAvailable():
            raise InputError(
                "saving an animation as .mp4 needs ffmpeg, which isn't found\n"
                "install ffmpeg (or name it in matplotlib's setting animation.ffmpeg_path), "
                "or save as .gif"
            )
        yield


class Film:
    """A figure of constant size that shows one map after the other.

    Args:
        maps: what the frames show, in order.
        image: the input, or None.
        resize: resize the image if it hasn't the input's extents.
        log: show strengths on a logarithmic scale.
        report: for the strides.
        title: instead of the model's name.
    """

    def __init__(
        self,
        maps: Sequence[InputMap],
        *,
        image: Any,
        resize: bool,
        log: bool,
        report: Report | None,
        title: str | None,
    ) -> None:
        first = maps[0]
        self.maps = maps
        self._report = report
        self._title = title
        self._scale = content.scale(maps, log=log)
        self._image = None
        if image is not None:
            self._image = images.fitting(
                image, first.mask.shape, first.axes, owner=words.owner(first), resize=resize
            )
        self._view = layers.common(maps)
        self._panels = self._sizes()
        beside = _LEFT + _RIGHT
        self._width = _even(max(sum(wide + beside for wide, _ in self._panels), 4.4))
        tallest = max(high for _, high in self._panels)
        self.figure = style.blank(self._width, _even(_ABOVE + tallest + _BELOW))

    def _sizes(self) -> list[tuple[float, float]]:
        """Give the width and height of the panels: one, or three for a volume."""
        lengths = [plane.extent(run) for run in self._view]
        if len(lengths) == 1:
            return [(6.4, 0.8 if self._scale is None else 1.4)]
        if len(lengths) == 2:
            return [sheet.panel_size(lengths[0], lengths[1], widest=5.0, tallest=4.4)]
        inches = 2.2 / max(lengths)
        return [
            sheet.panel_size(
                lengths[rows],
                lengths[columns],
                widest=lengths[columns] * inches,
                tallest=lengths[rows] * inches,
            )
            for rows, columns in ((1, 2), (0, 2), (0, 1))
        ]

    def show(self, number: int) -> None:
        """Draw frame `number`, counted from 0, in the place of what is there."""
        found = self.maps[number]
        self.figure.clear()
        room = self._width - 2 * sheet.EDGE
        head = style.fitted(words.subject(found), room, style.LARGE * 1.05)
        style.write(
            self.figure, sheet.EDGE, sheet.EDGE, head, points=style.LARGE, fontweight="bold"
        ).set_gid("title")
        facts = self._facts(found)
        below = sheet.BETWEEN.join(facts)
        while len(facts) > 2 and style.fitted(below, room, style.NORMAL) != below:
            below = sheet.BETWEEN.join(facts := facts[:-1])  # the input is there to be seen
        below = style.fitted(below, room, style.NORMAL)
        style.write(self.figure, sheet.EDGE, sheet.EDGE + 0.26, below, color=style.QUIET).set_gid(
            "facts"
        )
        left, axes = _LEFT, []
        for wide, high in self._panels:
            axes.append(style.place(self.figure, left, _ABOVE, wide, high))
            left += wide + _LEFT + _RIGHT
        if len(found.axes) == 1:
            line.strip_of(axes[0], found, self._view[0], scale=self._scale, sizes=False)
            axes[0].set_xlabel(found.axes[0], labelpad=1)
        else:
            self._show_planes(found, axes)
        self._show_progress(number)

    def _show_planes(self, found: InputMap, axes: Sequence[Any]) -> None:
        drawn = content.planes(found, self._image, self._scale, in_colours=self._image is None)
        places = ((0, 1),) if len(drawn) == 1 else ((1, 2), (0, 2), (0, 1))
        for (ground, _), (rows, columns), panel in zip(drawn, places, axes, strict=True):
            plane.draw(panel, ground, (self._view[rows], self._view[columns]), sizes=False)

    def _facts(self, found: InputMap) -> list[str]:
        texts = [self._title or found.model]
        if found.count:
            texts.append(f"size {extents(found.size)}")
        else:
            texts.append(words.nothing(found))
        stride = self._stride(found)
        texts += [stride] if stride else []
        if found.count and words.share(found) != "100%":
            texts.append(f"{words.share(found)} read")
        texts.append(f"{words.named(found.input)} {product(found.mask.shape)}")
        return texts

    def _stride(self, found: InputMap) -> str | None:
        if self._report is None or found.layer not in self._report:
            return None
        field = self._report[found.layer].fields.get(found.input)
        return None if field is None or None in field.stride else f"stride {sizes(field.stride)}"

    def _show_progress(self, number: int) -> None:
        """Draw how far through the layers this frame is, along the bottom."""
        across, down = self.figure.get_size_inches()
        count = len(self.maps)
        left, width = sheet.EDGE / across, 1 - 2 * sheet.EDGE / across
        for share, colour, name in (
            (1.0, style.FAINT, "ahead"),
            ((number + 1) / count, style.BLUE, "progress"),
        ):
            bar = Rectangle(
                (left, 0.16 / down),
                width * share,
                0.07 / down,
                transform=self.figure.transFigure,
                facecolor=colour,
                linewidth=0,
                gid=name,
            )
            self.figure.add_artist(bar)
        style.write(
            self.figure,
            across - sheet.EDGE,
            down - 0.42,
            f"{number + 1} of {count}",
            points=style.SMALL,
            color=style.QUIET,
            ha="right",
        ).set_gid("number")


def _even(inches: float) -> float:
    """Round to an even number of pixels, as coders of films ask for."""
    return 2 * round(inches * _DPI / 2) / _DPI


def _pixels(figure: style.Picture) -> Image.Image:
    figure.set_dpi(_DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]  # matplotlib gives it no types
    shown = canvas.buffer_rgba()  # type: ignore[no-untyped-call]
    return Image.fromarray(np.asarray(shown)).convert("RGB")


def _save_gif(film: Film, target: Path, seconds: float) -> None:
    frames: list[Image.Image] = []
    palette = _palette(film)
    for number in range(len(film.maps)):
        film.show(number)
        # One palette and no dithering: what doesn't change between frames costs nothing.
        frames.append(_pixels(film.figure).quantize(palette=palette, dither=Image.Dither.NONE))
    # A GIF counts in hundredths of a second.
    each = max(round(seconds * 100), 2) * 10
    written = io.BytesIO()
    frames[0].save(
        written,
        format="GIF",
        save_all=True,
        append_images=frames[1:],
        duration=[*[each] * (len(frames) - 1), each * _LAST],
        loop=0,
        optimize=False,
    )
    with writing.replacing(target) as temporary:
        temporary.write_bytes(written.getvalue())


def _palette(film: Film) -> Image.Image:
    """Choose the colours by a first, a middle and the last frame together."""
    count = len(film.maps)
    shown = []
    for number in sorted({0, count // 2, count - 1}):
        film.show(number)
        shown.append(_pixels(film.figure))
    together = Image.new("RGB", (shown[0].width, sum(one.height for one in shown)))
    for place, one in enumerate(shown):
        together.paste(one, (0, place * one.height))
    chosen = together.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT).getpalette() or []
    found = np.array(chosen, dtype=np.int64).reshape(-1, 3)[:_COLOURS]
    # Paper must stay white and lines as they are, however few pixels they have, so colours
    # that are almost theirs give way.
    exact = np.array([ImageColor.getrgb(name) for name in _EXACT])
    for colour in exact:
        found[np.abs(found - colour).max(axis=1) < _ALMOST] = colour
    palette = Image.new("P", (1, 1))
    palette.putpalette([*found.ravel().tolist(), *exact.ravel().tolist()])
    return palette


def _save_mp4(film: Film, target: Path, seconds: float) -> None:
    # Players want a usual rate and a usual coding of colours.
    writer = FFMpegWriter(
        fps=1 / seconds,  # type: ignore[arg-type]  # handed to ffmpeg as it is
        codec="h264",
        extra_args=["-r", "25", "-pix_fmt", "yuv420p"],
    )
    with writing.replacing(target) as temporary:
        film.show(0)
        try:
            with writer.saving(film.figure, str(temporary), _DPI):
                for number in range(len(film.maps)):
                    film.show(number)
                    for _ in range(_LAST if number == len(film.maps) - 1 else 1):
                        writer.grab_frame(facecolor=style.PAPER)
        except CalledProcessError as error:
            said = str(error.stderr or error).strip().splitlines()[-1]
            raise InputError(f"ffmpeg could not make {target.name}: {said}") from error
