"""The operators that have a lowering, as the table of lowerings tells them.

The command `fieldscope operators` and the page in docs both read this; neither
has a list of its own.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

import torch

from fieldscope.errors import InputError
from fieldscope.frontends.torch.lowering import LOWERINGS
from fieldscope.wording import listed, meant

Standing: TypeAlias = Literal["composite", "opaque", "unknown"]


@dataclass(frozen=True, slots=True)
class Lowered:
    """Operators of one rule.

    Attributes:
        names: ATen names, without namespace; with the overload where it has a rule of its own.
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


def supported() -> tuple[Subject, ...]:
    """All subjects.

    >>> subjects = {subject.name: subject for subject in supported()}
    >>> subjects["windows"].title
    'Convolutions, pooling and their transposes'
    >>> next(rule.meaning for rule in subjects["movement"].rules if "flip" in rule.names)
    'Axes in reverse order'
    """
    by_rule: dict[tuple[str, str], list[str]] = {}
    for name, lower in LOWERINGS.items():
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


def matching(subjects: tuple[Subject, ...], pattern: str) -> tuple[Subject, ...]:
    """The operators that a pattern names: a name, a subject, part of a name, or a shell pattern.

    >>> [rule.names for one in matching(supported(), "flip") for rule in one.rules]
    [('flip',)]

    Raises:
        InputError: it fits none; the message tells what becomes of an operator of that name.
    """
    text = pattern.removeprefix("aten.")
    names = [name for subject in subjects for rule in subject.rules for name in rule.names]
    wanted = {name for name in names if text in (name, name.partition(".")[0])}
    if not wanted and text in (subject.name for subject in subjects):
        return tuple(subject for subject in subjects if subject.name == text)
    if not wanted and standing(text) == "unknown":
        wanted = {name for name in names if fnmatchcase(name, text) or (text and text in name)}
    if not wanted:
        raise InputError(_none(text, names, [subject.name for subject in subjects]))
    found = (
        Subject(subject.name, subject.title, _kept(subject.rules, wanted)) for subject in subjects
    )
    return tuple(subject for subject in found if subject.rules)


def standing(name: str) -> Standing:
    """What becomes of an operator without a lowering.

    Returns:
        "composite" where PyTorch takes it apart into others before it is recorded,
        "opaque" where its result is a bound, "unknown" where there is no such operator.
    """
    operator = (
        getattr(torch.ops.aten, name.partition(".")[0], None) if name.isidentifier() else None
    )
    if not isinstance(operator, torch._ops.OpOverloadPacket):
        return "unknown"
    composite = torch._C._dispatch_has_kernel_for_dispatch_key
    overloads = [getattr(operator, one)._schema for one in operator.overloads()]
    texts = [
        schema.name + "." * bool(schema.overload_name) + schema.overload_name
        for schema in overloads
    ]
    if any(composite(text, "CompositeImplicitAutograd") for text in texts):
        return "composite"
    return "opaque"


def _none(text: str, names: list[str], subjects: list[str]) -> str:
    match standing(text):
        case "composite":
            return (
                f"aten.{text} has no rule of its own: PyTorch takes it apart into other operators, "
                "and those are looked up\nanalyse a model that uses it to see which"
            )
        case "opaque":
            return f"aten.{text} has no rule: what it returns is a bound, and a report says so"
        case "unknown":
            return (
                f"no operator is named or matches {text!r}{meant(text, [*names, *subjects])}\n"
                f"subjects are {listed(subjects)}"
            )


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
