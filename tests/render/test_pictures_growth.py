"""Growth of a field through the layers, as a curve."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import fieldscope.render.shown  # noqa: F401  # registers the answers
from fieldscope.analyses.layers import Report as RealReport
from fieldscope.errors import InputError
from fieldscope.media import as_figure
from fieldscope.render.pictures import growth_curve, png
from fieldscope.render.pictures.curves import curves_of, labelled
from tests.render.drawn import named, texts
from tests.render.handmade import WHOLE, Layer, Made, Report, a_field, image, square, stereo


def a_layer(name: str, field: Any, **rest: Any) -> Layer:
    fields = {} if field is None else {"x": field}
    return Layer(name, "window", "aten.convolution", (1, 8, 30, 45), fields, **rest)


def a_report(model: str, inputs: tuple[Any, ...], layers: tuple[Layer, ...]) -> Made:
    return Report(model, inputs, layers)


def a_chain(*sizes: int, extent: int = 224, ends_global: bool = False) -> Made:
    """Layers `c0`, `c1`, … of given sizes, the stride doubled at every third."""
    rows = [a_layer(f"c{k}", square(size, 2 ** (k // 3), 0, size)) for k, size in enumerate(sizes)]
    if ends_global:
        rows += [a_layer("pool", WHOLE), a_layer("fc", WHOLE)]
    return a_report("Chain", (image(extent, extent),), tuple(rows))


def curve(figure: Any, name: str) -> tuple[list[float], list[float]]:
    (line,) = named(figure.axes[0], name)
    return list(line.get_xdata()), list(line.get_ydata())


def test_the_curve_goes_through_the_sizes_in_order() -> None:
    figure = growth_curve(a_chain(3, 5, 9, 17))
    assert curve(figure, "size-all") == ([0, 1, 2, 3], [3, 5, 9, 17])
    (strides,) = named(figure.axes[1], "stride-all")
    assert list(strides.get_ydata()) == [1, 1, 1, 2]
    (extent,) = named(figure.axes[0], "extent")
    assert list(extent.get_ydata()) == [224, 224]
    assert "input\n224" in texts(figure)


def test_axes_that_differ_have_lines_that_differ_without_colours() -> None:
    rows = (a_layer("a", a_field((5, 3), (3, 2))), a_layer("b", a_field((17, 7), (6, 4))))
    figure = growth_curve(a_report("Net", (image(60, 90),), rows))
    assert curve(figure, "size-y") == ([0, 1], [5, 17])
    assert curve(figure, "size-x") == ([0, 1], [3, 7])
    lines = [named(figure.axes[0], f"size-{axis}")[0] for axis in "yx"]
    assert lines[0].get_linestyle() != lines[1].get_linestyle()
    assert {"input y\n60", "input x\n90", "17×7"} <= set(texts(figure))
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["size along y", "size along x"]


def test_layers_that_read_the_whole_input_stand_in_a_band_above_all_numbers() -> None:
    figure = growth_curve(a_chain(3, 50, 300, ends_global=True))
    axes = figure.axes[0]
    (marks,) = named(axes, "reads-whole")
    assert list(marks.get_xdata()) == [3, 4]
    (band,) = named(axes, "whole")
    assert band.get_y() > 300
    assert all(band.get_y() < at < axes.get_ylim()[1] for at in marks.get_ydata())
    assert "whole\ninput" in texts(figure)
    assert "whole input from pool on" in " ".join(texts(figure))
    assert "first beyond the input's 224 at c2" in " ".join(texts(figure))


def test_gates_do_not_break_the_curve_nor_end_it() -> None:
    rows = (
        a_layer("a", square(3, 1, 0, 3)),
        a_layer("gate", WHOLE),
        a_layer("b", square(7, 2, 0, 3)),
    )
    figure = growth_curve(a_report("Net", (image(64, 64),), rows))
    assert curve(figure, "size-all") == ([0, 2], [3, 7])
    assert curve(figure, "reads-whole")[0] == [1]
    assert "whole input" not in " ".join(texts(figure)).replace("whole\ninput", "")
    assert curve(figure, "narrowest-y, x") == ([0, 2], [3, 3])


def test_layers_that_read_nothing_of_the_input_are_left_out_of_the_curve() -> None:
    rows = (
        a_layer("a", square(3, 1, 0, 3)),
        a_layer("table", None),
        a_layer("none", square(0, 1, 0, 0)),
    )
    figure = growth_curve(a_report("Net", (image(64, 64),), rows))
    assert curve(figure, "size-all") == ([0], [3])


@pytest.mark.parametrize(("sizes", "log"), [((3, 212), False), ((3, 3863), True), ((3, 9), True)])
def test_sizes_far_from_the_inputs_extent_have_a_logarithmic_axis(
    sizes: tuple[int, ...], log: bool
) -> None:
    assert growth_curve(a_chain(*sizes)).axes[0].get_yscale() == ("log" if log else "linear")
    figure = growth_curve(a_chain(*sizes), log=not log)
    assert figure.axes[0].get_yscale() == ("linear" if log else "log")


@pytest.mark.parametrize("count", [1, 2, 14, 15, 40, 300, 900])
def test_at_most_15_layers_are_named_and_none_too_near_another(count: int) -> None:
    figure = growth_curve(a_chain(*range(3, 3 + 4 * count, 4), ends_global=True))
    png(figure)
    labels = [label for label in figure.axes[1].get_xticklabels() if label.get_text()]
    assert 2 <= len(labels) <= 15
    at = [figure.axes[1].transData.transform((tick, 0))[0] for tick in figure.axes[1].get_xticks()]
    assert min(np.diff(at)) / 100 > 0.2  # inches, of 0.11 that a line of text is high


def test_the_last_size_and_the_first_beyond_the_input_are_always_named() -> None:
    sizes = [3 + 2 * k for k in range(300)]
    report = a_chain(*sizes, extent=100, ends_global=True)
    shown = labelled(report.layers, curves_of(report.layers, report.inputs[0]))
    assert 299 in shown
    passed = next(k for k, size in enumerate(sizes) if size > 100)
    assert passed in shown


def test_long_names_keep_their_end() -> None:
    name = "features.denseblock4.denselayer32.conv2"
    rows = (a_layer("a", square(3, 1, 0, 3)), a_layer(name, square(7, 2, 0, 7)))
    labels = growth_curve(a_report("Net", (image(64, 64),), rows)).axes[1].get_xticklabels()
    assert [label.get_text() for label in labels] == ["a", "…block4.denselayer32.conv2"]


def test_strides_below_one_are_fractions() -> None:
    rows = (a_layer("a", square(3, 1, 0, 3)), a_layer("up", square(3, Fraction(1, 2), 0, 3)))
    figure = growth_curve(a_report("Net", (image(64, 64),), rows))
    png(figure)
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == ["1/2", "1"]


def test_a_network_that_reads_all_from_the_start_is_drawn() -> None:
    rows = (a_layer("attention", WHOLE), a_layer("head", WHOLE))
    figure = growth_curve(a_report("Net", (image(64, 64),), rows))
    assert png(figure)[1:4] == b"PNG"
    assert curve(figure, "size-all") == ([], [])


def test_names_with_signs_of_formulas_are_written_as_they_are() -> None:
    rows = (a_layer("$a_1$^", square(3, 1, 0, 3)), a_layer("$b", square(7, 2, 0, 7)))
    assert png(growth_curve(a_report("$N", (image(64, 64),), rows)))[1:4] == b"PNG"


def test_one_of_several_inputs_must_be_named() -> None:
    with pytest.raises(InputError, match=r"say which with input=; .* 'left' and 'right'"):
        growth_curve(stereo())
    with pytest.raises(InputError, match=r"there is no input 'up'; .* 'left' and 'right'"):
        growth_curve(stereo(), input="up")
    figure = growth_curve(stereo(), input="left")
    assert curve(figure, "size-all") == ([0, 1], [7, 7])
    assert {"input y\n60", "input x\n90"} <= set(texts(figure))


def test_a_model_without_spatial_axes_has_no_curve() -> None:
    vector = type(image(1, 1))("v", (1, 16), (), ())
    report = a_report("Net", (vector,), (a_layer("a", None),))
    with pytest.raises(InputError, match="no input of Net has spatial axes"):
        growth_curve(report)


def test_a_report_draws_itself_as_its_growth() -> None:
    fieldscope = pytest.importorskip("fieldscope")
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 1, (5, 3)), torch.nn.MaxPool2d(2))
    report = fieldscope.analyze(net, (1, 1, 32, 32))
    assert isinstance(report, RealReport)
    assert curve(as_figure(report), "size-y")[1] == [5, 6]
    assert math.isclose(curve(as_figure(report, log=True), "size-x")[1][1], 4)
