"""Pictures of effective fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldscope.optional import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fieldscope.analyses.effective import EffectiveComparison
    from fieldscope.measure.effective import EffectiveField


def effective_picture(
    found: EffectiveField,
    image: Any = None,
    *,
    resize: bool = False,
    log: bool = False,
    title: str | None = None,
) -> Figure:
    """Draw an effective field: its map, the profile along each axis, and how it fills the input.

    On the map stand the theoretical field (dashed), and the squares that hold 50 and 99 % of the
    contribution. Profiles stand beside the Gaussian that fits best.

    Args:
        found: what `fieldscope.effective` or `fieldscope.expected_effective` gave.
        image: the input to draw over, as for `field_picture`: bright where much comes from.
        resize: resize an image that hasn't the input's extents.
        log: show contributions on a logarithmic scale.
        title: instead of the layer and its position.

    Raises:
        InputError: the image can't be read or has another size, or the input has no spatial axes
            or more than three.
        MissingExtraError: matplotlib isn't installed.

    Example:
        >>> import fieldscope
        >>> b = fieldscope.Builder()
        >>> _ = b.conv(b.conv(b.input((1, 1, 16, 16)), 3), 3)
        >>> figure = effective_picture(fieldscope.expected_effective(b))
        >>> len(figure.axes)  # two maps and their colours, two profiles and the curve
        6
    """
    require("matplotlib", extra="plot", purpose="drawing an effective field")
    from fieldscope.render.pictures import effective

    return effective.draw(found, image=image, resize=resize, log=log, title=title)


def effective_fields_picture(
    found: EffectiveComparison,
    image: Any = None,
    *,
    resize: bool = False,
    log: bool = False,
    title: str | None = None,
) -> Figure:
    """Draw effective fields side by side, and their figures below.

    Layers of one network make a curve: the width of the theoretical and of the effective field
    from layer to layer. Of anything else the curves say which share of the contribution a square
    of which area holds.

    Args:
        found: what `fieldscope.compare_effective` gave, or `fieldscope.effective` of layers.
        image: the input to draw over, as for `field_picture`.
        resize: resize an image that hasn't the input's extents.
        log: show contributions on a logarithmic scale.
        title: instead of the models' names.

    Raises:
        InputError: as for `effective_picture`.
        MissingExtraError: matplotlib isn't installed.

    Example:
        >>> import fieldscope
        >>> b = fieldscope.Builder()
        >>> x = b.conv(b.input((1, 1, 16, 16)), 3, name="a")
        >>> _ = b.conv(x, 3, name="b")
        >>> fields = [fieldscope.expected_effective(b, layer=name) for name in "ab"]
        >>> figure = effective_fields_picture(fieldscope.compare_effective(fields))
        >>> [axes.get_title(loc="left") for axes in figure.axes][:2]
        ['a', 'b']
    """
    require("matplotlib", extra="plot", purpose="drawing effective fields")
    from fieldscope.render.pictures import effective_curves

    return effective_curves.draw(found, image=image, resize=resize, log=log, title=title)
