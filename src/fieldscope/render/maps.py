"""A map over an input in words: the lines at a prompt, and what pictures write beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import prod

from fieldscope.analyses.support import SupportMask
from fieldscope.geometry.maps import InputMap
from fieldscope.measure.heat import HeatMap
from fieldscope.render.numerals import ABSENT, extents, product, times
from fieldscope.wording import counted, listed

_MOST_GAPS = 3
_MOST_PLACES = 3
_MODES = {"real": "of the model as it is", "structure": "of the neutralised model"}


def subject(found: InputMap) -> str:
    """Name whose field a map is.

    >>> import numpy as np
    >>> mask = np.zeros((4, 6), dtype=bool)
    >>> mask[1:3, 2:6] = True
    >>> found = SupportMask("VGG", "conv", (1, 2), None, "x", ("y", "x"), mask, (0, 1))
    >>> subject(found)
    'conv at (1, 2)'
    """
    channel = "" if found.channel is None else f", channel {found.channel}"
    if not found.position:
        return f"{found.layer}{channel}"
    inside = ", ".join(map(str, found.position))
    return f"{found.layer} at {f'({inside})' if len(found.position) > 1 else inside}{channel}"


def owner(found: InputMap) -> str:
    """Name the input that a map lies over, in a message.

    >>> import numpy as np
    >>> owner(SupportMask("vgg16", "conv", (1,), None, "x", ("t",), np.ones(3, bool), (0,)))
    'input x of vgg16'
    """
    return f"{named(found.input)} of {found.model}"


def named(name: str) -> str:
    """Say of a name that it is an input's.

    >>> named("x"), named("input")
    ('input x', 'input')
    """
    return name if name == "input" else f"input {name}"


def over(found: InputMap) -> str:
    """Name an input with its extents: "input x 224×224 (y, x)"."""
    return f"{named(found.input)} {product(found.mask.shape)} ({', '.join(found.axes)})"


def share(found: InputMap) -> str:
    """Write the share of the hull that is read.

    >>> import numpy as np
    >>> mask = np.zeros((4, 6), dtype=bool)
    >>> mask[1:3, 2:6:2] = True
    >>> found = SupportMask("VGG", "conv", (1, 2), None, "x", ("y", "x"), mask, (0, 1))
    >>> share(found)
    '67%'
    """
    area = prod(found.size)
    if not area:
        return ABSENT
    # Less than all isn't rounded up to all.
    if found.count == area:
        return "100%"
    return times(Fraction(found.count, area)).removesuffix(" of")


def box(found: InputMap) -> str:
    """Write the hull as an index: "y 6:218, x 12:224".

    >>> import numpy as np
    >>> mask = np.zeros((4, 6), dtype=bool)
    >>> mask[1:3, 2:6] = True
    >>> found = SupportMask("VGG", "conv", (1, 2), None, "x", ("y", "x"), mask, (0, 1))
    >>> box(found)
    'y 1:3, x 2:6'
    """
    return ", ".join(
        f"{axis} {run.start}:{run.stop}" for axis, run in zip(found.axes, found.hull, strict=True)
    )


def gaps(found: InputMap, *, most: int = _MOST_GAPS) -> str:
    """Count the gaps per axis and name the first ones.

    >>> import numpy as np
    >>> mask = np.zeros((4, 6), dtype=bool)
    >>> mask[1:3, 2:6:2] = True
    >>> found = SupportMask("VGG", "conv", (1, 2), None, "x", ("y", "x"), mask, (0, 1))
    >>> gaps(found)
    '1 gap along x (3)'
    """
    texts = [
        f"{counted(len(runs), 'gap')} along {axis} ({_runs(runs, most)})"
        for axis, runs in zip(found.axes, found.gaps, strict=True)
        if runs
    ]
    if texts:
        return "; ".join(texts)
    missing = prod(found.size) - found.count
    if not missing:
        return "none"
    return f"none across the whole hull, but {counted(missing, 'element')} inside it"


def _runs(runs: Sequence[slice], most: int) -> str:
    shown = [
        str(run.start) if run.stop - run.start == 1 else f"{run.start}:{run.stop}"
        for run in runs[:most]
    ]
    return ", ".join([*shown, *(["…"] if len(runs) > most else [])])


def remarks(found: InputMap) -> tuple[str, ...]:
    """What a reader must know before trusting a map: bounds, context, a method's own remarks."""
    match found:
        case SupportMask(bounds=bounds, context=context, folded=folded):
            told = [f"only a bound, through {_listed(bounds)}"] if bounds else []
            if context:
                word = "with" if folded else "and"
                told.append(f"{word}, alike for all positions, context from {_listed(context)}")
            return tuple(told)
        case HeatMap(remarks=own):
            return own
        case _:
            return ()


def _listed(places: Sequence[str]) -> str:
    return listed([place or "the model itself" for place in places], most=_MOST_PLACES)


def lines(found: InputMap) -> Iterator[str]:
    """Tell a map in a few lines, as at a prompt."""
    yield f"{found.model}  {subject(found)}"
    rows = [
        ("over", over(found)),
        *_measured(found),
    ]
    if found.count:
        rows += [
            ("size", f"{extents(found.size)}"),
            ("hull", box(found)),
            ("density", f"{share(found)} ({counted(found.count, 'element')})"),
            ("gaps", gaps(found)),
        ]
    else:
        rows += [("size", f"0: it {nothing(found)}")]
    if isinstance(found, SupportMask):
        rows.append(("exact", "yes" if found.exact else "no"))
    yield from (f"{key:<9}{text}" for key, text in rows)
    yield from (f"{'note':<9}{text}" for text in remarks(found))


def _measured(found: InputMap) -> Iterator[tuple[str, str]]:
    if isinstance(found, HeatMap):
        samples = counted(found.samples, "input")
        yield "gradient", f"{_MODES.get(found.mode, found.mode)}, {samples}"
        peak = float(found.values.max(initial=0.0))
        if peak > 0:
            strongest = [int(at[0]) for at in (found.values == peak).nonzero()]
            where = ", ".join(
                f"{axis} {at}" for axis, at in zip(found.axes, strongest, strict=True)
            )
            yield "peak", f"{peak:.3g} at {where}"


def nothing(found: InputMap) -> str:
    """Say what an empty map means: of a gradient less than of a set."""
    if isinstance(found, HeatMap) and found.mode == "real":
        return "has no gradient on this input"
    return "reads nothing of this input"


def facts(found: InputMap) -> str:
    """Tell size, share and gaps of a map in one line, as beneath its picture."""
    if not found.count:
        return nothing(found)
    unit = "step" if len(found.axes) == 1 else "element"
    names = f" ({'×'.join(found.axes)})" if len(found.axes) > 1 else ""
    many = "" if prod(found.size) == 1 else "s"
    texts = [
        f"{extents(found.size)} {unit}{many}{names} of {extents(found.mask.shape)}",
        box(found),
    ]
    if isinstance(found, HeatMap):
        texts.append(f"{share(found)} with a gradient")
    else:
        texts += [f"{share(found)} of them read", *_gap_counts(found)]
    return "  ·  ".join(texts)


def _gap_counts(found: InputMap) -> list[str]:
    counts = [(axis, len(runs)) for axis, runs in zip(found.axes, found.gaps, strict=True) if runs]
    if not counts:
        return ["no gaps"] if found.count == prod(found.size) else []
    return [listed([f"{counted(number, 'gap')} along {axis}" for axis, number in counts])]
