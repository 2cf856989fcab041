"""A model cut behind a layer: the layer is found by the name that a report uses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import fieldscope
from fieldscope.errors import LayerNotFoundError, ModelError
from fieldscope.frontends.torch.restored import left_as_found
from fieldscope.frontends.torch.torchvision_ops import import_torchvision
from fieldscope.measure.torch.places import places_of
from fieldscope.measure.torch.run import Run
from fieldscope.measure.torch.until import until


class Block(nn.Module):
    """A module called twice, functional operators, a nested result."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.lstm = nn.LSTM(2, 3, batch_first=True)

    def forward(self, x: Tensor) -> dict[str, Any]:
        y = functional.relu(self.conv(x))
        z = self.conv(y) + x
        z += y
        tokens, state = self.lstm(z.flatten(2).transpose(1, 2))
        return {"map": z, "rest": [tokens, state[0]]}


@pytest.fixture
def block() -> Block:
    torch.manual_seed(0)
    return Block().eval()


X = torch.randn(1, 2, 5, 4, generator=torch.Generator().manual_seed(0))


def test_a_layer_is_the_model_up_to_it() -> None:
    vgg = import_torchvision().models.vgg16(weights=None).eval()
    x = torch.randn(1, 3, 32, 48)
    with torch.no_grad():
        assert torch.equal(until(vgg, "features.14")(x), vgg.features[:15](x))


def test_what_comes_behind_the_layer_isnt_run() -> None:
    class Late(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise AssertionError

    net = nn.Sequential(nn.Conv2d(2, 1, 3), Late())
    assert until(net, "0")(X).shape == (1, 1, 3, 2)


def test_modules_functions_and_outputs_are_found_by_their_names(block: Block) -> None:
    y = functional.relu(block.conv(X))
    second = block.conv(y)
    z = second + X + y
    tokens, (state, _) = block.lstm(z.flatten(2).transpose(1, 2))
    expected = {
        "conv": block.conv(X),
        "relu_1": y,
        "conv#2": second,
        "add_1": second + X,
        "add_2": z,
        "lstm": tokens,
        "lstm[1][0]": state,
        "output['map']": z,
        "output['rest'][0]": tokens,
        "output['rest'][1]": state,
    }
    for name, tensor in expected.items():
        assert torch.equal(until(block, name)(X), tensor), name
    assert torch.equal(until(block)(X), z)


def test_the_result_is_an_ordinary_tensor_of_autograd(block: Block) -> None:
    x = X.clone().requires_grad_()
    until(block, "add_1")(x).sum().backward()
    assert x.grad is not None
    assert block.conv.weight.grad is not None


def test_operators_inside_of_a_function_are_found_by_moving_its_result() -> None:
    weight = torch.ones(3, 2)

    def attend(x: Tensor) -> Tensor:
        tokens = functional.linear(x.flatten(2).transpose(1, 2), weight)
        scores = tokens @ tokens.transpose(1, 2)
        return scores[:, 1:, ::2, None]

    found = places_of(attend, (1, 2, 5, 4))
    run = Run(attend, [found.find(name) for name in found.names])
    tensors = {place.layer: tensor for place, tensor in run(X).items()}
    assert set(tensors) == set(found.names)
    scores = tensors["bmm_2"]
    assert torch.equal(tensors["slice_1"], scores[:, 1:])
    assert torch.equal(tensors["slice_2"], scores[:, 1:, ::2])
    for name, tensor in tensors.items():
        assert tuple(tensor.shape) == found.shape(name), name


def test_what_only_a_function_of_pytorch_sees_is_told_with_the_nearest_layer() -> None:
    weight, bias = torch.ones(3, 2), torch.ones(3)

    def project(x: Tensor) -> Tensor:
        return functional.linear(x.flatten(2).transpose(1, 2), weight, bias)

    with pytest.raises(LayerNotFoundError) as caught:
        until(project, "bmm_1", inputs=(1, 2, 5, 4))
    assert str(caught.value) == (
        "layer 'bmm_1' of project can't be taken out of a real run: aten.bmm is one of several "
        "operators inside of one function of PyTorch's; the nearest layer behind it is 'add_1'"
    )


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "swin_t"])
def test_every_layer_of_a_published_network_is_found_with_its_shape(name: str) -> None:
    model = import_torchvision().models.get_model(name, weights=None)
    report = fieldscope.analyze(model, (1, 3, 64, 96))
    found = places_of(model, (1, 3, 64, 96))
    layers = [*report.layers, *report.containers]
    run = Run(model, [found.find(layer.name) for layer in layers])
    with left_as_found(model.modules()), torch.no_grad():
        tensors = run(torch.zeros(1, 3, 64, 96))
    shapes = {place.layer: tuple(tensor.shape) for place, tensor in tensors.items()}
    assert shapes == {layer.name: layer.shape for layer in layers}


def test_the_model_is_left_as_it_is(block: Block) -> None:
    block.train()
    before = {key: value.clone() for key, value in block.state_dict().items()}
    until(block, "add_1")(X)
    until(block, "conv")(X)
    assert block.training
    assert block.lstm.training
    assert all(torch.equal(value, before[key]) for key, value in block.state_dict().items())
    assert not block._forward_hooks
    assert not torch.nn.modules.module._global_forward_hooks
    assert torch.equal(block(X)["map"], until(block)(X))


def test_hooks_are_removed_when_the_model_fails(block: Block) -> None:
    with pytest.raises(RuntimeError):
        until(block, "conv")(torch.zeros(1, 5, 4, 4))
    assert not torch.nn.modules.module._global_forward_hooks
    assert not torch.nn.modules.module._global_forward_pre_hooks


def test_a_name_that_no_layer_has_is_told_with_near_ones(block: Block) -> None:
    with pytest.raises(LayerNotFoundError) as caught:
        until(block, "cnov")
    assert str(caught.value) == "Block has no layer 'cnov'\ndid you mean 'conv'?"
    with pytest.raises(LayerNotFoundError) as caught:
        until(block, "add_9", inputs=(1, 2, 5, 4))
    assert str(caught.value) == "Block has no layer 'add_9'\ndid you mean 'add_2' or 'add_1'?"
    with pytest.raises(LayerNotFoundError, match="Block has no layer 'add_9'"):
        until(block, "add_9")(X)


def test_a_call_or_a_result_that_doesnt_come_is_told(block: Block) -> None:
    with pytest.raises(LayerNotFoundError) as caught:
        until(block, "conv#3")(X)
    assert str(caught.value) == "Block has no layer 'conv#3' on these inputs: conv#3 wasn't called"
    with pytest.raises(LayerNotFoundError) as caught:
        until(block, "lstm[7]")(X)
    assert str(caught.value) == "Block has no layer 'lstm[7]': lstm has no result [7]"


def test_what_cant_be_called_is_told() -> None:
    with pytest.raises(ModelError, match="the model is int, which can't be called"):
        until(3, "conv")  # type: ignore[arg-type]  # the mistake
