"""The floors of the house: which part may import which, read off the syntax trees.

A part that is added to `src/fieldscope` is added here, with its floor. Only import statements are
seen: what `importlib` or `fieldscope.optional.require` brings in by name is not.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FLOORS = {
    "errors": 0,
    "optional": 0,
    "media": 0,
    "version": 0,
    "wording": 0,
    "writing": 0,
    "geometry": 1,
    "photos": 1,
    "graph": 2,
    "frontends": 3,
    "domains": 3,
    "interpret": 4,
    "measure": 4,
    "analyses": 5,
    "redesign": 6,
    "testing": 7,
    "render": 6,
    "api": 7,
    "lab": 7,
    "cli": 7,
    "__init__": 7,
    "__main__": 7,
}

# Parts that the floors alone would let import each other, and that must not.
APART = {
    ("frontends", "domains"),
    ("domains", "frontends"),
    ("measure", "domains"),
    ("measure", "interpret"),
}

# Front ends that stand on a framework of their own, and so know nothing of each other. (Keras
# stands on one of the others, its backend.)
FRAMEWORKS = {"torch", "onnx", "jax", "tensorflow"}

# Who may import what is installed, other than the standard library. For types only (under
# TYPE_CHECKING) the upper floors may name any of them: nothing is loaded then.
INSTALLED = {
    "numpy": (*sorted(part for part, floor in FLOORS.items() if 0 < floor < 7), "lab"),
    "torch": ("frontends.torch", "frontends.keras", "measure", "redesign.torch", "lab"),
    "torchvision": ("frontends.torch", "lab"),
    "safetensors": ("frontends.torch",),
    "lightning": ("lab",),
    "torchmetrics": ("lab",),
    "sklearn": ("lab",),
    "timm": ("frontends.torch",),
    "onnx": ("frontends.onnx",),
    "jax": ("frontends.jax", "frontends.keras"),
    "keras": ("frontends.keras",),
    "tensorflow": ("frontends.tensorflow", "frontends.keras"),
    "google": ("frontends.onnx", "frontends.tensorflow"),  # protobuf, which both stand on
    "h5py": ("frontends.keras",),
    "jaxlib": ("frontends.jax",),
    "pandas": ("analyses.export",),
    "matplotlib": ("render", "lab"),
    "PIL": ("render", "frontends", "photos", "measure", "lab"),
    "rich": ("render", "cli"),
    "click": ("cli",),
}
TYPES_ONLY_FROM = 5
# These promise a picture, whose type they name; who draws it lives on the floor of render.
NAME_PICTURES = {"media", "geometry.maps"}


@dataclass(frozen=True, slots=True)
class Import:
    """What an import statement names: `from fieldscope.graph import Node` names `….graph.Node`."""

    target: str
    line: int
    relative: bool
    for_types: bool


def parts(package: Path) -> set[str]:
    """Names of the folders and modules that stand at the top of the package."""
    folders = {path.parent for path in package.rglob("*.py")}
    return {path.stem for path in package.glob("*.py")} | {
        folder.relative_to(package).parts[0] for folder in folders if folder != package
    }


def violations(package: Path) -> list[str]:
    """Every import in the package that goes where it must not, as `file:line: what`."""
    return [
        f"{path.relative_to(package.parent)}:{found.line}: {complaint}"
        for path in sorted(package.rglob("*.py"))
        for found in _imports(ast.parse(path.read_text(encoding="utf-8")))
        if (complaint := _complaint(_dotted(path, package), found, package))
    ]


def _dotted(path: Path, package: Path) -> str:
    """`graph.operators` for fieldscope/graph/operators.py, `__init__` for the package's own."""
    names = path.relative_to(package).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" and len(names) > 1 else names)


def _complaint(module: str, found: Import, package: Path) -> str | None:
    if found.relative:
        return "a relative import; write it from the package's name on"
    top, _, rest = found.target.partition(".")
    part = module.partition(".")[0]
    if part not in FLOORS:
        return f"{part} has no floor"
    if top != package.name:
        return _complaint_installed(module, top, found)
    other = rest.partition(".")[0]
    # `from fieldscope import Report`: a public name, so the package's own __init__
    if not (package / other).exists() and not (package / f"{other}.py").exists():
        other = "__init__"
    if other not in FLOORS:
        return f"{other} has no floor"
    if FLOORS[other] > FLOORS[part]:
        return f"{part} (floor {FLOORS[part]}) imports {other} (floor {FLOORS[other]})"
    if (part, other) in APART:
        return f"{part} imports {other}"
    mine, theirs = _framework(module), _framework(rest)
    if mine and theirs and mine != theirs:
        return f"the {mine} front end imports the one for {theirs}"
    return None


def _complaint_installed(module: str, top: str, found: Import) -> str | None:
    if top in sys.stdlib_module_names:
        return None
    if top not in INSTALLED:
        return f"{top} is not in the table of what may be imported"
    part = module.partition(".")[0]
    if found.for_types and FLOORS[part] >= TYPES_ONLY_FROM:
        return None
    if found.for_types and top == "matplotlib" and module in NAME_PICTURES:
        return None
    if any(module == place or module.startswith(f"{place}.") for place in INSTALLED[top]):
        return None
    return f"{module} imports {top}"


def _framework(module: str) -> str | None:
    names = module.split(".")
    if names[0] == "frontends" and len(names) > 1 and names[1] in FRAMEWORKS:
        return names[1]
    return None


def _imports(tree: ast.AST, for_types: bool = False) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Import(names=names):
                for name in names:
                    yield Import(name.name, node.lineno, False, for_types)
            case ast.ImportFrom(module=module, names=names, level=level):
                for name in names:
                    target = f"{module}.{name.name}" if module else name.name
                    yield Import(target, node.lineno, level > 0, for_types)
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body, orelse=orelse):
                yield from _imports(ast.Module(body, []), for_types=True)
                yield from _imports(ast.Module(orelse, []), for_types)
            case _:
                yield from _imports(node, for_types)
