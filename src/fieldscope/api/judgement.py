"""What fields mean for a design: productive layers, feasible resolutions, conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fieldscope.api.analysis import _reported

if TYPE_CHECKING:
    from fieldscope.analyses.check import Check, Numbers
    from fieldscope.analyses.comparison import Comparison
    from fieldscope.analyses.inputs import Wanted
    from fieldscope.analyses.layers import Report
    from fieldscope.analyses.productivity import Productivity
    from fieldscope.analyses.resolution import Resolution
    from fieldscope.api.analysis import Model


def productivity(
    model: Model | Report,
    inputs: Any = None,
    *,
    input: Wanted = None,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    example: Any = None,
) -> Productivity:
    """Judge which layers can add context at an input's extents, and which are dead weight.

    With n the input's extent, a layer that widens the narrowest field is *unproductive* where
    what it receives is n or more already on every axis that it widens, *critical* where its own
    narrowest field exceeds n on every axis, *partly critical* where it does on some, and else
    *productive*; all other layers are *not widening* (Richter et al., "Should You Go Deeper?",
    ICMLA 2021, arXiv 2106.12307).

    Args:
        model: a model as for `analyze`, or the report of one.
        inputs: the shape of the input with batch, as for `analyze`; none for a report.
        input: name of the input, where the model has several; or the extents to judge at, where
            they aren't those that were analysed: 32, (32, 48), a whole shape, {"x": (32, 48)}.
            Fields on the unbounded plane don't depend on the input, so one report answers for
            all extents; multiply-accumulates are those of the analysed shape.
        axes: the spatial axes of the input; see `analyze`.
        example: real inputs to run instead of shapes; see `analyze`.

    Returns:
        A verdict per layer: `.layers[0].verdict`, `.unproductive`, `.share_of("unproductive")`,
        `.by_name["layer4.1.conv2"]`; a table, `.to_json()`, `.to_image()`.

    Raises:
        InputError: the inputs or extents don't fit, or the model has several inputs.
        ModelError: the model fails on such inputs.
        TraceError: the forward depends on values; pass an example.
        MissingExtraError: the model's framework isn't installed.

    Example:
        >>> from fieldscope import analyze
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 7, stride=2, padding=3), nn.Conv2d(8, 8, 3))
        >>> report = analyze(net, (1, 3, 64, 64))
        >>> [layer.verdict for layer in productivity(report).layers]
        ['productive', 'productive']
        >>> [layer.verdict for layer in productivity(report, input=7).layers]
        ['productive', 'unproductive']
    """
    from fieldscope.analyses.productivity import productivity_of
    from fieldscope.render import shown  # noqa: F401  # registers how findings show themselves

    return productivity_of(_reported(model, inputs, axes=axes, example=example), input)


def resolution(
    model: Model | Report,
    inputs: Any = None,
    *,
    input: str | None = None,
    snapped: bool = False,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    example: Any = None,
) -> Resolution:
    """Find the input extents that suit a network, and the layers that set the limits.

    Below `smallest` some widening layers receive more than the whole input already, along the
    shortest path; above `largest` no position sees the whole input any more. Limits are per
    axis and don't depend on the analysed extents, as long as fields are periodic.

    Args:
        model: a model as for `analyze`, or the report of one.
        inputs: the shape of the input with batch, as for `analyze`; none for a report.
        input: name of the input, where the model has several.
        snapped: round the limits to multiples of the total stride, inwards.
        axes: the spatial axes of the input; see `analyze`.
        example: real inputs to run instead of shapes; see `analyze`.

    Returns:
        The limits: `.smallest`, `.productive_from`, `.uncritical`, `.largest`, with the layers
        that set them in `.lower`, `.free`, `.upper`; a table, `.to_json()`, `.to_image()`.

    Raises:
        InputError: the inputs don't fit, or no layer has positions.
        ModelError: the model fails on such inputs.
        TraceError: the forward depends on values; pass an example.
        MissingExtraError: the model's framework isn't installed.

    Example:
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv1d(1, 1, 7, stride=2), nn.Conv1d(1, 1, 5))
        >>> found = resolution(net, (1, 1, 64))
        >>> found.smallest, found.largest, found.upper.layers
        ((7,), (15,), (('1',),))
    """
    from fieldscope.analyses.resolution import resolution_of
    from fieldscope.render import shown  # noqa: F401  # registers how findings show themselves

    report = _reported(model, inputs, axes=axes, example=example)
    return resolution_of(report, input, snapped=snapped)


def compare(
    models: Sequence[Model | Report] | Mapping[str, Model | Report],
    inputs: Any = None,
    *,
    input: Wanted = None,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
) -> Comparison:
    """Put several networks side by side at one input.

    Args:
        models: models as for `analyze`, or reports; a dict gives them names.
        inputs: the shape of the input with batch, the same for all; none for reports.
        input: name of the input, where the models have several, or the extents to judge at; see
            `productivity`.
        axes: the spatial axes of the input; see `analyze`.

    Returns:
        The networks' figures: field, stride, unproductive layers, costs, feasible resolutions;
        a table, `.to_json()`, `.to_image()`.

    Raises:
        InputError: there are fewer than two, or the inputs don't fit.
        ModelError: a model fails on such inputs.
        MissingExtraError: a model's framework isn't installed.

    Example:
        >>> from torch import nn
        >>> nets = {"small": nn.Conv2d(1, 1, 3), "large": nn.Conv2d(1, 1, 9)}
        >>> [(one.name, one.largest) for one in compare(nets, (1, 1, 32, 32)).models]
        [('small', (3, 3)), ('large', (9, 9))]
    """
    from fieldscope.analyses.comparison import compared, of_model
    from fieldscope.render import shown  # noqa: F401  # registers how findings show themselves

    named = models.items() if isinstance(models, Mapping) else [(None, one) for one in models]
    reports = []
    for place, (name, model) in enumerate(named):
        with of_model(name or (model if isinstance(model, str) else f"model {place}")):
            report = _reported(model, inputs, axes=axes)
        reports.append((name or report.model, report))
    return compared(reports, input)


def check(
    model: Model | Report,
    inputs: Any = None,
    *,
    no_unproductive: bool = False,
    no_critical: bool = False,
    min_field: Numbers = None,
    max_field: Numbers = None,
    max_stride: Numbers = None,
    max_macs: int | None = None,
    max_parameters: int | None = None,
    exact: bool = False,
    allow: Sequence[str] = (),
    input: Wanted = None,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    example: Any = None,
) -> Check:
    """Hold a network against conditions, as a test of its design.

    Args:
        model: a model as for `analyze`, or the report of one.
        inputs: the shape of the input with batch, as for `analyze`; none for a report.
        no_unproductive: no layer may be unproductive; see `productivity`.
        no_critical: no layer may reach beyond the input along its shortest path.
        min_field: least size of the largest field of a layer with positions, in input elements:
            one number, or one per axis.
        max_field: most of the same.
        max_stride: most of the total stride.
        max_macs: most multiply-accumulates for an input of that shape.
        max_parameters: most learnable parameters.
        exact: no field may be only a bound.
        allow: patterns of layers whose verdicts are let pass, such as "head.*".
        input: name of the input, or the extents to judge at; see `productivity`.
        axes: the spatial axes of the input; see `analyze`.
        example: real inputs to run instead of shapes; see `analyze`.

    Returns:
        What was found: `.passes`, `.failing`, `.required()` raises a `CheckError`.

    Raises:
        InputError: nothing is asked for, conditions contradict each other, inputs don't fit.
        ModelError: the model fails on such inputs.
        TraceError: the forward depends on values; pass an example.
        MissingExtraError: the model's framework isn't installed.

    Example:
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv2d(1, 1, 9), nn.Conv2d(1, 1, 3))
        >>> check(net, (1, 1, 32, 32), no_unproductive=True, max_stride=4).passes
        True
        >>> print(check(net, (1, 1, 32, 32), min_field=(9, 20)).failing[0].why)
        the largest field is 11×11, of 1
    """
    from fieldscope.analyses.check import Conditions, check_of
    from fieldscope.render import shown  # noqa: F401  # registers how findings show themselves

    conditions = Conditions(
        no_unproductive=no_unproductive,
        no_critical=no_critical,
        min_field=min_field,
        max_field=max_field,
        max_stride=max_stride,
        max_macs=max_macs,
        max_parameters=max_parameters,
        exact=exact,
        allow=(allow,) if isinstance(allow, str) else tuple(allow),
    )
    return check_of(_reported(model, inputs, axes=axes, example=example), conditions, input)
