"""The public names are these, are documented, and cost nothing to import."""

from __future__ import annotations

import ast
import inspect
import types
from pathlib import Path

import pytest

import fieldscope
from fieldscope import errors
from tests.guards.public import brought_in, loose_errors, undocumented

SOURCE = Path(fieldscope.__file__).parents[1]

PUBLIC = [
    "Alignment",
    "ArchitectureGraph",
    "BoundError",
    "Builder",
    "Chain",
    "Check",
    "CheckError",
    "Comparison",
    "Coverage",
    "DisagreementError",
    "EditError",
    "EffectiveComparison",
    "EffectiveField",
    "Field",
    "FieldscopeError",
    "GraphError",
    "Growth",
    "HeatMap",
    "InputError",
    "Layer",
    "LayerNotFoundError",
    "MissingExtraError",
    "ModelError",
    "PositionError",
    "Probe",
    "Productivity",
    "Proposal",
    "Refinement",
    "RegistrationError",
    "Report",
    "Resolution",
    "SupportMask",
    "TraceError",
    "TrainingError",
    "Verification",
    "__version__",
    "alignment",
    "analyze",
    "animate",
    "architecture",
    "chain",
    "check",
    "compare",
    "compare_effective",
    "coverage",
    "draw",
    "effective",
    "expected_effective",
    "gradient",
    "growth",
    "load",
    "probe",
    "productivity",
    "refine",
    "resolution",
    "save",
    "support",
    "until",
    "verify",
]


def test_the_public_names_are_these() -> None:
    assert fieldscope.__all__ == PUBLIC
    assert dir(fieldscope) == PUBLIC


def test_every_public_name_can_be_had() -> None:
    assert [name for name in PUBLIC if not hasattr(fieldscope, name)] == []


def test_every_error_is_public() -> None:
    defined = [name for name, value in vars(errors).items() if inspect.isclass(value)]
    assert set(defined) <= set(PUBLIC)


def test_type_checkers_are_told_of_the_same_names() -> None:
    tree = ast.parse(Path(fieldscope.__file__).read_text(encoding="utf-8"))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fieldscope.")
        for alias in node.names
    }
    assert imported == set(PUBLIC)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'fieldscope' has no attribute 'analyse'"):
        fieldscope.analyse  # noqa: B018 the look-up is what is tested


def test_every_public_name_is_documented_with_an_example() -> None:
    assert undocumented({name: getattr(fieldscope, name) for name in PUBLIC}) == []


def test_a_public_name_without_docstring_or_example_is_found() -> None:
    def shown() -> None:
        """Show.

        >>> shown()
        """

    def told() -> None:
        """Tell."""

    def silent() -> None: ...

    class ToldError(ValueError):
        """An error."""

    class UntoldError(ValueError): ...

    names = {value.__name__: value for value in (shown, told, silent, ToldError, UntoldError)}
    assert undocumented({**names, "__version__": "1"}) == ["told", "silent", "UntoldError"]


def test_every_error_has_the_common_base_and_a_builtin_one() -> None:
    assert loose_errors(errors, errors.FieldscopeError) == []


def test_an_error_without_a_builtin_base_or_without_the_common_one_is_found() -> None:
    module = types.ModuleType("fieldscope.errors")
    exec(
        "class Base(Exception): ...\n"
        "class Kept(Base, ValueError): ...\n"
        "class Bare(Base): ...\n"
        "class Stray(KeyError): ...\n",
        vars(module),
    )
    assert loose_errors(module, module.Base) == ["Bare", "Stray"]


def test_importing_fieldscope_loads_nothing_but_the_standard_library() -> None:
    assert brought_in("import fieldscope", [SOURCE]) == set()


@pytest.mark.parametrize("module", ["fieldscope.api", "fieldscope.cli.main"])
def test_the_entrances_load_no_framework(module: str) -> None:
    frameworks = {"jax", "keras", "onnx", "pandas", "tensorflow", "timm", "torch", "torchvision"}
    assert brought_in(f"import {module}", [SOURCE]) & frameworks == set()


def test_a_framework_that_an_import_loads_is_found(tmp_path: Path) -> None:
    (tmp_path / "fieldscope").mkdir()
    (tmp_path / "fieldscope" / "__init__.py").write_text("import framework.deep\n")
    (tmp_path / "framework").mkdir()
    (tmp_path / "framework" / "__init__.py").write_text("")
    (tmp_path / "framework" / "deep.py").write_text("import json\n")
    assert brought_in("import fieldscope", [tmp_path]) == {"framework"}
