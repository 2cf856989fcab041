"""A table of lowerings: the only list of a framework's operators that are supported.

Each front end has one. A lowering is a function `rule(call, ...)` that adds canonical nodes
through `call` and returns the value of the result, a tuple of values where there are several
(None for a result that reads nothing).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from fieldscope.errors import RegistrationError

Rule: TypeAlias = Callable[..., Any]


class Lowerings:
    """The rules of one framework, by the names of its operators.

    Attributes:
        prefix: what stands in front of an operator's name when it is told: "aten".
        rules: from the name to the rule.
        shapes: from the name to a function that tells the results' shapes, where the
            framework's own is slow, wrong or missing.

    Example:
        >>> table = Lowerings("toy")
        >>> @table.lowers("relu", "tanh")
        ... def pointwise(call, x): "The same position."
        >>> table.find("tanh") is pointwise, table.find("conv")
        (True, None)
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.rules: dict[str, Rule] = {}
        self.shapes: dict[str, Callable[..., Any]] = {}

    def lowers(
        self, *names: str, shapes: Callable[..., Any] | None = None
    ) -> Callable[[Rule], Rule]:
        """Register a rule for operators.

        Args:
            names: the operators, as the front end names them.
            shapes: what tells their results' shapes, if the framework isn't to.

        Raises:
            RegistrationError: one of the names is taken.
        """

        def register(rule: Rule) -> Rule:
            for name in names:
                if name in self.rules:
                    raise RegistrationError(
                        f"two lowerings for {self.prefix}.{name}: "
                        f"{_place(self.rules[name])} and {_place(rule)}"
                        "\nremove one, or register an overload by its full name"
                    )
                self.rules[name] = rule
                if shapes is not None:
                    self.shapes[name] = shapes
            return rule

        return register

    def find(self, name: str) -> Rule | None:
        """The rule for an operator; None if there is none."""
        return self.rules.get(name)


def _place(rule: Rule) -> str:
    code = rule.__code__
    return f"{rule.__module__}.{rule.__qualname__} (line {code.co_firstlineno})"
