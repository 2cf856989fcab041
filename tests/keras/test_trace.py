"""Names, inputs and outputs of Keras models, and that they are left as they were found."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from fieldscope.errors import InputError, ModelError, TraceError
from fieldscope.frontends.keras import trace as module
from fieldscope.frontends.keras.trace import trace
from tests.keras.fields import reported

L = keras.layers

# Keras itself, where it reads weights on newer versions of NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def named(found: Any) -> list[str]:
    return [layer.name for layer in found.layers]


def test_layers_are_named_by_path_and_a_second_call_is_numbered() -> None:
    x = keras.Input((9, 9, 3))
    shared = L.Conv2D(3, 3, padding="same", activation="relu", name="conv")
    block = keras.Sequential([L.Conv2D(3, 1, name="one"), L.ReLU(name="act")], name="block")
    y = block(shared(block(shared(x))))
    found = trace(keras.Model(x, y + x))
    assert named(found) == [
        "conv",
        "block.one",
        "block.act",
        "conv#2",
        "block.one#2",
        "block.act#2",
        "add",
    ]
    assert [one.name for one in found.containers] == ["block", "block#2"]


def test_layers_that_do_nothing_have_a_name() -> None:
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), L.Conv2D(1, 3, name="c"), L.Dropout(0.5, name="drop")]
    )
    found = trace(model)
    assert named(found) == ["c"]
    assert "drop" in [one.name for one in found.aliases]
    assert reported(found)["drop"].size == (3, 3)


class Own(keras.Model):  # type: ignore[misc]  # Keras has no types
    def __init__(self, width: int = 2) -> None:
        super().__init__(name="own")
        self.width = width
        self.first = L.Conv2D(width, 3, name="first")
        self.second = L.Conv2D(width, 3, name="second")

    def call(self, x: Any, training: bool = False) -> Any:
        y = self.first(x)
        if training:
            y = keras.ops.flip(y)
        return {"late": self.second(y), "early": y}

    def get_config(self) -> dict[str, Any]:
        return {"width": self.width}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Own:
        return cls(**config)


def test_a_subclassed_model_is_called_by_its_parameters() -> None:
    model = Own()
    model(np.zeros((1, 9, 9, 1), "float32"))
    found = trace(model, (1, 9, 9, 1))
    assert named(found) == ["first", "second"]
    assert found.inputs[0].name == "x"
    assert [place for place, _ in found.outputs] == ["output['late']", "output['early']"]
    with pytest.raises(InputError, match="doesn't say which shapes it takes: x"):
        trace(model)


def test_a_model_that_isnt_built_stays_so() -> None:
    model = Own()
    assert named(trace(model, (1, 9, 9, 1))) == ["first", "second"]
    assert not model.built
    assert not model.variables


class Closed(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    def __init__(self, inner: Any) -> None:
        super().__init__(name="closed")
        self.inner = inner

    def call(self, x: Any) -> Any:
        if keras.ops.sum(x) > 0:
            return x
        return self.inner(x)


def test_a_model_that_can_neither_be_built_nor_copied_says_what_to_do() -> None:
    with pytest.raises(ModelError, match=r"isn't built.*\n.*model\.build"):
        trace(Closed(L.ReLU()), (1, 4, 4, 1))


def test_a_branch_on_values_is_told() -> None:
    model = Closed(L.ReLU())
    model.built = True
    with pytest.raises(TraceError, match=r"can't be followed on shapes.*\n.*keras\.ops\.cond"):
        trace(model, (1, 4, 4, 1))


def test_several_inputs_are_taken_by_name_or_position() -> None:
    left, right = keras.Input((8, 8, 1), name="left"), keras.Input((8, 8, 1), name="right")
    model = keras.Model({"left": left, "right": right}, L.Add(name="sum")([left, right]))
    found = trace(model, {"left": (2, 8, 8, 1), "right": (2, 8, 8, 1)})
    assert [(one.name, one.shape) for one in found.inputs] == [
        ("left", (2, 8, 8, 1)),
        ("right", (2, 8, 8, 1)),
    ]
    assert len(trace(model).inputs) == 2
    with pytest.raises(InputError, match="no input 'lft'; did you mean left"):
        trace(model, {"lft": (1, 8, 8, 1)})


def test_open_extents_have_to_be_given() -> None:
    model = keras.Sequential([keras.Input((None, None, 3)), L.Conv2D(2, 3)])
    with pytest.raises(InputError, match=r"has open extents: \(\?, \?, \?, 3\)"):
        trace(model)
    assert trace(model, (1, 8, 9, 3)).inputs[0].spatial == (1, 2)


def test_channels_in_front_are_seen() -> None:
    model = keras.Sequential(
        [
            keras.Input((3, 12, 12)),
            L.Conv2D(4, 3, data_format="channels_first"),
            L.MaxPooling2D(2, data_format="channels_first", name="pool"),
        ]
    )
    found = trace(model)
    assert found.inputs[0].spatial == (2, 3)
    assert reported(found)["pool"].size == (4, 4)


def test_a_model_is_left_as_it_was_found() -> None:
    x = keras.Input((8, 8, 3))
    y = L.GaussianNoise(0.1)(L.BatchNormalization()(L.Conv2D(2, 3)(x)))
    model = keras.Model(x, L.Dropout(0.5)(y))
    before = [keras.ops.convert_to_numpy(one).copy() for one in model.variables]
    call = keras.layers.Layer.__call__, keras.Operation.__call__
    trace(model)
    with pytest.raises(InputError):
        trace(model, (1, 8))
    after = [keras.ops.convert_to_numpy(one) for one in model.variables]
    assert all((one == other).all() for one, other in zip(before, after, strict=True))
    assert (keras.layers.Layer.__call__, keras.Operation.__call__) == call
    assert keras.backend.result_type("float32") == "float32"
    assert model(np.zeros((1, 8, 8, 3), "float32")).shape == (1, 6, 6, 2)


def test_weights_of_whole_numbers_are_known_as_indices() -> None:
    class Picking(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
        def build(self, shape: Any) -> None:
            self.index = self.add_weight(
                shape=(2,), dtype="int32", trainable=False, initializer="zeros"
            )
            self.built = True

        def call(self, x: Any) -> Any:
            return keras.ops.take(x, self.index, axis=1)

    layer = Picking()
    layer.build((None, 4, 1))
    layer.index.assign([3, 1])
    report = reported(trace(layer, (1, 4, 1), axes=(1,)))
    assert not report.bounds
    assert report.layers[0].box((0,)) == (slice(3, 4),)


def test_what_is_no_keras_model_is_told() -> None:
    with pytest.raises(ModelError, match="dict, which is no Keras 3 model"):
        trace({}, (1, 2, 3))


def test_a_backend_without_graphs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKENDS", ("jax", "torch"))
    with pytest.raises(ModelError, match=r"Keras runs on tensorflow.*\nset KERAS_BACKEND to jax"):
        trace(keras.Sequential([keras.Input((8, 8, 3)), L.ReLU()]))
