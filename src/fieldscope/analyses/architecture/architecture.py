"""A network as a drawing: boxes for layers and folded modules, frames, and what flows where."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from fieldscope.analyses.export import field_data
from fieldscope.analyses.fields import Field
from fieldscope.analyses.inputs import Extents
from fieldscope.analyses.layers import InputInfo, Shape
from fieldscope.analyses.verdicts import VERDICTS, Verdict
from fieldscope.geometry.sliding import Sliding
from fieldscope.media import Engine, Result, as_drawing, as_saved
from fieldscope.version import __version__

Kind: TypeAlias = Literal["input", "layer", "container", "output"]
# The verdict that stands for several.
WORST: tuple[Verdict, ...] = (
    "unproductive",
    "critical",
    "partly critical",
    "productive",
    "not widening",
)


@dataclass(frozen=True, slots=True)
class Box:
    """What is drawn as one box.

    Attributes:
        id: its name in the drawing, "n0" on.
        kind: an input, a layer (with those merged into it), a folded container or an output.
        name: path of the layer or container; of an output its place.
        cluster: the innermost frame that it stands in; None for none.
        operator: canonical operator of a layer; else its kind.
        source: the framework's operator, or a container's class.
        window: a layer's window per axis, where it has one.
        shape: shape of what it hands on, with batch.
        fields: what its positions read of each input that has spatial axes.
        exact: whether those are exact; else they are bounds.
        verdict: the worst of its layers' verdicts; None where no layer is judged.
        verdicts: how many of its layers have each verdict.
        layers: names of its layers, in execution order; of repeated blocks those of all.
        merged: sources of the layers that a layer's box holds beside its own.
        repeats: names of the alike blocks that stand in a row as this box; () for a single one.
        first: fields of the first of those blocks (`fields` are those of the last).
        macs: multiply-accumulates of its layers.
        parameters: learnable parameters of its layers.
    """

    id: str
    kind: Kind
    name: str
    cluster: str | None
    operator: str
    source: str
    shape: Shape
    fields: Mapping[str, Field]
    exact: bool = True
    window: tuple[Sliding, ...] = ()
    verdict: Verdict | None = None
    verdicts: Mapping[Verdict, int] | None = None
    layers: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    repeats: tuple[str, ...] = ()
    first: Mapping[str, Field] | None = None
    macs: int = 0
    parameters: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The box as plain data."""
        entry: dict[str, Any] = {
            "id": self.id,
            "kind": self.kind,
            "name": self.name,
            "cluster": self.cluster,
            "operator": self.operator,
            "source": self.source,
            "shape": list(self.shape),
            "fields": {name: field_data(field) for name, field in self.fields.items()},
            "exact": self.exact,
            "verdict": self.verdict,
            "verdicts": {verdict: (self.verdicts or {}).get(verdict, 0) for verdict in VERDICTS},
            "layers": list(self.layers),
            "macs": self.macs,
            "parameters": self.parameters,
        }
        if self.window:
            entry["window"] = {
                "kernel": [one.kernel for one in self.window],
                "stride": [one.stride for one in self.window],
                "dilation": [one.dilation for one in self.window],
            }
        if self.repeats:
            entry["repeats"] = list(self.repeats)
        return entry


@dataclass(frozen=True, slots=True)
class Cluster:
    """A container that is drawn as a frame.

    Attributes:
        id: its name in the drawing, "c0" on.
        name: path of the container.
        source: its class; empty where it is only the beginning of paths.
        parent: the frame around it; None for none.
    """

    id: str
    name: str
    source: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class Edge:
    """A flow from one box to another.

    Attributes:
        source: id of the box that it comes from.
        target: id of the box that reads it.
        context: whether it is context alone: alike for all positions of the target.
    """

    source: str
    target: str
    context: bool = False


@dataclass(frozen=True, repr=False)
class ArchitectureGraph(Result):
    """A network as a graph to be drawn, its boxes marked by whether they can add context.

    Attributes:
        model: name of the model.
        inputs: its inputs.
        extents: the extents that verdicts are for, by input; empty where no input has
            spatial axes.
        depth: the depth at which containers are folded into boxes; None where none is.
        boxes: in execution order, inputs first and outputs last.
        clusters: the frames, outer ones first.
        edges: in the order of the boxes that they come from.
        hidden: layers that have no box: those that only pass an input on.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv1d(1, 4, 5), nn.ReLU(), nn.Conv1d(4, 1, 3, padding=1))
        >>> found = fieldscope.architecture(net, (1, 1, 6))
        >>> [(box.name, box.verdict, box.merged) for box in found.boxes if box.layers]
        [('0', 'productive', ('aten.relu',)), ('2', 'critical', ())]
        >>> [(edge.source, edge.target) for edge in found.edges]
        [('n0', 'n1'), ('n1', 'n2'), ('n2', 'n3')]
        >>> found.to_svg(engine="builtin")[:5]
        '<?xml'
    """

    model: str
    inputs: tuple[InputInfo, ...]
    extents: Mapping[str, Extents]
    depth: int | None
    boxes: tuple[Box, ...]
    clusters: tuple[Cluster, ...]
    edges: tuple[Edge, ...]
    hidden: tuple[str, ...] = ()

    def judged(self, verdict: Verdict) -> int:
        """The number of layers of one verdict."""
        return sum((box.verdicts or {}).get(verdict, 0) for box in self.boxes)

    def to_dot(self) -> str:
        """The graph in Graphviz's language; nothing needs to be installed."""
        return as_drawing(self, "dot").decode("utf-8")

    def to_svg(self, *, engine: Engine | None = None) -> str:
        """The drawing as SVG.

        Args:
            engine: "dot" for Graphviz, "builtin" for the layout that needs nothing; by default
                Graphviz where it is installed, for up to 600 arrows.

        Raises:
            InputError: there is no such engine, or Graphviz fails.
            MissingExtraError: Graphviz is asked for and isn't installed.
        """
        return as_drawing(self, "svg", engine=engine).decode("utf-8")

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        format: str | None = None,
        engine: Engine | None = None,
    ) -> None:
        """Save the drawing, whole or not at all.

        Args:
            path: a file that ends in .svg, .pdf, .png or .dot (.gv).
            format: one of these, where the file ends otherwise.
            engine: as for `to_svg`; PDF and PNG are drawn by Graphviz.

        Raises:
            InputError: the file can't be written, or the format isn't known.
            MissingExtraError: Graphviz is needed and isn't installed.
        """
        as_saved(self, path, format=format, engine=engine)

    def to_dict(self) -> dict[str, Any]:
        """The graph as plain data, schema `fieldscope.architecture/1`."""
        return {
            "schema": "fieldscope.architecture/1",
            "version": __version__,
            "model": self.model,
            "inputs": [
                {
                    "name": info.name,
                    "shape": list(info.shape),
                    "axes": list(info.axes),
                    "extents": list(self.extents.get(info.name, ())) or None,
                }
                for info in self.inputs
            ],
            "depth": self.depth,
            "summary": {verdict: self.judged(verdict) for verdict in VERDICTS},
            "nodes": [box.to_dict() for box in self.boxes],
            "edges": [
                {"source": edge.source, "target": edge.target, "context": edge.context}
                for edge in self.edges
            ],
            "clusters": [
                {"id": one.id, "name": one.name, "source": one.source, "parent": one.parent}
                for one in self.clusters
            ],
        }

    def _repr_svg_(self) -> str:
        return self.to_svg()
