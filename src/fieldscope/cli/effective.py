"""The command `fieldscope effective`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fieldscope.cli import files, parameters, pictures
from fieldscope.cli.findings import Wanted, delivered
from fieldscope.cli.options import position_options
from fieldscope.cli.target import TARGET_HELP, Asked, Subject, of_models, subject_of
from fieldscope.cli.weights import HELP as WEIGHTS_HELP
from fieldscope.cli.weights import fill, rename_option
from fieldscope.errors import InputError
from fieldscope.wording import listed

if TYPE_CHECKING:
    from fieldscope.analyses.effective import EffectiveComparison
    from fieldscope.measure.effective import EffectiveField

_HELP = f"""\
Measure which input elements a position of a layer really uses.

{TARGET_HELP}
\b
fieldscope effective torchvision:resnet50 --weights model.pth --images photos/ --layer layer4
fieldscope effective torchvision:vgg16 --images photos/ -l features.28 --over photo.jpg -o erf.png
fieldscope effective ./mynet.py:build --input 1x1x64x64 --every --log -o curve.png
fieldscope effective torchvision:resnet18 torchvision:vgg16_bn --beside expected
fieldscope effective torchvision:resnet50 --images photos/ --state erf.npz

The gradient of the position is averaged over images: photographs of a folder, scaled and
cropped to the input, or noise. AREA is the share of the input in the smallest square
around the centre that holds a share of the contribution, RADIUS two standard deviations,
EFFECTIVE the width of a square as large as the set of elements that contribute more than
4.55 % of the most, SHARE that width's of the theoretical field's inside the input.

--beside expected puts beside it what is expected at random initialisation, which needs no
run; --beside untrained the same network with random weights. Without --weights, models
known by name have random weights; code has those that it makes.

Ctrl-C ends the measurement and shows what was reached; --state keeps it in a file, from
which the next call goes on.

Exit codes: 0 done; 2 the call or the model is wrong.
"""


@click.command(help=_HELP, short_help="Measure which input elements a position really uses.")
@of_models
@click.option(
    "--images",
    metavar="PATH",
    help="Folder of photographs, searched through, or one of them; otherwise noise.",
)
@click.option(
    "--weights",
    metavar="FILE",
    multiple=True,
    help=f"{WEIGHTS_HELP} One for each model, in order; - for none.",
)
@rename_option
@click.option(
    "--layer",
    "-l",
    "layers",
    metavar="NAME",
    multiple=True,
    help="Layer, by its name in the table of `fieldscope analyze`; otherwise the output. Repeat it "
    "for a curve.",
)
@click.option("--every", is_flag=True, help="All layers whose field is larger than all before.")
@position_options
@click.option(
    "--contribution",
    type=click.Choice(["absolute", "squared"]),
    default="absolute",
    show_default=True,
    help="Average sizes of gradients, or their squares.",
)
@click.option(
    "--beside",
    type=click.Choice(["expected", "untrained"]),
    multiple=True,
    help="Put beside it what is expected at random initialisation, or the network untrained.",
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    metavar="N",
    help="Images, at most; 32 of noise where nothing is said.",
)
@click.option(
    "--batch-size", type=click.IntRange(min=1), default=8, show_default=True, metavar="N",
    help="Images that are run at once.",
)  # fmt: skip
@click.option("--device", metavar="NAME", help="Where to run: cpu, cuda, cuda:1, mps.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of noise and signs.")
@click.option(
    "--mean",
    metavar="NUMBERS",
    callback=parameters.one(parameters.numbers),
    help="Mean of photographs' channels, from 0 to 1: 0.5,0.5,0.5. Otherwise ImageNet's.",
)
@click.option(
    "--deviation",
    metavar="NUMBERS",
    callback=parameters.one(parameters.numbers),
    help="Deviation of photographs' channels.",
)
@click.option(
    "--state",
    metavar="FILE.npz",
    help="Keep the running mean in a file, and go on from what it holds.",
)
@click.option("--on", metavar="NAME", help="Which input, where a model has several.")
@click.option("--over", metavar="FILE", help="Photograph to draw over, scaled to the input.")
@click.option("--log", is_flag=True, help="Draw contributions on a logarithmic scale.")
@delivered
def effective(
    asked: Sequence[Asked],
    *,
    images: str | None,
    weights: Sequence[str],
    renamed: Sequence[tuple[str, str]],
    layers: Sequence[str],
    every: bool,
    beside: Sequence[str],
    state: str | None,
    over: str | None,
    log: bool,
    wanted: Wanted,
    **options: Any,
) -> None:
    """Run `fieldscope effective`; `_HELP` says what each option means."""
    _check(asked, images=images, weights=weights, renamed=renamed, state=state, beside=beside)
    if every and layers:
        raise click.UsageError("--every stands for all layers: leave --layer out")
    if (over is not None or log) and wanted.output is None:
        option = "--over" if over is not None else "--log"
        raise click.UsageError(f"{option} is for a picture: say where it goes with --output")
    if wanted.output is not None and over is not None:
        pictures.check(wanted.output, image=over, resize=True, json=wanted.json)
    fields: list[EffectiveField] = []
    left = list(zip(asked, weights or ("-",) * len(asked), strict=True))
    while left and not any(field.interrupted for field in fields):
        one, file = left.pop(0)
        own: list[EffectiveField] = []
        try:
            with subject_of(one, values=True) as (subject, progress):
                measured = _Question(
                    subject, images=images, layers=layers, every=every, state=state,
                    options=options, told=progress.step,
                )  # fmt: skip
                named = measured.named()
                if "untrained" in beside:
                    own = _renamed(measured.fields(named, state=False), "untrained")
                if not any(field.interrupted for field in own):
                    if file != "-":
                        fill(subject.model, one.target, file, renamed=renamed, quiet=one.quiet)
                    own = [*measured.fields(named), *own]
                if "expected" in beside:
                    own += measured.expected(named)
        except KeyboardInterrupt:
            if not fields and not own:
                raise
            left.insert(0, (one, file))
            break
        finally:
            fields += own
    if left and not asked[0].quiet:
        names = listed([one.target for one, _ in left])
        click.echo(f"fieldscope: interrupted before {names} was measured", err=True)
    from fieldscope.analyses.effective import side_by_side
    from fieldscope.render.effective import compared, described

    quiet = asked[0].quiet
    picture = {"image": over, "resize": True, "log": log}
    if len(fields) == 1:
        alone = fields[0]
        wanted.deliver(alone, lambda: described(alone), quiet=quiet, **picture)
        return
    found: EffectiveComparison = side_by_side(fields)
    wanted.deliver(found, lambda: compared(found), quiet=quiet, **picture)


@dataclasses.dataclass(frozen=True)
class _Question:
    """What is measured of one model."""

    subject: Subject
    images: str | None
    layers: Sequence[str]
    every: bool
    state: str | None
    options: dict[str, Any]
    told: Callable[..., None]

    def named(self) -> list[str | None]:
        """The layers that are looked from; None for the output."""
        if not self.every:
            return list(self.layers) or [None]
        from fieldscope.analyses.expected import larger_layers

        return list(larger_layers(self.subject.analyzed(), self.options["on"]))

    def fields(self, layers: list[str | None], *, state: bool = True) -> list[EffectiveField]:
        """The measured fields of some layers, in one pass."""
        from fieldscope.api import effective as measured

        subject, options = self.subject, dict(self.options)
        on = options.pop("on")
        layer: Any = layers[0] if len(layers) == 1 else layers
        found = measured(
            subject.model,
            self.images,
            inputs=subject.inputs if subject.example is None else subject.example,
            layer=layer,
            input=on,
            axes=subject.axes,
            name=subject.name,
            state=self.state if state else None,
            told=self.told,
            **options,
        )
        return list(getattr(found, "fields", None) or [found])

    def expected(self, layers: list[str | None]) -> Iterator[EffectiveField]:
        """What is expected of some layers at random initialisation."""
        from fieldscope.api import expected_effective

        report = self.subject.analyzed()
        for layer in layers:
            yield expected_effective(
                report,
                layer=layer,
                position=self.options["position"],
                channel=self.options["channel"],
                contribution=self.options["contribution"],
                input=self.options["on"],
            )


def _renamed(fields: Sequence[EffectiveField], word: str) -> list[EffectiveField]:
    return [dataclasses.replace(one, model=f"{one.model} {word}") for one in fields]


def _check(
    asked: Sequence[Asked],
    *,
    images: str | None,
    weights: Sequence[str],
    renamed: Sequence[tuple[str, str]],
    state: str | None,
    beside: Sequence[str],
) -> None:
    """Say at once what would otherwise come to light after the work is done."""
    if weights and len(weights) != len(asked):
        raise click.UsageError(
            f"--weights is given {len(weights)} times for {len(asked)} models: give one for each, "
            "in order, and - for none"
        )
    for file in weights:
        from fieldscope.frontends.torch.checkpoints import check
        from fieldscope.frontends.torch.weights import HUB

        if file not in ("-", HUB):
            check(Path(file))
    if renamed and not any(one != "-" for one in weights):
        raise click.UsageError("--rename is for --weights: give a file of them")
    if "untrained" in beside and not any(one != "-" for one in weights):
        raise click.UsageError("--beside untrained is for --weights: give a file of them")
    if images is not None and not Path(images).exists():
        raise InputError(f"there is no folder or file {images} of images")
    if state is not None:
        if len(asked) > 1:
            raise click.UsageError("--state keeps the mean of one model: name one")
        if Path(state).suffix != ".npz":
            raise InputError(f"--state {state} is no .npz file\nname one that ends in .npz")
        files.check("--state", state)
