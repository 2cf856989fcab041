"""Keras models on JAX: the jaxpr of a call, in which name stacks tell the layers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import keras

from fieldscope.errors import FieldscopeError
from fieldscope.frontends.inputs import Axes, channels_last
from fieldscope.frontends.jax import constants as constants_of
from fieldscope.frontends.jax.places import Places
from fieldscope.frontends.jax.walk import Walk
from fieldscope.frontends.keras.calls import Paths, leaves_of, watched
from fieldscope.frontends.keras.shapes import arguments, elements_of, explained
from fieldscope.frontends.lowering.program import Program, Tensor
from fieldscope.frontends.naming import Scope
from fieldscope.graph.trace import Trace

MARK = "fs."
"""Begins the name of a call; its number follows."""


class _Marked(Places):
    """The scopes of equations by the calls that their name stacks tell."""

    def __init__(self) -> None:
        super().__init__({}, lambda path, kind: False, ())
        self.paths = Paths(self.root)

    def of(self, base: Scope, walk: int, stack: tuple[Any, ...]) -> Scope:
        """The call that an equation was made in."""
        del walk
        for part in reversed(stack):
            name = getattr(part, "name", "")
            if name.startswith(MARK):
                return self.paths.calls[int(name[len(MARK) :])]
        return base


class _Calls:
    """Puts the equations of each call under a name that tells which it is."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.level: Any = None
        self.results: list[tuple[int, str, Any]] = []

    @contextlib.contextmanager
    def calling(self, operation: Any) -> Iterator[Callable[[Any], None]]:
        """A layer is called."""
        number = len(self.paths.calls)
        self.paths.enter(operation)

        def returned(results: Any) -> None:
            # What is made inside of a loop's body can't be handed out.
            self.results += [
                (number, place, leaf)
                for place, leaf in leaves_of(results, "")
                if getattr(leaf, "_trace", None) is self.level
            ]

        try:
            with jax.named_scope(f"{MARK}{number}"):
                yield returned
        finally:
            self.paths.leave()


def trace(model: Any, inputs: Any = None, *, axes: Axes = None, name: str | None = None) -> Trace:
    """Follow a model on JAX; see `fieldscope.frontends.keras.trace.trace`."""
    called = arguments(model, inputs)
    places = _Marked()
    calls = _Calls(places.paths)
    variables = list(called.model.variables)
    outputs: list[str] = []

    def run(weights: list[Any], *tensors: Any) -> list[Any]:
        calls.level = getattr(tensors[0], "_trace", None)
        values = zip(variables, weights, strict=True)
        with keras.StatelessScope(values, initialize_variables=False), watched(calls):
            found = leaves_of(called.call(*tensors), "output")
        outputs[:] = [place for place, _ in found]
        return [*(leaf for _, leaf in found), *(leaf for _, _, leaf in calls.results)]

    weights = [jax.ShapeDtypeStruct(tuple(v.shape), v._dtype) for v in variables]
    feeds = [jax.ShapeDtypeStruct(s.shape, s.dtype or "float32") for s in called.specs.values()]
    try:
        jaxpr = jax.make_jaxpr(run)(weights, *feeds)
    except FieldscopeError:
        raise
    except Exception as error:
        raise explained(error, called.specs, places.paths) from error
    program = Program("jax")
    walk = Walk(program, places)
    given = [Tensor(tuple(one.shape), one._dtype, elements=elements_of(one)) for one in variables]
    given += [program.input(key, spec) for key, spec in called.specs.items()]
    held = [constants_of.given(value) for value in jaxpr.consts]
    found = walk.run(jaxpr.jaxpr, held, given, places.root)
    for (number, place, _), one in zip(calls.results, found[len(outputs) :], strict=True):
        if one.value is not None:
            places.paths.calls[number].results.append((place, one.value))
    return program.trace(
        name or str(model.name),
        list(zip(outputs, found, strict=False)),
        axes=axes,
        otherwise=channels_last,
    )
