"""Drawing a network as a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fieldscope.api.analysis import _reported

if TYPE_CHECKING:
    import os

    from fieldscope.analyses.architecture import ArchitectureGraph
    from fieldscope.analyses.inputs import Wanted
    from fieldscope.analyses.layers import Report
    from fieldscope.api.analysis import Model
    from fieldscope.media import Engine


def architecture(
    model: Model | Report,
    inputs: Any = None,
    *,
    path: str | os.PathLike[str] | None = None,
    depth: int | None = None,
    input: Wanted = None,
    all: bool = False,
    format: str | None = None,
    engine: Engine | None = None,
    axes: Sequence[int] | Mapping[str, Any] | None = None,
    example: Any = None,
) -> ArchitectureGraph:
    """Draw a network as a graph: its modules as frames, its layers marked by their verdicts.

    Boxes are red with a double border where a layer can add no context (unproductive), orange
    and bold where it is critical, yellow and dashed where it is so on some axes only; see
    `productivity`. Each says its operator, its field, its stride and its shape. What all
    positions of a layer read alike (context) flows along dashed arrows.

    Args:
        model: a model as for `analyze`, or the report of one.
        inputs: the shape of the input with batch, as for `analyze`; none for a report.
        path: a file to save it to, that ends in .svg, .pdf, .png or .dot.
        depth: containers that stand as deep are folded into boxes (1: the outermost), which have
            the worst verdict of their layers; by default the deepest folding of at most 40 boxes.
        input: input, or extents, that verdicts are for; see `productivity`. By default all
            inputs, of which the worst verdict counts.
        all: draw layers that hand on what they receive (activations, norms, reshapes), which are
            otherwise merged into the layer before them, and each of several alike blocks in a
            row, which are otherwise one box ("×8").
        format: "svg", "pdf", "png" or "dot", where the file ends otherwise.
        engine: "dot" for Graphviz, "builtin" for a layout that needs nothing and draws SVG; by
            default Graphviz; for SVG without it, or of over 600 arrows, the other.
        axes: the spatial axes of the input; see `analyze`.
        example: real inputs to run instead of shapes; see `analyze`.

    Returns:
        The graph: `.save("net.pdf")`, `.to_svg()`, `.to_dot()`, `.boxes`, `.edges`, `.to_json()`;
        it shows itself in notebooks.

    Raises:
        InputError: the inputs, the depth or the file don't fit.
        ModelError: the model fails on such inputs.
        TraceError: the forward depends on values; pass an example.
        MissingExtraError: Graphviz, or the model's framework, is needed and isn't installed.

    Example:
        >>> from torch import nn
        >>> last = nn.Conv2d(4, 4, 3, padding=1)
        >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), last)
        >>> graph = architecture(net, (1, 1, 12, 6))
        >>> [(box.name, box.verdict) for box in graph.boxes if box.layers]
        [('0', 'productive'), ('2', 'productive'), ('3', 'partly critical')]
        >>> graph.to_dot()[:17]
        'digraph "Sequenti'
    """
    from fieldscope.analyses.architecture.boxes import architecture_of
    from fieldscope.render import shown  # noqa: F401  # registers how findings show themselves

    if path is not None:
        # Said before the work; what can't be saved isn't worth waiting for.
        from fieldscope import writing
        from fieldscope.render.architecture import drawable, format_of

        drawable(format_of(path, format), engine)
        writing.check(path)
    report = _reported(model, inputs, axes=axes, example=example)
    found = architecture_of(report, input, depth=depth, all=all)
    if path is not None:
        found.save(path, format=format, engine=engine)
    return found
