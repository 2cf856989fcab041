"""The same network has the same fields in all its forms, layer by layer."""

from __future__ import annotations

import warnings

import pytest

from benchmarks.forms import of_jax, of_keras, of_torch
from benchmarks.forms.fields import Comparison

SMALL = ("resnet18", "unet_2d", "tcn")


def check(found: list[Comparison], *, forms: int, share: float) -> None:
    """Nothing differs, all is exact, and no fewer layers correspond than a share of them."""
    assert len(found) == forms
    for one in found:
        assert one.different == (), one.form
        assert one.exact == one.layers, one.form
        assert one.compared >= share * one.layers, one.form


@pytest.mark.parametrize(
    "name",
    [
        name if name in SMALL else pytest.param(name, marks=pytest.mark.zoo)
        for name in of_torch.NAMES
    ],
)
def test_a_module_and_what_is_exported_of_it(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # exporters deprecate one another
        check(list(of_torch.compared(name)), forms=len(of_torch.FORMS), share=0.15)


@pytest.mark.zoo
@pytest.mark.parametrize("name", of_jax.NAMES)
def test_a_network_in_jax_and_in_pytorch(name: str) -> None:
    check(list(of_jax.compared(name)), forms=1, share=0.3)


@pytest.mark.zoo
def test_a_network_of_keras_on_each_backend() -> None:
    found = list(of_keras.compared())
    backends = len(of_keras.NAMES) * (len(of_keras.BACKENDS) - 1)
    check(found, forms=backends + len(of_keras.TORCHVISION), share=1)


def test_a_difference_is_found() -> None:
    ours: dict[str, tuple[object, ...]] = {"a": ([8], 3, True), "b": ([8], 5, True)}
    theirs = {**ours, "b": ([8], 7, True), "c": ([4], 7, True)}
    assert Comparison.of("net", "other", ours, theirs).different == ("b",)
    assert Comparison.of("net", "other", ours, theirs, ["a"]).compared == 1
