"""Laying out a drawing frame by frame, the inner ones first.

What goes in or out of a frame does so at a port of its own, so that inside each frame lines keep
to their lanes as they do outside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from fieldscope.analyses.architecture import ArchitectureGraph, Edge
from fieldscope.render.architecture.builtin.layered import Flow, Hop, Net, Thing, laid_out

SIDE = 12.0
HEAD = 24.0
FOOT = 12.0

Size = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Area:
    """Where something stands: its upper left corner, and its size."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a line: its ends, the heights between which it bends, and whether it arrives."""

    net: Net
    start: tuple[float, float]
    end: tuple[float, float]
    bends: tuple[float, float]
    arrives: bool


@dataclass
class Plan:
    """Where all of a drawing stands; frames are in order, outer ones first."""

    width: float = 0.0
    height: float = 0.0
    boxes: dict[str, Area] = field(default_factory=dict)
    frames: dict[str, Area] = field(default_factory=dict)
    pieces: list[Piece] = field(default_factory=list)
    # Flows back to what ran before, which no rank can hold.
    back: list[Edge] = field(default_factory=list)


def planned(
    graph: ArchitectureGraph, box: Callable[[str], Size], title: Callable[[str], float]
) -> Plan:
    """Lay a drawing out.

    Args:
        graph: what is drawn.
        box: width and height of a box.
        title: width of a frame's title.
    """
    return _Nested(graph, box, title).planned()


@dataclass
class _Frame:
    """A frame whose inside is laid out, in its own coordinates."""

    thing: Thing
    children: dict[str, Thing]
    pieces: list[Piece]


class _Nested:
    def __init__(
        self, graph: ArchitectureGraph, box: Callable[[str], Size], title: Callable[[str], float]
    ) -> None:
        self._graph = graph
        self._size = box
        self._title = title
        parents = {one.id: one.parent for one in graph.clusters}
        self._paths = {one.id: self._path(one.id, one.cluster, parents) for one in graph.boxes}
        self._boxes = {one.id for one in graph.boxes}
        # Children of each frame (None: the whole) in the order of the boxes in them.
        self._children: dict[str | None, dict[str, None]] = {}
        for path in self._paths.values():
            for parent, child in zip((None, *path), path, strict=False):
                self._children.setdefault(parent, {})[child] = None
        self._order = {
            child: place
            for children in self._children.values()
            for place, child in enumerate(children)
        }
        self._frames: dict[str | None, _Frame] = {}
        self._nets: dict[Net, list[str]] = {}
        self._back: list[Edge] = []
        for edge in graph.edges:
            if self._goes_back(edge):
                self._back.append(edge)
            else:
                self._nets.setdefault((edge.source, edge.context), []).append(edge.target)

    @staticmethod
    def _path(box: str, cluster: str | None, parents: Mapping[str, str | None]) -> tuple[str, ...]:
        """The frames around a box, outermost first, and the box."""
        path = [box]
        while cluster is not None:
            path.append(cluster)
            cluster = parents[cluster]
        return tuple(reversed(path))

    def _goes_back(self, edge: Edge) -> bool:
        pairs = zip(self._paths[edge.source], self._paths[edge.target], strict=False)
        one, other = next(((a, b) for a, b in pairs if a != b), (edge.source, edge.target))
        return self._order[one] >= self._order[other]

    def planned(self) -> Plan:
        # Inner frames come behind outer ones, so they are laid out from the end.
        for cluster in reversed(self._graph.clusters):
            self._lay(cluster.id)
        self._lay(None)
        plan = Plan(back=self._back)
        whole = self._frames[None].thing
        plan.width, plan.height = whole.width, whole.height
        self._collect(None, 0.0, 0.0, plan)
        return plan

    def _lay(self, frame: str | None) -> None:
        children = {
            name: self._frames[name].thing if name in self._frames else Thing(*self._size(name))
            for name in self._children.get(frame, ())
        }
        entries: dict[Net, Thing] = {}
        exits: dict[Net, Thing] = {}
        flows = [
            flow
            for net, targets in self._nets.items()
            if (flow := self._flow(frame, net, targets, children, entries, exits)) is not None
        ]
        level = laid_out(
            list(children.values()),
            flows,
            first=list(entries.values()),
            last=list(exits.values()),
        )
        left, top, foot = (SIDE, HEAD, FOOT) if frame is not None else (0.0, 0.0, 0.0)
        width = level.width + 2 * left
        if frame is not None and (lacking := self._title(frame) + 2 * SIDE - width) > 0:
            left, width = left + lacking / 2, width + lacking
        height = level.height + top + foot
        names = {thing: name for name, thing in children.items()}
        for thing in (*children.values(), *entries.values(), *exits.values()):
            thing.x, thing.y = thing.x + left, thing.y + top
        pieces = [self._piece(hop, names, left, top) for hop in level.hops]
        ports: list[tuple[Net, Thing, float, float]] = [
            *((net, port, 0.0, port.y) for net, port in entries.items()),
            *((net, port, port.y, height) for net, port in exits.items()),
        ]
        for net, port, start, end in ports:
            pieces.append(Piece(net, (port.x, start), (port.x, end), (start, end), False))
        self._frames[frame] = _Frame(
            Thing(
                width,
                height,
                {net: port.x for net, port in entries.items()},
                {net: port.x for net, port in exits.items()},
            ),
            children,
            pieces,
        )

    def _flow(
        self,
        frame: str | None,
        net: Net,
        targets: list[str],
        children: Mapping[str, Thing],
        entries: dict[Net, Thing],
        exits: dict[Net, Thing],
    ) -> Flow | None:
        """What a net is inside a frame: between its children, in from above, out below."""
        inside = self._child(net[0], frame)
        reached = dict.fromkeys(self._child(target, frame) for target in targets)
        things = [children[name] for name in reached if name is not None and name != inside]
        if inside is not None and None in reached:
            exits[net] = Thing()
            things.append(exits[net])
        if not things:
            return None
        if inside is None:
            entries[net] = Thing()
        source = entries[net] if inside is None else children[inside]
        return Flow(net, source, tuple(things))

    def _child(self, box: str, frame: str | None) -> str | None:
        """The child of a frame that a box is, or stands in; None outside."""
        path = self._paths[box]
        if frame is None:
            return path[0]
        return path[path.index(frame) + 1] if frame in path else None

    def _piece(self, hop: Hop, names: Mapping[Thing, str], left: float, top: float) -> Piece:
        return Piece(
            hop.net,
            (hop.start[0] + left, hop.start[1] + top),
            (hop.end[0] + left, hop.end[1] + top),
            (hop.bends[0] + top, hop.bends[1] + top),
            arrives=names.get(hop.target) in self._boxes,
        )

    def _collect(self, frame: str | None, x: float, y: float, plan: Plan) -> None:
        laid = self._frames[frame]
        plan.pieces += (_moved(piece, x, y) for piece in laid.pieces)
        for name, thing in laid.children.items():
            area = Area(x + thing.x, y + thing.y, thing.width, thing.height)
            if name in self._frames:
                plan.frames[name] = area
                self._collect(name, area.x, area.y, plan)
            else:
                plan.boxes[name] = area


def _moved(piece: Piece, x: float, y: float) -> Piece:
    def point(given: tuple[float, float]) -> tuple[float, float]:
        return given[0] + x, given[1] + y

    return replace(
        piece,
        start=point(piece.start),
        end=point(piece.end),
        bends=(piece.bends[0] + y, piece.bends[1] + y),
    )
