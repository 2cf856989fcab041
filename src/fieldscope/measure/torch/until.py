"""A model cut off behind a layer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch

from fieldscope.errors import LayerNotFoundError, ModelError
from fieldscope.frontends.torch.trace import paths_of, roots_of
from fieldscope.measure.torch.places import (
    Place,
    may_be_functional,
    module_place,
    places_of,
    unknown,
)
from fieldscope.measure.torch.run import Run


class Until:
    """Runs a model up to a layer and returns that layer's output.

    Attributes:
        model: the model, which isn't changed.
        layer: name of the layer.
    """

    def __init__(self, model: Callable[..., Any], layer: str | None, inputs: Any) -> None:
        self.model = model
        self.layer = layer or "output"
        self._places: dict[Any, Place] = {}
        self._place = module_place(model, layer)
        if self._place is None and inputs is not None:
            self._place = places_of(model, inputs).find(self.layer)
        elif self._place is None and not may_be_functional(self.layer):
            paths = paths_of(roots_of(model)).values()
            raise unknown(model_name(model), self.layer, [path for path in paths if path])

    def __call__(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """The layer's output for these inputs of the model.

        Raises:
            LayerNotFoundError: the model has no such layer, or doesn't reach it.
        """
        place = self._place or self._located(args, kwargs)
        with plain_attention():
            found = Run(self.model, [place])(*args, **kwargs)
        if place not in found:
            raise not_reached(self.model, place)
        return found[place]

    def _located(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Place:
        if args and kwargs:
            raise ModelError(
                f"layer {self.layer!r} is a functional operator, which is looked for on shapes: "
                "give its inputs all by position or all by name"
            )
        inputs = kwargs or args
        shapes = tuple(
            (name, tuple(one.shape)) if isinstance(one, torch.Tensor) else (name, repr(one))
            for name, one in (kwargs.items() if kwargs else enumerate(args))
        )
        if shapes not in self._places:
            self._places[shapes] = places_of(self.model, inputs).find(self.layer)
        return self._places[shapes]

    def __repr__(self) -> str:
        return f"<{model_name(self.model)} until {self.layer}>"


def until(model: Callable[..., Any], layer: str | None = None, *, inputs: Any = None) -> Until:
    """Cut a model off behind a layer; see `fieldscope.until`.

    Of several results of a layer the first is returned; `lstm[1]` names the second.
    """
    if not callable(model):
        raise ModelError(
            f"the model is {type(model).__name__}, which can't be called; "
            "pass an nn.Module or a function of tensors"
        )
    return Until(model, layer, inputs)


def model_name(model: Any) -> str:
    """What messages call a model."""
    return getattr(model, "__name__", None) or type(model).__name__


def not_reached(model: Any, place: Place) -> LayerNotFoundError:
    """The error for a layer that a run of the model doesn't come to."""
    if place.part:
        return LayerNotFoundError(
            f"{model_name(model)} has no layer {place.layer!r}: "
            f"{place.scope} has no result {place.part}"
        )
    return LayerNotFoundError(
        f"{model_name(model)} has no layer {place.layer!r} on these inputs: "
        f"{place.scope} wasn't called"
    )


@contextlib.contextmanager
def plain_attention() -> Iterator[None]:
    """Let encoder layers call their parts, which one fused kernel would stand for."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
