"""Which framework a model belongs to, told without importing any.

A model's type says it, or what a function's code mentions; where a function mentions no
framework, those that are imported decide.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Literal, TypeAlias, get_args

from fieldscope.errors import InputError, ModelError
from fieldscope.wording import listed

Framework: TypeAlias = Literal["torch", "onnx", "keras", "tensorflow", "jax", "fieldscope"]
"""What a model belongs to; what was described by hand, or saved as a graph, to fieldscope."""

FRAMEWORKS: tuple[Framework, ...] = tuple(one for one in get_args(Framework) if one != "fieldscope")
"""Those that run models."""

_PACKAGES: dict[str, Framework] = {
    "onnx": "onnx",
    "keras": "keras",
    "tf_keras": "keras",
    "torch": "torch",
    "torchvision": "torch",
    "timm": "torch",
    "flax": "jax",
    "equinox": "jax",
    "haiku": "jax",
    "jax": "jax",
    "jaxlib": "jax",
    "tensorflow": "tensorflow",
}
"""The framework of a package; where a type derives from several, the first counts: a Keras model
is a module of its backend, too."""

_SUFFIXES: dict[str, Framework] = {
    ".onnx": "onnx",
    ".pt2": "torch",
    ".keras": "keras",
    ".h5": "keras",
    ".hdf5": "keras",
    ".fsg": "fieldscope",
}
_TENSORS: dict[str, Framework] = {"Tensor": "torch", "TensorSpec": "tensorflow"}
_BUILDER = "fieldscope.frontends.builder.builder"
_DEEPEST = 6


def framework_of(model: object) -> Framework:
    """The framework of a model.

    Args:
        model: a model, a function, or the path of a file or folder that holds a model.

    Raises:
        ModelError: nothing can be called there, or no front end reads such files.
        InputError: the functions that it consists of mention several frameworks.

    Example:
        >>> framework_of("model.onnx"), framework_of("dogs.keras")
        ('onnx', 'keras')
    """
    if isinstance(model, (str, os.PathLike)):
        found = framework_of_file(Path(model))
        if found is None:
            raise ModelError(
                f"{os.fspath(model)} is no file of a model that can be read\n"
                f"files of models end in {listed(list(_SUFFIXES))}, or are SavedModel folders"
            )
        return found
    if is_described(model):
        return "fieldscope"
    by_type = framework_of_type(type(model))
    if by_type is not None:
        return by_type
    if not callable(model):
        raise ModelError(
            f"the model is {type(model).__name__}, which can't be called; "
            "pass a module, a function of tensors, or the path of a file that holds a model"
        )
    mentioned = mentions(model)
    if len(mentioned) > 1:
        raise InputError(
            f"the model mentions {listed(sorted(mentioned))}, so it isn't clear what runs it\n"
            f"pass framework=, one of {listed(list(FRAMEWORKS))}"
        )
    return next(iter(mentioned), None) or _imported()


def is_described(model: object) -> bool:
    """Whether a model is a network that was described by hand, a `fieldscope.Builder`."""
    return any(base.__module__ == _BUILDER for base in type(model).__mro__)


def framework_of_file(path: Path) -> Framework | None:
    """The framework of a file or folder that holds a model; None if no front end reads it."""
    if (path / "saved_model.pb").is_file() or path.name == "saved_model.pb":
        return "tensorflow"
    return _SUFFIXES.get(path.suffix.lower())


def mentions(model: Callable[..., Any]) -> set[Framework]:
    """The frameworks that a callable's own code mentions.

    Its first parameter's annotation decides; else the modules and objects that its code, and
    the functions that it calls, refer to; else what its module imports.
    """
    annotated = _annotated(model)
    if annotated is not None:
        return {annotated}
    mentioned = {found for part in _parts(model, 0, set()) if (found := _of(part)) is not None}
    if mentioned or not isinstance(model, FunctionType):
        return mentioned
    around = (part for part in model.__globals__.values() if isinstance(part, ModuleType))
    return {found for part in around if (found := _of(part)) is not None}


def framework_of_type(kind: type) -> Framework | None:
    """The framework that a type comes from, by the packages of its base classes; None if of none.

    Example:
        >>> import torch
        >>> framework_of_type(torch.nn.Conv2d), framework_of_type(dict)
        ('torch', None)
    """
    packages = {base.__module__.partition(".")[0] for base in kind.__mro__}
    return next((framework for name, framework in _PACKAGES.items() if name in packages), None)


def _of(part: object) -> Framework | None:
    """The framework of something that code refers to."""
    if isinstance(part, ModuleType):
        return _PACKAGES.get(part.__name__.partition(".")[0])
    if isinstance(part, type):
        return framework_of_type(part)
    home = getattr(part, "__module__", None) if callable(part) else None
    if isinstance(home, str) and home.partition(".")[0] in _PACKAGES:
        return _PACKAGES[home.partition(".")[0]]
    return framework_of_type(type(part))


def _annotated(model: Callable[..., Any]) -> Framework | None:
    """The framework of the tensor that the first parameter is annotated as."""
    try:
        first = next(iter(inspect.signature(model).parameters.values()))
    except (TypeError, ValueError, StopIteration):
        return None
    annotation = first.annotation
    if isinstance(annotation, str):
        root, _, name = annotation.rpartition(".")
        if root in ("tf", "tensorflow"):
            return "tensorflow"
        return "jax" if root.startswith(("jax", "jnp")) else _TENSORS.get(name)
    if annotation is inspect.Parameter.empty:
        return None
    return _of(annotation)


def _parts(target: object, depth: int, seen: set[int]) -> Iterator[object]:
    """What a callable's code refers to, through the functions that it calls."""
    if id(target) in seen or depth > _DEEPEST:
        return
    seen.add(id(target))
    if isinstance(target, functools.partial):
        for part in (target.func, *target.args, *target.keywords.values()):
            yield part
            yield from _parts(part, depth + 1, seen)
    elif inspect.ismethod(target):
        yield from _parts(target.__self__, depth + 1, seen)
        yield from _parts(target.__func__, depth + 1, seen)
    elif isinstance(target, FunctionType):
        wrapped = getattr(target, "__wrapped__", None)
        held = [cell for cell in target.__closure__ or () if _is_filled(cell)]
        parts = [cell.cell_contents for cell in held]
        parts += [target.__globals__[n] for n in _names(target.__code__) if n in target.__globals__]
        for part in (*parts, *([] if wrapped is None else [wrapped])):
            yield part
            if isinstance(part, (FunctionType, functools.partial)) or inspect.ismethod(part):
                yield from _parts(part, depth + 1, seen)
    elif not isinstance(target, (type, ModuleType)) and hasattr(target, "__dict__"):
        yield from vars(target).values()
        if callable(target):
            yield from _parts(type(target).__call__, depth + 1, seen)


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:  # a name that is assigned later
        return False


def _names(code: CodeType) -> Iterator[str]:
    """The names that code refers to, that of the functions inside it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _imported() -> Framework:
    """The framework that runs a function which mentions none: one that is imported."""
    for framework in ("torch", "jax", "tensorflow"):
        if framework in sys.modules:
            return framework
    return "torch"
