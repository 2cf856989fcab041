"""Reports of ONNX models, and models to make them of."""

from __future__ import annotations

import os
from typing import Any

from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from fieldscope.analyses.assembly import report_of
from fieldscope.analyses.layers import Report
from fieldscope.frontends.onnx.trace import trace
from fieldscope.interpret import interpret


def reported(model: str | os.PathLike[str] | ModelProto, inputs: Any = None, **kw: Any) -> Report:
    """The report of an ONNX model."""
    traced = trace(model, inputs, **kw)
    return report_of(traced, interpret(traced.graph, [one.spatial for one in traced.inputs]))


def model(
    nodes: list[NodeProto],
    shape: list[int | str | None],
    outputs: tuple[str, ...] = ("y",),
    *,
    opset: int = 17,
    constants: dict[str, Any] | None = None,
    functions: list[Any] | None = None,
) -> ModelProto:
    """A model of one floating-point input x."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=opsets, functions=functions or [], ir_version=10)
