from __future__ import annotations

import pytest

from fieldscope.errors import InputError, LayerNotFoundError
from fieldscope.render.selection import select
from tests.render import handmade


def names(
    *patterns: str, depth: int | None = None, everything: bool = False
) -> tuple[list[str], int, int]:
    found = select(handmade.residual(), patterns=patterns, depth=depth, everything=everything)
    return [layer.name for layer in found.layers], found.hidden, found.folded


def test_layers_that_only_move_elements_are_hidden() -> None:
    shown, hidden, _ = names()
    assert "flatten" not in shown
    assert hidden == 1
    assert names(everything=True)[0][-2:] == ["flatten", "fc"]


def test_a_layer_named_in_full_is_shown_whatever_it_does() -> None:
    assert names("flatten") == (["flatten"], 0, 0)
    assert names("flatten", "fc") == (["flatten", "fc"], 0, 0)


def test_layers_that_all_only_move_elements_are_shown_after_all() -> None:
    assert names("flat*") == (["flatten"], 0, 0)


def test_rows_below_the_depth_are_folded_into_their_container() -> None:
    assert names(depth=1) == (["conv1", "bn1", "layer4", "avgpool", "fc"], 1, 3)
    assert names(depth=2) == (["conv1", "bn1", "layer4.2", "avgpool", "fc"], 1, 3)
    assert names(depth=3)[2] == 0


def test_patterns_choose_layers_in_the_order_of_execution() -> None:
    assert names("fc", "layer4.*.conv?")[0] == ["layer4.2.conv2", "layer4.2.conv3", "fc"]


def test_a_pattern_that_fits_no_layer_may_name_containers() -> None:
    assert names("layer4")[0] == ["layer4"]
    assert names("layer?")[0] == ["layer4"]
    assert names("layer4", "layer4.2", "fc")[0] == ["layer4.2", "layer4", "fc"]


def test_a_chosen_layer_is_folded_too() -> None:
    assert names("*.conv3", depth=1)[0] == ["layer4"]
    assert names("layer4", "*.conv3", depth=1)[0] == ["layer4"]


def test_a_pattern_that_fits_nothing_names_near_ones() -> None:
    with pytest.raises(LayerNotFoundError) as caught:
        names("layer4.2.cnv3")
    assert str(caught.value) == (
        "no layer of resnet50 is named or matches 'layer4.2.cnv3'; "
        "did you mean layer4.2.conv3, layer4.2.conv2, layer4.2 or layer4.2.relu#3?"
    )


def test_a_pattern_near_nothing_tells_what_there_is() -> None:
    with pytest.raises(LayerNotFoundError, match="its layers begin with conv1, bn1, layer4, avg"):
        names("zzz*")


def test_a_depth_of_nothing_is_an_error() -> None:
    with pytest.raises(InputError, match="depth must be 1 or more, got 0"):
        names(depth=0)


def test_second_calls_are_folded_into_the_second_call_of_their_container() -> None:
    field = {"x": handmade.square(3, 1, -1, 3)}
    made = [
        handmade.Layer(name, "window", "aten.convolution", (1, 8, 8, 8), field)
        for name in ("block.conv", "mid", "block.conv#2")
    ]
    boxes = [
        handmade.Layer(name, "", "", (1, 8, 8, 8), field, container=True)
        for name in ("block", "block#2")
    ]
    report: handmade.Made = handmade.Report(
        "Twice", (handmade.image(8, 8),), tuple(made), tuple(boxes)
    )
    found = select(report, depth=1)
    assert [layer.name for layer in found.layers] == ["block", "mid", "block#2"]
