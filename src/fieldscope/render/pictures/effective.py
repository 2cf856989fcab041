"""An effective field as a picture: the map, the profiles, and how it fills the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import LogNorm
from matplotlib.patches import Rectangle

from fieldscope.geometry.spread import Values, centred_box, profiles
from fieldscope.measure.effective import EffectiveField
from fieldscope.render import effective as words
from fieldscope.render import maps
from fieldscope.render.pictures import content, field, images, plane, sheet, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAP = (3.9, 3.9)
_SIDE = (2.6, 1.5)
_BAR = 0.95
_STEPS = np.linspace(0.02, 1.0, 50)


def draw(
    found: EffectiveField, *, image: Any, resize: bool, log: bool, title: str | None
) -> style.Picture:
    """Draw an effective field; `effective_picture` says what is shown."""
    content.check(found)
    scale = content.scale([found], log=log)
    assert scale is not None, "an effective field has strengths"
    shown = None
    if image is not None:
        shown = images.fitting(
            image, found.mask.shape, found.axes, owner=maps.owner(found), resize=resize
        )
    planes = [] if len(found.axes) == 1 else list(_planes(found, shown, scale))
    sizes = [
        sheet.panel_size(*one.mask.shape, widest=_MAP[0], tallest=_MAP[1]) for one, _ in planes
    ]
    with style.own_style():
        made = sheet.compose(
            [*([sizes] if sizes else []), [_SIDE] * (len(found.axes) + 1)],
            title=title or f"effective field of {maps.subject(found)}",
            subtitle=f"{found.model}, {words.source(found)}",
            notes=[*_keys(found), *words.sentences(found), *found.remarks],
            margins=sheet.Margins(left=0.6, right=0.3, above=0.45, below=0.5),
            spare=_BAR if planes else 0,
        )
        if planes:
            for axes, (one, name) in zip(made.panels[0], planes, strict=True):
                plane.draw(axes, one, one.whole, sizes=False)
                axes.set_title(name, fontsize=style.SMALL, loc="left", color=style.QUIET)
                for frame in axes.findobj(lambda artist: artist.get_gid() == "hull"):
                    frame.remove()
                if len(found.axes) == 2:
                    frames(axes, found, dark=one.dark or not isinstance(one.norm, LogNorm))
            last = made.panels[0][-1].get_position().x1 * float(made.figure.get_size_inches()[0])
            field.colour_bar(replace(made, right=last), scale, what=_strength(found))
        *along, filling = made.panels[-1]
        for axis, axes in enumerate(along):
            _draw_profile(axes, found, axis)
        draw_filling(filling, {"": found}, colours=[style.BLUE])
    return made.figure


def _strength(found: EffectiveField) -> str:
    """What the colours stand for; of what is expected only ratios mean something."""
    size = "|d output / d input|" + ("²" if found.contribution == "squared" else "")
    return f"{size}, relative" if found.expected else size


def _planes(
    found: EffectiveField, image: images.Floats | None, scale: content.Scale
) -> Sequence[tuple[plane.Plane, str]]:
    """The map in colours, behind it on the other scale or over the photograph."""
    wide = [(one, name or "contribution") for one, name in content.planes(found, None, scale)]
    if len(found.axes) == 3:
        return wide
    if image is None:
        other = content.scale([found], log=not scale.log)
        name = "contribution" if scale.log else "contribution, logarithmic"
        return [*((one, name) for one, _ in content.planes(found, None, other)), *wide]
    over = content.planes(found, image, scale, in_colours=False)
    return [*((one, name or "bright: much comes from here") for one, name in over), *wide]


def frames(axes: Axes, found: EffectiveField, *, dark: bool) -> None:
    """Mark the theoretical field, and the squares of 50 and 99 % of the contribution."""
    light, case = plane.line_look(dark=dark)
    boxes = [(found.box_of(share), "solid", f"square-{share}") for share in (0.5, 0.99)]
    if found.theory is not None:
        boxes.append((found.theory, "dashed", "theory"))
    for (rows, columns), look, name in boxes:
        axes.add_patch(
            Rectangle(
                (columns.start - 0.5, rows.start - 0.5),
                columns.stop - columns.start,
                rows.stop - rows.start,
                fill=False,
                edgecolor=light,
                linewidth=1.2 if name == "square-0.5" else 0.9,
                linestyle=(0, (4, 2)) if look == "dashed" else "solid",
                path_effects=style.cased(case, width=2.2),
                clip_on=False,
                zorder=4,
                gid=name,
            )
        )


def _keys(found: EffectiveField) -> Sequence[str]:
    keys = []
    if len(found.axes) == 2:
        keys = ["frames: the squares of 50 % and 99 % of the contribution"]
        keys += ["dashed: theoretical field inside the input"] if found.theory else []
    keys.append("profiles: blue as measured, rust the Gaussian")
    if found.expected:
        keys[-1] = "profiles: blue as expected, rust the Gaussian"
    return [sheet.BETWEEN.join(keys)]


def _draw_profile(axes: Axes, found: EffectiveField, axis: int) -> None:
    """The contribution along one axis, summed over the others, beside the Gaussian."""
    profile = list(profiles(found.values))[axis]
    peak = float(profile.max(initial=0.0)) or 1.0
    places = np.arange(len(profile))
    axes.fill_between(places, profile / peak, step="mid", color=style.BLUE, alpha=0.18, linewidth=0)
    (line,) = axes.plot(
        places, profile / peak, drawstyle="steps-mid", color=style.BLUE, linewidth=1.0
    )
    line.set_gid(f"profile-{found.axes[axis]}")
    fitted = found.gaussian
    if fitted is not None:
        smooth = np.linspace(0, len(profile) - 1, 400)
        heights = np.exp(-((smooth - fitted.centre[axis]) ** 2) / (2 * fitted.deviation[axis] ** 2))
        # Scaled by least squares, as it was fitted.
        own = np.interp(places, smooth, heights)
        scale = float(own @ (profile / peak) / (own @ own)) if own.any() else 1.0
        axes.plot(smooth, heights * scale, color=style.RUST, linewidth=1.0, gid="gaussian")
    if found.theory is not None:
        run = found.theory[axis]
        for end in (run.start - 0.5, run.stop - 0.5):
            axes.axvline(end, color=style.QUIET, linewidth=0.7, linestyle=(0, (4, 2)), gid="theory")
    axes.set_xlim(-0.5, len(profile) - 0.5)
    axes.set_ylim(0, 1.08)
    axes.set_yticks([])
    axes.set_xlabel(found.axes[axis])
    axes.set_title(f"along {found.axes[axis]}", fontsize=style.SMALL, loc="left", color=style.QUIET)
    bare(axes)


def draw_filling(axes: Axes, fields: dict[str, EffectiveField], *, colours: Sequence[str]) -> None:
    """Which share of the contribution a square of which area holds; the diagonal is an even one."""
    axes.plot([0, 100], [0, 100], color=style.FAINT, linewidth=0.8, linestyle=(0, (2, 2)))
    for (name, found), colour in zip(fields.items(), colours, strict=True):
        areas, shares = filling(found.values, found.middle)
        look = "--" if found.expected and len(fields) > 1 else "-"
        axes.plot(
            areas, shares, look, color=colour, linewidth=1.3, label=name, gid=f"filling-{name}"
        )
        # Squares grow by whole elements, so that of a half holds a little more.
        box = found.box_of(0.5)
        half = found.area(0.5) * 100
        held = 100 * float(found.values[box].sum()) / (float(found.values.sum()) or 1.0)
        axes.plot([half], [held], marker="o", markersize=4, color=colour, linestyle="none")
        if len(fields) == 1:
            axes.annotate(
                f"50 % in {words.area(found, 0.5)}",
                (half, held),
                xytext=(7, -4),
                textcoords="offset points",
                fontsize=style.SMALL,
                color=style.INK,
            )
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 103)
    axes.set_xlabel("% of the input's area")
    axes.set_title("% of the contribution", fontsize=style.SMALL, loc="left", color=style.QUIET)
    bare(axes)


def filling(
    values: Values, middle: Sequence[float]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Areas of squares around the middle and what they hold, both in percent.

    >>> areas, shares = filling(np.array([1.0, 2.0, 1.0]), (1.0,))
    >>> areas.round().tolist()[-1], shares.round().tolist()[-1]
    (100.0, 100.0)
    """
    total = float(values.sum()) or 1.0
    areas, shares = [0.0], [0.0]
    for step in _STEPS:
        box = centred_box(values, middle, float(step))
        areas.append(100 * values[box].size / values.size)
        shares.append(100 * float(values[box].sum()) / total)
    return np.array([*areas, 100.0]), np.array([*shares, 100.0])


def bare(axes: Axes) -> None:
    """Give a small panel quiet ticks and no box."""
    axes.tick_params(
        length=2.5, width=0.6, color=style.QUIET, labelcolor=style.QUIET, labelsize=style.SMALL
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.label.set_fontsize(style.SMALL)
