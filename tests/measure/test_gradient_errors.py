"""Bad input to the gradient: one clear error each."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fieldscope.errors import InputError, LayerNotFoundError, ModelError, PositionError
from fieldscope.measure.torch.gradient import gradient

NET = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 4))
SHAPE = (1, 1, 6, 8)
NO_POSITIONS = (
    "layer 'output' has no spatial axes, and so no positions: its shape is (1, 4)\n"
    "leave the position out"
)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"layer": "0", "position": (4, 0)},
            PositionError,
            "position (4, 0) lies outside layer '0', which has extents (4, 6)",
        ),
        (
            {"layer": "0", "position": (1,)},
            PositionError,
            (
                "layer '0' takes an index on each of its spatial axes, of extents (4, 6); "
                "position (1,) doesn't fit"
            ),
        ),
        (
            {"layer": "0", "position": "middle"},
            PositionError,
            "position is 'middle'; give an index per axis, or 'center'",
        ),
        (
            {"layer": "0", "channel": 2},
            PositionError,
            "channel 2 lies outside layer '0', which has channels: 2",
        ),
        (
            {"position": (0, 0)},
            PositionError,
            NO_POSITIONS,
        ),
        (
            {"layer": "00"},
            LayerNotFoundError,
            "Sequential has no layer '00'\ndid you mean '0'?",
        ),
        ({"mode": "heat"}, InputError, "mode is 'heat'; the modes are 'real' and 'structure'"),
        ({"samples": 0}, InputError, "samples is 0; it must be a whole number, 1 or more"),
        (
            {"input": "x"},
            InputError,
            "there is no input 'x' with spatial axes; those that have some are 'input'",
        ),
    ],
)
@pytest.mark.parametrize("mode", ["real", "structure"])
def test_what_doesnt_fit_is_told(
    options: dict[str, Any], error: type[Exception], message: str, mode: str
) -> None:
    with pytest.raises(error) as caught:
        gradient(NET, SHAPE, **{"mode": mode, **options})
    assert str(caught.value) == message


def test_several_inputs_ask_for_a_name() -> None:
    with pytest.raises(InputError) as caught:
        gradient(lambda a, b: a + b, (SHAPE, SHAPE))
    assert str(caught.value) == (
        "the model has several inputs with spatial axes: 'a' and 'b'\n"
        "say which one is measured, such as input='a'"
    )


def ignores(x: Tensor) -> Tensor:
    return torch.ones(1, 1, 3, 3)


@torch.no_grad()
def without_gradient(x: Tensor) -> Tensor:
    return x * 2


@pytest.mark.parametrize("function", [ignores, without_gradient])
def test_a_function_without_gradient_is_told(function: Any) -> None:
    with pytest.raises(ModelError) as caught:
        gradient(function, SHAPE)
    assert str(caught.value) == (
        f"layer 'output' of {function.__name__} doesn't depend on input 'x': its output has no "
        "gradient\nthe forward ignores or detaches it, or runs under torch.no_grad"
    )


def test_structure_looks_through_what_stops_gradients() -> None:
    assert gradient(without_gradient, SHAPE, mode="structure").size == (1, 1)
    assert gradient(lambda x: x.detach().round(), SHAPE, mode="structure").size == (1, 1)
    with pytest.raises(ModelError, match="doesn't depend on input"):
        gradient(ignores, SHAPE, mode="structure")


def test_weights_without_values_are_told() -> None:
    with pytest.raises(ModelError) as caught:
        gradient(nn.Conv2d(1, 1, 3, device="meta"), SHAPE)
    assert str(caught.value) == (
        "no gradient can be measured: the model was built without values for its weights, "
        "such as weight\nbuild it with values"
    )


def test_a_model_that_fails_is_told_with_its_place() -> None:
    with pytest.raises(ModelError, match=r"the model fails on inputs \(1, 3, 6, 8\) at 0: "):
        gradient(NET, (1, 3, 6, 8))


def test_what_cant_be_called_is_told() -> None:
    with pytest.raises(ModelError, match="the model is str, which can't be called"):
        gradient("resnet", SHAPE)  # type: ignore[arg-type]  # the mistake
