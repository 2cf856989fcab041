"""The command `fieldscope lab probe`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import click

from fieldscope.cli.findings import Wanted, delivered
from fieldscope.cli.progress import Progress

if TYPE_CHECKING:
    from fieldscope.lab.probing.findings import Probing
    from fieldscope.render.document import Document

_HELP = """\
Ask each layer of a trained network what it can tell apart, beside the prediction.

\b
fieldscope lab probe --run runs/a
fieldscope lab probe --run runs/a --checkpoint last --json - -o probes.png
fieldscope lab probe --run runs/a --layers 'layer4.*'

A probe is a logistic regression on a layer's features, averaged over positions,
fitted to the run's training photos and tried on its validation photos. Every
layer that widens the field has one, read at what the next layers receive of it:
behind its norm, activation and residual sum.

\b
border      the first layer from which on none is productive: behind it, the
            analysis says, no context can be added;
saturates   the first layer whose probe is as good as the best one, but for one
            standard error of that;
agreement   1 where these are the same layer, less by their distance in layers
            over the number of layers.

The folder of the run gets probe.json, probe.csv and probe.png, except where
--layers leaves layers out.

Exit codes: 0 done; 2 the call, the run or its photos are wrong.
"""


@click.command(help=_HELP, short_help="Probe every layer of a trained network.")
@click.option("--run", "folder", metavar="FOLDER", required=True, help="Folder of the run.")
@click.option(
    "--layers",
    metavar="PATTERN",
    multiple=True,
    help="Probe these layers only, by shell patterns on their names. Repeatable.",
)
@click.option(
    "--checkpoint",
    type=click.Choice(["best", "last"]),
    default="best",
    show_default=True,
    help="Weights of the best epoch or of the last one.",
)
@click.option(
    "--model",
    metavar="NAME",
    help="The run's model or body, where its code has moved or isn't run unless you name it.",
)
@click.option("--data", metavar="FOLDER", help="Where the run's photos are, if they have moved.")
@click.option("--labels", metavar="FILE", help="Where the file of their labels is, if it has.")
@click.option(
    "--batch-size", type=click.IntRange(min=1), metavar="N", help="Otherwise that of the run."
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Processes that read photos.",
)
@click.option("--device", metavar="NAME", help="Otherwise a GPU where there is one.")
@delivered
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors, and data for -.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def probe(
    *,
    folder: str,
    layers: tuple[str, ...],
    checkpoint: Literal["best", "last"],
    model: str | None,
    data: str | None,
    labels: str | None,
    batch_size: int | None,
    workers: int,
    device: str | None,
    wanted: Wanted,
    quiet: bool,
    debug: bool,
) -> None:
    """Run `fieldscope lab probe`; `_HELP` says what each option means."""
    del debug  # read where errors are caught
    with Progress(quiet=quiet) as progress:
        progress.step(f"reading {folder}")
        from fieldscope.lab.probing.of_run import probe as probe_run

        found = probe_run(
            folder,
            layers=layers,
            checkpoint=checkpoint,
            model=model,
            data=data,
            labels=labels,
            batch_size=batch_size,
            workers=workers,
            device=device,
            told=progress.step,
        )
    wanted.deliver(found, lambda: _page(found, saved=not layers), quiet=quiet)


def _page(found: Probing, *, saved: bool) -> Document:
    from fieldscope.lab.pages.probing import described
    from fieldscope.lab.probing.files import FILES
    from fieldscope.wording import listed

    page = described(found)
    if not saved:
        return page
    return replace(page, closing=(*page.closing, f"Written into {found.run}: {listed(FILES)}."))
