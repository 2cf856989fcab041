"""Boxes of published networks, against the oracle on small canvases."""

from __future__ import annotations

import re

import pytest
from torch import nn

import fieldscope
from tests.networks.agreement import disagreements
from tests.zoo.networks import PRODUCTS_ARE_CONTEXT, QUICK, SLOW, build

# Layers compared of each network, spread over its depth.
LAYERS = 10


def check(target: str, extents: tuple[int, ...], *, context: bool) -> None:
    model = build(target)
    shape = (1, 3, *extents)
    found = list(
        disagreements(
            model,
            shape,
            chosen(model, shape),
            context=context,
            random_positions=0,
            products_are_context=target in PRODUCTS_ARE_CONTEXT,
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
@pytest.mark.parametrize("context", [False, True])
def test_networks(target: str, context: bool) -> None:
    check(target, QUICK[target], context=context)


@pytest.mark.zoo
@pytest.mark.parametrize("target", SLOW)
@pytest.mark.parametrize("context", [False, True])
def test_more_networks(target: str, context: bool) -> None:
    check(target, SLOW[target], context=context)
