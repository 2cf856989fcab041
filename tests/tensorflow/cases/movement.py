"""Movement: reshapes, slices, joins, pads, blocks, diagonals, resizing."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tests.tensorflow.cases.case import Case

R = tf.raw_ops


def whole(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.abs(x), tf.int32)


MOVEMENT: dict[str, Case] = {
    "Reshape": Case(lambda x: tf.reshape(x, (3, -1)), (2, 6)),
    "reshape-by-shape": Case(
        lambda x: tf.reshape(x, [tf.shape(x)[0], tf.size(x) // tf.shape(x)[0]]), (2, 3, 2)
    ),
    "Squeeze": Case(lambda x: tf.squeeze(x, [0, -1]), (1, 3, 1)),
    "squeeze-all": Case(lambda x: tf.squeeze(x), (1, 3, 1)),
    "ExpandDims": Case(lambda x: tf.expand_dims(x, -1), (2, 3)),
    "Transpose": Case(lambda x: tf.transpose(x, [2, 0, 1]), (2, 3, 2)),
    "ConjugateTranspose": Case(
        lambda x: tf.abs(R.ConjugateTranspose(x=tf.cast(x, tf.complex64), perm=[1, 0])), (2, 3)
    ),
    "BroadcastTo": Case(lambda x: tf.broadcast_to(x, (2, 2, 3)), (2, 1)),
    "Tile": Case(lambda x: tf.tile(x, [2, 3]), (2, 2)),
    "Slice": Case(lambda x: tf.slice(x, [0, 1], [2, -1]), (3, 4)),
    "slice-by-input": Case(
        lambda x: tf.slice(x, [0, whole(x[0, 0]) % 2], [3, 2]), (3, 4), equal=False
    ),
    "StridedSlice": Case(lambda x: x[1:, ::2, tf.newaxis, -1], (3, 4, 2)),
    "strided-back": Case(lambda x: x[::-1, 3:0:-2], (3, 5)),
    "strided-ellipsis": Case(lambda x: x[..., 1:3, None], (2, 2, 4)),
    "strided-one": Case(lambda x: x[-1, 0], (3, 2)),
    "strided-empty": Case(lambda x: tf.concat([x[2:1], x[:1]], 0), (3, 2)),
    "strided-by-input": Case(lambda x: x[:, whole(x[0, 0]) % 2], (2, 3), exact=False, equal=False),
    "Split": Case(lambda x: tf.split(x, 2, 1)[1], (2, 4)),
    "SplitV": Case(lambda x: tf.split(x, [1, 3], 1)[1], (2, 4)),
    "Concat": Case(lambda x, y: R.Concat(concat_dim=1, values=[x, y]), [(2, 2), (2, 1)]),
    "ConcatV2": Case(lambda x, y: tf.concat([x, tf.ones((1, 2)), y], 0), [(2, 2), (1, 2)]),
    "concat-empty": Case(lambda x: tf.concat([x, tf.ones((0, 2))], 0), (2, 2)),
    "Pack": Case(lambda x, y: tf.stack([x, y], 1), [(2, 2), (2, 2)]),
    "ParallelConcat": Case(
        lambda x, y: R.ParallelConcat(values=[x, y], shape=(2, 3)), [(1, 3), (1, 3)]
    ),
    "Unpack": Case(lambda x: tf.unstack(x, axis=1)[1], (2, 3)),
    "ReverseV2": Case(lambda x: tf.reverse(x, [-1]), (2, 3)),
    "Reverse": Case(lambda x: R.Reverse(tensor=x, dims=[True, False]), (2, 3)),
    "Roll": Case(lambda x: tf.roll(x, [1, -1], [0, 1]), (2, 3)),
    "Pad": Case(lambda x: tf.pad(x, [[0, 1], [2, 0]]), (2, 2)),
    "PadV2": Case(lambda x: tf.pad(x, [[1, 1]], constant_values=3.0), (3,)),
    "pad-by-input": Case(
        lambda x: R.PadV2(input=x, paddings=[[1, 0]], constant_values=tf.reduce_sum(x)),
        (3,),
        equal=False,
    ),
    "MirrorPad": Case(lambda x: tf.pad(x, [[0, 0], [2, 1]], "REFLECT"), (2, 4)),
    "pad-symmetric": Case(lambda x: tf.pad(x, [[1, 0], [2, 3]], "SYMMETRIC"), (2, 4)),
    "DepthToSpace": Case(lambda x: tf.nn.depth_to_space(x, 2), (1, 2, 1, 8)),
    "SpaceToDepth": Case(lambda x: tf.nn.space_to_depth(x, 2), (1, 4, 2, 2)),
    "Diag": Case(lambda x: tf.linalg.tensor_diag(x), (3,)),
    "DiagPart": Case(lambda x: tf.linalg.tensor_diag_part(x), (3, 3)),
    "MatrixDiag": Case(lambda x: R.MatrixDiag(diagonal=x), (2, 2)),
    "MatrixDiagV2": Case(
        lambda x: R.MatrixDiagV2(diagonal=x, k=1, num_rows=-1, num_cols=-1, padding_value=7.0),
        (2, 2),
    ),
    "MatrixDiagV3": Case(lambda x: tf.linalg.diag(x, k=-1), (2, 2)),
    "MatrixDiagPart": Case(lambda x: R.MatrixDiagPart(input=x), (2, 3)),
    "MatrixDiagPartV2": Case(lambda x: R.MatrixDiagPartV2(input=x, k=1, padding_value=1.0), (2, 3)),
    "MatrixDiagPartV3": Case(lambda x: tf.linalg.diag_part(x, k=(-1, 1)), (3, 3)),
    "MatrixBandPart": Case(lambda x: tf.linalg.band_part(x, 1, 0), (3, 4)),
    "band-upper": Case(lambda x: tf.linalg.band_part(x, 0, -1), (2, 3, 3)),
    "MatrixSetDiag": Case(lambda x, d: R.MatrixSetDiag(input=x, diagonal=d), [(2, 3), (2,)]),
    "MatrixSetDiagV2": Case(
        lambda x, d: R.MatrixSetDiagV2(input=x, diagonal=d, k=1), [(3, 3), (2,)]
    ),
    "MatrixSetDiagV3": Case(lambda x: tf.linalg.set_diag(x, [1.0, 2.0]), (2, 2)),
    "shapes": Case(
        lambda x: (
            tf.reshape(x, tf.reverse(tf.shape_n([x, x])[0], [0]))
            * tf.cast(tf.rank(x), tf.float32)
            * tf.transpose(tf.ones_like(x) + tf.zeros_like(x))
        ),
        (2, 3),
    ),
}


def resize(method: str, size: tuple[int, int], shape: tuple[int, ...], **options: bool) -> Case:
    operator = getattr(R, method)
    return Case(lambda x: operator(images=x, size=size, **options), shape)


def scaled(kind: str, size: tuple[int, int], shift: float, *, antialias: bool) -> Case:
    def function(x: tf.Tensor) -> tf.Tensor:
        result = R.ScaleAndTranslate(
            images=x,
            size=size,
            scale=[size[0] / 5, size[1] / 4],
            translation=[shift, 0.0],
            kernel_type=kind,
            antialias=antialias,
        )
        # Weights that are zero come out as 1e-8.
        return tf.round(result * 65536)

    return Case(function, (1, 5, 4, 1), rounds=4)


for _method in ("ResizeBilinear", "ResizeBicubic", "ResizeNearestNeighbor"):
    for _name, _options in (
        ("legacy", {}),
        ("align", {"align_corners": True}),
        ("half", {"half_pixel_centers": True}),
    ):
        MOVEMENT[f"{_method}-{_name}-up"] = resize(_method, (6, 7), (1, 3, 4, 1), **_options)
        MOVEMENT[f"{_method}-{_name}-down"] = resize(_method, (2, 3), (1, 5, 4, 1), **_options)
        MOVEMENT[f"{_method}-{_name}-same"] = resize(_method, (3, 4), (1, 3, 4, 1), **_options)
for _name, _options in (("plain", {}), ("align", {"align_corners": True})):
    MOVEMENT[f"ResizeArea-{_name}-up"] = resize("ResizeArea", (4, 7), (1, 3, 4, 1), **_options)
    MOVEMENT[f"ResizeArea-{_name}-down"] = resize("ResizeArea", (2, 3), (1, 5, 7, 1), **_options)
for _kind in ("lanczos3", "gaussian", "box", "triangle", "keyscubic", "mitchellcubic"):
    for _smooth in (True, False):
        MOVEMENT[f"scale-{_kind}-{_smooth}-down"] = scaled(_kind, (3, 2), 0.0, antialias=_smooth)
        if _kind != "mitchellcubic":  # has zeros there that come out as 1e-7
            MOVEMENT[f"scale-{_kind}-{_smooth}-up"] = scaled(_kind, (7, 8), 0.0, antialias=_smooth)
MOVEMENT["scale-shifted"] = scaled("triangle", (5, 4), 0.5, antialias=True)

BOXES = np.array([[0, 0, 1, 1], [0.2, 0.2, 0.7, 0.9]], np.float32)

MOVEMENT |= {
    "CropAndResize": Case(
        lambda x: tf.image.crop_and_resize(x, BOXES, [0, 0], (2, 2)),
        (1, 4, 4, 1),
        exact=False,
        equal=False,
    ),
    "crop-by-input": Case(
        lambda x, b: tf.image.crop_and_resize(x, tf.sigmoid(b), [0, 0], (2, 2)),
        [(1, 4, 4, 1), (2, 4)],
        equal=False,
    ),
    "crop-sample-by-input": Case(
        lambda x: tf.image.crop_and_resize(x, BOXES, whole(x[0, 0, :2, 0]) * 0, (2, 2)),
        (1, 3, 3, 1),
        equal=False,
    ),
    "ImageProjectiveTransformV3": Case(
        lambda x, t: R.ImageProjectiveTransformV3(
            images=x,
            transforms=t,
            output_shape=[3, 3],
            fill_value=0.0,
            interpolation="BILINEAR",
        ),
        [(1, 3, 3, 1), (1, 8)],
        equal=False,
    ),
    "ImageProjectiveTransformV2": Case(
        lambda x: R.ImageProjectiveTransformV2(
            images=x,
            transforms=[[1.0, 0, 1, 0, 1, 0, 0, 0]],
            output_shape=[3, 3],
            interpolation="BILINEAR",
        ),
        (1, 3, 3, 1),
        equal=False,
        exact=False,
    ),
}
