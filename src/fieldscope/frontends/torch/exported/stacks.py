"""Where a call is made: the modules around it and the line of the user's code."""

from __future__ import annotations

from typing import Any

from fieldscope.frontends.torch.exported.form import Module


def modules_in(text: Any) -> tuple[Module, ...]:
    """The modules of `key,path,kind;key,path,kind`; brackets may hold commas of their own."""
    found = []
    for item in text.split(";") if isinstance(text, str) and text else ():
        parts, depth, start = [], 0, 0
        for place, character in enumerate(item):
            depth += (character in "[(") - (character in ")]")
            if character == "," and depth == 0:
                parts.append(item[start:place])
                start = place + 1
        parts.append(item[start:])
        if len(parts) == 3 and not parts[0].startswith("_empty_nn_module_stack"):
            found.append(Module(*parts))
    return tuple(found)


def location_in(stack: Any) -> str | None:
    """file:line of the last line of a stack trace that isn't PyTorch's.

    Example:
        >>> location_in('File "/home/me/net.py", line 7, in forward')
        'net.py:7'
    """
    if not isinstance(stack, str):
        return None
    for line in reversed(stack.splitlines()):
        head, _, rest = line.strip().partition('", line ')
        path = head.removeprefix('File "').replace("\\", "/")
        number = rest.partition(",")[0]
        if head.startswith('File "') and number.isdigit() and not _is_torchs(path):
            return f"{path.rpartition('/')[2]}:{number}"
    return None


def _is_torchs(path: str) -> bool:
    return "site-packages/torch/" in path or path.startswith(("<", "torch/"))
