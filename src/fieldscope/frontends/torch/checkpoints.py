"""What is in files of weights: tensors by name, read without ever running anything.

Read are PyTorch's own files (`torch.load(..., weights_only=True)`, which refuses whatever is
no tensor, number or text) and safetensors. A checkpoint that holds more than weights is looked
through for them.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from fieldscope.errors import FieldscopeError, ModelError
from fieldscope.frontends.blame import displayed, told
from fieldscope.optional import require
from fieldscope.wording import listed

if TYPE_CHECKING:
    import torch

Weights: TypeAlias = "Mapping[str, torch.Tensor]"

SUFFIXES = (".pth", ".pt", ".safetensors", ".bin", ".ckpt", ".tar")

_DEEPEST = 8
# Where checkpoints keep the weights beside an optimiser's state, the likeliest first.
_PLACES = ("state_dict", "model_state_dict", "model", "weights", "net", "network", "params")


def check(path: Path) -> None:
    """Say if there is no such file, and which there are.

    Raises:
        ModelError: there is none.

    >>> check(Path("/nowhere/a.pth"))
    Traceback (most recent call last):
    fieldscope.errors.ModelError: there is no file of weights /nowhere/a.pth
    """
    if path.is_file():
        return
    beside = path.parent.glob("*") if path.parent.is_dir() else ()
    others = sorted(one.name for one in beside if one.suffix.lower() in SUFFIXES and one.is_file())
    hint = f"\nthe folder has {listed(others, most=4)}" if others else ""
    raise ModelError(f"there is no file of weights {displayed(path)}{hint}")


def read(path: Path) -> Weights:
    """Read the weights of a file, and nothing else that is in it.

    Raises:
        ModelError: there is no such file, or none that holds weights alone.
        MissingExtraError: what reads it isn't installed.
    """
    shown = displayed(path)
    check(path)
    try:
        load = _reader(path, shown)
        found = load(path, shown)
    except FieldscopeError:
        raise
    except Exception as error:
        raise ModelError(
            f"{shown} can't be read as weights: {told(error).partition('. ')[0]}\n"
            "save them with torch.save(model.state_dict(), FILE) or as safetensors"
        ) from error
    weights = _weights_in(found)
    if weights is None:
        what = (
            f"keys {listed(list(map(str, found)), most=5)}"
            if isinstance(found, dict)
            else (f"one object of type {type(found).__name__}")
        )
        raise ModelError(
            f"{shown} holds no weights by name: it has {what}\n"
            "save them with torch.save(model.state_dict(), FILE)"
        )
    return weights


def _reader(path: Path, shown: str) -> Callable[[Path, str], Any]:
    """Choose what reads a file, by what is in it: names lie."""
    with path.open("rb") as file:
        begin = file.read(9)
    if begin[8:] == b"{":
        return _safetensors  # the length of a header, and the header
    # A zip archive, or pickles as PyTorch wrote them before.
    if begin.startswith((b"PK", b"\x80")):
        return _pytorch
    raise ModelError(
        f"{shown} is no file of weights: it is neither one that torch.save wrote nor safetensors\n"
        "a pointer to a large file, or an error's page, may have been fetched in its place"
    )


def _pytorch(path: Path, shown: str) -> Any:
    torch = require("torch", extra="torch", purpose="reading weights")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is refused right afterwards
            # By its content: PyTorch itself goes by the names of files.
            with path.open("rb") as file:
                return torch.load(file, map_location="cpu", weights_only=True)
    except RuntimeError as error:
        if "TorchScript" not in str(error):
            raise
        raise ModelError(
            f"{shown} is a TorchScript archive, which holds a program, and is not opened\n"
            "whoever trusts it can save the weights alone: "
            "torch.save(torch.jit.load(FILE).state_dict(), OTHER)"
        ) from error
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{shown} holds more than weights, and is not opened: unpickling it would run code\n"
            "whoever made it can save the weights alone: torch.save(model.state_dict(), FILE)"
        ) from error


def _safetensors(path: Path, shown: str) -> Any:
    del shown
    require("torch", extra="torch", purpose="reading weights")
    require("safetensors", extra="torch", purpose="reading .safetensors files")
    from safetensors.torch import load_file

    return load_file(path)


def _weights_in(found: Any, *, depth: int = _DEEPEST) -> Weights | None:
    """The tensors by name in what a file holds; None if it has none."""
    import torch

    # A file may hold a dictionary that holds itself.
    if depth == 0 or not isinstance(found, Mapping):
        return None
    for key in _PLACES:
        if isinstance(found.get(key), Mapping):
            inside = _weights_in(found[key], depth=depth - 1)
            if inside is not None:
                return inside
    tensors = {str(key): one for key, one in found.items() if isinstance(one, torch.Tensor)}
    return tensors or None
