"""From what a user names on the command line to a model.

    torchvision:resnet50, keras:VGG19            a scheme and a name
    model.onnx, dogs.keras, saved_model_dir/     a file that holds a model
    ./mynet.py:build                             a file of code and a name in it
    package.module:Model                         a module and a name in it

A class is instantiated; a function is called, and what it returns is the
model; anything else that can be called is the model. A function whose first
required parameter is annotated as a tensor is the model itself, and so is one
of JAX or TensorFlow that has required parameters.

Files of weights are never opened: unpickling runs whatever is in them, and
they hold no architecture.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import inspect
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from fieldscope.errors import FieldscopeError, ModelError
from fieldscope.frontends.blame import displayed, told
from fieldscope.frontends.detection import framework_of, framework_of_file, is_described, mentions
from fieldscope.frontends.torch.torchvision_ops import missing_operators_allowed
from fieldscope.wording import listed, meant, near

Shapes = tuple[int, ...] | tuple[tuple[int, ...], ...]

_NONE: Mapping[str, object] = MappingProxyType({})
_FORMS = (
    "torchvision:NAME, timm:NAME, keras:NAME, ./file.py:NAME, package.module:NAME, or a file that "
    "holds one: .onnx, .pt2, .keras, .h5, .fsg, or a SavedModel folder"
)
_WEIGHTS = frozenset(
    {".bin", ".ckpt", ".joblib", ".npz", ".pickle", ".pkl", ".pt", ".pth", ".safetensors", ".tar"}
)
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Target:
    """A model that was asked for by name.

    Attributes:
        name: What a report calls it.
        model: A module or another callable, or the path of a file that holds one.
        inputs: The shape, or shapes, that it is meant for; None where nobody knows, or where
            the model says it itself.
        built: Whether what is named builds the model, and isn't the model itself.
        taken: Of the arguments that were offered, those that it was built with.
    """

    name: str
    model: Any
    inputs: Shapes | None = None
    built: bool = True
    taken: Mapping[str, object] = field(default_factory=lambda: _NONE)

    @property
    def tells_inputs(self) -> bool:
        """Whether the shapes of its inputs need not be asked for."""
        if self.inputs is not None or isinstance(self.model, Path):
            return True
        return framework_of(self.model) in ("onnx", "keras", "tensorflow", "fieldscope")


def resolve(
    target: str,
    arguments: Mapping[str, object] = _NONE,
    *,
    values: bool = False,
    inputs: object = None,
    offered: Mapping[str, object] = _NONE,
) -> Target:
    """Find, import and build what `target` names.

    Args:
        target: In one of the forms above.
        arguments: For the class or function that builds the model, by keyword.
        values: Give the weights of a model known by name values, at random; else they have
            shapes only.
        inputs: The shapes that it will be analysed at, where they are known: some models are
            built for one.
        offered: Further arguments, for code whose class or function names them.

    Raises:
        ModelError: There is no such thing, or building it failed.
        MissingExtraError: The scheme's library isn't installed.
    """
    scheme, colon, name = target.partition(":")
    if colon and scheme in _SCHEMES:
        if not name:
            raise ModelError(f"{target!r} names no model\nname one, such as {scheme}:resnet50")
        model, shapes = _SCHEMES[scheme](name, arguments, values, inputs)
        return Target(target, model, shapes)
    path, attribute = _split(target)
    if _is_file(path):
        return _from_file(path, attribute, arguments=arguments, offered=offered)
    if not colon:
        raise ModelError(f"{target!r} is not a model\na model is given as {_FORMS}")
    return _from_module(path, attribute, arguments=arguments, offered=offered)


_Found = tuple[Callable[..., Any], Shapes]


# Imported by each, because it imports a framework, which other schemes may do without.
def _torchvision(name: str, arguments: Mapping[str, object], values: bool, _: object) -> _Found:
    from fieldscope.frontends.torch import zoo

    return zoo.build("torchvision", name, arguments, values=values)


def _timm(name: str, arguments: Mapping[str, object], values: bool, _: object) -> _Found:
    from fieldscope.frontends.torch import zoo

    return zoo.build("timm", name, arguments, values=values)


def _keras(name: str, arguments: Mapping[str, object], values: bool, inputs: object) -> _Found:
    from fieldscope.frontends.keras import zoo

    return zoo.build(name, arguments, values=values, inputs=inputs)


# A front end that can find models by name adds its scheme here.
_SCHEMES: dict[str, Callable[[str, Mapping[str, object], bool, object], _Found]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "keras": _keras,
}


def _split(target: str) -> tuple[str, str]:
    """Take the name off, leaving alone the colon of a Windows drive."""
    path, colon, attribute = target.rpartition(":")
    if not colon or len(path) == 1 or "/" in attribute or "\\" in attribute:
        return target, ""
    return path, attribute


def _is_file(path: str) -> bool:
    suffix = Path(path).suffix.lower()
    if suffix in {".py", *_WEIGHTS} or framework_of_file(Path(path)) is not None:
        return True
    return "/" in path or "\\" in path or Path(path).exists()


def _from_file(
    path: str, attribute: str, *, arguments: Mapping[str, object], offered: Mapping[str, object]
) -> Target:
    file = Path(path)
    shown = displayed(file)
    if framework_of_file(file) is not None:
        return _holding(file, shown, attribute, arguments=arguments)
    if file.suffix.lower() in _WEIGHTS:
        raise ModelError(
            f"{shown} holds weights, and fields come from the architecture; it is not opened, "
            "since unpickling runs whatever code is inside\n"
            "give the code that builds the model, such as ./file.py:build"
        )
    if file.is_dir():
        raise ModelError(
            f"{shown} is a folder, and no SavedModel: it has no saved_model.pb\n"
            "give a file and a name in it: ./file.py:NAME"
        )
    if not file.is_file():
        beside = [str(other) for other in file.parent.glob("*.py")] if file.parent.is_dir() else []
        raise ModelError(f"there is no file {shown}{meant(str(file), beside)}")
    if file.suffix.lower() != ".py":
        raise ModelError(
            f"{shown} is neither Python code nor a file of a model that can be read\n"
            f"a model is given as {_FORMS}"
        )
    with _importable(file.resolve().parent):
        module = _imported(file, shown)
        return _from(
            module, attribute, shown=shown, given=path, arguments=arguments, offered=offered
        )


def _holding(file: Path, shown: str, attribute: str, *, arguments: Mapping[str, object]) -> Target:
    """A file that holds a model, which its front end reads."""
    if not file.exists():
        beside = [str(other) for other in file.parent.glob(f"*{file.suffix}")]
        raise ModelError(f"there is no file {shown}{meant(str(file), beside)}")
    if attribute:
        raise ModelError(
            f"{shown} holds one model, so it is named without :{attribute}\ngive {shown}"
        )
    if arguments:
        raise ModelError(
            f"{shown} holds a model that is built already, so {listed(list(arguments))} can't be "
            "passed to it\nleave --arg out"
        )
    return Target(shown, file)


def _from_module(
    name: str, attribute: str, *, arguments: Mapping[str, object], offered: Mapping[str, object]
) -> Target:
    # As `python -m` does, so that a package in the current folder is found.
    with _importable(Path.cwd()):
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and f"{name}.".startswith(f"{error.name}."):
                schemes = near(name, _SCHEMES)
                guess = f"; did you mean {schemes[0]}:{attribute}?" if schemes else ""
                raise ModelError(
                    f"there is no module {error.name!r} to import {name}:{attribute} from{guess}\n"
                    f"a model is given as {_FORMS}"
                ) from error
            raise ModelError(f"importing {name} raised {told(error)}") from error
        except (Exception, SystemExit) as error:
            raise ModelError(f"importing {name} raised {told(error)}") from error
        return _from(
            module, attribute, shown=name, given=name, arguments=arguments, offered=offered
        )


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let imports find a folder's modules, for as long as a model is being built."""
    entry = str(folder)
    sys.path.insert(0, entry)
    try:
        with missing_operators_allowed():
            yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(entry)


def _imported(file: Path, shown: str) -> ModuleType:
    # A name of its own: the file may be called like an installed package.
    name = f"fieldscope_target_{next(_numbers)}_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None, "a .py file always has a loader"
    assert spec.loader is not None, "a .py file always has a loader"
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up while they are being made.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise ModelError(f"importing {shown} raised {told(error)}") from error
    return module


def _from(
    module: ModuleType,
    attribute: str,
    *,
    shown: str,
    given: str,
    arguments: Mapping[str, object],
    offered: Mapping[str, object],
) -> Target:
    """Look a name up in a module, and build what it stands for."""
    candidates = _candidates(module)
    has = f"has {listed(candidates, most=12)}" if candidates else "defines no class or function"
    if not attribute:
        raise ModelError(f"{shown} alone names no model\ngive {given}:NAME; it {has}")
    value: object = module
    for part in attribute.split("."):
        if not hasattr(value, part):
            guess = meant(attribute, [name for name in vars(module) if not name.startswith("__")])
            more = guess or f"\nit {has}"
            raise ModelError(f"{shown} has no {attribute!r}{more}")
        value = getattr(value, part)
    label = f"{shown}:{attribute}"
    named = {one.name for one in _parameters(value)} if offered and callable(value) else ()
    taken = {key: one for key, one in offered.items() if key in named and key not in arguments}
    model = _built(value, label, arguments={**taken, **arguments})
    return Target(label, model, built=model is not value, taken=taken)


def _candidates(module: ModuleType) -> list[str]:
    """Name what a module itself defines that may be or build a model."""
    found = []
    for name, value in vars(module).items():
        if name.startswith("_") or not callable(value):
            continue
        if isinstance(value, type) or inspect.isroutine(value):
            if value.__module__ == module.__name__:
                found.append(name)
        elif not type(value).__module__.startswith(("typing", "_typing")):
            found.append(name)
    return found


def _built(value: object, label: str, *, arguments: Mapping[str, object]) -> Any:
    if is_described(value):
        if arguments:
            raise ModelError(
                f"{label} is a network already, so {listed(list(arguments))} can't be passed to "
                "it\nleave --arg out, or name the function that describes it"
            )
        return value
    if not callable(value):
        raise ModelError(
            f"{label} is of type {type(value).__name__}, not a model\n"
            "name a class, a function that builds the model, or the model"
        )
    builds = isinstance(value, (type, functools.partial)) or inspect.isroutine(value)
    if not builds or _is_model_itself(value, arguments):
        if arguments:
            raise ModelError(
                f"{label} is a model already, so {listed(list(arguments))} can't be passed to it\n"
                "leave --arg out, or name the class or function that builds it"
            )
        return value
    _check_arguments(value, label, arguments=arguments)
    try:
        model: object = value(**arguments)
    except FieldscopeError:
        raise
    except (Exception, SystemExit) as error:
        raise ModelError(f"building {label} raised {told(error)}") from error
    if not callable(model) and not is_described(model):
        raise ModelError(
            f"{label} returned {_a(model)}, which can't be called\nit must return the model"
        )
    return model


def _a(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _parameters(value: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):  # some builtins have no signature
        return [inspect.Parameter("arguments", inspect.Parameter.VAR_KEYWORD)]


_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _required(value: Callable[..., Any]) -> list[inspect.Parameter]:
    return [
        parameter
        for parameter in _parameters(value)
        if parameter.default is parameter.empty and parameter.kind not in _VARIABLE
    ]


_TENSORS = frozenset({"Tensor", "Array", "ArrayLike"})


def _is_model_itself(value: Callable[..., Any], arguments: Mapping[str, object]) -> bool:
    required = _required(value)
    if isinstance(value, type) or not required:
        return False
    # Under `from __future__ import annotations` it is a text: "Tensor", "torch.Tensor".
    annotation = required[0].annotation
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    if name.rpartition(".")[2] in _TENSORS:
        return True
    return not arguments and bool(mentions(value) & {"jax", "tensorflow"})


def _check_arguments(
    value: Callable[..., Any], label: str, *, arguments: Mapping[str, object]
) -> None:
    missing = [one.name for one in _required(value) if one.name not in arguments]
    if missing:
        options = " ".join(f"--arg {name}=VALUE" for name in missing)
        hint = (
            ""
            if isinstance(value, type) or arguments
            else "\nif it is the model itself, annotate its first parameter as a torch.Tensor"
        )
        raise ModelError(f"{label} needs {listed(missing)}\npass {options}{hint}")
    parameters = _parameters(value)
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return
    names = [one.name for one in parameters if one.kind not in _VARIABLE]
    for name in arguments:
        if name not in names:
            takes = f"it takes {listed(names)}" if names else "it takes no arguments"
            raise ModelError(f"{label} takes no argument {name!r}{meant(name, names)}\n{takes}")
