"""The command `fieldscope check`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from fieldscope.cli import parameters
from fieldscope.cli.findings import Wanted, delivered
from fieldscope.cli.target import TARGET_HELP, Asked, of_a_model, subject_of

_HELP = f"""\
Hold a model against conditions, as a test of its design.

{TARGET_HELP}
\b
fieldscope check ./mynet.py:build --input 1x3x32x32 --no-unproductive
fieldscope check ./mynet.py:build --input 1x3x64x64 --min-field 200 --max-stride 32
fieldscope check model.onnx --no-unproductive --allow 'head.*' --max-macs 2G

Fields and strides are one number, or one per axis such as 41x23. The field is
the largest one of a layer with positions, context left aside; the stride is the
total one; verdicts are those of fieldscope productivity.

Exit codes: 0 all conditions hold; 1 one doesn't, and why; 2 the call or the
model is wrong.
"""


@click.command(help=_HELP, short_help="Hold a model against conditions, with exit code 1.")
@of_a_model
@click.option("--no-unproductive", is_flag=True, help="No layer may be unproductive.")
@click.option("--no-critical", is_flag=True, help="No layer may reach beyond the input, either.")
@click.option(
    "--min-field",
    metavar="SIZE",
    callback=parameters.one(parameters.per_axis),
    help="Least size of the largest field.",
)
@click.option(
    "--max-field",
    metavar="SIZE",
    callback=parameters.one(parameters.per_axis),
    help="Most of the same.",
)
@click.option(
    "--max-stride",
    metavar="SIZE",
    callback=parameters.one(parameters.per_axis),
    help="Most of the total stride.",
)
@click.option(
    "--max-macs",
    metavar="N",
    callback=parameters.one(parameters.count),
    help="Most multiply-accumulates, for an input of that shape: 500M, 2G.",
)
@click.option(
    "--max-parameters",
    metavar="N",
    callback=parameters.one(parameters.count),
    help="Most learnable parameters: 5M.",
)
@click.option("--exact", is_flag=True, help="No field may be only a bound.")
@click.option(
    "--allow",
    metavar="PATTERN",
    multiple=True,
    help="Layers whose verdicts are let pass: a name or a pattern such as 'head.*'. Repeatable.",
)
@click.option("--on", metavar="NAME", help="Which input, where the model has several.")
@delivered
def check(
    asked: Asked,
    *,
    no_unproductive: bool,
    no_critical: bool,
    min_field: Sequence[int] | None,
    max_field: Sequence[int] | None,
    max_stride: Sequence[int] | None,
    max_macs: int | None,
    max_parameters: int | None,
    exact: bool,
    allow: Sequence[str],
    on: str | None,
    wanted: Wanted,
) -> None:
    """Run `fieldscope check`; `_HELP` says what each option means."""
    from fieldscope.analyses.check import Conditions, check_of

    conditions = Conditions(
        no_unproductive=no_unproductive,
        no_critical=no_critical,
        min_field=min_field,
        max_field=max_field,
        max_stride=max_stride,
        max_macs=max_macs,
        max_parameters=max_parameters,
        exact=exact,
        allow=tuple(allow),
    )
    if not conditions.asked():
        raise click.UsageError(
            "there is no condition to check: ask for some, such as --no-unproductive, "
            "--min-field 200 or --max-stride 32"
        )
    with subject_of(asked) as (subject, _):
        found = check_of(subject.analyzed(), conditions, on)
    from fieldscope.render.check import described

    wanted.deliver(found, lambda: described(found), quiet=asked.quiet)
    found.required()
