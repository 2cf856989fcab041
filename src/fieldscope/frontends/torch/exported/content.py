"""Parts of a file's JSON, each checked to be of the type that the schema gives it.

What isn't raises a `GraphError`, from which `schema` makes the error that names the file.
"""

from __future__ import annotations

from typing import Any

import torch

from fieldscope.errors import GraphError
from fieldscope.frontends.torch.exported.expressions import Expression, Size
from fieldscope.frontends.torch.exported.form import Meta

_TYPES = {
    1: torch.uint8,
    2: torch.int8,
    3: torch.int16,
    4: torch.int32,
    5: torch.int64,
    6: torch.float16,
    7: torch.float32,
    8: torch.float64,
    9: torch.complex32,
    10: torch.complex64,
    11: torch.complex128,
    12: torch.bool,
    13: torch.bfloat16,
    28: torch.uint16,
    29: torch.float8_e4m3fn,
    30: torch.float8_e5m2,
    31: torch.float8_e4m3fnuz,
    32: torch.float8_e5m2fnuz,
    34: torch.uint32,
    35: torch.uint64,
}


_SPECIAL = ("Infinity", "-Infinity", "NaN")


def object_of(data: Any, what: str) -> dict[str, Any]:
    """An object."""
    if not isinstance(data, dict):
        raise GraphError(f"{what[:60]} is {type(data).__name__}, not an object")
    return data


def list_of(data: Any, what: str) -> list[Any]:
    """A list."""
    if not isinstance(data, list):
        raise GraphError(f"{what[:60]} is {type(data).__name__}, not a list")
    return data


def text_of(data: Any, what: str) -> str:
    """A text."""
    if not isinstance(data, str):
        raise GraphError(f"{what[:60]} is {type(data).__name__}, not a text")
    return data


def union_of(data: Any, what: str) -> tuple[str, Any]:
    """The kind and content of what may be one of several."""
    content = object_of(data, what)
    if len(content) != 1:
        raise GraphError(f"{what[:60]} says {len(content)} things instead of one")
    return next(iter(content.items()))


def plain_of(data: Any, what: str) -> Any:
    """A number, truth value or text."""
    if not isinstance(data, (int, float, str, bool)):
        raise GraphError(f"{what[:60]} is {type(data).__name__}")
    return data


def is_int(data: Any) -> bool:
    """Whether it is a whole number."""
    return isinstance(data, int) and not isinstance(data, bool)


def maybe_int(data: Any) -> int | None:
    """A whole number; None for anything else."""
    return data if is_int(data) else None


def float_of(data: Any, what: str) -> float:
    """A number; what JSON has none for is written as a text."""
    if isinstance(data, str) and data in _SPECIAL:
        return float(data)
    if not isinstance(data, (int, float)):
        raise GraphError(f"{what[:60]} is {type(data).__name__}, not a number")
    return float(data)


def meta_of(data: Any) -> Meta:
    """What is said of a tensor."""
    meta = object_of(data, "a tensor's description")
    return Meta(
        type_of(meta.get("dtype")),
        tuple(size_of(one) for one in list_of(meta.get("sizes"), "sizes")),
        tuple(size_of(one) for one in list_of(meta.get("strides"), "strides")),
    )


def size_of(data: Any) -> Size:
    """An extent or stride."""
    which, content = union_of(data, "a size")
    if which == "as_int":
        if not is_int(content):
            raise GraphError("a size isn't a whole number")
        return int(content)
    expression = object_of(content, "a size")
    hint = expression.get("hint")
    example = object_of(hint, "a hint").get("as_int") if hint is not None else None
    return Expression(text_of(expression.get("expr_str"), "a size"), maybe_int(example))


def type_of(content: Any) -> torch.dtype:
    """A tensor's type."""
    found = _TYPES.get(content) if is_int(content) else None
    if found is None:
        raise GraphError(f"there is no type number {str(content)[:20]}")
    return found
