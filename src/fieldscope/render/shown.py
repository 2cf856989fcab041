"""What reports and maps look like at a prompt, in a notebook and as pictures.

Importing this module registers the answers to `fieldscope.media`.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from fieldscope.analyses.alignment import Alignment
from fieldscope.analyses.check import Check
from fieldscope.analyses.comparison import Comparison
from fieldscope.analyses.coverage import Coverage
from fieldscope.analyses.effective import EffectiveComparison
from fieldscope.analyses.growth import Growth
from fieldscope.analyses.layers import Report
from fieldscope.analyses.productivity import Productivity
from fieldscope.analyses.resolution import Resolution
from fieldscope.analyses.verification import Verification
from fieldscope.errors import InputError, MissingExtraError
from fieldscope.geometry.maps import InputMap
from fieldscope.measure.effective import EffectiveField
from fieldscope.media import Result, as_figure, as_html, as_text
from fieldscope.redesign.refinement import Refinement
from fieldscope.render import (
    alignment,
    check,
    comparison,
    coverage,
    effective,
    growth,
    maps,
    pictures,
    productivity,
    refinement,
    resolution,
)
from fieldscope.render.architecture import answers  # noqa: F401  # registers those of graphs
from fieldscope.render.document import Document, describe
from fieldscope.render.html import page
from fieldscope.render.layout import text
from fieldscope.render.selection import select
from fieldscope.render.verification import described as verification

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


# Registered by class and not by annotation, which would have to find `Figure` where
# matplotlib may not be installed.
@as_figure.register(Report)
def report_as_figure(report: Report, **options: Any) -> Figure:
    """Show a report as the growth of its fields."""
    return pictures.growth_curve(report, **options)


@as_text.register
def verification_as_text(found: Verification) -> str:
    """Show a verification at a prompt; of many layers only those that don't agree."""
    page = verification(found, all=len(found.checks) <= _MOST_ROWS)
    return text(page, max(shutil.get_terminal_size().columns, 40))


@as_html.register
def verification_as_html(found: Verification) -> str:
    """Show a verification in a notebook, whole."""
    return page(verification(found))


def _register(
    kind: type[Result] | type[InputMap],
    described: Callable[[Any], Document],
    drawn: Callable[..., Figure] | None = None,
) -> None:
    """Let a kind of finding show itself by its document, and draw itself by its picture."""

    @as_text.register(kind)
    def _(found: Any) -> str:
        return text(described(found), max(shutil.get_terminal_size().columns, 40))

    @as_html.register(kind)
    def _(found: Any) -> str:
        return page(described(found))

    if drawn is not None:
        as_figure.register(kind)(drawn)


_register(Productivity, productivity.described, pictures.productivity_picture)
_register(Resolution, resolution.described, pictures.resolution_picture)
_register(Comparison, comparison.described, pictures.comparison_picture)
_register(Growth, growth.described, pictures.shares_picture)
_register(Check, check.described, pictures.check_picture)
_register(Alignment, alignment.described, pictures.alignment_picture)
_register(Coverage, coverage.described, pictures.coverage_picture)
_register(Refinement, refinement.described, pictures.refinement_picture)
_register(EffectiveField, effective.described, pictures.effective_picture)
_register(EffectiveComparison, effective.compared, pictures.effective_fields_picture)


@as_text.register
def map_as_text(found: InputMap) -> str:
    """Show a map at a prompt, by its numbers."""
    return "\n".join(maps.lines(found))


@as_html.register
def map_as_html(found: InputMap) -> str:
    """Show a map in a notebook: its numbers, and its picture where one can be drawn."""
    lines = f"<pre>{escape(map_as_text(found))}</pre>"
    return f'<div class="fieldscope">{_embedded(found)}{lines}</div>'


@as_figure.register(InputMap)
def map_as_figure(found: InputMap, **options: Any) -> Figure:
    """Show a map over its input."""
    return pictures.field_picture(found, **options)


def _embedded(found: InputMap) -> str:
    try:
        figure = map_as_figure(found)
    except (InputError, MissingExtraError):
        return ""
    picture = base64.b64encode(pictures.png(figure, dpi=90)).decode("ascii")
    return f'<img alt="{escape(maps.facts(found))}" src="data:image/png;base64,{picture}">'


def _depth(report: Report) -> int | None:
    """Give the depth at which as much is shown as fits; None for all."""
    deepest = max((layer.name.count(".") for layer in report.layers), default=0) + 1
    for depth in range(deepest, 0, -1):
        if len(select(report, depth=depth).layers) <= _MOST_ROWS:
            return depth
    return 1
