"""Published networks of many families, small enough to compare with the oracle."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from fieldscope.frontends.torch.torchvision_ops import import_beside_torch, import_torchvision

Shape = tuple[int, ...]

# source:name and the extents of a small canvas, [y x] or [z y x].
QUICK: dict[str, Shape] = {
    "torchvision:resnet18": (65, 96),
    "torchvision:shufflenet_v2_x0_5": (64, 80),
    "torchvision:mobilenet_v3_small": (64, 96),
    "torchvision:swin_t": (64, 96),
    "timm:test_vit": (160, 160),
    "timm:test_byobnet": (64, 97),
}
SLOW: dict[str, Shape] = {
    "torchvision:alexnet": (70, 95),
    "torchvision:vgg11_bn": (64, 70),
    "torchvision:squeezenet1_1": (64, 77),
    "torchvision:densenet121": (64, 96),
    "torchvision:googlenet": (64, 97),
    "torchvision:inception_v3": (96, 107),
    "torchvision:mobilenet_v2": (64, 96),
    "torchvision:mnasnet0_5": (64, 96),
    "torchvision:efficientnet_b0": (65, 96),
    "torchvision:regnet_y_400mf": (64, 97),
    "torchvision:convnext_tiny": (64, 96),
    "torchvision:swin_v2_t": (64, 96),
    "torchvision:lraspp_mobilenet_v3_large": (64, 96),
    "torchvision:deeplabv3_mobilenet_v3_large": (64, 96),
    "torchvision:fcn_resnet50": (40, 64),
    "torchvision:r3d_18": (4, 32, 40),
    "torchvision:r2plus1d_18": (4, 32, 40),
    "timm:botnet26t_256": (256, 256),
    "timm:lambda_resnet26t": (64, 64),
    "timm:halonet26t": (256, 256),
    "timm:poolformer_s12": (64, 96),
    "timm:caformer_s18": (64, 96),
    "timm:cait_xxs24_224": (224, 224),
    "timm:coat_lite_tiny": (224, 224),
    "timm:test_coatnet": (160, 160),
    "timm:convit_tiny": (224, 224),
    "timm:mixer_s32_224": (224, 224),
    "timm:resmlp_12_224": (224, 224),
    "timm:gmlp_ti16_224": (224, 224),
    "timm:crossvit_tiny_240": (240, 240),
    "timm:cs3darknet_focus_s": (64, 96),
    "timm:davit_tiny": (64, 96),
    "timm:dla34": (64, 96),
    "timm:dpn48b": (64, 96),
    "timm:ese_vovnet19b_slim": (64, 96),
    "timm:edgenext_xx_small": (64, 96),
    "timm:efficientformer_l1": (224, 224),
    "timm:efficientvit_b0": (64, 96),
    "timm:efficientvit_m0": (224, 224),
    "timm:fastvit_t8": (64, 96),
    "timm:focalnet_tiny_srf": (64, 96),
    "timm:gcvit_xxtiny": (224, 224),
    "timm:ghostnet_050": (64, 96),
    "timm:hgnetv2_b0": (64, 96),
    "timm:hrnet_w18_small": (64, 96),
    "timm:inception_next_atto": (64, 96),
    "timm:levit_128s": (224, 224),
    "timm:mobilevit_xxs": (64, 96),
    "timm:mobilevitv2_050": (64, 96),
    "timm:mvitv2_tiny": (224, 224),
    "timm:nest_tiny": (224, 224),
    "timm:test_nfnet": (64, 96),
    "timm:pit_ti_224": (224, 224),
    "timm:pvt_v2_b0": (64, 96),
    "timm:repvit_m0_9": (64, 96),
    "timm:res2net50_26w_4s": (64, 96),
    "timm:resnest14d": (64, 96),
    "timm:rexnet_100": (64, 96),
    "timm:selecsls42": (64, 96),
    "timm:skresnet18": (64, 96),
    "timm:sequencer2d_s": (224, 224),
    "timm:starnet_s1": (64, 96),
    "timm:swiftformer_xs": (224, 224),
    "timm:swinv2_cr_tiny_ns_224": (224, 224),
    "timm:tiny_vit_5m_224": (224, 224),
    "timm:tnt_s_patch16_224": (224, 224),
    "timm:twins_svt_small": (224, 224),
    "timm:visformer_tiny": (224, 224),
    "timm:volo_d1_224": (224, 224),
    "timm:xcit_nano_12_p16_224": (224, 224),
    "timm:mambaout_femto": (64, 96),
    "timm:hiera_tiny_224": (224, 224),
    "timm:legacy_xception": (64, 96),
    "timm:vit_tiny_patch16_224": (224, 224),
    "timm:deit_tiny_distilled_patch16_224": (224, 224),
    "timm:eva02_tiny_patch14_224": (224, 224),
}

# Attention over channels and linear attention: positions are contracted away in products.
PRODUCTS_ARE_CONTEXT = {
    "timm:davit_tiny",
    "timm:coat_lite_tiny",
    "timm:edgenext_xx_small",
    "timm:efficientvit_b0",
    "timm:xcit_nano_12_p16_224",
}


def build(target: str) -> nn.Module:
    """The network with random weights, in eval mode."""
    source, name = target.split(":")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: Any
        if source == "timm":
            model = import_beside_torch("timm").create_model(name)
        else:
            models = import_torchvision().models
            model = models.get_model(name, weights=None, **_options(name))
        assert isinstance(model, nn.Module)
        return model.eval()


def _options(name: str) -> dict[str, Any]:
    if name.startswith(("lraspp", "deeplab", "fcn")):
        return {"weights_backbone": None}
    # These warn that their default will change.
    return {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
