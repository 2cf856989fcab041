"""Functions and modules of TensorFlow: names, inputs, outputs and errors."""

from __future__ import annotations

from typing import Any

import pytest
import tensorflow as tf

from fieldscope.errors import InputError, ModelError, TraceError
from fieldscope.frontends.tensorflow.trace import trace
from tests.keras.fields import reported


def net(image: Any, scale: float = 2.0) -> Any:
    with tf.name_scope("stem"):
        y = tf.nn.conv2d(image, tf.ones((3, 3, 3, 4)), 2, "SAME", name="conv")
        y = tf.nn.relu(y, name="act")
    return y * scale, {"pooled": tf.nn.max_pool2d(y, 2, 2, "VALID", name="pool")}


def test_operations_are_named_by_their_scopes() -> None:
    found = trace(net, (1, 16, 16, 3))
    assert [layer.name for layer in found.layers] == ["stem.conv", "stem.act", "mul", "pool"]
    assert [place for place, _ in found.outputs] == ["output[0]", "output[1]['pooled']"]
    assert (found.model, found.inputs[0].name) == ("net", "image")
    assert reported(found)["pool"].size == (5, 5)


@pytest.mark.parametrize("wrap", [lambda f: f, tf.function])
def test_functions_are_followed_whatever_their_kind(wrap: Any) -> None:
    assert len(trace(wrap(net), {"image": (1, 8, 8, 3)}).layers) == 4
    concrete = tf.function(net).get_concrete_function(tf.TensorSpec((None, 8, 8, 3)))
    assert trace(concrete).inputs[0].shape == (1, 8, 8, 3)


def test_types_are_taken_from_arrays() -> None:
    found = trace(lambda x: tf.nn.relu(x), tf.zeros((1, 8, 8, 1), tf.float64))
    assert found.inputs[0].shape == (1, 8, 8, 1)


def test_functions_that_dont_say_their_shapes_ask_for_them() -> None:
    with pytest.raises(InputError, match="doesn't say which shapes it takes: image"):
        trace(net)


def test_shapes_that_dont_fit_are_told() -> None:
    with pytest.raises(ModelError, match=r"fails on inputs image \(1, 8, 8, 5\).*\ncheck"):
        trace(net, (1, 8, 8, 5))
    with pytest.raises(InputError, match="no input 'imag'; did you mean image"):
        trace(net, {"imag": (1, 8, 8, 3)})


def test_what_cant_be_called_is_told() -> None:
    with pytest.raises(ModelError, match="int, which can't be called"):
        trace(3, (1, 2, 3))


def test_a_function_of_constants_is_told() -> None:
    with pytest.raises(TraceError, match="doesn't depend on its input"):
        trace(lambda x: tf.zeros(3), (1, 8, 8, 3))


def test_extents_that_depend_on_values_are_told() -> None:
    with pytest.raises(TraceError, match=r"shape of .*Where.* depends on the input's values"):
        trace(lambda x: tf.where(x > 0), (1, 8, 8, 3))


def test_an_operator_without_a_lowering_is_a_bound_with_its_place() -> None:
    report = reported(trace(lambda x: tf.linalg.inv(x), (1, 4, 4)))
    [bound] = report.bounds
    assert (bound.operator, bound.reason) == ("tensorflow.MatrixInverse", "it has no lowering")
    assert "test_trace.py" in (bound.location or "")


def test_python_inside_of_a_graph_is_a_bound_and_not_run() -> None:
    called = []

    def python(x: Any) -> Any:
        called.append(x)
        return x

    def model(x: Any) -> Any:
        y = tf.numpy_function(python, [x], tf.float32)
        return tf.ensure_shape(y, x.shape)

    with pytest.raises(TraceError, match="depends on the input's values"):
        trace(model, (1, 4, 4, 1))
    assert called == []


def test_variables_are_neither_read_nor_written() -> None:
    held = tf.Variable(1.0)

    def model(x: Any) -> Any:
        held.assign_add(tf.reduce_sum(x))
        return x * held

    trace(model, (1, 4, 4, 1))
    assert held.numpy() == 1.0


def test_a_loop_that_never_ends_is_a_bound() -> None:
    def model(x: Any) -> Any:
        return tf.while_loop(lambda y: True, lambda y: [y * 2], [x])[0]

    report = reported(trace(model, (1, 2, 2, 1)))
    assert "too many rounds" in report.bounds[0].reason


def test_a_function_that_calls_itself_is_told() -> None:
    graph = tf.compat.v1.GraphDef()
    function = graph.library.function.add()
    function.signature.name = "f"
    argument = function.signature.input_arg.add(name="a")
    argument.type = tf.float32.as_datatype_enum
    function.signature.output_arg.add(name="r").type = tf.float32.as_datatype_enum
    function.node_def.add(name="again", op="f", input=["a"])
    function.ret["r"] = "again:r:0"
    x = graph.node.add(name="x", op="Placeholder")
    x.attr["dtype"].type = tf.float32.as_datatype_enum
    x.attr["shape"].shape.CopyFrom(tf.TensorShape((1, 4, 4, 1)).as_proto())
    graph.node.add(name="y", op="f", input=["x"])
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.pb"
        path.write_bytes(graph.SerializeToString())
        with pytest.raises(TraceError, match="calls itself"):
            trace(path)
