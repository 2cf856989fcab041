"""The gradient of a position: known results, and what it doesn't show told in words."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fieldscope.frontends.torch.torchvision_ops import import_torchvision
from fieldscope.measure.torch.gradient import gradient


def features() -> nn.Module:
    """The convolutions of VGG16."""
    vgg = import_torchvision().models.vgg
    layers = vgg.make_layers(vgg.cfgs["D"], batch_norm=False)
    assert isinstance(layers, nn.Module)
    return layers


def chain(*windows: tuple[int, ...]) -> nn.Sequential:
    """1-D convolutions of (kernel, stride, padding, dilation), those at the end left out."""
    return nn.Sequential(*(nn.Conv1d(1, 1, *one) for one in windows))  # type: ignore[arg-type]  # four numbers at most


class Net(nn.Module):
    """A module whose forward is a function of a tensor."""

    def __init__(self, forward: Callable[..., Any], **parts: nn.Module) -> None:
        super().__init__()
        self._function = forward
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, *inputs: Tensor) -> Any:
        return self._function(self, *inputs)


def test_vgg16_reads_what_is_known_of_it() -> None:
    net = features()
    sizes = {
        layer: gradient(net, (1, 3, 240, 240), layer=str(layer), mode="structure").size
        for layer in (2, 4, 14, 16, 21, 28, 30)
    }
    known = {2: 5, 4: 6, 14: 40, 16: 44, 21: 92, 28: 196, 30: 212}
    assert sizes == {layer: (size, size) for layer, size in known.items()}


@pytest.mark.parametrize(
    ("extent", "size", "cut"),
    [(56, 56, True), (98, 98, True), (112, 112, True), (224, 212, False), (448, 212, False)],
)
def test_small_inputs_cut_the_heat_off_and_say_so(extent: int, size: int, cut: bool) -> None:
    heat = gradient(features(), (1, 3, extent, extent), layer="30", mode="structure")
    assert heat.size == (size, size)
    remark = "the heat reaches the border of the input on y and x: the field may be cut off there"
    assert heat.remarks == ((remark,) if cut else ())


def test_a_chain_of_nine_windows_reads_35() -> None:
    kernels = (9, 3, 3, 3, 9, 3, 3, 7, 3)
    net = chain(*((kernel, 1) for kernel in kernels))
    assert gradient(net, (1, 1, 64), mode="structure").size == (35,)
    assert gradient(net, (1, 1, 64)).size == (35,)


@pytest.mark.parametrize(
    ("windows", "extent", "mask"),
    [
        ([(3,)], 5, "01110"),
        ([(3,), (3,)], 7, "0111110"),
        ([(3,), (2,)], 6, "011110"),
        ([(2,), (2, 2)], 6, "001110"),  # at position 1 of 2
        ([(1, 2), (3,)], 8, "00101010"),  # a stride that skips
        ([(3,), (2, 1, 0, 4)], 8, "01110111"),  # a dilation with a gap
        ([(2, 1, 0, 2), (2, 1, 0, 2)], 7, "0101010"),  # gridding
        ([(3, 1, 1), (3, 1, 1)], 3, "111"),
    ],
)
def test_small_chains_read_what_a_hand_finds(
    windows: list[tuple[int, ...]], extent: int, mask: str
) -> None:
    heat = gradient(chain(*windows), (1, 1, extent), mode="structure")
    assert "".join(str(int(one)) for one in heat.mask) == mask


def test_windows_that_differ_by_axis_read_41_times_23() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 2, (5, 3), (3, 2)),
        nn.Conv2d(2, 3, (5, 3), 2),
        nn.Conv2d(3, 3, 3, padding=1),
        nn.Conv2d(3, 1, 3),
    )
    for mode in ("structure", "real"):
        heat = gradient(net, (1, 1, 60, 90), position=(4, 8), mode=mode)
        assert heat.size == (41, 23)
        assert heat.hull == (slice(18, 59), slice(28, 51))
        assert heat.remarks == ()


def test_structure_is_the_chance_of_a_walk_back() -> None:
    net = nn.Sequential(nn.Conv1d(2, 3, 2), nn.ReLU(), nn.MaxPool1d(2, 2))
    heat = gradient(net, (1, 2, 6), position=(1,), mode="structure")
    assert heat.values.tolist() == [0, 0, 0.25, 0.5, 0.25, 0]
    assert heat.samples == 1
    half = Net(lambda net, x: x * net.conv(x), conv=nn.Conv1d(1, 1, 2, padding=1))
    heat = gradient(half, (1, 1, 1), mode="structure", layer="conv", position=(0,))
    assert heat.values.tolist() == [0.5]  # the other half ends in the padding


def test_nothing_underflows_in_hundreds_of_layers() -> None:
    net = chain(*[(31,)] * 200)
    heat = gradient(net, (1, 1, 6101), position=(50,), mode="structure")
    assert heat.hull == (slice(50, 6051),)
    assert heat.density == 1
    assert np.isfinite(heat.values).all()


def test_samples_of_a_batch_are_averaged() -> None:
    net = nn.Sequential(nn.Conv1d(1, 2, 3), nn.Tanh(), nn.Conv1d(2, 2, 3))
    batch = torch.randn(3, 1, 9)
    alone = [gradient(net, batch[k : k + 1], seed=5).values for k in range(3)]
    heat = gradient(net, batch, seed=5)
    assert heat.samples == 3
    assert np.allclose(heat.values, np.mean(alone, axis=0), rtol=1e-6)


def test_random_inputs_are_the_same_for_a_seed_and_touch_no_global_state() -> None:
    net = nn.Sequential(nn.Conv1d(1, 2, 3), nn.Tanh(), nn.Dropout())
    torch.manual_seed(1)
    random.seed(1)
    states = torch.get_rng_state(), random.getstate()
    first = gradient(net, (2, 1, 9), samples=4, seed=3)
    assert first.samples == 8
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    torch.manual_seed(2)
    assert np.array_equal(gradient(net, (2, 1, 9), samples=4, seed=3).values, first.values)
    assert not np.array_equal(gradient(net, (2, 1, 9), samples=4, seed=4).values, first.values)


def test_the_gradient_is_that_of_autograd() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.Conv2d(4, 2, 3)).eval()
    x = torch.randn(1, 3, 8, 9)
    heat = gradient(net, x, position=(1, -2), channel=1)
    leaf = x.clone().requires_grad_()
    net(leaf)[0, 1, 1, -2].backward()
    assert leaf.grad is not None
    assert np.allclose(heat.values, leaf.grad.abs().sum((0, 1)).numpy())
    assert heat.position == (1, 3)
    assert (heat.channel, heat.layer, heat.input, heat.axes) == (1, "output", "input", ("y", "x"))


def test_all_channels_dont_cancel_where_their_sum_is_constant() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Softmax(1))
    heat = gradient(net, (1, 1, 7, 7))
    assert heat.size == (3, 3)
    assert heat.values.max() > 1e-3


def test_functional_operators_have_gradients_too() -> None:
    net = Net(lambda net, x: torch.relu(net.conv(x) + x) * 2, conv=nn.Conv1d(1, 1, 3, padding=1))
    for mode in ("structure", "real"):
        assert gradient(net, (1, 1, 9), layer="add_1", mode=mode).size == (3,)


def test_a_dead_network_is_called_dead() -> None:
    net = nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU())
    nn.init.constant_(net[0].bias, -1000)  # type: ignore[arg-type]  # a tensor
    heat = gradient(net, (1, 1, 9))
    assert heat.count == 0
    (remark,) = heat.remarks
    assert remark == (
        "the gradient is 0 everywhere: activations are dead, sums cancel, or slopes below 1 "
        "multiply to 0; "
        "mode='structure' shows what can be read"
    )
    assert gradient(net, (1, 1, 9), mode="structure").size == (3,)


def test_sums_that_cancel_are_told() -> None:
    net = Net(lambda _, x: x[..., 2:] + x[..., :-2] - x[..., 2:])
    heat = gradient(net, (1, 1, 9), position=(3,))
    assert heat.hull == (slice(3, 4),)
    (remark,) = heat.remarks
    assert remark == (
        "the gradient is 0 at 1 of 2 elements that can be read: maxima that lie elsewhere, dead "
        "activations, sums that cancel; mode='structure' shows them all"
    )
    assert gradient(net, (1, 1, 9), position=(3,), explain=False).remarks == ()


def test_what_all_positions_share_is_told_apart() -> None:
    net = Net(lambda net, x: net.conv(x) * x.mean(2, keepdim=True), conv=nn.Conv1d(1, 1, 3))
    heat = gradient(net, (1, 1, 9))
    assert heat.size == (9,)
    assert heat.remarks[0] == (
        "the gradient reaches 6 elements outside of the position's own field: through what all "
        "positions share, such as squeeze-and-excitation or the statistics of norms"
    )
    assert gradient(net, (1, 1, 9), mode="structure").size == (3,)


def test_gradients_that_arent_finite_are_counted() -> None:
    net = Net(lambda net, x: torch.sqrt(net.conv(x) * 0), conv=nn.Conv1d(1, 1, 3))
    heat = gradient(net, (1, 1, 9))
    assert heat.count == 0
    assert heat.remarks[0] == (
        "the gradient is infinite or not a number at 9 elements, which count as 0"
    )


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * x.sigmoid()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * 0


def test_functions_that_nothing_stands_for_are_named() -> None:
    net = Net(lambda _, x: torch.linalg.inv(x) + Swish.apply(x))  # type: ignore[no-untyped-call]  # torch has no types here
    heat = gradient(net, (1, 2, 3, 3), mode="structure")
    assert heat.remarks[0] == (
        "not neutralised: torch.linalg.inv and Swish; what stands behind may read more"
    )


def test_the_model_is_left_as_it_was_found() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("seen", torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            self.get_buffer("seen").add_(1)
            return x

    net = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), Counting(), nn.Dropout(0.5))
    net.train()
    net[1].eval()
    net[0].bias.requires_grad_(False)
    buffer = net[2].get_buffer("seen")
    state = {name: value.clone() for name, value in net.state_dict().items()}
    flags = {name: one.requires_grad for name, one in net.named_parameters()}
    for mode in ("real", "structure"):
        gradient(net, (2, 1, 9), mode=mode, samples=2)
        with pytest.raises(ValueError, match="the model fails"):
            gradient(net, (2, 5, 9), mode=mode)
        assert [part.training for part in net] == [True, False, True, True]
        assert net[2].get_buffer("seen") is buffer
        assert {name: one.requires_grad for name, one in net.named_parameters()} == flags
        assert all(one.grad is None for one in net.parameters())
        now = net.state_dict()
        assert all(torch.equal(now[name], value) for name, value in state.items())
    assert not torch.nn.modules.module._global_forward_hooks


def test_what_is_overwritten_is_measured_all_the_same() -> None:
    def overwritten(net: Any, x: Tensor) -> Any:
        x.mul_(2)  # the input itself
        y = net.conv(x).sigmoid()
        y.mul_(3)  # sigmoid's gradient needs what it gave
        return y

    net = Net(overwritten, conv=nn.Conv1d(1, 1, 3))
    x = torch.randn(1, 1, 9)
    before = x.clone()
    for mode in ("real", "structure"):
        assert gradient(net, x, mode=mode).size == (3,)
    assert torch.equal(x, before)


def test_one_of_several_inputs_is_measured() -> None:
    net = Net(lambda net, a, b: net.conv(a) + b, conv=nn.Conv1d(1, 1, 3, padding=1))
    shapes = ((1, 1, 9), (1, 1, 9))
    assert gradient(net, shapes, input="input_0", mode="structure").size == (3,)
    assert gradient(net, shapes, input="input_1").size == (1,)
    heat = gradient(net, shapes, input="input_1", layer="conv")
    assert (heat.count, heat.remarks) == (0, ("the layer doesn't read input 'input_1'",))


def test_tokens_have_a_structure_but_no_gradient() -> None:
    net = nn.Sequential(nn.Embedding(7, 3), nn.Flatten(1, -1), nn.Unflatten(1, (1, -1)))
    net.append(nn.Conv1d(1, 1, 7, 3))
    tokens = torch.randint(0, 7, (1, 12))
    heat = gradient(net, tokens, axes=(1,), position=(2,), mode="structure")
    assert heat.hull == (slice(2, 5),)
    with pytest.raises(
        ValueError, match=r"have no gradient\nfieldscope\.gradient with mode='struc"
    ):
        gradient(net, tokens, axes=(1,))


def test_sequences_have_their_positions_where_the_caller_says() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    net = Net(lambda net, x: net.layer(net.stem(x).transpose(1, 2)), layer=layer)
    net.stem = nn.Conv1d(1, 4, 3, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        heat = gradient(net, (1, 1, 9), position=(0,), position_axes=(1,), mode="structure")
    assert heat.size == (9,)
    heat = gradient(net, (1, 1, 9), layer="transpose_1", position=(1,), position_axes=(1,))
    assert heat.hull == (slice(2, 5),)
