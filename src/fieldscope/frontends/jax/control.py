"""Primitives that run jaxprs: calls, branches and loops.

Each takes the walk, the equation, its operands and the scope that it stands in, and returns the
results; None where it is lowered like any other primitive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from jax.extend import core

from fieldscope.frontends.jax import constants as constants_of
from fieldscope.frontends.jax import folding
from fieldscope.frontends.jax.location import is_library
from fieldscope.frontends.lowering.program import Call, Tensor
from fieldscope.frontends.naming import Scope

if TYPE_CHECKING:
    from fieldscope.frontends.jax.walk import Walk

Control: TypeAlias = Callable[
    ["Walk", core.JaxprEqn, list[Tensor], Scope], "Sequence[Tensor] | None"
]

CONTROL: dict[str, Control] = {}
"""By the name of a primitive."""

UNROLLED = "its loop is longer than is unrolled"
DECIDED = "how often it loops depends on the input's values"


def _controls(*names: str) -> Callable[[Control], Control]:
    def register(control: Control) -> Control:
        CONTROL.update(dict.fromkeys(names, control))
        return control

    return register


def _opened(jaxpr: Any) -> tuple[Any, list[Tensor]]:
    """A jaxpr without its constants, and those."""
    if isinstance(jaxpr, core.ClosedJaxpr):
        return jaxpr.jaxpr, [constants_of.given(value) for value in jaxpr.consts]
    return jaxpr, []


def _depends(tensors: Sequence[Tensor]) -> bool:
    return any(one.value is not None for one in tensors)


@_controls(
    "jit",
    "pjit",
    "closed_call",
    "core_call",
    "remat",
    "remat2",
    "checkpoint",
    "custom_jvp_call",
    "custom_vjp_call",
    "custom_vjp_call_jaxpr",
    "custom_vmap_call",
    "composite",
    "eval_jaxpr",
)
def call(
    walk: Walk, equation: core.JaxprEqn, operands: list[Tensor], scope: Scope
) -> Sequence[Tensor] | None:
    """The jaxpr of a call, in its place; a function of JAX itself is one layer."""
    parameters = equation.params
    given = next(
        (parameters[k] for k in ("jaxpr", "call_jaxpr", "fun_jaxpr", "call") if k in parameters),
        None,
    )
    jaxpr, constants = _opened(given)
    if not isinstance(jaxpr, core.Jaxpr) or len(jaxpr.invars) != len(operands):
        return None if _depends(operands) else folding.folded(equation, operands)
    if _depends(operands):
        name = _library_name(jaxpr)
        if name is not None:
            return walk.whole(
                name,
                equation,
                operands,
                scope,
                lambda tensors: walk.run(jaxpr, constants, tensors, scope),
            )
    return walk.run(jaxpr, constants, operands, scope)


def _library_name(jaxpr: core.Jaxpr) -> str | None:
    """Name of the function of JAX that a jaxpr was traced from; None for the user's own."""
    told: str = getattr(jaxpr.debug_info, "func_src_info", None) or ""
    name, _, place = told.partition(" at ")
    if not place or not is_library(place):
        return None
    name = name.rpartition(".")[2].strip("_<>")
    return name if name.isidentifier() and name != "lambda" else None


@_controls("cond")
def branch(
    walk: Walk, equation: core.JaxprEqn, operands: list[Tensor], scope: Scope
) -> Sequence[Tensor] | None:
    """The branch that a constant chooses; else all of them, and what chooses."""
    which, *arguments = operands
    branches = equation.params["branches"]
    known = None if which.value is not None else which.elements()
    if known is not None:
        place = min(max(int(known), 0), len(branches) - 1)
        jaxpr, constants = _opened(branches[place])
        return walk.run(jaxpr, constants, arguments, scope)
    runs = []
    for one in branches:
        jaxpr, constants = _opened(one)
        runs.append(walk.run(jaxpr, constants, arguments, scope))
    several = list(zip(*runs, strict=True))
    if not _depends([which, *(one for run in runs for one in run)]):
        return [constants_of.unknown(ones[0].shape) for ones in several]

    def joined(call: Call, which: Tensor, several: list[list[Tensor]]) -> tuple[int | None, ...]:
        return tuple(
            call.pointwise(which, *ones, shape=ones[0].shape) if _depends([which, *ones]) else None
            for ones in several
        )

    return walk.apply(equation, joined, scope, which, [list(ones) for ones in several])


@_controls("scan")
def scan(
    walk: Walk, equation: core.JaxprEqn, operands: list[Tensor], scope: Scope
) -> Sequence[Tensor] | None:
    """A loop over the first axis: unrolled. Over the input's own steps it is one layer."""
    p = equation.params
    jaxpr, constants = _opened(p["jaxpr"])
    n, carried = p["num_consts"], p["num_carry"]
    series = operands[n + carried :]
    length: int = p["length"]
    if not walk.affords(length * len(jaxpr.eqns)):
        if not _depends(operands):
            return [constants_of.unknown(var.aval.shape) for var in equation.outvars]  # type: ignore[attr-defined]  # arrays
        return walk.lower(equation, operands, scope, reason=UNROLLED)

    def unrolled(tensors: Sequence[Tensor]) -> list[Tensor]:
        fixed, carry = list(tensors[:n]), list(tensors[n : n + carried])
        series = tensors[n + carried :]
        made: list[list[Tensor]] = []
        steps = range(length)
        for step in reversed(steps) if p["reverse"] else steps:
            now = [walk.piece(one, step) for one in series]
            results = walk.run(jaxpr, constants, [*fixed, *carry, *now], scope)
            carry = results[:carried]
            made.append(results[carried:])
        if p["reverse"]:
            made.reverse()
        shapes = [var.aval.shape for var in equation.outvars[carried:]]  # type: ignore[attr-defined]  # arrays
        stacked = [
            walk.stacked([step[k] for step in made], shape) for k, shape in enumerate(shapes)
        ]
        return [*carry, *stacked]

    if _depends(series):
        return walk.whole("scan", equation, operands, scope, unrolled)
    return unrolled(operands)


@_controls("while")
def loop(
    walk: Walk, equation: core.JaxprEqn, operands: list[Tensor], scope: Scope
) -> Sequence[Tensor] | None:
    """A loop whose condition is known at each step: unrolled; else a bound."""
    p = equation.params
    test, test_constants = _opened(p["cond_jaxpr"])
    body, body_constants = _opened(p["body_jaxpr"])
    n, m = p["cond_nconsts"], p["body_nconsts"]

    def unrolled(tensors: Sequence[Tensor]) -> list[Tensor] | str:
        tested, fixed, state = tensors[:n], tensors[n : n + m], list(tensors[n + m :])
        while True:
            (going,) = walk.run(test, test_constants, [*tested, *state], scope)
            known = None if going.value is not None else going.elements()
            if known is None:
                return DECIDED
            if not known:
                return state
            if not walk.affords(len(test.eqns) + len(body.eqns)):
                return UNROLLED
            state = walk.run(body, body_constants, [*fixed, *state], scope)

    if _depends(operands):
        return walk.whole("while", equation, operands, scope, unrolled)
    found = unrolled(operands)
    if isinstance(found, str):
        return [constants_of.unknown(one.shape) for one in operands[n + m :]]
    return found
