"""Probes of what a run trained, on the run's own photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from fieldscope.analyses.layers import Report
from fieldscope.api.analysis import analyze
from fieldscope.errors import InputError
from fieldscope.lab import shown  # noqa: F401  # registers how findings are shown
from fieldscope.lab.checking import check_there
from fieldscope.lab.data import Loaders, loaders, read_split
from fieldscope.lab.models.assembling import restored
from fieldscope.lab.models.body import Finetuned
from fieldscope.lab.models.building import built
from fieldscope.lab.models.recorded import check_named
from fieldscope.lab.probing.files import save as save_files
from fieldscope.lab.probing.findings import Probing
from fieldscope.lab.probing.layers import probed
from fieldscope.lab.runs import SPLIT, Run
from fieldscope.lab.settings import Settings
from fieldscope.lab.training.planning import preparation_of
from fieldscope.photos import catalogue_of
from fieldscope.photos.catalogue import Told


def probe(
    run: str | Path | Run,
    *,
    layers: Sequence[str] = (),
    checkpoint: Literal["best", "last"] = "best",
    model: str | None = None,
    data: str | Path | None = None,
    labels: str | Path | None = None,
    batch_size: int | None = None,
    workers: int = 0,
    device: str | None = None,
    save: bool = True,
    told: Told = lambda *_: None,
) -> Probing:
    """Fit a linear probe to every layer that widens the field of what a run trained.

    The probes are fitted to the run's training photos, without augmentation, and tried on its
    validation photos. What they say is put beside the verdicts of the analysis, and written into
    the run's folder as `probe.json`, `probe.csv` and `probe.png`.

    Args:
        run: the run, or its folder.
        layers: shell patterns on names; only these layers are probed, and nothing is written.
        checkpoint: whose weights.
        model: the run's model or body, as it was named to train it. A record alone isn't trusted
            with a function of a module, or with code that lies in the run's folder.
        data: folder of the photos, where they have moved.
        labels: file of their labels, where it has moved.
        batch_size: photos in a batch; by default that of the run.
        workers: processes that read photos.
        device: where the model runs, such as "cuda:1"; by default a GPU where there is one.
        save: whether to write into the run's folder.
        told: told of the progress.

    Raises:
        InputError: there is no run, the photos aren't those of the run any more, or its model is
            code that `model` has to name.
        LayerNotFoundError: a pattern fits no layer that widens the field.
        ModelError: there is no checkpoint yet, or it isn't one of this model.

    Example:
        >>> probe("/nowhere")
        Traceback (most recent call last):
        fieldscope.errors.InputError: there is no run in /nowhere: it has no file run.json
        name a folder that fieldscope lab train or finetune has written with --out
    """
    found = run if isinstance(run, Run) else Run.read(run)
    check_named(found, model)
    settings = _moved(found.settings, data, labels)
    check_there(settings, found.folder)
    if model is not None:
        # The code may lie elsewhere by now, too.
        found = replace(found, settings=replace(found.settings, model=model))
        settings = replace(settings, model=model)
    if batch_size is not None and batch_size < 1:
        raise InputError(f"the batch size is {batch_size}, and must be from 1 on")
    batches = _batches(found, settings, batch_size or settings.batch_size, workers, told)
    told(f"building {settings.model}", 0, 0)
    trained = _on(restored(found, which=checkpoint), device)
    network, report, until = _analysed(trained, settings)
    probing = probed(
        network,
        report,
        batches.plain,
        batches.validation,
        layers=layers,
        until=until,
        scorer=None if until is None else trained,
        seed=settings.seed,
        run=str(found.folder),
        told=told,
    )
    if save and not layers:
        save_files(probing, found.folder)
    return probing


def _moved(settings: Settings, data: str | Path | None, labels: str | Path | None) -> Settings:
    if data is not None:
        settings = replace(settings, data=str(data))
    return settings if labels is None else replace(settings, labels=str(labels))


def _batches(run: Run, settings: Settings, batch_size: int, workers: int, told: Told) -> Loaders:
    """The run's photos in batches, if they are those that it was trained on."""
    told(f"checking the photos of {settings.data}", 0, 0)
    catalogue = catalogue_of(settings.data, settings.labels, told=told)
    catalogue = catalogue.checked(skip_bad=settings.skip_bad)
    if not run.is_of(catalogue):
        raise InputError(
            f"the photos or labels of {settings.data} aren't those that the run in {run.folder} "
            "was trained on\nname the folder that has those with --data"
        )
    split = read_split(run.folder / SPLIT, catalogue)
    return loaders(
        split,
        preparation_of(settings),
        batch_size=batch_size,
        seed=settings.seed,
        workers=workers,
        told=told,
    )


def _on(model: nn.Module, device: str | None) -> nn.Module:
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return model.to(torch.device(chosen))
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"the model can't run on a device {chosen!r} here\nname another one: cpu, cuda, cuda:1"
        ) from error


def _analysed(
    trained: nn.Module, settings: Settings
) -> tuple[Callable[..., Any], Report, str | None]:
    """What to run, its analysis, and the last layer that counts if that isn't the last of all.

    A body is cut out of its network, which would show in the names of its layers. So the network
    is built once more, whole, and given the body's weights.
    """
    image = (1, 3, settings.resolution, settings.resolution)
    if not isinstance(trained, Finetuned):
        return trained, analyze(trained, image, name=settings.model), None
    network = built(settings.model, settings.arguments, classes=None, seed=settings.seed).model
    network.load_state_dict(trained.body.network.state_dict(), strict=False)
    network.to(next(trained.parameters()).device)
    return network, analyze(network, image, name=settings.model), trained.body.cut
