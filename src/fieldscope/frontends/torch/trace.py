"""From a PyTorch model, or any callable on tensors, to a graph with names."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

import torch

from fieldscope.errors import FieldscopeError, InputError, ModelError, TraceError
from fieldscope.frontends.blame import told
from fieldscope.frontends.inputs import Axes
from fieldscope.frontends.naming import Names
from fieldscope.frontends.torch.inputs import Given, given, real, spatial_axes
from fieldscope.frontends.torch.parameters import parameters_of
from fieldscope.frontends.torch.recorder import Recorder
from fieldscope.frontends.torch.recurrence import RecurrentCalls
from fieldscope.frontends.torch.restored import Restorer, left_as_found
from fieldscope.frontends.torch.scopes import Observer, modules_of, watching
from fieldscope.graph.trace import Trace, TracedInput

Follow: TypeAlias = Callable[[Recorder, Observer], contextlib.AbstractContextManager[Any]]
"""What else watches a trace while it runs."""

_lock = threading.RLock()
"""One trace at a time: models are set to eval mode meanwhile, and modules are watched."""


class _Watch:
    """What happens at module calls: naming, eval mode, recurrent layers taken whole."""

    def __init__(self, observer: Observer, restorer: Restorer, calls: RecurrentCalls) -> None:
        self._observer = observer
        self._restorer = restorer
        self._calls = calls

    def before(self, module: torch.nn.Module) -> None:
        """A module is called: also one that isn't registered anywhere is set to eval mode."""
        self._restorer.take(module)
        self._observer.enter(module)
        self._calls.enter(module)

    def after(self, module: torch.nn.Module, output: Any) -> None:
        """A module returns."""
        self._calls.leave(module)
        self._observer.leave(module, output)


def trace(
    model: Callable[..., Any],
    inputs: Any,
    *,
    axes: Axes = None,
    example: Any = None,
    name: str | None = None,
    follow: Follow | None = None,
) -> Trace:
    """Run a model once on shapes and record what every operator reads.

    Args:
        model: module or callable on tensors.
        inputs: shapes with batch, tensors, or several of them; ignored with `example`.
        axes: spatial axes of the inputs; see `fieldscope.analyze`.
        example: real inputs to run instead.
        name: name of the model in the report.
        follow: makes what watches the run beside the recorder.

    Raises:
        InputError: the inputs aren't shapes or tensors, or have no spatial axes.
        ModelError: the model raises on inputs of these shapes.
        TraceError: its forward depends on values, or its output on nothing.
    """
    if not callable(model):
        raise ModelError(
            f"the model is {type(model).__name__}, which can't be called; "
            "pass an nn.Module or a function of tensors"
        )
    with _lock, torch.no_grad():
        call = (
            real(model, example)
            if example is not None
            else given(model, inputs, weight_type(model))
        )
        spatial = spatial_axes(call.tensors, axes)
        return _recorded(
            model, call, spatial, example=example is not None, name=name, follow=follow
        )


def weight_type(model: Any) -> torch.dtype:
    """The floating-point type of a model's weights."""
    for root in roots_of(model).values():
        for parameter in root.parameters():
            if parameter.is_floating_point():
                return parameter.dtype
    return torch.get_default_dtype()


def roots_of(model: Callable[..., Any]) -> dict[str, torch.nn.Module]:
    """The modules of a model by the names that paths begin with: "" for a module itself."""
    return {"": model} if isinstance(model, torch.nn.Module) else modules_of(model)


def paths_of(roots: dict[str, torch.nn.Module]) -> dict[int, str]:
    """The path of each module, by its identity."""
    names: dict[int, str] = {}
    for root, module in roots.items():
        for path, part in module.named_modules():
            names.setdefault(id(part), f"{root}.{path}".strip("."))
    return names


def _recorded(
    model: Callable[..., Any],
    call: Given,
    spatial: dict[str, tuple[tuple[int, ...], tuple[str, ...]]],
    *,
    example: bool,
    name: str | None,
    follow: Follow | None,
) -> Trace:
    recorder = Recorder(example=example)
    traced = []
    for key, tensor in call.tensors.items():
        places, labels = spatial[key]
        recorder.aliases.hold(tensor, recorder.builder.input(tensor.shape))
        traced.append(TracedInput(key, tuple(tensor.shape), places, labels))
    roots = roots_of(model)
    observer = Observer(
        paths_of(roots), lambda output: _values(recorder, output), lambda: len(recorder.operations)
    )
    recorder.observer = observer
    modules = [module for root in roots.values() for module in root.modules()]
    with left_as_found(modules) as restorer:
        calls = RecurrentCalls(recorder)
        watch = _Watch(observer, restorer, calls)
        following = contextlib.nullcontext() if follow is None else follow(recorder, observer)
        try:
            with watching(watch), recorder, following:
                output = model(*call.args, **call.kwargs)
        except FieldscopeError:
            raise
        except Exception as error:
            raise _explained(error, observer, call) from error
        finally:
            calls.close()
        outputs = _values(recorder, output)
    if not outputs:
        raise TraceError(
            "the model's output doesn't depend on its input: "
            f"it returned {type(output).__name__}, in which no tensor was computed from the input"
        )
    names = Names(recorder.builder, recorder.operations, observer.root)
    layers = tuple(layer for _, layer in names.layers)
    origins = tuple(names.origins())
    return Trace(
        model=name or getattr(model, "__name__", None) or type(model).__name__,
        framework="torch",
        graph=recorder.builder.build(),
        inputs=tuple(traced),
        layers=layers,
        containers=tuple(container for _, container in names.containers if container.name),
        aliases=tuple(names.aliases),
        outputs=tuple((f"output{key}", value) for key, value in outputs),
        origins=origins,
        parameters=parameters_of(roots, layers, origins),
    )


def results_in(output: Any) -> list[tuple[str, torch.Tensor]]:
    """The tensors in nested outputs, each with its place: "", "[0]", "['aux']"."""
    found: list[tuple[str, torch.Tensor]] = []

    def search(part: Any, place: str, depth: int) -> None:
        if isinstance(part, torch.Tensor):
            found.append((place, part))
        elif depth < 8 and isinstance(part, dict):
            for key, one in part.items():
                search(one, f"{place}[{key!r}]", depth + 1)
        elif depth < 8 and isinstance(part, (list, tuple)):
            for k, one in enumerate(part):
                search(one, f"{place}[{k}]", depth + 1)
        elif depth < 8 and hasattr(part, "__dataclass_fields__"):
            for key in part.__dataclass_fields__:
                search(getattr(part, key, None), f"{place}[{key!r}]", depth + 1)

    search(output, "", 0)
    return found


def _values(recorder: Recorder, output: Any) -> list[tuple[str, int]]:
    """The values in nested outputs, each with its place."""
    placed = ((place, recorder.value(tensor)) for place, tensor in results_in(output))
    return [(place, value) for place, value in placed if value is not None]


def _explained(error: Exception, observer: Observer, call: Given) -> FieldscopeError:
    shapes = ", ".join(f"{key} {tuple(t.shape)}" for key, t in call.tensors.items())
    place = observer.current.path
    where = f" at {place}" if place else ""
    text = str(error).strip().splitlines()[0] if str(error).strip() else "no message"
    if isinstance(error, TypeError) and "argument" in text and not place:
        return InputError(
            f"the model can't be called with {len(call.args) + len(call.kwargs)} input(s) "
            f"({shapes}): {text}\ngive as many inputs as its forward needs, or a dict by name"
        )
    return ModelError(
        f"the model fails on inputs {shapes}{where}: {told(error)}\n"
        "check number of channels, extents and type of the inputs against what the model takes"
    )
