"""The operators that have a lowering, as a framework's table of lowerings tells them.

The command `fieldscope operators` and the page in docs both read this; neither
has a list of its own.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module

from fieldscope.errors import InputError
from fieldscope.frontends.dispatch import FRONT_ENDS
from fieldscope.frontends.lowering.registry import Lowerings
from fieldscope.optional import require
from fieldscope.wording import listed, meant

CALLED = {
    "torch": "ATen operators",
    "onnx": "ONNX operators",
    "tensorflow": "TensorFlow operations",
    "jax": "JAX primitives",
}
"""What operators are called, by the framework whose table lists them. (Keras has none of its own:
its layers are made of its backend's.)"""


@dataclass(frozen=True, slots=True)
class Lowered:
    """Operators of one rule.

    Attributes:
        names: the framework's names, without namespace; for ATen with the overload where it has
            a rule of its own.
        meaning: what one element of the result reads.
    """

    names: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class Subject:
    """Rules that belong together.

    Attributes:
        name: one word, such as "windows".
        title: what it is about.
        rules: in alphabetical order of their operators.
    """

    name: str
    title: str
    rules: tuple[Lowered, ...]


def table_of(framework: str) -> Lowerings:
    """The table of lowerings of a framework.

    Raises:
        InputError: there is no such table.
        MissingExtraError: the framework isn't installed.
    """
    if framework not in CALLED:
        raise InputError(
            f"there is no table of operators for {framework!r}{meant(framework, list(CALLED))}\n"
            f"there is one for {listed(list(CALLED))}"
        )
    front_end = next(one for name, one in FRONT_ENDS.items() if name == framework)
    require(front_end.package, extra=front_end.extra, purpose=f"listing {CALLED[framework]}")
    home = f"fieldscope.frontends.{framework}.lowering"
    import_module(home)  # fills the table
    table: Lowerings = import_module(f"{home}.registry").TABLE
    return table


def supported(framework: str = "torch") -> tuple[Subject, ...]:
    """All subjects.

    >>> subjects = {subject.name: subject for subject in supported()}
    >>> subjects["windows"].title
    'Convolutions, pooling and their transposes'
    >>> next(rule.meaning for rule in subjects["movement"].rules if "flip" in rule.names)
    'Axes in reverse order'
    """
    by_rule: dict[tuple[str, str], list[str]] = {}
    for name, lower in table_of(framework).rules.items():
        by_rule.setdefault((lower.__module__, _first_line(lower.__doc__)), []).append(name)
    by_module: dict[str, list[Lowered]] = {}
    for (module, meaning), names in by_rule.items():
        rule = Lowered(tuple(sorted(names, key=_order)), meaning)
        by_module.setdefault(module, []).append(rule)
    return tuple(
        Subject(
            module.rpartition(".")[2],
            _first_line(sys.modules[module].__doc__),
            tuple(sorted(rules, key=lambda rule: _order(rule.names[0]))),
        )
        for module, rules in sorted(by_module.items())
    )


def matching(
    subjects: tuple[Subject, ...], pattern: str, framework: str = "torch"
) -> tuple[Subject, ...]:
    """The operators that a pattern names: a name, a subject, part of a name, or a shell pattern.

    >>> [rule.names for one in matching(supported(), "flip") for rule in one.rules]
    [('flip',)]

    Raises:
        InputError: it fits none; the message tells what becomes of an operator of that name.
    """
    text = pattern.removeprefix(f"{table_of(framework).prefix}.")
    names = [name for subject in subjects for rule in subject.rules for name in rule.names]
    wanted = {name for name in names if text in (name, name.partition(".")[0])}
    if not wanted and text in (subject.name for subject in subjects):
        return tuple(subject for subject in subjects if subject.name == text)
    without = None if wanted else _without_rule(text, framework)
    if not wanted and without is None:
        low = text.lower()
        wanted = {n for n in names if fnmatchcase(n, text) or (text and low in n.lower())}
    if not wanted:
        raise InputError(
            without
            or f"no operator is named or matches {text!r}"
            f"{meant(text, [*names, *(subject.name for subject in subjects)])}\n"
            f"subjects are {listed([subject.name for subject in subjects])}"
        )
    found = (
        Subject(subject.name, subject.title, _kept(subject.rules, wanted)) for subject in subjects
    )
    return tuple(subject for subject in found if subject.rules)


def _without_rule(name: str, framework: str) -> str | None:
    """What becomes of an operator without a lowering; None where nothing is known of it."""
    if framework == "torch":
        from fieldscope.frontends.torch.standing import told

        return told(name)
    if framework not in ("onnx", "jax"):
        return None
    home = f"fieldscope.frontends.{framework}"
    import_module(f"{home}.walk")  # fills the table
    if name in import_module(f"{home}.control").CONTROL:
        return (
            f"{framework}.{name} has no rule of its own: it is followed while the model is read\n"
            "analyse a model that uses it to see what it runs"
        )
    return None


def _kept(rules: tuple[Lowered, ...], wanted: set[str]) -> tuple[Lowered, ...]:
    kept = (
        Lowered(tuple(name for name in rule.names if name in wanted), rule.meaning)
        for rule in rules
    )
    return tuple(rule for rule in kept if rule.names)


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0].removesuffix(".")


def _order(name: str) -> str:
    return name.lstrip("_")
