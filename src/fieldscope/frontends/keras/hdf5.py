"""The configuration in an HDF5 file, read by a process of its own.

The HDF5 library can run forever on damaged files, where no exception reaches it; so it is given
a process, a time and an amount of memory.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

SECONDS = 60
"""How long a file may take to open."""

MEMORY = 4 << 30
"""How much memory it may take, in bytes, where the system can limit it."""

_CODE = """
import sys
sys.path[:] = sys.argv[1].split("\\n")
path, largest, memory = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
except (ImportError, ValueError, OSError):
    pass
import h5py
with h5py.File(path, "r") as file:
    if "model_config" in file.attrs:
        text = file.attrs["model_config"]
        if isinstance(text, str):
            text = text.encode("utf-8", "surrogateescape")
        kind, told = b"C", bytes(text)[: largest + 1]
    else:
        weights = ("layer_names" in file.attrs) or ("layers" in file)
        kind, told = (b"W" if weights else b"N"), b""
sys.stdout.buffer.write(kind + told)
"""


class Found(NamedTuple):
    """What an HDF5 file holds.

    Attributes:
        config: the configuration of a model; None if there is none.
        weights: whether it holds weights instead.
        fault: why it can't be read; empty if it can.
    """

    config: bytes | None
    weights: bool = False
    fault: str = ""


def read(path: Path, largest: int) -> Found:
    """Read the attribute in which Keras keeps a model's configuration.

    Args:
        path: the file.
        largest: how many bytes are of interest; one more is returned where there are more.
    """
    arguments = ["\n".join(sys.path), str(path.resolve()), str(largest), str(MEMORY)]
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CODE, *arguments],
            capture_output=True,
            check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Found(None, fault=f"HDF5 wasn't done with it after {SECONDS} seconds")
    kind, text = done.stdout[:1], done.stdout[1:]
    if done.returncode or not kind:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return Found(None, fault=lines[-1] if lines else f"HDF5 ended with {done.returncode}")
    return Found(text if kind == b"C" else None, weights=kind == b"W")
