"""An edited model run for real: whether its code goes along with the edits."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from fieldscope.errors import FieldscopeError, ModelError
from fieldscope.frontends.blame import told
from fieldscope.frontends.inputs import Axes
from fieldscope.frontends.torch.inputs import real
from fieldscope.frontends.torch.restored import left_as_found
from fieldscope.measure.torch.samples import samples_of
from fieldscope.redesign.torch.applying import copied
from fieldscope.redesign.torch.calls import Calls


def has_values(model: nn.Module) -> bool:
    """Whether a model can be run for real: its weights have values.

    >>> has_values(nn.Linear(2, 3)), has_values(nn.Linear(2, 3, device="meta"))
    (True, False)
    """
    return not any(one.is_meta for one in (*model.parameters(), *model.buffers()))


def asleep(model: nn.Module, calls: Calls) -> tuple[str, ...]:
    """The modules with weights that a run in eval mode doesn't call, such as auxiliary heads.

    >>> from fieldscope.redesign.torch.calls import Call
    >>> net = nn.ModuleDict({"body": nn.Linear(2, 3), "aux": nn.Sequential(nn.Linear(3, 1))})
    >>> asleep(net, {"": Call(1), "body": Call(1)})
    ('aux',)
    """
    awake = {""}
    for path in calls:
        parts = path.split(".")
        awake.update(".".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    found: dict[str, None] = {}
    for path, module in model.named_modules():
        if path not in awake and next(module.parameters(recurse=False), None) is not None:
            parts = path.split(".")
            outer = (".".join(parts[:depth]) for depth in range(1, len(parts) + 1))
            found[next(one for one in outer if one not in awake)] = None
    return tuple(found)


def why_not_in_training(
    model: nn.Module,
    inputs: Any,
    *,
    input: str | None = None,
    axes: Axes = None,
    example: Any = None,
    seed: int = 0,
) -> str | None:
    """Run a copy of a model once in training mode and tell why it fails; None if it doesn't."""
    made = copied(model).train()
    devices = sorted({one.get_device() for one in made.parameters() if one.is_cuda})
    with torch.no_grad(), torch.random.fork_rng(devices=devices):
        try:
            if example is not None:
                given = real(made, example)
                made(*given.args, **given.kwargs)
            else:
                for args, kwargs in samples_of(made, inputs, input=input, axes=axes, seed=seed):
                    made(*args, **kwargs)
        except Exception as error:
            return told(error)
    return None


def run(
    model: nn.Module,
    inputs: Any,
    *,
    input: str | None = None,
    axes: Axes = None,
    example: Any = None,
    seed: int = 0,
) -> None:
    """Run a model once, in eval mode and without gradients, on an example or random inputs.

    Raises:
        ModelError: it fails.
    """
    with torch.no_grad(), left_as_found(model.modules()):
        try:
            if example is not None:
                given = real(model, example)
                model(*given.args, **given.kwargs)
            else:
                for args, kwargs in samples_of(model, inputs, input=input, axes=axes, seed=seed):
                    model(*args, **kwargs)
        except FieldscopeError:
            raise
        except Exception as error:
            raise ModelError(f"the edited model fails: {told(error)}") from error
