"""Print the fields of networks of `keras.applications`, layer by layer, as JSON.

Run as a program, for the backend that `KERAS_BACKEND` names:
`python -m tests.keras.fields MobileNetV2 '{"alpha": 0.35}' …`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from fieldscope.analyses.assembly import report_of
from fieldscope.analyses.layers import Report
from fieldscope.frontends.keras import zoo
from fieldscope.frontends.keras.trace import trace
from fieldscope.graph.trace import Trace
from fieldscope.interpret import interpret


def reported(traced: Trace) -> Report:
    """The report of a trace."""
    keep = {one.value for one in (*traced.layers, *traced.containers, *traced.aliases)}
    keep |= {value for _, value in traced.outputs}
    spatial = [one.spatial for one in traced.inputs]
    return report_of(traced, interpret(traced.graph, spatial, keep=keep))


def fields(name: str, inputs: Any = None) -> list[list[Any]]:
    """Name, shape, size, stride, start and context of every layer, and whether it is exact."""
    model, shape = zoo.build(name, inputs=inputs)
    report = reported(trace(model, shape))
    return [
        [
            layer.name,
            [int(extent) for extent in layer.shape],
            *([str(one) for one in numbers] for numbers in (layer.size, layer.stride, layer.start)),
            list(layer.context),
            not layer.bounds,
        ]
        for layer in report.layers
    ]


if __name__ == "__main__":
    sys.stdout.write(json.dumps({name: fields(name) for name in sys.argv[1:]}))
