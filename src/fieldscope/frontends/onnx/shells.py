"""Shapes and types of what a node returns, before it is lowered or computed.

ONNX's own shape functions tell them, one node at a time, with the constants known that extents
are computed from; operators of other domains bring a function of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import ceil, isfinite
from typing import Any, TypeAlias

from onnx import NodeProto, TensorProto, TypeProto, defs, helper, shape_inference

from fieldscope.errors import ModelError
from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.onnx.elements import NAMES, NUMBERS, checked, proto_of
from fieldscope.frontends.onnx.lowering.registry import SHAPES
from fieldscope.frontends.onnx.node import Node
from fieldscope.graph.graph import Shape

Extents: TypeAlias = "tuple[int | None, ...] | None"

_SMALL = 4096
_PLAIN = frozenset(
    "Add BatchNormalization Conv ConvTranspose Div Gemm LayerNormalization MatMul Mul PRelu Pow "
    "QLinearConv Sub".split()
)
"""Operators whose shapes don't follow from the elements of their operands."""


class Vague(Tensor):
    """A tensor of which not all extents are known: they are decided by the input's values.

    In the graph it has extent 1 there, and what reads it is a bound.

    Attributes:
        extents: the extents, None where one isn't known; None if not even their number is.
    """

    __slots__ = ("extents",)

    def __init__(self, extents: Extents, dtype: str = "", value: int | None = None) -> None:
        super().__init__((1 if n is None else n for n in extents or ()), dtype, value)
        self.extents = extents


def extents_of(tensor: Tensor) -> Extents:
    """The extents of a tensor, as far as they are known."""
    return tensor.extents if isinstance(tensor, Vague) else tensor.shape


@lru_cache(maxsize=4096)
def schema_of(op: str, version: int, domain: str) -> defs.OpSchema | None:
    """What ONNX says of an operator at a version; None if it doesn't know it."""
    try:
        schema = defs.get_schema(op, version, domain)
        if schema.deprecated:
            schema = defs.get_schema(op, schema.since_version - 1, domain)
    except defs.SchemaError:
        return None
    return schema


@lru_cache(maxsize=4096)
def _type(dtype: str, extents: Extents) -> TypeProto:
    found = TypeProto()
    found.tensor_type.elem_type = NUMBERS.get(dtype, 0)
    if extents is not None:
        shape = found.tensor_type.shape
        shape.SetInParent()
        for extent in extents:
            dim = shape.dim.add()
            if extent is not None:
                dim.dim_value = extent
    return found


def results_of(
    node: Node, operands: Sequence[Any], versions: Mapping[str, int]
) -> list[Tensor] | None:
    """What a node returns, one for each of its outputs; None if nobody knows the operator.

    Args:
        node: the node; none of its outputs is without a name.
        operands: its operands, None for those left out.
        versions: the version of each domain.

    Raises:
        ModelError: the operands don't fit the operator.
    """
    own = _range if node.op == "Range" else SHAPES.get(node.op)
    shapes = None if own is None else own(node, *operands)
    if shapes is not None:
        if len(shapes) < len(node.proto.output):
            raise ModelError(
                f"{node.what} has {len(node.proto.output)} results, {len(shapes)} known"
            )
        return [
            _shell(node, shape, dtype)
            for (shape, dtype), _ in zip(shapes, node.proto.output, strict=False)
        ]
    schema = schema_of(node.proto.op_type, node.opset, node.proto.domain)
    if schema is None:
        return None
    _counted(node, schema, operands)
    types, data = {}, {}
    for name, operand in zip(node.proto.input, operands, strict=True):
        if operand is None:
            continue
        types[name] = _type(operand.dtype, extents_of(operand))
        found = None if node.op in _PLAIN else _known(operand)
        if found is not None:
            data[name] = found
    try:
        inferred = shape_inference.infer_node_outputs(
            schema,
            node.proto,
            types,
            data,
            opset_imports=[helper.make_opsetid(*one) for one in versions.items()],
        )
    except shape_inference.InferenceError as error:
        raise misfit(node, operands, _said(error)) from error
    return [_inferred(node, inferred.get(name)) for name in node.proto.output]


def _range(_: Node, *bounds: Tensor) -> list[tuple[Extents, str]]:
    """The length of a range; its bounds may have an axis of extent 1."""
    given = [None if one.depends else one.elements() for one in bounds]
    known = [float(one.reshape(-1)[0]) for one in given if one is not None and one.size == 1]
    count = None
    if len(known) == len(given) == 3 and known[2] and all(map(isfinite, known)):
        count = max(ceil((known[1] - known[0]) / known[2]), 0)
    return [((count,), bounds[0].dtype)]


def misfit(node: Node, operands: Sequence[Any], message: str) -> ModelError:
    """A node that its operands don't fit."""
    shapes = ", ".join(
        str(operand.shape) if isinstance(operand, Tensor) else "-" for operand in operands
    )
    return ModelError(
        f"{node.what} can't take operands of shapes {shapes}: {message}\n"
        "check the shapes of the inputs against what the model takes"
    )


def _said(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    return text.rpartition("): ")[2].rpartition("Error] ")[2]


def _counted(node: Node, schema: defs.OpSchema, operands: Sequence[Any]) -> None:
    least, most = schema.min_input, schema.max_input
    if not least <= len(operands) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise ModelError(
            f"{node.what} has {len(operands)} operands; it takes {wanted}\nis the file damaged?"
        )
    formal = schema.inputs
    for k, operand in enumerate(operands):
        if (
            operand is None
            and formal[min(k, len(formal) - 1)].option == defs.OpSchema.FormalParameterOption.Single
        ):
            raise ModelError(
                f"{node.what} lacks its operand {formal[k].name!r}\nis the file damaged?"
            )


def _known(operand: Any) -> TensorProto | None:
    """The elements of a small constant."""
    if operand.depends or isinstance(operand, Vague) or operand.ndim > 1:
        return None
    if operand.shape and operand.shape[0] > _SMALL:
        return None
    found = operand.elements()
    if found is None or found.dtype.name not in NUMBERS:
        return None
    return proto_of(found)


def _inferred(node: Node, found: TypeProto | None) -> Tensor:
    if found is None or not found.HasField("tensor_type"):
        return Vague(None)
    kind = found.tensor_type
    dtype = NAMES.get(kind.elem_type, "")
    if not kind.HasField("shape"):
        return Vague(None, dtype)
    extents = tuple(d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim)
    return _shell(node, extents, dtype)


def _shell(node: Node, extents: Extents, dtype: str) -> Tensor:
    known: Shape = checked(tuple(n for n in extents or () if n is not None), node.what)
    if extents is None or len(known) < len(extents):
        return Vague(extents, dtype)
    return Tensor(known, dtype)


def named(proto: NodeProto) -> NodeProto:
    """The node with a name for each output, also those that nobody asks for."""
    if all(proto.output):
        return proto
    copy = NodeProto()
    copy.CopyFrom(proto)
    for k, name in enumerate(proto.output):
        if not name:
            copy.output[k] = f"?{k}"
    return copy
