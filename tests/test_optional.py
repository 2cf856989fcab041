"""A missing extra is explained; any other failed import passes through untouched."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldscope.errors import FieldscopeError, MissingExtraError
from fieldscope.optional import require


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of packages that can be imported; forgotten with the test."""
    monkeypatch.syspath_prepend(tmp_path)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.partition(".")[0] in {path.stem for path in tmp_path.iterdir()}:
            del sys.modules[name]


def test_an_installed_module_is_given() -> None:
    assert require("json.decoder", purpose="reading") is sys.modules["json.decoder"]


@pytest.mark.parametrize("module", ["torch", "torch.fx"])
def test_a_missing_framework_is_explained_with_its_extra(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError) as caught:
        require(module, extra="torch", purpose="analysing a PyTorch model")
    assert str(caught.value) == (
        "analysing a PyTorch model needs torch, which isn't installed\n"
        'install fieldscope[torch]: pip install "fieldscope[torch]"'
    )
    assert caught.value.name == "torch"


def test_a_missing_package_without_an_extra_is_explained_by_its_own_name() -> None:
    with pytest.raises(MissingExtraError) as caught:
        require("not_there.at.all", purpose="a data frame")
    assert str(caught.value) == (
        "a data frame needs not_there, which isn't installed\n"
        "install not_there: pip install not_there"
    )


def test_the_error_is_an_import_error_and_one_of_fieldscope() -> None:
    assert issubclass(MissingExtraError, ImportError)
    assert issubclass(MissingExtraError, FieldscopeError)


def test_a_module_that_an_installed_framework_lacks_passes_through(installed: Path) -> None:
    (installed / "framework.py").write_text("import what_it_needs\n")
    with pytest.raises(ModuleNotFoundError, match="No module named 'what_it_needs'") as caught:
        require("framework", extra="torch", purpose="tracing")
    assert not isinstance(caught.value, MissingExtraError)


def test_a_part_that_an_installed_framework_lacks_passes_through(installed: Path) -> None:
    (installed / "framework").mkdir()
    (installed / "framework" / "__init__.py").write_text("")
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'framework\.part'") as caught:
        require("framework.part", extra="torch", purpose="tracing")
    assert not isinstance(caught.value, MissingExtraError)


def test_an_installed_framework_that_fails_to_import_passes_through(installed: Path) -> None:
    (installed / "framework.py").write_text("raise ImportError('libfoo.so: no such file')\n")
    with pytest.raises(ImportError, match=r"libfoo\.so: no such file") as caught:
        require("framework", extra="torch", purpose="tracing")
    assert not isinstance(caught.value, MissingExtraError)
