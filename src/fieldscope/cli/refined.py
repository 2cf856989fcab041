"""How the code that `fieldscope refine --write` writes makes the model that it edits."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldscope.cli import files
from fieldscope.errors import InputError

if TYPE_CHECKING:
    from fieldscope.redesign.torch.code import Maker

# Names that the code has already.
_TAKEN = frozenset(
    {"anew", "build", "copy", "importlib", "keeping", "nn", "refine", "sys", "torch"}
)
_ZOOS = ("torchvision", "timm")


def maker(target: str, arguments: Mapping[str, object], *, built: bool, destination: str) -> Maker:
    """How to make the model that a target names, in a file at a destination.

    Args:
        target: as on the command line.
        arguments: for what builds it.
        built: whether what is named builds the model, and isn't the model itself.
        destination: the file that is written, or "-".
    """
    from fieldscope.frontends.torch import zoo
    from fieldscope.redesign.torch.code import Maker

    scheme, _, name = target.partition(":")
    for source in zoo.SOURCES:
        if scheme == source:
            return Maker((source,), zoo.written(source, name, arguments))
    path, _, attribute = target.rpartition(":")
    file = file_of(target)
    setup: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    if file is None:
        module = path
        imports = (path,)
    else:
        module = file.stem
        folder = Path.cwd() if destination == files.STDOUT else Path(destination).resolve().parent
        setup = _known(file, folder)
        if not setup and module.isidentifier() and module not in _TAKEN:
            imports = (module,)
        elif module.isidentifier() and module not in _TAKEN:
            setup = (*setup, f"import {module}  # noqa: E402")
        else:
            imports = ("importlib", *(("sys",) if setup else ()))
            setup = (*setup, f"original = importlib.import_module({json.dumps(module)})")
            module = "original"
        if setup and "sys.path" in setup[0]:
            imports = tuple(dict.fromkeys((*imports, "pathlib", "sys")))
    options = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    if built:
        return Maker(imports, f"{module}.{attribute}({options})", setup)
    return Maker((*imports, "copy"), f"copy.deepcopy({module}.{attribute})", setup)


def _known(file: Path, folder: Path) -> tuple[str, ...]:
    """The line that makes a file's folder known to imports, where it is another one."""
    if file.parent == folder:
        return ()
    way = Path(os.path.relpath(file.parent, folder)).as_posix()
    return (f"sys.path.insert(0, str(pathlib.Path(__file__).parent / {json.dumps(way)}))",)


def file_of(target: str) -> Path | None:
    """The file of code that a target names; None for models by name and importable modules."""
    path, colon, _ = target.rpartition(":")
    if not colon or path in _ZOOS or Path(path).suffix != ".py":
        return None
    return Path(path).resolve()


def check_spares(destination: str, target: str, model: Any = None) -> None:
    """Say no where the file that is to be written holds the code of the model.

    Raises:
        InputError: It does.
    """
    if destination == files.STDOUT:
        return
    wanted = Path(destination).resolve()
    for origin in _origins(target, model):
        if wanted == origin:
            raise InputError(
                f"--write {destination} would replace the code of the model\n"
                "write to a file of another name"
            )


def _origins(target: str, model: Any) -> list[Path]:
    """Where the code of a model lies, as far as that is known."""
    found = []
    file = file_of(target)
    if file is not None:
        found.append(file)
    elif target.partition(":")[0] not in _ZOOS:
        module = sys.modules.get(target.rpartition(":")[0])
        origin = None if module is None else getattr(module, "__file__", None)
        found += [Path(origin).resolve()] if origin else []
    for one in () if model is None else model.modules():
        with contextlib.suppress(TypeError, OSError):  # made at a prompt, or compiled
            found.append(Path(inspect.getfile(type(one))).resolve())
    return found
