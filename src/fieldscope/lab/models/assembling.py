"""From a run's settings to the model that it trains, and what the analysis says of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from fieldscope.analyses.productivity import LayerProductivity, Productivity, productivity_of
from fieldscope.api.analysis import analyze
from fieldscope.errors import FieldscopeError, ModelError
from fieldscope.frontends.blame import told
from fieldscope.frontends.torch.weights import HUB, Loaded, filled, load_weights, published
from fieldscope.lab.models.body import Finetuned, cut_of, finetuned
from fieldscope.lab.models.building import built, scoring
from fieldscope.lab.runs import Counts, Run
from fieldscope.lab.settings import Settings

if TYPE_CHECKING:
    from fieldscope.analyses.layers import Report


@dataclass(frozen=True, slots=True)
class Assembled:
    """A model that is ready to be trained.

    Attributes:
        model: what is trained.
        target: its name, or its body's, as the other commands of fieldscope take it.
        arguments: for what builds that.
        analysis: the verdicts on its layers; None where it can't be analysed.
        unanalysed: why it can't be.
        loaded: what came of loading weights into the body.
    """

    model: nn.Module
    target: str
    arguments: Mapping[str, Any]
    analysis: Productivity | None
    unanalysed: str = ""
    loaded: Loaded | None = None

    def counts(self, settings: Settings) -> Counts | None:
        """What the analysis counts, and how much of it is trained."""
        found = self.analysis
        if found is None:
            return None
        dead = found.unproductive
        return Counts(
            macs=found.macs,
            parameters=sum(one.numel() for one in self.model.parameters()),
            trained=sum(one.numel() for one in trained(self.model, settings)),
            widening=len(found.widening),
            unproductive=len(dead),
            unproductive_macs=sum(layer.macs for layer in dead),
        )


def assembled(settings: Settings, *, classes: int, filled_in: bool = True) -> Assembled:
    """Build what a run trains, with weights drawn from its seed, and analyse it.

    Args:
        settings: of the run.
        classes: number of its outputs.
        filled_in: whether a body's trained weights are loaded, which a checkpoint has already.

    Raises:
        ModelError: it can't be built, or doesn't score classes; a body's weights can't be read.

    Example:
        >>> settings = Settings("train", "small-vgg", "photos", resolution=32, epochs=5)
        >>> assembled(settings, classes=10).counts(settings).widening
        12
    """
    if settings.kind == "finetune":
        return _with_new_head(settings, classes=classes, filled_in=filled_in)
    found = scoring(
        settings.model,
        settings.arguments,
        classes=classes,
        resolution=settings.resolution,
        seed=settings.seed,
    )
    if not trained(found.model, settings):
        raise ModelError(
            f"{settings.model} has no parameters that learn\n"
            "leave requires_grad of some of its parameters as it is"
        )
    report, why = _analysed(found.model, settings)
    analysis = None if report is None else productivity_of(report)
    return Assembled(found.model, found.target, found.arguments, analysis, why)


def trained(model: nn.Module, settings: Settings) -> list[nn.Parameter]:
    """List the parameters that training may change.

    >>> settings = Settings("train", "small-vgg", "photos", resolution=32, epochs=5)
    >>> len(trained(nn.Linear(2, 3), settings))
    2
    """
    if isinstance(model, Finetuned) and settings.freeze and settings.unfreeze_at is None:
        return list(model.head.parameters())
    if isinstance(model, Finetuned):
        return list(model.parameters())
    return [one for one in model.parameters() if one.requires_grad]


def restored(run: Run, *, which: str = "best") -> nn.Module:
    """Build a run's model with the weights of a checkpoint, in eval mode.

    Args:
        run: as `Run.read` gives it.
        which: "best" or "last".

    Raises:
        ModelError: there is no such checkpoint yet, it can't be read safely, or the code that
            builds the model has changed since.

    Example:
        >>> from pathlib import Path
        >>> settings = Settings("train", "small-vgg", "photos", resolution=32, epochs=5)
        >>> restored(Run(Path("/nowhere"), settings, ("a", "b"), "", (8, 2), None))
        Traceback (most recent call last):
        fieldscope.errors.ModelError: there is no checkpoint /nowhere/best.ckpt
        it is written at the end of the first epoch
    """
    path = run.best_checkpoint if which == "best" else run.last_checkpoint
    if not path.is_file():
        raise ModelError(
            f"there is no checkpoint {path}\nit is written at the end of the first epoch"
        )
    found = assembled(run.settings, classes=len(run.classes), filled_in=False)
    load_weights(found.model, path, strict=True)
    return found.model.eval()


def _with_new_head(settings: Settings, *, classes: int, filled_in: bool) -> Assembled:
    found = built(settings.model, settings.arguments, classes=None, seed=settings.seed)
    loaded = _filled(found.model, settings) if filled_in and settings.weights else None
    report, why = _analysed(found.model, settings)
    if report is None:
        raise ModelError(
            f"{settings.model} can't be cut behind its last layer with positions, since it can't "
            f"be analysed at {settings.resolution}×{settings.resolution}: {why}"
        )
    layer = cut_of(report, settings.cut)
    whole = productivity_of(report)
    image = (1, 3, settings.resolution, settings.resolution)
    model = finetuned(found.model, layer, image=image, classes=classes, seed=settings.seed)
    order = [one.name for one in report.layers]
    ahead = {*order[: order.index(layer.name) + 1]}
    layers = (*(one for one in whole.layers if one.layer in ahead), *_of_head(model.head))
    analysis = replace(whole, layers=layers)
    return Assembled(model, found.target, found.arguments, analysis, loaded=loaded)


def _filled(network: nn.Module, settings: Settings) -> Loaded:
    assert settings.weights is not None  # asked by the caller
    if settings.weights != HUB:
        return load_weights(network, settings.weights, renamed=settings.renamed)
    source = f"hub weights of {settings.model}"
    return filled(network, published(settings.model), source=source, renamed=settings.renamed)


def _of_head(head: nn.Sequential) -> tuple[LayerProductivity, ...]:
    """What the new head costs; its layers have no positions, so they widen nothing."""
    whole = (math.inf, math.inf)
    return tuple(
        LayerProductivity(
            layer=f"head.{number}",
            operator="contract",
            source="linear",
            shape=(1, layer.out_features),
            verdict="not widening",
            widens=(False, False),
            received=whole,
            narrowest=whole,
            size=whole,
            context=(),
            exact=True,
            macs=layer.in_features * layer.out_features,
            parameters=sum(one.numel() for one in layer.parameters()),
        )
        for number, layer in enumerate(head)
        if isinstance(layer, nn.Linear)
    )


def _analysed(model: nn.Module, settings: Settings) -> tuple[Report | None, str]:
    """The report of a model, or why there is none: that is no reason not to train it."""
    image = (1, 3, settings.resolution, settings.resolution)
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.random.fork_rng(devices=[]):
            return analyze(model, image, name=settings.model), ""
    except FieldscopeError as error:
        return None, str(error).partition("\n")[0]
    except Exception as error:
        return None, told(error)
    finally:
        for module, mode in modes.items():
            module.training = mode
