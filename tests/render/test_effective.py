"""Pictures of effective fields."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import LogNorm

import fieldscope.render.shown  # noqa: F401  # registers the answers
from fieldscope import EffectiveField, compare_effective
from fieldscope.errors import InputError
from fieldscope.render.pictures import png
from tests.render.drawn import NAMES, named, texts


def bell(shape: tuple[int, ...], *, layer: str = "conv", width: float = 4.0) -> EffectiveField:
    along = [np.exp(-((np.arange(n) - n // 2) ** 2) / (2 * width**2)) for n in shape]
    values = along[0]
    for other in along[1:]:
        values = values[..., None] * other
    theory = tuple(slice(1, n - 1) for n in shape)
    return EffectiveField(
        "net", layer, (1,) * len(shape), None, "x", NAMES[len(shape)], values, "absolute", 8,
        "8 images of noise", theory, centre=tuple(float(n // 2) for n in shape),
    )  # fmt: skip


def test_squares_and_the_theoretical_field_stand_on_the_map() -> None:
    found = bell((40, 50))
    figure = found.to_image()
    both = [axes for axes in figure.axes if named(axes, "theory") and axes.images]
    assert len(both) == 2  # linear and logarithmic
    for axes in both:
        (frame,) = named(axes, "theory")
        assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((0.5, 0.5), 48, 38)
        (half,) = named(axes, "square-0.5")
        rows, columns = found.box_of(0.5)
        assert half.get_xy() == (columns.start - 0.5, rows.start - 0.5)
        assert half.get_width() == columns.stop - columns.start
    assert isinstance(both[0].images[0].norm, LogNorm) != isinstance(
        both[1].images[0].norm, LogNorm
    )


def test_profiles_have_their_gaussian_and_the_curve_its_half() -> None:
    found = bell((40, 50))
    figure = found.to_image()
    (along,) = [axes for axes in figure.axes if named(axes, "profile-x")]
    (line,) = named(along, "profile-x")
    (fitted,) = named(along, "gaussian")
    heights = np.interp(np.arange(50), fitted.get_xdata(), fitted.get_ydata())
    assert np.abs(heights - line.get_ydata()).max() < 0.01
    (curve,) = [axes for axes in figure.axes if named(axes, "filling-")]
    (shares,) = named(curve, "filling-")
    areas = np.interp(50, shares.get_ydata(), shares.get_xdata())
    assert areas == pytest.approx(100 * found.area(0.5), abs=1)
    assert f"50 % in {100 * found.area(0.5):.1f} %" in texts(figure)


def test_over_an_image_one_panel_is_lit_and_one_in_colours() -> None:
    figure = bell((40, 50)).to_image(np.ones((40, 50, 3)), log=True)
    assert {"bright: much comes from here", "contribution"} <= {
        axes.get_title(loc="left") for axes in figure.axes
    }
    with pytest.raises(InputError, match="the image is 3×4"):
        bell((40, 50)).to_image(np.ones((3, 4)))


@pytest.mark.parametrize("shape", [(60,), (20, 60), (12, 14, 16)])
def test_lines_planes_and_volumes_can_be_drawn(shape: tuple[int, ...]) -> None:
    assert len(png(bell(shape).to_image())) > 1000
    assert len(png(replace(bell(shape), images=0, theory=None).to_image())) > 1000


def test_nothing_can_be_drawn_too() -> None:
    nothing = replace(bell((20, 30)), values=np.zeros((20, 30)))
    assert len(png(nothing.to_image())) > 1000


def test_layers_of_one_network_make_a_curve_of_widths() -> None:
    found = compare_effective([bell((40, 50), layer=f"conv{k}", width=1.0 + k) for k in range(5)])
    figure = found.to_image()
    (curve,) = [axes for axes in figure.axes if named(axes, "effective")]
    (line,) = named(curve, "effective")
    assert line.get_ydata().tolist() == [one.effective_size for one in found.fields]
    assert [label.get_text() for label in curve.get_xticklabels()] == list(found.names)
    assert len([axes for axes in figure.axes if axes.images]) == 5


@pytest.mark.parametrize("shape", [(60,), (12, 14, 16)])
def test_layers_over_lines_and_volumes_have_their_curve_alone(shape: tuple[int, ...]) -> None:
    figure = compare_effective([bell(shape, layer=name) for name in "ab"]).to_image()
    (curve,) = figure.axes
    assert named(curve, "effective")


def test_names_below_the_curve_stay_on_the_page() -> None:
    layers = [f"encoder_with_a_very_long_name.of.everything.{k}.conv" for k in range(20)]
    found = compare_effective([bell((20, 30), layer=layer) for layer in layers])
    figure = found.to_image()
    figure.draw_without_rendering()
    (curve,) = [axes for axes in figure.axes if named(axes, "effective")]
    (sentence,) = [text for text in figure.texts if text.get_gid() == "note"][:1]
    lowest = min(label.get_window_extent().y0 for label in curve.get_xticklabels())
    assert lowest > sentence.get_window_extent().y1
    labels = [label.get_text() for label in curve.get_xticklabels()]
    assert len(set(labels)) == 20


def test_the_colour_bar_says_what_is_shown() -> None:
    found = bell((40, 50))
    words = {
        "|d output / d input|": found,
        "|d output / d input|²": replace(found, contribution="squared"),
        "|d output / d input|, relative": replace(found, images=0),
    }
    for label, one in words.items():
        (bar,) = [axes for axes in one.to_image().axes if axes.get_gid() == "colours"]
        assert bar.get_ylabel() == label


def test_of_many_layers_some_are_shown_the_last_included() -> None:
    fields = [bell((20, 20), layer=f"c{k}", width=1.0 + k / 9) for k in range(40)]
    figure = compare_effective(fields).to_image()
    tiles = [axes.get_title(loc="left") for axes in figure.axes if axes.images]
    assert (len(tiles), tiles[0], tiles[-1]) == (12, "c0", "c39")


def test_other_fields_make_curves_of_how_they_fill_the_input() -> None:
    fields = {"wide": bell((40, 50), width=9), "narrow": bell((40, 50), width=2)}
    figure = compare_effective(fields).to_image()
    (curve,) = [axes for axes in figure.axes if named(axes, "filling-wide")]
    halves = {}
    for name in fields:
        (line,) = named(curve, f"filling-{name}")
        halves[name] = np.interp(50, line.get_ydata(), line.get_xdata())
    assert halves["narrow"] < halves["wide"]


def test_fields_over_other_inputs_stand_side_by_side_but_not_over_one_image() -> None:
    found = compare_effective({"a": bell((40, 50)), "b": bell((20, 20))})
    assert len(png(found.to_image())) > 1000
    with pytest.raises(InputError, match="the maps lie over different inputs"):
        found.to_image(np.ones((40, 50, 3)))


def test_the_same_field_is_drawn_to_the_same_bytes() -> None:
    assert png(bell((30, 30)).to_image()) == png(bell((30, 30)).to_image())


def test_notebooks_show_tables() -> None:
    one = bell((30, 30))
    assert "<table" in (one._repr_html_() or "")
    assert "<table" in (compare_effective([one, one])._repr_html_() or "")
    assert repr(one).splitlines()[0].startswith("net  conv at (1, 1)")
