"""Train what is tried, some processes at a time; what was done before is not done again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from benchmarks.lab import digits
from benchmarks.lab.experiments import (
    EFFICIENCY,
    PLENTY,
    SCARCE,
    SEEDS,
    WEIGHTS,
    Variant,
    redesigns,
    variants,
)
from fieldscope.lab import Run
from tests.shipped import text_detector

Told = Callable[[str], None]


def folder_of(folder: Path, variant: Variant, seed: int) -> Path:
    return folder / f"{variant.question}-{variant.name}-{seed}"


def train(folder: Path, *, jobs: int, told: Told = lambda _: None) -> None:
    """Run all experiments in a folder, each training on one core.

    Raises:
        RuntimeError: a command failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / WEIGHTS).exists():
        (folder / WEIGHTS).symlink_to(text_detector())
    for photos in (PLENTY, SCARCE):
        if not _data(folder, photos).exists():
            digits.write_table(_data(folder, photos).parent, per_class=photos[0])
    if not (folder / EFFICIENCY).exists():
        for command in redesigns():
            told(" ".join(("fieldscope", *command[:2], *command[-2:])))
            _called(command, folder)
    todo = [(variant, seed) for seed in SEEDS for variant in variants()]
    with ThreadPoolExecutor(jobs) as pool:
        waiting = {
            pool.submit(_trained, variant, seed, folder): f"{variant.name}, seed {seed}"
            for variant, seed in todo
        }
        for number, one in enumerate(as_completed(waiting), start=1):
            one.result()
            told(f"{number} of {len(waiting)}: {waiting[one]}")


def _data(folder: Path, photos: tuple[int, int]) -> Path:
    """The table of labels of so many digits, beside their photos."""
    return folder / f"digits-{photos[0]}" / "labels.csv"


def _trained(variant: Variant, seed: int, folder: Path) -> None:
    out = folder_of(folder, variant, seed)
    data = _data(Path(), variant.photos)
    if not out.exists():
        asked = ("--data", f"{data.parent / 'photos'}", "--labels", f"{data}", "--seed", f"{seed}")
        _called(("lab", *variant.command, *asked, "--out", out.name, "--quiet"), folder)
    elif Run.read(out).status != "finished":
        _called(("lab", variant.command[0], "--out", out.name, "--resume", "--quiet"), folder)
    if variant.probed and not (out / "probe.json").exists():
        _called(("lab", "probe", "--run", out.name, "--quiet"), folder)


def _called(arguments: Sequence[str], folder: Path) -> None:
    """Call the command in the folder, so that what it writes holds no path of this machine."""
    done = subprocess.run(
        [sys.executable, "-m", "fieldscope", *arguments],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        shown = " ".join(("fieldscope", *arguments))
        raise RuntimeError(f"{shown} ended with {done.returncode}\n{done.stderr.strip()}")
