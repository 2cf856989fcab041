"""Reductions, prefixes, sorting, transforms and norms."""

from __future__ import annotations

import tensorflow as tf

from tests.tensorflow.cases.case import Case

R = tf.raw_ops
SCALE = tf.constant([1.0, 2.0])
ZERO = tf.constant([0.5, 0.25])

REDUCTIONS: dict[str, Case] = {
    "Sum": Case(lambda x: tf.reduce_sum(x, [0, -1]), (2, 3, 2)),
    "Mean": Case(lambda x: tf.reduce_mean(x, 1, keepdims=True), (2, 3, 2)),
    "mean-none": Case(lambda x: tf.reduce_mean(x, []), (2, 3)),
    "Prod": Case(lambda x: tf.reduce_prod(x), (2, 3)),
    "Max": Case(lambda x: tf.reduce_max(x, 1), (2, 3), rounds=30),
    "Min": Case(lambda x: tf.reduce_min(x, 1), (2, 3), rounds=30),
    "All": Case(lambda x: tf.reduce_all(x > -1, 1), (2, 2), rounds=30),
    "Any": Case(lambda x: tf.reduce_any(x > 1, 1), (2, 2), rounds=30),
    "EuclideanNorm": Case(lambda x: tf.math.reduce_euclidean_norm(x, 0), (2, 3)),
    "ArgMax": Case(lambda x: tf.argmax(x, 1), (2, 3), rounds=40),
    "ArgMin": Case(lambda x: tf.argmin(x, 0), (2, 3), rounds=40),
    "Softmax": Case(lambda x: tf.nn.softmax(x, 0), (2, 3)),
    "LogSoftmax": Case(lambda x: tf.nn.log_softmax(x), (2, 3)),
    "SoftmaxCrossEntropyWithLogits": Case(
        lambda x, y: tf.nn.softmax_cross_entropy_with_logits(y, x), [(2, 3), (2, 3)]
    ),
    "SparseSoftmaxCrossEntropyWithLogits": Case(
        lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits([0, 2], x), (2, 3)
    ),
    "sparse-labels": Case(
        lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(
            tf.cast(tf.abs(x[:, 0]), tf.int32) % 3, x
        ),
        (2, 3),
    ),
    "TopKV2": Case(lambda x: tf.math.top_k(x, 2)[0], (2, 4), rounds=30),
    "NthElement": Case(lambda x: R.NthElement(input=x, n=1), (2, 3), rounds=30),
    "sort": Case(lambda x: tf.sort(x, axis=0), (3, 2), rounds=40),
    "InTopK": Case(lambda x: R.InTopK(predictions=x, targets=[0, 1], k=1), (2, 3), rounds=40),
    "InTopKV2": Case(
        lambda x: R.InTopKV2(predictions=x, targets=tf.cast(tf.abs(x[:, 0]), tf.int32) % 3, k=1),
        (2, 3),
        equal=False,
    ),
    "Cumsum": Case(lambda x: tf.cumsum(x, 1), (2, 4)),
    "cumsum-reverse": Case(lambda x: tf.cumsum(x, 0, reverse=True), (4, 2)),
    "cumsum-exclusive": Case(lambda x: tf.cumsum(x, 1, exclusive=True), (2, 4)),
    "cumsum-both": Case(lambda x: tf.cumsum(x, 1, exclusive=True, reverse=True), (2, 4)),
    "Cumprod": Case(lambda x: tf.math.cumprod(x, 1), (2, 4)),
    "CumulativeLogsumexp": Case(lambda x: tf.math.cumulative_logsumexp(x, 1), (2, 3)),
    "FFT": Case(lambda x: tf.abs(tf.signal.fft(tf.cast(x, tf.complex64))), (2, 4)),
    "FFT2D": Case(lambda x: tf.abs(tf.signal.fft2d(tf.cast(x, tf.complex64))), (2, 2, 3)),
    "FFT3D": Case(lambda x: tf.abs(tf.signal.fft3d(tf.cast(x, tf.complex64))), (2, 2, 3)),
    "IFFT": Case(lambda x: tf.abs(tf.signal.ifft(tf.cast(x, tf.complex64))), (2, 4)),
    "IFFT2D": Case(lambda x: tf.abs(tf.signal.ifft2d(tf.cast(x, tf.complex64))), (2, 3)),
    "IFFT3D": Case(lambda x: tf.abs(tf.signal.ifft3d(tf.cast(x, tf.complex64))), (2, 2, 2)),
    "RFFT": Case(lambda x: tf.abs(tf.signal.rfft(x)), (2, 4)),
    "rfft-cropped": Case(lambda x: tf.abs(tf.signal.rfft(x, [3])), (2, 5)),
    "rfft-padded": Case(lambda x: tf.abs(tf.signal.rfft(x, [8])), (2, 5)),
    "RFFT2D": Case(lambda x: tf.abs(tf.signal.rfft2d(x, [3, 2])), (4, 3)),
    "RFFT3D": Case(lambda x: tf.abs(tf.signal.rfft3d(x)), (2, 2, 3)),
    "IRFFT": Case(lambda x: tf.signal.irfft(tf.complex(x, 2 * x), [4]), (2, 5)),
    "IRFFT2D": Case(lambda x: tf.signal.irfft2d(tf.complex(x, 2 * x)), (3, 3)),
    "IRFFT3D": Case(lambda x: tf.signal.irfft3d(tf.complex(x, 2 * x)), (2, 2, 2)),
    "ReverseSequence": Case(
        lambda x: tf.reverse_sequence(x, [4, 4], seq_axis=1, batch_axis=0), (2, 4)
    ),
    "reverse-parts": Case(
        lambda x: tf.reverse_sequence(x, [2, 3], seq_axis=1, batch_axis=0), (2, 4), exact=False
    ),
    "reverse-by-input": Case(
        lambda x: tf.reverse_sequence(
            x, tf.cast(x[:, 0] > 0, tf.int32) + 1, seq_axis=1, batch_axis=0
        ),
        (2, 3),
        equal=False,
    ),
    "FusedBatchNorm": Case(
        lambda x: R.FusedBatchNorm(
            x=x, scale=SCALE, offset=ZERO, mean=ZERO, variance=SCALE, is_training=False
        )[0],
        (1, 2, 2, 2),
    ),
    "FusedBatchNormV2": Case(
        lambda x: R.FusedBatchNormV2(
            x=x, scale=SCALE, offset=ZERO, mean=ZERO, variance=SCALE, is_training=False
        )[0],
        (1, 2, 2, 2),
    ),
    "FusedBatchNormV3": Case(
        lambda x, m: R.FusedBatchNormV3(
            x=x, scale=SCALE, offset=ZERO, mean=m, variance=SCALE, is_training=False
        )[0],
        [(1, 2, 2, 2), (2,)],
    ),
    "batch-norm-training": Case(
        lambda x: R.FusedBatchNormV3(
            x=x, scale=SCALE, offset=ZERO, mean=[], variance=[], is_training=True
        )[:3],
        (2, 3, 1, 2),
    ),
    "LRN": Case(lambda x: tf.nn.lrn(x, 1), (1, 2, 2, 5)),
    "L2Loss": Case(lambda x: tf.nn.l2_loss(x), (2, 3)),
    "layer-norm": Case(
        lambda x: (x - tf.reduce_mean(x, -1, keepdims=True)) / tf.math.reduce_std(x, -1, True),
        (2, 4),
    ),
}
