"""Read a model's file."""

from __future__ import annotations

from pathlib import Path

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import ModelProto

from fieldscope.errors import ModelError


def load(path: Path) -> ModelProto:
    """The model in a file; tensors that are kept in other files aren't read.

    Raises:
        ModelError: there is no such file, or it isn't an ONNX model.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} can't be read: {error.strerror}") from error
    model = ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise ModelError(
            f"{path} isn't an ONNX model, or only part of one\nexport or download it again"
        ) from error
    return model
