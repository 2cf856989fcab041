"""Products."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.tensorflow.cases.case import Case

R = tf.raw_ops
W = tf.constant(np.arange(6).reshape(2, 3) + 1, tf.float32)

PRODUCTS: dict[str, Case] = {
    "MatMul": Case(lambda x: tf.matmul(x, W), (3, 2)),
    "matmul-turned": Case(lambda x, y: tf.matmul(x, y, True, True), [(2, 3), (4, 2)]),
    "matmul-right": Case(lambda x: tf.matmul(W, x), (3, 2)),
    "SparseMatMul": Case(lambda x: R.SparseMatMul(a=x, b=W, a_is_sparse=True), (3, 2)),
    "BatchMatMul": Case(lambda x, y: R.BatchMatMul(x=x, y=y), [(2, 2, 3), (2, 3, 2)]),
    "BatchMatMulV2": Case(lambda x, y: R.BatchMatMulV2(x=x, y=y), [(2, 1, 2, 3), (2, 3, 2)]),
    "BatchMatMulV3": Case(
        lambda x, y: R.BatchMatMulV3(x=x, y=y, Tout=tf.float32, adj_y=True),
        [(2, 2, 3), (1, 2, 3)],
    ),
    "Einsum": Case(lambda x, y: tf.einsum("bij,bkj->bik", x, y), [(2, 2, 3), (2, 3, 3)]),
    "einsum-ellipsis": Case(lambda x: tf.einsum("...a,ab->...b", x, W), (2, 3, 2)),
    "einsum-sum": Case(lambda x: tf.einsum("abc->c", x), (2, 2, 3)),
    "einsum-diagonal": Case(
        lambda x: R.Einsum(inputs=[x], equation="aab->ab"), (2, 2, 2), exact=False
    ),
    "Cross": Case(lambda x: tf.linalg.cross(x, tf.constant([[1.0, 2, 3]])), (1, 3), equal=False),
    "attention": Case(
        lambda x: tf.matmul(
            tf.nn.softmax(
                tf.matmul(x, x, transpose_b=True)
                + tf.constant(np.triu(np.full((4, 4), -1e9), 2), tf.float32)
            ),
            x,
        ),
        (1, 4, 2),
    ),
}
