"""Files of Keras: read without weights, and without running what they smuggle in."""

from __future__ import annotations

import contextlib
import io
import json
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from fieldscope.errors import FieldscopeError, InputError, ModelError
from fieldscope.frontends.keras import files, hdf5
from fieldscope.frontends.keras.trace import trace
from fieldscope.interpret import interpret
from tests.shipped import dog_breeds

L = keras.layers

# Keras itself, where it writes weights on newer versions of NumPy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def small() -> Any:
    x = keras.Input((16, 18, 3), name="image")
    y = L.Conv2D(4, 3, strides=2, name="first")(x)
    inner = keras.Sequential([L.Conv2D(4, 3, name="conv"), L.ReLU(name="act")], name="block")
    y = L.Add(name="sum")([inner(y), L.Cropping2D(1, name="crop")(y)])
    return keras.Model(x, L.Dense(2, name="head")(y), name="small")


def names(path: Path) -> list[str]:
    return [layer.name for layer in trace(path).layers]


LAYERS = ["first", "block.conv", "block.act", "crop", "sum", "head"]


@pytest.mark.filterwarnings("ignore:.*HDF5")
@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_saved_model_has_its_layers(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"small.{ending}"
    small().save(path)
    assert names(path) == LAYERS


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_weights_are_not_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"small.{ending}"
    small().save(path)
    assert all(variable._value is None for variable in files.load(path).variables)


def test_a_trained_file_of_keras_2_is_read() -> None:
    found = trace(dog_breeds())
    spatial = [one.spatial for one in found.inputs]
    [feature] = [one for one in found.layers if one.name.endswith("out_relu")]
    fields = interpret(found.graph, spatial, keep={feature.value}).fields[feature.value]
    assert found.inputs[0].shape == (1, 160, 160, 3)
    assert found.graph.shape(feature.value) == (1, 5, 5, 1280)
    assert not fields.bounds
    assert len(found.layers) > 150


def configured(path: Path, config: Any, *, legacy: bool = False) -> Path:
    if legacy:
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = json.dumps(config)
        return path
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", "{}")
    return path


def sequential(*layers: Any) -> dict[str, Any]:
    own: dict[str, Any] = {
        "class_name": "InputLayer",
        "module": "keras.layers",
        "registered_name": None,
    }
    own["config"] = {"batch_shape": [None, 8, 8, 3], "dtype": "float32", "name": "x"}
    return {
        "class_name": "Sequential",
        "module": "keras",
        "registered_name": None,
        "config": {"name": "s", "layers": [own, *layers]},
    }


def entry(name: str, module: str | None, /, **config: Any) -> dict[str, Any]:
    return {"class_name": name, "module": module, "registered_name": name, "config": config}


SMUGGLED = {
    "a lambda": entry("Lambda", "keras.layers", name="l", function="eJw="),
    "a class of os": entry("system", "os", name="l"),
    "a class of subprocess": entry("Popen", "subprocess", args=["touch", "x"]),
    "a function of os": entry(
        "Activation",
        "keras.layers",
        activation={
            "class_name": "function",
            "module": "os",
            "config": "system",
            "registered_name": "function",
        },
    ),
    "a function of keras that loads": entry(
        "Activation",
        "keras.layers",
        activation={
            "class_name": "function",
            "module": "keras.utils",
            "config": "get_file",
            "registered_name": "function",
        },
    ),
    "a SavedModel": entry("TFSMLayer", "keras.layers", filepath="x"),
    "a pickle": entry("TorchModuleWrapper", "keras.layers", module={}),
    "a custom class": entry("Mine", "my.own.module", name="l"),
    "a file as vocabulary": entry("StringLookup", "keras.layers", vocabulary="/etc/passwd"),
    "python bytes": entry(
        "Activation",
        "keras.layers",
        activation={"class_name": "__lambda__", "config": {"value": "eJw="}},
    ),
}


@pytest.fixture
def no_imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The modules that Keras tries to import while a configuration is read."""
    import importlib

    asked: list[str] = []
    real = importlib.import_module

    def watching(name: str, package: str | None = None) -> Any:
        asked.append(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", watching)
    yield asked
    assert not {"os", "subprocess", "my.own.module"} & set(asked)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("what", SMUGGLED)
def test_what_a_file_smuggles_in_is_refused(
    tmp_path: Path, what: str, legacy: bool, no_imports: list[str]
) -> None:
    path = tmp_path / ("model.h5" if legacy else "model.keras")
    configured(path, sequential(SMUGGLED[what]), legacy=legacy)
    with pytest.raises(ModelError) as raised:
        files.load(path)
    assert "\n" in str(raised.value)


def test_a_lambda_is_named_and_the_way_out_told(tmp_path: Path) -> None:
    path = configured(tmp_path / "m.keras", sequential(SMUGGLED["a lambda"]))
    with pytest.raises(ModelError, match=r"has a Lambda \(l\).*\n.*build the model in code"):
        files.load(path)


@keras.saving.register_keras_serializable(package="tests")
class Registered(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    def call(self, x: Any) -> Any:
        return keras.ops.relu(x)


def test_what_is_registered_is_loaded(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((8, 8, 3)), Registered(name="mine")])
    model.save(tmp_path / "m.keras")
    assert names(tmp_path / "m.keras") == ["mine"]


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    small().save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(ModelError, match="holds weights only"):
        files.load(tmp_path / "w.weights.h5")


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.keras"
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="cannot read"):
        files.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.txt", "")
    with pytest.raises(ModelError, match="zip file without config"):
        files.load(path)
    with pytest.raises(ModelError, match="there is no file"):
        files.load(tmp_path / "missing.keras")


def test_a_configuration_that_unpacks_to_much_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (files.LARGEST + 10))
    with pytest.raises(ModelError, match="no text of a sensible length"):
        files.load(path)


def test_deep_configurations_are_refused(tmp_path: Path) -> None:
    config: Any = {}
    for _ in range(300):
        config = {"inside": [config]}
    path = configured(tmp_path / "deep.keras", {"class_name": "Sequential", "config": config})
    with pytest.raises(ModelError, match="nested too deeply"):
        files.load(path)


def test_huge_weights_cost_nothing(tmp_path: Path) -> None:
    huge = entry("Conv2D", "keras.layers", filters=10**9, kernel_size=[3, 3], name="c")
    path = configured(tmp_path / "huge.keras", sequential(huge))
    assert trace(path).graph.shape(trace(path).layers[0].value) == (1, 6, 6, 10**9)


def damaged(data: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.3:
        return data[: rng.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(rng.choice([1, 3, 20])):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_damaged_files_are_answered(tmp_path: Path, ending: str) -> None:
    model = keras.Sequential([keras.Input((8, 8, 3)), L.Conv2D(2, 3), L.Dense(2)])
    model.save(tmp_path / f"m.{ending}")
    data = (tmp_path / f"m.{ending}").read_bytes()
    rng = random.Random(0)
    path = tmp_path / f"damaged.{ending}"
    for _ in range(60 if ending == "keras" else 8):  # HDF5 gets a process for each
        path.write_bytes(damaged(data, rng))
        with contextlib.suppress(FieldscopeError):
            trace(path)


@pytest.mark.filterwarnings("ignore")
def test_damaged_configurations_are_answered(tmp_path: Path) -> None:
    text = json.dumps(json.loads(small().to_json())).encode()
    rng = random.Random(1)
    for _ in range(80):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("config.json", damaged(text, rng))
        path = tmp_path / "damaged.keras"
        path.write_bytes(archive.getvalue())
        with contextlib.suppress(FieldscopeError):
            trace(path)


def test_an_array_tells_its_shape(tmp_path: Path) -> None:
    small().save(tmp_path / "m.keras")
    found = trace(tmp_path / "m.keras", np.zeros((2, 16, 18, 3), "float32"))
    assert found.inputs[0].shape == (2, 16, 18, 3)


def test_another_extent_is_built_anew(tmp_path: Path) -> None:
    small().save(tmp_path / "m.keras")
    found = trace(tmp_path / "m.keras", (1, 32, 20, 3))
    assert found.graph.shape(found.layers[0].value) == (1, 15, 9, 4)


def test_a_shape_that_weights_dont_fit_is_told_with_the_layer() -> None:
    x = keras.Input((8, 8, 3))
    model = keras.Model(x, L.Dense(2, name="head")(L.Flatten(name="flat")(x)), name="flat")
    with pytest.raises(ModelError, match=r"inputs .* \(1, 9, 9, 3\) at head"):
        trace(model, (1, 9, 9, 3))
    with pytest.raises(InputError, match=r"the model takes 4 axes: \(\?, 8, 8, 3\)"):
        trace(model, (1, 8, 8))
    assert len(trace(model).layers) == 2


def test_a_file_that_hdf5_never_ends_with_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small().save(tmp_path / "m.h5")
    monkeypatch.setattr(hdf5, "SECONDS", 0)
    with pytest.raises(ModelError, match="HDF5 wasn't done with it after 0 seconds"):
        files.load(tmp_path / "m.h5")


def test_hdf5_isnt_looked_for_in_the_folder_that_one_works_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small().save(tmp_path / "m.h5")
    (tmp_path / "h5py.py").write_text("raise SystemExit('smuggled in')")
    monkeypatch.chdir(tmp_path)
    assert names(Path("m.h5")) == LAYERS
