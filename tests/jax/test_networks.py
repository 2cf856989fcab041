"""Networks of flax and equinox: names, and the same fields as PyTorch's, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from flax import linen, nnx
from jax import Array

import fieldscope
from fieldscope.frontends.torch.torchvision_ops import missing_operators_allowed
from tests.jax.analysed import analysed
from tests.jax.networks import (
    Branches,
    LinenResNet,
    NnxUNet,
    Tokens,
    TorchBranches,
    TorchTokens,
    TorchUNet,
)


def same(
    one: fieldscope.Report, other: fieldscope.Report, names: Mapping[str, str], *, last: bool = True
) -> None:
    """Check that layers have the same fields; the first report has channels last."""
    for name, there in names.items():
        a, b = one[name], other[there]
        assert (a.size, a.stride, a.start, a.phases) == (b.size, b.stride, b.start, b.phases), name
        assert (a.narrowest, a.exact, bool(a.context)) == (b.narrowest, b.exact, bool(b.context))
        extents = [a.shape[axis] for axis in a.spatial]
        assert extents == [b.shape[axis] for axis in b.spatial], name
        for place in {tuple(0 for _ in extents), tuple(n // 2 for n in extents)}:
            assert a.box(place) == b.box(place), (name, place)


def test_a_resnet_of_linen_is_that_of_torchvision() -> None:
    with missing_operators_allowed():
        import torchvision
    report = analysed(LinenResNet(), (1, 64, 64, 3))
    other = fieldscope.analyze(torchvision.models.resnet18(), (1, 3, 64, 64))
    names = {"conv1": "conv1", "bn1": "bn1", "layer4_1": "layer4.1", "fc": "fc"}
    for stage in range(1, 5):
        for block in range(2):
            for layer in ("conv1", "bn1", "conv2", "bn2"):
                names[f"layer{stage}_{block}.{layer}"] = f"layer{stage}.{block}.{layer}"
    names["layer2_0.downsample_conv"] = "layer2.0.downsample.0"
    same(report, other, names)
    assert report["layer4_1.conv2"].size == (435, 435)
    assert [layer.name for layer in report.layers][:5] == [
        "conv1", "bn1", "relu_1", "reduce_window_max_1", "layer1_0.conv1",
    ]  # fmt: skip


@pytest.mark.parametrize("causal", [False, True])
def test_attention_of_linen_is_that_of_pytorch(causal: bool) -> None:
    report = analysed(Tokens(causal), (1, 16, 12, 3))
    other = fieldscope.analyze(TorchTokens(causal=causal), (1, 3, 16, 12))
    assert report.output.exact
    for position in range(12):
        ours = report["mlp"].box((position,) if len(report["mlp"].spatial) == 1 else (0, 0))
        theirs = other["mlp"].box((position,) if len(other["mlp"].spatial) == 1 else (0, 0))
        assert ours == theirs, position


def test_a_unet_of_nnx_is_that_of_pytorch() -> None:
    net = NnxUNet(nnx.Rngs(0))
    before = jax.tree.leaves(nnx.state(net))
    report = analysed(net, (1, 24, 16, 1))
    other = fieldscope.analyze(TorchUNet(), (1, 1, 24, 16))
    names = ["down", "inner.0", "inner.1", "norm", "up", "last"]
    same(report, other, {name: name for name in names})
    assert report["up"].exact
    # It was analysed as in evaluation, and left as it was found.
    assert not net.drop.deterministic
    assert all(a is b for a, b in zip(before, jax.tree.leaves(nnx.state(net)), strict=True))


def test_branches_of_equinox_are_those_of_pytorch() -> None:
    report = analysed(Branches(), (3, 20, 17))
    other = fieldscope.analyze(TorchBranches(), (1, 3, 20, 17))
    names = ["stem", "branches.0", "branches.1", "branches.2", "norm", "last"]
    same(report, other, {name: name for name in names})


@pytest.mark.parametrize("wrapped", ["vmap", "filter_jit"])
def test_wrapped_modules_keep_their_names(wrapped: str) -> None:
    import equinox as eqx

    net = eqx.nn.inference_mode(Branches())
    shape = (1, 3, 20, 17) if wrapped == "vmap" else (3, 20, 17)
    function = jax.vmap(net) if wrapped == "vmap" else eqx.filter_jit(net)
    report = analysed(function, shape)
    assert report["branches.1"].size == (17, 17)
    assert report["branches.1"].spatial == ((2, 3) if wrapped == "vmap" else (1, 2))


class Twice(linen.Module):
    @linen.compact
    def __call__(self, x: Any) -> Any:
        conv = linen.Conv(3, (3, 3))
        x = conv(conv(x))
        with jax.named_scope("tail"):
            x = jnp.tanh(conv(x)) + 1
        return x, {"half": x[:, ::2]}


@pytest.mark.parametrize("kind", ["unbound", "bound", "function", "jit"])
def test_modules_called_again_are_numbered(kind: str) -> None:
    module = Twice()
    variables = module.init(jax.random.key(0), jnp.ones((1, 9, 9, 3)))
    target = {
        "unbound": module,
        "bound": module.bind(variables),
        "function": lambda x: module.apply(variables, x),
        "jit": jax.jit(lambda x: module.apply(variables, x)),
    }[kind]
    report = analysed(target, (1, 9, 9, 3))
    names = [layer.name for layer in report.layers]
    assert names == ["Conv_0", "Conv_0#2", "tail.Conv_0", "tail.tanh_1", "tail.add_1", "slice_1"]
    assert [c.name for c in report.containers] == ["tail"]
    assert list(report.outputs) == ["output[0]", "output[1]['half']"]
    assert report["tail.Conv_0"].size == (7, 7)


def test_a_jitted_block_called_twice_is_two_blocks() -> None:
    @jax.jit
    def block(x: Array) -> Any:
        with jax.named_scope("smooth"):
            return jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, 3, 1), (1, 1, 1), "SAME") * 2

    report = analysed(lambda x: block(block(x)), (1, 9, 2))
    assert [layer.name for layer in report.layers] == [
        "smooth.reduce_window_sum_1", "smooth.mul_1",
        "smooth.reduce_window_sum_1#2", "smooth.mul_1#2",
    ]  # fmt: skip
    assert report.output.size == (5,)


def test_a_recurrent_layer_is_one_layer() -> None:
    class Net(linen.Module):
        @linen.compact
        def __call__(self, x: Any) -> Any:
            return linen.RNN(linen.LSTMCell(4), name="lstm")(x)

    report = analysed(Net(), (1, 7, 3), axes=(1,))
    assert [layer.name for layer in report.layers] == ["lstm"]
    assert [report.output.box((i,)) for i in (0, 4)] == [(slice(0, 1),), (slice(0, 5),)]


def test_layers_scanned_over_their_weights_are_told_apart() -> None:
    class Layer(linen.Module):
        @linen.compact
        def __call__(self, x: Any, _: Any) -> Any:
            return linen.relu(linen.Conv(3, (3, 3))(x)), None

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x: Any) -> Any:
            layers = linen.scan(
                linen.remat(Layer),
                variable_axes={"params": 0},
                split_rngs={"params": True},
                length=3,
            )
            return layers(name="layers")(x, None)[0]

    report = analysed(Net(), (1, 12, 12, 3))
    sizes = {layer.name: layer.size for layer in report.layers if "Conv" in layer.name}
    assert sizes == {
        "layers.Conv_0": (3, 3), "layers.Conv_0#2": (5, 5), "layers.Conv_0#3": (7, 7),
    }  # fmt: skip


def test_half_precision_and_double_precision_read_alike() -> None:
    def net(x: Array) -> Any:
        weights = jnp.ones((3, 3, 1, 2), x.dtype)
        y = jax.lax.conv_general_dilated(
            x, weights, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return jax.image.resize(jax.nn.softmax(y), (1, 9, 9, 2), "linear")

    expected = analysed(net, (1, 9, 9, 1)).output
    half = analysed(net, jax.ShapeDtypeStruct((1, 9, 9, 1), jnp.bfloat16)).output
    with jax.enable_x64(True):
        double = analysed(net, jax.ShapeDtypeStruct((1, 9, 9, 1), "float64")).output
    for other in (half, double):
        assert (other.size, other.exact) == (expected.size, expected.exact)
        assert other.box((4, 4)) == expected.box((4, 4))
