"""Other tools, installed aside for a comparison."""

from __future__ import annotations

import collections
import collections.abc
import contextlib
import importlib
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import measures
from benchmarks.networks import NETWORKS

VERSION = "1.7.0"
# Behind the tool, all that it imports.
RFA_TOOLBOX = (f"rfa-toolbox=={VERSION}", "graphviz", "attrs", "tqdm")


def install(folder: Path, packages: Sequence[str] = RFA_TOOLBOX) -> str:
    """Install a tool into a folder of its own, with the packages that it imports.

    Tools name limits (rfa-toolbox Python < 3.11, NumPy < 2; torchscan torch < 2) beyond
    which they work, so they are installed without regard to those.

    Returns:
        Why that failed; empty where it didn't.
    """
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    to = ["--no-deps", "--target", str(folder)]
    tool, *others = packages
    for what in (["--ignore-requires-python", tool], others):
        if not what:
            continue
        try:
            run = subprocess.run(
                [*pip, *to, *what], capture_output=True, text=True, timeout=180, check=False
            )
        except subprocess.TimeoutExpired:
            return "pip took longer than 180 s"
        if run.returncode:
            lines = [line for line in run.stderr.splitlines() if line.startswith("ERROR")]
            return (lines or run.stderr.splitlines() or ["pip failed without a word"])[-1]
    return ""


def imported(module: str, folder: str) -> Any:
    """Import a module from the folder that it was installed into."""
    # Removed from Python 3.10; rfa-toolbox still asks for it there.
    if not hasattr(collections, "Sequence"):
        collections.Sequence = collections.abc.Sequence  # type: ignore[attr-defined]
    # At the end, so that what is installed here already (NumPy, torch) stays the same for all.
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(module)


def compare(task: tuple[str, str]) -> tuple[float, float]:
    """Time rfa-toolbox and fieldscope on a network, in one process.

    Args:
        task: name of the network, and the folder that rfa-toolbox is in.

    Returns:
        Seconds of rfa-toolbox (one run, they are long) and of fieldscope.
    """
    name, folder = task
    network = next(network for network in NETWORKS if network.name == name)
    rfa_toolbox = imported("rfa_toolbox", folder)
    model = network.build().eval()
    analyze = measures.analysis(model, network.shape)
    analyze()
    ours = min(measures.seconds(analyze) for _ in range(3))
    with quiet():
        theirs = measures.seconds(
            lambda: rfa_toolbox.create_graph_from_pytorch_model(model, input_res=network.shape)
        )
    return theirs, ours


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what a tool prints and warns of to itself."""
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield
