"""Build the networks of `keras.applications` by name, without trained weights."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from fieldscope.errors import ModelError
from fieldscope.frontends.keras.backends import imported
from fieldscope.wording import meant

Shape = tuple[int, ...]


class Built(NamedTuple):
    """A network of the zoo and the input it is meant for.

    Attributes:
        model: unless asked for, its weights have shapes but no values.
        inputs: the default input shape with batch.
    """

    model: Any
    inputs: Shape


def names() -> tuple[str, ...]:
    """List the names that `build` knows.

    Raises:
        MissingExtraError: Keras isn't installed.

    Example:
        >>> "VGG19" in names(), "ConvNeXtTiny" in names()
        (True, True)
    """
    applications = imported().applications
    return tuple(
        name
        for name in dir(applications)
        if name[:1].isupper() and inspect.isfunction(getattr(applications, name))
    )


def build(
    name: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    values: bool = False,
    inputs: Any = None,
) -> Built:
    """Build a network by name and, unless asked to, without allocating weights.

    Args:
        name: as `keras.applications` names it, e.g. "ResNet50"; case doesn't count.
        arguments: passed on to the network's constructor by keyword.
        values: draw the weights at random, always the same ones, as for training.
        inputs: the shape, with batch, that it is built for, where it isn't the default.

    Raises:
        ModelError: there is no such name (near ones are listed), or the constructor rejects
            the arguments.
        MissingExtraError: Keras or its backend isn't installed.

    Example:
        >>> model, shape = build("VGG19", inputs=(1, 32, 32, 3))
        >>> shape, model.name, model.layers[0].batch_shape
        ((1, 32, 32, 3), 'vgg19', (None, 32, 32, 3))
    """
    given = dict(arguments or {})
    if given.get("weights") is not None:
        raise ModelError(
            f"cannot build keras:{name} with weights={given['weights']!r}: fields do not depend "
            "on weights, and none are loaded here\n"
            "leave weights out, or build the model yourself and pass it to fieldscope.analyze()"
        )
    builder = _builder(name)
    given["weights"] = None
    if inputs is not None and "input_shape" not in given and "input_tensor" not in given:
        given["input_shape"] = _one_shape(name, inputs)[1:]
    # Imports Keras, of which the names have made sure.
    from fieldscope.frontends.keras.shapes import first_line, without_weights

    try:
        with _own_names():
            if values:
                model = _drawn(lambda: builder(**given))
            else:
                with without_weights():
                    model = builder(**given)
    except Exception as error:
        del given["weights"]
        shown = ", ".join(f"{key}={value!r}" for key, value in given.items())
        raise ModelError(
            f"cannot build keras:{name}{shown and ' with ' + shown}: {first_line(error)}"
        ) from error
    extents = model.inputs[0].shape[1:]
    if inputs is not None:
        return Built(model, _one_shape(name, inputs))
    return Built(model, (1, *(224 if extent is None else extent for extent in extents)))


@contextlib.contextmanager
def _own_names() -> Iterator[None]:
    """Count layers without names from the start, whatever was built before."""
    from keras.src.backend.common import global_state

    before = global_state.get_global_attribute("object_name_uids")
    global_state.set_global_attribute("object_name_uids", None)
    try:
        yield
    finally:
        global_state.set_global_attribute("object_name_uids", before)


def _drawn(make: Callable[[], Any]) -> Any:
    """What is made with random numbers from a fixed seed, the generators left as they were."""
    import random

    import numpy as np
    from keras.src.backend.common import global_state
    from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR, SeedGenerator

    own, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002  # Keras' are kept
    before = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, SeedGenerator(0))
    try:
        return make()
    finally:
        random.setstate(own)
        np.random.set_state(legacy)  # noqa: NPY002
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, before)


def _builder(name: str) -> Callable[..., Any]:
    known = names()
    by_case = {one.lower(): one for one in known}
    if name.lower() not in by_case:
        raise ModelError(
            f"keras.applications has no model {name!r}{meant(name, known)}\n"
            f"fieldscope.frontends.keras.zoo.names() lists all {len(known):,}"
        )
    found: Callable[..., Any] = getattr(imported().applications, by_case[name.lower()])
    return found


def _one_shape(name: str, inputs: Any) -> Shape:
    """The shape of the one input that networks of the zoo take."""
    if isinstance(inputs, Mapping) and len(inputs) == 1:
        inputs = next(iter(inputs.values()))
    if isinstance(inputs, Sequence) and len(inputs) == 1 and isinstance(inputs[0], Sequence):
        inputs = inputs[0]
    if hasattr(inputs, "shape"):
        inputs = inputs.shape
    shape = tuple(inputs)
    if len(shape) != 4 or not all(isinstance(extent, int) for extent in shape):
        raise ModelError(
            f"keras:{name} takes one input of shape (batch, height, width, channels), "
            f"and {shape} is given"
        )
    return shape
