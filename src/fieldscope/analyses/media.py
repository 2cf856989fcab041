"""How a report shows itself, in words that the render floor supplies.

`repr(report)` and a notebook ask the report, but a page is made two floors
up. So this floor holds the questions, and `fieldscope.render.shown` registers
the answers, one per kind of report.
"""

from __future__ import annotations

from functools import singledispatch


@singledispatch
def as_text(report: object) -> str:
    """Show a report as lines of text; its kind alone, where nothing is registered.

    >>> as_text(complex(1, 2))
    '<complex>'
    """
    return f"<{type(report).__name__}>"


@singledispatch
def as_html(report: object) -> str | None:
    """Show a report as an HTML fragment; None, where nothing is registered.

    >>> as_html(complex(1, 2)) is None
    True
    """
    del report
    return None
