"""The closed set of canonical operators.

Each operator says which elements of its operands one output element reads.
A front end lowers foreign operators to these; a domain gives them a meaning.
Extents are never stored in an operator: they are those of the node's operands
and result. Axes count from 0; index tables are immutable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from fieldscope.geometry.sliding import Sliding

BoolArray: TypeAlias = npt.NDArray[np.bool_]


class Indices:
    """An immutable integer or truth array that compares and hashes by its content.

    Example:
        >>> Indices([0, 2]) == Indices([0, 2]), Indices([[1], [-1]]).array.shape
        (True, (2, 1))
    """

    __slots__ = ("_key", "array")

    def __init__(self, values: npt.ArrayLike) -> None:
        given = np.asarray(values)
        array = np.array(given, dtype=bool if given.dtype == bool else np.int64)
        array.setflags(write=False)
        self.array: npt.NDArray[Any] = array
        self._key = (array.shape, array.dtype.kind, array.tobytes())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Indices) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"Indices({self.array.tolist()})"


@dataclass(frozen=True, slots=True)
class Channels:
    """Which channels one output channel reads: all of its own group."""

    axis: int
    groups: int = 1


@dataclass(frozen=True, slots=True)
class Periodic:
    """The runs of a table as they would be on an unbounded plane.

    Output o reads [lo[o mod P] + advance·(o div P), hi[o mod P] + advance·(o div P))
    with P = len(lo), the number of phases.
    """

    advance: int
    lo: tuple[int, ...]
    hi: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Input:
    """The input of that index; reads itself."""

    index: int


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that reads no input."""


Hidden: TypeAlias = Literal["", "zero", "minus infinity"]
"""What a mask puts in place of elements, where that may take no part in what follows."""


@dataclass(frozen=True, slots=True)
class Pointwise:
    """The same position of each operand, broadcast as in NumPy.

    `zero` and `minus_infinity` say what becomes of these constants (see `Mask`), where
    that is known: what they stay or turn to, else "".
    """

    zero: Hidden = ""
    minus_infinity: Hidden = ""


@dataclass(frozen=True, slots=True)
class Window:
    """A window per axis, over the channels of a group (None: its own channel only).

    With `ceil` the last windows may reach over the end of the operand, as in pooling that rounds
    its extents up. The shape tells what came of it; this tells what would at other extents.
    """

    axes: tuple[int, ...]
    windows: tuple[Sliding, ...]
    channels: Channels | None = None
    ceil: bool = False


@dataclass(frozen=True, slots=True)
class Spread:
    """The transpose of a window: the positions i with i·stride − before + t·dilation = o."""

    axes: tuple[int, ...]
    windows: tuple[Sliding, ...]
    channels: Channels | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A run of positions [lo[o], hi[o]) of one axis for each output index o.

    `plane` gives the same runs without the borders, where they are periodic; `skipped` the
    elements inside the runs that aren't read, [out, any number] (−1 is none).
    """

    axis: int
    lo: Indices
    hi: Indices
    plane: Periodic | None = None
    skipped: Indices | None = None

    def elements(self) -> npt.NDArray[np.int64]:
        """What each output index reads, [out, longest run]; −1 is none.

        Example:
            >>> Table(0, Indices([0, 1]), Indices([3, 2]), skipped=Indices([[1], [-1]])).elements()
            array([[ 0, -1,  2],
                   [ 1, -1, -1]])
        """
        lo, hi = self.lo.array[:, None], self.hi.array[:, None]
        places = lo + np.arange((hi - lo).max(initial=0))
        read = places < hi
        if self.skipped is not None:
            read &= ~(places[:, :, None] == self.skipped.array[:, None, :]).any(axis=2)
        return np.where(read, places, -1)


@dataclass(frozen=True, slots=True)
class Gather:
    """One listed element of an axis for each output index; −1 reads nothing.

    The axis is replaced by the axes of `index` (one or more).
    """

    axis: int
    index: Indices


@dataclass(frozen=True, slots=True)
class Collect:
    """All listed elements of an axis, `index[o]`, for each output index o; −1 is no element."""

    axis: int
    index: Indices


@dataclass(frozen=True, slots=True)
class Mix:
    """The whole of those axes, at every position of them.

    A softmax turns minus infinity to zero.
    """

    axes: tuple[int, ...]
    softmax: bool = False


@dataclass(frozen=True, slots=True)
class Reduce:
    """The whole of those axes, which are removed or kept with extent 1."""

    axes: tuple[int, ...]
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs of a kept and a contracted label whose products count.

    Index o of the kept label meets the run [lo[o], hi[o]) of the contracted one, as in
    causal attention, or, where the rows aren't runs, the elements `index[o]` (−1 is none).
    """

    kept: int
    contracted: int
    lo: Indices | None = None
    hi: Indices | None = None
    index: Indices | None = None

    @classmethod
    def of(cls, kept: int, contracted: int, keep: BoolArray) -> Pairs | None:
        """Pairs by a table [.., kept, contracted]; None if the tables in front differ.

        Example:
            >>> Pairs.of(0, 1, np.tri(3, dtype=bool)).hi
            Indices([1, 2, 3])
        """
        if keep.ndim > 2:
            first = keep[(0,) * (keep.ndim - 2)]
            if not (keep == first).all():
                return None
            keep = first
        counts = keep.sum(axis=1)
        lo = np.where(counts, keep.argmax(axis=1), 0)
        hi = np.where(counts, keep.shape[1] - keep[:, ::-1].argmax(axis=1), 0)
        if (hi - lo == counts).all():
            return cls(kept, contracted, Indices(lo), Indices(hi))
        order = np.argsort(~keep, axis=1, kind="stable")[:, : int(counts.max(initial=0))]
        listed = np.where(np.take_along_axis(keep, order, 1), order, -1)
        return cls(kept, contracted, index=Indices(listed))


@dataclass(frozen=True, slots=True)
class Contract:
    """A sum of products over labelled axes, as in einsum.

    `operands` holds a label per axis of each operand, `result` those of the
    output; a label of the result that no operand has comes from a constant
    factor, a label that the result lacks is contracted. Two operands may give
    extent 1 to a shared label (broadcasting). `pairs` says which pairs (index of a
    kept label, index of the contracted label) are not known to be multiplied by
    zero, as behind the mask of a causal attention; `bound` why this is only a bound.
    """

    operands: tuple[tuple[int, ...], ...]
    result: tuple[int, ...]
    pairs: Pairs | None = None
    bound: str = ""


@dataclass(frozen=True, slots=True)
class Reshape:
    """The same elements in row-major order under another shape.

    `kept`, where only axes of extent 1 come and go, says which axis of the operand each
    axis of the result continues (−1: a new one).
    """

    kept: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Permute:
    """Output axis k is operand axis order[k]."""

    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """Output index o of the axis is operand index start + step·o; step is positive."""

    axis: int
    start: int
    step: int = 1


@dataclass(frozen=True, slots=True)
class Flip:
    """The axes in reverse order."""

    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Roll:
    """Output index o is operand index (o − shift) modulo the extent."""

    axis: int
    shift: int


PadMode: TypeAlias = Literal["constant", "reflect", "replicate", "circular"]


@dataclass(frozen=True, slots=True)
class Pad:
    """The axis with `before` elements in front (negative: cut off) and more behind."""

    axis: int
    before: int
    mode: PadMode = "constant"


@dataclass(frozen=True, slots=True)
class Concat:
    """The operands one after another on that axis."""

    axis: int


@dataclass(frozen=True, slots=True)
class Expand:
    """Broadcast to the output's shape; new axes come in front."""


@dataclass(frozen=True, slots=True)
class Mask:
    """The same position where `keep` is true, a constant elsewhere; broadcasts to the value.

    `hidden` says what the constant is, where it may take no part in what follows: minus
    infinity in front of a softmax, or zero in front of a product.
    """

    keep: Indices
    hidden: Hidden = ""


@dataclass(frozen=True, slots=True)
class Overwrite:
    """The first operand with a slice of one axis replaced by the second operand.

    Index o of the second operand's axis goes to start + step·o.
    """

    axis: int
    start: int
    step: int = 1


@dataclass(frozen=True, slots=True)
class Opaque:
    """Everything of every operand: a bound, not the field. `reason` says why."""

    reason: str


Operator: TypeAlias = (
    Input
    | Constant
    | Pointwise
    | Window
    | Spread
    | Table
    | Gather
    | Collect
    | Mix
    | Reduce
    | Contract
    | Reshape
    | Permute
    | Slice
    | Flip
    | Roll
    | Pad
    | Concat
    | Expand
    | Mask
    | Overwrite
    | Opaque
)

OPERATORS: tuple[type[Operator], ...] = (
    Input,
    Constant,
    Pointwise,
    Window,
    Spread,
    Table,
    Gather,
    Collect,
    Mix,
    Reduce,
    Contract,
    Reshape,
    Permute,
    Slice,
    Flip,
    Roll,
    Pad,
    Concat,
    Expand,
    Mask,
    Overwrite,
    Opaque,
)
