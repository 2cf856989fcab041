"""Pictures of one map, and of several side by side."""

from __future__ import annotations

import copy
import subprocess
import sys
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import LogNorm

import fieldscope.render.shown  # noqa: F401  # registers the answers
from fieldscope.errors import InputError, MissingExtraError
from fieldscope.geometry.maps import InputMap
from fieldscope.media import as_figure
from fieldscope.render.pictures import field_picture, png, side_by_side
from tests.render.drawn import a_heat, a_mask, box, hull_of, level, named, texts


def test_the_hulls_frame_runs_half_an_element_outside_its_slices() -> None:
    figure = field_picture(a_mask((20, 30), box((3, 11), (5, 22))))
    (axes,) = figure.axes
    assert hull_of(axes) == (4.5, 2.5, 17, 8)
    assert axes.get_xlim() == (-0.5, 29.5)
    assert axes.get_ylim() == (19.5, -0.5)


def test_sizes_stand_beside_the_panel_and_axes_have_their_names() -> None:
    figure = field_picture(a_mask((20, 30), box((3, 11), (5, 22)), axes=("row", "column")))
    (axes,) = figure.axes
    assert [text.get_text() for text in named(axes, "size-x")] == ["17"]
    assert [text.get_text() for text in named(axes, "size-y")] == ["8"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("row", "column")
    (line,) = named(axes, "measure-x")
    assert (min(line.get_xdata()), max(line.get_xdata())) == (4.5, 21.5)


def test_the_centre_is_marked_and_the_positions_own_on_request() -> None:
    found = a_mask((20, 30), box((0, 11), (5, 22)))
    (mark,) = named(field_picture(found), "centre")
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (13, 5)
    assert named(field_picture(found), "own") == []
    (own,) = named(field_picture(found, centre=(2.5, 13)), "own")
    assert (own.get_xdata()[0], own.get_ydata()[0]) == (13, 2.5)


def test_a_centre_with_too_few_numbers_is_refused() -> None:
    with pytest.raises(InputError, match=r"centre \(3.0,\) has 1 numbers; input x .* one per axis"):
        field_picture(a_mask((8, 8), box((1, 4), (1, 4))), centre=(3,))


def test_heading_and_notes_tell_layer_size_density_and_gaps() -> None:
    figure = field_picture(a_mask((20, 30), box((3, 12), (5, 22)), step=2))
    said = " ".join(texts(figure))
    for part in ("conv at (1, 1)", "of net, over input x 20×30 (y, x)", "9×17 elements (y×x)"):
        assert part in said
    assert "y 3:12, x 5:22" in said
    assert "29% of them read" in said
    assert "4 gaps along y and 8 gaps along x" in said


@pytest.mark.parametrize("brightness", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_read_and_unread_differ_in_grey_over_an_image_of_any_brightness(brightness: float) -> None:
    image = np.full((12, 12), brightness, dtype=np.float32)
    figure = field_picture(a_mask((12, 12), box((4, 8), (4, 8))), image=image)
    axes = figure.axes[0]
    read, unread = level(figure, axes, 4.3, 4.3), level(figure, axes, 1.3, 1.3)
    assert read - unread > 0.14
    assert unread < 0.31


def test_read_gap_and_outside_differ_in_grey_on_the_plain_grid() -> None:
    figure = field_picture(a_mask((13, 13), box((3, 10), (3, 10)), step=2))
    axes = figure.axes[0]
    read, gap, outside = (level(figure, axes, at + 0.25, at + 0.25) for at in (5, 4, 1))
    assert gap - read > 0.4
    assert outside - gap > 0.08


def test_the_photograph_stays_visible_inside_the_field() -> None:
    image = np.zeros((12, 12, 3), dtype=np.uint8)
    image[5:7, 5:7] = 255
    figure = field_picture(a_mask((12, 12), box((3, 9), (3, 9))), image=image)
    axes = figure.axes[0]
    assert level(figure, axes, 6.3, 6.3) - level(figure, axes, 3.5, 3.5) > 0.7


def test_every_pixel_of_the_image_is_dimmed_where_it_is_not_read() -> None:
    found = a_mask((16, 16), box((2, 13), (4, 15)), step=3)
    figure = field_picture(found, image=np.full((16, 16), 0.6, np.float32))
    (ground,) = named(figure.axes[0], "ground")
    shown = np.asarray(ground.get_array())[..., 0]
    assert len(np.unique(shown[found.mask])) == 1
    assert len(np.unique(shown[~found.mask])) == 1
    assert int(shown[found.mask][0]) - int(shown[~found.mask][0]) > 100


def test_a_small_hull_is_enlarged_beside_the_whole() -> None:
    figure = field_picture(a_mask((224, 224), box((90, 100), (20, 31))))
    whole, close = figure.axes
    assert hull_of(whole) == hull_of(close) == (19.5, 89.5, 11, 10)
    assert whole.get_xlim() == (-0.5, 223.5)
    left, right = close.get_xlim()
    assert -0.5 < left < 19.5
    assert 30.5 < right < 60
    assert named(whole, "size-x") == []
    assert [text.get_text() for text in named(close, "size-x")] == ["11"]
    assert len(named(whole, "enlarged")) == 1
    assert len(field_picture(a_mask((224, 224), box((90, 100), (20, 31))), zoom=False).axes) == 1


def test_a_hull_that_fills_the_input_needs_no_enlargement() -> None:
    found = a_mask((224, 224), box((6, 218), (12, 224)))
    assert len(field_picture(found).axes) == 1
    assert len(field_picture(found, zoom=True).axes) == 2


def test_fine_gaps_of_a_large_hull_are_shown_by_its_middle() -> None:
    figure = field_picture(a_mask((224, 224), box((10, 213), (0, 203)), step=2))
    whole, close = figure.axes
    assert [text.get_text() for text in named(whole, "size-y")] == ["203"]
    assert close.get_xlim() == (76.5, 124.5)
    assert [text.get_text() for text in named(close, "caption")] == [
        "the middle: y 87:135, x 77:125"
    ]


def test_a_position_that_reads_nothing_is_drawn_without_a_hull() -> None:
    figure = field_picture(a_mask((20, 30), box((0, 0), (0, 0))), image=np.zeros((20, 30)))
    assert named(figure, "hull") == []
    assert "reads nothing of this input" in texts(figure)


def test_a_bound_has_a_dashed_frame_and_says_so() -> None:
    bound = a_mask((20, 30), box((3, 11), (5, 22)), bounds=("blocks.3.router",))
    (frame,) = named(field_picture(bound), "hull")
    assert frame.get_linestyle() != "solid"
    assert "only a bound, through blocks.3.router" in texts(field_picture(bound))
    context = a_mask((20, 30), box((3, 11), (5, 22)), context=("se.pool",))
    assert "and, alike for all positions, context from se.pool" in texts(field_picture(context))


def test_a_heat_map_has_colours_a_bar_and_its_remarks() -> None:
    found = a_heat((20, 30), box((3, 12), (5, 22)), remarks=("3 of 8 channels are dead",))
    figure = field_picture(found)
    panel, bar = figure.axes
    (ground,) = named(panel, "ground")
    shown = ground.get_array()
    assert shown.mask.sum() == 600 - 9 * 17
    assert ground.get_cmap().name == "cividis"
    assert bar.get_ylabel() == "|d output / d input|"
    assert "3 of 8 channels are dead" in texts(figure)


def test_a_logarithmic_scale_spans_the_decades() -> None:
    figure = field_picture(a_heat((20, 30), box((3, 12), (5, 22))), log=True)
    panel, bar = figure.axes
    (ground,) = named(panel, "ground")
    assert isinstance(ground.norm, LogNorm)
    assert ground.norm.vmax == pytest.approx(1)
    assert ground.norm.vmin == pytest.approx(1e-6)
    assert bar.get_ylabel() == "|d output / d input|, logarithmic"
    assert bar.get_yticks().tolist() == pytest.approx([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1])


def test_over_an_image_strengths_are_light_and_stand_beside_in_colours() -> None:
    figure = field_picture(
        a_heat((20, 30), box((3, 12), (5, 22))), image=np.full((20, 30), 0.5), log=True
    )
    lit, colours, _ = figure.axes
    (ground,) = named(lit, "ground")
    shown = np.asarray(ground.get_array())[..., 0].astype(int)
    assert shown[7, 13] > shown[4, 8] > shown[0, 0]
    assert named(colours, "ground")[0].get_cmap().name == "cividis"


def test_a_few_elements_that_are_far_stronger_do_not_leave_the_rest_in_the_dark() -> None:
    found = a_heat((40, 40), box((4, 34), (4, 34)))
    found.values[20, 20] = 1000
    figure = field_picture(found)
    (ground,) = named(figure.axes[0], "ground")
    assert ground.norm.vmax <= 1
    colour_bar = figure.axes[1]
    assert any("0.8" in text.get_text() for text in colour_bar.get_yticklabels())


def test_a_support_mask_has_no_logarithm() -> None:
    with pytest.raises(InputError, match="a support mask has none\ndraw a heat map"):
        field_picture(a_mask((8, 8), box((1, 4), (1, 4))), log=True)


def test_one_axis_is_a_time_line_with_the_signal_above() -> None:
    found = a_mask((60,), box((20, 49)), step=4)
    figure = field_picture(found, image=np.sin(np.arange(60)))
    signal, strip = figure.axes
    (line,) = signal.lines
    assert np.size(line.get_xdata()) == 60
    (bars,) = named(strip, "read")
    spans = [(path.vertices[:, 0].min(), path.vertices[:, 0].max()) for path in bars.get_paths()]
    assert spans == [(at - 0.5, at + 0.5) for at in range(20, 49, 4)]
    (hull,) = named(strip, "hull")
    assert (hull.get_x(), hull.get_width()) == (19.5, 29)
    assert [text.get_text() for text in named(strip, "size-x")] == ["29"]
    assert strip.get_xlabel() == "t"


def test_a_long_line_shows_its_hull_enlarged_and_the_middle_of_fine_gaps() -> None:
    figure = field_picture(a_mask((16000,), box((7000, 9001)), step=2))
    whole, close, middle = figure.axes
    assert whole.get_xlim() == (-0.5, 15999.5)
    assert close.get_xlim() == (6799.5, 9200.5)
    assert middle.get_xlim() == (7919.5, 8079.5)
    assert [text.get_text() for text in named(close, "size-x")] == ["2001"]
    assert len(field_picture(a_mask((16000,), box((7000, 9001)))).axes) == 1


@pytest.mark.parametrize("log", [False, True])
def test_strengths_along_one_axis_are_heights(log: bool) -> None:
    (axes,) = field_picture(a_heat((60,), box((20, 49))), log=log).axes
    (steps,) = named(axes, "read")
    values, edges, _ = steps.get_data()
    assert edges[0] == -0.5
    assert len(values) == 60
    assert values[34] == pytest.approx(1)
    assert axes.get_yscale() == ("log" if log else "linear")


def test_three_axes_are_three_slices_through_an_element_that_is_read() -> None:
    found = a_mask((16, 20, 24), box((3, 12), (4, 9), (6, 21)), step=2)
    figure = field_picture(found, zoom=False)
    assert [axes.get_xlabel() + axes.get_ylabel() for axes in figure.axes] == ["xy", "xz", "yz"]
    captions = [named(axes, "caption")[0].get_text() for axes in figure.axes]
    assert captions == ["z = 7", "y = 6", "x = 12"]
    assert found.mask[7, 6, 12]
    assert [hull_of(axes) for axes in figure.axes] == [
        (5.5, 3.5, 15, 5),
        (5.5, 2.5, 15, 9),
        (3.5, 2.5, 5, 9),
    ]
    crossing = [[line.get_xdata()[0] for line in named(axes, "cross")] for axes in figure.axes]
    assert [places[1] for places in crossing] == [12, 12, 6]


def test_slices_of_a_volume_show_the_image_there() -> None:
    volume = np.zeros((8, 10, 12), dtype=np.float32)
    volume[4] = 1
    figure = field_picture(a_mask((8, 10, 12), box((1, 8), (2, 9), (3, 10))), image=volume)
    first, second, _ = (np.asarray(named(axes, "ground")[0].get_array()) for axes in figure.axes)
    assert first[5, 5, 0] == 255
    assert second[4, 5, 0] == 255
    assert second[3, 5, 0] < 60


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((), "input x of net has no spatial axes: pictures show 1, 2 or 3"),
        ((2, 2, 2, 2), "input x of net has 4 spatial axes"),
        ((0, 5), r"has no elements to draw: its extents are \(0, 5\)"),
    ],
)
def test_maps_that_no_picture_can_show_are_refused(shape: tuple[int, ...], message: str) -> None:
    found = a_mask(shape, tuple(slice(0, 1) for _ in shape))
    with pytest.raises(InputError, match=message):
        field_picture(found)


@pytest.mark.parametrize("shape", [(1, 1), (1,), (1, 1, 1), (2000, 3), (3, 2000)])
def test_extents_of_one_and_long_planes_are_drawn(shape: tuple[int, ...]) -> None:
    whole = tuple(slice(0, length) for length in shape)
    assert png(field_picture(a_mask(shape, whole)))[1:4] == b"PNG"
    assert png(field_picture(a_heat(shape, whole), log=True))[1:4] == b"PNG"


def test_names_with_signs_of_formulas_are_written_as_they_are() -> None:
    found = a_mask((8, 8), box((1, 4), (1, 4)), layer="a$_1$^b$", name="$x")
    assert png(field_picture(found))[1:4] == b"PNG"
    assert png(side_by_side([found, found]))[1:4] == b"PNG"


def test_long_names_are_shortened_to_the_picture() -> None:
    found = a_mask((8, 8), box((1, 4), (1, 4)), layer=".".join(["blocks"] * 40))
    (title,) = named(field_picture(found), "title")
    assert len(title.get_text()) < 60
    assert "…" in title.get_text()


@pytest.mark.parametrize("count", range(1, 13))
def test_maps_stand_side_by_side_to_one_scale(count: int) -> None:
    maps = [a_mask((40, 40), box((10, 12 + k), (10, 12 + k)), layer=f"l{k}") for k in range(count)]
    figure = side_by_side(maps)
    assert len(figure.axes) == count
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    assert [named(axes, "layer")[0].get_text() for axes in figure.axes] == [m.layer for m in maps]
    assert named(figure.axes[-1], "size")[0].get_text() == f"{count + 1}×{count + 1}"
    boxes = [axes.get_position().bounds for axes in figure.axes]
    assert len({(round(w, 6), round(h, 6)) for _, _, w, h in boxes}) == 1
    assert all(min(x, y) >= 0 and x + w <= 1 and y + h <= 1 for x, y, w, h in boxes)


def test_columns_can_be_chosen() -> None:
    maps = [a_mask((40, 40), box((10, 14), (10, 14)))] * 6
    figure = side_by_side(maps, columns=2)
    assert len({round(axes.get_position().y0, 6) for axes in figure.axes}) == 3
    with pytest.raises(InputError, match="columns must be 1 or more, got 0"):
        side_by_side(maps, columns=0)


def test_heat_maps_side_by_side_share_their_colours() -> None:
    maps: list[InputMap] = [a_heat((40, 40), box((4, 37), (4, 37))) for _ in range(2)]
    maps[0].intensity[:] *= 8
    figure = side_by_side([*maps, a_mask((40, 40), box((4, 8), (4, 8)))], log=True)
    norms = [named(axes, "ground")[0].norm.vmax for axes in figure.axes[:2]]
    assert norms == [pytest.approx(8)] * 2
    assert len(figure.axes) == 4


@pytest.mark.parametrize("shape", [(50,), (20, 20, 20)])
def test_lines_and_volumes_stand_one_below_the_other(shape: tuple[int, ...]) -> None:
    hull = tuple(slice(4, 18) for _ in shape)
    figure = side_by_side([a_mask(shape, hull, layer=f"l{k}") for k in range(3)])
    assert len(figure.axes) == (3 if len(shape) == 1 else 9)
    assert [text.get_text() for text in named(figure, "layer")] == ["l0", "l1", "l2"]


def test_maps_over_different_inputs_are_refused() -> None:
    one, other = a_mask((8, 8), box((1, 4), (1, 4))), a_mask((8, 9), box((1, 4), (1, 4)), layer="b")
    with pytest.raises(InputError, match=r"b over input x 8×9 \(y, x\), conv over input x 8×8"):
        side_by_side([one, other])
    with pytest.raises(InputError, match="there are no maps to draw"):
        side_by_side([])


def test_a_map_shows_itself_as_text_picture_and_page() -> None:
    found = a_mask((20, 30), box((3, 12), (5, 22)), step=2)
    assert repr(found).splitlines() == [
        "net  conv at (1, 1)",
        "over     input x 20×30 (y, x)",
        "size     9×17",
        "hull     y 3:12, x 5:22",
        "density  29% (45 elements)",
        "gaps     4 gaps along y (4, 6, 8, …); 8 gaps along x (6, 8, 10, …)",
        "exact    yes",
    ]
    assert hull_of(found.to_image().axes[0]) == (4.5, 2.5, 17, 9)
    page = found._repr_html_()
    assert page is not None
    assert "data:image/png;base64," in page
    assert "density  29%" in page


def test_a_map_that_reads_nothing_and_a_bound_say_so() -> None:
    assert "size     0: it reads nothing of this input" in repr(a_mask((8,), box((0, 0))))
    bound = repr(a_mask((8,), box((1, 4)), bounds=("a", ""), context=("se",)))
    assert "exact    no" in bound
    assert "note     only a bound, through a and the model itself" in bound
    assert "note     and, alike for all positions, context from se" in bound


def test_a_heat_map_tells_its_method_peak_and_remarks() -> None:
    said = repr(a_heat((21,), box((3, 14)), remarks=("clipped at the border",))).splitlines()
    assert said[2] == "gradient of the model as it is, 2 inputs"
    assert "peak     1 at t 8" in said
    assert said[-1] == "note     clipped at the border"


def test_a_page_without_matplotlib_has_the_numbers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    found = a_mask((8, 8), box((1, 4), (1, 4)))
    page = found._repr_html_()
    assert page is not None
    assert "<img" not in page
    with pytest.raises(MissingExtraError, match="drawing a field needs matplotlib"):
        found.to_image()


def test_importing_what_shows_results_does_not_load_matplotlib() -> None:
    code = "import sys, fieldscope.render.shown; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_users_settings_and_backend_are_left_alone() -> None:
    with mpl.rc_context({"figure.facecolor": "black", "font.size": 31, "axes.grid": True}):
        before = copy.copy(mpl.rcParams)
        found = a_mask((20, 30), box((3, 12), (5, 22)))
        styled = png(field_picture(found))
        assert before == mpl.rcParams
    assert styled == png(field_picture(found))


def test_a_figure_shows_itself_in_a_notebook() -> None:
    figure: Any = as_figure(a_mask((20, 30), box((3, 12), (5, 22))))
    assert figure._repr_png_()[1:4] == b"PNG"
