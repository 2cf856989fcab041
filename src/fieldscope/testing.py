"""Assertions for a project's own tests of its networks.

    from fieldscope.testing import assert_productive

    def test_no_layer_is_dead_weight():
        assert_productive(build_network(), (1, 3, 32, 32))

They work under any test runner; pytest need not be installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fieldscope.analyses.check import Check, Numbers
    from fieldscope.analyses.inputs import Wanted
    from fieldscope.analyses.layers import Report
    from fieldscope.api.analysis import Model

__all__ = ["assert_productive"]


def assert_productive(
    model: Model | Report,
    shape: Any = None,
    *,
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
    """Assert that no layer is unproductive, and whatever else is asked for.

    Args:
        model: a model as for `fieldscope.analyze`, or the report of one.
        shape: the shape of the input with batch; none for a report.
        no_critical: nor may a layer reach beyond the input along its shortest path.
        min_field: least size of the largest field; see `fieldscope.check` for this and what
            follows.
        max_field: most of the same.
        max_stride: most of the total stride.
        max_macs: most multiply-accumulates.
        max_parameters: most learnable parameters.
        exact: no field may be only a bound.
        allow: patterns of layers whose verdicts are let pass.
        input: name of the input, or the extents to judge at.
        axes: the spatial axes of the input.
        example: real inputs to run instead of shapes.

    Returns:
        What was checked, where all holds.

    Raises:
        CheckError: an `AssertionError` that names the layers, and the conditions that fail.
        InputError: the inputs don't fit, or conditions contradict each other.
        ModelError: the model fails on such inputs.

    Example:
        >>> from torch import nn
        >>> net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(5)))
        >>> assert_productive(net, (1, 1, 32, 32)).passes
        True
        >>> assert_productive(net, (1, 1, 5, 5))
        Traceback (most recent call last):
        fieldscope.errors.CheckError: Sequential fails 1 of 1 condition
        no unproductive layers: 2, 3 and 4 at 5×5
    """
    from fieldscope.api import check

    found = check(
        model,
        shape,
        no_unproductive=True,
        no_critical=no_critical,
        min_field=min_field,
        max_field=max_field,
        max_stride=max_stride,
        max_macs=max_macs,
        max_parameters=max_parameters,
        exact=exact,
        allow=allow,
        input=input,
        axes=axes,
        example=example,
    )
    found.required()
    return found
