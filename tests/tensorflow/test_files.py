"""SavedModels and frozen graphs: read as they lie there, for any inputs that fit."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from fieldscope.errors import FieldscopeError, InputError, ModelError
from fieldscope.frontends.tensorflow.trace import trace
from fieldscope.graph.trace import Trace
from tests.keras.fields import reported


class Net(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    def __init__(self) -> None:
        super().__init__()
        self.kernel = tf.Variable(tf.ones((3, 3, 3, 4)))

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3))])  # type: ignore[untyped-decorator]
    def __call__(self, x: Any) -> Any:
        with tf.name_scope("block"):
            y = tf.nn.conv2d(x, self.kernel, 2, "SAME")
        return {"map": tf.nn.relu(y), "mean": tf.reduce_mean(y, [1, 2])}


def saved(folder: Path) -> Path:
    net = Net()
    tf.saved_model.save(net, folder, signatures=net.__call__)
    return folder


def names(found: Trace) -> list[str]:
    return [layer.name for layer in found.layers]


def test_a_saved_module_is_read_for_the_shape_asked_for(tmp_path: Path) -> None:
    found = trace(saved(tmp_path / "m"), (2, 16, 20, 3))
    assert names(found) == ["block", "Relu", "Mean"]
    assert [name for name, _ in found.outputs] == ["output['map']", "output['mean']"]
    assert found.graph.shape(found.outputs[0][1]) == (2, 8, 10, 4)
    assert (found.inputs[0].name, found.inputs[0].spatial) == ("x", (1, 2))


def test_the_file_itself_may_be_named(tmp_path: Path) -> None:
    found = trace(saved(tmp_path / "m") / "saved_model.pb", {"x": (1, 8, 8, 3)})
    assert len(found.layers) == 3


def test_open_extents_have_to_be_given(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"input 'x' has open extents: \(\?, \?, \?, 3\)"):
        trace(saved(tmp_path / "m"))
    with pytest.raises(InputError, match=r"has shape \(1, 8, 8, 4\); the model takes"):
        trace(tmp_path / "m", (1, 8, 8, 4))


def test_neither_variables_nor_anything_else_of_it_is_loaded(tmp_path: Path) -> None:
    folder = saved(tmp_path / "m")
    for path in (folder / "variables").iterdir():
        path.unlink()
    assert len(trace(folder, (1, 8, 8, 3)).layers) == 3


def test_what_was_loaded_is_the_same(tmp_path: Path) -> None:
    loaded = tf.saved_model.load(saved(tmp_path / "m"))
    for one in (loaded, loaded.signatures["serving_default"], loaded.__call__, Net()):
        assert names(trace(one, (1, 8, 8, 3))) == ["block", "Relu", "Mean"]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_what_keras_exports_is_read(tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((12, 12, 3)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()]
    )
    model.export(tmp_path / "m", verbose=False)
    found = trace(tmp_path / "m")
    assert found.inputs[0].shape == (1, 12, 12, 3)
    assert found.graph.shape(found.outputs[0][1]) == (1, 10, 10, 4)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_recurrent_layer_is_followed_step_by_step(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4, 3)), keras.layers.LSTM(2, return_sequences=True)])
    model.export(tmp_path / "m", verbose=False)
    report = reported(trace(tmp_path / "m", axes=(1,)))
    assert not report.bounds
    assert [report.output.box((k,)) for k in range(4)] == [(slice(0, k + 1),) for k in range(4)]


def frozen(path: Path) -> Path:
    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, (None, 12, 12, 3), name="image")
        with tf.name_scope("net"):
            y = tf.nn.conv2d(x, tf.ones((3, 3, 3, 2)), 1, "VALID", name="conv")
            tf.nn.relu(y, name="out")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def test_a_frozen_graph_is_read(tmp_path: Path) -> None:
    found = trace(frozen(tmp_path / "f.pb"))
    assert names(found) == ["net.conv", "net.out"]
    assert found.inputs[0].shape == (1, 12, 12, 3)


def test_a_function_of_tensorflow_1_is_a_call(tmp_path: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec((1, 4, 4, 1))])  # type: ignore[untyped-decorator]
    def inner(x: Any) -> Any:
        return tf.nn.relu(x)

    graph = tf.compat.v1.GraphDef()
    definition = graph.library.function.add()
    definition.CopyFrom(inner.get_concrete_function().function_def)
    x = graph.node.add(name="x", op="Placeholder")
    x.attr["dtype"].type = tf.float32.as_datatype_enum
    x.attr["shape"].shape.CopyFrom(tf.TensorShape((1, 4, 4, 1)).as_proto())
    graph.node.add(name="y", op=definition.signature.name, input=["x"])
    path = tmp_path / "old.pb"
    path.write_bytes(graph.SerializeToString())
    assert [layer.source for layer in trace(path).layers] == ["tensorflow.Relu"]


def edited(folder: Path, change: Callable[[Any], None]) -> Path:
    path = saved(folder) / "saved_model.pb"
    model = saved_model_pb2.SavedModel()
    model.ParseFromString(path.read_bytes())
    change(model.meta_graphs[0])
    path.write_bytes(model.SerializeToString())
    return folder


def test_operators_of_others_are_told(tmp_path: Path) -> None:
    def change(meta: Any) -> None:
        for function in meta.graph_def.library.function:
            for node in function.node_def:
                if node.op == "Conv2D":
                    node.op = "TheirConv"

    folder = edited(tmp_path / "m", change)
    with pytest.raises(ModelError, match="operator TheirConv of node block/Conv2D"):
        trace(folder, (1, 8, 8, 3))


def test_a_file_that_is_read_by_the_program_is_not_read(tmp_path: Path) -> None:
    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, (1, 4), name="x")
        text = tf.io.read_file("/dev/zero")
        size = tf.strings.length(text)
        tf.identity(tf.tile(x, [1, 2]) + tf.cast(size, tf.float32), name="y")
        tf.raw_ops.WriteFile(filename=str(tmp_path / "written"), contents="x")
    path = tmp_path / "f.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    found = trace(path, axes=(1,))
    assert found.graph.shape(found.outputs[0][1]) == (1, 8)
    assert not (tmp_path / "written").exists()


def test_huge_constants_are_not_made(tmp_path: Path) -> None:
    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, (1, 4), name="x")
        filled = tf.reduce_sum(tf.fill([1 << 20, 1 << 20], 1))
        tf.identity(tf.gather(x, filled % 4, axis=1), name="y")
    path = tmp_path / "f.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    assert trace(path, axes=(1,)).outputs


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no"):
        trace(tmp_path / "missing")
    (tmp_path / "saved_model.pb").write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError):
        trace(tmp_path)


def test_text_as_input_is_told(tmp_path: Path) -> None:
    class Serving(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])  # type: ignore[untyped-decorator]
        def __call__(self, x: Any) -> Any:
            return {"y": tf.strings.length(x)}

    one = Serving()
    tf.saved_model.save(one, tmp_path / "m", signatures=one.__call__)
    with pytest.raises(InputError, match="is text"):
        trace(tmp_path / "m")


def test_damaged_files_are_answered(tmp_path: Path) -> None:
    data = (saved(tmp_path / "m") / "saved_model.pb").read_bytes()
    plain = frozen(tmp_path / "f.pb").read_bytes()
    rng = random.Random(0)
    for source, name in ((data, "d/saved_model.pb"), (plain, "d/f.pb")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        for _ in range(60):
            changed = bytearray(source)
            if rng.random() < 0.3:
                changed = changed[: rng.randrange(len(changed))]
            for _ in range(rng.choice([1, 3, 20])):
                if changed:
                    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
            path.write_bytes(bytes(changed))
            with contextlib.suppress(FieldscopeError):
                trace(path, (1, 12, 12, 3))
