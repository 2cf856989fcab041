"""What the project declares agrees with itself."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import fieldscope

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "fieldscope"

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # a dependency of pytest there


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def names(requirements: list[str]) -> set[str]:
    """`numpy` of `numpy>=1.26; python_version < "3.11"`."""
    return {re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in requirements}


def pins(file: str = "dev.txt") -> list[str]:
    lines = (ROOT / "requirements" / file).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def undeclared_extras(package: Path, declared: set[str]) -> list[str]:
    """Extras that the code tells the user to install and that the project doesn't have."""
    return [
        f"{path.relative_to(package)}: {extra}"
        for path in sorted(package.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for extra in _extras(node)
        if extra not in declared
    ]


def _extras(node: ast.AST) -> list[str]:
    match node:
        case ast.keyword(arg="extra", value=ast.Constant(value=str(extra))):
            return [extra]
        case ast.Constant(value=str(text)) if ">>> " not in text:
            return re.findall(r"fieldscope\[(\w+)\]", text)
        case _:
            return []


def test_all_that_is_needed_is_pinned_and_nothing_else(project: dict[str, Any]) -> None:
    needed = names(project["project"]["dependencies"]) | names(project["dependency-groups"]["dev"])
    assert names(pins()) == needed
    assert names(pins("files.txt")) == names(project["dependency-groups"]["files"])
    assert [
        line
        for line in pins() + pins("files.txt")
        if not re.match(r"[\w.-]+==[\w.+]+(; .*)?$", line)
    ] == []


def test_development_has_every_extra(project: dict[str, Any]) -> None:
    builds = {"tensorflow": "tensorflow-cpu"}  # the same, without what a GPU needs
    for requirements in project["project"]["optional-dependencies"].values():
        assert {builds.get(name, name) for name in names(requirements)} <= names(pins())


def test_every_extra_that_a_message_names_is_declared(project: dict[str, Any]) -> None:
    declared = set(project["project"]["optional-dependencies"])
    assert undeclared_extras(PACKAGE, declared) == []


def test_an_extra_that_is_not_declared_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('require("torch", purpose="p", extra="torch")\n')
    (tmp_path / "b.py").write_text('optional.require("jax", purpose="p", extra="jax")\n')
    (tmp_path / "c.py").write_text('raise E("pip install fieldscope[plot]")\n')
    (tmp_path / "d.py").write_text('require("pandas", purpose="p", extra=None)\n')
    assert undeclared_extras(tmp_path, {"torch"}) == ["b.py: jax", "c.py: plot"]


def test_the_changelog_begins_with_what_is_unreleased_or_with_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\]", text, flags=re.MULTILINE)
    assert headings[0] in ("Unreleased", fieldscope.__version__)


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert [name for name in records if f"]({name})" not in index] == []
