"""What lowerings of all frameworks share, against NumPy: the elements' numbers, moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fieldscope.errors import RegistrationError
from fieldscope.frontends.inputs import Spec, channels_first, channels_last
from fieldscope.frontends.lowering import indexing
from fieldscope.frontends.lowering.program import Call, Program, Scopes, Tensor
from fieldscope.frontends.lowering.registry import Lowerings
from fieldscope.geometry.sliding import Sliding
from fieldscope.graph.operators import Channels, Gather, Permute, Window
from tests.networks.witness import read

SHAPE = (2, 3, 4)
NUMBERS = np.arange(24).reshape(SHAPE)


def moved(move: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> tuple[Program, Tensor]:
    """A program that moves elements as a function of NumPy does."""
    index = move(NUMBERS)
    program = Program("numpy")
    x = program.input("x", Spec(SHAPE))

    def rule(call: Call, x: Tensor) -> int:
        return indexing.chosen(call, call.value(x), index)

    (y,) = program.lower("move", rule, [Tensor(index.shape)], x)
    return program, y


@pytest.mark.parametrize(
    ("move", "by_axis"),
    [
        (lambda a: a.transpose(2, 0, 1), True),
        (lambda a: a[:, ::-1, 1:3], True),
        (lambda a: a[1, :, [0, 2, 2]], True),
        (lambda a: np.broadcast_to(a[:, :1], (5, 2, 3, 4)), True),
        (lambda a: a[0, 1, 2], True),
        (lambda a: np.repeat(a, 2, axis=1)[:, None], True),
        (lambda a: a.reshape(6, 4), False),
        (lambda a: a.reshape(-1)[::5], False),
        (lambda a: np.roll(a, 1), False),
        (lambda a: np.diagonal(a, axis1=1, axis2=2), False),
        (lambda a: np.where(a % 2, a, -1), False),
    ],
)
def test_any_movement_is_lowered_by_the_numbers_of_elements(move: Any, by_axis: bool) -> None:
    program, y = moved(move)
    trace = program.trace("m", [("output", y)], axes=(0, 1, 2), otherwise=channels_first)
    index = move(NUMBERS)
    for place in np.ndindex(index.shape):
        (found,) = read(trace, 0, place)
        assert found.reshape(-1).nonzero()[0].tolist() == [n for n in [index[place]] if n >= 0]
    whole = [n for n in trace.graph if isinstance(n.operator, Gather) and len(n.shape) == 1]
    assert not (by_axis and whole)


def test_the_network_tells_which_axes_are_spatial() -> None:
    def traced(order: tuple[int, ...] | None) -> tuple[int, ...]:
        program = Program("toy")
        shape = (1, 8, 9, 3)
        x = program.input("x", Spec(shape))
        if order is not None:
            new = tuple(shape[k] for k in order)
            (x,) = program.lower(
                "permute", lambda call, x: call.permute(call.value(x), order), [Tensor(new)], x
            )
            one = Sliding(1)

            def convolve(call: Call, x: Tensor) -> int:
                window = Window((2, 3), (one, one), Channels(1))
                return call.add(window, [call.value(x)], call.shape)

            (x,) = program.lower("conv", convolve, [Tensor((1, 5, *new[2:]))], x)
        trace = program.trace("m", [("output", x)], axes=None, otherwise=channels_last)
        assert isinstance(trace.graph.nodes[1 if order else 0].operator, Permute) or order is None
        return trace.inputs[0].spatial

    assert traced((0, 3, 1, 2)) == (1, 2)
    assert traced((0, 1, 3, 2)) == (2, 3)
    assert traced(None) == (1, 2)


def test_two_rules_for_one_operator_are_refused() -> None:
    table = Lowerings("toy")

    @table.lowers("relu")
    def first(call: Call, x: Tensor) -> int:
        return call.value(x)

    with pytest.raises(RegistrationError, match=r"two lowerings for toy\.relu: .*first .* and .*"):
        table.lowers("relu")(lambda call, x: 0)


def test_a_rule_that_makes_another_shape_is_refused() -> None:
    program = Program("toy")
    x = program.input("x", Spec((1, 2, 3)))
    with pytest.raises(AssertionError, match=r"toy\.relu made \(1, 2, 3\) .* shape \(1, 2\)"):
        program.lower("relu", lambda call, x: call.value(x), [Tensor((1, 2))], x)


def test_scopes_become_layers_and_containers() -> None:
    program = Program("toy")
    x = program.input("x", Spec((1, 2, 9)))

    def relu(call: Call, x: Tensor) -> int:
        return call.pointwise(x)

    def call(path: str, x: Tensor, *, whole: bool = False, name: str = "") -> Tensor:
        steps = [(step, "") for step in path.split(".") if step]
        scope = program.scopes.at(steps, whole=whole)
        (y,) = program.lower(
            "relu", relu, [Tensor(x.shape)], x, scope=scope, name=name, aliases=(f"/{path}/{name}",)
        )
        return y

    x = call("block.norm", x, whole=True, name="a")
    x = call("block.norm", x, whole=True, name="b")
    x = call("block", x)
    x = call("block.other", x, name="c")
    x = call("", x, name="last")
    trace = program.trace("m", [("output", x)], axes=None, otherwise=channels_first)
    assert [layer.name for layer in trace.layers] == [
        "block.norm",
        "block.relu_1",
        "block.other",
        "last",
    ]
    assert [one.name for one in trace.containers] == ["block"]
    # What lies inside of a layer is found by the names that its calls have.
    aliases = {one.name: one.value for one in trace.aliases}
    assert aliases == {
        "/block.norm/a": 1,
        "/block.norm/b": 2,
        "/block/": 3,
        "/block.other/c": 4,
    } | {"//last": 5}
    assert trace.containers[0].value == 4


def test_a_scope_is_one_object() -> None:
    scopes = Scopes()
    assert scopes.at([("a", "A"), ("b", "")]).kind == "module"
    assert scopes.at([("a", "A")]).children == [scopes.at([("a", "A"), ("b", "B")])]
