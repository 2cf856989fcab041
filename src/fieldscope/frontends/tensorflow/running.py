"""Run a TensorFlow function with the outputs of its layers.

The function's graph is walked once more to see which of its tensors holds which value of the
trace, and is then cut to those tensors. What functions, branches and loops that it calls make
inside isn't seen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.python.eager import wrap_function

from fieldscope.errors import ModelError
from fieldscope.frontends.blame import told
from fieldscope.frontends.lowering.program import Program, Tensor
from fieldscope.frontends.tensorflow.callables import graph_of
from fieldscope.frontends.tensorflow.trace import Walked, _by_names
from fieldscope.graph.trace import Trace

Array: TypeAlias = npt.NDArray[Any]
Function: TypeAlias = Callable[[Mapping[str, Array]], dict[str, Array]]


def runner(
    model: Any, trace: Trace, layers: Sequence[str], inputs: Any = None
) -> tuple[Function, dict[str, np.dtype[Any]], dict[str, str]]:
    """A function from a function's inputs to the outputs of layers.

    Args:
        model: a function, module or loaded SavedModel.
        trace: what was made of it.
        layers: names of the layers.
        inputs: what it was traced with.

    Returns:
        The function, the types of the inputs by name, and why layers can't be seen, by layer.

    Raises:
        ModelError: it is a file, was saved for other shapes, or fails.
    """
    if isinstance(model, (str, os.PathLike)):
        raise ModelError(
            f"{os.fspath(model)} is read without its variables, so it can't be run\n"
            "load it by tf.saved_model.load, and verify the function that it holds"
        )
    given = graph_of(model, inputs)
    graph: Any = given.graph
    feeds = [tensor for _, tensor, _ in given.inputs]
    if len(getattr(graph, "inputs", ())) != len(feeds) + len(getattr(graph, "captures", ())):
        raise ModelError(
            "the function was saved for open extents, and can't be run for the ones given\n"
            "wrap it: tf.function(lambda x: function(x))"
        )
    program = Program("tensorflow")
    walked = Walked(program)
    spatial = {one.name: one.spatial for one in trace.inputs if one.spatial}
    walked.trace(given, _by_names(program), axes=spatial)
    tensors: dict[int, tf.Tensor] = {}
    for operation in graph.get_operations():
        for tensor in operation.outputs:
            held = walked.env.get(id(tensor))
            if isinstance(held, Tensor) and held.value is not None:
                tensors.setdefault(held.value, tensor)
    values = trace.values()
    wanted = {name: tensors[values[name]] for name in layers if values.get(name) in tensors}
    why = "it is made inside of a function, branch or loop that the graph calls"
    hidden = {name: why for name in layers if name not in wanted}
    types = {key: np.dtype(tensor.dtype.as_numpy_dtype) for key, tensor, _ in given.inputs}
    fetches = list({id(tensor): tensor for tensor in wanted.values()}.values())
    try:
        holder = wrap_function.VariableHolder(share_variables=False)
        cut = wrap_function.WrappedFunction(graph, variable_holder=holder).prune(feeds, fetches)
    except Exception as error:
        raise _failed(error) from error

    def function(arrays: Mapping[str, Array]) -> dict[str, Array]:
        try:
            results = cut(*(tf.constant(arrays[key], dtype) for key, dtype in types.items()))
        except Exception as error:
            raise _failed(error) from error
        found = {id(t): one.numpy() for t, one in zip(fetches, results, strict=True)}
        return {name: found[id(tensor)] for name, tensor in wanted.items()}

    return function, types, hidden


def _failed(error: Exception) -> ModelError:
    return ModelError(
        f"the function fails when it is run: {told(error)}\n"
        "check that it can be called on such inputs"
    )
