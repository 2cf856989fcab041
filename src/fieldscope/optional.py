"""Explain a missing extra, in one place.

fieldscope installs without any framework. Code that needs one asks for it here
and gets either the module or an error that says what to install.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from fieldscope.errors import MissingExtraError


def require(module: str, *, purpose: str, extra: str | None = None) -> ModuleType:
    """Import a module that fieldscope doesn't depend on, or say how to get it.

    Only the absence of the module's own top-level package is explained. An
    installed framework that fails to import has a fault of its own, which its
    own error tells better: it passes through untouched.

    Args:
        module: What to import, `torch` or `torch.fx`.
        purpose: What needs it, to begin the message with: `tracing a model`.
        extra: The extra of fieldscope that installs it; None where there is
            none and the package is installed by its own name.

    Raises:
        MissingExtraError: The module's top-level package isn't installed.

    >>> require("json", purpose="reading a report").loads("[1]")
    [1]
    >>> require("frobnicate.core", purpose="frobnicating", extra="lab")
    Traceback (most recent call last):
    fieldscope.errors.MissingExtraError: frobnicating needs frobnicate, which isn't installed
    install fieldscope[lab]: pip install "fieldscope[lab]"
    """
    package = module.partition(".")[0]
    try:
        import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        step = (
            f"install {package}: pip install {package}"
            if extra is None
            else f'install fieldscope[{extra}]: pip install "fieldscope[{extra}]"'
        )
        raise MissingExtraError(
            f"{purpose} needs {package}, which isn't installed\n{step}", name=package
        ) from error
    return import_module(module)
