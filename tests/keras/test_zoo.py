"""Networks of `keras.applications`: built by name without weights, analysed, as published."""

from __future__ import annotations

import keras
import pytest

from fieldscope.errors import ModelError
from fieldscope.frontends.keras import zoo
from fieldscope.frontends.keras.trace import trace
from tests.keras.fields import fields, reported

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

# Araujo, Norris, Sim, Distill 2019, doi:10.23915/distill.00021 (table; TF-Slim), and
# google-research/receptive_field on Keras 2.15: size and stride of the last feature map.
PUBLISHED = {
    "VGG16": ("block5_pool", 212, 32),
    "MobileNet": ("conv_pw_13_relu", 315, 32),
    "ResNet50": ("conv5_block3_out", 483, 32),
    "ResNet101": ("conv5_block3_out", 1027, 32),
    "ResNet152": ("conv5_block3_out", 1507, 32),
    "InceptionV3": ("mixed10", 1311, 32),
    "InceptionResNetV2": ("conv_7b_ac", 3039, 32),
    "DenseNet121": ("relu", 2071, 32),
}
IN_MAKE_TEST = ("VGG16", "MobileNet", "ResNet50")
# By the same source and tool: the first position of the last map begins there.
STARTS = {"VGG16": -90, "ResNet50": -241, "DenseNet121": -1021}


def check(name: str) -> None:
    layer, size, stride = PUBLISHED[name]
    [found] = [one for one in fields(name) if one[0] == layer]
    assert found[2] == [str(size)] * 2
    assert found[3] == [str(stride)] * 2
    if name in STARTS:
        assert found[4] == [str(STARTS[name])] * 2


@pytest.mark.parametrize("name", IN_MAKE_TEST)
def test_small_networks_have_their_published_fields(name: str) -> None:
    check(name)


@pytest.mark.zoo
@pytest.mark.parametrize("name", sorted(set(PUBLISHED) - set(IN_MAKE_TEST)))
def test_networks_have_their_published_fields(name: str) -> None:
    check(name)


@pytest.mark.zoo
def test_all_networks_are_analysed_and_nearly_all_layers_exactly() -> None:
    layers = [one for name in zoo.names() for one in fields(name)]
    exact = sum(one[-1] for one in layers)
    assert len(zoo.names()) >= 38
    assert exact >= 0.99 * len(layers), f"{exact} of {len(layers)}"


def test_the_network_of_the_manual_is_built_for_its_input() -> None:
    model, shape = zoo.build("vgg19", inputs=(1, 32, 32, 3))
    report = reported(trace(model, shape))
    assert shape == (1, 32, 32, 3)
    assert report["block5_pool"].size == (268, 268)
    assert report["block5_pool"].shape == (1, 1, 1, 512)


def test_networks_are_built_without_weights_or_with_the_same_ones() -> None:
    model, shape = zoo.build("MobileNet")
    assert shape == (1, 224, 224, 3)
    assert all(variable._value is None for variable in model.variables)
    one, other = (
        zoo.build("MobileNet", {"alpha": 0.25}, values=True).model.get_layer("conv1").kernel
        for _ in range(2)
    )
    assert (keras.ops.convert_to_numpy(one) == keras.ops.convert_to_numpy(other)).all()


def test_names_without_number_dont_depend_on_what_was_built_before() -> None:
    keras.layers.Activation("relu")
    first, second = ([one.name for one in zoo.build("MobileNetV3Small")[0].layers] for _ in "ab")
    assert first == second
    assert "activation" in first


def test_a_wrong_name_is_corrected() -> None:
    with pytest.raises(ModelError, match=r"no model 'VGG18'; did you mean VGG1[69]"):
        zoo.build("VGG18")


def test_wrong_arguments_are_told() -> None:
    with pytest.raises(ModelError, match="cannot build keras:VGG16 with width=3: TypeError"):
        zoo.build("VGG16", {"width": 3})
    with pytest.raises(ModelError, match="fields do not depend on weights"):
        zoo.build("VGG16", {"weights": "imagenet"})
    with pytest.raises(ModelError, match="takes one input of shape"):
        zoo.build("VGG16", inputs=(1, 3))
