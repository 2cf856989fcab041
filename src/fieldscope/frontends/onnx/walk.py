"""Walk the nodes of a graph: constants are computed, everything else is lowered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import FunctionProto, GraphProto, NodeProto, helper

from fieldscope.errors import FieldscopeError, ModelError
from fieldscope.frontends.blame import told
from fieldscope.frontends.lowering.call import Call
from fieldscope.frontends.lowering.program import Program, Tensor
from fieldscope.frontends.lowering.registry import Rule
from fieldscope.frontends.naming import Scope
from fieldscope.frontends.onnx import control, functions, sequences  # noqa: F401  # fills its table
from fieldscope.frontends.onnx.elements import constant, sparse
from fieldscope.frontends.onnx.files import Stored
from fieldscope.frontends.onnx.folding import Folder
from fieldscope.frontends.onnx.lowering import TABLE
from fieldscope.frontends.onnx.names import Place, place_of
from fieldscope.frontends.onnx.node import (
    Attributes,
    Node,
    domain_of,
    operator_of,
    resolved,
    unexpected,
)
from fieldscope.frontends.onnx.shells import Vague, misfit, named, results_of
from fieldscope.graph.verify import problem_of

MOST_NODES = 20_000
"""How many nodes unrolled loops and functions may come to."""

_DEEPEST = 32
_OWN_OPSET = 17
"""The version of operators that aren't the model's."""

UNKNOWN_EXTENT = "its extent depends on the input's values"
BEHIND = "it is behind an operator whose extent depends on the input's values"


@dataclass(slots=True)
class Environment:
    """What names stand for in one graph or function.

    Attributes:
        names: from a name to a tensor, a list of them (a sequence), or None (an optional that
            holds nothing).
        outer: the graph around, whose names are seen, too.
        versions: the version of each domain.
        attributes: those of the call, inside of a function.
        steps: the modules that the whole stands in.
        whole: whether the innermost of them is one layer whatever it runs.
    """

    names: dict[str, Any] = field(default_factory=dict)
    outer: Environment | None = None
    versions: Mapping[str, int] = field(default_factory=dict)
    attributes: Attributes | None = None
    steps: tuple[tuple[str, str], ...] = ()
    whole: bool = False

    def inside(self) -> Environment:
        """The environment of a graph inside of this one."""
        return Environment({}, self, self.versions, self.attributes, self.steps, self.whole)

    def find(self, name: str, what: str) -> Any:
        """What a name stands for.

        Raises:
            ModelError: nothing defines it.
        """
        here: Environment | None = self
        while here is not None:
            if name in here.names:
                return here.names[name]
            here = here.outer
        raise ModelError(
            f"{what} reads {name!r}, which nothing in front of it makes\nis the file damaged?"
        )


class Walker:
    """Walks one model.

    Attributes:
        program: what its nodes become.
        functions: the model's own functions.
    """

    def __init__(
        self,
        program: Program,
        own: Mapping[tuple[str, str, str], FunctionProto],
        stored: Stored,
    ) -> None:
        self.program = program
        self.functions = own
        self._stored = stored
        self._folder = Folder()
        self._depth = 0
        self._left = 0
        self._calls: dict[str, int] = {}
        self._last = ""

    def graph(self, proto: GraphProto, env: Environment) -> list[Any]:
        """What a graph's outputs are."""
        for tensor in proto.initializer:
            env.names.setdefault(tensor.name, constant(tensor, self._stored))
        for one in proto.sparse_initializer:
            env.names.setdefault(one.values.name, sparse(one))
        self.nodes(proto.node, env)
        return [env.find(one.name, "an output of the graph") for one in proto.output]

    def nodes(self, protos: Iterable[NodeProto], env: Environment) -> None:
        """Take a list of nodes in order."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ModelError(
                f"graphs and functions are nested more than {_DEEPEST} deep\n"
                "a function may not call itself; is the file damaged?"
            )
        if self._depth == 1:
            self._left = MOST_NODES + len(protos) if isinstance(protos, Sequence) else MOST_NODES
        for proto in protos:
            self._left -= 1
            if self._left < 0:
                raise ModelError(
                    f"functions and branches come to more than {MOST_NODES:,} nodes\n"
                    "inline fewer of them into the model"
                )
            self._node(proto, env)
        self._depth -= 1

    def affordable(self, count: int) -> bool:
        """Whether so many more nodes may be taken."""
        return count < self._left

    def _node(self, proto: NodeProto, env: Environment) -> None:
        proto = named(resolved(proto, env.attributes))
        op, domain = operator_of(proto), domain_of(proto.domain)
        node = Node(proto, op, env.versions.get(domain, 1))
        operands = [env.find(name, node.what) if name else None for name in proto.input]
        try:
            results = self._results(node, operands, env)
        except (FieldscopeError, MemoryError):
            raise
        except Exception as error:
            raise unexpected(node.what, error) from error
        for name, result in zip(proto.output, results, strict=False):
            env.names[name] = result

    def _results(self, node: Node, operands: list[Any], env: Environment) -> Sequence[Any]:
        function = self.functions.get((node.proto.domain, node.proto.op_type, node.proto.overload))
        if function is not None:
            return functions.called(self, node, function, operands, env)
        special = control.CONTROL.get(node.op)
        if special is not None:
            return special(self, node, operands, env)
        return self.apply(node, operands, env)

    def apply(self, node: Node, operands: list[Any], env: Environment) -> Sequence[Any]:
        """What an operator makes of its operands."""
        for operand in operands:
            if isinstance(operand, (list, control.Unsure)):
                if node.op == "Identity":
                    return operands
                raise ModelError(f"{node.what} takes tensors, and is given a sequence of them")
        while operands and operands[-1] is None:
            operands.pop()
            if len(node.proto.input) > len(operands):
                node = _shortened(node, len(operands))
        given = [one for one in operands if one is not None]
        if node.op in ("Shape", "Size") and len(given) == 1 and not isinstance(given[0], Vague):
            return [_extents(node, given[0].shape)]
        shells = self._shells(node, operands, env)
        if shells is None:
            return self._unknown(node, given, env)
        if node.op == "EyeLike" and not isinstance(given[0], Vague):
            shape = given[0].shape
            blank = Tensor(shape, "int64", elements=lambda: np.broadcast_to(np.int64(0), shape))
            return self._folder.fold(node, [blank], shells)
        if not any(one.depends for one in given):
            return self._folder.fold(node, operands, shells)
        rule = TABLE.find(node.op)
        if any(isinstance(one, Vague) for one in given):
            return self.bound(node, given, BEHIND, shells, env)
        if any(isinstance(one, Vague) for one in shells):
            return self.bound(node, given, UNKNOWN_EXTENT, shells, env)
        if rule is None:
            body = functions.body_of(node, operands, env.versions)
            if body is not None:
                return functions.called(self, node, body, operands, env, whole=True)
            return self.bound(node, given, f"{node.op} has no lowering", shells, env)
        return self.lower(node, rule, operands, shells, env)

    def _shells(self, node: Node, operands: Sequence[Any], env: Environment) -> list[Tensor] | None:
        try:
            return results_of(node, operands, env.versions)
        except (FieldscopeError, MemoryError):
            raise
        except Exception as error:
            raise misfit(node, operands, told(error)) from error

    def _unknown(self, node: Node, given: Sequence[Tensor], env: Environment) -> Sequence[Tensor]:
        """An operator that nobody knows: not even the shape of its results is known."""
        domain = node.proto.domain or "ai.onnx"
        shells = [Vague(None, given[0].dtype if given else "") for _ in node.proto.output]
        if not any(one.depends for one in given):
            return shells
        reason = f"operator {node.proto.op_type} of domain {domain} isn't known"
        return self.bound(node, given, reason, shells, env)

    def make(
        self, op: str, operands: list[Any], like: Node, env: Environment, **attributes: Any
    ) -> Any:
        """The result of an operator that isn't in the model, but is part of one that is."""
        names = [f"?{k}" for k in range(len(operands))]
        proto = helper.make_node(op, names, ["?"], name=like.proto.name, **attributes)
        proto.metadata_props.extend(like.proto.metadata_props)
        return self.apply(Node(proto, op, _OWN_OPSET), operands, env)[0]

    def bound(
        self,
        node: Node,
        operands: Sequence[Tensor],
        reason: str,
        shells: Sequence[Tensor],
        env: Environment,
    ) -> list[Tensor]:
        """Results that read everything that a node is given."""

        def rule(call: Call, _: Node, *tensors: Tensor) -> tuple[int, ...]:
            return call.opaque(tensors, reason)

        if not any(one.depends for one in operands):
            return list(shells)
        return self.lower(node, rule, operands, shells, env)

    def lower(
        self,
        node: Node,
        rule: Rule,
        operands: Sequence[Tensor | None],
        shells: Sequence[Tensor],
        env: Environment,
    ) -> list[Tensor]:
        """Apply a rule.

        Raises:
            ModelError: the operands don't fit the operator.
        """

        def applied(call: Call, *given: Tensor | None) -> Any:
            return rule(call, node, *given)

        place, first = place_of(node.proto), len(self.program.builder)
        aliases = [node.proto.name, *node.proto.output, place.alias]
        try:
            found = self.program.lower(
                node.op,
                applied,
                shells,
                *operands,
                scope=self._scope(place, env),
                name=place.name,
                aliases=tuple(dict.fromkeys(a for a in aliases if a and a[0] != "?")),
            )
        except (FieldscopeError, MemoryError):
            raise
        except Exception as error:
            shapes = ", ".join(str(getattr(one, "shape", "-")) for one in operands)
            raise unexpected(f"{node.what} with operands of shapes {shapes}", error) from error
        self._check(node, operands, first)
        return [
            Vague(shell.extents, shell.dtype, one.value) if isinstance(shell, Vague) else one
            for shell, one in zip(shells, found, strict=True)
        ]

    def _check(self, node: Node, operands: Sequence[Any], first: int) -> None:
        """Check what a node became: a file may say anything of its shapes."""
        builder = self.program.builder
        for value in range(first, len(builder)):
            made = builder.node(value)
            problem = problem_of(made, [builder.shape(operand) for operand in made.operands])
            if problem:
                raise misfit(node, operands, problem)

    def _scope(self, place: Place, env: Environment) -> Scope:
        steps = [*env.steps, *place.steps]
        whole = place.whole or (env.whole and not place.steps)
        if place.whole and steps:
            # A module that is called again is another layer: "relu#2".
            path = ".".join(name for name, _ in steps)
            if path != self._last:
                self._calls[path] = self._calls.get(path, 0) + 1
            self._last = path
            count = self._calls[path]
            if count > 1:
                steps[-1] = (f"{steps[-1][0]}#{count}", steps[-1][1])
        scope = self.program.scopes.at(steps, whole=whole)
        scope.call = scope.call or place.call
        return scope


def _shortened(node: Node, count: int) -> Node:
    """The node without the operands at the end that are left out."""
    proto = NodeProto()
    proto.CopyFrom(node.proto)
    del proto.input[count:]
    return Node(proto, node.op, node.opset)


def _extents(node: Node, shape: tuple[int, ...]) -> Tensor:
    if node.op == "Size":
        return Tensor.of(np.array(int(np.prod(shape)), np.int64))
    part = shape[slice(node.integer("start", 0), node.integer("end", None))]
    return Tensor.of(np.array(part, np.int64))
