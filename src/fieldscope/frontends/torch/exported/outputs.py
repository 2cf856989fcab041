"""Where results stand in what a program returns: "", "[0]", "['aux']"."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

_DEEPEST = 64


def places_of(spec: Any, returned: Sequence[bool]) -> tuple[str | None, ...]:
    """The place of each result of a graph in what the program returns.

    Args:
        spec: nested containers as PyTorch writes them (`treespec_dumps`); anything else leaves
            the results as one flat tuple.
        returned: whether each result is returned, rather than written to a buffer.

    Example:
        >>> leaf = '{"type": null, "context": null, "children_spec": []}'
        >>> pair = '{"type": "builtins.tuple", "context": "null", "children_spec": [%s, %s]}'
        >>> places_of(f"[1, {pair % (leaf, leaf)}]", [False, True, True])
        (None, '[0]', '[1]')
        >>> places_of(None, [True, True])
        ('[0]', '[1]')
    """
    count = sum(returned)
    places: list[str] = []
    if isinstance(spec, str):
        try:
            places = list(_leaves(json.loads(spec)[1], "", 0))
        except (ValueError, TypeError, LookupError, RecursionError):
            places = []
    if len(places) != count:
        places = [f"[{k}]" for k in range(count)] if count > 1 else [""] * count
    ordered = iter(places)
    return tuple(next(ordered) if one else None for one in returned)


def _leaves(spec: Any, place: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        raise ValueError("too deep")
    kind, parts = spec["type"], spec["children_spec"]
    if kind is None:
        yield place
        return
    keys: list[Any] = list(range(len(parts)))
    if kind in ("builtins.dict", "collections.OrderedDict", "collections.defaultdict"):
        context = json.loads(spec["context"])
        keys = context if kind != "collections.defaultdict" else context[1]
    for key, part in zip(keys, parts, strict=True):
        yield from _leaves(part, f"{place}[{key!r}]", depth + 1)
