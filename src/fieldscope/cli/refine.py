"""The command `fieldscope refine`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fieldscope.cli import files
from fieldscope.cli.exits import SAYS_NO
from fieldscope.cli.findings import Wanted, delivered
from fieldscope.cli.parameters import gathered
from fieldscope.cli.refined import check_spares, maker
from fieldscope.cli.target import TARGET_HELP, Asked, Subject, of_a_model, subject_of
from fieldscope.errors import InputError, ModelError
from fieldscope.wording import listed

if TYPE_CHECKING:
    from fieldscope.redesign.refinement import Refinement

_HELP = f"""\
Propose how to edit a network so that it fits its input better.

{TARGET_HELP}
\b
fieldscope refine torchvision:resnet18 --input 1x3x32x32
fieldscope refine torchvision:resnet18 --input 1x3x32x32 --goal performance --budget 2x
fieldscope refine torchvision:resnet18 --input 1x3x32x32 --write refined.py
fieldscope refine ./mynet.py:build --input 1x3x64x96 --proposal 2 --write refined.py

\b
--goal efficiency   never more compute than now: cut or narrow until no layer
                    is unproductive.
--goal performance  leave no layer unproductive: a smaller stem, pooling taken
                    out, later strides moved or dropped, blocks moved between
                    stages; within --budget.

Proposals come best first. Each is carried out on a copy of the model, which is
run and analysed again; what doesn't come out as predicted is left out. Only
the configuration of PyTorch's own layers is edited, blocks are taken out where
shapes allow; what can't be edited safely is said. For models of other
frameworks the edits are told in words, and the figures are predicted.

--write puts a proposal into a Python file that stands on PyTorch alone: a
function refine(model), and build(), which makes this model and refines it.

Ctrl-C ends the search and shows the best found so far; a second one ends all.

Exit codes: 0 done; 1 there is no proposal; 2 the call or the model is wrong.
"""


@click.command(help=_HELP, short_help="Propose edits that make a network fit its input.")
@of_a_model
@click.option(
    "--goal",
    type=click.Choice(["efficiency", "performance"]),
    default="efficiency",
    show_default=True,
    help="What to make of it.",
)
@click.option(
    "--budget",
    metavar="FACTOR",
    help="Most compute allowed, as a factor of today's: 2x. Otherwise, no limit for performance, "
    "and 1x for efficiency.",
)
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    metavar="N",
    help="Number of proposals, at most.",
)
@click.option(
    "--write",
    metavar="FILE.py",
    help="Write a proposal as Python code to a file, or to stdout for -.",
)
@click.option(
    "--proposal",
    "number",
    type=click.IntRange(min=1),
    metavar="K",
    help="The proposal to be written; otherwise the best.",
)
@click.option("--on", metavar="NAME", help="Which input, where the model has several.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of weights begun anew.")
@delivered
def refine(
    asked: Asked,
    *,
    goal: str,
    budget: str | None,
    most: int,
    write: str | None,
    number: int | None,
    on: str | None,
    seed: int,
    wanted: Wanted,
) -> None:
    """Run `fieldscope refine`; `_HELP` says what each option means."""
    _check(asked, write, number, wanted)
    # Imported here, so that --help answers at once.
    from fieldscope.api.redesign import aimed

    aimed(goal, budget, seed=seed)
    with subject_of(asked, values=True) as (subject, progress):
        from fieldscope.api.redesign import refine as refinement

        if write is not None:
            _check_editable(subject.model, asked.target)
            check_spares(write, asked.target, subject.model)
        found = refinement(
            subject.model,
            subject.inputs,
            goal=goal,
            budget=budget,
            most=most if number is None else max(most, number),
            input=on,
            axes=subject.axes,
            example=subject.example,
            seed=seed,
            name=subject.name,
            framework=subject.framework,
            told=progress.step,
        )
        code = None
        if write is not None and found.proposals:
            code = _code(found, number or 1, subject, asked, write)
    if write is not None and code is not None:
        files.write(write, code)
    from fieldscope.render.refinement import described

    missing = [] if found.proposals else [one for one in (write, wanted.output) if one is not None]
    if missing:
        wanted = replace(wanted, output=None)
    silent = asked.quiet or write == files.STDOUT
    wanted.deliver(found, lambda: described(found), quiet=silent)
    if missing and not asked.quiet:
        places = listed(["stdout" if one == files.STDOUT else one for one in missing])
        click.echo(
            f"fieldscope: there is no proposal, so nothing was written to {places}", err=True
        )
    if not found.proposals and found.before.unproductive:
        click.get_current_context().exit(SAYS_NO)


def _check(asked: Asked, write: str | None, number: int | None, wanted: Wanted) -> None:
    """Say at once what would otherwise come to light after the work is done."""
    if number is not None and write is None:
        raise click.UsageError("--proposal is for --write: say where the code goes")
    if write is None:
        return
    if write == files.STDOUT:
        if wanted.json == files.STDOUT:
            raise click.UsageError("--write and --json can't both go to stdout")
        return
    if Path(write).suffix != ".py":
        raise InputError(f"--write {write} is no file of Python code\nname one that ends in .py")
    files.check("--write", write)
    check_spares(write, asked.target)
    for option, other in (("--json", wanted.json), ("--output", wanted.output)):
        if other is not None and files.same(write, other):
            raise click.UsageError(f"--write and {option} can't both go to {write}")


def _check_editable(model: Any, target: str) -> None:
    """Say at once that code can be written for PyTorch's modules only."""
    from fieldscope.api.redesign import why_not_editable

    why = why_not_editable(model)
    if why:
        raise ModelError(
            f"no code can be written for {target}: {why}\n"
            "leave --write out: the proposals say in words what to edit"
        )


def _code(found: Refinement, number: int, subject: Subject, asked: Asked, write: str) -> str:
    if number > len(found.proposals):
        raise InputError(
            f"there is no proposal {number} to write: {len(found.proposals)} were found\n"
            "give --proposal a smaller number"
        )
    from fieldscope.redesign.torch.code import patch

    proposal = found.proposals[number - 1]
    arguments = gathered("--arg", asked.arguments)
    made = maker(asked.target, arguments, built=subject.built, destination=write)
    return patch(proposal, subject.model, made)
