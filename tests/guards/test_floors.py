"""Imports go down the floors, never up; each rule is shown able to fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guards.floors import FLOORS, parts, violations

PACKAGE = Path(__file__).parents[2] / "src" / "fieldscope"


def test_every_import_goes_to_its_own_floor_or_a_lower_one() -> None:
    assert violations(PACKAGE) == []


def test_every_part_of_the_package_has_a_floor() -> None:
    assert parts(PACKAGE) - FLOORS.keys() == set()


def package(root: Path, **sources: str) -> Path:
    """A package `fieldscope` under root; `graph__operators` is the module graph/operators.py."""
    top = root / "fieldscope"
    for part in ("graph", "frontends", "domains", "interpret", "render", "api"):
        (top / part).mkdir(parents=True)
    for name, source in sources.items():
        path = top / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return top


FOR_TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("geometry__x", "import fieldscope.graph", "geometry (floor 1) imports graph (floor 2)"),
        (
            "graph__x",
            "def f():\n    from fieldscope.api import analyze",
            "graph (floor 2) imports api (floor 7)",
        ),
        (
            "analyses__x",
            FOR_TYPES + "from fieldscope.render import y",
            "analyses (floor 5) imports render (floor 6)",
        ),
        (
            "render__x",
            "from fieldscope import Report",
            "render (floor 6) imports __init__ (floor 7)",
        ),
        ("domains__x", "from fieldscope.frontends import torch", "domains imports frontends"),
        ("frontends__torch__x", "from fieldscope.domains.y import z", "frontends imports domains"),
        ("measure__x", "from fieldscope.domains.y import z", "measure imports domains"),
        ("measure__x", "from fieldscope import interpret", "measure imports interpret"),
        (
            "frontends__onnx__x",
            "from fieldscope.frontends.torch.lowering import y",
            "the onnx front end imports the one for torch",
        ),
        ("frontends__builder", "import torch", "frontends.builder imports torch"),
        ("frontends__jax__x", "import torch.fx", "frontends.jax.x imports torch"),
        ("geometry__x", "import torch", "geometry.x imports torch"),
        ("errors", "import numpy as np", "errors imports numpy"),
        ("analyses__x", "import rich.table", "analyses.x imports rich"),
        ("analyses__x", "import pandas as pd", "analyses.x imports pandas"),
        ("graph__x", FOR_TYPES + "import torch", "graph.x imports torch"),
        ("api", "import requests", "requests is not in the table of what may be imported"),
        ("graph__x", "from . import operators", "a relative import"),
        ("utils", "import sys", "utils has no floor"),
        ("api", "import fieldscope.utils", "utils has no floor"),
    ],
)
def test_an_import_that_breaks_a_rule_is_named(
    tmp_path: Path, module: str, source: str, complaint: str
) -> None:
    top = package(
        tmp_path, **{"utils": "", module: source} if "utils" in source else {module: source}
    )
    (found,) = violations(top)
    place, _, said = found.partition(": ")
    assert said.startswith(complaint)
    assert place == f"fieldscope/{module.replace('__', '/')}.py:{source.count(chr(10)) + 1}"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("frontends__torch__x", "import torch\nfrom fieldscope.graph.graph import Graph"),
        ("frontends__torch__x", "from fieldscope.frontends.torch.lowering import y"),
        ("geometry__x", "import math\nimport numpy as np"),
        ("interpret", "from fieldscope.domains.hull import y"),
        ("analyses__x", FOR_TYPES + "import pandas as pd"),
        ("cli__main", "import click\nfrom fieldscope import __version__"),
    ],
)
def test_an_import_that_keeps_the_rules_is_let_through(
    tmp_path: Path, module: str, source: str
) -> None:
    assert violations(package(tmp_path, **{module: source})) == []


def test_a_new_folder_without_a_floor_is_found(tmp_path: Path) -> None:
    top = package(tmp_path, helpers__arrays="", api="")
    assert parts(top) - FLOORS.keys() == {"helpers"}
