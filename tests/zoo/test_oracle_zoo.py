"""Boxes of published networks, against the oracle on small canvases."""

from __future__ import annotations

import re

import pytest
from torch import nn

import fieldscope
from tests.networks.agreement import disagreements
from tests.zoo.networks import PRODUCTS_ARE_CONTEXT, QUICK, SLOW, build

# Layers compared of each network, spread over its depth.
LAYERS = 8


def check(target: str, extents: tuple[int, ...]) -> None:
    model = build(target)
    shape = (1, 3, *extents)
    found = list(
        disagreements(
            model,
            shape,
            chosen(model, shape),
            random_positions=0,
            ambiguous_context=target in PRODUCTS_ARE_CONTEXT,
        )
    )
    assert not found, "\n".join([target, *found])


def chosen(model: nn.Module, shape: tuple[int, ...]) -> list[str]:
    """Some layers and containers that are modules, the output last."""
    report = fieldscope.analyze(model, shape)
    modules = dict(model.named_modules())
    names = [
        layer.name
        for layer in (*report.layers, *report.containers)
        if re.sub(r"#\d+$", "", layer.name) in modules and len(layer.shape) > 2
    ]
    step = max(1, len(names) // LAYERS)
    return [*names[::step], ""]


@pytest.mark.parametrize("target", QUICK)
def test_networks(target: str) -> None:
    check(target, QUICK[target])


@pytest.mark.zoo
@pytest.mark.parametrize("target", SLOW)
def test_more_networks(target: str) -> None:
    check(target, SLOW[target])
