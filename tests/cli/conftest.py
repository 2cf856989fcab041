from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from fieldscope.cli.main import fieldscope

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in this process: `run("analyze", "mynet.py:Net").stderr`."""
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(fieldscope, list(arguments))

    return invoke
