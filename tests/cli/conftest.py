from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from fieldscope.cli.main import fieldscope
from tests.cli.small import NETS

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in this process: `run("analyze", "mynet.py:Net").stderr`."""
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(fieldscope, list(arguments))

    return invoke


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that the command runs in: small networks in nets.py, photos of two sizes."""
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "raising.py").write_text("raise AssertionError('was built')")
    for name, extents in (("photo.png", (24, 32)), ("small.png", (9, 12))):
        pixels = np.arange(np.prod(extents), dtype=np.uint8).reshape(extents)
        Image.fromarray(pixels).save(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if "target" in name:
            del sys.modules[name]
