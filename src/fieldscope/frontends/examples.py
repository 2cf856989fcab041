"""Real inputs from files of arrays: `.npy` holds one, `.npz` several with names.

Nothing in them is unpickled: that would run whatever code is inside.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fieldscope.errors import InputError
from fieldscope.frontends.blame import displayed
from fieldscope.wording import listed, meant

Array: TypeAlias = npt.NDArray[Any]
Arrays: TypeAlias = tuple[Array, ...] | dict[str, Array]

_SUFFIXES = (".npy", ".npz")
# What np.savez calls arrays that it is given without a name.
_NAMELESS = re.compile(r"arr_(\d+)")
_SAVE = "write it with numpy.save or numpy.savez"


def read(files: Sequence[tuple[str, str]]) -> Arrays:
    """Read the arrays of some files, by name where they have one, else in order.

    Args:
        files: Pairs of an input's name (empty where none was given) and a path. A
            name chooses an input for a file's only array; in a `.npz` file without
            one each array names its own input.

    Raises:
        InputError: A file can't be read, holds something else than numbers, or
            some arrays have a name and others don't.
    """
    found: list[tuple[str, Array]] = []
    for name, path in files:
        held = _numbers(_load(path), displayed(Path(path)))
        if name:
            held = [(name, _only(held, name, displayed(Path(path))))]
        found += held
    names = [name for name, _ in found]
    if not any(names):
        return tuple(array for _, array in found)
    if not all(names):
        raise InputError(
            "some of the examples have the name of an input and some don't\n"
            "name all (NAME=FILE, or arrays in a .npz file by name), or none"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"there is more than one example for input {listed(twice)}")
    return dict(found)


def _load(path: str) -> list[tuple[str, Array]]:
    file, shown = Path(path), displayed(Path(path))
    if file.suffix.lower() not in _SUFFIXES:
        raise InputError(f"the example {shown} is neither a .npy nor a .npz file\n{_SAVE}")
    if not file.is_file():
        folder = file.parent
        beside = [str(one) for kind in _SUFFIXES for one in folder.glob(f"*{kind}")]
        raise InputError(f"there is no file {shown}{meant(str(file), beside)}")
    try:
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return [("", loaded)]
        with loaded as archive:
            names = list(archive)
            arrays = [archive[name] for name in names]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"cannot read the example {shown}: {_reason(error)}\n{_SAVE}") from error
    places = [_NAMELESS.fullmatch(name) for name in names]
    if all(places):
        order = sorted(range(len(names)), key=lambda k: int(names[k].removeprefix("arr_")))
        return [("", arrays[k]) for k in order]
    return list(zip(names, arrays, strict=True))


def _reason(error: Exception) -> str:
    text = str(error)
    if "allow_pickle" in text or "pickled" in text:
        return "it is not an array of numbers, and nothing is unpickled"
    strerror = getattr(error, "strerror", None)
    return (strerror or text or type(error).__name__).splitlines()[0]


def _numbers(held: list[tuple[str, Array]], shown: str) -> list[tuple[str, Array]]:
    """Refuse what is no number; give the machine's own order of bytes to the rest."""
    if not held:
        raise InputError(f"the example {shown} holds no array\n{_SAVE}")
    for name, array in held:
        if array.dtype.kind not in "biufc":
            which = f"array {name!r} of the example {shown}" if name else f"the example {shown}"
            raise InputError(f"{which} holds elements of type {array.dtype}, not numbers")
    return [(name, array.astype(array.dtype.newbyteorder("="), copy=False)) for name, array in held]


def _only(held: list[tuple[str, Array]], name: str, shown: str) -> Array:
    if len(held) > 1:
        inside = listed([repr(one) for one, _ in held if one]) or f"{len(held)} arrays"
        raise InputError(
            f"the example for input {name!r} must be one array, and {shown} holds {inside}\n"
            "leave the name out: each array then goes to the input that it is named after"
        )
    return held[0][1]
