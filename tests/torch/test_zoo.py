"""Networks by name: built without weights, with true tables and default shapes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from fieldscope.errors import ModelError
from fieldscope.frontends.torch import zoo
from fieldscope.frontends.torch.shape_only import REAL_ELEMENTS_AT_MOST, shape_only
from fieldscope.frontends.torch.torchvision_ops import import_beside_torch, import_torchvision

SHAPES: list[tuple[zoo.Source, str, Any]] = [
    ("torchvision", "resnet50", (1, 3, 224, 224)),
    ("torchvision", "inception_v3", (1, 3, 299, 299)),
    ("torchvision", "efficientnet_b7", (1, 3, 600, 600)),
    ("torchvision", "vit_h_14", (1, 3, 224, 224)),
    ("torchvision", "fcn_resnet50", (1, 3, 520, 520)),
    ("torchvision", "fasterrcnn_resnet50_fpn", (1, 3, 800, 800)),
    ("torchvision", "ssdlite320_mobilenet_v3_large", (1, 3, 320, 320)),
    ("torchvision", "r3d_18", (1, 3, 16, 112, 112)),
    ("torchvision", "mvit_v2_s", (1, 3, 16, 224, 224)),
    ("torchvision", "s3d", (1, 3, 16, 224, 224)),
    ("torchvision", "raft_small", ((1, 3, 520, 960), (1, 3, 520, 960))),
    ("torchvision", "quantized_resnet18", (1, 3, 224, 224)),
    ("timm", "convnext_tiny", (1, 3, 224, 224)),
    ("timm", "tf_efficientnet_b3", (1, 3, 300, 300)),
    ("timm", "swin_base_patch4_window12_384", (1, 3, 384, 384)),
]


@pytest.mark.parametrize(("source", "name", "shape"), SHAPES)
def test_a_network_is_built_in_eval_mode_with_the_input_it_is_meant_for(
    source: zoo.Source, name: str, shape: Any
) -> None:
    model, inputs = zoo.build(source, name)
    assert inputs == shape
    assert not any(module.training for module in model.modules())
    assert all(p.is_meta or p.numel() <= REAL_ELEMENTS_AT_MOST for p in model.parameters())


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("torchvision", "swin_v2_t"),
        ("torchvision", "maxvit_t"),
        ("timm", "levit_128s"),
        ("timm", "swinv2_tiny_window8_256"),
        ("timm", "beit_base_patch16_224"),
        ("timm", "swin_tiny_patch4_window7_224"),
    ],
)
def test_index_tables_hold_the_values_of_a_network_built_with_weights(
    source: zoo.Source, name: str
) -> None:
    library = import_beside_torch(source)
    create = library.create_model if source == "timm" else library.models.get_model
    real = dict(create(name).named_buffers())
    built = dict(zoo.build(source, name).model.named_buffers())
    tables = [key for key, buffer in built.items() if not buffer.dtype.is_floating_point]
    assert tables
    assert built.keys() == real.keys()
    for key in tables:
        assert not built[key].is_meta
        assert torch.equal(built[key], real[key]), key


def test_arguments_reach_the_builder() -> None:
    model, _ = zoo.build("torchvision", "resnet18", {"num_classes": 7})
    assert model.get_submodule("fc").out_features == 7


@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("resnet18", {"in_chans": 1}, (1, 1, 224, 224)),
        ("vit_tiny_patch16_224", {"img_size": [160, 96]}, (1, 3, 160, 96)),
        ("vit_tiny_patch16_224", {"img_size": 96}, (1, 3, 96, 96)),
        ("resnet50.a1_in1k", {}, (1, 3, 224, 224)),
        ("vit_base_patch16_224.augreg2_in21k_ft_in1k", {}, (1, 3, 224, 224)),
    ],
)
def test_the_default_input_follows_the_arguments(
    name: str, arguments: dict[str, Any], shape: tuple[int, ...]
) -> None:
    assert zoo.build("timm", name, arguments).inputs == shape


def test_a_detector_is_its_backbone() -> None:
    model, _ = zoo.build("torchvision", "fasterrcnn_resnet50_fpn")
    assert type(model).__name__ == "BackboneWithFPN"


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(ModelError, match="torchvision has no model 'resnet51'") as caught:
        zoo.build("torchvision", "resnet51")
    assert "did you mean resnet50" in str(caught.value)
    with pytest.raises(ModelError, match="timm has no model 'convnex_tiny'") as caught:
        zoo.build("timm", "convnex_tiny")
    assert "convnext_tiny" in str(caught.value)


def test_a_name_near_no_other_says_where_all_are_listed() -> None:
    with pytest.raises(ModelError, match=r"timm has no model '!!'\n.*lists all [\d,]+$"):
        zoo.build("timm", "!!")


def test_an_unknown_tag_of_timm_is_a_model_error() -> None:
    with pytest.raises(ModelError, match=r"cannot build timm:resnet50\.nobody"):
        zoo.build("timm", "resnet50.nobody")


def test_an_argument_the_builder_lacks_is_named() -> None:
    with pytest.raises(ModelError, match="cannot build torchvision:vgg16 with colour='red'"):
        zoo.build("torchvision", "vgg16", {"colour": "red"})


@pytest.mark.parametrize("argument", ["weights", "weights_backbone", "pretrained"])
def test_weights_are_refused_because_no_field_depends_on_them(argument: str) -> None:
    with pytest.raises(ModelError, match="fields do not depend on weights"):
        zoo.build("torchvision", "resnet18", {argument: "DEFAULT"})


def test_every_listed_name_of_torchvision_belongs_to_a_family() -> None:
    families = {zoo.family("torchvision", name) for name in zoo.names("torchvision")}
    assert families == {
        "classification",
        "detection",
        "optical_flow",
        "quantization",
        "segmentation",
        "video",
    }


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's own figures")
def test_a_network_of_two_gigabytes_is_built_in_little_memory() -> None:
    script = """
import pathlib
from fieldscope.frontends.torch import zoo

def peak():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return int(dict(line.split(":", 1) for line in lines)["VmHWM"].split()[0]) * 1024

zoo.build("timm", "test_vit")
before = peak()
zoo.build("timm", "vit_giant_patch14_224")
print(peak() - before)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert int(run.stdout) < 100 * 2**20


def test_building_leaves_the_random_state_alone() -> None:
    state = torch.get_rng_state()
    zoo.build("torchvision", "vit_b_16")
    assert torch.equal(torch.get_rng_state(), state)


def test_weights_have_a_shape_only_and_tables_are_real() -> None:
    with shape_only():
        layer = torch.nn.Conv2d(3, 5, 2)
        mask = torch.zeros(4, 6)
        mask[1:3] = 1
        large = torch.zeros(REAL_ELEMENTS_AT_MOST + 1)
        index = torch.arange(10).view(2, 5).t() * 2
        ints = torch.zeros(REAL_ELEMENTS_AT_MOST + 1, dtype=torch.int64)
    assert layer.weight.is_meta
    assert mask.sum().item() == 12
    assert large.is_meta
    assert index.tolist() == [[0, 10], [2, 12], [4, 14], [6, 16], [8, 18]]
    assert not ints.is_meta


def test_operations_between_weights_and_tables_have_a_shape_only() -> None:
    with shape_only():
        weight = torch.nn.Parameter(torch.randn(7, 3))
        picked = weight[torch.tensor([[0, 6], [1, 1]])]
        summed = picked + torch.ones(3)
    assert picked.is_meta
    assert summed.shape == (2, 2, 3)


def test_tables_asked_for_on_the_device_of_the_weights_are_real() -> None:
    with shape_only():
        weight = torch.randn(3)
        made = torch.arange(3, device=weight.device)
        moved = torch.tensor([[1, 2]]).to(weight.device)
        like = moved.new_full((2,), 5, device=weight.device)
    assert made.tolist() == [0, 1, 2]
    assert moved.tolist() == [[1, 2]]
    assert like.tolist() == [5, 5]


def test_random_tables_are_real_and_the_same_every_time() -> None:
    def draw() -> list[int]:
        with shape_only():
            order: list[int] = torch.randperm(20).tolist()
        return order

    torch.manual_seed(0)
    first = draw()
    torch.manual_seed(1)
    state = torch.get_rng_state()
    assert draw() == first
    assert torch.equal(torch.get_rng_state(), state)
    assert sorted(first) == list(range(20))


def test_a_table_written_from_weights_is_an_error_and_not_a_wrong_table() -> None:
    with shape_only():
        weight = torch.randn(3, 4)
        table = torch.zeros(3, dtype=torch.int64)
        with pytest.raises(ModelError, match=r"without weights.*torch\.int64 tensor of shape"):
            table.copy_(weight.argmax(1))
        small = torch.zeros(3)
        small.copy_(weight[:, 0])


def test_the_zoo_of_torchvision_is_listed_by_torchvision() -> None:
    assert set(zoo.names("torchvision")) == set(import_torchvision().models.list_models())
