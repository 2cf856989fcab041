"""The list of supported operators as lines of a page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Protocol

from fieldscope.render.layout import Line, Span
from fieldscope.wording import counted

# From this width on, what operators read stands beside their names.
_WIDE = 100
_MOST_LINES = 6
_INDENT = " " * 4
_GAP = "  "


class Rule(Protocol):
    """Operators that read alike; a front end has them."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the operators."""

    @property
    def meaning(self) -> str:
        """What one element of the result reads."""


class Subject(Protocol):
    """Rules that belong together; a front end has them."""

    @property
    def name(self) -> str:
        """One word."""

    @property
    def title(self) -> str:
        """What it is about."""

    @property
    def rules(self) -> Sequence[Rule]:
        """The rules."""


def grouped(subjects: Sequence[Subject], width: int, title: str) -> Iterator[Line]:
    """Lay operators out by subject, under a title: names, and what they read below."""
    count = sum(len(rule.names) for subject in subjects for rule in subject.rules)
    yield (Span(title, "title"), Span(f"  {count} with a rule", "subtitle"))
    for subject in subjects:
        yield ()
        for line in textwrap.wrap(f"{subject.title} ({subject.name})", width):
            yield (Span(line, "head"),)
        yield (Span("─" * width, "rule"),)
        for rule in subject.rules:
            yield from _beside(rule, width) if width >= _WIDE else _below(rule, width)


def _below(rule: Rule, width: int) -> Iterator[Line]:
    """Names, and what they read on the lines below."""
    for line in _wrapped(_GAP.join(rule.names), width):
        yield (Span(line, "name"),)
    for line in _wrapped(rule.meaning, width - len(_INDENT)):
        yield (Span(_INDENT), Span(line, "note"))


def _beside(rule: Rule, width: int) -> Iterator[Line]:
    """Names at the left and what they read at the right; below, if the names are many."""
    left = width * 2 // 5
    names = _wrapped(_GAP.join(rule.names), left)
    if len(names) > _MOST_LINES:
        yield from _below(rule, width)
        return
    texts = _wrapped(rule.meaning, width - left - len(_GAP))
    for name, text in zip_longest(names, texts, fillvalue=""):
        yield (Span(f"{name.ljust(left)}{_GAP}", "name"), Span(text, "note"))


def each(subjects: Sequence[Subject]) -> Iterator[Line]:
    """Lay operators out one to a line, in columns, for programs to read."""
    rows = [
        (name, subject.name, rule.meaning)
        for subject in subjects
        for rule in subject.rules
        for name in rule.names
    ]
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:2]]
    for name, subject, meaning in rows:
        yield (
            Span(name.ljust(widths[0]), "name"),
            Span(f"{_GAP}{subject.ljust(widths[1])}{_GAP}", "quiet"),
            Span(meaning, "text"),
        )


def markdown(subjects: Sequence[Subject], title: str) -> str:
    """Write the operators as tables of a part of a page of Markdown."""
    count = sum(len(rule.names) for subject in subjects for rule in subject.rules)
    parts = [f"## {title}\n\n{counted(count, 'operator')}.\n"]
    for subject in subjects:
        parts.append(
            f"### {subject.title}\n\n| operators | an element of the result reads |\n|---|---|"
        )
        for rule in subject.rules:
            names = " ".join(f"`{name}`" for name in rule.names)
            parts.append(f"| {names} | {rule.meaning.replace('|', chr(92) + '|')} |")
        parts.append("")
    return "\n".join(parts)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
