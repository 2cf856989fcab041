"""Pictures of a network's structure: its graph, its joins, and how its input is covered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fieldscope.optional import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fieldscope.analyses.alignment import Alignment
    from fieldscope.analyses.architecture import ArchitectureGraph
    from fieldscope.analyses.coverage import Coverage


def alignment_picture(found: Alignment, *, title: str | None = None) -> Figure:
    """Draw where the branches of each join are centred, against the first one of each.

    Joins whose fields have no centre are left out; of many joins, those out of line are shown.

    Args:
        found: what `fieldscope.alignment` gave.
        title: instead of the model's name.

    Raises:
        InputError: no joins can be compared.
        MissingExtraError: matplotlib isn't installed.

    Example:
        >>> import fieldscope
        >>> b = fieldscope.Builder()
        >>> x = b.input((1, 1, 16))
        >>> _ = b.add(b.conv(x, 2, padding=((0, 1),)), x, name="join")
        >>> figure = alignment_picture(fieldscope.alignment(b))
        >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
        ['join']
    """
    require("matplotlib", extra="plot", purpose="drawing joins")
    from fieldscope.render.pictures import alignment

    return alignment.draw(found, title=title)


def coverage_picture(found: Coverage, *, title: str | None = None) -> Figure:
    """Draw how often each input element is read, and the patterns far from the borders.

    One axis is drawn as a strip, two as a plane, three as the slice through the middle of the
    first. What no position reads has a colour of its own.

    Args:
        found: what `fieldscope.coverage` gave.
        title: instead of the layer and its model.

    Raises:
        InputError: there are more than three axes.
        MissingExtraError: matplotlib isn't installed.

    Example:
        >>> import fieldscope
        >>> b = fieldscope.Builder()
        >>> _ = b.conv(b.input((1, 1, 12, 16)), 2, stride=3)
        >>> figure = coverage_picture(fieldscope.coverage(b))
        >>> [axes.get_title(loc="left") for axes in figure.axes]
        ['reads, 1 each', 'reads, far from borders', 'ways to positions']
    """
    require("matplotlib", extra="plot", purpose="drawing a coverage")
    from fieldscope.render.pictures import coverage

    return coverage.draw(found, title=title)


def architecture_picture(found: ArchitectureGraph) -> Figure:
    """Draw a network's graph, by the layout that needs no Graphviz.

    Args:
        found: what `fieldscope.architecture` gave.

    Raises:
        MissingExtraError: matplotlib isn't installed.

    Example:
        >>> import fieldscope, torch
        >>> found = fieldscope.architecture(torch.nn.Conv1d(1, 1, 3), (1, 1, 32))
        >>> [text.get_text() for text in architecture_picture(found).axes[0].texts][-2:]
        ['field 3, stride 1', '1×1×30']
    """
    require("matplotlib", extra="plot", purpose="drawing a graph")
    from fieldscope.render.pictures import architecture

    return architecture.draw(found)
