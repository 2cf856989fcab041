"""Walk the operations of a TensorFlow graph in order, and lower them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fieldscope.errors import FieldscopeError, ModelError, TraceError
from fieldscope.frontends.blame import displayed, is_users
from fieldscope.frontends.lowering.call import Call
from fieldscope.frontends.lowering.program import Program, Tensor
from fieldscope.frontends.lowering.registry import Rule
from fieldscope.frontends.naming import Scope
from fieldscope.frontends.tensorflow import control, lists, variables
from fieldscope.frontends.tensorflow.folding import Folded, inferred, shape_of
from fieldscope.frontends.tensorflow.functions import Functions
from fieldscope.frontends.tensorflow.lowering import TABLE
from fieldscope.frontends.tensorflow.node import Node
from fieldscope.frontends.tensorflow.states import DEAD, Dead, Held, Untold, Variable, depends

MOST_OPERATIONS = 50_000
"""A program whose loops run more operations than this isn't unrolled."""

INFERENCE = 5
"""So many operations more is one counted as whose shape isn't there yet."""

SAME = frozenset(
    """
    Identity StopGradient PreventGradient Snapshot CheckNumerics EnsureShape
    PlaceholderWithDefault Enter Exit RefIdentity DebugIdentityV2 DebugIdentityV3 DebugIdentity
    DebugGradientIdentity DebugGradientRefIdentity OptionalGetValue _EagerConst
    """.split()
)
"""Operators whose first result is their first operand."""

SHAPES = frozenset(["Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"])
"""Operators that ask only for the shape."""

SEGMENTS = frozenset(["SegmentMax", "SegmentMean", "SegmentMin", "SegmentProd", "SegmentSum"])
"""Operators with as many rows as the last segment's number says."""

EFFECTS = frozenset(["NoOp", "Assert", "Print", "PrintV2", "_Retval", "ControlTrigger"])

Env = dict[int, Held]
"""What the tensors of a graph stand for, by their identity."""

Scoped = Callable[[str, Scope], tuple[Scope, str]]
"""The scope that an operation is in and its own name there, by its name and the scope of the call
of the function that it belongs to."""


class Walker:
    """Lowers graphs into a program.

    Attributes:
        program: where the calls go.
        functions: the functions that operations call.
        left: how many more operations may be walked.
    """

    def __init__(self, program: Program, functions: Functions, scoped: Scoped) -> None:
        self.program = program
        self.functions = functions
        self.left = MOST_OPERATIONS
        self._scoped = scoped
        self._outer: list[Scope] = [program.scopes.root]
        self._blocks: dict[int, Any] = {}

    def walk(self, graph: tf.Graph, env: Env) -> None:
        """Go through the operations of a graph; `env` begins with what is fed to it."""
        for operation in graph.get_operations():
            outputs = operation.outputs
            if outputs and id(outputs[0]) in env:
                continue
            self.left -= 1
            try:
                inputs = [env[id(tensor)] for tensor in operation.inputs]
            except KeyError:
                raise TraceError(
                    f"operation {operation.name} reads what comes behind it: a loop of "
                    "TensorFlow 1 (Enter, NextIteration)\n"
                    "convert the model with control flow of TensorFlow 2"
                ) from None
            results = self.results(operation, inputs)
            for tensor, result in zip(outputs, results, strict=True):
                env[id(tensor)] = result

    def results(self, operation: tf.Operation, inputs: Sequence[Held]) -> Sequence[Held]:
        """What the results of an operation stand for."""
        kind = operation.type
        if kind == "IdentityN":
            return inputs
        if kind in SAME and inputs:
            return [inputs[0], *self._constants(operation, inputs[1:], first=1)]
        if any(isinstance(one, Dead) for one in inputs) and kind != "Merge":
            return [DEAD] * len(operation.outputs)
        handler = HANDLERS.get(kind)
        if handler is not None:
            return handler(self, operation, inputs)
        if not any(map(depends, inputs)):
            return self._constants(operation, inputs)
        if kind in SHAPES:
            return self._of_shapes(operation, inputs)
        if kind in EFFECTS:
            return self._constants(operation, [])
        rule = TABLE.find(kind)
        if any(not isinstance(one, Tensor) or isinstance(one, Untold) for one in inputs):
            inputs, rule = lists.flat(inputs), None
        return self.lower(operation, rule, inputs)

    def lower(
        self,
        operation: tf.Operation,
        rule: Rule | None,
        inputs: Sequence[Any],
        results: Sequence[Tensor] | None = None,
    ) -> tuple[Tensor, ...]:
        """Apply a rule to an operation on tensors of which some depend on the input."""
        scope, name = self.scope_of(operation)
        given = self._shaped(operation, inputs) if results is None else results
        arguments: list[Any] = [Node(operation, self._blocks), *inputs]
        if rule is None:
            rule, arguments = self._without(operation), [inputs]
        return self.program.lower(
            operation.type,
            rule,
            given,
            *arguments,
            scope=scope,
            name=name,
            location=None if rule in _PLAIN else _location(operation),
        )

    def bound(
        self,
        operation: tf.Operation,
        inputs: Sequence[Held],
        results: Sequence[Tensor],
        reason: str,
    ) -> tuple[Tensor, ...]:
        """Results that read everything, for a reason."""

        def rule(call: Call, _: Node, operands: list[Tensor]) -> tuple[int, ...]:
            return call.opaque(operands, reason)

        return self.lower(operation, rule, [lists.flat(inputs)], results)

    def scope_of(self, operation: tf.Operation) -> tuple[Scope, str]:
        """The scope that an operation is in, and its own name in it."""
        return self._scoped(operation.name, self._outer[-1])

    def inside(self, operation: tf.Operation, body: tf.Graph, env: Env) -> None:
        """Go through the body of a function that an operation calls."""
        self._outer.append(self.scope_of(operation)[0])
        try:
            self.walk(body, env)
        finally:
            self._outer.pop()

    def _without(self, operation: tf.Operation) -> Rule:
        reason = "it has no lowering"
        if operation.type in TABLE.rules:
            reason = "it reads what isn't known"

        def rule(call: Call, operands: list[Tensor]) -> tuple[int, ...]:
            return call.opaque(operands, reason)

        return rule

    def _shaped(self, operation: tf.Operation, inputs: Sequence[Held]) -> list[Tensor]:
        shapes = [shape_of(output) for output in operation.outputs]
        if None in shapes and all(type(one) is Tensor for one in inputs):
            self.left -= INFERENCE
            shapes = inferred(operation, inputs)  # type: ignore[arg-type]
        if None in shapes:
            shapes = [
                shape if shape is not None else _told(operation, inputs, place)
                for place, shape in enumerate(shapes)
            ]
        for shape in shapes:
            if shape is None:
                raise TraceError(
                    f"the shape of {operation.name} ({operation.type}) depends on the input's "
                    "values: the model can't be followed on shapes alone\n"
                    "analyse the part of it in front of this operation"
                )
        return [
            Tensor(shape, output.dtype.name)
            for shape, output in zip(shapes, operation.outputs, strict=True)
            if shape is not None
        ]

    def _constants(
        self, operation: tf.Operation, inputs: Sequence[Held], *, first: int = 0
    ) -> list[Held]:
        """Results that read no input: known where they can be computed."""
        folded: Folded | None = None
        shapes = [shape_of(output) for output in operation.outputs]
        if not first and all(type(one) is Tensor for one in inputs):
            folded = Folded(operation, inputs)  # type: ignore[arg-type]
            if None in shapes and inputs:
                self.left -= INFERENCE
                shapes = inferred(operation, inputs)  # type: ignore[arg-type]
        results: list[Held] = []
        for place, output in enumerate(operation.outputs[first:], start=first):
            kind, shape = output.dtype, shapes[place]
            if kind in (tf.resource, tf.variant):
                results.append(Variable() if kind == tf.resource else Untold())
            elif shape is not None:
                elements = None if folded is None else _later(folded, place)
                results.append(Tensor(shape, kind.name, elements=elements))
            else:
                array = None if folded is None else folded.output(place)
                if array is None:
                    results.append(Untold())
                else:
                    results.append(Tensor(array.shape, kind.name, elements=array))
        return results

    def _of_shapes(self, operation: tf.Operation, inputs: Sequence[Held]) -> Sequence[Held]:
        """Results that ask for the operands' shapes only."""
        kind = operation.type
        shapes = [one.shape for one in lists.flat(inputs)]
        if any(isinstance(one, Untold) for one in inputs) or len(shapes) != len(inputs):
            return self._constants(operation, [Untold()])
        dtype = operation.outputs[0].dtype
        if kind in ("ZerosLike", "OnesLike"):
            number = 0 if kind == "ZerosLike" else 1
            shape = shapes[0]
            filled = dtype.as_numpy_dtype(number)
            return [Tensor(shape, dtype.name, elements=lambda: np.broadcast_to(filled, shape))]
        if kind == "Rank":
            return [Tensor.of(np.asarray(len(shapes[0]), np.int32))]
        if kind == "Size":
            return [Tensor.of(np.asarray(np.prod(shapes[0], dtype=np.int64), dtype.as_numpy_dtype))]
        return [Tensor.of(np.asarray(shape, dtype.as_numpy_dtype)) for shape in shapes]


def _told(operation: tf.Operation, inputs: Sequence[Any], place: int) -> tuple[int, ...] | None:
    """A shape that TensorFlow doesn't infer: of segments, and of results that nobody reads."""
    if operation.type in SEGMENTS:
        data, segments = inputs[:2]
        known = segments.elements() if segments.value is None else None
        return None if known is None else (int(known.max(initial=-1)) + 1, *data.shape[1:])
    return (0,) if place and not operation.outputs[place].consumers() else None


def _later(folded: Folded, place: int) -> Callable[[], Any]:
    return lambda: folded.output(place)


_PLAIN = frozenset(TABLE.rules.values())


def _location(operation: tf.Operation) -> str | None:
    """The innermost line of the user's own code that an operation was made at, if any."""
    try:
        frames = list(operation.traceback)
    except (AttributeError, ValueError, TypeError):  # it was read from a file
        return None
    for frame in reversed(frames):
        if is_users(frame.filename):
            return f"{displayed(frame.filename)}:{frame.lineno}"
    return None


Handler = Callable[[Walker, tf.Operation, Sequence[Any]], Sequence[Held]]
HANDLERS: dict[str, Handler] = {**control.HANDLERS, **lists.HANDLERS, **variables.HANDLERS}


def explained(error: Exception, what: str) -> FieldscopeError:
    """An error of TensorFlow's as one of ours."""
    if isinstance(error, FieldscopeError):
        return error
    text = str(error).strip().splitlines()
    return ModelError(f"{what}: {type(error).__name__}: {text[0] if text else 'no message'}")
