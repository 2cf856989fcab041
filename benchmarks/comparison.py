"""Ask other tools about networks on which they disagree, and write docs/comparison.md.

    python -m benchmarks.comparison

The tools are installed from the package index into a folder that is gone
afterwards. Each answer comes from a process of its own that is stopped after a
while. What is true is measured in the same run, by a gradient.
"""

from __future__ import annotations

import argparse
import platform
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from rich.console import Console

from benchmarks import peers
from benchmarks.answers import TOOLS, Answer, ours, theirs, truth
from benchmarks.cases import CASES
from benchmarks.workers import Limits, outcomes
from fieldscope.version import __version__

PAGE = Path(__file__).parents[1] / "docs" / "comparison.md"
SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Line:
    """A case with all answers.

    Attributes:
        case: its name.
        true: as measured.
        ours: fieldscope's.
        theirs: of the tools that could be installed, by name.
    """

    case: str
    true: Answer
    ours: Answer
    theirs: Mapping[str, Answer]


@dataclass(frozen=True, slots=True)
class Reported:
    """What others have published of a tool that isn't measured here."""

    case: str
    true: str
    tool: str
    answer: str


# From public threads and from runs of other people; shown where the tool isn't measured.
REPORTED: tuple[Reported, ...] = (
    Reported("ResNet-18", "435 (32)", "torchscan 0.1.2", "1891 (256)"),
    Reported("ResNet-18", "435 (32)", "rf-calc 0.0.7", "1891 (256)"),
    Reported("ResNet-18", "435 (32)", "receptivefield 0.5.0", "nan"),
    Reported("ResNet-18", "435 (32)", "pytorch-receptive-field", "an exception"),
    Reported("ResNet-50", "427 (32)", "pytorch-receptive-field", "1963 (256)"),
    Reported("VGG16", "212 (32)", "receptivefield 0.5.0", "0 (nan)"),
    Reported("AlexNet", "195 (32)", "rf-calc 0.0.7", "185"),
    Reported("AlexNet", "195 (32)", "receptivefield 0.5.0", "139"),
    Reported("SqueezeNet 1.0", "155 (16)", "easy-receptive-fields-pytorch", "123"),
    Reported("GoogLeNet", "379 (32)", "easy-receptive-fields-pytorch", "315"),
    Reported("convolution 3, dilation 4", "9 (1)", "rfa-toolbox 1.7.0", "3"),
    Reported("convolution 3, dilation 4", "9 (1)", "receptivefield 0.5.0", "3"),
    Reported("convolution 3, dilation 4", "9 (1)", "rf-calc 0.0.7", "3"),
    Reported(
        "convolution 3, dilation 2: middle of position 0", "2.5", "pytorch-receptive-field", "1.5"
    ),
    Reported("transposed convolution 4/2, convolution 3", "3 (1/2)", "rfa-toolbox 1.7.0", "8"),
    Reported(
        "transposed convolution 4/2, convolution 3",
        "3 (1/2)",
        "pytorch-receptive-field",
        "0 from there on",
    ),
    Reported(
        "upsampling or pixel shuffle between convolutions 3",
        "4 (1/2)",
        "pytorch-receptive-field",
        "not supported",
    ),
    Reported("small U-Net of one level", "10 (1)", "rfa-toolbox 1.7.0", "18"),
    Reported("small U-Net of one level", "10 (1)", "torchscan 0.1.2", "4"),
    Reported("small U-Net of one level", "10 (1)", "pytorch-receptive-field", "0"),
    Reported(
        "small U-Net of one level", "10 (1)", "easy-receptive-fields-pytorch", "input too small"
    ),
    Reported("two convolutions 3, 4 apart along x, added", "3×7 (1)", "rfa-toolbox 1.7.0", "3"),
    Reported("convolution 3×5", "3×5 (1)", "receptivefield 0.5.0", "5×3"),
    Reported("elements from 18 to 58", "41", "simple-receptive-field", "40"),
)

_BLOCK = re.compile(
    r"(?P<begin><!-- written by benchmarks\.comparison: (?P<what>\w+) -->\n).*?"
    r"(?P<end><!-- written end -->)",
    flags=re.DOTALL,
)


def written(text: str, blocks: Mapping[str, str]) -> str:
    """Put what was found into the blocks of a page, by name."""
    return _BLOCK.sub(lambda m: f"{m['begin']}\n{blocks[m['what']]}\n{m['end']}", text)


def measured(lines: Sequence[Line], absent: Mapping[str, str]) -> str:
    """Write the table of answers, and what it was made with.

    Args:
        lines: the cases.
        absent: why a tool couldn't be installed, by its name.
    """
    tools = [tool.name for tool in TOOLS if tool.name not in absent]
    head = ["network", "true", f"fieldscope {__version__}", *tools]
    rows = [
        [
            line.case,
            str(line.true),
            marked(line.ours, line.true),
            *(marked(line.theirs[tool], line.true) for tool in tools),
        ]
        for line in lines
    ]
    missing = "".join(f"{tool} could not be installed: {why}.\n" for tool, why in absent.items())
    return f"{_table(head, rows)}\n{_made_with()}\n{missing}"


def reported(absent: Mapping[str, str]) -> str:
    """Write the table of what others have published of tools that weren't measured."""
    known = {tool.name for tool in TOOLS} - set(absent)
    rows = [[one.case, one.true, one.tool, one.answer] for one in REPORTED if one.tool not in known]
    return _table(["network", "true", "tool", "reported answer"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def marked(answer: Answer, true: Answer) -> str:
    """Write an answer, bold where it is wrong."""
    return str(answer) if answer.agrees(true) else f"**{answer}**"


def _made_with() -> str:
    versions = ", ".join(
        f"{name} {metadata.version(package)}"
        for name, package in (("PyTorch", "torch"), ("torchvision", "torchvision"))
    )
    return (
        "Of torchvision's networks the last map is asked for. Made with "
        f"{versions} and Python {platform.python_version()}."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.comparison", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--page", metavar="FILE", type=Path, default=PAGE, help="the page to write into"
    )
    options = parser.parse_args(arguments)
    console = Console()
    absent: dict[str, str] = {}
    answers: dict[tuple[str, str], Answer] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folders: dict[str, str] = {}
        reasons: dict[tuple[str, ...], str] = {}
        for tool in TOOLS:
            folder = Path(temporary) / tool.packages[0]
            if tool.packages not in reasons:
                with console.status(f"installing {tool.name}"):
                    reasons[tool.packages] = peers.install(folder, tool.packages)
            if reasons[tool.packages]:
                absent[tool.name] = reasons[tool.packages]
            else:
                folders[tool.name] = str(folder)
        tasks = [(name, case.name, folder) for name, folder in folders.items() for case in CASES]
        with console.status("asking") as status:
            for outcome in outcomes(theirs, tasks, jobs=1, limits=Limits(SECONDS)):
                name, case, _ = outcome.task
                answers[name, case] = (
                    outcome.value
                    if outcome.status == "ok"
                    else Answer(failure=f"fails: {outcome.value}")
                )
                status.update(f"asked {name} about {case}")
    lines = []
    for one in CASES:
        with console.status(f"measuring {one.name}"):
            given = {name: answers[name, one.name] for name in folders}
            lines.append(Line(one.name, truth(one), ours(one), given))
        console.print(f"{one.name}: true {lines[-1].true}, fieldscope {lines[-1].ours}")
    blocks = {"measured": measured(lines, absent), "reported": reported(absent)}
    text = options.page.read_text(encoding="utf-8")
    options.page.write_text(written(text, blocks), encoding="utf-8")
    for name, reason in absent.items():
        console.print(f"{name} could not be installed: {reason}", highlight=False)
    wrong = [line.case for line in lines if not line.ours.agrees(line.true)]
    right = {tool: sum(line.theirs[tool].agrees(line.true) for line in lines) for tool in folders}
    console.print(f"right about: fieldscope {len(lines) - len(wrong)} of {len(lines)}")
    for name, count in right.items():
        console.print(f"             {name} {count}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
