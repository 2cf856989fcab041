"""What a report looks like at a prompt and in a notebook.

Importing this module registers the answers to `fieldscope.media`.
"""

from __future__ import annotations

import shutil

from fieldscope.analyses.layers import Report
from fieldscope.media import as_html, as_text
from fieldscope.render.document import describe
from fieldscope.render.html import page
from fieldscope.render.layout import text
from fieldscope.render.selection import select

# About a screen; a report of hundreds of rows would push the prompt out of sight.
_MOST_ROWS = 32


@as_text.register
def report_as_text(report: Report) -> str:
    """Show a report at a prompt, folded until it is about a screen long."""
    width = shutil.get_terminal_size().columns
    return text(describe(report, depth=_depth(report)), max(width, 40))


@as_html.register
def report_as_html(report: Report) -> str:
    """Show a report in a notebook, whole."""
    return page(describe(report))


def _depth(report: Report) -> int | None:
    """Give the depth at which as much is shown as fits; None for all."""
    deepest = max((layer.name.count(".") for layer in report.layers), default=0) + 1
    for depth in range(deepest, 0, -1):
        if len(select(report, depth=depth).layers) <= _MOST_ROWS:
            return depth
    return 1
