"""How a model is called: its parameters by name, what is passed beside the inputs.

A flax linen module that isn't bound is given variables of the shapes that its own initialisation
tells, without allocating any. Modules are called as in evaluation.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax

from fieldscope.errors import InputError, ModelError
from fieldscope.frontends.inputs import Spec
from fieldscope.wording import listed

EVALUATION = {
    "train": False,
    "training": False,
    "is_training": False,
    "deterministic": True,
    "use_running_average": True,
}
"""Parameters of modules that switch between training and evaluation."""

RNGS = ("params", "dropout", "default", "noise", "droppath")


@dataclass
class Calling:
    """A model as it is called.

    Attributes:
        names: names of its parameters that take inputs, in order.
        required: those of them that have no default.
        constants: what is passed in front of them.
        roots: the objects in which modules are looked for, by the names they are known by.
        title: its name.
    """

    target: Callable[..., Any]
    names: list[str]
    required: list[str]
    constants: Any
    title: str
    roots: dict[str, Any]
    positional: frozenset[str]
    variadic: bool = False
    extra: dict[str, Any] = field(default_factory=dict)
    linen: Any = None

    def check(self, given: Mapping[str, Spec]) -> None:
        """Check that every parameter gets an input.

        Raises:
            InputError: one gets none.
        """
        missing = [name for name in self.required if name not in given]
        if not missing:
            return
        count = len(self.required)
        last = self.required[-1]
        raise InputError(
            f"the function takes {count} arguments ({listed(self.required)}), and "
            f"{listed(missing)} got no input\n"
            f"close over what isn't an input (lambda {last}: "
            f"{self.title}({', '.join([*('...' for _ in range(count - 1)), last])})), "
            "or give several inputs as a tuple or a dict by name"
        )

    def arranged(self, structs: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        """Which inputs are passed by position and which by name."""
        if self.linen is not None:
            self.constants = self._variables(structs)
        order = [name for name in self.names if name in structs]
        leading = []
        for name, wanted in zip(order, self.names, strict=False):
            if name != wanted or name not in self.positional:
                break
            leading.append(name)
        return leading, [name for name in order if name not in leading]

    def run(self, constants: Any, values: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
        """Call the model."""
        if self.linen is not None:
            return self.linen.apply(constants, *values, **keywords, **self.extra)
        lead = () if constants is None else (constants,)
        return self.target(*lead, *values, **keywords, **self.extra)

    def _variables(self, structs: Mapping[str, Any]) -> Any:
        """The variables of a linen module, as shapes."""

        def initialised(inputs: Mapping[str, Any]) -> Any:
            keys = {name: jax.random.key(0) for name in RNGS}
            return self.linen.init(keys, **inputs, **self.extra)

        return jax.eval_shape(initialised, dict(structs))


def calling(function: Any, constants: Any) -> Calling:
    """Find out how a model is called.

    Raises:
        ModelError: it can't be called, or can't be followed.
    """
    if hasattr(jax, "export") and isinstance(function, jax.export.Exported):
        raise ModelError(
            "an exported function holds compiled code, which isn't followed\n"
            "pass the function that was exported"
        )
    if not callable(function):
        raise ModelError(
            f"the model is {type(function).__name__}, which can't be called; "
            "pass a function of arrays, or a flax or equinox module"
        )
    title = getattr(function, "__name__", None) or type(_unwrapped(function)).__name__
    linen = sys.modules.get("flax.linen")
    unbound = linen is not None and isinstance(function, linen.Module) and function.scope is None
    target = function
    module = is_module(function)
    if module:
        target = evaluated(function)
    names, required, positional, variadic, switches = _parameters(
        target, skip=constants is not None
    )
    extra = (
        {name: value for name, value in EVALUATION.items() if name in switches} if module else {}
    )
    return Calling(
        target,
        [name for name in names if name not in extra],
        [name for name in required if name not in extra],
        constants,
        title,
        {"": target},
        frozenset(positional),
        variadic,
        extra,
        target if unbound else None,
    )


def _unwrapped(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def is_module(target: Any) -> bool:
    """Whether something is a module of flax or equinox."""
    for library, name in (("flax.linen", "Module"), ("flax.nnx", "Module"), ("equinox", "Module")):
        found = sys.modules.get(library)
        if found is not None and isinstance(target, getattr(found, name)):
            return True
    return False


def evaluated(module: Any) -> Any:
    """A module as it is in evaluation; the one that is given stays as it is."""
    nnx, equinox = sys.modules.get("flax.nnx"), sys.modules.get("equinox")
    if nnx is not None and isinstance(module, nnx.Module):
        copy = nnx.merge(*nnx.split(module))
        copy.eval()
        return copy
    if equinox is not None and isinstance(module, equinox.Module):
        return equinox.nn.inference_mode(module)
    return module


def _parameters(
    function: Any, *, skip: bool
) -> tuple[list[str], list[str], set[str], bool, set[str]]:
    """Names of the parameters, those without default, those by position; whether there are more."""
    target = function
    if is_module(function):
        target = type(function).__call__.__get__(function)
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        return [f"input_{k}" for k in range(8)], [], {f"input_{k}" for k in range(8)}, True, set()
    if skip:
        parameters = parameters[1:]
    names, required, positional, variadic = [], [], set(), False
    for one in parameters:
        if one.kind is one.VAR_POSITIONAL:
            variadic = True
            more = [f"{one.name}_{k}" for k in range(8)]
            names += more
            positional.update(more)
        elif one.kind is not one.VAR_KEYWORD:
            names.append(one.name)
            if one.kind is not one.KEYWORD_ONLY:
                positional.add(one.name)
            if one.default is one.empty:
                required.append(one.name)
    return names, required, positional, variadic, {one.name for one in parameters}
