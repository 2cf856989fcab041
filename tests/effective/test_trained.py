"""What training does to an effective field: VGG16 as CRAFT trained it, over photographs."""

from __future__ import annotations

from pathlib import Path

import pytest

import fieldscope
from fieldscope.frontends.torch.weights import load_weights
from fieldscope.frontends.torch.zoo import build
from tests.shipped import VGG16_OF_CRAFT, photographs, text_detector

EARLY = "features.12"
SHAPE = (1, 3, 64, 80)


def test_training_narrows_an_early_layer_and_the_untrained_one_is_as_expected(
    tmp_path: Path,
) -> None:
    photos = photographs(tmp_path / "photos")
    model, _ = build("torchvision", "vgg16_bn", values=True)
    untrained = fieldscope.effective(model, photos, inputs=SHAPE, layer=EARLY)
    load_weights(model, text_detector(), renamed=VGG16_OF_CRAFT)
    trained = fieldscope.effective(model, photos, inputs=SHAPE, layer=EARLY)
    expected = fieldscope.expected_effective(model, SHAPE, layer=EARLY)
    assert untrained.images == trained.images == 6
    assert untrained.theory == trained.theory == expected.theory
    assert untrained.radius == pytest.approx(expected.radius, rel=0.05)
    assert max(trained.radius) < 0.9 * min(untrained.radius)
    assert trained.effective_size < untrained.effective_size
