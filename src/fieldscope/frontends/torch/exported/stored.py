"""Tensors that a file holds as raw bytes."""

from __future__ import annotations

from collections.abc import Callable

import torch

from fieldscope.frontends.torch.exported.archive import MOST_OF_TENSOR, Archive
from fieldscope.frontends.torch.exported.content import meta_of, object_of, size_of, text_of
from fieldscope.frontends.torch.exported.expressions import Size
from fieldscope.frontends.torch.exported.form import Meta


def readers(archive: Archive, model: str) -> dict[str, Callable[[], torch.Tensor | None]]:
    """How to read the tensors that a file holds as raw bytes, by their names."""
    order = archive.bytes("byteorder", 16)
    if order is not None and order != b"little":
        return {}
    found: dict[str, Callable[[], torch.Tensor | None]] = {}
    for folder in ("weights", "constants"):
        config = archive.json(f"data/{folder}/model_{folder}_config.json") or {}
        if model != "model":
            config = archive.json(f"data/{folder}/{model}_{folder}_config.json") or config
        for name, one in object_of(object_of(config, folder).get("config", {}), folder).items():
            entry = object_of(one, name)
            if entry.get("use_pickle") is not False or entry.get("tensor_meta") is None:
                continue
            member = f"data/{folder}/{text_of(entry.get('path_name'), 'a path')}"
            raw = object_of(entry["tensor_meta"], name)
            offset = raw.get("storage_offset")
            start = size_of(offset) if offset is not None else 0
            found[name] = _Raw(archive, member, meta_of(raw), start)
    return found


class _Raw:
    """A tensor as raw bytes: the storage, of which it is a strided view."""

    def __init__(self, archive: Archive, member: str, meta: Meta, start: Size) -> None:
        self._archive, self._member, self._meta, self._start = archive, member, meta, start

    def __call__(self) -> torch.Tensor | None:
        numbers = (*self._meta.sizes, *self._meta.strides, self._start)
        known = [number for number in numbers if isinstance(number, int) and 0 <= number < 1 << 40]
        if len(known) != len(numbers):
            return None
        axes = len(self._meta.sizes)
        sizes, strides, start = known[:axes], known[axes:-1], known[-1]
        if len(strides) != axes or 0 in sizes:
            return None
        last = start + sum((n - 1) * stride for n, stride in zip(sizes, strides, strict=True))
        dtype = self._meta.dtype
        if (last + 1) * dtype.itemsize > MOST_OF_TENSOR or _count(sizes) > MOST_OF_TENSOR:
            return None
        data = self._archive.bytes(self._member, MOST_OF_TENSOR)
        if data is None or len(data) < (last + 1) * dtype.itemsize:
            return None
        plain = torch.uint8 if dtype == torch.bool else dtype  # a byte of a file may be no bool
        storage = torch.frombuffer(bytearray(data), dtype=plain, count=last + 1)
        found = storage.as_strided(sizes, strides, start)
        return found != 0 if dtype == torch.bool else found


def _count(sizes: list[int]) -> int:
    count = 1
    for size in sizes:
        count *= size
    return count
