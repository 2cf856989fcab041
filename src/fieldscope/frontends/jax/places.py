"""Which module an equation belongs to, by the name stack that JAX keeps of it.

`jax.named_scope` puts names on a stack while a function is traced; flax's linen does so for every
module, and `modules` for those of other libraries. A scope that is entered again after it was
left is called again: a `Scope` of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from fieldscope.frontends.lowering.program import Scopes
from fieldscope.frontends.naming import Scope

ABSOLUTE = ":"
"""A name that begins so is the whole path of a module, wherever it was called."""

AGAIN = "#"
"""A name that begins so numbers a call of the module in front of it."""

_NUMBERED = re.compile(r"([A-Z]\w*?)_\d+")

Whole = Callable[[str, str], bool]
"""Whether a scope is one layer, by its path and kind."""


class Places(Scopes):
    """The scopes of a jaxpr's equations.

    Args:
        kinds: types of modules by their paths.
        whole: which scopes are one layer.
        roots: names of modules that stand for the whole model: they aren't part of a path.

    Example:
        >>> from jax.extend.source_info_util import new_name_stack
        >>> places = Places({}, lambda path, kind: kind == "Conv", {"Net"})
        >>> stack = new_name_stack().extend("Net").extend("Conv_0")
        >>> found = places.of(places.root, 0, stack.stack)
        >>> found.path, found.kind, found.whole
        ('Conv_0', 'Conv', True)
    """

    def __init__(self, kinds: Mapping[str, str], whole: Whole, roots: Collection[str]) -> None:
        super().__init__()
        self._kinds = kinds
        self._whole = whole
        self._roots = roots
        self._open: dict[int, tuple[Any, Scope]] = {}

    def of(self, base: Scope, walk: int, stack: tuple[Any, ...]) -> Scope:
        """The scope of an equation.

        Args:
            base: scope of what runs the equation's jaxpr.
            walk: number of that run.
            stack: the equation's own name stack.
        """
        scope = base
        for path, key in self._steps(base, stack):
            current = self._open.get(id(scope))
            if current is None or current[0] != (walk, *key):
                kind = self._kind(path)
                inner = Scope(path, kind, scope, scope.depth + 1, whole=self._whole(path, kind))
                scope.children.append(inner)
                current = self._open[id(scope)] = ((walk, *key), inner)
            scope = current[1]
        # What stands behind it in the same scope has left the scopes inside.
        self._open.pop(id(scope), None)
        return scope

    def _steps(self, base: Scope, stack: tuple[Any, ...]) -> list[tuple[str, tuple[str, str]]]:
        """Paths below the base, each with what tells calls of it apart."""
        names: list[list[str]] = []
        for part in stack:
            name = part.name if type(part).__name__ == "Scope" else ""
            if name.startswith(ABSOLUTE):
                own = base.path.split(".") if base.path else []
                whole = name[1:].split(".")
                names = (
                    [[one, ""] for one in whole[len(own) :]]
                    if whole[: len(own)] == own
                    else [[one, ""] for one in whole]
                )
            elif name.startswith(AGAIN):
                if names:
                    names[-1][1] = name
            elif _told(name):
                names.append([name, ""])
        if names and names[0][0] in self._roots and base is self.root:
            names = names[1:]
        found = []
        path = base.path
        for name, call in names:
            path = f"{path}.{name}" if path else name
            found.append((path, (name, call)))
        return found

    def _kind(self, path: str) -> str:
        known = self._kinds.get(path)
        if known is not None:
            return known
        numbered = _NUMBERED.fullmatch(path.rpartition(".")[2])
        return numbered[1] if numbered else "named_scope"


def _told(name: str) -> bool:
    """Whether a name tells a place: einsum writes its formula, equinox types of modules."""
    return bool(name) and "->" not in name and not name.startswith("eqx.")
