"""Fine-tuning: the body of a network, cut behind its last layer with positions, and a new head."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from fieldscope.errors import LayerNotFoundError, ModelError
from fieldscope.lab.models.head import head
from fieldscope.measure.torch.until import until
from fieldscope.wording import near

if TYPE_CHECKING:
    from fieldscope.analyses.layers import Layer, Report


def cut_of(report: Report, named: str | None = None) -> Layer:
    """Find the layer behind which the body of a network ends.

    It is the last one whose value has positions beside batch and channel, before they are
    averaged, pooled to a fixed number, flattened or attended to as a whole.

    Args:
        report: the analysis of the network, at one image.
        named: the layer, where it is chosen.

    Raises:
        LayerNotFoundError: there is no layer of that name.
        ModelError: the layer, or every layer, has no positions to average over.

    Example:
        >>> import fieldscope
        >>> from torch import nn
        >>> pool, flat = nn.AdaptiveAvgPool2d(1), nn.Flatten()
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), pool, flat, nn.Linear(4, 9))
        >>> cut_of(fieldscope.analyze(net, (1, 3, 8, 8))).name
        '1'
    """
    if named is not None:
        for layer in report.layers:
            if layer.name == named:
                if _has_positions(layer):
                    return layer
                raise ModelError(
                    f"{report.model} can't be cut behind {named}: its output {list(layer.shape)} "
                    "has no positions beside batch and channel to average over\n"
                    "name a layer in front of it with --cut"
                )
        guesses = near(named, [layer.name for layer in report.layers])
        hint = (
            f"did you mean {' or '.join(guesses)}?" if guesses else "fieldscope analyze lists them"
        )
        raise LayerNotFoundError(f"{report.model} has no layer {named!r} to cut behind\n{hint}")
    for layer in reversed(report.layers):
        if _has_positions(layer) and "adaptive" not in layer.source and not layer.container:
            return layer
    raise ModelError(
        f"no layer of {report.model} has positions beside batch and channel, so it has no body to "
        "put a head on\nname a layer with --cut, or another network with --body"
    )


def _has_positions(layer: Layer) -> bool:
    """Whether it has positions, channels, and images on the first axis with nothing beside them."""
    alone = layer.shape[:1] == (1,) and 0 not in layer.spatial
    return alone and bool(layer.spatial) and len(layer.shape) == len(layer.spatial) + 2


class Body(nn.Module):
    """A network run up to a layer, whose channels are averaged over their positions.

    Attributes:
        network: the network; what isn't called on the way to the layer is taken out.
        cut: name of the layer.
        spatial: its spatial axes.
        channels: number of its channels.
    """

    def __init__(self, network: nn.Module, layer: Layer, image: tuple[int, ...]) -> None:
        super().__init__()
        self.network = network
        self.cut = layer.name
        self.spatial = layer.spatial
        (channel,) = set(range(1, len(layer.shape))) - set(layer.spatial)
        self.channels = layer.shape[channel]
        self._until = until(network, layer.name, inputs=image)
        _without_what_is_not_called(self, image)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Average the layer's channels for images `[n c y x]`, as `[n channel]`."""
        return self._until(image).mean(self.spatial)


class Finetuned(nn.Module):
    """A body with a new head.

    Attributes:
        body: what gives pooled features.
        head: what scores classes by them.
    """

    def __init__(self, body: Body, classes: int) -> None:
        super().__init__()
        self.body = body
        self.head = head(body.channels, classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Score the classes of images `[n c y x]`, as `[n class]`."""
        scores: torch.Tensor = self.head(self.body(image))
        return scores


def finetuned(
    network: nn.Module, layer: Layer, *, image: tuple[int, ...], classes: int, seed: int
) -> Finetuned:
    """Put a new head, its weights drawn from a seed, behind a layer of a network.

    Args:
        network: the network, which is cut off there and not usable any more on its own.
        layer: the layer, as `cut_of` finds it.
        image: shape of an input with batch.
        classes: number of outputs.
        seed: of the head's weights.

    Example:
        >>> import fieldscope
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 9))
        >>> cut = cut_of(fieldscope.analyze(net, (1, 3, 8, 8)))
        >>> model = finetuned(net, cut, image=(1, 3, 8, 8), classes=5, seed=0)
        >>> model(torch.zeros(2, 3, 6, 6)).shape, sum(p.numel() for p in model.body.parameters())
        (torch.Size([2, 5]), 112)
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Finetuned(Body(network, layer, image), classes)


def _without_what_is_not_called(body: Body, image: tuple[int, ...]) -> None:
    """Take out modules behind the cut, such as the 120 million weights of VGG16's classifier.

    A module may use another's weights without calling it, so the output is compared.
    """
    blank = torch.linspace(-1, 1, image[-1]).expand(image)
    called: set[nn.Module] = set()
    with _still(body), _noting(body, called):
        before = body(blank)
    taken = [(name, module) for name, module in body.network.named_modules() if name]
    out: dict[str, nn.Module] = {}
    for name, module in taken:
        inside = any(name.startswith(f"{other}.") for other in out)
        if not inside and not called.intersection(module.modules()):
            out[name] = module
            body.network.set_submodule(name, nn.Identity())
    with _still(body):
        try:
            same = torch.equal(body(blank), before)
        except Exception:
            same = False
    if not same:
        for name, module in out.items():
            body.network.set_submodule(name, module)


@contextlib.contextmanager
def _noting(body: nn.Module, called: set[nn.Module]) -> Iterator[None]:
    def note(module: nn.Module, _: Any) -> None:
        called.add(module)

    handles = [module.register_forward_pre_hook(note) for module in body.modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def _still(body: nn.Module) -> Iterator[None]:
    """Run it as it is when nothing is learned, and leave it in the modes that it was in."""
    modes = {module: module.training for module in body.modules()}
    body.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode
