"""Reading runs from their folders, to put them side by side."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from fieldscope.errors import InputError
from fieldscope.lab import shown  # noqa: F401  # registers how findings are shown
from fieldscope.lab.comparing.findings import ProbeFigures, RunComparison, RunFigures
from fieldscope.lab.probing.files import PROBES
from fieldscope.lab.runs import SPLIT, Run


def compare(runs: Sequence[str | Path | Run], *, group: bool = False) -> RunComparison:
    """Put runs side by side: how far they came, what they reached, and what that costs.

    Runs on other photos, or on another split of the same photos, are told apart in its notes.

    Args:
        runs: two or more runs, or their folders.
        group: show runs together that differ only by their seed, by their mean and spread.

    Raises:
        InputError: there are fewer than two, one is named twice, or one can't be read.

    Example:
        >>> compare(["runs/a"])
        Traceback (most recent call last):
        fieldscope.errors.InputError: a comparison takes two runs or more, got runs/a alone
        name another one behind it
    """
    names = [str(one.folder if isinstance(one, Run) else one) for one in runs]
    if len(names) < 2:
        alone = f"{names[0]} alone" if names else "none"
        raise InputError(
            f"a comparison takes two runs or more, got {alone}\nname another one behind it"
        )
    places = [Path(name).resolve() for name in names]
    for name, place in zip(names, places, strict=True):
        if places.count(place) > 1:
            raise InputError(f"the run {name} is named twice\nname each run once")
    found = [one if isinstance(one, Run) else Run.read(one) for one in runs]
    return RunComparison(tuple(map(_figures, found)), grouped=group)


def _figures(run: Run) -> RunFigures:
    return RunFigures(
        name=str(run.folder),
        settings=run.settings,
        status=run.status,
        classes=len(run.classes),
        digest=run.digest,
        split=_split(run.folder / SPLIT),
        photos=run.photos,
        counts=run.counts,
        curves=run.curves,
        probes=_probes(run.folder / PROBES),
    )


def _split(path: Path) -> str:
    """What tells splits apart; "" where there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}") from error


def _probes(path: Path) -> ProbeFigures | None:
    """What the probes of a run said; None where it has none yet.

    Raises:
        InputError: the file can't be read.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        border = data["border"]
        return ProbeFigures(
            border=None if border is None else str(border),
            saturation=str(data["saturation"]),
            agreement=float(data["agreement"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} can't be read as probes: {type(error).__name__}: {error}\n"
            "write it again with fieldscope lab probe"
        ) from error
