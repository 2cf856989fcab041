"""Windows."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.tensorflow.cases.case import Case

R = tf.raw_ops
RNG = np.random.default_rng(0)


def weights(*shape: int) -> tf.Tensor:
    return tf.constant(RNG.uniform(0.5, 2, shape), tf.float32)


K = weights(3, 2, 2, 3)

WINDOWS: dict[str, Case] = {
    "conv": Case(lambda x: tf.nn.conv2d(x, K, 1, "VALID"), (1, 5, 6, 2)),
    "conv-same": Case(lambda x: tf.nn.conv2d(x, K, [2, 1], "SAME"), (2, 5, 4, 2)),
    "conv-same-dilated": Case(
        lambda x: tf.nn.conv2d(x, K, 1, "SAME", dilations=[2, 3]), (1, 6, 5, 2)
    ),
    "conv-explicit": Case(
        lambda x: tf.nn.conv2d(x, K, 2, [[0, 0], [2, 1], [0, 3], [0, 0]]), (1, 4, 3, 2)
    ),
    "conv-groups": Case(lambda x: tf.nn.conv2d(x, weights(2, 2, 2, 4), 1, "VALID"), (1, 3, 3, 4)),
    "conv-filters-from-input": Case(
        lambda x, k: tf.nn.conv2d(x, k, 1, "SAME"), [(1, 3, 3, 2), (2, 2, 2, 2)]
    ),
    "conv-filters-only": Case(
        lambda k: tf.nn.conv2d(tf.ones((1, 3, 3, 2)), k, 1, "VALID"), (2, 2, 2, 2)
    ),
    "conv1d": Case(lambda x: tf.nn.conv1d(x, weights(3, 2, 2), 2, "SAME"), (1, 7, 2)),
    "conv1d-dilated": Case(
        lambda x: tf.nn.conv1d(x, weights(2, 2, 2), 1, "VALID", dilations=3), (1, 8, 2)
    ),
    "conv3d": Case(
        lambda x: tf.nn.conv3d(x, weights(2, 1, 3, 1, 2), [1, 1, 2, 1, 1], "SAME"), (1, 3, 4, 3, 1)
    ),
    "depthwise": Case(
        lambda x: tf.nn.depthwise_conv2d(x, weights(2, 3, 2, 2), [1, 1, 1, 1], "SAME"),
        (1, 4, 4, 2),
    ),
    "depthwise-dilated": Case(
        lambda x: tf.nn.depthwise_conv2d(
            x, weights(2, 2, 2, 1), [1, 1, 1, 1], "VALID", dilations=[2, 2]
        ),
        (1, 5, 5, 2),
    ),
    "depthwise-filters-from-input": Case(
        lambda x, k: tf.nn.depthwise_conv2d(x, k, [1, 1, 1, 1], "VALID"),
        [(1, 3, 3, 2), (2, 2, 2, 2)],
    ),
    "transposed": Case(
        lambda x: tf.nn.conv2d_transpose(x, weights(3, 2, 3, 2), (1, 6, 4, 3), 2, "SAME"),
        (1, 3, 2, 2),
    ),
    "transposed-valid": Case(
        lambda x: tf.nn.conv2d_transpose(x, weights(3, 2, 3, 2), (1, 7, 5, 3), [2, 3], "VALID"),
        (1, 3, 2, 2),
    ),
    "transposed-filters": Case(
        lambda x, k: tf.nn.conv2d_transpose(x, k, (1, 4, 4, 2), 2, "SAME"),
        [(1, 2, 2, 1), (2, 2, 2, 1)],
    ),
    "transposed-odd": Case(
        lambda x: tf.nn.conv2d_transpose(x, weights(4, 4, 1, 1), (1, 5, 5, 1), 2, "SAME"),
        (1, 3, 3, 1),
    ),
    "transposed3d": Case(
        lambda x: tf.nn.conv3d_transpose(x, weights(2, 1, 3, 1, 1), (1, 4, 2, 4, 1), 2, "SAME"),
        (1, 2, 1, 2, 1),
    ),
    "transposed-depthwise": Case(
        lambda x: R.DepthwiseConv2dNativeBackpropInput(
            input_sizes=[1, 4, 4, 2],
            filter=weights(3, 3, 2, 2),
            out_backprop=x,
            strides=[1, 2, 2, 1],
            padding="SAME",
        ),
        (1, 2, 2, 4),
    ),
    "dilation2d": Case(
        lambda x: tf.nn.dilation2d(
            x, weights(2, 3, 2) * 0, [1, 1, 1, 1], "SAME", "NHWC", [1, 2, 1, 1]
        ),
        (1, 4, 3, 2),
        rounds=30,
    ),
    "dilation2d-filters": Case(
        lambda x, k: tf.nn.dilation2d(x, k, [1, 2, 2, 1], "VALID", "NHWC", [1, 1, 1, 1]),
        [(1, 4, 4, 1), (2, 2, 1)],
        rounds=30,
    ),
    "max-pool": Case(lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID"), (1, 5, 4, 2), rounds=30),
    "max-pool-same": Case(lambda x: tf.nn.max_pool2d(x, 3, 2, "SAME"), (1, 5, 4, 1), rounds=40),
    "avg-pool": Case(lambda x: tf.nn.avg_pool2d(x, [3, 2], [2, 1], "SAME"), (1, 5, 4, 2)),
    "pool3d": Case(lambda x: tf.nn.avg_pool3d(x, 2, 2, "SAME"), (1, 3, 2, 3, 1)),
    "max-pool3d": Case(
        lambda x: tf.nn.max_pool3d(x, [1, 2, 2], 1, "VALID"), (1, 2, 3, 3, 1), rounds=30
    ),
    "pool-channels": Case(
        lambda x: R.MaxPool(input=x, ksize=[1, 1, 1, 2], strides=[1, 1, 1, 2], padding="VALID"),
        (1, 2, 2, 4),
        rounds=30,
    ),
    "pool-of-one": Case(
        lambda x: R.AvgPool(value=x, ksize=[1] * 4, strides=[1] * 4, padding="VALID"),
        (1, 2, 2, 2),
    ),
    "pool-by-operands": Case(
        lambda x: R.MaxPoolV2(input=x, ksize=[1, 2, 3, 1], strides=[1, 2, 1, 1], padding="SAME"),
        (1, 4, 4, 1),
        rounds=40,
    ),
    "pool-with-places": Case(
        lambda x: tf.nn.max_pool_with_argmax(x, 2, 2, "VALID")[0], (1, 4, 4, 1), rounds=30
    ),
    "fractional": Case(
        lambda x: tf.nn.fractional_avg_pool(x, [1, 1.5, 1.4, 1], seed=3)[0],
        (1, 6, 6, 1),
        equal=False,
    ),
    "fractional-max": Case(
        lambda x: tf.nn.fractional_max_pool(x, [1, 1.5, 1.4, 1], seed=3)[0],
        (1, 6, 6, 1),
        equal=False,
    ),
    "patches": Case(
        lambda x: tf.image.extract_patches(x, [1, 2, 3, 1], [1, 2, 1, 1], [1, 1, 2, 1], "SAME"),
        (1, 4, 5, 2),
    ),
    "patches3d": Case(
        lambda x: tf.extract_volume_patches(x, [1, 2, 1, 2, 1], [1, 1, 1, 2, 1], "VALID"),
        (1, 3, 2, 4, 1),
    ),
    "space-to-batch": Case(
        lambda x: tf.space_to_batch_nd(x, [2, 3], [[1, 0], [0, 2]]), (1, 3, 4, 2)
    ),
    "space-to-batch-1": Case(
        lambda x: R.SpaceToBatch(input=x, paddings=[[0, 1], [1, 0]], block_size=2), (1, 3, 3, 1)
    ),
    "batch-to-space": Case(lambda x: tf.batch_to_space(x, [2, 2], [[0, 1], [1, 0]]), (8, 2, 2, 1)),
    "batch-to-space-1": Case(
        lambda x: R.BatchToSpace(input=x, crops=[[0, 1], [0, 0]], block_size=2), (4, 2, 2, 1)
    ),
    "blocks-around-a-window": Case(
        lambda x: tf.batch_to_space(
            tf.nn.relu(
                tf.nn.bias_add(
                    tf.nn.conv2d(
                        tf.space_to_batch_nd(x, [2, 2], [[2, 3], [2, 2]]),
                        weights(3, 3, 1, 1),
                        1,
                        "VALID",
                    ),
                    [100.0],
                )
            ),
            [2, 2],
            [[0, 1], [0, 0]],
        ),
        (1, 5, 6, 1),
    ),
    "blocks-of-another-extent": Case(
        lambda x: tf.batch_to_space(
            tf.space_to_batch_nd(x, [2, 2], [[0, 0], [0, 0]]), [4, 1], [[0, 0], [0, 0]]
        ),
        (1, 4, 4, 1),
    ),
}
