"""Boxes measured from the outside, on functions whose box is known by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from torch import nn

from fieldscope.errors import (
    FieldscopeError,
    InputError,
    MissingExtraError,
    ModelError,
    PositionError,
)
from fieldscope.measure.probe import probe

Array = npt.NDArray[Any]
Function = Callable[[Array], Array]
ONE_AT_A_TIME = "one sample a call: the function doesn't take several, or doesn't keep them apart"


def box(*runs: tuple[int, int]) -> tuple[slice, ...]:
    return tuple(slice(lo, hi) for lo, hi in runs)


def three(x: Array) -> Array:
    """Position i of the last axis reads i, i + 1 and i + 2."""
    return x[..., :-2] + x[..., 1:-1] + x[..., 2:]


def windows(
    kernel: Sequence[int],
    stride: Sequence[int],
    reduce: Callable[..., Any] = np.sum,
    first: int = 2,
) -> Function:
    """A window per axis from `first` on, by nothing but indexing."""

    def run(x: Array) -> Array:
        axes = range(first, first + len(kernel))
        seen = sliding_window_view(x, tuple(kernel), axis=tuple(axes))
        steps = (*[slice(None)] * first, *[slice(None, None, s) for s in stride])
        result: Array = reduce(seen[steps], axis=tuple(range(-len(kernel), 0)))
        return result

    return run


@pytest.mark.parametrize(
    ("function", "shape", "position", "hull"),
    [
        (three, (1, 1, 100), 40, box((40, 43))),
        (three, (1, 1, 100), -1, box((97, 100))),
        (three, (1, 1, 3), 0, box((0, 3))),
        (windows([5], [3]), (1, 2, 17), 3, box((9, 14))),
        (windows([1], [1]), (1, 1, 1), 0, box((0, 1))),
        (windows([3, 4], [2, 3]), (1, 3, 20, 31), (4, 0), box((8, 11), (0, 4))),
        (windows([1, 6], [1, 1]), (1, 1, 1, 9), (0, 2), box((0, 1), (2, 8))),
        (windows([2, 1, 3], [2, 1, 1]), (1, 1, 8, 5, 7), (3, 4, 1), box((6, 8), (4, 5), (1, 4))),
        (lambda x: x[:, :, ::-1], (1, 1, 10), 2, box((7, 8))),
        (lambda x: x + x.mean(), (1, 1, 6, 5), (2, 2), box((0, 6), (0, 5))),
        # every fifth element only: the box has gaps
        (lambda x: x[:, :, 3::5].sum(2, keepdims=True), (1, 1, 30), 0, box((3, 29))),
    ],
)
@pytest.mark.parametrize("nan", [True, False])
@pytest.mark.parametrize("batch", [1, 16])
def test_known_boxes_are_found(
    function: Function, shape: tuple[int, ...], position: Any, hull: Any, nan: bool, batch: int
) -> None:
    found = probe(function, shape, position, nan=nan, batch=batch)
    assert found.hull == hull
    assert found.method == ("nan" if nan else "random")
    assert found.size == tuple(run.stop - run.start for run in hull)
    assert found.confirmed
    assert not found.remarks or found.remarks == (ONE_AT_A_TIME,)


@settings(max_examples=30)
@given(st.data())
def test_the_box_of_any_window_is_found(data: st.DataObject) -> None:
    axes = data.draw(st.integers(1, 3))

    def draw(low: int, high: int) -> list[int]:
        return [data.draw(st.integers(low, high)) for _ in range(axes)]

    kernel, stride, extra = draw(1, 6), draw(1, 4), draw(0, 20)
    extents = [k + e for k, e in zip(kernel, extra, strict=True)]
    places = [data.draw(st.integers(0, e // s)) for e, s in zip(extra, stride, strict=True)]
    reductions: list[Callable[..., Any]] = [np.sum, np.max, np.nanmax, np.median]
    reduce = data.draw(st.sampled_from(reductions))
    found = probe(windows(kernel, stride, reduce), (1, 1, *extents), places)
    starts = [p * s for p, s in zip(places, stride, strict=True)]
    assert found.hull == box(*[(a, a + k) for a, k in zip(starts, kernel, strict=True)])


def test_the_centre_is_probed_where_nothing_is_said() -> None:
    found = probe(windows([3, 3], [1, 1]), (1, 1, 12, 21))
    assert found.position == (5, 9)
    assert found.hull == box((5, 8), (9, 12))


def test_a_function_on_channels_last_says_its_axes() -> None:
    found = probe(windows([3, 5], [1, 2], first=1), (1, 9, 20, 3), (4, 2), axes=(1, 2))
    assert (found.hull, found.axes) == (box((4, 7), (4, 9)), (1, 2))


def test_axes_may_be_counted_from_the_end() -> None:
    assert probe(three, (1, 50), 7, axes=[-1]).hull == box((7, 10))


def test_a_vector_has_neither_batch_nor_channels() -> None:
    found = probe(three, (50,), 7, axes=(0,))
    assert found.hull == box((7, 10))
    assert found.remarks == ()  # nobody asked for batches


def test_a_result_without_the_inputs_axes_says_where_the_position_is() -> None:
    def pooled(x: Array) -> Array:  # [n c y x] to [n x]
        result: Array = np.sum(three(x), axis=(1, 2))
        return result

    assert probe(pooled, (1, 2, 4, 20), 5, position_axes=(1,)).hull == box((0, 4), (5, 8))


def test_a_result_without_positions_reads_what_all_of_it_reads() -> None:
    def logits(x: Array) -> Array:
        result: Array = np.sum(x[:, :, 2:7], axis=(1, 2))[:, None] * np.arange(1, 4)
        return result

    assert probe(logits, (1, 2, 10), (), position_axes=()).hull == box((2, 7))


def test_a_channel_is_probed_alone() -> None:
    def two(x: Array) -> Array:
        return np.concatenate([x[:, :, 1:-1], three(x)], axis=1)

    assert probe(two, (1, 1, 20), 5, channel=0).hull == box((6, 7))
    assert probe(two, (1, 1, 20), 5, channel=-1).hull == box((5, 8))
    assert probe(two, (1, 1, 20), 5).hull == box((5, 8))


# NaN that gets lost


def dropping_max(x: Array) -> Array:
    return np.fmax(x[..., :-1], x[..., 1:])


@pytest.mark.parametrize(
    ("function", "hull"),
    [
        (dropping_max, (30, 32)),
        (windows([4], [1], np.nanmax), (30, 34)),
        (lambda x: np.nan_to_num(three(x)), (30, 33)),
        (lambda x: three(np.nan_to_num(x)), (30, 33)),
        (lambda x: three(np.where(x > 0, x, 0)), (30, 33)),
        (lambda x: np.fmax(x[..., :-1], 0) + 2 * dropping_max(x), (30, 32)),
    ],
)
@pytest.mark.parametrize("batch", [1, 16])
def test_functions_that_lose_nan_are_probed_by_random_changes(
    function: Function, hull: tuple[int, int], batch: int
) -> None:
    found = probe(function, (1, 1, 64), 30, batch=batch)
    assert (found.hull, found.method) == (box(hull), "random")


def test_nan_that_is_lost_in_part_is_told() -> None:
    # The neighbour is read only where it is larger, and NaN never is.
    def gate(x: Array) -> Array:
        return x[..., :-1] + np.fmax(x[..., 1:], 3)

    (remark,) = probe(gate, (1, 1, 64), 30).remarks
    assert remark == (
        "NaN got lost on the way, as in a maximum that skips it: elements outside of its box, "
        "30:31, matter; random changes found the hull"
    )


def test_rectified_outputs_are_seen_whatever_their_sign() -> None:
    for seed in range(8):
        relu = probe(lambda x: np.maximum(three(x), 0), (1, 1, 64), 30, nan=False, seed=seed)
        assert relu.hull == box((30, 33))
        mirrored = probe(lambda x: np.minimum(three(x), 0), (1, 1, 64), 30, nan=False, seed=seed)
        assert mirrored.hull == box((30, 33))


def test_a_function_that_refuses_nan_is_probed_by_random_changes() -> None:
    def careful(x: Array) -> Array:
        if np.isnan(x).any():
            raise ValueError("NaN is not welcome")
        return three(x)

    found = probe(careful, (1, 1, 64), 30)
    assert (found.hull, found.method) == (box((30, 33)), "random")


def test_warnings_about_nan_and_overflow_are_kept_quiet() -> None:
    found = probe(lambda x: three(np.exp(x)), (1, 1, 20), 4)
    assert found.hull == box((4, 7))


# What NaN finds and numbers don't


def test_a_weight_of_zero_lets_nan_through_and_nothing_else() -> None:
    causal = np.tril(np.ones((64, 64), np.float32)).T
    found = probe(lambda x: x @ causal, (1, 1, 64), 30)
    assert (found.hull, found.seen, found.confirmed) == (box((0, 64)), box((0, 31)), False)
    assert found.remarks == (
        (
            "NaN found the hull, but random changes reach only 0:31 of it: the rest is "
            "multiplied by zero (a mask, a weight), is too weak for the precision, or hangs on "
            "dead units"
        ),
    )
    assert probe(lambda x: x @ causal, (1, 1, 64), 30, nan=False).hull == box((0, 31))


def test_a_dead_unit_lets_nan_through_and_nothing_else() -> None:
    found = probe(lambda x: np.maximum(three(x) - 1e9, 0), (1, 1, 64), 30)
    assert (found.hull, found.seen) == (box((30, 33)), box((30, 30)))
    assert "random changes of the whole input do nothing at the position" in found.remarks[0]


def test_influence_too_weak_for_the_precision_is_seen_by_nan() -> None:
    weights = np.array([1e-20, 1, 1e-20], dtype=np.float32)
    found = probe(lambda x: sliding_window_view(x, 3, axis=2) @ weights, (1, 1, 40), 10)
    assert (found.hull, found.seen) == (box((10, 13)), box((11, 12)))


def fft(x: Array) -> Array:
    """A circular convolution: position i reads the five elements up to i."""
    kernel = np.zeros(x.shape[-1])
    kernel[:5] = 1
    n = x.shape[-1]
    return np.fft.irfft(np.fft.rfft(x) * np.fft.rfft(kernel), n=n)


def test_rounding_that_an_fft_spreads_is_told_and_left_out_on_request() -> None:
    found = probe(fft, (1, 1, 64), 30)
    assert found.hull == box((0, 64))  # NaN gets everywhere in a transform
    assert "rounding errors that an FFT or Winograd convolution spreads" in found.remarks[0]
    assert probe(fft, (1, 1, 64), 30, nan=False).remarks[0].startswith("the change by an outer")
    assert probe(fft, (1, 1, 64), 30, nan=False, tolerance=1e-5).hull == box((26, 31))


def test_elements_that_matter_only_together_are_both_inside() -> None:
    def both(x: Array) -> Array:
        return np.fmax(np.fmin(x[..., 2], x[..., 7]), 5)[..., None]

    assert probe(both, (1, 1, 20), 0, nan=False).hull == box((2, 8))


# Batches and calls


def one_sample(x: Array) -> Array:
    if len(x) != 1:
        raise ValueError("a batch of one, please")
    return three(x)


def mixing(x: Array) -> Array:
    """Batch statistics: a sample's result depends on the others."""
    result: Array = three(x - x.mean(axis=0, keepdims=True)) + x.sum() * 0 + three(x)
    return result


@pytest.mark.parametrize(
    "function",
    [
        one_sample,
        mixing,
        lambda x: three(x[:1]),  # forgets the others
        lambda x: three(x).reshape(1, 1, -1),  # takes them for one long sample
        lambda x: np.repeat(three(x[:1]), len(x), axis=0),  # gives the first's result to all
    ],
)
@pytest.mark.parametrize("nan", [True, False])
def test_functions_that_do_not_take_batches_are_called_with_one_sample(
    function: Function, nan: bool
) -> None:
    found = probe(function, (1, 1, 64), 30, nan=nan)
    if function is not mixing:
        assert found.hull == box((30, 33))
    assert found.remarks[-1] == ONE_AT_A_TIME


def test_a_batch_that_is_part_of_the_shape_is_kept() -> None:
    def pair(x: Array) -> Array:
        assert len(x) == 2
        return x[:1, :, 2:] + x[1:, :, :-2]

    assert probe(pair, (2, 1, 30), 5).hull == box((5, 8))


@pytest.mark.parametrize("extent", [64, 128, 256, 512, 1024, 2048, 4096])
def test_calls_grow_with_the_logarithm_of_the_extent(extent: int) -> None:
    # 2 clean, 4 references, 1 for the whole with NaN and one without, 4 random for the outside,
    # 1 for each end; and log2(extent) halvings for each of two ends.
    found = probe(three, (1, 1, extent), 40, batch=1)
    assert found.calls == found.evaluations == 14 + 2 * (extent.bit_length() - 1)


@pytest.mark.parametrize(("extent", "rounds"), [(64, 2), (512, 3), (4096, 4)])
def test_a_batch_searches_both_ends_at_once_in_ninths(extent: int, rounds: int) -> None:
    # 16 slots are 8 places to look at each end: every round leaves a ninth.
    found = probe(three, (1, 1, extent), 40)
    assert found.calls == 8 + rounds
    assert found.evaluations == 2 + 16 * (6 + rounds)


def test_no_call_takes_more_than_the_batch() -> None:
    sizes = set()

    def counting(x: Array) -> Array:
        sizes.add(len(x))
        return three(x)

    assert probe(counting, (1, 1, 100), 40, batch=10).hull == box((40, 43))
    assert sizes == {1, 8}  # as many as hold whole rounds of 4 draws


def test_the_functions_own_arrays_are_its_to_write_on() -> None:
    def greedy(x: Array) -> Array:
        x *= 2
        return x[..., 1:]

    assert probe(greedy, (1, 1, 30), 4).hull == box((5, 6))


def test_rounding_that_differs_between_slots_is_no_change() -> None:
    def uneven(x: Array) -> Array:
        slots = np.arange(len(x), dtype=np.float32).reshape(-1, 1, 1)
        result: Array = three(x) * (1 + 1e-6 * slots)
        return result

    assert probe(uneven, (1, 1, 64), 30).hull == box((30, 33))


def test_a_function_that_rounds_differently_each_time_is_given_a_tolerance() -> None:
    noise = np.random.default_rng(0)

    def hasty(x: Array) -> Array:
        return np.asarray(three(x) * (1 + 1e-9 * noise.random()))

    for nan in (True, False):
        found = probe(hasty, (1, 1, 64), 30, nan=nan, tolerance=1e-6)
        assert (found.hull, found.confirmed) == (box((30, 33)), True)


def test_the_same_seed_gives_the_same_answer() -> None:
    first, second = (probe(dropping_max, (1, 1, 64), 30, seed=3) for _ in range(2))
    assert first == second


# Frameworks


def test_a_torch_module_is_a_black_box() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, (5, 3), (3, 2)),
        nn.ReLU(),
        nn.Conv2d(4, 4, (5, 3), 2),
        nn.BatchNorm2d(4),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.Conv2d(4, 1, 3),
    ).eval()
    found = probe(net, (1, 1, 80, 60), (3, 5), framework="torch")
    # sizes 41 × 23, strides 6 and 4, starts −6 and −4
    assert found.hull == box((12, 53), (16, 39))
    assert found.method == "nan"


def test_max_pooling_of_torch_is_found_by_either_way() -> None:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv1d(1, 3, 3), nn.MaxPool1d(4), nn.ReLU(), nn.Conv1d(3, 2, 2))
    for nan in (True, False):
        assert probe(net, (1, 1, 64), 5, framework="torch", nan=nan).hull == box((20, 30))


def test_results_in_bfloat16_are_read() -> None:
    def brief(x: Any) -> Any:
        return three(x).bfloat16()  # type: ignore[attr-defined]  # a tensor in truth

    found = probe(brief, (1, 1, 20), 4, framework="torch")
    assert found.hull == box((4, 7))


def test_an_example_gives_values_and_type() -> None:
    def logarithm(x: Array) -> Array:
        assert x.dtype == np.float64
        with np.errstate(invalid="ignore"):
            return three(np.log(x))

    assert probe(logarithm, (1, 1, 20), 4, example=np.full((1, 1, 20), 2.0)).hull == box((4, 7))


def session(batch: int | str, *, inputs: int = 1, outputs: int = 1, kind: int = 1) -> Any:
    """An ONNX Runtime session of a 3-convolution, a rectifier and a pooling of 2."""
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    make = onnx.helper
    weight = np.arange(1, 4, dtype=np.float32).reshape(1, 1, 3) - 2.5
    names = [f"x{k}" for k in range(inputs)]
    nodes = [
        make.make_node("Cast", [names[0]], ["cast"], to=1),
        make.make_node("Conv", ["cast", "w"], ["conv"], dilations=[2]),
        make.make_node("Relu", ["conv"], ["relu"]),
        make.make_node("MaxPool", ["relu"], ["y0"], kernel_shape=[2], strides=[2]),
        *[make.make_node("Identity", ["y0"], [f"y{k}"]) for k in range(1, outputs)],
    ]
    graph = make.make_graph(
        nodes,
        "net",
        [make.make_tensor_value_info(name, kind, [batch, 1, 40]) for name in names],
        [make.make_tensor_value_info(f"y{k}", 1, None) for k in range(outputs)],
        [onnx.numpy_helper.from_array(weight, "w")],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=9)
    return runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("batch", ["n", 1])
@pytest.mark.parametrize("nan", [True, False])
def test_a_session_of_onnx_runtime_is_a_function(batch: int | str, nan: bool) -> None:
    found = probe(session(batch), (1, 1, 40), 5, nan=nan)
    assert found.hull == box((10, 16))
    assert found.remarks == (() if batch == "n" else (ONE_AT_A_TIME,))


def test_a_session_in_a_function_is_one_too() -> None:
    ort = session("n")
    assert probe(lambda x: ort.run(None, {"x0": x})[0], (1, 1, 40), 5).hull == box((10, 16))


def test_a_session_says_its_type() -> None:
    assert probe(session("n", kind=11), (1, 1, 40), 5).hull == box((10, 16))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inputs": 2}, "the session has 2 inputs: 'x0' and 'x1'\npass a function of one input"),
        ({"outputs": 2}, "the session has 2 outputs: 'y0' and 'y1'\npass a function of one input"),
        ({"kind": 7}, "the session's input 'x0' is a tensor(int64); a probe changes numbers with"),
    ],
)
def test_a_session_that_is_no_function_of_one_array_is_refused(
    options: dict[str, int], message: str
) -> None:
    with pytest.raises(ModelError) as caught:
        probe(session("n", **options), (1, 1, 40), 5)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("framework", "module", "maker"),
    [("jax", "jax.numpy", "asarray"), ("tensorflow", "tensorflow", "convert_to_tensor")],
)
def test_arrays_are_handed_over_in_the_frameworks_own_kind(
    monkeypatch: pytest.MonkeyPatch, framework: Any, module: str, maker: str
) -> None:
    class Tensor:
        def __init__(self, values: Array) -> None:
            self.values = values

        def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
            return np.array(self.values, dtype=dtype)

    fake = ModuleType(module)
    setattr(fake, maker, Tensor)
    monkeypatch.setitem(sys.modules, framework, ModuleType(framework))
    monkeypatch.setitem(sys.modules, module, fake)
    found = probe(lambda x: Tensor(three(x.values)), (1, 1, 20), 4, framework=framework)
    assert found.hull == box((4, 7))


@pytest.mark.parametrize(
    ("framework", "extra"), [("jax", "jax"), ("tensorflow", "keras"), ("keras", "keras")]
)
def test_a_missing_framework_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, framework: Any, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, framework, None)
    with pytest.raises(MissingExtraError) as caught:
        probe(three, (1, 1, 20), 4, framework=framework)
    assert str(caught.value) == (
        f"probing with framework={framework!r} needs {framework}, which isn't installed\n"
        f'install fieldscope[{extra}]: pip install "fieldscope[{extra}]"'
    )


# Errors


def dropout(x: Array) -> Array:
    return x * RANDOM.random(x.shape)


RANDOM = np.random.default_rng(0)


def fragile(x: Array) -> Array:
    if np.abs(x).max() > 50:
        raise OverflowError("values up to 50 only\nreally")
    return three(x)


@pytest.mark.parametrize(
    ("function", "options", "kind", "message"),
    [
        (
            three,
            {"position": 98},
            PositionError,
            (
                "position 98 lies outside the function's result of shape (1, 1, 98): "
                "axis 2 has extent 98"
            ),
        ),
        (
            three,
            {"position": (3, 4)},
            PositionError,
            (
                "position (3, 4) has 2 numbers; the function's result of shape (1, 1, 98) has 1 "
                "position axes, of extents (98,)"
            ),
        ),
        (
            three,
            {"position": "middle"},
            InputError,
            "position 'middle' is neither \"center\" nor indices, one per axis",
        ),
        (
            three,
            {"channel": 1},
            PositionError,
            "channel 1 lies outside the function's result of shape (1, 1, 98): axis 1 has extent 1",
        ),
        (
            lambda x: three(x)[0, 0],
            {"channel": 1, "position_axes": (0,)},
            PositionError,
            "the function's result has no channels: shape (98,)",
        ),
        (
            lambda x: x[..., :0],
            {"position": "center"},
            PositionError,
            "position 0 lies outside the function's result of shape (1, 1, 0): axis 2 has extent 0",
        ),
        (
            three,
            {"shape": (1, 0, 9)},
            InputError,
            "shape is (1, 0, 9); want the input's extents with batch, whole numbers of 1 or more",
        ),
        (three, {"shape": "abc"}, InputError, "shape is 'abc'; want the input's extents with"),
        (three, {"shape": (1, 2.5)}, InputError, "shape is (1, 2.5); want the input's extents"),
        (three, {"shape": ()}, InputError, "shape is (); want the input's extents with batch"),
        (
            three,
            {"shape": (100,)},
            InputError,
            (
                "an input of shape (100,) has no axes behind batch and channels\n"
                "say which are spatial: axes=(0,) for those of a vector"
            ),
        ),
        (
            three,
            {"axes": (3,)},
            InputError,
            "axes is (3,); an input of shape (1, 1, 100) has axes 0 to 2, each to be named once",
        ),
        (three, {"axes": (2, -1)}, InputError, "axes is (2, -1); an input of shape (1, 1, 100)"),
        (three, {"axes": ()}, InputError, "axes is (); a box needs one\nsay which are spatial"),
        (
            lambda x: x.sum(axis=1),
            {},
            InputError,
            (
                "the function returns shape (1, 100), of 2 axes where the input has 3, so the "
                "position's aren't clear\nsay which they are: position_axes=(1,) for "
                "(batch, time), () for none"
            ),
        ),
        (
            three,
            {"position_axes": (5,)},
            InputError,
            "position_axes is (5,); a result of shape (1, 1, 98) has axes 0 to 2",
        ),
        (three, {"draws": 0}, InputError, "draws is 0; want 1 or more"),
        (three, {"batch": 0}, InputError, "batch is 0; want 1 or more"),
        (
            three,
            {"framework": "pytorch"},
            InputError,
            (
                "framework 'pytorch' is unknown; did you mean torch?\n"
                "it says what arrays the function takes: numpy, torch, jax, tensorflow or keras"
            ),
        ),
        (
            three,
            {"dtype": "int64"},
            InputError,
            'the input is int64; a probe changes floating-point numbers\npass dtype="float32"',
        ),
        (
            three,
            {"example": np.ones((1, 1, 7))},
            InputError,
            "example has shape (1, 1, 7); want a finite input of shape (1, 1, 100)",
        ),
        (
            three,
            {"example": np.full((1, 1, 100), np.nan)},
            InputError,
            "example holds NaN or infinity; want a finite input of shape (1, 1, 100)",
        ),
        (3, {}, ModelError, "probe can't call 3\npass a function on arrays, a module or an ONNX"),
        (
            lambda x: x * 0,
            {"nan": False},
            ModelError,
            (
                "nothing changes at the position, even when the whole input does: the function "
                "ignores its input there\n"
                "choose another position or channel, or more draws= if dead units may hide it"
            ),
        ),
        (np.ones_like, {}, ModelError, "nothing changes at the position, even when the whole"),
        (
            lambda x: x * np.nan,
            {},
            ModelError,
            (
                "the function returns NaN or infinity at the position, for a clean input without "
                "any, so no change can be seen\n"
                "pass example=<an input on which it is finite>, or channel= for one that is"
            ),
        ),
        (
            lambda x: np.concatenate([x, x / 0], axis=1),
            {},
            ModelError,
            "the function returns NaN or infinity at the position in 1 of 2 numbers, for a clean",
        ),
        (
            dropout,
            {},
            ModelError,
            (
                "two calls on the same input differ: the function draws random numbers or keeps a "
                "state\nswitch that off (model.eval() for dropout), or pass tolerance=1e-5 if "
                "it only rounds differently each time"
            ),
        ),
        (
            lambda x: x @ np.ones((3, 3)),
            {},
            ModelError,
            "the function fails on an input of shape (1, 1, 100), float32: ValueError: matmul:",
        ),
        (
            fragile,
            {},
            ModelError,
            (
                "the function fails once its input is changed: OverflowError: values up to 50 "
                "only\nwrap it so that it takes any finite input, or pass example=<a real input>"
            ),
        ),
        (
            lambda x: (x, x),
            {},
            ModelError,
            (
                "the function returned a tuple of 2 arrays\n"
                "pass a function of one input and one result: lambda x: f(x)[...]"
            ),
        ),
        (
            lambda x: {"a": x, "b": x},
            {},
            ModelError,
            "the function returned a dict of 2 arrays\npass a function of one input",
        ),
        (
            lambda x: "nothing",
            {},
            ModelError,
            "the function returned 'str', which is no array of numbers\npass a function of one",
        ),
        (
            lambda x: x[:, :, x[0, 0] < 20][:, :, :1].repeat(1 + (x.max() > 20), axis=1),
            {"position": 0},
            ModelError,
            (
                "the function's result changes its shape with the input's values: (1, 1) and "
                "(1, 2) at the position\nprobe a part of it whose shape stays"
            ),
        ),
    ],
)
def test_what_cannot_be_probed_is_said_and_why(
    function: Any, options: dict[str, Any], kind: type[FieldscopeError], message: str
) -> None:
    given = {"shape": (1, 1, 100), "position": 40, **options}
    with pytest.raises(kind) as caught:
        probe(function, given.pop("shape"), given.pop("position"), **given)
    assert str(caught.value).startswith(message)


def test_dropout_in_training_mode_is_told_to_be_switched_off() -> None:
    net = nn.Sequential(nn.Conv1d(1, 8, 3), nn.Dropout(0.5))
    with pytest.raises(ModelError, match=r"two calls on the same input differ.*\n.*model\.eval"):
        probe(net, (1, 1, 30), 4, framework="torch")
    assert probe(net.eval(), (1, 1, 30), 4, framework="torch").hull == box((4, 7))


def test_one_result_in_a_list_or_a_dict_is_taken_out() -> None:
    assert probe(lambda x: [three(x)], (1, 1, 30), 4).hull == box((4, 7))
    assert probe(lambda x: {"out": three(x)}, (1, 1, 30), 4).hull == box((4, 7))


def test_the_answer_reads_as_a_line_and_its_remarks() -> None:
    found = probe(three, (1, 1, 30), 4)
    assert repr(found) == ("Probe(position=(4,), hull=(4:7), size=(3,), method='nan', calls=10)")
    told = probe(one_sample, (1, 1, 30), 4)
    assert repr(told).splitlines()[1:] == [f"  {ONE_AT_A_TIME}"]


def test_whatever_runs_and_has_inputs_is_a_session() -> None:
    one = SimpleNamespace(name="x", type="tensor(float)")
    quacking: Any = SimpleNamespace(
        run=lambda names, feed: [three(feed["x"])],
        get_inputs=lambda: [one],
        get_outputs=lambda: [one],
    )
    assert probe(quacking, (1, 1, 30), 4).hull == box((4, 7))
