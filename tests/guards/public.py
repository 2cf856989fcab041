"""What is asked of the public names, of the errors, and of a bare import."""

from __future__ import annotations

import builtins
import inspect
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType


def undocumented(names: Mapping[str, object]) -> list[str]:
    """Names of classes and functions without a docstring or, but for errors, without an example."""
    missing = []
    for name, value in names.items():
        if not (inspect.isclass(value) or inspect.isroutine(value)):
            continue
        text = value.__doc__ or ""
        is_error = inspect.isclass(value) and issubclass(value, Exception)
        if not text.strip() or not (is_error or ">>> " in text):
            missing.append(name)
    return missing


def loose_errors(module: ModuleType, base: type[Exception]) -> list[str]:
    """Names of the module's errors that lack the common base, or a builtin one beside it."""
    builtin = {value for value in vars(builtins).values() if inspect.isclass(value)}
    builtin -= {Exception, BaseException, object}
    return [
        name
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and issubclass(value, Exception)
        and value.__module__ == module.__name__
        and value is not base
        and not (issubclass(value, base) and builtin.intersection(value.__mro__))
    ]


def brought_in(statement: str, path: Iterable[Path]) -> set[str]:
    """Packages from outside the standard library that a statement loads in a fresh interpreter."""
    program = (
        "import sys\n"
        f"sys.path[:0] = {[str(folder) for folder in path]}\n"
        "before = set(sys.modules)\n"
        f"{statement}\n"
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(loaded - sys.stdlib_module_names - {'fieldscope'}))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return set(run.stdout.split())
