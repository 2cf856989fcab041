"""The members of a `.pt2` file: a ZIP archive of JSON and raw tensors, and of pickles.

Files come from anywhere. Members are read up to a size, whatever the archive says of them,
and pickles aren't read at all.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any

from fieldscope.errors import ModelError

MOST_OF_JSON = 1 << 27
"""A program of a hundred thousand calls has about so many bytes."""

MOST_OF_TENSOR = 1 << 24
"""Larger tensors are no index tables."""

MOST_MEMBERS = 1 << 18

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
)
"""What `zipfile` raises of archives that are damaged, encrypted or compressed otherwise."""


class Archive:
    """An open archive; the names of its members are without the folder that holds them all."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            self._file = zipfile.ZipFile(self.path)
        except FileNotFoundError:
            raise ModelError(
                f"the file {self.path} doesn't exist\ncheck the path, from {Path.cwd()}"
            ) from None
        except IsADirectoryError:
            raise ModelError(f"{self.path} is a folder\ngive the .pt2 file itself") from None
        except _BROKEN as error:
            raise self.damaged(f"it isn't a whole ZIP archive ({error})") from error
        infos = self._file.infolist()
        if len(infos) > MOST_MEMBERS:
            raise self.damaged(f"it has {len(infos)} members")
        # Of a member without a name, Python's module can't tell whether it is a folder.
        whole = {one.filename: one for one in infos if one.filename and not one.is_dir()}
        roots = {name.partition("/")[0] for name in whole}
        single = len(roots) == 1 and all("/" in name for name in whole)
        self._members = {
            name.partition("/")[2] if single else name: info for name, info in whole.items()
        }

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def names(self) -> list[str]:
        """Names of the members."""
        return list(self._members)

    def damaged(self, what: str) -> ModelError:
        """The error that says what is wrong with the file."""
        return ModelError(
            f"can't read {self.path} as an exported program: {what}\n"
            "save it again by torch.export.save(program, path)"
        )

    def bytes(self, name: str, most: int) -> bytes | None:
        """A member's contents; None if there is no such member.

        Raises:
            ModelError: it is damaged, or larger than `most`.
        """
        info = self._members.get(name)
        if info is None:
            return None
        try:
            with self._file.open(info) as member:
                found = member.read(most + 1)
        except _BROKEN as error:
            raise self.damaged(f"its {name} is damaged ({error})") from error
        if len(found) > most:
            raise self.damaged(f"its {name} has more than {most:,} bytes")
        return found

    def json(self, name: str) -> Any:
        """A member's contents as JSON; None if there is no such member.

        Raises:
            ModelError: it is damaged, or none.
        """
        found = self.bytes(name, MOST_OF_JSON)
        if found is None:
            return None
        try:
            return json.loads(found)
        except RecursionError:
            raise self.damaged(f"its {name} is nested too deeply") from None
        except ValueError as error:
            raise self.damaged(f"its {name} isn't JSON ({error})") from error
