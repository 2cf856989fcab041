"""One walk over a network under edits: only what they change is worked out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from fieldscope.analyses.costs import products
from fieldscope.analyses.edits import Edit, Refit, Remove, Reshape
from fieldscope.analyses.outline.foreseen import Extents, Foreseen, judged
from fieldscope.analyses.outline.network import Block, Network
from fieldscope.analyses.outline.places import Place
from fieldscope.analyses.outline.planes import Plane, at
from fieldscope.analyses.outline.rules import applied
from fieldscope.analyses.outline.values import ALTERED, Value, is_lost, lost
from fieldscope.analyses.steps import Sizes, Step
from fieldscope.errors import EditError, InputError, LayerNotFoundError
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.operators import Spread, Table, Window
from fieldscope.wording import near

# What hands on the narrowest field that it gets, whatever that is.
_PASSING = ("pointwise", "concat", "reshape", "permute", "expand", "slice", "pad", "reduce")

_Values = dict[int, Value]


def no_layer(name: str, known: Iterable[str]) -> str:
    """The message that there is no such layer."""
    similar = near(name, list(known))
    hint = f"did you mean {', '.join(map(repr, similar))}?" if similar else "it may be removed"
    return f"there is no layer {name!r}\n{hint}"


class Walk:
    """One walk over a network under edits."""

    def __init__(
        self,
        network: Network,
        known: Mapping[str, Foreseen],
        edits: Sequence[Edit],
        extents: Extents,
    ) -> None:
        self._network = network
        self._known = known
        self._extents = extents
        self._places: dict[int, Place] = {}
        self._passed: dict[int, int] = {}
        self._removed: set[int] = set()
        self._repeated: dict[int, list[tuple[Block, int]]] = {}
        self._found: list[Foreseen] = []
        for edit in edits:
            match edit:
                case Reshape():
                    self._reshape(edit)
                case Refit():
                    self._refit(edit)
        blocks = [(self._block(e.module), e) for e in edits if not isinstance(e, Reshape | Refit)]
        # Outer blocks first: what is taken out with them is gone.
        for block, edit in sorted(blocks, key=lambda pair: -len(pair[0].nodes)):
            if isinstance(edit, Remove):
                if block.leaving not in self._removed:
                    self._passed[block.leaving] = block.entering
                    self._removed.update(block.nodes)
            elif edit.times < 0:
                raise InputError(f"{block.name} can't be repeated {edit.times} times")
            elif not self._removed.issuperset(block.nodes):
                self._repeated.setdefault(block.nodes[-1], []).insert(0, (block, edit.times))

    def layers(self) -> tuple[Foreseen, ...]:
        """The layers as they would be."""
        network = self._network
        values: _Values = {}
        own = network.values[network.source]
        shape = list(own.shape)
        for axis, extent in zip(network.axes, self._extents, strict=True):
            shape[axis] = extent
        if tuple(shape) != own.shape:
            values[network.source] = own._replace(shape=tuple(shape))
        self._nodes(range(len(network.places)), values, copy=0, inside=frozenset())
        return tuple(self._found)

    def value(self, wanted: int, nodes: Iterable[int]) -> Value:
        """One value as it would be under edits of windows, by the nodes that it depends on."""
        network, places = self._network, self._places
        values: _Values = {}
        for index in nodes:
            place = network.places[index]
            if index in places or not values.keys().isdisjoint(place.node.operands):
                made = self._made(index, places.get(index, place), values)
                if made != network.values[index]:
                    values[index] = made
        return values.get(wanted, network.values[wanted])

    def _block(self, name: str) -> Block:
        network = self._network
        found = network.blocks.get(name)
        if found is not None:
            return found
        if name not in network.calls and not any(
            path.startswith(f"{name}.") for path in network.calls
        ):
            raise LayerNotFoundError(no_layer(name, {*network.calls, *network.blocks}))
        raise EditError(
            f"{name} can't be taken out or repeated, since it is called several times, or several "
            "values enter or leave it"
        )

    def _reshape(self, edit: Reshape) -> None:
        found = False
        for value in self._nodes_of(edit.layer):
            place = self._places.get(value, self._network.places[value])
            if isinstance(place.node.operator, Window | Spread):
                self._places[value] = _reshaped(place, edit)
                found = True
        if not found:
            raise EditError(f"{edit.layer} has no window\nname a convolution or pooling layer")

    def _refit(self, edit: Refit) -> None:
        for value in self._nodes_of(edit.layer):
            place = self._places.get(value, self._network.places[value])
            self._places[value] = replace(place, refitted=edit.features)

    def _nodes_of(self, module: str) -> Iterable[int]:
        calls = self._network.calls.get(module)
        if calls is None:
            raise LayerNotFoundError(no_layer(module, self._network.calls))
        return (value for layer in calls for value in self._network.made[layer])

    def _nodes(
        self, nodes: Iterable[int], values: _Values, *, copy: int, inside: frozenset[str]
    ) -> None:
        """Work out nodes, and the layers that end at them; `values` holds what has changed."""
        network, places = self._network, self._places
        for index in nodes:
            if index in self._removed:
                if index in self._passed:
                    entering = self._passed[index]
                    values[index] = values.get(entering, network.values[entering])
                continue
            place = network.places[index]
            operands = place.node.operands
            if index in places or not values.keys().isdisjoint(operands):
                place = places.get(index, place)
                made = self._made(index, place, values)
                if made != network.values[index]:
                    values[index] = made
                else:
                    values.pop(index, None)
            elif copy:
                values.pop(index, None)
            for name in network.ending.get(index, ()):
                self._found.append(self._layer(name, values, copy))
            for block, times in self._repeated.get(index, ()):
                if block.name not in inside:
                    self._repeat(block, times, values, copy=copy, inside=inside)

    def _made(self, index: int, place: Place, values: _Values) -> Value:
        given = tuple(
            values.get(operand, known)
            for operand, known in zip(place.node.operands, place.known, strict=True)
        )
        if index in self._network.pinned:
            if any(a.shape != b.shape for a, b in zip(given, place.known, strict=True)):
                raise EditError(f"fixed shape at {place.layer}, whose field isn't followed")
            made = lost(place.node.shape, given)
        else:
            made = applied(place, given)
        if any(map(is_lost, made.planes)):
            planes = tuple(ALTERED if is_lost(plane) else plane for plane in made.planes)
            made = made._replace(planes=planes)
        return made

    def _repeat(
        self, block: Block, times: int, values: _Values, *, copy: int, inside: frozenset[str]
    ) -> None:
        network = self._network
        before = values.get(block.entering)
        for turn in range(times):
            leaving = values.get(block.leaving, network.values[block.leaving])
            if leaving.shape != values.get(block.entering, network.values[block.entering]).shape:
                raise EditError(
                    f"{block.name} can't be repeated, since what leaves it has another shape than "
                    "what enters it"
                )
            values[block.entering] = leaving
            self._nodes(block.nodes, values, copy=copy + turn + 1, inside=inside | {block.name})
        if before is None:
            values.pop(block.entering, None)
        else:
            values[block.entering] = before

    def _layer(self, name: str, values: _Values, copy: int) -> Foreseen:
        """A layer, once its nodes are worked out."""
        network = self._network
        step = network.steps[name]
        nodes, entering = network.made.get(name, ()), network.entering.get(name, ())
        index = step.layer._value
        touched = any(node in self._places for node in nodes)
        changed = touched or index in values or not values.keys().isdisjoint(entering)
        if not changed:
            known = self._known[name]
            return replace(known, copy=copy) if copy else known
        own = values.get(index, network.values[index])
        given = [values.get(value, network.values[value]) for value in entering]
        given = [value for value in given if value.reads] or [own]
        costs = self._costs(step, nodes, values)
        if any(is_lost(plane) for value in (own, *given) for plane in value.planes):
            return self._unfollowed(step, own, given, copy, costs)
        columns = list(zip(*(value.planes for value in given), strict=True))
        return judged(
            step,
            own,
            self._extents,
            copy=copy,
            received=tuple(
                min((p.narrowest for p in column if p is not None), default=0) for column in columns
            ),
            narrowest=tuple(p.narrowest if p is not None else 0 for p in own.planes),
            size=tuple(p.size if p is not None else 0 for p in own.planes),
            stride=tuple(p.stride if p is not None else None for p in own.planes),
            windowed=self._windowed(step, own),
            costs=costs,
        )

    def _windowed(self, step: Step, own: Value) -> bool:
        """Whether a layer has positions: as it has now, or as its value says that it would."""
        before = self._network.values[step.layer._value]
        if step.layer.operator == "table":
            followed = any(plane is not None and not is_lost(plane) for plane in own.planes)
            return bool(own.positions) and followed
        if [where >= 0 for where in own.at] == [where >= 0 for where in before.at]:
            return step.windowed
        return bool(own.positions)

    def _unfollowed(
        self, step: Step, own: Value, given: Sequence[Value], copy: int, costs: tuple[int, int]
    ) -> Foreseen:
        """A layer of which only the shape is followed, and that hands on what it gets."""
        layer = step.layer
        whole: Sizes = (math.inf,) * len(self._extents)
        none = (None,) * len(self._extents)
        table = self._table(step, given) if layer.operator == "table" else None
        if table is not None:
            received, reached, size = table
            return judged(
                step, own, self._extents, copy=copy, received=received, narrowest=reached,
                size=size, stride=none, exact=False, windowed=self._windowed(step, own),
                costs=costs,
            )  # fmt: skip
        if step.windowed and (layer.operator not in _PASSING or any(step.widens)):
            raise EditError(f"the field of {layer.name} can't be followed under edits before it")
        return judged(
            step, own, self._extents, copy=copy, received=whole, narrowest=whole, size=whole,
            stride=none, exact=False, costs=costs,
        )  # fmt: skip

    def _table(self, step: Step, given: Sequence[Value]) -> tuple[Sizes, Sizes, Sizes] | None:
        """What an adaptive pooling receives and reaches, where its runs are irregular."""
        nodes = [
            self._network.places[value] for value in self._network.made.get(step.layer.name, ())
        ]
        (value,) = given[:1]
        if len(given) > 1 or any(map(is_lost, value.planes)):
            return None
        tables = [isinstance(one.node.operator, Table) and one.adaptive for one in nodes]
        if not nodes or not all(tables):
            return None
        pooled = pooled_axes(nodes)
        received = tuple(plane.narrowest if plane is not None else 0 for plane in value.planes)
        reached = list(received)
        sizes = [plane.size if plane is not None else 0 for plane in value.planes]
        for k, where in enumerate(value.at):
            plane = value.planes[k]
            if where in pooled and plane is not None:
                runs = irregular(plane, value.shape[where], pooled[where], self._extents[k])
                sizes[k], reached[k] = runs
        return received, tuple(reached), tuple(sizes)

    def _costs(self, step: Step, nodes: Sequence[int], values: _Values) -> tuple[int, int]:
        network = self._network
        macs, parameters = step.cost.macs, step.cost.parameters
        for index in nodes:
            place = network.places[index]
            now = self._places.get(index, place)
            if not isinstance(place.node.operator, Window | Spread) and not place.products[0]:
                continue
            shapes = [
                values.get(operand, known).actual
                for operand, known in zip(place.node.operands, place.known, strict=True)
            ]
            shape = values.get(index, network.values[index]).actual
            made, kernel = products(now.node.operator, shapes, shape)
            macs += made - place.products[0]
            if step.cost.parameters:
                parameters += kernel - place.products[1]
        return macs, parameters


def pooled_axes(nodes: Sequence[Place]) -> dict[int, int]:
    """The axes that tables work on, with the extents of their results."""
    found = {}
    for place in nodes:
        operator = place.node.operator
        if isinstance(operator, Table):
            found[operator.axis] = place.node.shape[operator.axis]
    return found


def irregular(plane: Plane, have: int, out: int, extent: int) -> tuple[int | float, int | float]:
    """The largest field inside the input, and along the narrowest paths, of irregular pooling.

    Behind it there is no plane: fields are cut off at the input's borders.

    Example:
        >>> from fieldscope.analyses.outline.planes import START
        >>> irregular(START, 5, 3, 5)
        (3, 3)
    """
    found: list[int | float] = []
    for first in (0, 2):
        sizes = []
        for o in range(out):
            places = range(o * have // out, -(-(o + 1) * have // out))
            phases = [phase for phase in (at(plane, place) for place in places) if phase]
            low = min((phase[first] for phase in phases), default=0)
            high = max((phase[first + 1] for phase in phases), default=0)
            sizes.append(min(high, extent) - max(low, 0))
        found.append(max(sizes, default=0))
        if min(sizes, default=0) == extent:
            found[-1] = math.inf
    return found[0], found[1]


def _reshaped(place: Place, edit: Reshape) -> Place:
    """A window under an edit."""
    operator = place.node.operator
    assert isinstance(operator, Window | Spread), "only windows are reshaped"
    count = len(operator.windows)
    parts: dict[str, Sequence[int | None]] = {}
    for word in ("kernel", "stride", "padding", "dilation"):
        numbers = getattr(edit, word)
        if numbers is not None and len(numbers) != count:
            raise InputError(
                f"{word} {numbers!r} of {edit.layer} doesn't fit its {count} axes\n"
                "give one number per axis"
            )
        parts[word] = (None,) * count if numbers is None else numbers
    windows, borders = [], []
    columns = zip(operator.windows, place.borders, *parts.values(), strict=True)
    for own, border, kernel, stride, padding, dilation in columns:
        windows.append(
            Sliding(
                own.kernel if kernel is None else kernel,
                own.stride if stride is None else stride,
                own.dilation if dilation is None else dilation,
                own.before if padding is None else padding,
            )
        )
        if padding is not None and border.end == "fixed" and isinstance(operator, Window):
            border = border._replace(end="symmetric")
        borders.append(border)
    return replace(
        place,
        node=replace(place.node, operator=replace(operator, windows=tuple(windows))),
        borders=tuple(borders),
    )
