"""Import torchvision where its compiled operators are missing.

Why this file exists: the torchvision on the Python registry is compiled
against the CUDA build of torch. Beside a CPU-only torch its library of
operators can't be loaded. torchvision itself tolerates that (each operator
says so when it is called), except at one place: on import it registers a fake
kernel for `torchvision::nms` and for `torchvision::qnms` without asking
whether the operators were loaded, and torch answers `RuntimeError: operator
torchvision::nms does not exist`. fieldscope runs no compiled kernel of
torchvision, so for its purposes the import may go on.

What is done about it: while a `missing_operators_allowed` block is open, a
`torch.library.register_fake("torchvision::...")` that fails with exactly that
message leaves the function as it is. Everything else, other operators of other
libraries and other errors of torchvision's own, passes through untouched, and
the original function is back when the block ends.

When it can go: once the oldest supported torchvision guards those two
registrations by `torchvision.extension._has_ops()`, as it guards the others
(`torchvision/_meta_registrations.py`).
"""

from __future__ import annotations

import contextlib
import sys
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from fieldscope.optional import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

# One patch for the whole process, however many blocks are open in however many
# threads: the first one in applies it, the last one out takes it back.
_lock = threading.Lock()
_open_blocks = 0
_original: Callable[..., Any] | None = None


@contextlib.contextmanager
def missing_operators_allowed() -> Iterator[None]:
    """Let torchvision be imported inside, with its operators or without.

    Wrap whatever may import torchvision on the way: timm, a user's file. The
    block itself imports only torch, and that only where torchvision is
    installed. Blocks may nest, and may be open in several threads.

    Example:
        >>> with missing_operators_allowed():
        ...     import torchvision
        >>> torchvision.models.resnet50.__name__
        'resnet50'
    """
    if find_spec("torchvision") is None or find_spec("torch") is None:
        yield
        return
    import torch.library

    global _open_blocks, _original
    with _lock:
        if _open_blocks == 0:
            _forget_a_failed_import()
            _original = torch.library.register_fake
            torch.library.register_fake = _tolerant(_original)
        _open_blocks += 1
    try:
        yield
    finally:
        with _lock:
            _open_blocks -= 1
            if _open_blocks == 0 and _original is not None:
                torch.library.register_fake = _original
                _original = None


def import_torchvision() -> ModuleType:
    """Import torchvision, with its compiled operators or without them.

    Raises:
        MissingExtraError: torchvision isn't installed.

    Example:
        >>> import_torchvision().models.vgg16.__name__
        'vgg16'
    """
    return import_beside_torch("torchvision")


def import_beside_torch(name: str, *, purpose: str = "", extra: str = "zoo") -> ModuleType:
    """Import torchvision or a library that needs it, such as timm or Lightning.

    Args:
        name: what to import.
        purpose: what needs it, to begin messages with; else that a model of it is built.
        extra: the extra of fieldscope that installs it.

    Raises:
        MissingExtraError: `name` isn't installed. An import that fails for
            something else inside it raises what it raised.

    Example:
        >>> import_beside_torch("timm").__name__
        'timm'
    """
    purpose = purpose or f"building a model of {name}"
    for needed in ("torch", "torchvision"):
        if find_spec(needed) is None:
            require(needed, purpose=purpose, extra=extra)
    with missing_operators_allowed():
        return require(name, purpose=purpose, extra=extra)


def _tolerant(register_fake: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap torch's `register_fake` so that torchvision's may find no operator."""

    def register_if_it_exists(op: Any, func: Any = None, /, **options: Any) -> Any:
        if not (isinstance(op, str) and op.startswith("torchvision::") and func is None):
            return register_fake(op, func, **options)
        register = register_fake(op, **options)

        def decorate(function: Any) -> Any:
            try:
                return register(function)
            except RuntimeError as error:
                if str(error) != f"operator {op} does not exist":
                    raise
                return function

        return decorate

    return register_if_it_exists


def _forget_a_failed_import() -> None:
    """Drop what an earlier failed `import torchvision` left behind.

    Python forgets the package that failed but keeps those of its modules that
    had been imported; bound to the failed package, they would be mixed with
    the modules of the new one.
    """
    if "torchvision" in sys.modules:
        return
    for name in [name for name in sys.modules if name.startswith("torchvision.")]:
        del sys.modules[name]
