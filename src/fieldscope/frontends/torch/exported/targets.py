"""What the targets of calls name: operators of PyTorch, and arithmetic on sizes.

A target is a text. It is taken apart here and looked up where it can only be an operator, so
that a file can't name anything else of Python's.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from typing import Any

import torch

from fieldscope.errors import ModelError

_OPERATOR = re.compile(r"(?:torch\.ops\.)?([A-Za-z]\w*)\.([A-Za-z_]\w*)\.([A-Za-z_]\w*)")
_HIGHER = re.compile(r"torch\.ops\.higher_order\.(\w+)")

REFUSED = frozenset(
    """from_file set_data manual_seed record_stream _pin_memory pin_memory requires_grad_
    retain_grad backward _backward resize_ resize_as_ resize resize_as""".split()
)
"""Operators that reach outside of tensors, or past the memory of one."""

ASSERTS = frozenset(
    """_assert_async _functional_assert_async _assert_scalar _functional_assert_scalar
    _assert_tensor_metadata sym_constrain_range sym_constrain_range_for_size
    _functional_sym_constrain_range _functional_sym_constrain_range_for_size _print""".split()
)
"""Operators that check something and return nothing that is used."""

# Larger numbers are no sizes, and powers and shifts of them would take time and memory.
_MOST = 1 << 62


def _pow(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int) and (abs(a) > 1 << 31 or not -63 < b < 63):
        raise OverflowError("a power that large is no size")
    return operator.pow(a, b)


def _lshift(a: Any, b: Any) -> Any:
    if not 0 <= b < 63:
        raise OverflowError("a shift that far gives no size")
    return operator.lshift(a, b)


NUMBERS: dict[str, Callable[..., Any]] = {
    **{
        f"_operator.{name}": getattr(operator, name)
        for name in """add sub mul floordiv truediv mod neg pos eq ne le ge lt gt and_ or_ xor
        rshift abs not_""".split()
    },
    "_operator.pow": _pow,
    "_operator.lshift": _lshift,
    **{f"math.{name}": getattr(math, name) for name in ("trunc", "ceil", "floor", "sqrt")},
    "builtins.round": round,
    "builtins.max": max,
    "builtins.min": min,
    "builtins.int": int,
    "builtins.float": float,
    "builtins.bool": bool,
    "torch.sym_not": operator.not_,
    "torch.sym_int": int,
    "torch.sym_float": float,
    "torch.sym_max": max,
    "torch.sym_min": min,
    "torch.sym_sqrt": math.sqrt,
    "torch._sym_sqrt": math.sqrt,
    "torch.sym_ite": lambda condition, one, other: one if condition else other,
}
"""Arithmetic on sizes. Names that have moved are there under each."""
NUMBERS |= {
    f"torch.{name}": NUMBERS[f"torch.{name}"]
    for name in ("sym_not", "sym_int", "sym_float", "sym_max", "sym_min", "sym_ite")
}

SIZES: dict[str, Callable[..., Any]] = {
    "sym_size": lambda x, axis=None: list(x.shape) if axis is None else x.shape[axis],
    "sym_stride": lambda x, axis=None: list(x.stride()) if axis is None else x.stride(axis),
    "sym_numel": lambda x: x.numel(),
    "sym_storage_offset": lambda x: x.storage_offset(),
}
"""Operators that tell of a tensor's layout."""


def within(number: Any) -> Any:
    """A number worked out of sizes, if it may be one.

    Raises:
        OverflowError: it is larger than any size.
    """
    if isinstance(number, int) and abs(number) > _MOST:
        raise OverflowError("the number is larger than any size")
    return number


def higher_order(target: str) -> str | None:
    """The name of a higher-order operator; None if it is another target."""
    found = _HIGHER.fullmatch(target)
    return found[1] if found else None


def names_in(target: str) -> tuple[str, str, str]:
    """Namespace, name and overload of an operator.

    Raises:
        ModelError: the target isn't an operator's name.

    Example:
        >>> names_in("torch.ops.aten.conv2d.default")
        ('aten', 'conv2d', 'default')
    """
    found = _OPERATOR.fullmatch(target)
    if found is None or not target.startswith("torch.ops."):
        raise ModelError(
            f"the program calls {target[:80]!r}, which isn't an operator of PyTorch's\n"
            "a program that torch.export wrote has operators only; get the file anew"
        )
    return found[1], found[2], found[3]


def operator_of(namespace: str, name: str, overload: str) -> torch._ops.OpOverload | None:
    """An operator that is registered with PyTorch's dispatcher; None if there is none.

    Raises:
        ModelError: it is one that no network needs and that may do harm.
    """
    if namespace == "aten" and name in REFUSED:
        raise ModelError(
            f"the program calls aten.{name}, which isn't run here: it does more than compute\n"
            "get the file from whoever made it, by another way"
        )
    full = f"{namespace}::{name}" + ("" if overload == "default" else f".{overload}")
    if not _registered(full):
        return None
    packet = getattr(getattr(torch.ops, namespace), name, None)
    if not isinstance(packet, torch._ops.OpOverloadPacket):
        return None
    found = getattr(packet, overload, None)
    return found if isinstance(found, torch._ops.OpOverload) else None


def _registered(full: str) -> bool:
    try:
        return bool(torch._C._dispatch_has_kernel(full))
    except RuntimeError:
        return False
