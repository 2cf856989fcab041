"""The tutorial runs, and what it shows is what running it gives."""

from __future__ import annotations

from typing import Any

import pytest
from nbclient.exceptions import CellExecutionError

from docs.notebook import FORMAT, NOTEBOOK, SOURCE, cells, changes, run

# What a notebook may weigh that people open and compare.
MOST_BYTES = 1_500_000


@pytest.fixture(scope="module")
def committed() -> Any:
    return FORMAT.read(NOTEBOOK, as_version=4)


def test_the_notebook_is_its_source(committed: Any) -> None:
    """Red after a change of either: run `make docs`."""
    expected = cells(SOURCE.read_text(encoding="utf-8"))
    assert [(cell.cell_type, cell.source) for cell in committed.cells] == [
        (cell.cell_type, cell.source) for cell in expected
    ]


def test_all_cells_run_and_show_what_the_notebook_shows(committed: Any) -> None:
    executed = run(SOURCE.read_text(encoding="utf-8"))
    assert changes(committed, executed) == ""


def test_the_notebook_has_its_pictures_and_stays_small(committed: Any) -> None:
    outputs = [output for cell in committed.cells for output in cell.get("outputs", ())]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 5
    assert NOTEBOOK.stat().st_size < MOST_BYTES


SMALL = """\
\"\"\"Left out.\"\"\"
# %% [markdown]
# # Title
#
# - text
# %%
for k in range(3):
    print(k, flush=True)
# %% tags=["measured"]
import random
random.random()
"""


def test_a_source_is_run_cell_by_cell() -> None:
    notebook = run(SMALL)
    title, loop, measured = notebook.cells
    assert title.source == "# Title\n\n- text"
    assert [output.text for output in loop.outputs] == ["0\n1\n2\n"]
    assert changes(notebook, run(SMALL)) == "", "what is measured differs from run to run"
    assert measured.metadata.tags == ["measured"]
    loop.outputs[0].text = "0\n1\n3\n"
    assert "-3\n+2" in changes(notebook, run(SMALL))


def test_a_cell_that_fails_is_told() -> None:
    with pytest.raises(CellExecutionError, match="division by zero"):
        run("# %%\n1 / 0\n")
