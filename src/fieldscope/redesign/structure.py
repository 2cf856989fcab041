"""A network as a chain of units: what can be taken out, repeated or given another window."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from fieldscope.analyses.edits import Remove
from fieldscope.analyses.outline import Outline
from fieldscope.analyses.outline.network import Block
from fieldscope.graph.operators import Pointwise, Window


@dataclass(frozen=True, slots=True)
class Unit:
    """A block or layer that everything passes through, with the activations behind it.

    Attributes:
        name: its path.
        modules: what is taken out with it.
        layers: its layers.
        sliding: those with a window of more than one element.
        strided: those with a stride, which change together since branches meet in the unit.
        same: whether it hands on the shape that it gets.
        fixed: whether it can't be taken out.
        block: whether it is a block of several layers.
        pooling: whether it is a layer with a window and no weights.
        pointwise: whether it works on each position for itself, with no products.
    """

    name: str
    modules: tuple[str, ...]
    layers: tuple[str, ...]
    sliding: tuple[str, ...]
    strided: tuple[str, ...]
    same: bool
    fixed: bool
    block: bool
    pooling: bool
    pointwise: bool


def chain_of(outline: Outline, frozen: Collection[str] = ()) -> tuple[Unit, ...]:
    """The units from the input, or the last join before which none follow, to the output.

    Args:
        outline: the network.
        frozen: layers and modules that can't be edited.

    Example:
        >>> import fieldscope
        >>> from fieldscope.analyses.outline import outline_of
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Conv1d(1, 4, 3), nn.ReLU(), nn.MaxPool1d(2))
        >>> [unit.modules for unit in chain_of(outline_of(fieldscope.analyze(net, (1, 1, 9))))]
        [('0', '1'), ('2',)]
    """
    found = _Chain(outline).whole()
    units: list[Unit] = []
    for block in found:
        unit = _unit(outline, block, frozen)
        last = units[-1] if units else None
        if (
            unit.pointwise
            and last is not None
            and not last.block
            and _is_convolution(outline, last)
        ):
            units[-1] = _with(last, unit)
        else:
            units.append(unit)
    return tuple(units)


def _is_convolution(outline: Outline, unit: Unit) -> bool:
    return bool(unit.layers) and outline.base[unit.layers[0]].macs > 0


def _with(unit: Unit, behind: Unit) -> Unit:
    return Unit(
        name=unit.name,
        modules=unit.modules + behind.modules,
        layers=unit.layers + behind.layers,
        sliding=unit.sliding,
        strided=unit.strided,
        same=unit.same and behind.same,
        fixed=unit.fixed,
        block=False,
        pooling=unit.pooling,
        pointwise=False,
    )


def _unit(outline: Outline, block: Block, frozen: Collection[str]) -> Unit:
    values = outline.network.values
    windows = outline.windows
    inside = [name for name in block.layers if name in windows]
    operators = [outline.network.places[value].node.operator for value in block.nodes]
    return Unit(
        name=block.name,
        modules=(block.name,) if block.module else (),
        layers=tuple(name for name in block.layers if name in outline.base.by_name),
        sliding=tuple(name for name in inside if max(windows[name].kernel or (1,)) > 1),
        strided=tuple(name for name in inside if max(windows[name].stride or (1,)) > 1),
        same=values[block.entering].shape == values[block.leaving].shape,
        fixed=not block.module or block.name in frozen,
        block=block.container,
        pooling=not block.container
        and bool(inside)
        and all(outline.base[name].macs == 0 for name in inside),
        pointwise=all(isinstance(one, Pointwise) for one in operators),
    )


class _Chain:
    """Takes a network apart from its output backwards."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._leaving: dict[int, list[Block]] = {}
        for block in sorted(
            outline.blocks.values(), key=lambda one: (-len(one.nodes), one.name.count("."))
        ):
            self._leaving.setdefault(block.leaving, []).append(block)

    def whole(self) -> list[Block]:
        network = self._outline.network
        found: list[Block] = []
        value = network.trace.outputs[0][1]
        while value != network.source:
            block = next(iter(self._leaving.get(value, ())), None)
            if block is None:
                break
            found[:0] = self._parts(block)
            value = block.entering
        return found

    def _parts(self, block: Block) -> Sequence[Block]:
        """The blocks that one consists of, where it only strings them together."""
        if not block.container or not self._strings(block):
            return [block]
        inside = set(block.nodes)
        found: list[Block] = []
        value = block.leaving
        while value != block.entering:
            options = [
                one
                for one in self._leaving.get(value, ())
                if one is not block
                and len(one.nodes) < len(inside)
                and inside.issuperset(one.nodes)
            ]
            if not options:
                return [block]
            found[:0] = self._parts(options[0])
            value = options[0].entering
        return found

    def _strings(self, block: Block) -> bool:
        """Whether a block is no more than a sequence: by its class, or by the blocks in it."""
        if block.kind == "Sequential":
            return True
        return (
            sum(
                self._is_repeated(one)
                for one in self._outline.blocks.values()
                if one.name.startswith(f"{block.name}.")
            )
            > 1
        )

    def _is_repeated(self, block: Block) -> bool:
        values, places = self._outline.network.values, self._outline.network.places
        return (
            block.container
            and values[block.entering].shape == values[block.leaving].shape
            and any(
                isinstance(operator := places[node].node.operator, Window)
                and any(window.kernel > 1 for window in operator.windows)
                for node in block.nodes
            )
        )


def taken_out(outline: Outline, units: Iterable[Unit]) -> tuple[Remove, ...]:
    """The edits that take units out: whole containers where all that they hold goes."""
    modules = [name for unit in units for name in unit.modules]
    gone = {layer for name in modules for layer in outline.blocks[name].layers}
    whole = [
        block
        for block in outline.blocks.values()
        if block.container and gone.issuperset(block.layers)
    ]
    whole.sort(key=lambda block: (-len(block.nodes), block.name.count(".")))
    found: list[str] = []
    for block in whole:
        if not any(block.name.startswith(f"{name}.") for name in found):
            found.append(block.name)
    for name in modules:
        if not any(name == one or name.startswith(f"{one}.") for one in found):
            found.append(name)
    order = {block: place for place, block in enumerate(outline.blocks)}
    return tuple(Remove(name) for name in sorted(found, key=order.__getitem__))
