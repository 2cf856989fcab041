"""A model's framework is known by types and code, and nothing is imported for it."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import fieldscope
from fieldscope.errors import InputError, ModelError
from fieldscope.frontends.detection import framework_of, mentions

fake_jax = ModuleType("jax.numpy")
fake_tensorflow = ModuleType("tensorflow")


def in_jax(x: Any) -> Any:
    return fake_jax.tanh(x)


def in_torch(x: Any) -> Any:
    return torch.tanh(x)


def calling(x: Any) -> Any:
    return [in_jax(part) for part in x]


def in_both(x: Any) -> Any:
    return in_jax(in_torch(x))


def in_none(x: Any) -> Any:
    return x[1:] - x[:-1]


def annotated(x: torch.Tensor) -> Any:
    return fake_jax.tanh(x)


def in_words(x: jax.Array) -> Any:  # type: ignore[name-defined]  # noqa: F821
    return x


class Holder:
    def __init__(self, held: object) -> None:
        self.held = held

    def __call__(self, x: Any) -> Any:
        return x

    def method(self, x: Any) -> Any:
        return fake_tensorflow.tanh(x)


def type_of(module: str, *bases: str) -> Any:
    """An instance of a class that a package seems to define, and its bases."""
    kinds = tuple(type("Base", (), {"__module__": base}) for base in bases)
    return type("Model", kinds, {"__module__": module})()


@pytest.mark.parametrize(
    ("model", "framework"),
    [
        (torch.nn.ReLU(), "torch"),
        (torch.tanh, "torch"),
        (in_torch, "torch"),
        (in_jax, "jax"),
        (calling, "jax"),
        (annotated, "torch"),
        (in_words, "jax"),
        (functools.partial(in_jax), "jax"),
        (functools.partial(in_none, torch.zeros(1)), "torch"),
        (Holder(torch.nn.ReLU()), "torch"),
        (Holder(3).method, "tensorflow"),
        (lambda x: calling(x), "jax"),
        (type_of("mine", "keras.src.models", "torch.nn"), "keras"),
        (type_of("onnx.onnx_ml_pb2"), "onnx"),
        (type_of("mine", "flax.linen.module"), "jax"),
        (type_of("mine", "equinox._module"), "jax"),
        (type_of("jaxlib._jax"), "jax"),
        (type_of("tensorflow.python.eager.polymorphic_function"), "tensorflow"),
        (type_of("mine", "torch.nn.modules.module"), "torch"),
        ("net.onnx", "onnx"),
        (Path("net.pt2"), "torch"),
        (Path("net.KERAS"), "keras"),
        ("net.h5", "keras"),
    ],
)
def test_the_framework_of_a_model(model: Any, framework: str) -> None:
    assert framework_of(model) == framework


def test_a_saved_model_is_one_of_tensorflow(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"")
    assert framework_of(tmp_path) == "tensorflow"


def test_a_function_that_mentions_none_is_one_of_what_its_module_imports() -> None:
    def made(code: str, **names: object) -> Any:
        exec(code, names)
        return names["f"]

    assert framework_of(made("def f(x): return x", jnp=fake_jax)) == "jax"
    assert framework_of(made("def f(x): return x", jnp=fake_jax, tf=3)) == "jax"
    assert mentions(made("def f(x): return x", tf=fake_tensorflow)) == {"tensorflow"}


def test_else_it_is_one_of_what_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    in_none = eval("lambda x: x[1:] - x[:-1]", {})
    assert mentions(in_none) == set()
    assert framework_of(in_none) == "torch"
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setitem(sys.modules, "jax", fake_jax)
    assert framework_of(in_none) == "jax"


def test_several_are_asked_about() -> None:
    with pytest.raises(InputError) as caught:
        framework_of(in_both)
    assert str(caught.value) == (
        "the model mentions jax and torch, so it isn't clear what runs it\n"
        "pass framework=, one of torch, onnx, keras, tensorflow and jax"
    )


@pytest.mark.parametrize("model", [3, None, {"state": 1}])
def test_what_is_no_model_is_told(model: Any) -> None:
    with pytest.raises(ModelError, match=f"the model is {type(model).__name__}, which can't be"):
        framework_of(model)


def test_a_file_of_another_kind_is_told() -> None:
    with pytest.raises(ModelError, match=r"weights.pth is no file of a model that can be read"):
        framework_of("weights.pth")


def test_nothing_is_imported() -> None:
    code = (
        "import sys\n"
        "from fieldscope.frontends.detection import framework_of\n"
        "framework_of('net.onnx'); framework_of(lambda x: x)\n"
        "from fieldscope.frontends import dispatch, targets\n"
        "print([name for name in ('torch', 'jax', 'tensorflow', 'keras', 'onnx', 'h5py')"
        " if name in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_a_recursive_function_ends() -> None:
    def again(x: Any) -> Any:
        return again(x) if x else in_jax(x)

    found: Callable[..., Any] = again
    assert framework_of(found) == "jax"


def test_a_module_that_is_told_to_be_onnx_is_refused() -> None:
    with pytest.raises(InputError, match="framework is onnx, and the model is of type Conv1d"):
        fieldscope.analyze(torch.nn.Conv1d(1, 1, 3), (1, 1, 8), framework="onnx")
