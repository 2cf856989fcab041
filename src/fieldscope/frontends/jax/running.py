"""Run a JAX function, or a flax or equinox module, with the outputs of its layers.

The jaxpr is walked once more to see which equation makes which value of the graph, and is then
evaluated equation by equation, through the calls in it, under `jax.jit`. What is made inside of
branches and loops isn't seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np
import numpy.typing as npt
from jax.extend import core

from fieldscope.errors import ModelError
from fieldscope.frontends.blame import told
from fieldscope.frontends.inputs import Spec, specs
from fieldscope.frontends.jax import constants as constants_of
from fieldscope.frontends.jax.calling import calling
from fieldscope.frontends.jax.modules import LIBRARY_LAYERS, Modules
from fieldscope.frontends.jax.places import Places
from fieldscope.frontends.jax.trace import _traced
from fieldscope.frontends.jax.walk import Walk
from fieldscope.frontends.lowering.program import Program, Tensor
from fieldscope.frontends.naming import Scope
from fieldscope.graph.trace import Trace

Array: TypeAlias = npt.NDArray[Any]
Function: TypeAlias = Callable[[Mapping[str, Array]], dict[str, Array]]
Place: TypeAlias = tuple[tuple[int, ...], int]
"""An equation, by its identity behind those of the calls around it, and one of its results."""

CALLS = frozenset(
    """jit pjit closed_call core_call remat remat2 checkpoint custom_jvp_call custom_vjp_call
    custom_vjp_call_jaxpr""".split()
)
"""Primitives that run a jaxpr in their place."""


class _Noting(Walk):
    """A walk that notes which equation makes which value."""

    def __init__(self, program: Program, places: Places) -> None:
        super().__init__(program, places)
        self._around: list[int] = []
        self.made: dict[int, Place] = {}
        self.often: set[Place] = set()

    def _equation(
        self, equation: core.JaxprEqn, operands: list[Tensor], base: Scope, run: int
    ) -> Sequence[Tensor]:
        self._around.append(id(equation))
        results = super()._equation(equation, operands, base, run)
        for number, result in enumerate(results):
            place = tuple(self._around), number
            if result.value is not None and result.value not in self.made:
                if place in self.made.values():
                    self.often.add(place)
                self.made[result.value] = place
        self._around.pop()
        return results


def runner(
    model: Callable[..., Any], trace: Trace, layers: Sequence[str], inputs: Any = None
) -> tuple[Function, dict[str, np.dtype[Any]], dict[str, str]]:
    """A function from a function's inputs to the outputs of layers.

    Args:
        model: a function of arrays, or a module; weights that a linen module doesn't hold are
            drawn at random.
        trace: what was made of it.
        layers: names of the layers.
        inputs: what it was traced with.

    Returns:
        The function, the types of the inputs by name, and why layers can't be seen, by layer.

    Raises:
        ModelError: the function fails.
    """
    call = calling(model, None)
    shapes = {one.name: Spec(one.shape) for one in trace.inputs}
    given = shapes if inputs is None else specs(inputs, call.names)
    modules = Modules(call.roots)
    jaxpr, order = _traced(call, given, modules)
    program = Program("jax")
    places = Places(modules.kinds, lambda path, kind: kind in LIBRARY_LAYERS, modules.roots)
    walk = _Noting(program, places)
    leaves = jax.tree.leaves(call.constants)
    tensors = {key: program.input(key, spec) for key, spec in given.items()}
    arguments: list[Tensor] = [constants_of.unknown(leaf.shape) for leaf in leaves]
    arguments += [tensors[key] for key in order]
    weights: list[Tensor] = [constants_of.given(value) for value in jaxpr.consts]
    walk.run(jaxpr.jaxpr, weights, arguments, program.scopes.root)
    values = trace.values()
    wanted = {
        layer: walk.made[values[layer]]
        for layer in layers
        if values.get(layer) in walk.made and walk.made[values[layer]] not in walk.often
    }
    constants = _drawn(leaves)

    @jax.jit
    def outputs(*arrays: Any) -> dict[str, Any]:
        found: dict[Place, Any] = {}
        _evaluated(jaxpr.jaxpr, jaxpr.consts, [*constants, *arrays], (), found)
        return {layer: found[place] for layer, place in wanted.items() if place in found}

    types = {
        key: np.dtype(jax.dtypes.canonicalize_dtype(spec.dtype or "float32"))
        for key, spec in given.items()
    }

    def function(arrays: Mapping[str, Array]) -> dict[str, Array]:
        try:
            found = outputs(*(arrays[key].astype(types[key]) for key in order))
        except Exception as error:
            raise ModelError(
                f"the function fails when it is run: {told(error)}\ncheck the shapes of its inputs"
            ) from error
        return {layer: np.asarray(one) for layer, one in found.items()}

    seen = function({key: np.zeros(spec.shape, types[key]) for key, spec in given.items()})
    why = "it is made inside of a branch or a loop"
    return function, types, {layer: why for layer in layers if layer not in seen}


def _drawn(leaves: Sequence[Any]) -> list[Any]:
    """Weights; random ones where only their shapes are known."""
    rng = np.random.default_rng(0)
    return [
        (0.3 * np.abs(rng.standard_normal(leaf.shape)) + 0.1).astype(leaf.dtype)
        if isinstance(leaf, jax.ShapeDtypeStruct)
        else leaf
        for leaf in leaves
    ]


def _evaluated(
    jaxpr: core.Jaxpr,
    constants: Sequence[Any],
    arguments: Sequence[Any],
    around: tuple[int, ...],
    found: dict[Place, Any],
) -> list[Any]:
    """The results of a jaxpr; what its equations make is noted by their places."""
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, constants, strict=True))
    known.update(zip(jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> Any:
        return atom.val if isinstance(atom, core.Literal) else known[atom]

    for equation in jaxpr.eqns:
        operands = [read(atom) for atom in equation.invars]
        here = (*around, id(equation))
        inner = _inner(equation)
        if inner is not None and len(inner[0].invars) == len(operands):
            results = _evaluated(*inner, operands, here, found)
        else:
            given: Any = equation.primitive.get_bind_params(equation.params)
            # Before JAX 0.9 functions came along, as a pair with the parameters.
            functions, parameters = given if isinstance(given, tuple) else ((), given)
            made = equation.primitive.bind(*functions, *operands, **parameters)
            results = list(made) if equation.primitive.multiple_results else [made]
        found.update({(here, number): result for number, result in enumerate(results)})
        known.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _inner(equation: core.JaxprEqn) -> tuple[core.Jaxpr, Sequence[Any]] | None:
    """The jaxpr of a call, with its constants; None of any other equation."""
    if equation.primitive.name not in CALLS:
        return None
    names = ("jaxpr", "call_jaxpr", "fun_jaxpr")
    given = next((equation.params[n] for n in names if n in equation.params), None)
    if isinstance(given, core.ClosedJaxpr):
        return given.jaxpr, given.consts
    return (given, []) if isinstance(given, core.Jaxpr) else None
