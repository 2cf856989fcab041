"""The numbers of layers that have to be equal, whatever form a network is in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from fieldscope.analyses.layers import Layer, Report

Numbers = tuple[Any, ...]
Fields = dict[str, Numbers]


def fields_of(report: Report) -> Fields:
    """Extents, size, stride, start, narrowest size and whether there is context, by layer."""
    layers = (*report.layers, *report.containers)
    return {layer.name: numbers(layer) for layer in layers}


def numbers(layer: Layer) -> Numbers:
    """What is compared of a layer, as JSON would give it back."""
    extents = [layer.shape[axis] for axis in layer.spatial]
    parts = (extents, layer.size, layer.stride, layer.start, layer.narrowest)
    return (*(_plain(part) for part in parts), bool(layer.context), layer.exact)


def _plain(part: Any) -> Any:
    if isinstance(part, (list, tuple)):
        return [_plain(one) for one in part]
    return part if part is None or isinstance(part, (bool, int)) else str(part)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the fields of two forms of a network compare.

    Attributes:
        network: its name.
        form: the form that is compared, and with what.
        layers: how many layers the form has.
        compared: how many of them correspond to one of the other form.
        different: the names of those that differ.
        exact: how many of the layers are exact.
    """

    network: str
    form: str
    layers: int
    compared: int
    different: tuple[str, ...]
    exact: int

    @classmethod
    def of(
        cls,
        network: str,
        form: str,
        fields: Fields,
        other: Fields,
        names: Collection[str] | None = None,
    ) -> Comparison:
        """Compare by the layers' names, all or those that mean the same in both forms."""
        both = [n for n in fields if n in other and (names is None or n in names)]
        return cls(
            network,
            form,
            len(fields),
            len(both),
            tuple(name for name in both if list(fields[name]) != list(other[name])),
            sum(bool(one[-1]) for one in fields.values()),
        )


def renamed(fields: Mapping[str, Numbers], names: Mapping[str, str]) -> Fields:
    """The fields of the layers that have another name elsewhere, by that name."""
    return {names[name]: one for name, one in fields.items() if name in names}
