"""What a message advises, said in options of the command instead of arguments."""

from __future__ import annotations

import re
from collections.abc import Callable

_EACH_INPUT = "give each input that its forward needs with --input SHAPE or --input NAME=SHAPE"


def _as_option(shape: re.Match[str]) -> str:
    return f"--input {shape[1].replace(', ', 'x')}"


# As the library writes it, and as the command does. Tests run a call into each.
_SAID: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"pass example=<a real input> to", "pass a real input, --example FILE.npy, to"),
    (r"pass axes=, for example axes=\(1,\) for", "pass --axes, for example --axes 1 for"),
    (r"axes=\S.* doesn't say which input it is for", "--axes doesn't say which input it is for"),
    (r"give a dict from input to axes, with the inputs", "give --axes NAME=AXES, for the inputs"),
    (r"(?<=such as )\((\d+(?:, \d+)+)\)$", _as_option),
    (r"give as many inputs as its forward needs, or a dict by name", _EACH_INPUT),
    (r"^allow lets verdicts pass", "--allow lets verdicts pass"),
    (
        r"^ask for no_unproductive or no_critical with it",
        "ask for --no-unproductive or --no-critical with it",
    ),
    (r"^make min_field no larger than max_field", "make --min-field no larger than --max-field"),
    (r"^(min|max)_(field|stride) is", r"--\1-\2 is"),
    (r"^say which axes are spatial with axes=", "say which axes are spatial with --axes"),
    (r"say which with input=;", "say which with --on;"),
    (r"say which one is measured, such as input='(.*)'", r"say which with --on, such as --on \1"),
    (r"^report\.layers lists them all", "fieldscope analyze lists them all"),
    (r"^name the layers to show$", "name the layers to show with --layer"),
    (r"^leave the position out", "leave --at out"),
    (r'\bengine="builtin"', "--engine builtin"),
    (r"\bfold more with depth=1\b", "fold more with --depth 1"),
    (r"^pass resize=True \(--resize\) to", "pass --resize to"),
)


def for_the_command(message: str) -> str:
    """Say a message's advice in options.

    >>> for_the_command("pass example=<a real input> to follow the branch")
    'pass a real input, --example FILE.npy, to follow the branch'
    """
    for library, command in _SAID:
        message = re.sub(library, command, message, flags=re.MULTILINE)
    return message
