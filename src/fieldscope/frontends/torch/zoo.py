"""Build the networks of torchvision and timm by name, without trained weights."""

from __future__ import annotations

import contextlib
import inspect
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from fieldscope.errors import FieldscopeError, ModelError
from fieldscope.frontends.torch.torchvision_ops import (
    import_beside_torch,
    import_torchvision,
    missing_operators_allowed,
)
from fieldscope.wording import meant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import nn

Source: TypeAlias = Literal["torchvision", "timm"]
Shape: TypeAlias = tuple[int, ...]

SOURCES: tuple[Source, ...] = ("torchvision", "timm")

# torchvision says neither how many frames a video network was trained on nor
# how large a picture a detector's backbone or an optical flow is meant for:
# 16 frames as in its training references, two images of the size used in its
# example of RAFT (height and width must divide by 8).
_FRAMES = 16
_FLOW_IMAGE: Shape = (1, 3, 520, 960)
_IMAGE_EXTENT = 224

# Arguments that would load weights. They change no field and need a network
# connection or much memory.
_WEIGHTS = ("weights", "weights_backbone", "pretrained", "pretrained_backbone", "checkpoint_path")


class Built(NamedTuple):
    """A network of the zoo and the input it is meant for.

    Attributes:
        model: in eval mode; unless asked for, its weights have shapes but no values.
        inputs: the default input shape with batch; a tuple of shapes where
            the network takes several inputs.
    """

    model: nn.Module
    inputs: Shape | tuple[Shape, ...]


def build(
    source: Source,
    name: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    values: bool = False,
    seed: int = 0,
) -> Built:
    """Build a network by name, in eval mode and, unless asked to, without allocating weights.

    Of torchvision's detectors only the backbone is built: what follows it
    chooses boxes by their scores, so no position of its output has a field.

    Args:
        source: the library that knows the name.
        name: as the library lists it, e.g. "resnet50"; for timm a tag may
            follow ("resnet50.a1_in1k"), which can change the default input.
        arguments: passed on to the network's builder by keyword.
        values: draw the weights at random, always the same ones, as for training.
        seed: of these weights.

    Raises:
        ModelError: there is no such name (near ones are listed), or the
            builder rejects the arguments.
        MissingExtraError: the library isn't installed.

    Example:
        >>> model, shape = build("torchvision", "resnet18")
        >>> shape, model.conv1.weight.device.type
        ((1, 3, 224, 224), 'meta')
    """
    given = dict(arguments or {})
    _refuse_weights(source, name, given)
    builder = _builder(source, name)
    # Imports torch, of which the names have made sure.
    from fieldscope.frontends.torch.shape_only import shape_only

    try:
        with missing_operators_allowed(), _drawn(seed) if values else shape_only():
            model: nn.Module = builder(**given)
    except FieldscopeError:
        raise
    except Exception as error:
        shown = ", ".join(f"{key}={value!r}" for key, value in given.items())
        raise ModelError(
            f"cannot build {source}:{name}{shown and ' with ' + shown}: "
            f"{type(error).__name__}: {error}"
        ) from error
    model.eval()
    shape = default_shape(source, name, model, given)
    return Built(_backbone(source, name, model), shape)


@contextlib.contextmanager
def _drawn(seed: int) -> Iterator[None]:
    """Draw weights from a seed, and leave the generator as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def written(source: Source, name: str, arguments: Mapping[str, Any] | None = None) -> str:
    """Write the call by which Python code builds the same network without `fieldscope`.

    Example:
        >>> written("torchvision", "resnet18", {"num_classes": 10})
        'torchvision.models.resnet18(weights=None, num_classes=10)'
        >>> written("timm", "convnext_tiny")
        "timm.create_model('convnext_tiny')"
    """
    given = {key: value for key, value in (arguments or {}).items() if key not in _WEIGHTS}
    if source == "timm":
        options = "".join(f", {key}={value!r}" for key, value in given.items())
        return f"timm.create_model({name!r}{options})"
    models = import_torchvision().models
    fixed = _fixed(models.get_model_builder(name), name)
    options = ", ".join(f"{key}={value!r}" for key, value in {**fixed, **given}.items())
    if family(source, name) == "classification":
        return f"torchvision.models.{name}({options})"
    call = f"torchvision.models.get_model({name!r}, {options})"
    return f"{call}.backbone" if family(source, name) == "detection" else call


def names(source: Source) -> tuple[str, ...]:
    """List the names that `build` knows.

    Raises:
        MissingExtraError: the library isn't installed.

    Example:
        >>> "convnext_tiny" in names("timm"), "convnext_tiny" in names("torchvision")
        (True, True)
    """
    if source == "timm":
        return tuple(import_beside_torch("timm").list_models())
    return tuple(import_torchvision().models.list_models())


def family(source: Source, name: str) -> str:
    """Name the group of networks that one belongs to.

    For torchvision it is the task, for timm the file that defines the network.

    Example:
        >>> family("torchvision", "fcn_resnet50"), family("timm", "seresnext50_32x4d")
        ('segmentation', 'resnet')
    """
    if source == "timm":
        timm = import_beside_torch("timm")
        file: str = timm.models.model_entrypoint(_without_tag(source, name)).__module__
        return file.rpartition(".")[2]
    models = import_torchvision().models
    if name.startswith("quantized_"):
        return "quantization"
    for task in ("segmentation", "detection", "video", "optical_flow"):
        if name in models.list_models(module=getattr(models, task)):
            return task
    return "classification"


def default_shape(
    source: Source, name: str, model: nn.Module, arguments: Mapping[str, Any] | None = None
) -> Shape | tuple[Shape, ...]:
    """Give the input shape, with batch, that a network is meant for.

    Args:
        source: the library that built it.
        name: its name there.
        model: the network as the library built it.
        arguments: what it was built with.

    Example:
        >>> model, _ = build("timm", "resnet18", {"in_chans": 1})
        >>> default_shape("timm", "resnet18", model, {"in_chans": 1})
        (1, 1, 224, 224)
    """
    if source == "timm":
        return _timm_shape(model, arguments or {})
    task = family(source, name)
    match task:
        case "optical_flow":
            return (_FLOW_IMAGE, _FLOW_IMAGE)
        case "detection":
            return (1, 3, *_detector_image(model))
        case "video":
            return (1, 3, _FRAMES, *_weights_image(name))
    # A network built for one size of image accepts no other, whatever its best
    # weights were trained on.
    fixed = getattr(model, "image_size", None)
    return (1, 3, *(_pair(fixed) if fixed is not None else _weights_image(name)))


def _without_tag(source: Source, name: str) -> str:
    return name.partition(".")[0] if source == "timm" else name


def _refuse_weights(source: Source, name: str, arguments: Mapping[str, Any]) -> None:
    for key in _WEIGHTS:
        if arguments.get(key):
            raise ModelError(
                f"cannot build {source}:{name} with {key}={arguments[key]!r}: "
                "fields do not depend on weights, and none are loaded here\n"
                f"leave {key} out, or build the model yourself and pass it to fieldscope.analyze()"
            )


def _builder(source: Source, name: str) -> Callable[..., nn.Module]:
    """Return a function of keyword arguments that builds the network."""
    known = names(source)
    plain = _without_tag(source, name)
    if plain not in known:
        raise ModelError(
            f"{source} has no model {name!r}{meant(plain, known)}\n"
            f"fieldscope.frontends.torch.zoo.names({source!r}) lists all {len(known):,}"
        )
    if source == "timm":
        return lambda **given: import_beside_torch("timm").create_model(name, **given)
    builder = import_torchvision().models.get_model_builder(name)
    fixed = _fixed(builder, name)
    return lambda **given: builder(**{**fixed, **given})


def _fixed(builder: Callable[..., nn.Module], name: str) -> dict[str, Any]:
    """Give the arguments by which torchvision loads no weights."""
    fixed: dict[str, Any] = {"weights": None}
    if "weights_backbone" in inspect.signature(builder).parameters:
        fixed["weights_backbone"] = None
    if name.removeprefix("quantized_") in ("googlenet", "inception_v3"):
        # These two warn unless told whether to draw their weights from a
        # distribution that takes seconds.
        fixed["init_weights"] = False
    return fixed


def _backbone(source: Source, name: str, model: nn.Module) -> nn.Module:
    if source == "torchvision" and family(source, name) == "detection":
        backbone: nn.Module = model.get_submodule("backbone")
        return backbone
    return model


def _timm_shape(model: nn.Module, arguments: Mapping[str, Any]) -> Shape:
    configuration: Any = getattr(model, "pretrained_cfg", None) or {}
    channels, *image = configuration.get("input_size") or (3, _IMAGE_EXTENT, _IMAGE_EXTENT)
    if arguments.get("img_size") is not None:
        image = _pair(arguments["img_size"])
    return (1, arguments.get("in_chans") or channels, *image)


def _detector_image(model: nn.Module) -> tuple[int, int]:
    """Give the size to which a detector resizes its images."""
    transform: Any = model.get_submodule("transform")
    if transform.fixed_size is not None:
        width, height = transform.fixed_size
        return (height, width)
    return _pair(transform.min_size[-1])


def _weights_image(name: str) -> tuple[int, int]:
    """Give the size of image that a network's best weights are evaluated on."""
    transforms = import_torchvision().models.get_model_weights(name).DEFAULT.transforms
    keywords = getattr(transforms, "keywords", {})
    size = keywords.get("crop_size", keywords.get("resize_size", _IMAGE_EXTENT))
    return _pair(size)


def _pair(size: int | tuple[int, ...] | list[int]) -> tuple[int, int]:
    if isinstance(size, int):
        return (size, size)
    if len(size) == 1:
        return (size[0], size[0])
    height, width = size
    return (height, width)
