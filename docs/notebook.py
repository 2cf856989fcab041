"""Make docs/tutorial.ipynb from docs/tutorial.py, run it, and keep what it shows.

`python -m docs.notebook` writes the notebook, `--check` only says what running it would change.
Pictures aren't compared, nor is the text of cells with the tag "measured", in which numbers
depend on how a machine rounds.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FORMAT: Any = nbformat  # its functions carry no types

SOURCE = Path(__file__).parent / "tutorial.py"
NOTEBOOK = SOURCE.with_suffix(".ipynb")
MEASURED = "measured"
# Seconds for one cell, so that one that hangs ends some day.
LIMIT = 300

_MARK = re.compile(r"^# %%(?P<kind> \[markdown\])?(?: tags=\[(?P<tags>.*)\])?$", re.MULTILINE)


def cells(source: str) -> list[Any]:
    """The cells of a text in which each begins at `# %%`; what stands before is left out.

    >>> [cell.source for cell in cells("import a\\n# %% [markdown]\\n# # Title\\n# %%\\n1 + 1\\n")]
    ['# Title', '1 + 1']
    """
    marks = list(_MARK.finditer(source))
    ends = [mark.start() for mark in marks[1:]] + [len(source)]
    found = []
    for number, (mark, end) in enumerate(zip(marks, ends, strict=True)):
        text = source[mark.end() : end].strip("\n")
        if mark["kind"]:
            lines = (line.removeprefix("#").removeprefix(" ") for line in text.splitlines())
            cell = FORMAT.v4.new_markdown_cell("\n".join(lines))
        else:
            cell = FORMAT.v4.new_code_cell(text)
        # By themselves, names are random.
        cell.id = f"cell-{number}"
        if mark["tags"]:
            cell.metadata.tags = re.findall(r'"([^"]*)"', mark["tags"])
        found.append(cell)
    return found


def run(source: str) -> Any:
    """The notebook of a source after all cells have run in a fresh kernel.

    Raises:
        CellExecutionError: a cell fails; it has the cell and the traceback.
    """
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook = FORMAT.v4.new_notebook(cells=cells(source), metadata=metadata)
    # Coalesced: what a cell prints comes in pieces that depend on time.
    client = NotebookClient(
        notebook,
        timeout=LIMIT,
        coalesce_streams=True,
        resources={"metadata": {"path": SOURCE.parent}},
    )
    client.execute()
    notebook.metadata = FORMAT.from_dict(metadata)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    FORMAT.validate(notebook)
    return notebook


def shown(notebook: Any) -> Iterator[str]:
    """All cells, and the texts that they show where these are the same on every machine."""
    for cell in notebook.cells:
        yield f"[{cell.cell_type}]"
        yield from cell.source.splitlines()
        for output in cell.get("outputs", ()):
            kind = "picture" if "image/png" in output.get("data", {}) else "text"
            yield f"[{output.output_type}: {kind}]"
            if MEASURED in cell.metadata.get("tags", ()) or kind == "picture":
                continue
            text = output.text if "text" in output else output.data["text/plain"]
            yield from text.splitlines()


def changes(old: Any, new: Any) -> str:
    """What another run changes; "" if nothing."""
    lines = difflib.unified_diff(
        list(shown(old)), list(shown(new)), "committed", "executed", lineterm=""
    )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.notebook", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if old")
    check = parser.parse_args().check
    new = run(SOURCE.read_text(encoding="utf-8"))
    if check:
        changed = changes(FORMAT.read(NOTEBOOK, as_version=4), new)
        print(changed or "nothing changed")
        return 1 if changed else 0
    FORMAT.write(new, NOTEBOOK)
    print(f"written: {NOTEBOOK.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
