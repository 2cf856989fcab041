"""From the name of a model to a module that scores classes, its weights drawn from a seed."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from fieldscope.errors import FieldscopeError, ModelError
from fieldscope.frontends.blame import told
from fieldscope.frontends.targets import resolve
from fieldscope.frontends.torch import zoo
from fieldscope.lab.models.small_vgg import small_vgg
from fieldscope.lab.settings import SMALL_VGG

# What other commands of fieldscope know it by.
_IMPORTABLE = "fieldscope.lab.models.small_vgg:small_vgg"
_CLASSES = "num_classes"
_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Built:
    """A model, and how the other commands of fieldscope name it.

    Attributes:
        model: in the mode for training.
        target: its name as they take it.
        arguments: for what builds it, number of classes included.
    """

    model: nn.Module
    target: str
    arguments: Mapping[str, Any]


def built(
    target: str, arguments: Mapping[str, Any] = _NONE, *, classes: int | None, seed: int
) -> Built:
    """Build a model by its name, with weights drawn from a seed.

    Args:
        target: "small-vgg", or as `fieldscope analyze` takes it.
        arguments: for what builds it.
        classes: outputs that it is to have, given to builders that take `num_classes`; None
            leaves that to the builder.
        seed: of its weights.

    Raises:
        ModelError: there is no such model, it can't be built, or PyTorch doesn't run it.

    Example:
        >>> found = built("small-vgg", classes=7, seed=0)
        >>> found.model.head[-1].out_features, found.arguments
        (7, {'num_classes': 7})
    """
    offered = {} if classes is None else {_CLASSES: classes}
    given = {**offered, **arguments}
    source = target.partition(":")[0]
    found: Any
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if target == SMALL_VGG:
            # Said, since other commands have no default for it.
            given = {_CLASSES: 1000, **given}
            found = _small(given)
            target = _IMPORTABLE
        elif source in zoo.SOURCES:
            name = target.partition(":")[2]
            found = zoo.build(source, name, given, values=True, seed=seed).model
        else:
            resolved = resolve(target, arguments, values=True, offered=offered)
            found, given = resolved.model, {**resolved.taken, **arguments}
    if not isinstance(found, nn.Module):
        raise ModelError(
            f"{target} is {type(found).__name__}, and the lab trains PyTorch's modules\n"
            "name a class or function that makes a torch.nn.Module"
        )
    return Built(found.train(), target, given)


def _small(given: Mapping[str, Any]) -> nn.Module:
    known = list(inspect.signature(small_vgg).parameters)
    for name in given:
        if name not in known:
            raise ModelError(
                f"{SMALL_VGG} takes no argument {name!r}\nit takes {' and '.join(known)}"
            )
    return small_vgg(**given)


def scoring(
    target: str, arguments: Mapping[str, Any] = _NONE, *, classes: int, resolution: int, seed: int
) -> Built:
    """Build a model and make sure that it scores the classes of images.

    Args:
        target: "small-vgg", or as `fieldscope analyze` takes it.
        arguments: for what builds it.
        classes: outputs that it has to have.
        resolution: extent of both axes of the images.
        seed: of its weights.

    Raises:
        ModelError: it can't be built, can't be run on such images, or gives something else.

    Example:
        >>> found = scoring("torchvision:resnet18", classes=5, resolution=32, seed=0)
        >>> found.model.fc.out_features
        5
    """
    found = built(target, arguments, classes=classes, seed=seed)
    output = _tried(found.model, target, resolution=resolution)
    shape = list(output.shape) if isinstance(output, torch.Tensor) else None
    if shape == [_TRIED, classes]:
        return found
    came = f"a tensor {shape}" if shape else f"a value of type {type(output).__name__}"
    step = (
        f"build it with as many outputs, by --arg {_CLASSES}={classes} or what its builder calls "
        "them; a redesign keeps those of the model that fieldscope refine was given"
        if shape
        else "name code that builds a network which returns the scores alone"
    )
    raise ModelError(
        f"{target} gives {came} for {_TRIED} images {resolution}×{resolution}, and "
        f"[{_TRIED}, {classes}] is wanted: a score for each of {classes} classes\n{step}"
    )


# Two, so that an output without batch isn't taken for one with it.
_TRIED = 2


def _tried(model: nn.Module, target: str, *, resolution: int) -> Any:
    """Run a model on blank images, in the mode in which it changes nothing of itself."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            return logits(model(torch.zeros(_TRIED, 3, resolution, resolution)))
    except FieldscopeError:
        raise
    except Exception as error:
        raise ModelError(
            f"{target} can't be run on images {resolution}×{resolution}: {told(error)}\n"
            "give a --resolution that it takes"
        ) from error
    finally:
        for module, mode in modes.items():
            module.training = mode


def logits(output: Any) -> Any:
    """Give the scores of an output that has others beside them, such as Inception's.

    >>> logits(3)
    3
    """
    # torchvision's GoogLeNet and Inception give a named tuple while they are trained.
    return getattr(output, "logits", output)
