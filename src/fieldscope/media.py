"""How a result shows itself, in words and pictures that the render floor supplies.

`repr(report)`, a notebook and `mask.to_image()` ask the result, but a page is made
floors above it. So this floor holds the questions, and `fieldscope.render.shown`
registers the answers, one per kind of result.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from functools import singledispatch
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@singledispatch
def as_text(result: object) -> str:
    """Show a result as lines of text; its kind alone, where nothing is registered.

    >>> as_text(complex(1, 2))
    '<complex>'
    """
    return f"<{type(result).__name__}>"


@singledispatch
def as_html(result: object) -> str | None:
    """Show a result as an HTML fragment; None, where nothing is registered.

    >>> as_html(complex(1, 2)) is None
    True
    """
    del result
    return None


@singledispatch
def as_figure(result: object, **options: Any) -> Figure:
    """Show a result as a picture.

    >>> as_figure(complex(1, 2))
    Traceback (most recent call last):
    TypeError: there is no picture of a complex
    """
    del options
    raise TypeError(f"there is no picture of a {type(result).__name__}")


Engine: TypeAlias = Literal["dot", "builtin"]
"""What lays a graph out: Graphviz's `dot`, or the layout that needs nothing."""


@singledispatch
def as_drawing(result: object, format: str, *, engine: Engine | None = None) -> bytes:
    """Draw a result as a graph, as the bytes of a file.

    >>> as_drawing(complex(1, 2), "svg")
    Traceback (most recent call last):
    TypeError: there is no graph of a complex
    """
    del format, engine
    raise TypeError(f"there is no graph of a {type(result).__name__}")


@singledispatch
def as_saved(
    result: object,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    engine: Engine | None = None,
) -> None:
    """Save the drawing of a result as a graph.

    >>> as_saved(complex(1, 2), "net.svg")
    Traceback (most recent call last):
    TypeError: there is no graph of a complex
    """
    del path, format, engine
    raise TypeError(f"there is no graph of a {type(result).__name__}")


class Result(ABC):
    """What every finding has: a page at a prompt and in a notebook, plain data, a picture.

    Its page and its picture are registered by `fieldscope.render.shown`.
    """

    __slots__ = ()

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The finding as plain data, under a schema of its own."""

    def to_json(self, indent: int | None = None) -> str:
        """The finding as JSON text."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def to_image(self, **options: Any) -> Figure:
        """Draw the finding; see `docs/pictures.md`.

        Raises:
            MissingExtraError: matplotlib isn't installed.
        """
        return as_figure(self, **options)

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str | None:
        return as_html(self)
