"""Verification of Keras models, TensorFlow and JAX functions by changing their inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
import tensorflow as tf
from flax import linen

import fieldscope
from fieldscope.analyses.verification import Verification
from fieldscope.analyses.verification.changing import looked_at, verify_by_changes
from fieldscope.errors import ModelError
from fieldscope.frontends.jax.trace import trace as of_jax
from fieldscope.frontends.keras.trace import trace as of_keras
from fieldscope.frontends.tensorflow.trace import trace as of_tensorflow
from fieldscope.measure.changes import rehearsal_of


def verified(kind: str, said: Any, run: Any, inputs: Any = None) -> Verification:
    """What is found when one model's report is held against another model."""
    if kind == "jax":
        traced = of_jax(said, inputs)
    elif kind == "keras":
        traced = of_keras(said, inputs)
    else:
        traced = of_tensorflow(said, inputs)
    report = fieldscope.analyze(traced)
    rehearsal = rehearsal_of(kind, run, traced, looked_at(report), inputs=inputs)
    return verify_by_changes(report, rehearsal)


def sizes(found: Verification) -> dict[str, Any]:
    return {check.layer: (check.size, check.measured) for check in found.checks}


def network(kernel: int, extents: tuple[int | None, int | None] = (16, 12)) -> Any:
    """A model with a model inside, a skip connection and a name in each layer."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    image = keras.Input((*extents, 2), name="image")
    x = layers.Conv2D(3, kernel, padding="same", activation="tanh", name="first")(image)
    y = layers.AveragePooling2D(2, name="pool")(x)
    inside = [
        layers.Conv2D(3, kernel, padding="same", name="inner"),
        layers.UpSampling2D(2, name="up"),
    ]
    y = keras.Sequential(inside, name="block")(y)
    y = layers.Concatenate(name="join")([x, y])
    return keras.Model(image, layers.Conv2D(2, 3, name="last")(y))


def test_a_keras_model_agrees_with_its_own_report() -> None:
    model = network(3)
    found = verified("keras", model, model)
    names = ["first", "pool", "block.inner", "block.up", "join", "last"]
    assert [check.layer for check in found.checks] == names
    assert found.count("agrees") == len(names)
    assert all(size == measured for size, measured in sizes(found).values())


def test_a_keras_model_is_run_on_the_shapes_asked_for() -> None:
    model = network(3, (None, None))
    found = verified("keras", model, model, (1, 10, 8, 2))
    assert found.count("agrees") == 6
    fixed = keras.Sequential([keras.Input((9, 9, 2)), keras.layers.Conv2D(3, 3, name="conv")])
    other = verified("keras", fixed, fixed, (1, 12, 8, 2))
    assert [(check.shape, check.verdict) for check in other.checks] == [((1, 10, 6, 3), "agrees")]


def test_a_keras_report_of_another_kernel_disagrees() -> None:
    found = verified("keras", network(3), network(5))
    assert {check.verdict for check in found.checks} == {"disagrees"}
    larger = verified("keras", network(5), network(3))
    assert larger.agrees
    assert sizes(larger)["first"] == ((5, 5), (3, 3))


def graph(kernel: int) -> Any:
    """A function with a variable and a call of another function."""
    weights = tf.Variable(KERNELS[kernel])

    inner = tf.function(lambda x: tf.nn.tanh(x) + 1.0)

    def apply(x: Any) -> Any:
        y = inner(tf.nn.conv2d(x, weights, 1, "SAME"))
        return {"out": tf.nn.avg_pool2d(y, 2, 2, "VALID"), "flipped": tf.reverse(y, [1])}

    return tf.function(apply)


def test_a_tensorflow_function_agrees_with_its_own_report() -> None:
    found = verified("tensorflow", graph(3), graph(3), (1, 12, 10, 2))
    verdicts = {check.layer: check.verdict for check in found.checks}
    assert verdicts["Conv2D"] == verdicts["AvgPool2D"] == verdicts["ReverseV2"] == "agrees"
    assert sizes(found)["AvgPool2D"] == ((4, 4), (4, 4))
    assert set(verdicts.values()) == {"agrees", "not measurable"}  # inside of the inner function


def test_a_tensorflow_report_of_another_kernel_disagrees() -> None:
    found = verified("tensorflow", graph(3), graph(5), (1, 12, 10, 2))
    verdicts = {check.layer: check.verdict for check in found.checks}
    assert verdicts["Conv2D"] == verdicts["AvgPool2D"] == "disagrees"


def test_a_saved_model_must_be_loaded_to_be_run(tmp_path: Path) -> None:
    module = tf.Module()
    signature = [tf.TensorSpec((1, 12, 10, 2))]
    module.call = tf.function(lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID"), signature)
    tf.saved_model.save(module, tmp_path, signatures=module.call)
    with pytest.raises(ModelError, match=r"without its variables.*\n.*load it by"):
        verified("tensorflow", tmp_path, tmp_path)


RNG = np.random.default_rng(0)
KERNELS = {n: RNG.standard_normal((n, n, 2, 2)).astype(np.float32) for n in (3, 5)}


def function(kernel: int) -> Any:
    """A function with a jitted part that is called twice, and a branch."""

    @jax.jit
    def block(x: Any) -> Any:
        weights = jnp.asarray(KERNELS[kernel])
        numbers = ("NHWC", "HWIO", "NHWC")
        return jnp.tanh(
            jax.lax.conv_general_dilated(x, weights, (1, 1), "SAME", dimension_numbers=numbers)
        )

    def apply(x: Any) -> Any:
        y = block(x)[:, ::2]
        y = block(y)
        return jnp.flip(y, 1), jax.lax.cond(y.sum() > 1e6, lambda a: a * 2, jnp.sin, y)

    return apply


def test_a_jax_function_agrees_with_its_own_report() -> None:
    found = verified("jax", function(3), function(3), (1, 12, 10, 2))
    verdicts = {check.layer: check.verdict for check in found.checks}
    assert verdicts["conv_general_dilated_1"] == verdicts["conv_general_dilated_2"] == "agrees"
    assert verdicts["flip_1"] == verdicts["cond_1"] == "agrees"
    assert found.agrees
    hidden = [check for check in found.checks if check.layer == "sin_1"]
    assert "inside of a branch or a loop" in hidden[0].why[0]
    size = sizes(found)
    assert size["conv_general_dilated_2"] == ((7, 5), (7, 5))


def test_what_no_change_changes_is_not_called_measured() -> None:
    found = verified("jax", function(3), function(3), (1, 12, 10, 2))
    compared = next(check for check in found.checks if check.layer == "gt_1")
    assert compared.verdict == "not measurable"
    assert "no change of the input changes the output" in compared.why[0]


def test_a_jax_report_of_another_kernel_disagrees() -> None:
    found = verified("jax", function(3), function(5), (1, 12, 10, 2))
    verdicts = {check.layer: check.verdict for check in found.checks}
    assert verdicts["conv_general_dilated_1"] == verdicts["tanh_2"] == "disagrees"


class Module(linen.Module):
    """A module without variables of its own."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        x = linen.Conv(3, (3, 3), name="conv")(x)
        return linen.avg_pool(linen.tanh(x), (2, 2), (2, 2))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_module_without_weights_is_run_with_random_ones(dtype: str) -> None:
    given = jax.ShapeDtypeStruct((1, 8, 6, 2), dtype)
    found = verified("jax", Module(), Module(), given)
    assert found.agrees
    assert sizes(found)["conv"][0] == (3, 3)
