"""Which models are built because a run's record names them, and which a person has to name.

A record is data that may have come from anywhere, and code that it names would be run: a file
that lies beside it, or any function there is, such as `shutil:rmtree`, with arguments at will.
"""

from __future__ import annotations

from pathlib import Path

from fieldscope.errors import InputError
from fieldscope.lab.runs import Run
from fieldscope.lab.settings import SMALL_VGG, same_model

# Known by name; what they are built with is checked where they are.
_PUBLISHED = ("torchvision", "timm")


def check_named(run: Run, given: str | None, *, option: str = "--model") -> None:
    """Say no to code that a run's record names and that nobody else does.

    Args:
        run: as its folder tells of it.
        given: the model as the caller names it; None where they leave it to the record.
        option: by which the command is given it.

    Raises:
        InputError: the record names code of its own folder or a function of a module, and the
            caller doesn't; its code isn't where it was; or the caller names another model.

    Example:
        >>> from fieldscope.lab.settings import Settings
        >>> settings = Settings("train", "os:system", "photos", resolution=32, epochs=5)
        >>> check_named(Run(Path("a"), settings, ("a", "b"), "", (8, 2), None), None)
        Traceback (most recent call last):
        fieldscope.errors.InputError: the run in a names os:system as what builds its model, which \
is code that would be run
        if it is yours, name it too: --model os:system
    """
    model = run.settings.model
    if given is not None and not same_model(given, model):
        raise InputError(f"the run in {run.folder} has the model {model}, not {given}")
    if given is None and not _harmless(model, run.folder):
        raise InputError(
            f"the run in {run.folder} names {model} as what builds its model, which is code that "
            f"would be run\nif it is yours, name it too: {option} {model}"
        )
    file = Path(model.rpartition(":")[0])
    if given is None and file.suffix == ".py" and not file.exists():
        raise InputError(
            f"the run in {run.folder} has the model {model}, and there is no such file from here\n"
            f"name where it is by {option} FOLDER/{file.name}:{model.rpartition(':')[2]}"
        )


def _harmless(model: str, folder: Path) -> bool:
    if model == SMALL_VGG or model.partition(":")[0] in _PUBLISHED:
        return True
    path = Path(model.rpartition(":")[0])
    # Code of the user's own, unless it came along with the record.
    return path.suffix == ".py" and not path.resolve().is_relative_to(folder.resolve())
