"""The inputs of a Keras model: what it says of them, and what the user asks for."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras
from keras.src.models.functional import Functional

from fieldscope.errors import FieldscopeError, InputError, ModelError, TraceError
from fieldscope.frontends.inputs import Spec, specs
from fieldscope.frontends.keras.calls import Paths
from fieldscope.wording import listed


class Arguments(NamedTuple):
    """What a model is called with.

    Attributes:
        model: the model, or a copy of one that wasn't built.
        specs: shapes and types of the inputs by name.
        call: calls the model on tensors in the order of `specs`.
    """

    model: Any
    specs: dict[str, Spec]
    call: Callable[..., Any]


def arguments(model: Any, inputs: Any) -> Arguments:
    """How to call a model on inputs of some shapes.

    Raises:
        InputError: the shapes don't fit the model, or some are open.
        ModelError: it isn't built and can't be.
    """
    if not isinstance(model, keras.Operation):
        raise ModelError(
            f"the model is {type(model).__name__}, which is no Keras 3 model or layer\n"
            "load it with Keras 3, or pass a function of tensors"
        )
    structure = _structure(model)
    if structure is None:
        return _by_signature(model, inputs)
    flat = keras.tree.flatten(structure)
    names = _names(flat)
    given = {} if inputs is None else specs(inputs, names)
    shapes = {
        key: _filled(key, tensor.shape, given.get(key))
        for key, tensor in zip(names, flat, strict=True)
    }
    types = {
        key: keras.backend.standardize_dtype(t.dtype) for key, t in zip(names, flat, strict=True)
    }
    fits = all(_fits(t.shape, shapes[key]) for key, t in zip(names, flat, strict=True))

    def call(*tensors: Any) -> Any:
        packed = keras.tree.pack_sequence_as(structure, list(tensors))
        with contextlib.nullcontext() if fits else _of_any_extents():
            return model(packed, training=False)

    return Arguments(model, {key: Spec(shapes[key], types[key]) for key in names}, call)


def _names(tensors: Sequence[Any]) -> list[str]:
    """What the user calls the inputs; Keras' own names count what the process made before."""
    alone = len(tensors) == 1
    return [
        ("input" if alone else f"input_{k}") if _OWN_NAME.fullmatch(tensor.name) else tensor.name
        for k, tensor in enumerate(tensors, 1)
    ]


_OWN_NAME = re.compile(r"keras_tensor(_\d+)?(CLONE)?")


def _structure(model: Any) -> Any:
    """The symbolic inputs of a model that was built by calling layers on them."""
    found = getattr(model, "_inputs_struct", None)
    if found is None and isinstance(model, keras.Sequential) and model.built:
        inner = getattr(model, "_functional", None)
        found = getattr(inner, "_inputs_struct", None)
    return found


def _fits(declared: Any, shape: tuple[int, ...]) -> bool:
    return all(known in (None, n) for known, n in zip(declared, shape, strict=True))


def _filled(name: str, declared: tuple[int | None, ...], given: Spec | None) -> tuple[int, ...]:
    told = "(" + ", ".join("?" if n is None else str(n) for n in declared) + ")"
    if given is None:
        if None in declared[1:]:
            example = tuple(224 if n is None else n for n in (declared[0] or 1, *declared[1:]))
            raise InputError(
                f"input {name!r} has open extents: {told}\n"
                f"give its shape with batch, such as {example}"
            )
        return tuple(1 if n is None else n for n in declared)
    if len(given.shape) != len(declared):
        raise InputError(
            f"input {name!r} has shape {given.shape}; the model takes {len(declared)} axes: {told}"
        )
    return given.shape


@contextlib.contextmanager
def _of_any_extents() -> Iterator[None]:
    """Let models run on other extents than they were built for; layers still check their own."""
    kinds = (Functional, keras.Sequential)
    before = [vars(kind).get("_assert_input_compatibility") for kind in kinds]
    for kind in kinds:
        kind._assert_input_compatibility = lambda *_: None
    try:
        yield
    finally:
        for kind, method in zip(kinds, before, strict=True):
            if method is None:
                del kind._assert_input_compatibility
            else:
                kind._assert_input_compatibility = method


def _by_signature(model: Any, inputs: Any) -> Arguments:
    """A layer or subclassed model, called by its parameters."""
    parameters = _parameters(model)
    if inputs is None:
        needed = [one.name for one in parameters if one.default is one.empty]
        raise InputError(
            f"the model doesn't say which shapes it takes: {listed(needed)}\n"
            "pass them with batch, such as (1, 224, 224, 3)"
        )
    given = specs(inputs, [one.name for one in parameters])
    kind = getattr(model, "input_dtype", None) or "float32"
    full = {key: Spec(one.shape, one.dtype or kind) for key, one in given.items()}
    built = model if _is_built(model) else _built_copy(model, full)

    def call(*tensors: Any) -> Any:
        return _by_name_or_place(built, dict(zip(full, tensors, strict=True)))

    return Arguments(built, full, call)


def _is_built(model: Any) -> bool:
    return bool(model.built) and all(layer.built for layer in model._flatten_layers())


def _built_copy(model: Any, given: Mapping[str, Spec]) -> Any:
    """A copy that is built for inputs, so that the model stays as it was found."""
    try:
        with without_weights():
            copy = type(model).from_config(model.get_config())
            symbolic = {
                key: keras.KerasTensor(spec.shape, spec.dtype) for key, spec in given.items()
            }
            _by_name_or_place(copy, symbolic)
            return copy
    except Exception as error:
        if model.built:
            return model
        raise ModelError(
            f"{type(model).__name__} {model.name!r} isn't built, and can't be copied to build it: "
            f"{first_line(error)}\ncall it once on an input, or model.build(shape)"
        ) from error


def _by_name_or_place(model: Any, tensors: Mapping[str, Any]) -> Any:
    """Call a model on tensors for its first parameters, or those that are named."""
    if list(tensors) == [one.name for one in _parameters(model)][: len(tensors)]:
        return model(*tensors.values(), training=False)
    return model(**tensors, training=False)


def _parameters(model: Any) -> list[inspect.Parameter]:
    return [
        one
        for one in inspect.signature(model.call).parameters.values()
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
        and one.name not in ("training", "mask")
    ]


def first_line(error: Exception) -> str:
    """An error's kind and the first line of its text."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"


def explained(error: Exception, given: Mapping[str, Spec], paths: Paths) -> FieldscopeError:
    """Why a call failed, as one of our errors."""
    shapes = ", ".join(f"{key} {spec.shape}" for key, spec in given.items())
    place = paths.calls[-1].path if paths.calls else ""
    where = f" at {place}" if place else ""
    text = first_line(error)
    if any(word in str(error) for word in ("symbolic", "traced array", "Tracer")):
        return TraceError(
            f"the model can't be followed on shapes{where}: {text}\n"
            "write branches on values with keras.ops.cond or keras.ops.where"
        )
    return ModelError(
        f"the model fails on inputs {shapes}{where}: {text}\n"
        "check number, extents and types of the inputs against what the model takes"
    )


def elements_of(variable: Any) -> Callable[[], Any] | None:
    """Reads a variable of whole numbers, which may be an index; None for other weights."""
    held = variable._value
    if held is None or "float" in variable._dtype or "complex" in variable._dtype:
        return None
    return lambda: keras.ops.convert_to_numpy(held)


class without_weights:  # noqa: N801  # used as a statement
    """Build models whose variables have shapes but no values."""

    def __enter__(self) -> None:
        self._scope = keras.StatelessScope(initialize_variables=False)
        self._before = list(_waiting())
        self._scope.__enter__()

    def __exit__(self, *details: Any) -> None:
        self._scope.__exit__(*details)
        # Else Keras would initialise them after the next scope of anybody's.
        _waiting()[:] = self._before


def _waiting() -> list[Any]:
    from keras.src.backend.common import global_state

    found: list[Any] = global_state.get_global_attribute(
        "uninitialized_variables", [], set_to_default=True
    )
    return found
