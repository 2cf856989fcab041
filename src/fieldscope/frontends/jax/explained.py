"""What went wrong while a function was traced, and the way out."""

from __future__ import annotations

from collections.abc import Mapping

import jax

from fieldscope.errors import FieldscopeError, ModelError, TraceError
from fieldscope.frontends.blame import location
from fieldscope.frontends.inputs import Spec

_BY_VALUE: tuple[type[Exception], ...] = (
    jax.errors.ConcretizationTypeError,  # also: TracerBoolConversionError
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)


def explained(error: Exception, given: Mapping[str, Spec]) -> FieldscopeError:
    """The error to raise for one that a function raised on shapes."""
    place = location(error)
    where = f" at {place}" if place else ""
    if isinstance(error, _BY_VALUE):
        return TraceError(
            f"cannot trace the function: it needs the values of an array{where}, "
            f"and there are only shapes ({_way(error)})\n"
            "use jax.lax.cond or jax.numpy.where instead of a branch, or close over what is "
            "known (a lambda, functools.partial) instead of passing it"
        )
    if isinstance(error, jax.errors.UnexpectedTracerError):
        return TraceError(
            f"cannot trace the function: it keeps an array of an earlier trace{where}\n"
            "don't store intermediate results outside of the function"
        )
    shapes = ", ".join(f"{name} {spec.shape}" for name, spec in given.items())
    text = next((line for line in str(error).splitlines() if line.strip()), "")
    told = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return ModelError(
        f"the model fails on inputs {shapes}: {told}{f' (at {place})' if place else ''}\n"
        "check number of channels, extents and type of the inputs against what the model takes"
    )


def _way(error: Exception) -> str:
    """What it is that needs the values."""
    if isinstance(error, jax.errors.TracerBoolConversionError):
        return "a branch on it"
    if isinstance(error, jax.errors.NonConcreteBooleanIndexError):
        return "a truth mask as an index"
    if isinstance(error, jax.errors.TracerIntegerConversionError):
        return "an index or a range by it"
    if isinstance(error, jax.errors.TracerArrayConversionError):
        return "NumPy called on it"
    return "a number taken from it"
