"""From a function on JAX arrays, or a flax or equinox module, to a graph with names.

The function is traced to a jaxpr on shapes, which is then walked; nothing is computed but the
constants that an index or mask needs.

Other front ends may hand over a function of theirs (Keras does on its JAX backend): weights that
aren't inputs are given as `constants`, a pytree of `jax.ShapeDtypeStruct` that is passed as the
first argument; their elements stay unknown. Layers are named by the `jax.named_scope`s that
equations carry: `kinds` tells the types of modules by their paths (`block1.conv`), `whole` which
of the scopes are one layer whatever primitives they run, and `roots` the names of scopes
that stand for the whole model and so aren't part of a path.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any

import jax
from jax.extend import core

from fieldscope.errors import FieldscopeError, ModelError
from fieldscope.frontends.inputs import Axes, Default, Spec, channels_last, specs
from fieldscope.frontends.jax import constants as constants_of
from fieldscope.frontends.jax.calling import Calling, calling
from fieldscope.frontends.jax.explained import explained
from fieldscope.frontends.jax.modules import LIBRARY_LAYERS, Modules
from fieldscope.frontends.jax.places import Places, Whole
from fieldscope.frontends.jax.walk import Walk
from fieldscope.frontends.lowering.program import Program, Tensor
from fieldscope.graph.trace import Trace

_lock = threading.RLock()
"""One trace at a time: classes of modules are watched meanwhile."""


def trace(
    function: Callable[..., Any],
    inputs: Any,
    *,
    axes: Axes = None,
    name: str | None = None,
    constants: Any = None,
    kinds: Mapping[str, str] | None = None,
    whole: Whole | None = None,
    roots: Collection[str] = (),
    otherwise: Default = channels_last,
    framework: str = "jax",
) -> Trace:
    """Trace a function to a jaxpr on shapes, and say what each of its primitives reads.

    Args:
        function: a function of arrays (also jitted, a partial, a bound method), a flax module
            (linen, bound or not; nnx) or an equinox module.
        inputs: shapes, arrays, `jax.ShapeDtypeStruct`s, or several of them; see
            `fieldscope.frontends.inputs.specs`.
        axes: spatial axes of the inputs; see `fieldscope.analyze`.
        name: name of the model in the report.
        constants: what is passed as the first argument, without being an input: a pytree of
            `jax.ShapeDtypeStruct` (elements unknown) or arrays; None for no such argument.
        kinds: types of modules by their paths.
        whole: whether a scope is one layer, by its path and kind.
        roots: names of scopes that stand for the whole model.
        otherwise: the spatial axes of inputs that no window slides over.
        framework: name of the framework in the report.

    Raises:
        InputError: the inputs don't fit the function, or have no spatial axes.
        ModelError: the function raises on inputs of these shapes.
        TraceError: it depends on values, or its output on nothing.

    Example:
        >>> def apply(x):
        ...     return jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, 3, 1), (1, 2, 1), "VALID")
        >>> found = trace(apply, (1, 9, 2))
        >>> [layer.name for layer in found.layers], found.inputs[0].spatial
        (['reduce_window_sum_1'], (1,))
    """
    with _lock:
        call = calling(function, constants)
        given = specs(inputs, call.names)
        call.check(given)
        modules = Modules(call.roots)
        jaxpr, places = _traced(call, given, modules)
        program = Program(framework)
        wholly = whole or (lambda path, kind: kind in LIBRARY_LAYERS)
        known = {**modules.kinds, **(kinds or {})}
        walk = Walk(program, Places(known, wholly, {*modules.roots, *roots}))
        arguments: list[Tensor] = [
            constants_of.unknown(leaf.shape)
            if isinstance(leaf, jax.ShapeDtypeStruct)
            else constants_of.given(leaf)
            for leaf in jax.tree.leaves(call.constants)
        ]
        tensors = {key: program.input(key, spec) for key, spec in given.items()}
        arguments += [tensors[key] for key in places]
        weights: list[Tensor] = [constants_of.given(value) for value in jaxpr.consts]
        found = walk.run(jaxpr.jaxpr, weights, arguments, program.scopes.root)
        outputs = list(zip(modules.outputs, found, strict=True))
        return program.trace(name or call.title, outputs, axes=axes, otherwise=otherwise)


def _traced(
    call: Calling, given: Mapping[str, Spec], modules: Modules
) -> tuple[core.ClosedJaxpr, list[str]]:
    """The jaxpr, and the names of its arguments behind the constants."""
    structs = {key: _struct(spec) for key, spec in given.items()}
    positional, named = call.arranged(structs)
    order = [*positional, *sorted(named)]

    def run(constants: Any, values: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        result = call.run(constants, values, keywords)
        modules.outputs = [
            f"output{jax.tree_util.keystr(path)}"
            for path, leaf in jax.tree_util.tree_leaves_with_path(result)
            if hasattr(leaf, "shape")
        ]
        return [leaf for leaf in jax.tree.leaves(result) if hasattr(leaf, "shape")]

    try:
        with modules.watched():
            jaxpr = jax.make_jaxpr(run)(
                call.constants,
                tuple(structs[key] for key in positional),
                {key: structs[key] for key in named},
            )
    except FieldscopeError:
        raise
    except Exception as error:
        raise explained(error, given) from error
    if not isinstance(jaxpr, core.ClosedJaxpr):
        raise ModelError(f"tracing returned {type(jaxpr).__name__}, not a jaxpr")
    return jaxpr, order


def _struct(spec: Spec) -> jax.ShapeDtypeStruct:
    dtype = jax.dtypes.canonicalize_dtype(spec.dtype or "float32")
    return jax.ShapeDtypeStruct(spec.shape, dtype)
