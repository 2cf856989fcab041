"""What fields say of a network's structure: joins that don't meet, elements that nobody reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fieldscope.api.analysis import _reported

if TYPE_CHECKING:
    from fieldscope.analyses.alignment import Alignment
    from fieldscope.analyses.coverage import Coverage
    from fieldscope.analyses.layers import Report
    from fieldscope.api.analysis import Model


def alignment(
    model: Model | Report,
    inputs: Any = None,
    *,
    input: str | None = None,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    example: Any = None,
) -> Alignment:
    """Find the joins whose branches don't see the same place of the input.

    Where maps are added, multiplied or concatenated, position i of each is taken for the same
    place. Compared are the strides and the centres of position 0 on the unbounded plane, where
    element k is centred at k and a field [lo, hi) at (lo + hi − 1) / 2; the half-pixel convention
    of detectors shifts all of them alike, so offsets are the same under both. A field that repeats
    with phases, as behind upsampling, is taken by the mean of its phases. Context
    (squeeze-and-excitation, statistics of norms) has no place and isn't compared.

    Args:
        model: a model as for `analyze`, or the report of one.
        inputs: the shape of the input with batch, as for `analyze`; none for a report.
        input: name of the input, where the model has several.
        axes: the spatial axes of the input; see `analyze`.
        example: real inputs to run instead of shapes; see `analyze`.

    Returns:
        `.joins`, each with its `.branches` and a `.verdict`: "aligned", "shifted", "strides
        differ" or "not comparable"; `.misaligned`; a table, `.to_json()`, `.to_image()`.

    Raises:
        InputError: the inputs don't fit, or the model has several and none is named.
        ModelError: the model fails on such inputs.
        TraceError: the forward depends on values; pass an example.
        MissingExtraError: the model's framework isn't installed.

    Example:
        >>> import fieldscope
        >>> b = fieldscope.Builder("net")
        >>> x = b.input((1, 4, 16, 16))
        >>> y = b.conv(x, 3, padding=((0, 2), 1), name="shifted")
        >>> _ = b.add(x, y, name="join")
        >>> join, = alignment(b).misaligned
        >>> join.layer, join.verdict, [str(offset) for offset in join.offset]
        ('join', 'shifted', ['1', '0'])
    """
    from fieldscope.analyses.alignment import alignment_of
    from fieldscope.render import shown  # noqa: F401  # registers how findings show themselves

    return alignment_of(_reported(model, inputs, axes=axes, example=example), input)


def coverage(
    model: Model | Report,
    inputs: Any = None,
    *,
    layer: str | None = None,
    input: str | None = None,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    example: Any = None,
) -> Coverage:
    """Find the input elements that no position of a layer reads, and how evenly others are read.

    Strides larger than kernels and cropping leave elements unread, which is exact. How often
    others are read is a count of ways: from all positions of the layer through all windows on
    the way, each tap a way of its own, channels and whole axes as means. With one convolution it
    is the number of positions that read an element. Far from the borders counts repeat; `pattern`
    is one period of them, and `arrivals` the same forwards: how many ways lead to each position
    of the layer, where transposed convolutions with kernels that aren't a multiple of their
    stride show a checkerboard. Gridding by dilations shows in `density`, the share of its hull
    that one position reads. Context (squeeze-and-excitation, statistics of norms) isn't counted.

    Args:
        model: a model as for `analyze`, or the report of one.
        inputs: the shape of the input with batch, as for `analyze`; none for a report.
        layer: name of the layer, as in the report; None for the model's output.
        input: name of the input, where the model has several.
        axes: the spatial axes of the input; see `analyze`.
        example: real inputs to run instead of shapes; see `analyze`.

    Returns:
        `.unread`, `.unread_share`, `.mask`, `.reads` over the input's spatial axes;
        `.pattern.period`, `.pattern.ratio` (largest to smallest), `.pattern.variation`, and the
        same of `.arrivals`; a table, `.to_json()`, `.to_image()`.

    Raises:
        LayerNotFoundError: there is no such layer.
        InputError: the inputs don't fit, or the model has several and none is named.
        ModelError: the model fails on such inputs.
        TraceError: the forward depends on values; pass an example.
        MissingExtraError: the model's framework isn't installed.

    Example:
        >>> import fieldscope
        >>> b = fieldscope.Builder("net")
        >>> x = b.conv(b.input((1, 1, 12)), 3, stride=2, padding=1)
        >>> _ = b.conv_transpose(x, 3, stride=2, name="up")
        >>> found = coverage(b)
        >>> found.reads.tolist()[:6], found.pattern.ratio, found.arrivals.ratio
        ([3.0, 6.0, 3.0, 6.0, 3.0, 6.0], 2.0, 2.0)
    """
    from fieldscope.analyses.coverage import coverage_of
    from fieldscope.render import shown  # noqa: F401  # registers how findings show themselves

    return coverage_of(_reported(model, inputs, axes=axes, example=example), layer, input)
