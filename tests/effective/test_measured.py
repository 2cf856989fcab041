"""The measured effective field: against what is known, whatever the images come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import fieldscope
from fieldscope.errors import InputError, LayerNotFoundError, ModelError, PositionError
from tests.effective.nets import line, photographs


def test_known_weights_give_the_field_that_can_be_worked_out() -> None:
    kernels = [1.0, -2.0, 3.0], [0.5, 1.0], [2.0, 0.0, -1.0, 4.0]
    net = line(*kernels)
    erf = fieldscope.effective(net, inputs=(1, 1, 20), position=(5,))
    analytic = np.convolve(np.convolve(*kernels[:2]), kernels[2])
    assert np.allclose(erf.values[5 : 5 + len(analytic)], np.abs(analytic), atol=1e-6)
    assert erf.values[:5].sum() == erf.values[5 + len(analytic) :].sum() == 0
    squared = fieldscope.effective(net, inputs=(1, 1, 20), position=(5,), contribution="squared")
    assert np.allclose(squared.values, erf.values**2, atol=1e-5)


def test_strides_spread_the_taps_of_later_windows() -> None:
    net = line([1.0, 1.0, 1.0], [1.0, 2.0, 1.0], stride=2)
    erf = fieldscope.effective(net, inputs=(1, 1, 15), position=(1,))
    found = np.zeros(15)
    for tap, weight in enumerate([1, 2, 1]):
        found[4 + 2 * tap : 7 + 2 * tap] += weight
    assert np.allclose(erf.values, found)
    assert erf.theory == (slice(4, 11),)
    assert erf.centre == (7.0,)


def test_planes_of_unequal_extents_and_two_channels_in() -> None:
    conv = nn.Conv2d(2, 1, (3, 1), bias=False)
    conv.weight = nn.Parameter(torch.tensor([[[[1.0], [2.0], [-1.0]], [[3.0], [0.0], [1.0]]]]))
    erf = fieldscope.effective(conv, inputs=(1, 2, 7, 4), position=(2, 1))
    assert np.allclose(erf.values[2:5, 1], [4, 2, 2])
    assert np.count_nonzero(erf.values) == 3
    assert erf.theory == (slice(2, 5), slice(1, 2))


def test_signs_keep_channels_that_sum_to_a_constant_from_cancelling() -> None:
    net = nn.Sequential(nn.Conv1d(1, 4, 3), nn.Softmax(dim=1))
    torch.manual_seed(0)
    assert fieldscope.effective(net, inputs=(1, 1, 9)).values.max() > 1e-3


def mixed() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(6, 4, 3), nn.ReLU(),
    )  # fmt: skip


@pytest.mark.parametrize("size", [1, 3, 7, 50])
def test_the_size_of_batches_changes_nothing_but_rounding(size: int) -> None:
    one = fieldscope.effective(mixed(), inputs=(1, 3, 16, 20), count=7, batch_size=2)
    other = fieldscope.effective(mixed(), inputs=(1, 3, 16, 20), count=7, batch_size=size)
    assert one.images == other.images == 7
    assert np.allclose(one.values, other.values, rtol=1e-5, atol=1e-9)


def test_another_seed_gives_other_noise() -> None:
    one, other = (
        fieldscope.effective(mixed(), inputs=(1, 3, 16, 20), count=3, seed=seed) for seed in (0, 1)
    )
    assert not np.allclose(one.values, other.values, rtol=1e-3)


def test_several_layers_in_one_pass_are_the_same_as_each_alone() -> None:
    layers = ["0", "1", "2", "4"]
    images = torch.randn(5, 3, 16, 20)
    together = fieldscope.effective(mixed(), images, layer=layers, position=(1, 2))
    assert together.names == tuple(layers)
    for name in layers:
        alone = fieldscope.effective(mixed(), images, layer=name, position=(1, 2))
        assert np.allclose(together[name].values, alone.values, rtol=1e-5, atol=1e-9)
        assert together[name].theory == alone.theory


def test_the_model_is_left_as_it_was_found() -> None:
    net = mixed().train()
    net[0].weight.requires_grad_(False)
    before = {key: one.clone() for key, one in net.state_dict().items()}
    state = torch.get_rng_state()
    fieldscope.effective(net, inputs=(1, 3, 16, 20), count=2)
    assert all(module.training for module in net.modules())
    assert all(torch.equal(one, before[key]) for key, one in net.state_dict().items())
    assert [p.grad for p in net.parameters()] == [None] * len(list(net.parameters()))
    assert not net[0].weight.requires_grad
    assert net[4].weight.requires_grad
    assert torch.equal(torch.get_rng_state(), state)


def test_arrays_tensors_and_loaders_of_the_same_images_agree() -> None:
    images = torch.randn(6, 3, 16, 20)
    labels = torch.arange(6)
    given: list[Any] = [
        images,
        images.numpy(),
        DataLoader(TensorDataset(images, labels), batch_size=4),
        DataLoader(TensorDataset(images), batch_size=5),
    ]
    found = [fieldscope.effective(mixed(), one, layer="4") for one in given]
    assert [one.images for one in found] == [6] * 4
    for one in found[1:]:
        assert np.allclose(one.values, found[0].values, rtol=1e-5, atol=1e-9)
    assert "DataLoader" in found[2].source


class Watched:
    """Batches that count how many are alive beyond the one that is worked on."""

    def __init__(self, count: int) -> None:
        self.count, self.given = count, 0

    def __iter__(self) -> Iterator[torch.Tensor]:
        for number in range(self.count):
            self.given = number + 1
            yield torch.full((2, 1, 9), float(number))


def test_images_stream_and_a_count_ends_them() -> None:
    batches = Watched(1000)
    erf = fieldscope.effective(line([1.0, 2.0, 1.0]), batches, inputs=(1, 1, 9), count=5)
    assert erf.images == 5
    assert batches.given == 3


def test_photographs_are_scaled_cropped_and_normalised(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "photos", (30, 40), (64, 20), (16, 16))
    erf = fieldscope.effective(mixed(), folder, inputs=(1, 3, 16, 20))
    assert (erf.images, erf.source) == (3, "3 photographs of photos")
    alone = fieldscope.effective(mixed(), folder / "0.png", inputs=(1, 3, 16, 20))
    listed = fieldscope.effective(mixed(), [folder / "0.png"], inputs=(1, 3, 16, 20))
    assert np.array_equal(alone.values, listed.values)
    grey = fieldscope.effective(line([1.0]), inputs=(1, 1, 5))
    assert grey.images == 32  # noise
    other = fieldscope.effective(
        mixed(), folder, inputs=(1, 3, 16, 20), mean=[0.5], deviation=[0.25]
    )
    assert not np.allclose(erf.values, other.values, rtol=1e-3)


def test_an_input_of_one_channel_takes_photographs_in_grey(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "photos", (30, 40))
    erf = fieldscope.effective(nn.Conv2d(1, 2, 3), folder, inputs=(1, 1, 12, 10))
    assert erf.images == 1
    assert erf.size == (3, 3)


def test_what_is_not_finite_is_left_out_and_told() -> None:
    images = torch.randn(5, 1, 9)
    images[3] = torch.nan
    net = nn.Sequential(line([1.0, 1.0, 1.0]), nn.Sigmoid())
    erf = fieldscope.effective(net, images)
    assert (erf.images, erf.remarks) == (4, ("1 images left out: their gradients aren't finite",))
    with pytest.raises(ModelError, match="none of 5 images has a finite gradient"):
        fieldscope.effective(net, torch.full((5, 1, 9), torch.nan))


def test_squares_of_small_and_of_large_gradients_are_kept_in_narrow_numbers() -> None:
    small = line([1e-3, 1e-3]).half()
    erf = fieldscope.effective(small, inputs=(1, 1, 5), position=(1,), contribution="squared")
    assert erf.values == pytest.approx([0, 1e-6, 1e-6, 0, 0], rel=0.01)
    large = fieldscope.effective(line([1e20]), inputs=(1, 1, 2), contribution="squared")
    assert large.values == pytest.approx([0, 1e40])


def test_arrays_in_any_order_of_elements_and_bytes_are_the_same_images() -> None:
    images = np.random.default_rng(0).integers(0, 200, (3, 3, 16, 20), dtype=np.uint8)
    first = fieldscope.effective(mixed(), images)
    frozen = images.astype(np.float32)
    frozen.setflags(write=False)
    backwards = np.ascontiguousarray(images[:, :, ::-1])[:, :, ::-1]
    for same in (frozen, backwards, images.astype(">f8")):
        assert np.array_equal(fieldscope.effective(mixed(), same).values, first.values)


class Stereo(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, bias=False)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        product: torch.Tensor = self.conv(left) * self.conv(right)
        return product


def test_of_several_inputs_one_is_measured_and_the_others_are_noise() -> None:
    shapes = {"left": (1, 1, 12), "right": (1, 1, 12)}
    erf = fieldscope.effective(Stereo(), inputs=shapes, input="right", position=(4,), count=3)
    assert (erf.input, erf.hull) == ("right", (slice(4, 7),))
    with pytest.raises(InputError, match="several inputs with spatial axes"):
        fieldscope.effective(Stereo(), inputs=shapes)


class Overwriting(nn.Module):
    """Overwrites what the gradient of its product needs."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        z = y * y
        y.add_(1)
        return z


def test_a_model_that_overwrites_what_its_gradient_needs_is_measured() -> None:
    images = torch.full((2, 1, 5), 3.0)
    erf = fieldscope.effective(Overwriting(), images, position=(2,))
    assert erf.values.tolist() == [0, 0, 24, 0, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": torch.zeros(3, 1, 8)}, r"images have the shape \(3, 1, 8\); want \(n, 1, 9\)"),
        ({"images": torch.zeros(0, 1, 9)}, r"images have the shape \(0, 1, 9\)"),
        ({"images": 7}, "images are of type int\npass a folder, a list of files, an array"),
        ({"images": [{}]}, "a batch of the images is of type dict, without a tensor in front"),
        ({"images": np.full((3, 1, 9), None)}, "images hold numbers of type object"),
        ({"images": torch.zeros(3, 1, 9) * 1j}, "images hold numbers of type torch.complex64"),
        ({"images": [torch.zeros(2, 1, 8)]}, r"has the shape \(2, 1, 8\); want \(n, 1, 9\)"),
        ({"images": "nowhere"}, "there is no folder nowhere"),
        ({"images": []}, "there are no images to average over"),
        ({"batch_size": 0}, "batch_size is 0; it must be a whole number, 1 or more"),
        ({"count": 0}, "count is 0; it must be a whole number, 1 or more"),
        ({"contribution": "cubed"}, "contribution is 'cubed'; it is 'absolute' or 'squared'"),
        ({"device": "nowhere"}, "device 'nowhere' can't be used"),
        ({"device": "meta"}, "device 'meta' can't be used: it holds no values"),
        ({"device": [0]}, r"device '\[0\]' can't be used"),
        ({"seed": None}, "seed is None; it must be a whole number of 64 bits"),
        ({"seed": 2**70}, "it must be a whole number of 64 bits"),
        ({"mean": "grey", "deviation": [1]}, "they are a number per channel"),
        ({"mean": [0.5]}, "mean and deviation go together"),
        ({"layer": []}, "no layers are named"),
    ],
)
def test_what_does_not_fit_is_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fieldscope.effective(line([1.0, 1.0]), inputs=(1, 1, 9), **options)


def test_layers_positions_and_shapes_that_are_none_are_told(tmp_path: Path) -> None:
    net = line([1.0, 1.0])
    with pytest.raises(LayerNotFoundError, match="has no layer '7'"):
        fieldscope.effective(net, inputs=(1, 1, 9), layer="7")
    with pytest.raises(PositionError, match="position"):
        fieldscope.effective(net, inputs=(1, 1, 9), position=(8,))
    with pytest.raises(InputError, match=r"give it with batch, such as inputs=\(1, 3, 224, 224\)"):
        fieldscope.effective(net)
    folder = photographs(tmp_path / "photos", (8, 8))
    with pytest.raises(InputError, match=r"photographs are for an input \[image channel y x\]"):
        fieldscope.effective(net, folder, inputs=(1, 1, 9))
    with pytest.raises(InputError, match="deviation has 2 numbers, and the input 3 channels"):
        fieldscope.effective(
            mixed(), folder, inputs=(1, 3, 16, 20), mean=[0.5], deviation=[0.2, 0.2]
        )
    for name in ("broken.png", "empty.jpg"):
        (folder / name).write_bytes(b"\x89PNG\r\n" if name == "broken.png" else b"")
    with pytest.raises(InputError, match=r"2 files of .* read as images: broken\.png and empty\."):
        fieldscope.effective(mixed(), folder, inputs=(1, 3, 16, 20))


def test_a_model_built_in_inference_mode_is_told() -> None:
    with torch.inference_mode():
        net = nn.Conv1d(1, 1, 3)
    with pytest.raises(ModelError, match=r"built under torch\.inference_mode, as its weight"):
        fieldscope.effective(net, inputs=(1, 1, 9))


def test_a_model_without_weights_comes_back_from_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []
    net = nn.BatchNorm1d(1, affine=False)
    monkeypatch.setattr(net, "to", lambda device: moved.append(str(device)))
    fieldscope.effective(net, inputs=(1, 1, 9), device="cpu")
    assert moved == ["cpu", "cpu"]


def test_too_little_memory_is_told_with_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.autograd, "grad", full)
    with pytest.raises(ModelError, match=r"a batch of 8 doesn't fit into memory: .*\nrun fewer"):
        fieldscope.effective(mixed(), inputs=(1, 3, 16, 20))


def test_a_model_that_ignores_its_input_is_told() -> None:
    def ignoring(x: torch.Tensor) -> torch.Tensor:
        return x.detach() * 2

    with pytest.raises(ModelError, match="doesn't depend on input 'x'"):
        fieldscope.effective(ignoring, inputs=(1, 1, 9))


def test_models_of_other_frameworks_are_told_what_serves_them(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"fieldscope\.expected_effective tells what is"):
        fieldscope.effective(str(tmp_path / "model.onnx"), inputs=(1, 1, 9))  # type: ignore[call-overload]
