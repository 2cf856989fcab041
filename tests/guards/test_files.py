"""Files stay short and errors stay in one file."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "src" / "fieldscope"
MOST_LINES = 400


def long_files(package: Path) -> list[str]:
    return [
        f"{path.relative_to(package)}: {lines} lines"
        for path in sorted(package.rglob("*.py"))
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    ]


def stray_errors(package: Path) -> list[str]:
    """Classes outside errors.py whose name or base says that they are raised.

    What derives from `BaseException` alone is no error: it leaves a loop that isn't ours.
    """
    return [
        f"{path.relative_to(package)}:{node.lineno}: {node.name}"
        for path in sorted(package.rglob("*.py"))
        if path != package / "errors.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and any(
            name.endswith(("Error", "Exception")) and name != "BaseException"
            for name in (node.name, *(ast.unparse(base) for base in node.bases))
        )
    ]


def test_no_file_of_the_package_is_longer_than_400_lines() -> None:
    assert long_files(PACKAGE) == []


def test_a_file_of_401_lines_is_found(tmp_path: Path) -> None:
    (tmp_path / "graph").mkdir()
    (tmp_path / "graph" / "long.py").write_text("x = 1\n" * 401)
    (tmp_path / "graph" / "short.py").write_text("x = 1\n" * 400)
    assert long_files(tmp_path) == ["graph/long.py: 401 lines"]


def test_every_error_class_stands_in_errors() -> None:
    assert stray_errors(PACKAGE) == []


def test_an_error_class_elsewhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "errors.py").write_text("class TraceError(Exception): ...\n")
    (tmp_path / "api.py").write_text("class A: ...\nclass Refused(errors.TraceError): ...\n")
    assert stray_errors(tmp_path) == ["api.py:2: Refused"]
