"""What rfa-toolbox and fieldscope say of the same layers, in one process."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

import fieldscope
from benchmarks.peers import imported, quiet
from fieldscope.analyses.layers import Layer, Report
from fieldscope.analyses.productivity import productivity_of
from fieldscope.analyses.resolution import resolution_of
from fieldscope.frontends.torch.torchvision_ops import import_torchvision

SHAPE = (1, 3, 224, 224)
# Of torchvision; to each the extents that verdicts are asked for.
NETWORKS: dict[str, tuple[int, ...]] = {
    "alexnet": (32,),
    "vgg16": (32,),
    "vgg19": (32,),
    "resnet18": (16, 32),
    "resnet50": (32,),
    "resnet152": (32,),
    "googlenet": (32,),
    "squeezenet1_0": (32,),
    "mobilenet_v2": (32,),
    "densenet121": (32,),
    "efficientnet_b0": (32,),
}
# Networks whose squeeze-and-excitation the tool is asked to leave aside.
FILTERED = {"efficientnet_b0"}

Pair = tuple[int | float, int | float]


@dataclass(frozen=True, slots=True)
class Both:
    """What both say of a layer, (y, x).

    Attributes:
        network: of torchvision.
        layer: path of the module, a second call of it with #2.
        source: its class.
        kernel: whether it has a window of more than one element.
        minimal: the tool's smallest field over all paths.
        maximal: the tool's largest.
        narrowest: fieldscope's.
        size: fieldscope's.
    """

    network: str
    layer: str
    source: str
    kernel: bool
    minimal: Pair
    maximal: Pair
    narrowest: Pair
    size: Pair

    @property
    def agrees(self) -> bool:
        return (self.minimal, self.maximal) == (self.narrowest, self.size)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Which layers with a window are dead weight at an extent.

    Attributes:
        extent: of both axes.
        windows: how many layers there are.
        both: named by both.
        ours: by fieldscope alone.
        theirs: by the tool alone.
        by_map: those of `theirs` that it names since the map that enters is not larger than
            the kernel.
    """

    extent: int
    windows: int
    both: tuple[str, ...]
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    by_map: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """A network as both see it.

    Attributes:
        network: of torchvision.
        layers: the modules that both name.
        unnamed: the tool's nodes that are no modules (additions, concatenations).
        theirs: its feasible range, (smallest, largest), infinite fields left out.
        unfiltered: its smallest where infinite fields count, as its documentation calls it.
        lower_bound: its smallest with `lower_bound=True`.
        smallest: fieldscope's.
        uncritical: fieldscope's.
        largest: fieldscope's.
        verdicts: at some extents.
    """

    network: str
    layers: tuple[Both, ...]
    unnamed: int
    theirs: tuple[Pair, Pair]
    unfiltered: Pair
    lower_bound: Pair
    smallest: Pair
    uncritical: Pair
    largest: Pair
    verdicts: tuple[Verdicts, ...]

    def summary(self) -> dict[str, Any]:
        """All but the layers, as plain data."""
        found = asdict(self)
        del found["layers"]
        return found


def compared(task: tuple[str, str]) -> Compared:
    """Ask both about a network.

    Args:
        task: name of the network, and the folder that rfa-toolbox is installed in.
    """
    name, folder = task
    model = build(name)
    report = fieldscope.analyze(model, SHAPE)
    graph, labels = _theirs(model, folder, filtered=name in FILTERED)
    pairs = list(_matched(graph.all_layers, labels, report))
    layers = tuple(_both(name, node, layer) for node, layer in pairs)
    utils = imported("rfa_toolbox.utils.graph_utils", folder)
    ours = resolution_of(report)
    ranged = utils.input_resolution_range
    low, high = ranged(graph, filter_all_inf_rf=True)
    return Compared(
        network=name,
        layers=layers,
        unnamed=len(graph.all_layers) - len(pairs),
        theirs=(_pair(low), _pair(high)),
        unfiltered=_pair(ranged(graph, filter_all_inf_rf=False)[0]),
        lower_bound=_pair(ranged(graph, filter_all_inf_rf=True, lower_bound=True)[0]),
        smallest=_pair(ours.smallest),
        uncritical=_pair(ours.uncritical),
        largest=_pair(ours.largest),
        verdicts=tuple(_verdicts(graph, pairs, report, extent, utils) for extent in NETWORKS[name]),
    )


def build(name: str) -> nn.Module:
    """Make a network of torchvision, in eval mode."""
    options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    model: nn.Module = import_torchvision().models.get_model(name, weights=None, **options)
    return model.eval()


def _theirs(model: nn.Module, folder: str, *, filtered: bool) -> tuple[Any, dict[str, str]]:
    """The tool's graph, and what each of its nodes was called in the traced model.

    The tool keeps a node's kind only; on the way there its label holds the module's path.
    """
    library = imported("rfa_toolbox", folder)
    digraph = imported("rfa_toolbox.encodings.pytorch.intermediate_graph", folder).Digraph
    labels: dict[str, str] = {}
    make = digraph.node

    def noted(self: Any, name: str, label: str | None = None, **options: Any) -> Any:
        labels[name] = label or ""
        return make(self, name, label=label, **options)

    digraph.node = noted
    try:
        with quiet():
            graph = library.create_graph_from_pytorch_model(
                model, input_res=SHAPE, filter_rf="inf" if filtered else None
            )
    finally:
        digraph.node = make
    return graph, labels


def _matched(
    nodes: Sequence[Any], labels: dict[str, str], report: Report
) -> Iterator[tuple[Any, Layer]]:
    """The tool's nodes that are modules, each with fieldscope's layer of the same path."""
    calls: Counter[str] = Counter()
    for node in nodes:
        path, bracket, _ = labels.get(node.name, "").partition(" (")
        if not bracket:
            continue
        calls[path] += 1
        name = path if calls[path] == 1 else f"{path}#{calls[path]}"
        if name in report:
            yield node, report[name]


def _both(network: str, node: Any, layer: Layer) -> Both:
    return Both(
        network=network,
        layer=layer.name,
        source=layer.source,
        kernel=_is_window(node),
        minimal=_pair(node.receptive_field_min),
        maximal=_pair(node.receptive_field_max),
        narrowest=_pair(layer.narrowest),
        size=_pair(layer.size),
    )


def _is_window(node: Any) -> bool:
    return any(1 < extent < math.inf for extent in _pair(node.kernel_size))


def _verdicts(
    graph: Any, pairs: Sequence[tuple[Any, Layer]], report: Report, extent: int, utils: Any
) -> Verdicts:
    ours = {layer.layer for layer in productivity_of(report, extent).unproductive}
    border = {id(node) for node in utils.obtain_border_layers(graph, (extent, extent))}
    windows = [(node, layer.name) for node, layer in pairs if _is_window(node)]
    theirs = {name for node, name in windows if id(node) in border}
    by_map = {
        name
        for node, name in windows
        if all(
            node._feature_map_size_larger_than_kernel(entering, (extent, extent))
            for entering in node.predecessors
        )
    }
    names = [name for _, name in windows]
    return Verdicts(
        extent=extent,
        windows=len(windows),
        both=tuple(name for name in names if name in ours & theirs),
        ours=tuple(name for name in names if name in ours - theirs),
        theirs=tuple(name for name in names if name in theirs - ours),
        by_map=tuple(name for name in names if name in (theirs - ours) & by_map),
    )


def _pair(value: Any) -> Pair:
    """Both axes of what may be one number for both, as plain numbers."""
    one, other = value if isinstance(value, Sequence) else (value, value)
    return _plain(one), _plain(other)


def _plain(number: Any) -> int | float:
    return math.inf if number == math.inf else int(number)
