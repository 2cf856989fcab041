"""What makes a field as large as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fieldscope.api.analysis import _reported

if TYPE_CHECKING:
    from fieldscope.analyses.growth import Growth
    from fieldscope.analyses.layers import Report
    from fieldscope.api.analysis import Model


def growth(
    model: Model | Report,
    inputs: Any = None,
    *,
    layer: str | None = None,
    changes: bool = True,
    input: str | None = None,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    example: Any = None,
) -> Growth:
    """Find each layer's share of the size of a field, and what other windows would make of it.

    A layer adds (kernel − 1)·dilation·S elements, S being those from one position of what enters
    it to the next (Araujo, Norris, Sim, Distill 2019, doi 10.23915/distill.00021). Where branches
    meet, the longest path counts; layers beside it have no share. Along each axis the shares add
    up to the size less one.

    Args:
        model: a model as for `analyze`, or the report of one.
        inputs: the shape of the input with batch, as for `analyze`; none for a report.
        layer: the layer whose field is divided; by default the last map whose field is a part of
            the input, such as that before global pooling.
        changes: try a kernel two smaller and larger, stride 1 or 2, and twice the dilation for
            each layer, its padding such that the map keeps its extents.
        input: name of the input, where the model has several.
        axes: the spatial axes of the input; see `analyze`.
        example: real inputs to run instead of shapes; see `analyze`.

    Returns:
        The shares: `.layers[0].share`, `.by_name["layer1"].changes`, `.size`; ask for other windows
        with `.if_changed("conv1", kernel=3)`; a table, `.to_json()`, `.to_image()`.

    Raises:
        LayerNotFoundError: there is no such layer.
        InputError: the inputs don't fit, or the field is global, a bound or not periodic.
        ModelError: the model fails on such inputs.
        TraceError: the forward depends on values; pass an example.
        MissingExtraError: the model's framework isn't installed.

    Example:
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv2d(1, 4, (7, 3), stride=2), nn.Conv2d(4, 1, 3, dilation=2))
        >>> found = growth(net, (1, 1, 64, 64))
        >>> found.size, [(one.layer, one.share) for one in found.layers]
        ((15, 11), [('0', (6, 2)), ('1', (8, 8))])
        >>> found.if_changed("0", stride=1, kernel=3).size
        (7, 7)
    """
    from fieldscope.analyses.growth import growth_of
    from fieldscope.render import shown  # noqa: F401  # registers how findings show themselves

    report = _reported(model, inputs, axes=axes, example=example)
    return growth_of(report, input, layer=layer, changes=changes)
