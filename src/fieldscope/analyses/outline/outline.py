"""A network as arithmetic on a few integers, of which one can ask "what if"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from fieldscope.analyses.edits import Edit, Refit, Reshape
from fieldscope.analyses.layers import Report
from fieldscope.analyses.outline.foreseen import Extents, Foreseen, foreseen_of
from fieldscope.analyses.outline.network import (
    Block,
    Network,
    is_module,
    module_of,
    network_of,
)
from fieldscope.analyses.outline.values import is_lost
from fieldscope.analyses.outline.walk import Walk, no_layer
from fieldscope.analyses.steps import Sizes
from fieldscope.errors import EditError, InputError, LayerNotFoundError
from fieldscope.graph.operators import Pad, Spread, Window


@dataclass(frozen=True)
class Outlook:
    """A network as it would be.

    Attributes:
        extents: extents of the input, per axis.
        layers: its layers in execution order, copies behind what they are copies of.
        edits: what was done to it, with the layers that had to be fitted anew.
    """

    extents: Extents
    layers: tuple[Foreseen, ...]
    edits: tuple[Edit, ...] = ()

    def __getitem__(self, name: str) -> Foreseen:
        """The layer of that name.

        Raises:
            LayerNotFoundError: there is none; it may have been removed.
        """
        found = self.by_name.get(name)
        if found is None:
            raise LayerNotFoundError(no_layer(name, self.by_name))
        return found

    @cached_property
    def by_name(self) -> Mapping[str, Foreseen]:
        """The layers by name, without copies."""
        return {layer.name: layer for layer in self.layers if not layer.copy}

    @property
    def unproductive(self) -> tuple[Foreseen, ...]:
        """The layers that can add no context."""
        return tuple(layer for layer in self.layers if layer.verdict == "unproductive")

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all layers."""
        return sum(layer.macs for layer in self.layers)

    @property
    def parameters(self) -> int:
        """Learnable parameters of all layers."""
        return sum(layer.parameters for layer in self.layers)


class Outline:
    """A network as arithmetic: what its layers would see and cost under edits.

    Nothing is traced again: extents, fields and costs are worked out on integers, and only
    where an edit changes them. What can't be followed keeps its shape: edits that would
    change what enters it are refused, with the layer's name.

    Attributes:
        model: name of the model.
        input: name of the input along which fields are measured.
        extents: the input's extents as analysed, per axis.
        frozen: layers with a window that can't be edited, and why.

    Example:
        >>> import fieldscope
        >>> from fieldscope.analyses.edits import Reshape
        >>> from torch import nn
        >>> net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(6)))
        >>> outline = outline_of(fieldscope.analyze(net, (1, 1, 8, 8)))
        >>> [layer.name for layer in outline.with_edits().unproductive]
        ['4', '5']
        >>> outline.with_edits([Reshape("0", kernel=(1, 1), padding=(0, 0))])["5"].size
        (11, 11)
        >>> outline.with_edits(extents=(16, 16)).unproductive
        ()
    """

    def __init__(self, report: Report, input: str | None) -> None:
        self.network: Network = network_of(report, input)
        info, _ = report.output._input(input)
        self.model = report.model
        self.input = info.name
        self.extents: Extents = tuple(info.shape[axis] for axis in info.spatial)
        self.frozen: Mapping[str, str] = dict(_frozen(self.network))
        known = foreseen_of(self.network, self.extents)
        self._known = {layer.name: layer for layer in known}
        self._base = Outlook(self.extents, known)

    @property
    def blocks(self) -> Mapping[str, Block]:
        """The modules that one value enters and one leaves, by path."""
        return self.network.blocks

    @cached_property
    def windows(self) -> Mapping[str, Reshape]:
        """The window of each layer that slides one, written as the edit that would give it."""
        found = {}
        for name, nodes in self.network.made.items():
            for value in nodes:
                operator = self.network.places[value].node.operator
                if isinstance(operator, Window | Spread):
                    columns = [(w.kernel, w.stride, w.before, w.dilation) for w in operator.windows]
                    found[name] = Reshape(name, *zip(*columns, strict=True))
        return found

    @property
    def base(self) -> Outlook:
        """The network as it is."""
        return self._base

    def with_edits(
        self,
        edits: Sequence[Edit] = (),
        *,
        extents: Extents | None = None,
        refit: bool = False,
    ) -> Outlook:
        """Foresee the network with some edits, or at other extents of its input.

        Args:
            edits: what is done; the order doesn't matter. Copies of a repeated block have the
                edits of the layers inside.
            extents: extents of the input, per axis; None for those that were analysed.
            refit: fit layers to the number of channels or features that enters them where
                edits change it, and list that among the outlook's edits.

        Raises:
            EditError: the edits can't be carried out; the message says where and why.
            LayerNotFoundError: there is no such layer or module.
            InputError: the edits contradict one another, or the extents don't fit.
        """
        wanted = self.extents if extents is None else tuple(extents)
        if len(wanted) != len(self.extents) or min(wanted) < 1:
            raise InputError(
                f"extents {wanted!r} don't fit input {self.input!r}, which has "
                f"{len(self.extents)} spatial axes\ngive one of 1 or more per axis"
            )
        return self._foreseen(list(edits), wanted, refit=refit)

    def size_with(self, edits: Sequence[Reshape], value: int, nodes: Iterable[int]) -> Sizes | None:
        """Foresee the size of one value's field under other windows, and nothing else.

        Args:
            edits: what is done.
            value: the node that makes the value.
            nodes: the nodes that it depends on, itself included, in order.

        Returns:
            The size per axis; None where the field isn't followed.

        Raises:
            EditError: the edits can't be carried out; the message says where and why.
        """
        made = Walk(self.network, self._known, edits, self.extents).value(value, nodes)
        if any(map(is_lost, made.planes)):
            return None
        return tuple(0 if plane is None else plane.size for plane in made.planes)

    def _foreseen(self, edits: list[Edit], extents: Extents, *, refit: bool) -> Outlook:
        try:
            layers = Walk(self.network, self._known, edits, extents).layers()
        except EditError as error:
            if error.refit is None:
                raise
            if not refit:
                raise EditError(f"{error}\nfit the layer to them with a Refit") from None
            edits = [*edits, Refit(*error.refit)]
            return self._foreseen(edits, extents, refit=refit)
        return Outlook(extents, layers, tuple(edits))


def outline_of(report: Report, input: str | None = None) -> Outline:
    """Reduce a network to the arithmetic of its fields, shapes and costs.

    Args:
        report: what was analysed.
        input: name of the input, where the model has several.

    Raises:
        InputError: the input doesn't exist or must be named, or the report was not made by an
            analysis.
    """
    return Outline(report, input)


def _frozen(network: Network) -> list[tuple[str, str]]:
    """Layers with a window that can't be edited, and why."""
    found = []
    for name, nodes in network.made.items():
        operators = [network.places[value].node.operator for value in nodes]
        windows = [one for one in operators if isinstance(one, (Window, Spread))]
        if not windows:
            continue
        calls = network.calls[module_of(name)]
        if len(calls) > 1:
            found.append((name, f"its module is called {len(calls)} times"))
        elif not is_module(network.trace, name, nodes[0]):
            found.append((name, "it is called as a function, so no module holds its window"))
        elif len(windows) > 1 or any(isinstance(one, Pad) for one in operators):
            found.append((name, "it pads or slides in several operators"))
    return found
