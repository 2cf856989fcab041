"""Tensors that a file holds: their types and shapes, and their elements when somebody asks.

Weights are most of a file and are never looked at; what is kept in other files isn't read at all.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import SparseTensorProto, TensorProto

from fieldscope.errors import ModelError
from fieldscope.frontends.lowering.program import Tensor
from fieldscope.frontends.onnx.files import Stored

Elements = npt.NDArray[Any]

MOST = 1 << 24
"""Constants with more elements than this have unknown ones."""

LARGEST = 1 << 25
"""No axis may be longer."""

_OWN = {"float": "float32", "double": "float64"}

NAMES: dict[int, str] = {
    number: _OWN.get(name.lower(), name.lower())
    for name, number in TensorProto.DataType.items()
    if number
}
"""From the number of an element type to its name."""

NUMBERS = {name: number for number, name in NAMES.items()}

_PLAIN = frozenset(
    "float32 uint8 int8 uint16 int16 int32 int64 bool float16 float64 uint32 uint64 "
    "complex64 complex128".split()
)
"""Types that NumPy has itself."""

_FIELDS = {
    "float32": "float_data",
    "float64": "double_data",
    "int64": "int64_data",
    "uint64": "uint64_data",
    "uint32": "uint64_data",
    **dict.fromkeys("int32 int16 int8 uint16 uint8 bool".split(), "int32_data"),
}


def constant(proto: TensorProto, stored: Stored | None = None) -> Tensor:
    """A tensor of the file; its elements are unknown where they are kept in another.

    Args:
        proto: the tensor.
        stored: where elements are that weren't read with it.

    Raises:
        ModelError: its type or shape isn't one.

    Example:
        >>> constant(TensorProto(dims=[2], data_type=7, int64_data=[3, 4])).elements()
        array([3, 4])
    """
    if proto.data_type not in NAMES:
        raise ModelError(
            f"tensor {proto.name!r} has the element type {proto.data_type}, which isn't one\n"
            "is the file damaged?"
        )
    shape = checked(tuple(proto.dims), f"tensor {proto.name!r}")
    return Tensor(shape, NAMES[proto.data_type], elements=lambda: _elements(proto, stored))


def sparse(proto: SparseTensorProto) -> Tensor:
    """A sparse tensor, of which elements aren't looked at."""
    shape = checked(tuple(proto.dims), f"tensor {proto.values.name!r}")
    return Tensor(shape, NAMES.get(proto.values.data_type, ""))


def checked(shape: tuple[int, ...], what: str) -> tuple[int, ...]:
    """A shape, if it is one that may be worked with.

    Raises:
        ModelError: an extent is negative or beyond all measure.
    """
    for extent in shape:
        if not 0 <= extent <= LARGEST:
            raise ModelError(
                f"{what} has the shape {shape}; extents lie between 0 and {LARGEST:,}\n"
                "is the file damaged, or are the inputs' shapes others than the model takes?"
            )
    return shape


def _elements(proto: TensorProto, stored: Stored | None) -> Elements | None:
    """The elements of a tensor; None if they aren't there or aren't of a type of NumPy."""
    dtype = NAMES[proto.data_type]
    count = prod(proto.dims)
    if proto.external_data or count > MOST or dtype not in _PLAIN:
        return None
    kind = np.dtype(dtype)
    raw = proto.raw_data if proto.HasField("raw_data") else None
    if proto.data_location == TensorProto.EXTERNAL:
        raw = None if stored is None else stored.read(proto.name)
        if raw is None:
            return None
    if raw is not None:
        if len(raw) != count * kind.itemsize:
            raise _damaged(proto, len(raw) // kind.itemsize)
        found: Elements = np.frombuffer(raw, kind.newbyteorder("<")).astype(kind)
        return found.reshape(tuple(proto.dims))
    if dtype == "float16":
        values: Elements = np.array(proto.int32_data, np.uint16).view(np.float16)
    elif dtype in _FIELDS:
        values = np.array(getattr(proto, _FIELDS[dtype])).astype(kind)
    else:
        return None
    if values.size != count:
        raise _damaged(proto, values.size)
    return values.reshape(tuple(proto.dims))


def _damaged(proto: TensorProto, found: int) -> ModelError:
    return ModelError(
        f"tensor {proto.name!r} has the shape {tuple(proto.dims)}, and {found} elements\n"
        "is the file damaged?"
    )


def proto_of(array: Elements) -> TensorProto:
    """An array as a tensor of a file."""
    return TensorProto(
        dims=array.shape,
        data_type=NUMBERS[array.dtype.name],
        raw_data=array.astype(array.dtype.newbyteorder("<")).tobytes(),
    )
