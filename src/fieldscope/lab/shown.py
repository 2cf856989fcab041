"""What the lab's findings look like at a prompt, in a notebook and as pictures.

Importing this module registers the answers to `fieldscope.media`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fieldscope.lab.comparing.findings import RunComparison
from fieldscope.lab.pages import comparing, probing
from fieldscope.lab.probing.findings import Probing
from fieldscope.media import Result, as_figure, as_html, as_text
from fieldscope.optional import require
from fieldscope.render.document import Document
from fieldscope.render.html import page
from fieldscope.render.layout import text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _register(kind: type[Result], described: Callable[[Any], Document]) -> None:
    @as_text.register(kind)
    def _(found: Any) -> str:
        return text(described(found), max(shutil.get_terminal_size().columns, 40))

    @as_html.register(kind)
    def _(found: Any) -> str:
        return page(described(found))


def _probing_picture(found: Probing, *, title: str | None = None) -> Figure:
    """Draw the accuracy of each layer's probe over the verdicts."""
    require("matplotlib", purpose="drawing probes", extra="lab")
    from fieldscope.lab.pictures import probing as picture

    return picture.draw(found, title=title)


def _comparison_picture(found: RunComparison, *, title: str | None = None) -> Figure:
    """Draw the curves of all runs, and accuracy against compute."""
    require("matplotlib", purpose="drawing runs", extra="lab")
    from fieldscope.lab.pictures import comparing as picture

    return picture.draw(found, title=title)


_register(Probing, probing.described)
as_figure.register(Probing)(_probing_picture)
_register(RunComparison, comparing.described)
as_figure.register(RunComparison)(_comparison_picture)
