"""Ways in which people write models, each of which once went wrong."""

from __future__ import annotations

import copy
import math
import re
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import rnn

import fieldscope


def scripted(net: nn.Module) -> nn.Module:
    with warnings.catch_warnings():  # deprecated, and used all the same
        warnings.simplefilter("ignore", DeprecationWarning)
        made: nn.Module = torch.jit.script(net)
        return made


def test_a_layer_that_is_built_when_first_called_is_still_there_to_be_built() -> None:
    class Lazy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.proj: nn.Module | None = None

        def forward(self, x: Tensor) -> Tensor:
            if self.proj is None:
                self.proj = nn.Conv2d(x.shape[1], 2, 3)
            result: Tensor = self.proj(x)
            return result

    net = Lazy()
    assert fieldscope.analyze(net, (1, 3, 8, 8)).output.size == (3, 3)
    assert net.proj is None
    assert net(torch.randn(1, 3, 8, 8)).shape == (1, 2, 6, 6)


def test_a_weight_whose_data_the_forward_assigns_keeps_its_memory() -> None:
    class Standardised(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            self.weight.data = self.weight.data - self.weight.data.mean(1, keepdim=True)
            return super().forward(x)

    net = Standardised(64, 128, 3, padding=1)
    before = net.weight.data_ptr(), net.weight.sum().item()
    fieldscope.analyze(net, (1, 64, 8, 8))
    assert (net.weight.data_ptr(), net.weight.sum().item()) == before


def test_a_cache_in_nested_containers_is_emptied_again() -> None:
    class Cached(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cache: dict[str, list[Tensor]] = {"kv": []}

        def forward(self, x: Tensor) -> Tensor:
            self.cache["kv"].append(x)
            return torch.cat(self.cache["kv"], -1)

    net = Cached()
    fieldscope.analyze(net, (1, 3, 8))
    assert net.cache == {"kv": []}


def test_an_example_writes_to_no_buffer_of_the_model() -> None:
    class Averages(nn.BatchNorm2d):
        def forward(self, x: Tensor) -> Tensor:
            assert self.running_mean is not None
            self.running_mean.mul_(0.9).add_(x.mean((0, 2, 3)))
            return functional.batch_norm(x, self.running_mean, self.running_var, training=True)

    for net in (
        Averages(3),
        scripted(nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))),
    ):
        before = {name: value.clone() for name, value in net.state_dict().items()}
        fieldscope.analyze(net, example=torch.randn(2, 3, 8, 8))
        after = net.state_dict()
        assert all(torch.equal(value, after[name]) for name, value in before.items())
        assert net.training


def test_inference_mode_changes_nothing() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.MaxPool2d(2), nn.Conv2d(8, 4, 3))
    with torch.inference_mode():
        inside = fieldscope.analyze(net, (1, 3, 16, 16)).output
    assert (inside.size, inside.stride, inside.exact) == ((8, 8), (2, 2), True)


@pytest.mark.parametrize(
    "forward",
    [
        lambda x: x[:, [2, 0]],
        lambda x: x.index_select(1, torch.tensor([2, 0], device=x.device)),
        lambda x: torch.where(torch.arange(8, device=x.device) < 4, x, -x),
        lambda x: x * torch.tensor([1.0, 2.0, 3.0], device=x.device).view(1, 3, 1),
        lambda x: copy.deepcopy(x) * 2,
        lambda x: x[..., torch.arange(8) % 2 == 0].repeat_interleave(1, -1),
    ],
    ids=["a list", "an index", "a condition", "factors", "a deep copy", "a mask"],
)
def test_constants_made_on_the_inputs_device_have_values(
    forward: Callable[[Tensor], Tensor],
) -> None:
    output = fieldscope.analyze(forward, (1, 3, 8)).output
    assert (output.size, output.exact) == ((1,), True)


def test_printing_a_tensor_in_the_forward_shows_its_shape(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def forward(x: Tensor) -> Tensor:
        print(x)  # noqa: T201  # people do, to debug
        return x

    fieldscope.analyze(forward, (1, 3, 8))
    assert (
        capsys.readouterr().out == "tensor(shape=(1, 3, 8), dtype=torch.float32, without values)\n"
    )


@pytest.mark.parametrize("how", ["numpy", "tolist"])
def test_leaving_pytorch_asks_for_an_example(how: str) -> None:
    def forward(x: Tensor) -> Tensor:
        return x * float(getattr(x.mean(), how)())

    with pytest.raises(fieldscope.TraceError, match=rf"values for {how}.*\n.*pass example="):
        fieldscope.analyze(forward, (1, 3, 8))


def test_a_loop_over_time_has_an_axis_of_time_again() -> None:
    cell = nn.GRUCell(4, 4)

    def forward(x: Tensor) -> Tensor:
        state, seen = torch.zeros(len(x), 4), []
        for step in range(x.shape[2]):
            state = cell(x[..., step], state)
            seen.append(state)
        return torch.stack(seen, 2)

    output = fieldscope.analyze(forward, (1, 4, 12)).output
    assert output.spatial == (2,)
    assert [output.box((step,)) for step in (0, 3)] == [(slice(0, 1),), (slice(0, 4),)]


def test_writes_through_lists_and_masks_into_a_new_tensor() -> None:
    def forward(x: Tensor) -> Tensor:
        y = torch.zeros(1, 4, 12)
        y[:, [1, 3]] = x[:, :2]
        y[..., 0] = 0
        y[:, 3].zero_()
        return y

    output = fieldscope.analyze(forward, (1, 4, 12)).output
    boxes = [output.box((place,), channel=channel) for place, channel in ((5, 1), (0, 1), (5, 3))]
    assert boxes == [(slice(5, 6),), (slice(0, 0),), (slice(0, 0),)]


@pytest.mark.parametrize(
    ("forward", "shape", "stride", "phases"),
    [
        (nn.PixelShuffle(2), (1, 4, 6, 8), Fraction(1, 2), ((0, 1), (0, 1))),
        (
            lambda x: x.view(1, 1, 5, 4).cumsum(-1).view(1, 1, 20),
            (1, 1, 20),
            1,
            ((0, 1), (0, 2), (0, 3), (0, 4)),
        ),
    ],
    ids=["pixel shuffle", "blocks of four"],
)
def test_strides_are_per_position_where_axes_were_merged(
    forward: Callable[[Tensor], Tensor],
    shape: tuple[int, ...],
    stride: Fraction | int,
    phases: tuple[tuple[int, int], ...],
) -> None:
    output = fieldscope.analyze(forward, shape).output
    assert (output.stride[0], output.phases[0]) == (stride, phases)


def test_a_norm_is_shown_by_its_result_not_by_its_statistics() -> None:
    report = fieldscope.analyze(nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4)), (1, 3, 8, 8))
    assert (report["1"].operator, report["1"].context) == ("pointwise", ("1",))


def test_a_token_that_reads_the_map_as_context_alone_is_global_once_it_stands_alone() -> None:
    def forward(x: Tensor) -> Tensor:
        tokens = torch.cat([torch.zeros(1, 1, 4), x.flatten(2).transpose(1, 2)], 1)
        mixed = tokens + tokens @ (tokens.softmax(1).transpose(1, 2) @ tokens)
        return mixed[:, 0]

    output = fieldscope.analyze(forward, (1, 4, 6, 6)).output
    assert output.is_global == (True, True)


def test_scattering_by_constants_is_followed_element_by_element() -> None:
    index = torch.tensor([[[3, 1, 1]]])

    def replaced(x: Tensor) -> Tensor:
        return torch.scatter(x, 2, index, x[..., :3])

    def added(x: Tensor) -> Tensor:
        return torch.scatter_add(x, 2, index, x[..., :3])

    boxes = [
        [fieldscope.analyze(net, (1, 1, 5)).output.box((place,)) for place in (1, 2, 3)]
        for net in (replaced, added)
    ]
    assert boxes[0] == [(slice(1, 3),), (slice(2, 3),), (slice(0, 1),)]
    assert boxes[1] == [(slice(1, 3),), (slice(2, 3),), (slice(0, 4),)]


def test_unpooling_by_the_indices_of_a_pooling_is_a_bound() -> None:
    def forward(x: Tensor) -> Tensor:
        pooled, places = functional.max_pool1d(x, 2, return_indices=True)
        return functional.max_unpool1d(pooled, places, [2])

    assert not fieldscope.analyze(forward, (1, 1, 8)).output.exact


class Packed(nn.Module):
    """A recurrent layer on sequences of two lengths, packed or padded."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.steps = nn.GRU(3, 4, batch_first=True)

    def forward(self, x: Tensor, lengths: Tensor) -> Any:
        if self.how == "padded":
            return self.steps(x)[0]
        if self.how == "a list of sequences":
            packed = rnn.pack_sequence([x[0], x[1, :4]])
        else:
            if self.how != "an input":
                lengths = (x[..., 0] > 0).sum(1) if self.how == "computed" else torch.tensor([4, 7])
            packed = rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return rnn.pad_packed_sequence(self.steps(packed)[0], batch_first=True)[0]


@pytest.mark.parametrize("how", ["constant", "computed", "an input", "a list of sequences"])
def test_packed_sequences_ask_for_the_padded_batch_or_an_example(how: str) -> None:
    net = nn.ModuleDict({"encoder": Packed(how)})
    given, axes = (torch.ones(2, 7, 3), torch.tensor([4, 7])), {"x": (1,)}

    def forward(x: Tensor, lengths: Tensor) -> Any:
        return net["encoder"](x, lengths)

    with pytest.raises(fieldscope.TraceError) as caught:
        fieldscope.analyze(forward, given, axes=axes)
    said = re.sub(r"\.py:\d+", ".py:9", str(caught.value))
    assert said == (
        "cannot trace model: its forward packs sequences by their lengths at net.encoder "
        "(test_idioms.py:9); lengths are values, and the model is run on shapes\n"
        "give the padded batch to the recurrent layer to get its field, or "
        "pass example=<a real input> to get a bound"
    )
    output = fieldscope.analyze(forward, example=given, axes=axes).output
    assert (output.shape, output.size, output.exact) == ((2, 7, 4), (math.inf,), False)


def test_a_padded_batch_of_sequences_is_exact() -> None:
    given = ((2, 7, 3), torch.tensor([4, 7]))
    output = fieldscope.analyze(Packed("padded"), given, axes={"x": (1,)}).output
    assert (output.box((2,)), output.exact) == ((slice(0, 3),), True)


def test_models_that_were_traced_to_torchscript() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(net, torch.randn(1, 3, 16, 16))
    output = fieldscope.analyze(traced, (1, 3, 16, 16)).output
    assert (output.size, output.stride) == ((4, 4), (2, 2))
