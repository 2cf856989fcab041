"""Keras' own layers, judged by perturbation: each is one layer, and reads what changes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest

from fieldscope.frontends.keras.trace import trace
from fieldscope.graph.verify import verify
from tests.networks.witness import changed, disagreements, exact

L = keras.layers


class Case(NamedTuple):
    make: Callable[[], Any]
    shape: tuple[int, ...]
    equal: bool = True
    rounds: int = 3


IMAGE = (1, 6, 5, 2)
STEPS = (1, 4, 3)
CASES: dict[str, Case] = {
    "Conv2D": Case(lambda: L.Conv2D(2, 3, 2, "same", activation="sigmoid"), IMAGE),
    "Conv2D-groups": Case(lambda: L.Conv2D(2, 3, groups=2), IMAGE),
    "Conv1D-causal": Case(lambda: L.Conv1D(2, 2, padding="causal", dilation_rate=2), STEPS),
    "Conv3D": Case(lambda: L.Conv3D(1, 2), (1, 3, 3, 3, 1)),
    "Conv2DTranspose": Case(lambda: L.Conv2DTranspose(1, 3, 2, "same"), (1, 3, 3, 1)),
    "Conv2DTranspose-out": Case(
        lambda: L.Conv2DTranspose(1, 3, 2, "valid", output_padding=1), (1, 3, 3, 1)
    ),
    "Conv1DTranspose": Case(lambda: L.Conv1DTranspose(2, 3, 2), STEPS),
    "DepthwiseConv2D": Case(lambda: L.DepthwiseConv2D(3, depth_multiplier=2), IMAGE),
    "DepthwiseConv2D-dilated": Case(
        lambda: L.DepthwiseConv2D(2, dilation_rate=2, padding="same"), IMAGE
    ),
    "DepthwiseConv1D": Case(lambda: L.DepthwiseConv1D(2, padding="same"), STEPS),
    "SeparableConv2D": Case(lambda: L.SeparableConv2D(3, 3, padding="same"), IMAGE),
    "AveragePooling2D": Case(lambda: L.AveragePooling2D(3, 2, "same"), IMAGE),
    "MaxPooling1D": Case(lambda: L.MaxPooling1D(2), STEPS, rounds=30),
    "GlobalAveragePooling2D": Case(lambda: L.GlobalAveragePooling2D(), IMAGE),
    "AdaptiveAveragePooling2D": Case(lambda: L.AdaptiveAveragePooling2D((4, 2)), IMAGE),
    "Dense": Case(lambda: L.Dense(2), IMAGE),
    "EinsumDense": Case(lambda: L.EinsumDense("abc,cd->abd", (None, 2)), STEPS),
    "BatchNormalization": Case(lambda: L.BatchNormalization(), IMAGE),
    "LayerNormalization": Case(lambda: L.LayerNormalization(), STEPS),
    "GroupNormalization": Case(lambda: L.GroupNormalization(2), (1, 3, 2, 4)),
    "RMSNormalization": Case(lambda: L.RMSNormalization(), STEPS),
    "UnitNormalization": Case(lambda: L.UnitNormalization(), STEPS),
    "Normalization": Case(lambda: L.Normalization(mean=[1.0, 2], variance=[2.0, 3]), IMAGE),
    "Rescaling": Case(lambda: L.Rescaling(0.5, 1.0), IMAGE),
    "UpSampling2D": Case(lambda: L.UpSampling2D((2, 3), interpolation="bilinear"), (1, 3, 2, 1)),
    "UpSampling2D-nearest": Case(lambda: L.UpSampling2D(2), (1, 3, 2, 1)),
    "Resizing": Case(lambda: L.Resizing(4, 7), (1, 6, 5, 1)),
    "ZeroPadding2D": Case(lambda: L.ZeroPadding2D(((1, 0), (2, 1))), IMAGE),
    "Cropping2D": Case(lambda: L.Cropping2D(((1, 0), (0, 2))), IMAGE),
    "Reshape": Case(lambda: L.Reshape((5, 12)), IMAGE),
    "Permute": Case(lambda: L.Permute((2, 1, 3)), IMAGE),
    "Flatten": Case(lambda: L.Flatten(), STEPS),
    "RepeatVector": Case(lambda: L.RepeatVector(2), (1, 3)),
    "Softmax": Case(lambda: L.Softmax(), STEPS),
    "PReLU": Case(lambda: L.PReLU(alpha_initializer="ones"), STEPS),
    "TimeDistributed": Case(lambda: L.TimeDistributed(L.Conv1D(1, 2)), (1, 2, 3, 2)),
    "LSTM": Case(lambda: L.LSTM(2, return_sequences=True), STEPS),
    "LSTM-last": Case(lambda: L.LSTM(2), STEPS),
    "GRU": Case(lambda: L.GRU(2, return_sequences=True), STEPS),
    "GRU-back": Case(lambda: L.GRU(2, return_sequences=True, go_backwards=True), STEPS),
    "SimpleRNN-unrolled": Case(lambda: L.SimpleRNN(2, return_sequences=True, unroll=True), STEPS),
    "Bidirectional": Case(lambda: L.Bidirectional(L.LSTM(2, return_sequences=True)), STEPS),
    "ConvLSTM1D": Case(
        lambda: L.ConvLSTM1D(1, 3, padding="same", return_sequences=True), (1, 3, 4, 1), rounds=6
    ),
    "MultiHeadAttention": Case(lambda: Attending(), (1, 4, 3)),
    "MultiHeadAttention-causal": Case(lambda: Attending(causal=True), (1, 4, 3)),
    "RandomFlip": Case(lambda: L.RandomFlip(), IMAGE),
    "RandomRotation": Case(lambda: L.RandomRotation(0.2), IMAGE),
    "CenterCrop": Case(lambda: L.CenterCrop(4, 3), IMAGE),
}


class Attending(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    def __init__(self, *, causal: bool = False) -> None:
        super().__init__()
        self.inner = L.MultiHeadAttention(2, 2)
        self.causal = causal

    def build(self, shape: Any) -> None:
        self.inner.build(shape, shape)
        self.built = True

    def call(self, x: Any) -> Any:
        return self.inner(x, x, use_causal_mask=self.causal)


@pytest.mark.parametrize("name", CASES)
def test_a_layer_reads_what_changes_it(name: str) -> None:
    one = CASES[name]
    keras.utils.set_random_seed(1)
    layer = one.make()
    layer.build((None, *one.shape[1:]))
    axes = tuple(range(len(one.shape)))
    found = trace(layer, one.shape, axes=axes)
    verify(found.graph)
    if not isinstance(layer, (Attending, L.TimeDistributed, L.RNN, L.Bidirectional)):
        assert len(found.layers) <= 1, [layer.name for layer in found.layers]

    def run(array: Any) -> list[Any]:
        return [keras.ops.convert_to_numpy(layer(array, training=False))]

    array = np.random.default_rng(0).standard_normal(one.shape).astype("float32")
    seen = changed(run, [array], rounds=one.rounds)
    assert list(disagreements(found, seen, equal=one.equal)) == []
    assert exact(found, 0)
