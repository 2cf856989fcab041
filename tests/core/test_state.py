"""An analysis leaves the model, the generator and other threads alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import fieldscope
from fieldscope.errors import InputError, ModelError
from fieldscope.frontends.torch.constants import MOST_FROM_WEIGHTS, Constants
from fieldscope.frontends.torch.operators import info_of


class Net(nn.Module):
    """Modules whose state a run could change."""

    def __init__(self, *, broken: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.norm = nn.BatchNorm2d(2)
        self.drop = nn.Dropout(0.5)
        self.broken = broken
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.drop(self.norm(self.conv(x)))
        self.get_buffer("count").add_(1)
        if self.broken:
            y = y.view(7, 7)
        return torch.relu_(y)


def _state(net: nn.Module) -> dict[str, Any]:
    return {
        "modes": [module.training for module in net.modules()],
        "values": {name: value.clone() for name, value in net.state_dict().items()},
        "identities": [id(one) for one in (*net.parameters(), *net.buffers())],
        "needs": [one.requires_grad for one in net.parameters()],
        "hooks": [
            len(hooks)
            for module in net.modules()
            for hooks in (
                module._forward_hooks,
                module._forward_pre_hooks,
                module._backward_hooks,
                module._state_dict_hooks,
            )
        ],
        "attributes": [sorted(vars(module)) for module in net.modules()],
    }


def assert_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    for name, value in before.pop("values").items():
        assert torch.equal(value, after["values"][name]), name
    after.pop("values")
    assert before == after


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_the_model_is_left_as_found(broken: bool, training: bool) -> None:
    net = Net(broken=broken).train(training)
    net.drop.train()  # modes may differ from module to module
    before, seed = _state(net), torch.random.get_rng_state()
    if broken:
        with pytest.raises(fieldscope.ModelError):
            fieldscope.analyze(net, (1, 1, 8, 9))
    else:
        fieldscope.analyze(net, (1, 1, 8, 9))
    assert_same(before, _state(net))
    assert torch.equal(torch.random.get_rng_state(), seed)
    assert torch.is_grad_enabled()


def test_an_example_is_left_as_found() -> None:
    net, example = Net(), torch.randn(1, 1, 8, 9)
    before, kept, seed = _state(net), example.clone(), torch.random.get_rng_state()
    fieldscope.analyze(net, (1, 1, 8, 9), example=example)
    assert_same(before, _state(net))
    assert torch.equal(example, kept)
    assert torch.equal(torch.random.get_rng_state(), seed)


class ConstantNorm(nn.Module):
    """Batch norm in training mode of a constant, which updates the running statistics."""

    mean: Tensor
    var: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("var", torch.ones(2))
        self.scale = nn.Parameter(torch.ones(1, 2, count))

    def forward(self, x: Tensor) -> Tensor:
        one = functional.batch_norm(self.scale, self.mean, self.var, training=True)[0, 0, 0]
        return x if one > 1 else x[..., ::2]


@pytest.mark.parametrize("example", [None, torch.ones(1, 1, 9)])
@pytest.mark.parametrize("count", [5, MOST_FROM_WEIGHTS])  # run at once, and when asked for
def test_statistics_of_constants_are_left_as_found(count: int, example: Tensor | None) -> None:
    net = ConstantNorm(count)
    before = _state(net)
    assert fieldscope.analyze(net, (1, 1, 9), example=example).output.stride == (2,)
    assert_same(before, _state(net))


def test_an_operator_that_writes_to_two_tensors_writes_to_copies_of_both() -> None:
    store, x = Constants(), torch.tensor([[0.0, 1.0], [3.0, 2.0]])
    made = {"max": torch.zeros(2), "max_values": torch.zeros(2, dtype=torch.int64)}
    store.write(info_of(torch.ops.aten.max.dim_max), (x, 1), made)
    assert [one.tolist() for one in made.values()] == [[0.0, 0.0], [0, 0]]
    current = [store.concrete(one) for one in made.values()]
    assert [one.tolist() for one in current if one is not None] == [[1.0, 3.0], [1, 0]]


def test_the_users_hooks_run() -> None:
    net = nn.Sequential(nn.Conv1d(1, 1, 3), nn.ReLU())
    net[0].register_forward_hook(lambda module, args, output: output[..., ::2])
    assert fieldscope.analyze(net, (1, 1, 20)).output.stride == (2,)


def test_no_weight_is_copied() -> None:
    net = nn.Linear(4096, 4096, device="meta")
    assert fieldscope.analyze(nn.Sequential(nn.Flatten(2), net), (1, 1, 64, 64)).output.is_global


def test_models_in_half_precision() -> None:
    net = nn.Conv2d(1, 1, 3).to(torch.bfloat16)
    assert fieldscope.analyze(net, (1, 1, 8, 9)).output.size == (3, 3)


def test_threads_do_not_disturb_each_other() -> None:
    def size(kernel: int) -> Any:
        layers = [nn.Conv1d(1, 1, kernel, padding=kernel // 2) for _ in range(12)]
        return fieldscope.analyze(nn.Sequential(*layers), (1, 1, 200)).output.size

    kernels = [3, 5, 7, 9] * 6
    with ThreadPoolExecutor(4) as pool:
        sizes = list(pool.map(size, kernels))
    assert sizes == [(1 + 12 * (kernel - 1),) for kernel in kernels]


def test_one_model_in_several_threads() -> None:
    net = Net().train()
    before = _state(net)
    with ThreadPoolExecutor(4) as pool:
        sizes = list(
            pool.map(lambda n: fieldscope.analyze(net, (1, 1, n, n)).output.size, [9] * 12)
        )
    assert set(sizes) == {(3, 3)}
    assert_same(before, _state(net))


def test_a_run_of_the_same_model_meanwhile_is_no_part_of_the_analysis() -> None:
    net = nn.Sequential(*(nn.Conv1d(1, 1, 3, padding=1) for _ in range(20)))
    expected = fieldscope.analyze(net, (1, 1, 64)).output.size
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(lambda: [net(torch.randn(1, 1, 64)) for _ in range(100)])
        sizes = [fieldscope.analyze(net, (1, 1, 64)).output.size for _ in range(10)]
        assert all(y.shape == (1, 1, 64) for y in running.result())
    assert set(sizes) == {expected}


class Overwritten(nn.Module):
    """Looks up places that a weight without values was written into."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(2, device="meta"))

    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(8.0)
        places[1:3] = self.weight
        return x[..., places.long()]


def test_a_constant_that_unknown_values_are_written_into_is_unknown() -> None:
    output = fieldscope.analyze(Overwritten(), (1, 1, 8)).output
    assert output.box((1,)) == output.box((7,)) == (slice(0, 8),)


def test_memory_that_nobody_filled_has_no_say() -> None:
    def looked_up(x: Tensor) -> Tensor:
        places = torch.empty(8, device="cpu")
        return x[..., places.long() + torch.empty_like(places).long()]

    output = fieldscope.analyze(looked_up, (1, 1, 8)).output
    assert [output.box((k,)) for k in range(8)] == [(slice(0, 1),)] * 8


def test_weights_without_shapes_are_told_and_nothing_is_changed() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.LazyConv2d(4, 3))
    with pytest.raises(ModelError, match="LazyConv2d has weights whose shapes its first input"):
        fieldscope.analyze(net, (1, 1, 16, 16))
    assert all(module.training for module in net.modules())


def test_a_shape_that_no_tensor_has_is_told() -> None:
    with pytest.raises(InputError, match="more than a tensor can have"):
        fieldscope.analyze(nn.Conv1d(1, 1, 3), (1, 1, 1 << 62))
