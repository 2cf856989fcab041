"""An exported program as it is replayed, whether it was read from a file or is at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

import torch

from fieldscope.frontends.torch.exported.expressions import Size

Kind: TypeAlias = Literal["input", "parameter", "buffer", "constant", "number", "other"]


class Ref(NamedTuple):
    """What a name of a graph stands for."""

    name: str


class Module(NamedTuple):
    """One module around a call: which call of it, its path, and its type's full name."""

    key: str
    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class Meta:
    """A tensor's type, sizes and strides; those that aren't fixed are expressions."""

    dtype: torch.dtype
    sizes: tuple[Size, ...]
    strides: tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One call: its target's name, arguments, and the names of what it returns.

    `results` are a `Ref` for the result itself, or a list of what stands at each place of it,
    None for nothing. `modules` are those around the call, the outermost first.
    """

    name: str
    target: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    results: Any
    modules: tuple[Module, ...] = ()
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """Calls in order. `results` are nested refs and constants; `metas` what names are."""

    inputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    results: Any
    metas: dict[str, Meta] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Input:
    """An input of the graph: one of the user's, or what the program holds itself.

    `read` gives the elements of a tensor that the program holds, None where they can't be
    known; `number` is what isn't a tensor.
    """

    name: str
    kind: Kind
    meta: Meta | None = None
    number: Any = None
    read: Callable[[], torch.Tensor | None] | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """A program: its graph and inputs in order, and what is known of its sizes.

    `ranges` are the least and greatest value of each symbol, `outputs` the place of each
    result of the graph in what the program returns, None for what isn't returned. `trusted`
    is a program in memory, whose tensors are the user's own.
    """

    name: str
    graph: Graph
    inputs: tuple[Input, ...]
    ranges: dict[str, tuple[int | None, int | None]]
    outputs: tuple[str | None, ...]
    trusted: bool = False
