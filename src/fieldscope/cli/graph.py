"""The command `fieldscope graph`."""

from __future__ import annotations

import click

from fieldscope.analyses.export import in_lines
from fieldscope.cli import files
from fieldscope.cli.page import show, width_option
from fieldscope.cli.target import TARGET_HELP, Asked, of_a_model, subject_of
from fieldscope.media import Engine

_HELP = f"""\
Draw a model as a graph, its layers marked by whether they can add context.

{TARGET_HELP}
\b
fieldscope graph torchvision:resnet18 --input 1x3x32x32 -o net.svg
fieldscope graph torchvision:resnet152 --depth 2 -o net.pdf
fieldscope graph model.onnx -o - | dot -Tpng > net.png

Modules are frames, which fold into boxes at --depth. Boxes say the field, its
stride and the shape, and have the worst verdict of the layers in them:

\b
unproductive     red, double border
critical         orange, bold border
partly critical  yellow, dashed border

What these mean, fieldscope productivity --help says. Dashed arrows carry what
all positions read alike (squeeze-and-excitation, the statistics of norms).

Graphviz (its program dot) lays it out; without it, or for more than 600 arrows,
a layout of fieldscope's own draws .svg, and .dot needs neither.

Exit codes: 0 done; 2 the call or the model is wrong.
"""


@click.command(help=_HELP, short_help="Draw a model as a graph, with frames and verdicts.")
@of_a_model
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    help="Draw it into a file: svg, pdf, png or dot; - writes dot to stdout.",
)
@click.option(
    "--format",
    type=click.Choice(["svg", "pdf", "png", "dot"]),
    help="Format of the file; otherwise as it ends. For -, svg or dot.",
)
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    metavar="N",
    help="Fold modules that stand N deep; otherwise so that at most 40 boxes are drawn.",
)
@click.option("--on", metavar="NAME", help="Which input verdicts are for; otherwise all.")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Draw also layers that hand on what they receive, and each of several alike blocks.",
)
@click.option(
    "--engine",
    type=click.Choice(["dot", "builtin"]),
    help="What lays it out; otherwise dot (Graphviz), or where it isn't installed the built-in.",
)
@click.option("--json", metavar="FILE", help="Write JSON to a file, or to stdout for -.")
@width_option
def graph(
    asked: Asked,
    *,
    output: str | None,
    format: str | None,
    depth: int | None,
    on: str | None,
    everything: bool,
    engine: Engine | None,
    json: str | None,
    width: int | None,
) -> None:
    """Run `fieldscope graph`; `_HELP` says what each option means."""
    kind = _checked(output, format, engine, json)
    with subject_of(asked) as (subject, progress):
        from fieldscope.analyses.architecture.boxes import architecture_of
        from fieldscope.render.architecture import encoded, save

        found = architecture_of(subject.analyzed(), on, depth=depth, all=everything)
        if output is not None:
            progress.step("drawing")
            if output != files.STDOUT:
                save(found, output, format=kind, engine=engine)
    if json is not None:
        files.write(json, in_lines(found.to_dict()) + "\n")
    if output == files.STDOUT:
        files.write(output, encoded(found, kind, engine=engine).decode("utf-8"))
    elif not asked.quiet and json != files.STDOUT:
        from fieldscope.render.architecture.page import described

        show(described(found), width)


def _checked(
    output: str | None, format: str | None, engine: Engine | None, json: str | None
) -> str:
    """The format to draw, after all has been said that could come to light later.

    Raises:
        click.UsageError: The options don't fit together.
        InputError: Nothing can be written there, or the format isn't known.
        MissingExtraError: Graphviz is needed and isn't installed.
    """
    files.check("--json", json)
    if output is None:
        if format is not None or engine is not None:
            option = "--format" if format is not None else "--engine"
            raise click.UsageError(f"{option} is for a drawing: say where it goes with --output")
        return ""
    from fieldscope.render.architecture import drawable, format_of

    if output != files.STDOUT:
        kind = format_of(output, format)
        if json is not None and files.same(output, json):
            raise click.UsageError(f"--output and --json can't both go to {output}")
    elif json == files.STDOUT:
        raise click.UsageError("--output and --json can't both go to stdout")
    elif (kind := format or "dot") not in ("dot", "svg"):
        raise click.UsageError(f"{kind} can't go to stdout: name a file with --output")
    drawable(kind, engine)
    if output != files.STDOUT:
        files.check("--output", output)
    return kind
