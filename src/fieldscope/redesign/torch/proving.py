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


def has_values(model: nn.Module) -> bool:
    """Whether a model can be run for real: its weights have values.

    >>> has_values(nn.Linear(2, 3)), has_values(nn.Linear(2, 3, device="meta"))
    (True, False)
    """
    return not any(one.is_meta for one in (*model.parameters(), *model.buffers()))


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
