"""Edits of PyTorch modules: what becomes of configuration and weights, and what is refused."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

import fieldscope
from fieldscope.analyses.edits import Edit, Refit, Remove, Repeat, Reshape
from fieldscope.analyses.outline import outline_of
from fieldscope.errors import EditError, ModelError
from fieldscope.redesign.torch.applying import applied, frozen
from fieldscope.redesign.torch.calls import calls_of


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = x + self.norm(self.conv(x)).relu()
        return result


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, (7, 5), stride=2, padding=(3, 2))
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.blocks = nn.Sequential(Residual(4), Residual(4))
        self.head = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.head(self.blocks(self.pool(self.stem(x))).mean((2, 3)))
        return result


SHAPE = (2, 3, 20, 28)


def test_a_smaller_kernel_keeps_the_middle_of_the_weights_and_all_else() -> None:
    net: Any = Net()
    made: Any = applied(net, [Reshape("stem", kernel=(3, 3), stride=(1, 2), padding=(1, 1))])
    assert torch.equal(made.stem.weight, net.stem.weight[:, :, 2:5, 1:4])
    assert torch.equal(made.stem.bias, net.stem.bias)
    assert (made.stem.kernel_size, made.stem.stride, made.stem.padding) == ((3, 3), (1, 2), (1, 1))
    assert made(torch.rand(SHAPE)).shape == (2, 5)


def test_a_larger_kernel_is_filled_up_with_zeros_so_that_the_layer_computes_what_it_did() -> None:
    net = nn.Conv2d(2, 3, (3, 1), padding=(1, 0), padding_mode="zeros")
    made = applied(nn.Sequential(net), [Reshape("0", kernel=(5, 3), padding=(2, 1))])
    x = torch.rand(1, 2, 9, 11)
    torch.testing.assert_close(made(x), net(x))


@pytest.mark.parametrize("mode", ["reflect", "circular", "replicate"])
def test_other_ways_to_pad_follow_the_padding(mode: Any) -> None:
    net = nn.Sequential(nn.Conv1d(1, 1, 3, padding=1, padding_mode=mode))
    made = applied(net, [Reshape("0", kernel=(5,), padding=(2,))])
    x = torch.rand(1, 1, 9)
    torch.testing.assert_close(made(x), net(x))


def test_the_words_same_and_valid_stay_where_padding_is_not_edited() -> None:
    net = nn.Sequential(nn.Conv1d(1, 1, 5, padding="same"), nn.Conv1d(1, 1, 3, padding="valid"))
    made: Any = applied(net, [Reshape("0", kernel=(3,)), Reshape("1", stride=(2,))])
    assert (made[0].padding, made[1].padding) == ("same", "valid")
    assert made(torch.rand(1, 1, 10)).shape == (1, 1, 4)


def test_transposed_layers_have_their_kernel_behind_the_channels_too() -> None:
    net: Any = nn.Sequential(nn.ConvTranspose2d(2, 6, (4, 2), stride=2, groups=2))
    made: Any = applied(net, [Reshape("0", kernel=(2, 2))])
    assert torch.equal(made[0].weight, net[0].weight[:, :, 1:3])
    assert made(torch.rand(1, 2, 5, 6)).shape == (1, 6, 10, 12)


@pytest.mark.parametrize(
    ("pool", "edit", "shape"),
    [
        (nn.MaxPool2d(3, 2, 1, ceil_mode=True), Reshape("0", (2, 2), padding=(0, 0)), (1, 1, 5, 4)),
        (nn.AvgPool2d((3, 2)), Reshape("0", (2, 2), (1, 2)), (1, 1, 9, 3)),
        (nn.LPPool2d(2, 3), Reshape("0", (1, 1)), (1, 1, 4, 3)),
        (nn.MaxPool2d(2, dilation=2), Reshape("0", dilation=(1, 3)), (1, 1, 5, 2)),
    ],
)
def test_pooling_layers_take_another_window(
    pool: nn.Module, edit: Reshape, shape: tuple[int, ...]
) -> None:
    assert applied(nn.Sequential(pool), [edit])(torch.rand(1, 1, 10, 7)).shape == shape


class Branch(nn.Module):
    """Pooling along one axis in a branch that can't be taken out as a whole."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.deep = nn.Conv1d(1, 4, 3, padding=1), nn.Conv1d(4, 4, 7, padding=3)
        self.pool = nn.MaxPool1d(3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.deep(self.stem(x))
        result: torch.Tensor = x + self.pool(x)
        return result


def test_pooling_along_one_axis_takes_the_window_that_its_row_of_a_map_has() -> None:
    # PyTorch pools a map with a single row, which is what the analysis sees.
    net = Branch()
    (edit,) = [
        one
        for one in outline_of(fieldscope.analyze(net, (1, 1, 8))).windows.values()
        if one.layer == "pool"
    ]
    assert edit.kernel == (1, 3)
    made: Any = applied(net, [replace(edit, kernel=(1, 1), padding=(0, 0))])
    assert (made.pool.kernel_size, made.pool.stride, made.pool.padding) == (1, 1, 0)
    x = torch.rand(1, 1, 8)
    torch.testing.assert_close(made(x), 2 * net.deep(net.stem(x)))
    with pytest.raises(EditError, match="it has 1 axes, and kernel 3×1 is for 2"):
        applied(net, [replace(edit, kernel=(3, 1))])


def test_a_removed_module_hands_on_what_enters_it_and_other_names_stay() -> None:
    net = Net().eval()
    made: Any = applied(net, [Remove("pool"), Remove("blocks.0")])
    x = torch.rand(SHAPE)
    torch.testing.assert_close(made(x), net.head(net.blocks[1](net.stem(x)).mean((2, 3))))
    assert "blocks.1.conv.weight" in made.state_dict()


def test_copies_of_a_block_have_its_edits_and_weights_of_their_own_from_the_seed() -> None:
    net: Any = Net()
    edits: list[Edit] = [
        Repeat("blocks.1", 2),
        Reshape("blocks.1.conv", dilation=(2, 2), padding=(2, 2)),
    ]
    one: Any = applied(net, edits, seed=3)
    other: Any = applied(net, edits, seed=3)
    first, second, third = one.blocks[1]
    assert [block.conv.dilation for block in (first, second, third)] == [(2, 2)] * 3
    assert torch.equal(first.conv.weight, net.blocks[1].conv.weight)
    assert not torch.equal(first.conv.weight, second.conv.weight)
    assert not torch.equal(second.conv.weight, third.conv.weight)
    assert torch.equal(second.conv.weight, other.blocks[1][1].conv.weight)
    assert one(torch.rand(SHAPE)).shape == (2, 5)


def test_inner_blocks_are_repeated_before_outer_ones() -> None:
    made: Any = applied(Net(), [Repeat("blocks", 1), Repeat("blocks.0", 1)])
    assert [len(made.blocks[k]) for k in range(2)] == [2, 2]
    assert [len(made.blocks[k][0]) for k in range(2)] == [2, 2]


@pytest.mark.parametrize(
    ("layer", "x", "shape"),
    [
        (nn.Linear(6, 5), torch.rand(2, 4), (2, 5)),
        (nn.Conv2d(6, 8, 3), torch.rand(2, 4, 5, 6), (2, 8, 3, 4)),
        (nn.ConvTranspose1d(6, 8, 3), torch.rand(2, 4, 5), (2, 8, 7)),
        (nn.BatchNorm2d(6), torch.rand(2, 4, 5, 6), (2, 4, 5, 6)),
        (nn.LayerNorm(6), torch.rand(2, 3, 4), (2, 3, 4)),
    ],
)
def test_a_refitted_layer_takes_another_number_of_features(
    layer: nn.Module, x: torch.Tensor, shape: tuple[int, ...]
) -> None:
    assert applied(nn.Sequential(layer), [Refit("0", 4)])(x).shape == shape


def test_types_frozen_weights_and_modes_are_kept() -> None:
    net = Net().to(torch.float64).eval()
    net.stem.weight.requires_grad_(False)
    net.head.weight.requires_grad_(False)
    net.blocks[0].train()
    made: Any = applied(
        net, [Reshape("stem", (3, 3), padding=(1, 1)), Refit("head", 4), Repeat("blocks.0", 1)]
    )
    assert made.stem.weight.dtype == made.head.weight.dtype == torch.float64
    assert not made.stem.weight.requires_grad
    assert not made.head.weight.requires_grad
    assert made.stem.bias.requires_grad
    assert made.blocks[0][1].training
    assert not made.blocks[1].training


def test_weights_without_values_stay_without() -> None:
    with torch.device("meta"):
        net = Net()
    edits: list[Edit] = [Reshape("stem", (3, 3), padding=(1, 1))]
    edits += [Refit("head", 4), Repeat("blocks.0", 1)]
    made = applied(net, edits)
    assert all(one.is_meta for one in made.parameters())
    assert fieldscope.analyze(made, SHAPE).output.shape == (2, 5)


def test_hooks_go_with_the_copy() -> None:
    seen: list[tuple[int, ...]] = []
    net = Net()
    net.stem.register_forward_hook(lambda *given: seen.append(tuple(given[2].shape)))
    applied(net, [Reshape("stem", stride=(1, 1))])(torch.rand(SHAPE))
    assert seen == [(2, 4, 20, 28)]


def test_the_model_that_is_given_stays_as_it_is() -> None:
    net = Net().train()
    before, text = copy.deepcopy(net.state_dict()), repr(net)
    state = torch.get_rng_state()
    edits: list[Edit] = [Reshape("stem", (3, 3), (1, 1), (1, 1)), Remove("pool")]
    edits += [Repeat("blocks.0", 2), Refit("head", 4)]
    applied(net, edits, calls=calls_of(net, SHAPE))
    assert repr(net) == text
    assert all(torch.equal(one, before[name]) for name, one in net.state_dict().items())
    assert net.training
    assert torch.equal(torch.get_rng_state(), state)


class Odd(nn.Module):
    """What can't be edited safely, in one network."""

    def __init__(self) -> None:
        super().__init__()

        class Own(nn.Conv2d):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return super().forward(nn.functional.pad(x, (1, 1, 1, 1)))

        self.own = Own(3, 4, 3)
        self.twice = nn.Conv2d(4, 4, 3, padding=1)
        self.tied = nn.Conv2d(4, 4, 3, padding=1)
        self.alike = nn.Conv2d(4, 4, 3, padding=1)
        self.alike.weight = self.tied.weight
        self.normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 3, padding=1))
        self.bare = nn.Conv2d(4, 4, 3, padding=1)
        self.joint = nn.Bilinear(4, 4, 4)
        self.up = nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1, output_padding=1)
        self.same = self.other = nn.ReLU()
        self.places = nn.MaxPool2d(2, return_indices=True)
        self.means = nn.AvgPool2d(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.twice(self.twice(self.own(x)))
        x = self.normed(self.alike(self.tied(x)))
        x = nn.functional.conv2d(x, self.bare.weight)
        x, _ = self.places(self.same(self.up(x)))
        x = self.means(x)
        result: torch.Tensor = self.joint(x[..., :4], x[..., :4])
        return result


@pytest.fixture(scope="module")
def odd() -> Odd:
    return Odd()


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (
            Reshape("own", stride=(2, 2)),
            "edit own of Odd: its class Own slides its window in a way of its own",
        ),
        (Reshape("twice", stride=(2, 2)), "edit twice of Odd: the model calls it 2 times"),
        (Remove("twice"), "take out twice of Odd: the model calls it 2 times"),
        (Reshape("tied", (1, 1)), "edit tied of Odd: it shares weights with alike.weight"),
        (
            Reshape("normed", (1, 1)),
            (
                "edit normed of Odd: its weight is computed from others (weight_norm, "
                "spectral_norm or pruning)"
            ),
        ),
        (
            Reshape("bare", (1, 1)),
            (
                "edit bare of Odd: the model doesn't call it as a module, so that its code would "
                "not follow"
            ),
        ),
        (
            Remove("joint"),
            "take out joint of Odd: it is called with 2 arguments, so nothing says what passes on",
        ),
        (
            Reshape("up", stride=(1, 1)),
            "edit up of Odd: its output_padding 1×1 needs a larger stride",
        ),
        (
            Remove("same"),
            "take out same of Odd: it is one module under several names: same and other",
        ),
        (
            Reshape("places", (3, 3)),
            "edit places of Odd: it hands on the places of its maxima, which another layer needs",
        ),
        (Remove("places"), "take out places of Odd: what it takes or gives is not one tensor"),
        (Reshape("means", dilation=(2, 2)), "edit means of Odd: its class AvgPool2d has no dila"),
        (Reshape("means", padding=(2, 1)), "edit means of Odd: padding 2×1 is over half of kernel"),
        (Reshape("means", (3,)), "edit means of Odd: it has 2 axes, and kernel 3 is for 1"),
        (Reshape("means", (0, 3)), "edit means of Odd: kernel 0×3 is less than 1"),
        (
            Repeat("own", 1),
            "repeat own of Odd: it makes 2×4×12×10 of 2×3×12×10, so it can't follow itself",
        ),
        (Repeat("tied", 0), "repeat tied of Odd: 0 copies were asked for, and one is the least"),
        (Refit("same", 4), "refit same of Odd: it is one module under several names"),
        (Refit("means", 4), "refit means of Odd: its class AvgPool2d has no number of features"),
        (Remove(""), "take out the model of Odd: it is the model itself"),
        (Remove("twize"), "take out twize of Odd: there is no such module; did you mean twice"),
        (
            Remove("conv2d"),
            "take out conv2d of Odd: it is a function that its code calls, and no module",
        ),
    ],
)
def test_what_cannot_be_edited_safely_is_refused(odd: Odd, edit: Edit, why: str) -> None:
    calls = calls_of(odd, (2, 3, 12, 10))
    with pytest.raises(EditError) as caught:
        applied(odd, [edit], calls=calls)
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"cannot {why}")
    assert second == "leave this edit out, or change the model's own code"


def test_layers_that_no_search_should_edit_are_told_with_reasons(odd: Odd) -> None:
    found = dict(frozen(odd, calls_of(odd, (2, 3, 12, 10))))
    assert list(found) == ["own", "twice", "tied", "alike", "normed", "bare", "places"]
    assert found["alike"] == "it shares weights with tied.weight"


def test_same_padding_is_not_defined_for_strides() -> None:
    net = nn.Sequential(nn.Conv1d(1, 1, 3, padding="same"))
    with pytest.raises(EditError, match='its padding "same" isn\'t defined for stride 2'):
        applied(net, [Reshape("0", stride=(2,))])


def test_edits_that_contradict_one_another_are_refused() -> None:
    with pytest.raises(EditError, match="pool is taken out, and edited as well"):
        applied(Net(), [Remove("pool"), Reshape("pool", stride=(1, 1))])
    with pytest.raises(EditError, match="pool is named twice"):
        applied(Net(), [Remove("pool"), Remove("pool")])


def test_a_model_that_cannot_be_copied_is_told() -> None:
    net = nn.Sequential(nn.Conv1d(1, 1, 3))
    held: Any = net
    held.scale = torch.ones(1, requires_grad=True) * 2
    with pytest.raises(ModelError, match="cannot edit a copy of Sequential, since it can't be c"):
        applied(net, [Reshape("0", stride=(2,))])
