"""Functions, branches, loops, lists and variables."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tests.tensorflow.cases.case import Case

R = tf.raw_ops


@tf.function  # type: ignore[untyped-decorator]  # of TensorFlow's
def doubled(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.conv1d(x, tf.ones((3, 1, 1)), 1, "SAME") * 2


def steps(x: tf.Tensor) -> tf.Tensor:
    """A carry over time that is collected in a list."""
    time = tf.transpose(x)
    found = tf.TensorArray(tf.float32, size=4)
    carry = tf.zeros_like(time[0])
    for k in tf.range(4):
        carry = tf.tanh(carry * 0.5 + time[k])
        found = found.write(k, carry)
    return tf.transpose(found.stack())


def counted(x: tf.Tensor) -> tf.Tensor:
    return tf.while_loop(
        lambda k, y: k < 3,
        lambda k, y: (k + 1, tf.concat([y[:, 1:], y[:, :1] * 2], 1)),
        (0, x),
    )[1]


def until(x: tf.Tensor) -> tf.Tensor:
    return tf.while_loop(lambda y: tf.reduce_sum(y) < 9, lambda y: y + tf.abs(y) + 1, (x,))[0]


def growing(x: tf.Tensor) -> tf.Tensor:
    found = tf.TensorArray(tf.float32, size=0, dynamic_size=True, clear_after_read=False)
    for k in range(3):
        found = found.write(k, x[:, k])
    return found.gather([2, 0])


def unset(x: tf.Tensor) -> tf.Tensor:
    found = tf.TensorArray(tf.float32, size=3, element_shape=(2,))
    return found.write(1, x).stack() + tf.cast(found.size(), tf.float32)


def either(x: tf.Tensor) -> tf.Tensor:
    return tf.cond(x[0, 0] > 0, lambda: tf.nn.relu(x), lambda: x * 2)


def known(x: tf.Tensor) -> tf.Tensor:
    return tf.cond(tf.constant(3) > 2, lambda: x[:, ::-1], lambda: tf.cumsum(x, 1))


def switched(x: tf.Tensor) -> tf.Tensor:
    return tf.switch_case(tf.constant(1), [lambda: x, lambda: x[:, ::-1], lambda: x * 2])


def switched_by_input(x: tf.Tensor) -> tf.Tensor:
    where = tf.cast(x[0, 0] > 0, tf.int32)
    return tf.switch_case(where, [lambda: tf.cumsum(x, 1), lambda: x[:, ::-1]])


class Holder(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    def __init__(self) -> None:
        self.held = tf.Variable(tf.zeros((2, 3)))

    def __call__(self, x: Any) -> Any:
        self.held.assign(x * 2)
        self.held.assign_add(x)
        return self.held.read_value()[:, 1:] + 1


def listed(x: tf.Tensor) -> tf.Tensor:
    items = R.TensorListFromTensor(tensor=x, element_shape=[2])
    items = R.TensorListPushBack(input_handle=items, tensor=x[0] * 2)
    items, last = R.TensorListPopBack(
        input_handle=items, element_shape=[2], element_dtype=tf.float32
    )
    items = R.TensorListResize(input_handle=items, size=4)
    whole = R.TensorListStack(input_handle=items, element_shape=[2], element_dtype=tf.float32)
    return whole + last


def any_item(x: tf.Tensor) -> tf.Tensor:
    items = R.TensorListFromTensor(tensor=x, element_shape=[2])
    return R.TensorListGetItem(
        input_handle=items,
        index=tf.cast(x[0, 0] > 0, tf.int32),
        element_shape=[2],
        element_dtype=tf.float32,
    )


CONTROL: dict[str, Case] = {
    "call": Case(lambda x: doubled(x), (1, 4, 1)),
    "loop": Case(steps, (2, 4)),
    "loop-counted": Case(counted, (2, 4)),
    "loop-until": Case(until, (2, 2), exact=False, equal=False),
    "list-grows": Case(growing, (2, 3)),
    "list-unset": Case(unset, (2,)),
    "lists": Case(listed, (3, 2)),
    "list-any": Case(any_item, (3, 2), exact=False, equal=False),
    "branch": Case(either, (2, 2), equal=False),
    "branch-known": Case(known, (2, 3)),
    "case": Case(switched, (2, 3)),
    "case-by-input": Case(switched_by_input, (2, 3), equal=False),
    "variable": Case(Holder(), (2, 3)),
    "gradient-stopped": Case(lambda x: tf.stop_gradient(x) + tf.identity_n([x, x])[1], (2, 2)),
    "random": Case(lambda x: x + tf.random.stateless_normal((2, 2), [1, 2]), (2, 2)),
}
