"""The sizes of a program's inputs: what it was exported for, and what the user gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fieldscope.errors import InputError
from fieldscope.frontends.inputs import Spec, specs
from fieldscope.frontends.torch.exported.expressions import Size, evaluated, solved
from fieldscope.frontends.torch.exported.form import Exported, Input, Meta
from fieldscope.graph.graph import Shape


def sized(exported: Exported, inputs: Any) -> tuple[dict[str, Shape], dict[str, int]]:
    """The shape of each of the user's inputs, and the value of each symbol.

    Args:
        exported: the program.
        inputs: as for `fieldscope.analyze`; None, and inputs that aren't given, are what the
            program was exported with.

    Raises:
        InputError: they aren't what the program was exported for.
    """
    taken = [one for one in exported.inputs if one.kind == "input"]
    given = {} if inputs is None else specs(inputs, [one.name for one in taken])
    symbols: dict[str, int] = {}
    for one in taken:
        if one.name in given:
            _bind(exported, one, given[one.name], symbols)
    shapes = {}
    for one in taken:
        sizes = _meta(one).sizes
        if one.name in given:
            shape = given[one.name].shape
            _check(one, shape, symbols)
        else:
            for size in sizes:
                hint = None if isinstance(size, int) else size.hint
                if hint is not None:
                    symbols.update(solved(size, hint, symbols))
            shape = tuple(_example(one, size, symbols) for size in sizes)
        shapes[one.name] = shape
    return shapes, symbols


def extents(sizes: tuple[Size, ...], symbols: Mapping[str, int]) -> Shape | None:
    """Sizes as numbers; None if one isn't known, or isn't a size."""
    found = [evaluated(size, symbols) for size in sizes]
    known = [extent for extent in found if extent is not None and 0 <= extent < 1 << 62]
    return tuple(known) if len(known) == len(found) else None


def _meta(one: Input) -> Meta:
    if one.meta is None:
        raise InputError(
            f"the program doesn't say what its input {one.name!r} is\n"
            "export it again, by torch.export.export"
        )
    return one.meta


def _bind(exported: Exported, one: Input, spec: Spec, symbols: dict[str, int]) -> None:
    sizes = _meta(one).sizes
    if len(spec.shape) != len(sizes):
        raise _other(one, spec.shape)
    dynamic = [
        (size, extent)
        for size, extent in zip(sizes, spec.shape, strict=True)
        if not isinstance(size, int)
    ]
    for size, extent in dynamic:
        for name, value in solved(size, extent, symbols).items():
            least, most = exported.ranges.get(name, (None, None))
            if (
                not (-math.inf if least is None else least)
                <= value
                <= (math.inf if most is None else most)
            ):
                allowed = f"{0 if least is None else least} to {'any' if most is None else most}"
                raise InputError(
                    f"input {one.name!r} of shape {spec.shape} makes {name} {value}, and the "
                    f"program was exported for {allowed}\n"
                    "give other extents, or export it with other bounds of torch.export.Dim"
                )
            symbols[name] = value


def _check(one: Input, shape: Shape, symbols: Mapping[str, int]) -> None:
    for size, extent in zip(_meta(one).sizes, shape, strict=True):
        if evaluated(size, symbols) != extent:
            raise _other(one, shape)


def _other(one: Input, shape: Shape) -> InputError:
    sizes = _meta(one).sizes
    told = ", ".join(str(size) if isinstance(size, int) else size.short for size in sizes)
    fixed = [k for k, size in enumerate(sizes) if isinstance(size, int)]
    fits = len(shape) == len(sizes)
    fixed = [k for k in fixed if fits and sizes[k] != shape[k]]
    free = ", ".join(f"{k}: torch.export.Dim.AUTO" for k in fixed[-3:])
    advice = f"give that, or export it with dynamic_shapes={{{one.name!r}: {{{free}}}}}"
    return InputError(
        f"the program was exported for {one.name!r} of shape ({told}), and {shape} is given\n"
        + (advice if free else "give extents that fit" if fits else f"give {len(sizes)} extents")
    )


def _example(one: Input, size: Size, symbols: Mapping[str, int]) -> int:
    found = evaluated(size, symbols)
    if found is None and not isinstance(size, int):
        found = size.hint
    if found is None or found < 0:
        raise InputError(
            f"the size of the program's input {one.name!r} isn't known\n"
            f"give shapes of all its inputs, for example inputs={{{one.name!r}: (1, 3, 224, 224)}}"
        )
    return found
