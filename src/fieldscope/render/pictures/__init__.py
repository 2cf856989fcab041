"""Pictures of fields: over the input, side by side, growing; and how they are saved.

matplotlib draws them and is loaded when one is asked for. The figures belong to the
caller alone: pyplot, its windows and the user's settings know nothing of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fieldscope.optional import require
from fieldscope.render.pictures.structure import alignment_picture as alignment_picture
from fieldscope.render.pictures.structure import architecture_picture as architecture_picture
from fieldscope.render.pictures.structure import coverage_picture as coverage_picture
from fieldscope.render.pictures.usage import effective_fields_picture as effective_fields_picture
from fieldscope.render.pictures.usage import effective_picture as effective_picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fieldscope.analyses.check import Check
    from fieldscope.analyses.comparison import Comparison
    from fieldscope.analyses.growth import Growth
    from fieldscope.analyses.layers import Report
    from fieldscope.analyses.productivity import Productivity
    from fieldscope.analyses.resolution import Resolution
    from fieldscope.geometry.maps import InputMap
    from fieldscope.redesign.refinement import Refinement


def field_picture(
    found: InputMap,
    *,
    image: Any = None,
    resize: bool = False,
    log: bool = False,
    title: str | None = None,
    centre: Sequence[float] | None = None,
    zoom: bool | None = None,
) -> Figure:
    """Draw what a position reads, over its input.

    One axis is drawn as a time line, two as a plane, three as the three slices through the
    element that is read nearest to the hull's centre. Element i lies between i - ½ and i + ½.

    Args:
        found: a support mask or a heat map.
        image: the input: an array with channels last or first, a Pillow image, or the path
            of an image or `.npy` file.
        resize: resize an image that hasn't the input's extents.
        log: show a heat map's strengths on a logarithmic scale.
        title: instead of the layer and its position.
        centre: the position's own centre on the input, in elements, to be marked as well; by
            default that of the map, where it isn't the hull's.
        zoom: enlarge the hull always or never, instead of where the whole shows too little.

    Raises:
        InputError: the image can't be read or has another size, the map has no spatial axes
            or more than three, or a support mask is asked for a logarithmic scale.
        MissingExtraError: matplotlib isn't installed.

    Example:
        >>> import numpy as np
        >>> from fieldscope.analyses.support import SupportMask
        >>> mask = np.zeros((8, 8), dtype=bool)
        >>> mask[2:5, 3:7] = True
        >>> found = SupportMask("net", "conv", (3, 4), None, "x", ("y", "x"), mask, (0, 1))
        >>> figure = field_picture(found)
        >>> hull, = figure.axes[0].findobj(lambda artist: artist.get_gid() == "hull")
        >>> hull.get_bbox().bounds == (2.5, 1.5, 4, 3)
        True
    """
    _matplotlib("drawing a field")
    from fieldscope.render.pictures import field

    return field.draw(
        found, image=image, resize=resize, log=log, title=title, centre=centre, zoom=zoom
    )


def side_by_side(
    maps: Sequence[InputMap],
    *,
    image: Any = None,
    resize: bool = False,
    log: bool = False,
    title: str | None = None,
    columns: int | None = None,
) -> Figure:
    """Draw several layers' maps over one input, to one scale.

    Args:
        maps: support masks or heat maps over the same input, in the order to be shown.
        image: the input, as for `field_picture`.
        resize: resize an image that hasn't the input's extents.
        log: show strengths on a logarithmic scale.
        title: instead of the model's name.
        columns: number of panels in a row; chosen by their number and form otherwise.

    Raises:
        InputError: no maps, or maps over different inputs; as for `field_picture`.
        MissingExtraError: matplotlib isn't installed.

    Example:
        >>> import numpy as np
        >>> from fieldscope.analyses.support import SupportMask
        >>> read = np.eye(6, dtype=bool)
        >>> maps = [SupportMask("net", f"conv{k}", (k,), None, "x", ("t",), read[k], (0,))
        ...         for k in range(3)]
        >>> len(side_by_side(maps).axes)
        3
    """
    _matplotlib("drawing fields")
    from fieldscope.render.pictures import layers

    return layers.draw(
        tuple(maps), image=image, resize=resize, log=log, title=title, columns=columns
    )


def growth_curve(
    report: Report, *, input: str | None = None, log: bool | None = None, title: str | None = None
) -> Figure:
    """Draw how the field grows from layer to layer, and its stride, against the input's extent.

    Args:
        report: what `fieldscope.analyze` gave.
        input: name of the input, where the model has several.
        log: a logarithmic axis of sizes, or a linear one; chosen by the sizes otherwise.
        title: instead of the model's name.

    Raises:
        InputError: the input must be named, or no input has spatial axes.
        MissingExtraError: matplotlib isn't installed.

    Example:
        >>> import fieldscope, torch
        >>> net = torch.nn.Sequential(torch.nn.Conv1d(1, 1, 3), torch.nn.Conv1d(1, 1, 3))
        >>> figure = growth_curve(fieldscope.analyze(net, (1, 1, 32)))
        >>> curve, = figure.axes[0].findobj(lambda artist: artist.get_gid() == "size-all")
        >>> curve.get_ydata().tolist()
        [3.0, 5.0]
    """
    _matplotlib("drawing a growth curve")
    from fieldscope.render.pictures import growth

    return growth.draw(report, input=input, log=log, title=title)


def productivity_picture(found: Productivity, *, title: str | None = None) -> Figure:
    """Draw what each widening layer receives and hands on, against the input's extent.

    Below stand the multiply-accumulates of each layer. Axes that differ have a panel each.

    Args:
        found: what `fieldscope.productivity` gave.
        title: instead of the model's name and the extents.

    Raises:
        InputError: no layer widens the field.
        MissingExtraError: matplotlib isn't installed.

    Example:
        >>> import fieldscope, torch
        >>> net = torch.nn.Sequential(torch.nn.Conv1d(1, 1, 3), torch.nn.Conv1d(1, 1, 3))
        >>> figure = productivity_picture(fieldscope.productivity(net, (1, 1, 32)))
        >>> len(figure.axes[0].patches)
        2
    """
    _matplotlib("drawing verdicts")
    from fieldscope.render.pictures import productivity

    return productivity.draw(found, title=title)


def resolution_picture(found: Resolution, *, title: str | None = None) -> Figure:
    """Draw the feasible extents of each axis as a band on a line, with the limits beside it.

    Args:
        found: what `fieldscope.resolution` gave.
        title: instead of the model's name.

    Raises:
        MissingExtraError: matplotlib isn't installed.

    Example:
        >>> import fieldscope, torch
        >>> found = fieldscope.resolution(torch.nn.Conv2d(1, 1, 3), (1, 1, 32, 32))
        >>> len(resolution_picture(found).axes)
        1
    """
    _matplotlib("drawing resolutions")
    from fieldscope.render.pictures import resolution

    return resolution.draw(found, title=title)


def comparison_picture(found: Comparison, *, title: str | None = None) -> Figure:
    """Draw networks side by side: their compute by verdict, and their feasible extents.

    Args:
        found: what `fieldscope.compare` gave.
        title: instead of the models' names.

    Raises:
        MissingExtraError: matplotlib isn't installed.

    Example:
        >>> import fieldscope, torch
        >>> nets = [torch.nn.Conv2d(1, 1, 3), torch.nn.Conv2d(1, 1, 5)]
        >>> len(comparison_picture(fieldscope.compare(nets, (1, 1, 32, 32))).axes)
        2
    """
    _matplotlib("drawing a comparison")
    from fieldscope.render.pictures import comparison

    return comparison.draw(found, title=title)


def shares_picture(found: Growth, *, title: str | None = None) -> Figure:
    """Draw what each layer adds to the size of a field, stacked up to it.

    Layers beside the longest path are level lines. Axes that differ have a panel each.

    Args:
        found: what `fieldscope.growth` gave.
        title: instead of the model's name and the layer's.

    Raises:
        InputError: no layer widens the field.
        MissingExtraError: matplotlib isn't installed.

    Example:
        >>> import fieldscope, torch
        >>> net = torch.nn.Sequential(torch.nn.Conv1d(1, 1, 3), torch.nn.Conv1d(1, 1, 3))
        >>> figure = shares_picture(fieldscope.growth(net, (1, 1, 32)))
        >>> len(figure.axes[0].patches)
        2
    """
    _matplotlib("drawing shares")
    from fieldscope.render.pictures import shares

    return shares.draw(found, title=title)


def check_picture(found: Check, *, title: str | None = None) -> Figure:
    """Draw the verdicts that a check rests on, as `productivity_picture`, and its conditions.

    Example:
        >>> import fieldscope, torch
        >>> found = fieldscope.check(torch.nn.Conv1d(1, 1, 3), (1, 1, 32), no_unproductive=True)
        >>> len(check_picture(found).axes)
        2
    """
    _matplotlib("drawing a check")
    from fieldscope.render.pictures import check

    return check.draw(found, title=title)


def refinement_picture(found: Refinement, *, title: str | None = None) -> Figure:
    """Draw a network beside its proposals: widening layers, compute and parameters.

    Args:
        found: what `fieldscope.refine` gave.
        title: instead of the model's name and the goal.

    Raises:
        InputError: there is no proposal.
        MissingExtraError: matplotlib isn't installed.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(6)))
        >>> figure = refinement_picture(fieldscope.refine(net, (1, 1, 8, 8), most=1))
        >>> len(figure.axes)
        3
    """
    _matplotlib("drawing proposals")
    from fieldscope.render.pictures import refinement

    return refinement.draw(found, title=title)


def growth_animation(
    maps: Sequence[InputMap],
    path: str | os.PathLike[str],
    *,
    image: Any = None,
    resize: bool = False,
    log: bool = False,
    report: Report | None = None,
    title: str | None = None,
    seconds_per_frame: float = 0.5,
) -> None:
    """Save the field growing through the layers as a film: `.gif`, or `.mp4` by ffmpeg.

    Args:
        maps: one per frame, over the same input.
        path: where to; the extension says the format.
        image: the input, as for `field_picture`.
        resize: resize an image that hasn't the input's extents.
        log: show strengths on a logarithmic scale.
        report: the model's report, for the strides.
        title: instead of the model's name.
        seconds_per_frame: how long a layer is shown; the last one four times as long.

    Raises:
        InputError: another extension, no maps, maps over different inputs, a file that
            can't be written, or ffmpeg isn't there for an `.mp4`.
        MissingExtraError: matplotlib isn't installed.

    Example:
        >>> growth_animation([], "growth.avi")
        Traceback (most recent call last):
        fieldscope.errors.InputError: cannot save an animation as .avi
        known extensions: .gif and .mp4
    """
    _matplotlib("drawing an animation")
    from fieldscope.render.pictures import animation

    animation.save(
        tuple(maps),
        path,
        image=image,
        resize=resize,
        log=log,
        report=report,
        title=title,
        seconds=seconds_per_frame,
    )


def save(figure: Figure, path: str | os.PathLike[str], *, dpi: float = 150) -> None:
    """Save a figure in the format that the extension names, whole or not at all.

    The same figure gives the same bytes: no dates and no random names are written.

    Args:
        figure: any figure of matplotlib.
        path: ends in .png, .svg, .pdf, .jpg, .jpeg, .webp, .tif or .tiff.
        dpi: pixels per inch, for the formats that have pixels.

    Raises:
        InputError: the extension isn't known, or the file can't be written; one that was
            there stays as it was.
        MissingExtraError: matplotlib isn't installed.

    Example:
        >>> from matplotlib.figure import Figure
        >>> save(Figure(), "field.gif")
        Traceback (most recent call last):
        fieldscope.errors.InputError: cannot save a picture as .gif, which is for an animation
        known extensions: .png, .svg, .pdf, .jpg, .jpeg, .webp, .tif and .tiff
    """
    _matplotlib("saving a picture")
    from fieldscope.render.pictures import files

    files.save(figure, path, dpi=dpi)


def png(figure: Figure, *, dpi: float = 100) -> bytes:
    """Give a figure as a PNG file's bytes, for what holds pictures inside.

    Example:
        >>> from matplotlib.figure import Figure
        >>> png(Figure(figsize=(1, 1)))[1:4]
        b'PNG'
    """
    _matplotlib("drawing a picture")
    from fieldscope.render.pictures import files

    return files.encoded(figure, "png", dpi=dpi)


def _matplotlib(purpose: str) -> None:
    require("matplotlib", extra="plot", purpose=purpose)
