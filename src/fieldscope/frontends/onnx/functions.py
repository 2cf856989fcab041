"""Functions: those that a model brings, and operators that ONNX itself defines by others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from onnx import AttributeProto, FunctionProto

from fieldscope.errors import ModelError
from fieldscope.frontends.onnx.names import place_of
from fieldscope.frontends.onnx.node import Node, domain_of
from fieldscope.frontends.onnx.shells import _type, extents_of, schema_of

if TYPE_CHECKING:
    from fieldscope.frontends.onnx.walk import Environment, Walker


def called(
    walker: Walker,
    node: Node,
    function: FunctionProto,
    operands: Sequence[Any],
    env: Environment,
    *,
    whole: bool = False,
) -> list[Any]:
    """The results of a call: the function's nodes, taken with these operands."""
    from fieldscope.frontends.onnx.walk import Environment

    if len(operands) > len(function.input):
        raise ModelError(
            f"{node.what} is called with {len(operands)} operands; "
            f"the function takes {len(function.input)}\nis the file damaged?"
        )
    attributes: dict[str, AttributeProto] = {one.name: one for one in function.attribute_proto}
    attributes.update((one.name, one) for one in node.proto.attribute)
    place = place_of(node.proto)
    own = place.name or node.proto.op_type
    inner = Environment(
        names=dict.fromkeys(function.input),
        versions={
            **env.versions,
            **{domain_of(one.domain): one.version for one in function.opset_import},
        },
        attributes=attributes,
        steps=(*env.steps, *place.steps, (own, node.proto.op_type)),
        whole=whole or env.whole,
    )
    inner.names.update(zip(function.input, operands, strict=False))
    walker.nodes(function.node, inner)
    found = [inner.find(name, f"the result of {node.what}") for name in function.output]
    if len(found) < len(node.proto.output):
        raise ModelError(
            f"{node.what} has {len(node.proto.output)} results; the function returns {len(found)}"
            "\nis the file damaged?"
        )
    return found


def body_of(
    node: Node, operands: Sequence[Any], versions: Mapping[str, int]
) -> FunctionProto | None:
    """An operator's definition by other operators; None if it has none."""
    # Its functions aren't in the package's own stubs.
    schema: Any = schema_of(node.proto.op_type, node.opset, node.proto.domain)
    if schema is None:
        return None
    wanted = versions.get("", node.opset)
    if schema.has_function:
        found = schema.get_function_with_opset_version(
            _nearest(schema.function_opset_versions, wanted)
        )
    elif schema.has_context_dependent_function:
        types = [
            b"" if one is None else _type(one.dtype, extents_of(one)).SerializeToString()
            for one in operands
        ]
        found = schema.get_context_dependent_function_with_opset_version(
            _nearest(schema.context_dependent_function_opset_versions, wanted),
            node.proto.SerializeToString(),
            types,
        )
    else:
        return None
    return FunctionProto.FromString(found) if found else None


def _nearest(versions: Sequence[int], wanted: int) -> int:
    return max((v for v in versions if v <= wanted), default=versions[0])
