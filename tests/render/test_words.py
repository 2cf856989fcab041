from __future__ import annotations

import math
from dataclasses import replace

from fieldscope.render.words import bound_lines, closing
from tests.render import handmade
from tests.render.handmade import Layer, Made, Report, a_field, image


def first(report: Made) -> str:
    return closing(report)[0]


def single(*layers: Layer) -> Made:
    return Report("Net", (image(60, 90),), layers)


def conv(name: str, size: tuple[float, ...], shape: tuple[int, ...] = (1, 8, 9, 9)) -> Layer:
    return Layer(name, "window", "aten.convolution", shape, {"x": a_field(size)})


def test_a_global_output_is_told_with_where_it_became_so_and_what_was_before() -> None:
    assert closing(handmade.residual()) == (
        (
            "The output (fc) reads the whole input, from avgpool on; before that, layer4 sees "
            "427×427 elements, 1.9 times the input's 224×224 (what lies beyond it is padding)."
        ),
    )


def test_a_field_is_told_as_a_share_per_axis_where_shares_differ() -> None:
    assert first(handmade.anisotropic()) == (
        "Each position of the output (3) sees 41×23 elements (y×x) of the input's 60×90: "
        "68% along y and 26% along x."
    )


def test_a_field_is_told_as_one_share_where_shares_agree() -> None:
    assert first(single(conv("a", (30, 45)))) == (
        "Each position of the output (a) sees 30×45 elements, 50% of the input's 60×90."
    )


def test_a_field_may_be_the_very_extent_of_the_input() -> None:
    assert "sees 60×90 elements, all of the input's 60×90." in first(single(conv("a", (60, 90))))


def test_beyond_one_border_is_said_of_that_axis() -> None:
    assert first(single(conv("a", (120, 45)))) == (
        "Each position of the output (a) sees 120×45 elements (y×x) of the input's 60×90: "
        "2 times along y and 50% along x (what lies beyond it is padding)."
    )


def test_one_axis_is_told_in_steps() -> None:
    assert first(handmade.stream()) == (
        "Each position of the output (encoder.1) sees 41 steps, 0.26% of the input's 16000."
    )


def test_one_element_is_singular() -> None:
    assert "sees 1×1 elements" in first(single(conv("a", (1, 1))))
    stream = handmade.stream()
    one = replace(stream.layers[0], fields={"audio": a_field((1,))})
    assert "sees 1 step, " in first(replace(stream, layers=(one,), outputs={"output": one}))


def test_an_axis_may_be_read_whole_while_another_is_not() -> None:
    assert first(single(conv("a", (math.inf, 45)))) == (
        "Each position of the output (a) sees all×45 elements (y×x) of the input's 60×90: "
        "all along y and 50% along x."
    )


def test_a_global_field_from_the_first_layer_on_has_no_before() -> None:
    assert first(single(conv("a", (math.inf, math.inf), (1, 10)))) == (
        "The output (a) reads the whole input."
    )


def test_an_empty_field_is_told() -> None:
    assert first(single(conv("a", (0, 0)))) == (
        "Each position of the output (a) reads nothing of the input, but for context."
    )


def test_several_inputs_have_an_item_each_and_a_vector_has_none() -> None:
    assert closing(handmade.stereo()) == (
        "Each position of the output (fusion.conv) sees:",
        "  7×7 elements (y×x) of left's 60×90: 12% along y and 8% along x.",
        "  11×41 elements (y×x) of right's 60×90: 18% along y and 46% along x.",
    )


def test_an_input_that_is_not_read_is_told() -> None:
    report = handmade.stereo()
    report = replace(report, outputs={"output": report.layers[0]})
    assert closing(report)[2] == "  nothing of right."


def test_an_input_that_is_read_whole_is_told() -> None:
    report = handmade.stereo()
    whole = replace(report.layers[0], fields={"left": handmade.WHOLE})
    assert closing(replace(report, outputs={"output": whole}))[1] == "  all of left."


def test_several_outputs_have_an_item_each() -> None:
    a, b = conv("low", (30, 45)), conv("high", (math.inf, math.inf))
    report = replace(single(a, b), outputs={"output['low']": a, "high": b})
    assert closing(report) == (
        "What each position of the outputs sees:",
        "  output['low'] (low): 30×45 elements, 50% of the input's 60×90.",
        "  high: the whole input.",
    )


def test_many_outputs_are_counted() -> None:
    layers = [conv(f"p{at}", (30, 45)) for at in range(9)]
    report = replace(
        single(*layers), outputs={f"output[{at}]": one for at, one in enumerate(layers)}
    )
    assert closing(report)[-1] == "  and 3 outputs more."


def test_context_is_told_with_where_it_enters() -> None:
    assert closing(handmade.attentive())[1] == (
        "Context enters at blocks.0.0.se, blocks.1.0.se, blocks.2.0.se and 3 more: from the "
        "first on, every position also depends on the whole input, alike for all positions."
    )


def test_bounds_are_listed_with_their_reasons() -> None:
    report = handmade.loose()
    sentence, *rest = closing(report)
    assert sentence.startswith("Each position of the output (head) sees at most all×31")
    assert rest == [
        "Only a bound for 2 of 3 layers: the true field lies inside the one given.",
        (
            "  aten.topk at moe.router (moe.py:41): it has no lowering, so every output is taken "
            "to read every input"
        ),
        (
            "  aten.unique at the model's own forward: it has no lowering, so every output is "
            "taken to read every input"
        ),
    ]


def test_the_same_operator_at_many_places_is_one_item() -> None:
    report = handmade.loose()
    many = tuple(replace(report.bounds[0], where=f"moe.{at}", location=None) for at in range(9))
    assert closing(replace(report, bounds=many))[2].startswith(
        "  aten.topk at moe.0, moe.1, moe.2 and 6 more: it has"
    )
    assert len(bound_lines(many)) == 9


def test_a_model_without_spatial_input_is_told() -> None:
    report = replace(single(conv("a", ())), inputs=(handmade.InputInfo("x", (1, 8), (), ()),))
    assert first(report) == "No input has spatial axes, so there is no field to speak of."


def test_axes_that_are_alike_are_told_together() -> None:
    volume = handmade.InputInfo("x", (1, 1, 16, 112, 112), ("z", "y", "x"), (2, 3, 4))
    report = replace(single(conv("a", (32, 56, 56))), inputs=(volume,))
    assert first(report).endswith(
        "2 times along z and 50% along y and x (what lies beyond it is padding)."
    )


def test_a_gate_that_reads_everything_is_not_where_the_output_becomes_global() -> None:
    whole = (math.inf, math.inf)
    report = single(
        conv("a", (3, 3)), conv("se.pool", whole), conv("b", (30, 45)), conv("pool", whole)
    )
    assert ", from pool on; before that, b sees 30×45 elements" in first(report)
