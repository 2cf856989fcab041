"""Contact sheets: samples of each class, and samples as training varies them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import matplotlib as mpl
from PIL import Image, ImageDraw, ImageFont

from fieldscope.errors import InputError
from fieldscope.lab.data.loading import Photos
from fieldscope.lab.data.preparing import Preparation, shown
from fieldscope.lab.data.split import Split
from fieldscope.photos import Photo, sized, squared, upright
from fieldscope.writing import replacing

Item = TypeVar("Item")

_PAPER, _BORDER = (255, 255, 255), (236, 236, 232)
_INK, _QUIET = (28, 28, 28), (106, 106, 106)
_MARGIN, _GUTTER, _WIDE_GUTTER, _LINE = 24, 6, 20, 24
_ACROSS, _MOST_EACH, _MOST_TILES = 8, 4, 96
_TYPE, _SMALL_TYPE = 15, 13


def contact_sheet(split: Split, *, tile: int = 112) -> Image.Image:
    """Draw samples of each class, with its label and the number of its photos beneath.

    Args:
        split: the photos; those shown are spread evenly over each class.
        tile: extent of a sample, in pixels.

    Raises:
        InputError: a photo can't be read.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.png")
    ...     Image.new("RGB", (8, 8)).save(path)
    ...     photo = Photo(path, "a.png", "a", 1)
    ...     contact_sheet(Split((photo,), (photo,), ("a",)), tile=32).height
    104
    """
    of: dict[str, list[Photo]] = {label: [] for label in split.classes}
    for photo in sorted(split.train + split.validation, key=lambda photo: photo.id):
        of[photo.label].append(photo)
    shown_classes = split.classes[:_MOST_TILES]
    most = max(len(photos) for photos in of.values())
    each = max(1, min(_MOST_EACH, most, _MOST_TILES // (2 * len(shown_classes))))
    strip = each * tile + (each - 1) * _GUTTER
    columns = min(max(_ACROSS // each, 1), len(shown_classes))
    rows = -(-len(shown_classes) // columns)
    rest = len(split.classes) - len(shown_classes)
    below = tile + _LINE + _WIDE_GUTTER
    sheet = _blank(
        columns * strip + (columns - 1) * _WIDE_GUTTER,
        rows * below - _WIDE_GUTTER + (_LINE if rest else 0),
    )
    for number, label in enumerate(shown_classes):
        row, column = divmod(number, columns)
        x, y = _MARGIN + column * (strip + _WIDE_GUTTER), _MARGIN + row * below
        for place, photo in enumerate(_spread(of[label], each)):
            image = squared(upright(photo.path), _BORDER)
            sheet.paste(_tile(image, tile), (x + place * (tile + _GUTTER), y))
        _caption(sheet, (x, y + tile), label, f"{len(of[label]):,}", width=strip)
    if rest:
        y = sheet.height - _MARGIN - _LINE
        more = f"and {rest:,} more {'class' if rest == 1 else 'classes'}"
        _caption(sheet, (_MARGIN, y), "", more, width=sheet.width - 2 * _MARGIN)
    return sheet


def augmented_sheet(
    split: Split,
    preparation: Preparation,
    *,
    seed: int,
    versions: int = 6,
    rows: int = 6,
    tile: int = 112,
) -> Image.Image:
    """Draw photos as they are validated on, and behind each how training sees it.

    Args:
        split: the photos; those shown are spread evenly over those to train on.
        preparation: what is done to them.
        seed: of the run: the versions are those of its first epochs.
        versions: how many epochs to show.
        rows: how many photos to show.
        tile: extent of a sample, in pixels.

    Raises:
        InputError: the preparation doesn't augment, or a photo can't be read.

    >>> augmented_sheet(Split((), (), ()), Preparation(8), seed=0)
    Traceback (most recent call last):
    fieldscope.errors.InputError: there are no augmented samples to draw: augmentation is off
    """
    if preparation.augment is None:
        raise InputError("there are no augmented samples to draw: augmentation is off")
    photos = Photos(split.train, split.classes, preparation=preparation, seed=seed)
    plain = Photos(
        split.train, split.classes, preparation=replace(preparation, augment=None), seed=seed
    )
    chosen = _spread(range(len(photos)), rows)
    left = tile + _WIDE_GUTTER
    across = left + versions * (tile + _GUTTER) - _GUTTER
    sheet = _blank(
        across,
        _LINE + len(chosen) * (tile + _LINE + _GUTTER) - _GUTTER,
    )
    top = _MARGIN - _LINE // 4
    _caption(sheet, (_MARGIN, top), "", "validation", width=tile)
    for epoch in range(versions):
        x = _MARGIN + left + epoch * (tile + _GUTTER)
        _caption(sheet, (x, top), "", f"epoch {epoch + 1}", width=tile)
    for row, index in enumerate(chosen):
        y = _MARGIN + _LINE + row * (tile + _LINE + _GUTTER)
        sheet.paste(_tile(shown(plain.input(index), preparation), tile), (_MARGIN, y))
        _caption(sheet, (_MARGIN, y + tile), photos.photos[index].label, "", width=across)
        for epoch in range(versions):
            image = shown(photos.input(index, epoch=epoch), preparation)
            x = _MARGIN + left + epoch * (tile + _GUTTER)
            sheet.paste(_tile(image, tile), (x, y))
    return sheet


def save(sheet: Image.Image, path: str | os.PathLike[str]) -> None:
    """Write a sheet as PNG.

    Raises:
        InputError: it can't be written; what was there still is.

    >>> save(Image.new("RGB", (1, 1)), "/nowhere/sheet.png")
    Traceback (most recent call last):
    fieldscope.errors.InputError: cannot write /nowhere/sheet.png: No such file or directory
    """
    with replacing(path) as file:
        sheet.save(file, format="PNG", optimize=True)


def _blank(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width + 2 * _MARGIN, height + 2 * _MARGIN), _PAPER)


def _tile(image: Image.Image, tile: int) -> Image.Image:
    # Few pixels are shown as such.
    if 2 * image.width <= tile:
        return image.resize((tile, tile), Image.Resampling.NEAREST)
    return sized(image, (tile, tile))


def _spread(items: Sequence[Item], count: int) -> list[Item]:
    """Give so many of the items, evenly from among them."""
    taken = min(count, len(items))
    return [items[number * len(items) // taken] for number in range(taken)]


def _caption(sheet: Image.Image, at: tuple[int, int], label: str, note: str, *, width: int) -> None:
    """Write a label and a quiet note behind it, in one line; the label is cut where it's long."""
    drawing = ImageDraw.Draw(sheet)
    font, small = _font(_TYPE), _font(_SMALL_TYPE)
    base = at[1] + _LINE - 6
    room = width - (small.getlength(f"  {note}") if note and label else 0)
    text = _shortened(label, font, room)
    drawing.text((at[0], base), text, _INK, font, anchor="ls")
    behind = at[0] + (font.getlength(text) + small.getlength("  ") if label else 0)
    drawing.text((behind, base), note, _QUIET, small, anchor="ls")


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1].rstrip()
    return f"{text}…"


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    # The font of all pictures, which comes with matplotlib; Pillow's own knows few alphabets.
    path = Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    return ImageFont.truetype(str(path), size)
