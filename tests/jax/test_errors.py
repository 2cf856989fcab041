"""What is said when a function can't be traced, or is called wrongly."""

from __future__ import annotations

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen
from jax import Array

from fieldscope.errors import InputError, ModelError, TraceError
from fieldscope.frontends.jax.trace import trace
from tests.jax.analysed import analysed

SHAPE = (1, 8, 8, 3)


def branches(x: Array) -> Any:
    return x if x.sum() > 0 else -x


def counts(x: Array) -> Any:
    return x[: int(x.sum())]


def picks(x: Array) -> Any:
    return x[x > 0]


def leaves(x: Array) -> Any:
    return jnp.asarray(np.asarray(x))


@pytest.mark.parametrize(
    ("function", "way"),
    [
        (branches, "a branch on it"),
        (counts, "a number taken from it"),
        (picks, "a truth mask as an index"),
        (leaves, "NumPy called on it"),
    ],
)
def test_functions_that_need_values_are_told_where(function: Any, way: str) -> None:
    line = function.__code__.co_firstlineno + 1
    message = (
        f"cannot trace the function: it needs the values of an array at "
        f"tests/jax/test_errors.py:{line}, and there are only shapes ({way})\n"
        "use jax.lax.cond or jax.numpy.where instead of a branch, or close over"
    )
    with pytest.raises(TraceError, match=re.escape(message)):
        trace(function, SHAPE)


def test_wrong_channels_are_told_with_the_users_line() -> None:
    def apply(x: Array) -> Any:
        return x @ jnp.ones((4, 2))

    line = apply.__code__.co_firstlineno + 1
    with pytest.raises(ModelError) as caught:
        trace(apply, SHAPE)
    told = str(caught.value)
    assert told.startswith("the model fails on inputs x (1, 8, 8, 3): TypeError: dot_general")
    assert f"(at tests/jax/test_errors.py:{line})\ncheck number of channels" in told


def test_parameters_that_got_no_input_are_named() -> None:
    def apply(params: Any, x: Array) -> Any:
        return x * params

    with pytest.raises(InputError) as caught:
        trace(apply, SHAPE)
    assert str(caught.value) == (
        "the function takes 2 arguments (params and x), and x got no input\n"
        "close over what isn't an input (lambda x: apply(..., x)), "
        "or give several inputs as a tuple or a dict by name"
    )
    assert [one.name for one in trace(apply, [SHAPE, SHAPE]).inputs] == ["params", "x"]
    named = trace(apply, {"x": SHAPE, "params": (3,)})
    assert [(one.name, one.shape) for one in named.inputs] == [("x", SHAPE), ("params", (3,))]


def test_an_unknown_input_is_told_with_the_parameters() -> None:
    with pytest.raises(InputError, match="has no input 'image'"):
        trace(branches, {"image": SHAPE})


def test_what_cant_be_called_is_told() -> None:
    with pytest.raises(ModelError, match="the model is ndarray, which can't be called"):
        trace(np.ones(3), SHAPE)  # type: ignore[arg-type]  # on purpose


def test_an_exported_function_isnt_followed() -> None:
    struct = jax.ShapeDtypeStruct(SHAPE, "float32")
    exported = jax.export.export(jax.jit(jnp.tanh))(struct)
    with pytest.raises(ModelError, match="holds compiled code, which isn't followed\npass the fun"):
        trace(exported, SHAPE)  # type: ignore[arg-type]  # on purpose


def test_a_constant_output_is_told() -> None:
    with pytest.raises(TraceError, match="the model's output doesn't depend on its input"):
        trace(lambda x: jnp.ones(3), SHAPE)


def test_a_module_that_needs_more_says_what() -> None:
    class Net(linen.Module):
        @linen.compact
        def __call__(self, x: Array, scale: Any) -> Any:
            return x * scale

    with pytest.raises(InputError, match=r"takes 2 arguments \(x and scale\), and scale got no"):
        trace(Net(), SHAPE)


def test_a_callback_is_never_run_and_named_with_its_line() -> None:
    def apply(x: Array) -> Any:
        struct = jax.ShapeDtypeStruct(x.shape, x.dtype)
        return jax.pure_callback(run, struct, x)

    def run(x: Any) -> Any:
        raise AssertionError

    report = analysed(apply, SHAPE)
    (bound,) = report.bounds
    assert (bound.operator, bound.reason) == ("jax.pure_callback", "it runs code outside of JAX")
    assert bound.location == f"tests/jax/test_errors.py:{apply.__code__.co_firstlineno + 2}"


def test_constants_of_unknown_value_are_the_first_argument() -> None:
    def apply(weights: Any, x: Array) -> Any:
        with jax.named_scope("net/conv"):
            y = jax.lax.conv(x, weights["kernel"], (1, 1), "SAME") + weights["bias"]
        return jax.nn.relu(y)

    struct: Any = jax.ShapeDtypeStruct
    constants = {"kernel": struct((4, 3, 3, 3), "float32"), "bias": struct((4, 1, 1), "float32")}
    found = trace(
        apply,
        (1, 3, 8, 8),
        constants=constants,
        kinds={"net/conv": "Conv2D"},
        whole=lambda path, kind: kind == "Conv2D",
        framework="keras",
    )
    assert [(layer.name, layer.source) for layer in found.layers] == [
        ("net/conv", "keras.conv_general_dilated"),
        ("relu_1", "keras.relu"),
    ]
    assert found.inputs[0].spatial == (2, 3)


def test_weights_are_neither_copied_nor_computed() -> None:
    weights = jnp.ones((3, 3))

    def apply(x: Array) -> Any:
        scaled = jnp.tanh(weights * 2) @ weights
        return x @ scaled

    with jax.transfer_guard("disallow_explicit"):
        found = trace(apply, SHAPE)
    assert [layer.name for layer in found.layers] == ["dot_general_1"]
