"""A node of an ONNX graph as a lowering sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from onnx import AttributeProto, GraphProto, NodeProto, TensorProto

from fieldscope.errors import ModelError
from fieldscope.frontends.blame import told

_Default = TypeVar("_Default")
_DEPTH = 64

Attributes = Mapping[str, AttributeProto]


def unexpected(what: str, error: Exception) -> ModelError:
    """What to say of an error that no file should lead to: only a check of the file tells more."""
    return ModelError(
        f"{what} can't be followed: {told(error)}\n"
        "if onnx.checker.check_model finds nothing wrong with the model, this is a mistake in "
        "fieldscope: please report it"
    )


class Node:
    """One node: its operator and attributes. Operands are handed to a rule beside it.

    Attributes:
        proto: the node itself, references to attributes of a function resolved.
        op: the operator with its domain: "Conv", "com.microsoft.FusedConv".
        opset: the version of the operator's domain that the model asks for.
        name: what messages call it.
    """

    __slots__ = ("_attributes", "name", "op", "opset", "proto")

    def __init__(self, proto: NodeProto, op: str, opset: int) -> None:
        self.proto = proto
        self.op = op
        self.opset = opset
        self.name = proto.name or next((name for name in proto.output if name), "") or op
        self._attributes = {one.name: one for one in proto.attribute}

    def __contains__(self, name: object) -> bool:
        return name in self._attributes

    def _found(self, name: str, kind: AttributeProto.AttributeType) -> AttributeProto | None:
        found = self._attributes.get(name)
        if found is not None and found.type != kind:
            raise ModelError(
                f"attribute {name!r} of {self.what} is of type "
                f"{_kind(found.type)}; it has to be {_kind(kind)}\nis the file damaged?"
            )
        return found

    @property
    def what(self) -> str:
        """The node and its operator, for messages."""
        return f"node {self.name!r} ({self.op})"

    def integer(self, name: str, default: _Default) -> int | _Default:
        """An integer attribute."""
        found = self._found(name, AttributeProto.INT)
        return default if found is None else found.i

    def number(self, name: str, default: _Default) -> float | _Default:
        """A number."""
        found = self._found(name, AttributeProto.FLOAT)
        return default if found is None else found.f

    def text(self, name: str, default: str) -> str:
        """A string."""
        found = self._found(name, AttributeProto.STRING)
        given: bytes = default.encode() if found is None else found.s
        return given.decode("utf-8", "replace")

    def integers(self, name: str, default: _Default) -> list[int] | _Default:
        """A list of integers; an empty one where it is there and has none."""
        found = self._found(name, AttributeProto.INTS)
        return default if found is None else list(found.ints)

    def numbers(self, name: str, default: _Default) -> list[float] | _Default:
        """A list of numbers."""
        found = self._found(name, AttributeProto.FLOATS)
        return default if found is None else list(found.floats)

    def tensor(self, name: str) -> TensorProto | None:
        """A tensor."""
        found = self._found(name, AttributeProto.TENSOR)
        return None if found is None else found.t

    def graph(self, name: str) -> GraphProto:
        """A graph.

        Raises:
            ModelError: there is none.
        """
        found = self._found(name, AttributeProto.GRAPH)
        if found is None:
            raise ModelError(f"{self.what} has no graph {name!r}\nis the file damaged?")
        return found.g


def _kind(number: int) -> str:
    try:
        return str(AttributeProto.AttributeType.Name(number))
    except ValueError:
        return str(number)


def operator_of(proto: NodeProto) -> str:
    """The operator's name, with its domain where that isn't ONNX's own.

    Example:
        >>> operator_of(NodeProto(op_type="Gelu", domain="com.microsoft"))
        'com.microsoft.Gelu'
    """
    domain = domain_of(proto.domain)
    return f"{domain}.{proto.op_type}" if domain else proto.op_type


def domain_of(domain: str) -> str:
    """A domain's name; that of ONNX is empty."""
    return "" if domain == "ai.onnx" else domain


def resolved(proto: NodeProto, given: Attributes | None) -> NodeProto:
    """A node of a function with the attributes of the call in place of references to them."""
    if given is None or not _refers(proto):
        return proto
    copy = NodeProto()
    copy.CopyFrom(proto)
    _resolve(copy, given, 0)
    return copy


def _refers(proto: NodeProto) -> bool:
    return any(
        one.ref_attr_name or one.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS)
        for one in proto.attribute
    )


def _resolve(proto: NodeProto, given: Attributes, depth: int) -> None:
    if depth > _DEPTH:
        raise ModelError("graphs are nested too deeply\nis the file damaged?")
    kept = []
    for one in proto.attribute:
        if one.ref_attr_name:
            source = given.get(one.ref_attr_name)
            if source is None:
                continue
            found = AttributeProto()
            found.CopyFrom(source)
            found.name = one.name
            kept.append(found)
            continue
        for graph in [one.g] if one.type == AttributeProto.GRAPH else one.graphs:
            for inner in graph.node:
                _resolve(inner, given, depth + 1)
        kept.append(one)
    copies = [AttributeProto.FromString(one.SerializeToString()) for one in kept]
    del proto.attribute[:]
    proto.attribute.extend(copies)
