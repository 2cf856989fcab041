"""Elements picked and placed, at constants and by values."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from tests.jax.cases.case import Case, case


def place(x: Array) -> Any:
    """An index that the input makes."""
    return lax.convert_element_type(jnp.abs(x) * 2, jnp.int32)


ROWS, COLUMNS = jnp.asarray([2, 0, 1]), jnp.asarray([1, 1, 0])


def put_twice(x: Array, y: Array) -> Any:
    return x.at[jnp.asarray([1, 3, 1])].add(y)


INDEXING: dict[str, Case] = {
    "a constant index": case(lambda x: x[:, ROWS], (2, 3, 2)),
    "a constant index in front": case(lambda x: x[ROWS], (3, 2)),
    "a table of indices": case(lambda x: x[:, ROWS[:, None] - jnp.arange(2)], (2, 3)),
    "pairs of indices": case(lambda x: x[ROWS, :, COLUMNS], (3, 2, 2)),
    "adjacent pairs of indices": case(lambda x: x[:, ROWS, COLUMNS], (2, 3, 2)),
    "an outer product of indices": case(lambda x: x[:, ROWS[:, None], COLUMNS], (1, 3, 2)),
    "negative indices": case(lambda x: x[jnp.asarray([-1, 0])], (3, 2)),
    "take, filled outside": case(
        lambda x: jnp.take(x, jnp.asarray([0, 5, 2]), 1, mode="fill", fill_value=0.0), (2, 3)
    ),
    "take, clipped": case(lambda x: jnp.take(x, jnp.asarray([0, 5, -7]), 0, mode="clip"), (3, 2)),
    "take_along_axis": case(
        lambda x: jnp.take_along_axis(x, jnp.asarray([[2, 0], [1, 1]]), 1), (2, 3)
    ),
    "gather of windows": case(
        lambda x: lax.gather(
            x,
            jnp.asarray([[0], [2], [1]]),
            lax.GatherDimensionNumbers((1, 2), (), (1,)),
            (2, 2),
        ),
        (2, 5),
    ),
    "gather of boxes": case(
        lambda x: lax.gather(
            x,
            jnp.asarray([[0, 1], [2, 0]]),
            lax.GatherDimensionNumbers((0, 2), (), (0, 1)),
            (2, 2),
        ),
        (4, 3),
    ),
    "gather of a part of other axes": case(
        lambda x: lax.gather(
            x, jnp.asarray([[0], [2]]), lax.GatherDimensionNumbers((1,), (0,), (0,)), (1, 2)
        ),
        (3, 4),
    ),
    "gather of windows that begin outside": case(
        lambda x: lax.gather(
            x,
            jnp.asarray([[0], [4]]),
            lax.GatherDimensionNumbers((1,), (), (0,)),
            (2,),
            mode="fill",
            fill_value=0,
        ),
        (5,),
    ),
    "gather in batches": case(
        jax.vmap(lambda x, i: x[i], in_axes=(0, None)), (2, 3), (2,), integers=(1,), equal=False
    ),
    "gather by one index per row": case(
        lambda x: jax.vmap(lambda row, i: row[i])(x, jnp.asarray([[1, 0], [2, 2]])), (2, 3)
    ),
    "an index that depends": case(lambda x, y: x[place(y)], (4,), (3,), equal=False),
    "an index that depends, of one axis": case(
        lambda x, y: x[:, place(y)], (2, 4), (3,), equal=False
    ),
    "an input as the index": case(
        lambda i: jnp.asarray([1.0, 4.0, 9.0])[place(i)], (3,), equal=False
    ),
    "a window that depends": case(
        lambda x, y: lax.dynamic_slice(x, (place(y)[0], 1), (2, 2)), (5, 4), (2,), equal=False
    ),
    "a run from a constant": case(lambda x: lax.dynamic_slice(x, (1, 9), (2, 2)), (5, 4)),
    "a run written": case(lambda x, y: lax.dynamic_update_slice(x, y, (1, 7)), (4, 3), (2, 2)),
    "a run written where a value says": case(
        lambda x, y, z: lax.dynamic_update_slice(x, y, (place(z)[0],)),
        (5,),
        (2,),
        (1,),
        equal=False,
    ),
    "a loop's row": case(
        lambda x: lax.fori_loop(
            0, 3, lambda k, s: s + lax.dynamic_index_in_dim(x, k, 0, keepdims=False), jnp.zeros(2)
        ),
        (4, 2),
    ),
    "set a slice": case(lambda x, y: x.at[:, 1:3].set(y), (2, 4), (2, 2)),
    "set every other": case(lambda x, y: x.at[:, ::2].set(y), (2, 4), (2, 2)),
    "set to a constant": case(lambda x: x.at[1:3].set(0.0), (4, 2)),
    "set at indices": case(lambda x, y: x.at[jnp.asarray([3, 0])].set(y), (4, 2), (2, 2)),
    "set at pairs": case(lambda x, y: x.at[ROWS, COLUMNS].set(y), (3, 2), (3,)),
    "set outside is dropped": case(lambda x, y: x.at[jnp.asarray([1, 9])].set(y), (4,), (2,)),
    "set one outside is dropped": case(lambda x, y: x.at[9].set(y[0]), (4,), (2,), equal=False),
    "add outside is moved inside": case(
        lambda x, y: x.at[jnp.asarray([1, 9])].add(y, mode="clip"), (4,), (2,)
    ),
    "add one outside is moved inside": case(
        lambda x, y: x.at[9].add(y[0], mode="clip"), (4,), (1,)
    ),
    "gradient of indices outside": case(
        jax.grad(lambda x: (jnp.take(x, jnp.asarray([1, 9]), mode="clip") ** 2).sum()), (4,)
    ),
    "gather of one element": case(
        lambda x: lax.gather(
            x, jnp.asarray([2, 1]), lax.GatherDimensionNumbers((), (0, 1), (0, 1)), (1, 1)
        ),
        (3, 4),
    ),
    "add at a slice": case(lambda x, y: x.at[1:3].add(y), (4, 2), (2, 2)),
    "add at a slice of constants": case(lambda x: x.at[1:3].add(2.0), (4, 2)),
    "add twice": case(put_twice, (4,), (3,)),
    "add at pairs": case(lambda x, y: x.at[ROWS, COLUMNS].add(y), (3, 2), (3,)),
    "multiply at indices": case(lambda x, y: x.at[ROWS].mul(y), (3, 2), (3, 2)),
    "smallest at indices": case(lambda x, y: x.at[ROWS].min(y), (3,), (3,), equal=False),
    "largest at indices": case(lambda x, y: x.at[ROWS].max(y), (3,), (3,), equal=False),
    "subtract at indices": case(lambda x, y: x.at[jnp.asarray([0, 2])].subtract(y), (3,), (2,)),
    "set where a value says": case(
        lambda x, y, z: x.at[place(z)].set(y), (5, 2), (2, 2), (2,), equal=False
    ),
    "add where values say, at pairs": case(
        lambda x, y, z: x.at[place(z), place(z[::-1])].add(y),
        (4, 3),
        (2,),
        (2,),
        equal=False,
        exact=False,
    ),
    "sums of segments": case(
        lambda x: jax.ops.segment_sum(x, jnp.asarray([0, 1, 1, 0]), 2), (4, 2)
    ),
    "set in batches": case(
        lambda x, y: jax.vmap(lambda r, i, u: r.at[i].set(u))(x, jnp.asarray([1, 0]), y),
        (2, 3),
        (2,),
    ),
    "scatter of windows": case(
        lambda x, y: lax.scatter_add(
            x, jnp.asarray([[0], [1], [3]]), y, lax.ScatterDimensionNumbers((1,), (), (0,))
        ),
        (5,),
        (3, 2),
    ),
    "scatter of boxes, some outside": case(
        lambda x, y: lax.scatter(
            x,
            jnp.asarray([[0, 1], [3, 0], [1, 0]]),
            y,
            lax.ScatterDimensionNumbers((1, 2), (), (0, 1)),
        ),
        (4, 3),
        (3, 2, 2),
        equal=False,
    ),
}
