"""From a jaxpr to canonical operators: equation by equation, through the jaxprs inside.

What doesn't depend on an input is a constant that waits (`folding`). The rest is lowered by the
rule of its primitive; primitives that run jaxprs are followed into them (`control`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax.extend import core

from fieldscope.frontends.jax import constants as constants_of
from fieldscope.frontends.jax import folding
from fieldscope.frontends.jax.control import CONTROL
from fieldscope.frontends.jax.location import location
from fieldscope.frontends.jax.lowering import TABLE
from fieldscope.frontends.jax.places import Places
from fieldscope.frontends.lowering.program import Call, Program, Tensor
from fieldscope.frontends.naming import Scope

BUDGET = 20_000
"""Loops are unrolled as long as their equations together are no more than this."""


REASONS = {
    **dict.fromkeys(
        ("pure_callback", "io_callback", "debug_callback", "ffi_call", "call_exported"),
        "it runs code outside of JAX",
    ),
    **dict.fromkeys(("shard_map", "custom_partitioning"), "it is written for several devices"),
    "custom_linear_solve": "the steps of its solver aren't followed",
    **dict.fromkeys(folding.UNKNOWN, "its random numbers depend on the input"),
}
"""Why what a primitive returns is a bound, where it isn't that nobody wrote a rule."""


class Walk:
    """Walks jaxprs and adds what they do to a program.

    Attributes:
        program: what the equations are added to.
        budget: how many equations of unrolled loops may follow.
    """

    def __init__(self, program: Program, places: Places) -> None:
        self.program = program
        program.scopes = places
        self._places = places
        self.budget = BUDGET
        self._runs = 0
        self._call: Call | None = None

    def run(
        self, jaxpr: Any, constants: Sequence[Tensor], arguments: Sequence[Tensor], base: Scope
    ) -> list[Tensor]:
        """Run a jaxpr on tensors.

        Args:
            jaxpr: an open jaxpr.
            constants: its constants.
            arguments: its arguments.
            base: the scope that it runs in.
        """
        self._runs += 1
        run = self._runs
        known: dict[Any, Tensor] = dict(zip(jaxpr.constvars, constants, strict=True))
        known.update(zip(jaxpr.invars, arguments, strict=True))

        def read(atom: Any) -> Tensor:
            return constants_of.literal(atom.val) if isinstance(atom, core.Literal) else known[atom]

        for equation in jaxpr.eqns:
            operands = [read(atom) for atom in equation.invars]
            results = self._equation(equation, operands, base, run)
            known.update(zip(equation.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def _equation(
        self, equation: core.JaxprEqn, operands: list[Tensor], base: Scope, run: int
    ) -> Sequence[Tensor]:
        control = CONTROL.get(equation.primitive.name)
        depends = any(one.value is not None for one in operands)
        if control is None and not depends:
            return folding.folded(equation, operands)
        scope = base
        if depends and self._call is None:
            scope = self._places.of(base, run, equation.source_info.name_stack.stack)
        if control is not None:
            found = control(self, equation, operands, scope)
            if found is not None:
                return found
        return self.lower(equation, operands, scope)

    def lower(
        self, equation: core.JaxprEqn, operands: Sequence[Tensor], scope: Scope, reason: str = ""
    ) -> Sequence[Tensor]:
        """Lower an equation by the rule of its primitive.

        Args:
            equation: the equation.
            operands: what it reads.
            scope: the module that it belongs to.
            reason: why its results are bounds, if they are whatever its rule.
        """
        name = equation.primitive.name
        rule: Any = TABLE.find(name)
        parameters = equation.params
        if reason or rule is None:
            why = reason or REASONS.get(name, "it has no lowering")
            rule, parameters = _bound(why), {}
        return self.apply(equation, rule, scope, *operands, **parameters)

    def apply(
        self,
        equation: core.JaxprEqn,
        rule: Any,
        scope: Scope,
        *arguments: Any,
        name: str = "",
        **parameters: Any,
    ) -> Sequence[Tensor]:
        """Apply a rule to an equation: as an operation, or as a part of one.

        Args:
            equation: the equation, which says what the results are.
            rule: what lowers it.
            scope: the module that it belongs to.
            arguments: arguments for the rule.
            name: name of the operation, if it isn't the primitive's.
            parameters: further arguments for the rule.
        """
        results = [Tensor(getattr(var.aval, "shape", ())) for var in equation.outvars]
        if self._call is not None:
            return _part(self._call, rule, results, arguments, parameters)
        source = name or equation.primitive.name
        place = location(equation)
        return self.program.lower(
            source, _Given(rule, parameters), results, *arguments, scope=scope, location=place
        )

    def whole(
        self,
        name: str,
        equation: core.JaxprEqn,
        operands: Sequence[Tensor],
        scope: Scope,
        body: Callable[[Sequence[Tensor]], Sequence[Tensor] | str],
    ) -> Sequence[Tensor]:
        """Run a body as one operation, whatever it does.

        Args:
            name: name of the operation.
            equation: the equation that it stands for.
            operands: what it reads.
            scope: the module that it belongs to.
            body: what is run; it returns the results, or the reason why they are bounds.
        """
        made: list[Tensor] = []

        def rule(call: Call, *tensors: Tensor) -> tuple[int | None, ...]:
            before, self._call = self._call, call
            given = call.results
            try:
                found = body(tensors)
            finally:
                self._call = before
                call.results = given
            if isinstance(found, str):
                return call.opaque(tensors, found)
            made.extend(found)
            return tuple(one.value for one in found)

        results = self.apply(equation, rule, scope, *operands, name=name)
        return made if made and self._call is None else made or results

    def affords(self, count: int) -> bool:
        """Whether that many equations may be unrolled; they are counted if so."""
        if count > self.budget:
            return False
        self.budget -= count
        return True

    def piece(self, tensor: Tensor, place: int) -> Tensor:
        """One element of the first axis of a tensor."""
        shape = tensor.shape[1:]
        if tensor.value is None:
            return constants_of.derived(shape, [tensor], lambda known: known[0][place])
        assert self._call is not None
        return Tensor(shape, value=self._call.select(tensor.value, 0, place))

    def stacked(self, tensors: Sequence[Tensor], shape: Sequence[int]) -> Tensor:
        """Tensors one after another along a new first axis."""
        if not tensors or all(one.value is None for one in tensors):
            return constants_of.derived(shape, tensors, lambda known: np.stack(known))

        def rule(call: Call, ones: Sequence[Tensor]) -> int:
            kept = (-1, *range(len(shape) - 1))
            return call.concat([call.continued(call.value(one), kept) for one in ones], 0)

        if self._call is not None:
            return _part(self._call, rule, [Tensor(shape)], [list(tensors)], {})[0]
        return self.program.lower("stack", rule, [Tensor(shape)], list(tensors))[0]


class _Given:
    """A rule with parameters that hold no tensors."""

    __slots__ = ("_parameters", "_rule")

    def __init__(self, rule: Any, parameters: Any) -> None:
        self._rule = rule
        self._parameters = parameters

    def __call__(self, call: Call, *arguments: Any) -> Any:
        return self._rule(call, *arguments, **self._parameters)


def _bound(reason: str) -> Any:
    return lambda call, *tensors: call.opaque(tensors, reason)


def _part(
    call: Call, rule: Any, results: Sequence[Tensor], arguments: Sequence[Any], parameters: Any
) -> list[Tensor]:
    """Apply a rule inside of another."""
    before, call.results = call.results, tuple(results)
    try:
        found = rule(call, *arguments, **parameters)
    finally:
        call.results = before
    values = found if isinstance(found, tuple) else (found,)
    return [
        Tensor(one.shape, value=value) if value is not None else constants_of.unknown(one.shape)
        for one, value in zip(results, values, strict=True)
    ]
