"""Moves of a search: other windows, other stems, and what a plan of them is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from fieldscope.analyses.edits import Numbers, Reshape
from fieldscope.redesign.plans import Bench, Plan
from fieldscope.redesign.structure import Unit
from fieldscope.wording import counted

_LARGE = 8


def narrowed(window: Reshape) -> Reshape:
    """The window of one element with the stride that it had.

    >>> narrowed(Reshape("conv", (3, 3), (2, 2), (1, 1), (1, 1))).kernel
    (1, 1)
    """
    ones = (1,) * len(window.stride or ())
    return replace(window, kernel=ones, padding=(0,) * len(ones), dilation=ones)


def with_kernel(window: Reshape, kernel: int) -> Reshape:
    """The window with a smaller odd kernel, padded so that maps keep their extents.

    >>> with_kernel(Reshape("conv", (7, 7), (2, 2), (3, 3), (1, 1)), 3).padding
    (1, 1)
    """
    sizes = tuple(min(kernel, own) for own in window.kernel or ())
    ones = (1,) * len(sizes)
    return replace(window, kernel=sizes, padding=tuple(n // 2 for n in sizes), dilation=ones)


def unstrided(window: Reshape) -> Reshape:
    """The window without its stride, with an odd kernel and padding that keep extents.

    >>> unstrided(Reshape("conv", (4, 3), (2, 2), (1, 1), (1, 1)))
    Reshape(layer='conv', kernel=(3, 3), stride=(1, 1), padding=(1, 1), dilation=(1, 1))
    """
    kernel, dilation = window.kernel or (), window.dilation or ()
    sizes = tuple(n - 1 + n % 2 for n in kernel)
    return replace(
        window,
        kernel=sizes,
        stride=(1,) * len(sizes),
        padding=tuple(d * (n - 1) // 2 for n, d in zip(sizes, dilation, strict=True)),
    )


def stems_of(bench: Bench) -> Iterator[Plan]:
    """The network as it is, and with smaller kernels in its first layer."""
    yield Plan()
    if bench.stem is None or bench.stem in bench.frozen:
        return
    window = bench.outline.windows[bench.stem]
    largest = max(window.kernel or (1,))
    for kernel in (5, 3) if largest > _LARGE else (3,):
        if kernel < largest:
            yield Plan().with_windows(with_kernel(window, kernel))


def all_narrowed(bench: Bench, plan: Plan, layers: Iterable[str]) -> Plan:
    """The plan with windows of one element for some layers, frozen ones aside."""
    known = sorted(set(layers).intersection(bench.outline.windows).difference(bench.frozen))
    return plan.with_windows(*(narrowed(bench.window(plan, name)) for name in known))


def title_of(bench: Bench, plan: Plan) -> str:
    """A plan in a few words."""
    return ", ".join(_parts(bench, plan)) or "as it is"


def _parts(bench: Bench, plan: Plan) -> Iterator[str]:
    units, own = bench.units, bench.outline.windows
    gone = {layer for k in plan.removed for layer in units[k].layers}
    windows = {name: one for name, one in plan.windows.items() if name not in gone}
    stem = windows.pop(bench.stem or "", None)
    if stem is not None and stem != own[stem.layer]:
        yield f"{stem.layer} {shown(stem.kernel)} with stride {alike(stem.stride)}"
    later = [unit for unit in units if any(_unstrided(bench, windows, n) for n in unit.strided)]
    if later:
        yield f"no stride in {_named(later)}"
    cut = next(
        (k for k in range(1, bench.head - 1) if plan.removed.issuperset(range(k, bench.head))),
        bench.head,
    )
    if cut < bench.head:
        yield f"cut behind {units[cut - 1].name}"
    dropped = [units[k] for k in sorted(plan.removed) if k < cut and units[k].sliding]
    for pooling in (True, False):
        some = [unit for unit in dropped if unit.pooling is pooling]
        if some:
            yield f"without {_named(some)}"
    for place, times in sorted(plan.repeats.items()):
        yield f"{times} more of {units[place].name}"
    narrow = sum(
        max(one.kernel or (1,)) == 1 and one.stride == own[name].stride
        for name, one in windows.items()
    )
    if narrow:
        yield f"{counted(narrow, 'layer')} narrowed"


def _unstrided(bench: Bench, windows: dict[str, Reshape], layer: str) -> bool:
    return layer in windows and windows[layer].stride != bench.outline.windows[layer].stride


def _named(units: list[Unit]) -> str:
    if len(units) <= 2:
        return " and ".join(unit.name for unit in units)
    kinds = {"block" if unit.block else "pooling" if unit.pooling else "layer" for unit in units}
    return counted(len(units), kinds.pop() if len(kinds) == 1 else "layer")


def shown(numbers: Numbers | None) -> str:
    """Numbers per axis.

    >>> shown((3, 5))
    '3×5'
    """
    return "×".join(map(str, numbers or ()))


def alike(numbers: Numbers | None) -> str:
    """Numbers per axis, or one that all axes share.

    >>> alike((2, 2)), alike((2, 1))
    ('2', '2×1')
    """
    return str(numbers[0]) if numbers and len(set(numbers)) == 1 else shown(numbers)
