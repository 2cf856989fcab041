from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from torch import nn

from fieldscope.errors import ModelError
from fieldscope.frontends.blame import location, told
from fieldscope.frontends.targets import resolve

NET = """
from __future__ import annotations
import json as another
from functools import partial
from dataclasses import dataclass
import beside

@dataclass
class Net:
    width: int
    depth: int = 2

    def __call__(self, x):
        return x

class Outer:
    class Inner(Net):
        pass

def build(width=8, *, depth=1):
    return Net(width, depth)

def scaled(x: torch.Tensor, by=2):
    return x * by

def raising(width=8):
    raise ValueError(f"width must be odd, got {width}")

def weights():
    return {"conv.weight": 1}

def nothing():
    Net(1)

def leaving():
    raise SystemExit("no GPU")

def anything(**options):
    return Net(**options)

tiny = partial(build, depth=7)
net = Net(5)
_private = net
number = 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "mynet.py").write_text(NET)
    (tmp_path / "beside.py").write_text("FOUND = True\n")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "model.py").write_text("class Model:\n    __call__ = print\n")
    (tmp_path / "package" / "broken.py").write_text("import not_installed_at_all\n")
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


FORMS = (
    "a model is given as torchvision:NAME, timm:NAME, keras:NAME, ./file.py:NAME, "
    "package.module:NAME, or a file that holds one: .onnx, .pt2, .keras, .h5, .fsg, or a "
    "SavedModel folder"
)


def message(target: str, **arguments: object) -> str:
    with pytest.raises(ModelError) as caught:
        resolve(target, arguments)
    return str(caught.value)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("attribute", "arguments", "width", "depth"),
    [
        ("Net", {"width": 3}, 3, 2),
        ("Outer.Inner", {"width": 3, "depth": 4}, 3, 4),
        ("build", {}, 8, 1),
        ("build", {"depth": 3}, 8, 3),
        ("tiny", {}, 8, 7),
        ("net", {}, 5, 2),
        ("_private", {}, 5, 2),
        ("anything", {"width": 1}, 1, 2),
    ],
)
def test_a_class_is_made_a_function_called_and_a_model_taken(
    attribute: str, arguments: dict[str, object], width: int, depth: int
) -> None:
    found = resolve(f"./mynet.py:{attribute}", arguments)
    assert vars(found.model) == {"width": width, "depth": depth}
    assert found.name == f"mynet.py:{attribute}"
    assert found.inputs is None


@pytest.mark.usefixtures("folder")
def test_a_function_of_a_tensor_is_the_model_itself() -> None:
    assert resolve("mynet.py:scaled").model(3) == 6


@pytest.mark.usefixtures("folder")
def test_a_module_in_the_current_folder_is_found() -> None:
    assert type(resolve("package.model:Model").model).__name__ == "Model"


def test_a_file_is_found_from_anywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert vars(resolve(f"{folder}/mynet.py:net").model)["width"] == 5


@pytest.mark.usefixtures("folder")
def test_the_path_of_imports_is_left_as_found() -> None:
    before = list(sys.path)
    resolve("mynet.py:net")
    message("mynet.py:nett")
    message("mynet.py:raising")
    message("package.broken:x")
    assert sys.path == before


def test_a_file_that_is_called_like_an_installed_package_is_itself(folder: Path) -> None:
    (folder / "json.py").write_text("def build():\n    return print\n")
    import json

    assert resolve("./json.py:build").model is print
    assert sys.modules["json"] is json


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            "resnet50",
            ("'resnet50' is not a model\n"
            + FORMS),
        ),
        (
            "torchvision:",
            "'torchvision:' names no model\nname one, such as torchvision:resnet50",
        ),
        (
            "torchvison:resnet50",
            ("there is no module 'torchvison' to import torchvison:resnet50 from; "
            "did you mean torchvision:resnet50?\n"
            + FORMS),
        ),
        ("./mynets.py:Net", "there is no file mynets.py; did you mean mynet.py?"),
        ("nowhere/mynet.py:Net", "there is no file nowhere/mynet.py"),
        ("./package:Model", ("package is a folder, and no SavedModel: "
            "it has no saved_model.pb\ngive a file and a name in it: ./file.py:NAME")),
        (
            "mynet.py",
            ("mynet.py alone names no model\n"
            "give mynet.py:NAME; it has Net, Outer, build, scaled, raising, weights, nothing, "
            "leaving, anything, tiny and net"),
        ),
        ("mynet.py:biuld", "mynet.py has no 'biuld'; did you mean build?"),
        (
            "mynet.py:zzz",
            ("mynet.py has no 'zzz'\n"
            "it has Net, Outer, build, scaled, raising, weights, nothing, leaving, anything, tiny "
            "and net"),
        ),
        ("beside.py", ("beside.py alone names no model\n"
            "give beside.py:NAME; it defines no class or function")),
        (
            "mynet.py:number",
            ("mynet.py:number is of type int, not a model\n"
            "name a class, a function that builds the model, or the model"),
        ),
        ("mynet.py:Net", "mynet.py:Net needs width\npass --arg width=VALUE"),
        (
            "mynet.py:raising",
            ("building mynet.py:raising raised ValueError: width must be odd, got 8 "
            "(at mynet.py:27)"),
        ),
        (
            "mynet.py:weights",
            ("mynet.py:weights returned a value of type dict, which can't be called\n"
            "it must return the model"),
        ),
        (
            "mynet.py:nothing",
            "mynet.py:nothing returned None, which can't be called\nit must return the model",
        ),
        (
            "mynet.py:leaving",
            "building mynet.py:leaving raised SystemExit: no GPU (at mynet.py:36)",
        ),
        (
            "package.broken:Model",
            ("importing package.broken raised ModuleNotFoundError: "
            "No module named 'not_installed_at_all' (at package/broken.py:1)"),
        ),
        (
            "package.modle:Model",
            ("there is no module 'package.modle' to import package.modle:Model from\n"
            + FORMS),
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_target_is_told(target: str, said: str) -> None:
    assert message(target) == said


@pytest.mark.usefixtures("folder")
def test_what_is_wrong_with_an_argument_is_told() -> None:
    assert message("mynet.py:Net", widht=3) == "mynet.py:Net needs width\npass --arg width=VALUE"
    assert message("mynet.py:build", widht=3) == (
        "mynet.py:build takes no argument 'widht'; did you mean width?\nit takes width and depth"
    )
    assert message("mynet.py:weights", width=3) == (
        "mynet.py:weights takes no argument 'width'\nit takes no arguments"
    )
    assert message("mynet.py:net", width=3) == (
        "mynet.py:net is a model already, so width can't be passed to it\n"
        "leave --arg out, or name the class or function that builds it"
    )


def test_a_function_that_may_be_the_model_itself_is_told_how_to_say_so(folder: Path) -> None:
    (folder / "plain.py").write_text("def double(x):\n    return x * 2\n")
    assert message("plain.py:double") == (
        "plain.py:double needs x\npass --arg x=VALUE\n"
        "if it is the model itself, annotate its first parameter as a torch.Tensor"
    )


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".pkl", ".ckpt", ".safetensors", ".PT"])
@pytest.mark.parametrize("there", [True, False])
def test_weights_are_never_opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, there: bool
) -> None:
    if there:
        (folder / f"model{suffix}").write_bytes(b"\x80\x04")
    import pickle

    def opened(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(pickle, "load", opened)
    for attribute in ("", ":build"):
        assert message(f"model{suffix}{attribute}") == (
            f"model{suffix} holds weights, and fields come from the architecture; it is not "
            "opened, since unpickling runs whatever code is inside\n"
            "give the code that builds the model, such as ./file.py:build"
        )


def test_a_file_of_another_kind_is_told(folder: Path) -> None:
    (folder / "net.yaml").write_text("layers: 3\n")
    assert message("net.yaml:build") == (
        "net.yaml is neither Python code nor a file of a model that can be read\n" + FORMS
    )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero (at broken.py:2)"),
        ("def f(:", "SyntaxError: "),
        ("import sys; sys.exit(3)", "SystemExit: 3 (at broken.py:2)"),
        ("import json; json.loads('{')", "JSONDecodeError: Expecting property name enclosed"),
    ],
)
def test_a_file_that_fails_to_import_is_told_with_its_line(
    folder: Path, code: str, said: str
) -> None:
    (folder / "broken.py").write_text(f"# a comment\n{code}\n")
    text = message("broken.py:Net")
    assert text.startswith(f"importing broken.py raised {said}")
    assert text.endswith("(at broken.py:2)")


def test_the_place_is_the_last_line_of_the_users_own_code(tmp_path: Path) -> None:
    (tmp_path / "inner.py").write_text("import json\ndef read():\n    return json.loads('{')\n")
    (tmp_path / "outer.py").write_text("import inner\ndef build():\n    return inner.read()\n")
    text = message(f"{tmp_path}/outer.py:build")
    assert text.endswith(f"(at {tmp_path}/inner.py:3)")


def test_an_error_without_the_users_code_has_no_place() -> None:
    error = ValueError("plain")
    assert location(error) is None
    assert told(error) == "ValueError: plain"


def test_an_unknown_name_of_the_zoo_has_near_ones() -> None:
    assert "torchvision has no model 'resnt50'" in message("torchvision:resnt50")
    assert "resnet50" in message("torchvision:resnt50")


def test_a_name_of_the_zoo_is_built_with_its_input() -> None:
    found = resolve("torchvision:resnet18", {"num_classes": 7})
    assert found.name == "torchvision:resnet18"
    assert found.inputs == (1, 3, 224, 224)
    assert dict(cast("nn.Module", found.model).named_modules())["fc"].out_features == 7


@pytest.mark.parametrize("name", ["net.onnx", "net.pt2", "net.keras", "net.h5"])
def test_a_file_that_holds_a_model_is_left_to_its_front_end(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"")
    for target in (name, f"./{name}", str(folder / name)):
        found = resolve(target)
        assert (found.name, found.model, found.inputs) == (name, Path(target), None)
        assert found.tells_inputs
    assert message(f"{name}:build") == (
        f"{name} holds one model, so it is named without :build\ngive {name}"
    )
    assert message(name, width=3) == (
        f"{name} holds a model that is built already, so width can't be passed to it\n"
        "leave --arg out"
    )
    assert message("m" + name) == f"there is no file m{name}; did you mean {name}?"


def test_a_saved_model_is_a_folder(folder: Path) -> None:
    (folder / "saved").mkdir()
    (folder / "saved" / "saved_model.pb").write_bytes(b"")
    for target in ("saved", "saved/", "./saved", "saved/saved_model.pb"):
        assert resolve(target).model == Path(target)


def test_a_function_of_jax_is_the_model_itself(folder: Path) -> None:
    (folder / "jaxnet.py").write_text(
        "import types, sys\n"
        "jax = types.ModuleType('jax')\n"
        "def helper(x): return jax.lax(x)\n"
        "def apply(x): return helper(x)\n"
        "def build(): return apply\n"
    )
    assert getattr(resolve("jaxnet.py:apply").model, "__name__", "") == "apply"
    assert getattr(resolve("jaxnet.py:build").model, "__name__", "") == "apply"
    assert not resolve("jaxnet.py:apply").tells_inputs
