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

    def lowers(self, *names: str) -> Callable[[Rule], Rule]:
        """Register a rule for operators.

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
            return rule

        return register

    def find(self, name: str) -> Rule | None:
        """The rule for an operator; None if there is none."""
        return self.rules.get(name)


def _place(rule: Rule) -> str:
    code = rule.__code__
    return f"{rule.__module__}.{rule.__qualname__} (line {code.co_firstlineno})"
