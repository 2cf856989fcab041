"""What users give as inputs and axes, whatever the framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from fieldscope.errors import InputError
from fieldscope.graph.graph import Shape
from fieldscope.wording import listed, meant

Axes: TypeAlias = Sequence[int] | Mapping[str, Any] | None

AXIS_NAMES = {1: ("x",), 2: ("y", "x"), 3: ("z", "y", "x")}


class Spec(NamedTuple):
    """An input as the front end calls the model with it: its shape and type.

    `dtype` is the type's name, such as "float32"; None where the user gave a shape only.
    """

    shape: Shape
    dtype: str | None = None

    @property
    def floating(self) -> bool:
        """Whether its elements are numbers that may be measured, rather than indices."""
        return self.dtype is None or "float" in self.dtype or "complex" in self.dtype


Places: TypeAlias = tuple[int, ...]
Default: TypeAlias = Callable[[str, Spec], Places]


def channels_first(name: str, spec: Spec) -> Places:
    """Spatial axes behind batch and channels."""
    del name
    return tuple(range(2, len(spec.shape)))


def channels_last(name: str, spec: Spec) -> Places:
    """Spatial axes between batch and channels."""
    del name
    return tuple(range(1, len(spec.shape) - 1))


def specs(inputs: Any, names: Sequence[str]) -> dict[str, Spec]:
    """Shapes and arrays that a user gives, by the names of the model's inputs.

    Args:
        inputs: a shape with batch, something with `shape` and `dtype`, or a sequence (by
            position) or mapping (by name) of those.
        names: what the model calls its inputs, in their order.

    Raises:
        InputError: one isn't a shape, or there are more or others than the model takes.

    Example:
        >>> specs((1, 8, 8, 3), ["image"])
        {'image': Spec(shape=(1, 8, 8, 3), dtype=None)}
        >>> list(specs([(1, 8), (1, 9)], ["left", "right"]))
        ['left', 'right']
    """
    if isinstance(inputs, Mapping):
        for key in inputs:
            if str(key) not in names:
                raise InputError(
                    f"the model has no input {str(key)!r}{meant(str(key), list(names))}\n"
                    f"its inputs are {listed(list(names))}"
                )
        return {str(key): _spec(one, str(key)) for key, one in inputs.items()}
    several = [inputs] if _is_one(inputs) else list(inputs)
    if len(several) > len(names):
        raise InputError(
            f"{len(several)} inputs are given, and the model takes {len(names)}: "
            f"{listed(list(names))}"
        )
    return {name: _spec(one, name) for name, one in zip(names, several, strict=False)}


def _is_one(inputs: Any) -> bool:
    if hasattr(inputs, "shape") and hasattr(inputs, "dtype"):
        return True
    if not isinstance(inputs, (list, tuple)):
        raise InputError(
            f"inputs is {_short(inputs)}; give a shape with batch such as (1, 3, 224, 224), "
            "an array, or a tuple or dict of several"
        )
    return all(isinstance(extent, (int, float)) for extent in inputs)


def _short(given: Any) -> str:
    """What was given, or its kind where that is long to read."""
    text = repr(given)
    return text if len(text) < 60 else f"a {type(given).__name__}"


def _spec(one: Any, name: str) -> Spec:
    if hasattr(one, "shape") and hasattr(one, "dtype"):
        kind = getattr(one.dtype, "name", None) or str(one.dtype)
        return Spec(tuple(int(extent) for extent in one.shape), kind)
    if not isinstance(one, (list, tuple)) or not all(
        isinstance(extent, int) and not isinstance(extent, bool) for extent in one
    ):
        raise InputError(
            f"the shape of input {name!r} is {_short(one)}; a shape has whole numbers only, "
            "such as (1, 3, 224, 224)"
        )
    if any(extent < 1 for extent in one) or not one:
        raise InputError(
            f"the shape of input {name!r} is {tuple(one)}; every extent must be 1 or more"
        )
    return Spec(tuple(one))


def spatial_axes(
    inputs: Mapping[str, Spec], axes: Axes, default: Default = channels_first
) -> dict[str, tuple[Places, tuple[str, ...]]]:
    """The spatial axes of each input and their names.

    Args:
        inputs: the inputs by name.
        axes: what the user says of them; None for nothing.
        default: the axes of a floating-point input of 3 to 5 axes of which nothing is said.

    Raises:
        InputError: no input has spatial axes, or `axes` doesn't fit.

    Example:
        >>> spatial_axes({"x": Spec((1, 3, 8, 8))}, None)
        {'x': ((2, 3), ('y', 'x'))}
        >>> spatial_axes({"x": Spec((1, 9, 4))}, {"time": 1})
        {'x': ((1,), ('time',))}
    """
    chosen: dict[str, Any] = {}
    if isinstance(axes, Mapping):
        if set(axes) <= set(inputs):
            chosen = dict(axes)
        elif len(inputs) == 1 and all(isinstance(value, int) for value in axes.values()):
            chosen = {next(iter(inputs)): axes}
        else:
            unknown = sorted(set(axes) - set(inputs))
            raise InputError(
                f"axes names {', '.join(map(repr, unknown))}; the model's inputs are "
                f"{', '.join(map(repr, inputs))}"
            )
    elif axes is not None:
        if len(inputs) != 1:
            raise InputError(
                f"axes={axes!r} doesn't say which input it is for; give a dict from input to "
                f"axes, with the inputs {', '.join(map(repr, inputs))}"
            )
        chosen = {next(iter(inputs)): axes}
    found = {}
    for name, spec in inputs.items():
        if name in chosen:
            found[name] = _chosen(name, spec.shape, chosen[name])
        elif spec.floating and len(spec.shape) in (3, 4, 5):
            places = default(name, spec)
            found[name] = places, _labels(len(places))
        else:
            found[name] = (), ()
    if not any(places for places, _ in found.values()):
        told = ", ".join(f"{name} {spec.shape}" for name, spec in inputs.items())
        raise InputError(
            f"no input has spatial axes: {told or 'there are no inputs'}\n"
            "floating-point inputs of 3 to 5 axes have them beside batch and channels; "
            "for others pass axes=, for example axes=(1,) for (batch, time, features)"
        )
    return found


def _labels(count: int) -> tuple[str, ...]:
    return AXIS_NAMES.get(count, tuple(f"a{k}" for k in range(count)))


def _chosen(name: str, shape: Shape, axes: Any) -> tuple[Places, tuple[str, ...]]:
    if isinstance(axes, Mapping):
        labels, places = tuple(str(key) for key in axes), list(axes.values())
    else:
        places = [axes] if isinstance(axes, int) else list(axes)
        labels = _labels(len(places))
    for place in places:
        if not isinstance(place, int) or not -len(shape) <= place < len(shape):
            raise InputError(
                f"axis {place!r} of input {name!r} doesn't exist: its shape is "
                f"{shape}, with axes 0 to {len(shape) - 1}"
            )
    wrapped = tuple(place % len(shape) for place in places)
    if len(set(wrapped)) != len(wrapped):
        raise InputError(f"axes {tuple(places)} of input {name!r} name an axis twice")
    return wrapped, labels
