"""The command `fieldscope verify`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from fieldscope.analyses.export import in_lines
from fieldscope.cli import files
from fieldscope.cli.page import show, width_option
from fieldscope.cli.target import TARGET_HELP, Asked, of_a_model, subject_of
from fieldscope.errors import DisagreementError

_HELP = f"""\
Hold the analysis against the model itself, layer by layer.

{TARGET_HELP}
\b
fieldscope verify torchvision:resnet18
fieldscope verify torchvision:resnet18 --layer layer2 --layer layer3 --positions 20
fieldscope verify ./mynet.py:build --input 1x1x64x96 --json -
fieldscope verify model.onnx

At some positions of each layer the exact set of elements that it reads, by theory, is
compared with what the gradient of the neutralised model reaches (activations as the
identity, weights alike and positive, a maximum as a mean), element by element. With 0
on that set and 1 elsewhere, its output must be 0. The gradient of the model as it is
must stay within, and so must what changing its input changes (layers that are named by
--layer, and those whose gradient says nothing). Where a gradient and the theory differ,
the elements in question are changed, and the model's output judges. Models known by
name get weights at random.

Models of other frameworks are run in their own runtime, with their weights:
what changes a position must lie within its box, and changing all that it
doesn't read must leave it as it is.

THEORY and MEASURED are sizes at the first position, the centre of the map.

Exit codes: 0 nothing disagrees; 1 something does; 2 the call or the model is wrong.
"""


@click.command(help=_HELP, short_help="Hold the analysis against the model itself.")
@of_a_model
@click.option(
    "--layer",
    "-l",
    "layers",
    metavar="NAME",
    multiple=True,
    help="Only this layer, probed as well; repeatable. Otherwise all.",
)
@click.option(
    "--positions",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="N",
    help="Positions of each layer, at most: the centre, the first, the last, then at random.",
)
@click.option("--on", metavar="NAME", help="Which input, where the model has several.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of inputs and positions.")
@click.option("--json", metavar="FILE", help="Write the findings to a file, or to stdout for -.")
@width_option
def verify(
    asked: Asked,
    *,
    layers: Sequence[str],
    positions: int,
    on: str | None,
    seed: int,
    json: str | None,
    width: int | None,
) -> None:
    """Run `fieldscope verify`; `_HELP` says what each option means."""
    files.check("--json", json)
    with subject_of(asked, values=True) as (subject, progress):
        from fieldscope.api import verify as verification

        found = verification(
            subject.model,
            subject.inputs,
            layers=layers or None,
            positions=positions,
            input=on,
            axes=subject.axes,
            example=subject.example,
            seed=seed,
            name=subject.name,
            framework=subject.framework,
            told=lambda name, number, count: progress.step(f"{number} of {count}: {name}"),
        )
    if json is not None:
        files.write(json, in_lines(found.to_dict()) + "\n")
    if not asked.quiet and json != files.STDOUT:
        from fieldscope.render.verification import described

        show(described(found), width)
    if not found.agrees:
        raise DisagreementError(
            f"theory and measurement disagree in {found.model}: {found.summary}\n"
            "a lowering is wrong, or the model reads what its operators don't say; "
            "please report it with the model's code"
        )
