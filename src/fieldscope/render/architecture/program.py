"""Graphviz's program `dot`: found, run for a limited time, its errors told."""

from __future__ import annotations

import shutil
import subprocess

from fieldscope.errors import InputError, MissingExtraError

NAME = "dot"
# In seconds; a drawing that takes longer is one that nobody can read.
PATIENCE = 120.0

_WAY_OUT = (
    "install Graphviz (apt-get install graphviz, brew install graphviz, or "
    "https://graphviz.org/download); .dot and .svg work without it"
)


def is_there() -> bool:
    """Whether `dot` is on the path."""
    return shutil.which(NAME) is not None


def require_program(format: str) -> str:
    """Find `dot`, or say how to get it.

    Raises:
        MissingExtraError: it isn't installed.
    """
    found = shutil.which(NAME)
    if found is None:
        raise MissingExtraError(
            f"drawing a graph as {format} needs Graphviz's program {NAME}, which isn't installed"
            f"\n{_WAY_OUT}",
            name=NAME,
        )
    return found


def run(text: str, format: str, *, patience: float = PATIENCE) -> bytes:
    """Have `dot` lay a graph out.

    Args:
        text: the graph in Graphviz's language.
        format: "svg", "pdf" or "png".
        patience: seconds after which it is ended.

    Raises:
        MissingExtraError: it isn't installed.
        InputError: it fails, or takes too long.
    """
    program = require_program(format)
    try:
        done = subprocess.run(
            [program, f"-T{format}"],
            input=text.encode("utf-8"),
            capture_output=True,
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired:
        boxes = text.count(" [label=")
        raise InputError(
            f"{NAME} didn't lay out {boxes:,} boxes and frames in {patience:g} seconds\n"
            'fold more with depth=1, or take the built-in layout: engine="builtin"'
        ) from None
    except OSError as error:
        raise InputError(f"cannot run {program}: {error.strerror or error}\n{_WAY_OUT}") from error
    if done.returncode != 0 or not done.stdout:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = said[0] if said else f"exit code {done.returncode}"
        raise InputError(
            f"{NAME} cannot draw the graph: {reason}\n"
            'save it as .dot to look into it, or as .svg with the built-in layout: engine="builtin"'
        )
    return done.stdout
