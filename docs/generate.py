"""Put into README and docs what the commands shown there really print.

A block that stands between two such markers is written by running its command:

    <!-- generated: fieldscope analyze torchvision:resnet50 -->
    <!-- generated end -->

A command that fails is shown with its message when the marker names its exit code:

    <!-- generated, exit code 2: fieldscope analyze torchvision:resnet5 -->
    <!-- generated end -->

A block may also ask for something that is no command's output, by its name in `TABLES`:

    <!-- generated: table of operators -->
    <!-- generated end -->

`python -m docs.generate` rewrites the blocks, `--check` only says which ones are out of date.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What a page has room for; lines of prose are shorter.
COLUMNS = "112"

_BLOCK = re.compile(
    r"^(?P<begin><!-- generated(?:, exit code (?P<code>\d+))?: (?P<command>.+?) -->\n)"
    r".*?(?P<end><!-- generated end -->)$",
    flags=re.MULTILINE | re.DOTALL,
)


def documents() -> Iterator[Path]:
    """The pages that may hold generated blocks."""
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").rglob("*.md"))


def refreshed(text: str, run: Callable[[str, int], str]) -> str:
    """The page's text with every block as `run(command, exit code)` gives it now."""

    def block(match: re.Match[str]) -> str:
        command = match["command"]
        if command in TABLES:
            written = f"\n{TABLES[command]().strip()}\n\n"
        else:
            printed = run(command, int(match["code"] or 0)).rstrip()
            written = f"```console\n$ {command}\n{printed}\n```\n"
        return match["begin"] + written + match["end"]

    return _BLOCK.sub(block, text)


def operators() -> str:
    """The operators that have a lowering, by framework and subject."""
    from fieldscope.frontends.supported import CALLED, supported
    from fieldscope.render.operators import markdown

    return "\n".join(markdown(supported(name), title) for name, title in CALLED.items())


def structure() -> str:
    """What a network's structure does to its effective field, from docs/effects.json."""
    from benchmarks.effects_page import structure

    return structure()


def training() -> str:
    """What training does to it, from docs/effects.json."""
    from benchmarks.effects_page import training

    return training()


TABLES: dict[str, Callable[[], str]] = {
    "table of operators": operators,
    "effects of structure": structure,
    "effects of training": training,
}


def run(command: str, code: int = 0) -> str:
    """What a `fieldscope …` command prints, here, with the code of this checkout.

    Of one that must end with another exit code than 0, also what it says of that.
    """
    program, *arguments = shlex.split(command)
    if program != "fieldscope":
        raise SystemExit(f"only fieldscope's commands can be shown in a block, not: {command}")
    done = subprocess.run(
        [sys.executable, "-m", "fieldscope", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": COLUMNS, "NO_COLOR": "1", "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != code:
        raise SystemExit(f"exit code {done.returncode} from: {command}\n{done.stderr}")
    if code == 0:
        printed = done.stdout
    else:
        printed = f"{done.stdout}\n{done.stderr}" if done.stdout else done.stderr
    # Lines of a table are padded to its width, which no page should carry.
    return "\n".join(line.rstrip() for line in printed.splitlines())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if old")
    check = parser.parse_args().check
    old = 0
    for path in documents():
        text = path.read_text(encoding="utf-8")
        new = refreshed(text, run)
        if new == text:
            continue
        old += 1
        print(f"{'out of date' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.write_text(new, encoding="utf-8")
    return 1 if check and old else 0


if __name__ == "__main__":
    sys.exit(main())
