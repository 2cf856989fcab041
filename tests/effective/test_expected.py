"""The field expected at random initialisation: by hand, by Luo et al., and by real networks."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

import fieldscope
from fieldscope.errors import InputError
from fieldscope.geometry import spread
from tests.effective.nets import even_chain

Values = npt.NDArray[np.float64]


def gaussian_of_chain(windows: list[tuple[int, int]]) -> float:
    """Standard deviation of the expected squared gradient behind windows of kernel and stride.

    The variances of even windows add up: (k² − 1)/12 of kernel k, times the square of the stride
    at which it slides (Luo et al., 2016, for n windows of k: √(n(k² − 1)/12)).
    """
    stride, variance = 1, 0.0
    for kernel, step in windows:
        variance += (kernel**2 - 1) / 12 * stride**2
        stride *= step
    return math.sqrt(variance)


def expected(net: nn.Module, shape: tuple[int, ...], position: tuple[int, ...]) -> Values:
    return fieldscope.expected_effective(
        net, shape, position=position, contribution="squared"
    ).values


def test_a_chain_is_the_convolution_of_its_windows() -> None:
    net = nn.Sequential(nn.Conv1d(1, 1, 3), nn.Conv1d(1, 1, 2, dilation=2), nn.MaxPool1d(2))
    found = expected(net, (1, 1, 12), (1,))
    wanted = np.convolve(np.convolve([1, 1, 1], [1, 0, 1]), [1, 1]) / 12
    assert np.allclose(found[2 : 2 + len(wanted)], wanted)
    assert found.sum() == pytest.approx(1)


def test_strides_place_the_windows_apart() -> None:
    net = nn.Sequential(nn.Conv1d(1, 1, 2, stride=3), nn.Conv1d(1, 1, 2))
    assert np.allclose(expected(net, (1, 1, 11), (1,)) * 4, [0, 0, 0, 1, 1, 0, 1, 1, 0, 0, 0])


def test_sizes_are_roots_of_squares() -> None:
    net = nn.Sequential(nn.Conv1d(1, 1, 3), nn.Conv1d(1, 1, 3))
    sizes = fieldscope.expected_effective(net, (1, 1, 9))
    assert sizes.expected
    assert np.allclose(sizes.values**2, expected(net, (1, 1, 9), sizes.position))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(8, 8, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        added: torch.Tensor = x + self.conv(x)
        return added


def test_a_skip_connection_hands_all_on_beside_its_branch() -> None:
    found = expected(Residual(), (1, 8, 9), (4,))
    assert np.allclose(found[3:6] * 6, [1, 4, 1])


def test_padding_takes_its_share() -> None:
    found = fieldscope.expected_effective(
        nn.Sequential(nn.Conv1d(1, 1, 3, padding=1), nn.Conv1d(1, 1, 3, padding=1)),
        (1, 1, 6),
        position=(0,),
        contribution="squared",
    ).values
    # Before scaling: two ninths, two ninths, one ninth; four ninths are lost in the padding.
    assert np.allclose(found[:3] * 5, [2, 2, 1])


def test_upsampling_hands_each_copy_to_its_element() -> None:
    net = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv1d(1, 1, 2))
    assert np.allclose(expected(net, (1, 1, 4), (3,)), [0, 0.5, 0.5, 0])
    transposed = nn.Sequential(nn.ConvTranspose1d(1, 1, 4, stride=2))
    assert np.allclose(expected(transposed, (1, 1, 4), (4,)), [0, 0.5, 0.5, 0])


class Joined(nn.Module):
    """Two branches, of four channels and of twelve, whose channels are concatenated."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Conv1d(8, 4, 1, bias=False)
        self.wide = nn.Conv1d(8, 12, 3, padding=1, bias=False)
        self.last = nn.Conv1d(16, 8, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        joined: torch.Tensor = self.last(torch.cat([self.narrow(x), self.wide(x)], dim=1))
        return joined


def test_a_branch_weighs_as_much_as_it_has_channels() -> None:
    # A quarter comes through the narrow branch; each tap of the wide one has as much.
    assert np.allclose(expected(Joined(), (1, 8, 9), (4,))[3:6] * 4, [1, 2, 1])


class Gated(nn.Module):
    """A convolution whose result is weighted by a gate that reads the whole input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.conv(x)
        return y * y.mean(2, keepdim=True).sigmoid()


def test_context_is_left_out_and_told() -> None:
    erf = fieldscope.expected_effective(Gated(), (1, 4, 11), position=(2,))
    assert erf.hull == (slice(2, 5),)
    assert erf.remarks[0].startswith("context that all positions share isn't counted")
    measured = fieldscope.effective(Gated(), inputs=(1, 4, 11), position=(2,), count=2)
    assert measured.hull == (slice(0, 11),)
    assert measured.theory == (slice(2, 5),)
    assert measured.remarks[0].startswith("context that all positions share is counted")


def test_a_contribution_that_is_none_is_told() -> None:
    with pytest.raises(InputError, match="contribution is 'cubed'"):
        fieldscope.expected_effective(nn.Conv1d(1, 1, 3), (1, 1, 9), contribution="cubed")  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [4, 9, 16])
def test_a_plain_chain_is_the_gaussian_of_luo(count: int) -> None:
    """Luo et al., 2016, section 2.2: the variances of n even windows of k add up."""
    net = even_chain(count, seed=0)
    extent = 2 * count + 1
    erf = fieldscope.expected_effective(net, (1, 1, extent, extent), contribution="squared")
    deviation = math.sqrt(count * (3**2 - 1) / 12)
    assert erf.radius == pytest.approx((2 * deviation,) * 2)
    assert gaussian_of_chain([(3, 1)] * count) == pytest.approx(deviation)
    fitted = erf.gaussian
    assert fitted is not None
    assert fitted.fit > 0.995
    assert fitted.deviation == pytest.approx((deviation,) * 2, rel=0.06)


def test_strides_widen_the_gaussian_of_a_chain() -> None:
    net = nn.Sequential(nn.Conv1d(1, 1, 3, 2), nn.Conv1d(1, 1, 5), nn.Conv1d(1, 1, 3))
    erf = fieldscope.expected_effective(net, (1, 1, 31), contribution="squared")
    assert erf.radius[0] / 2 == pytest.approx(gaussian_of_chain([(3, 2), (5, 1), (3, 1)]))


def test_a_random_chain_that_is_measured_follows_that_gaussian() -> None:
    count, extent = 12, 41
    wanted = math.sqrt(count * 2 / 3)
    measured = [
        fieldscope.effective(
            even_chain(count, seed=seed),
            inputs=(1, 1, extent, extent),
            contribution="squared",
            count=24,
            seed=seed,
        )
        for seed in range(4)
    ]
    values = sum(one.values / one.values.sum() for one in measured) / len(measured)
    found = spread.moments(values)
    assert found is not None
    assert found.centre == pytest.approx((20, 20), abs=0.2)
    assert found.deviation == pytest.approx((wanted, wanted), rel=0.03)
    theory = fieldscope.expected_effective(
        even_chain(count, seed=0), (1, 1, extent, extent), contribution="squared"
    )
    # The area that holds half of it is that of the Gaussian, to within an element on each side.
    for share in (0.2, 0.5, 0.99):
        sides = [run.stop - run.start for run in measured[0].box_of(share)]
        own = [run.stop - run.start for run in theory.box_of(share)]
        assert np.abs(np.subtract(sides, own)).max() <= 2
    assert np.corrcoef(values.ravel(), theory.values.ravel())[0, 1] > 0.98


def he(net: nn.Module, seed: int) -> nn.Module:
    """Weights that keep the variance of what passes each convolution, without activations."""
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, (nn.Conv1d, nn.ConvTranspose1d)):
            taps = module.kernel_size[0] / (
                module.stride[0] if isinstance(module, nn.ConvTranspose1d) else 1
            )
            scale = math.sqrt(1 / (taps * module.in_channels))
            weights = torch.randn(module.weight.shape, generator=generator) * scale
            module.weight = nn.Parameter(weights)
    return net


NETWORKS = {
    "residual": lambda: nn.Sequential(Residual(), Residual(), nn.Conv1d(8, 8, 3, bias=False)),
    "strided": lambda: nn.Sequential(
        nn.Conv1d(8, 8, 4, stride=3, bias=False), Residual(), nn.Conv1d(8, 8, 2, bias=False)
    ),
    "joined": lambda: nn.Sequential(Joined(), Joined()),
    "dilated": lambda: nn.Sequential(
        nn.Conv1d(8, 8, 3, dilation=2, bias=False), nn.Conv1d(8, 8, 3, dilation=3, bias=False)
    ),
    "transposed": lambda: nn.Sequential(
        nn.ConvTranspose1d(8, 8, 4, stride=2, bias=False), nn.Conv1d(8, 8, 3, bias=False)
    ),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_it_is_the_mean_square_of_gradients_over_many_random_networks(kind: str) -> None:
    total = np.zeros(24)
    for seed in range(150):
        net = he(NETWORKS[kind](), seed)
        erf = fieldscope.effective(
            net, inputs=(1, 8, 24), count=4, batch_size=4, contribution="squared", seed=seed
        )
        total += erf.values
    theory = fieldscope.expected_effective(NETWORKS[kind](), (1, 8, 24), contribution="squared")
    measured = total / total.sum()
    assert (measured > 0).tolist() == (theory.values > 0).tolist()
    assert np.abs(measured - theory.values).max() < 0.012
