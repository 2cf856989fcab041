"""The command `fieldscope growth`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import click

from fieldscope.cli import parameters
from fieldscope.cli.findings import Wanted, delivered
from fieldscope.cli.target import TARGET_HELP, Asked, of_a_model, subject_of

Numbers = dict[str, tuple[int, ...]]

_HELP = f"""\
Show which layers make a field as large as it is, and what other windows would do.

{TARGET_HELP}
\b
fieldscope growth torchvision:vgg16
fieldscope growth torchvision:resnet18 --layer layer3 -o growth.png
fieldscope growth torchvision:resnet50 --if conv1:kernel=3,stride=1
fieldscope growth ./mynet.py:build --input 1x1x16000 --json -

\b
spacing      input elements from one position of what enters to the next;
share        (kernel - 1) x dilation x spacing: what the layer adds to the
             size. Along the longest path the shares add up to the size less
             one; layers beside it have none;
kernel-2 ... what the size would gain with a kernel two smaller or larger,
             stride 1 or 2, or twice the dilation, padded such that the map
             keeps its extents.

Without --layer the field is that of the last map that sees a part of the input,
such as the one before global pooling.

Exit codes: 0 done; 2 the call or the model is wrong.
"""


def supposed(text: str) -> tuple[str, Numbers]:
    """Read a layer and its other window.

    >>> supposed("conv1:kernel=3,stride=1x2")
    ('conv1', {'kernel': (3,), 'stride': (1, 2)})
    """
    layer, colon, parts = text.rpartition(":")
    if not colon or not layer:
        raise ValueError(f"{text!r}: name a layer and its window: conv1:kernel=3,stride=1")
    found: Numbers = {}
    for part in parts.split(","):
        match = re.fullmatch(r"\s*(kernel|stride|dilation)\s*=\s*([0-9]+(?:[x×][0-9]+)*)\s*", part)
        if match is None:
            raise ValueError(
                f"{text!r}: {part!r} is none of kernel=3, stride=2 and dilation=1, or 3x5 by axis"
            )
        if match[1] in found:
            raise ValueError(f"{text!r}: {match[1]} comes twice")
        found[match[1]] = tuple(int(number) for number in re.split("[x×]", match[2]))
    return layer.strip(), found


@click.command(help=_HELP, short_help="Show which layers make a field as large as it is.")
@of_a_model
@click.option("--layer", "-l", metavar="NAME", help="Layer whose field is divided.")
@click.option("--on", metavar="NAME", help="Which input, where the model has several.")
@click.option(
    "--if",
    "given",
    metavar="LAYER:WINDOW",
    multiple=True,
    callback=parameters.each(supposed),
    help="Say what size the field would have with another window, such as "
    "conv1:kernel=3,stride=1; repeatable, each alone.",
)
@click.option("--no-changes", is_flag=True, help="Don't try other windows for every layer.")
@delivered
def growth(
    asked: Asked,
    *,
    layer: str | None,
    on: str | None,
    given: Sequence[tuple[str, Numbers]],
    no_changes: bool,
    wanted: Wanted,
) -> None:
    """Run `fieldscope growth`; `_HELP` says what each option means."""
    with subject_of(asked) as (subject, progress):
        from fieldscope.analyses.growth import growth_of

        report = subject.analyzed()
        progress.step("dividing the field")
        found = growth_of(report, on, layer=layer, changes=not no_changes)
        for name, numbers in given:
            found = found.supposing(
                name,
                kernel=numbers.get("kernel"),
                stride=numbers.get("stride"),
                dilation=numbers.get("dilation"),
            )
    from fieldscope.render.growth import described

    wanted.deliver(found, lambda: described(found), quiet=asked.quiet)
