"""Pictures of results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os

    from matplotlib.figure import Figure

    from fieldscope.analyses.layers import Report
    from fieldscope.geometry.maps import InputMap


def draw(
    result: Report | InputMap | Sequence[InputMap],
    *,
    path: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Figure:
    """Draw a result, and save the picture if a path is given.

    A map (from `support` or `gradient`) is drawn over its input, several maps side by side to
    one scale, and a report as the growth of its fields from layer to layer.

    Args:
        result: a support mask, a heat map, several of them over one input, or a report.
        path: where to save it; the extension says the format (.png, .svg, .pdf, .jpg, .webp).
        options: of the picture: `title`; of maps also `image` (an array, a Pillow image or a
            path), `resize`, `log`; of a report `input`, `log`. See docs/pictures.md.

    Returns:
        A matplotlib figure.

    Raises:
        InputError: the image doesn't fit, or nothing can be saved there.
        MissingExtraError: matplotlib isn't installed.

    Example:
        >>> import fieldscope, torch
        >>> net = torch.nn.Sequential(torch.nn.Conv1d(1, 1, 3), torch.nn.Conv1d(1, 1, 5))
        >>> report = fieldscope.analyze(net, (1, 1, 32))
        >>> masks = [fieldscope.support(report, layer=name) for name in ("0", "1")]
        >>> len(draw(masks, title="Two layers").axes)
        2
    """
    from fieldscope.media import as_figure
    from fieldscope.render import (
        pictures,
        shown,  # noqa: F401  # registers how results are drawn
    )

    if isinstance(result, Sequence):
        figure = pictures.side_by_side(result, **options)
    else:
        figure = as_figure(result, **options)
    if path is not None:
        pictures.save(figure, path)
    return figure
