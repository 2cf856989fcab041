"""Reports of JAX functions."""

from __future__ import annotations

from typing import Any

from fieldscope.analyses.assembly import report_of
from fieldscope.analyses.layers import Report
from fieldscope.frontends.jax.trace import trace
from fieldscope.interpret import interpret


def analysed(function: Any, inputs: Any, *, fold_context: bool = False, **options: Any) -> Report:
    """The report of a function."""
    found = trace(function, inputs, **options)
    keep = {one.value for one in (*found.layers, *found.containers, *found.aliases)}
    keep.update(value for _, value in found.outputs)
    spatial = [one.spatial for one in found.inputs]
    told = interpret(found.graph, spatial, keep=keep, fold_context=fold_context)
    return report_of(found, told)
