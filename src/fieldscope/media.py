"""How a result shows itself, in words and pictures that the render floor supplies.

`repr(report)`, a notebook and `mask.to_image()` ask the result, but a page is made
floors above it. So this floor holds the questions, and `fieldscope.render.shown`
registers the answers, one per kind of result.
"""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

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
