"""Gathers, scatters, segments."""

from __future__ import annotations

import tensorflow as tf

from tests.tensorflow.cases.case import Case

R = tf.raw_ops
TABLE = tf.Variable(tf.random.stateless_normal((4, 2), [1, 2]))


def whole(x: tf.Tensor, count: int) -> tf.Tensor:
    return tf.cast(tf.abs(x) * 7, tf.int32) % count


INDEXING: dict[str, Case] = {
    "GatherV2": Case(lambda x: tf.gather(x, [2, 0], axis=1), (2, 3)),
    "gather-matrix": Case(lambda x: tf.gather(x, [[2, 0], [1, 1]], axis=1), (2, 3, 2)),
    "gather-batch": Case(lambda x: tf.gather(x, [[2, 0], [1, 1]], axis=1, batch_dims=1), (2, 3, 2)),
    "gather-batch-behind": Case(
        lambda x: tf.gather(x, [[1, 0], [1, 1]], axis=2, batch_dims=1), (2, 3, 2)
    ),
    "Gather": Case(lambda x: R.Gather(params=x, indices=[1, 1, 0]), (2, 3)),
    "gather-by-input": Case(
        lambda x, i: tf.gather(x, whole(i, 3), axis=1), [(2, 3), (2,)], equal=False
    ),
    "gather-constant-by-input": Case(
        lambda i: tf.gather(tf.constant([[1.0, 2], [3, 4], [5, 6]]), whole(i, 3)), (2,), rounds=40
    ),
    "gather-batch-by-input": Case(
        lambda x, i: tf.gather(x, whole(i, 3), axis=1, batch_dims=1),
        [(2, 3, 2), (2, 2)],
        equal=False,
    ),
    "GatherNd": Case(lambda x: tf.gather_nd(x, [[0, 1], [1, 2]]), (2, 3, 2)),
    "gather-nd-by-input": Case(
        lambda x, i: tf.gather_nd(x, whole(i, 2)), [(2, 2, 2), (3, 1)], equal=False
    ),
    "ResourceGather": Case(lambda i: tf.gather(TABLE, whole(i, 4)), (3,), rounds=40),
    "ResourceGatherNd": Case(lambda i: tf.gather_nd(TABLE, whole(i, 2)), (3, 2), rounds=60),
    "ScatterNd": Case(lambda x: tf.scatter_nd([[1], [3], [1]], x, (4, 2)), (3, 2)),
    "scatter-points": Case(lambda x: tf.scatter_nd([[1, 0], [0, 2]], x, (2, 3)), (2,)),
    "scatter-by-input": Case(
        lambda x, i: tf.scatter_nd(whole(i, 4), x, (4, 2)), [(3, 2), (3, 1)], equal=False
    ),
    "TensorScatterUpdate": Case(
        lambda x, u: tf.tensor_scatter_nd_update(x, [[1], [0]], u), [(3, 2), (2, 2)]
    ),
    "update-by-input": Case(
        lambda x, i: tf.tensor_scatter_nd_update(x, whole(i, 3), [5.0, 6.0]),
        [(3,), (2, 1)],
        equal=False,
    ),
    "TensorScatterAdd": Case(
        lambda x, u: tf.tensor_scatter_nd_add(x, [[1], [1]], u), [(3, 2), (2, 2)]
    ),
    "TensorScatterSub": Case(lambda x: tf.tensor_scatter_nd_sub(x, [[1, 1]], [2.0]), (3, 2)),
    "TensorScatterMax": Case(
        lambda x, u: tf.tensor_scatter_nd_max(x, [[2]], u), [(3, 2), (1, 2)], rounds=20
    ),
    "TensorScatterMin": Case(
        lambda x, u: tf.tensor_scatter_nd_min(x, [[2]], u), [(3, 2), (1, 2)], rounds=20
    ),
    "add-by-input": Case(
        lambda x, i: tf.tensor_scatter_nd_add(x, whole(i, 3), [5.0, 6.0]),
        [(3,), (2, 1)],
        equal=False,
    ),
    "UnsortedSegmentSum": Case(lambda x: tf.math.unsorted_segment_sum(x, [2, -1, 0, 2], 3), (4, 2)),
    "UnsortedSegmentMax": Case(
        lambda x: tf.math.unsorted_segment_max(x, [1, 0, 1], 3), (3, 1), rounds=20
    ),
    "UnsortedSegmentMin": Case(
        lambda x: tf.math.unsorted_segment_min(x, [1, 0, 1], 2), (3, 1), rounds=20
    ),
    "UnsortedSegmentProd": Case(
        lambda x: tf.math.unsorted_segment_prod(x, [[1, 0], [1, 1]], 2), (2, 2)
    ),
    "SegmentSum": Case(lambda x: tf.math.segment_sum(x, [0, 0, 1]), (3, 2)),
    "SegmentMean": Case(lambda x: tf.math.segment_mean(x, [0, 0, 1]), (3, 2)),
    "SegmentProd": Case(lambda x: tf.math.segment_prod(x, [0, 0, 1]), (3, 2)),
    "SegmentMax": Case(lambda x: tf.math.segment_max(x, [0, 0, 1]), (3, 1), rounds=20),
    "SegmentMin": Case(lambda x: tf.math.segment_min(x, [0, 0, 1]), (3, 1), rounds=20),
    "segments-by-input": Case(
        lambda x, i: tf.math.unsorted_segment_sum(x, whole(i, 2), 2),
        [(3, 2), (3,)],
        exact=False,
        equal=False,
    ),
    "DynamicStitch": Case(lambda x, y: tf.dynamic_stitch([[0, 2], [1]], [x, y]), [(2, 2), (1, 2)]),
    "ParallelDynamicStitch": Case(
        lambda x, y: R.ParallelDynamicStitch(indices=[[3, 0], [2, 1]], data=[x, y]),
        [(2, 2), (2, 2)],
    ),
    "stitch-overwritten": Case(
        lambda x, y: tf.dynamic_stitch([[0, 1], [1]], [x, y]), [(2, 2), (1, 2)]
    ),
    "InvertPermutation": Case(
        lambda x: tf.math.invert_permutation(tf.argsort(x)), (3,), equal=False
    ),
}
