"""Run a model for real up to some of its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

from fieldscope.frontends.torch.scopes import Observer, Scope, watching
from fieldscope.frontends.torch.trace import paths_of, roots_of
from fieldscope.measure.torch.places import OUTPUT, Calls, Place


class _Reached(BaseException):
    """All layers asked for have been reached: the rest of the model needn't run."""


class Run:
    """One run of a model up to some layers.

    Args:
        model: module or callable on tensors.
        places: where the layers turn up.
        keep: what is kept of a layer's tensor, which the model may overwrite later on; told the
            place that it is of.
    """

    def __init__(
        self,
        model: Callable[..., Any],
        places: Iterable[Place],
        *,
        keep: Callable[[Place, torch.Tensor], torch.Tensor] = lambda _, tensor: tensor,
    ) -> None:
        self._model = model
        self._keep = keep
        self._wanted: dict[tuple[str, str, int], list[Place]] = {}
        for place in places:
            key = place.scope, place.function, place.count
            self._wanted.setdefault(key, []).append(place)
        names = paths_of(roots_of(model))
        self.observer = Observer(names, lambda _: [], lambda: 0)
        self.found: dict[Place, torch.Tensor] = {}
        functional = any(function for _, function, _ in self._wanted)
        self._watch = _Functions(self) if functional else None

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Place, torch.Tensor]:
        """Run the model; the tensors of the layers, by their places.

        A place that wasn't reached is missing.
        """
        watch = self._watch
        try:
            with watching(self):
                if watch is None:
                    output = self._model(*args, **kwargs)
                else:
                    with watch:
                        output = self._model(*args, **kwargs)
            self.meet(OUTPUT, "", 0, output)
        except _Reached:
            pass
        return self.found

    def _count(self, wanted: bool) -> None:
        """Count calls of functions, or not while we call some ourselves."""
        if self._watch is not None:
            self._watch.paused = not wanted

    def before(self, module: torch.nn.Module) -> None:
        """A module is called."""
        self.observer.enter(module)

    def after(self, module: torch.nn.Module, output: Any) -> None:
        """A module returns."""
        scope = self.observer.current
        while isinstance(scope.parent, Scope) and scope.module is not module:
            scope = scope.parent
        self.observer.leave(module, output)
        if scope.module is module:
            self.meet(scope.path, "", 0, output)

    def meet(self, scope: str, function: str, count: int, output: Any) -> None:
        """Something returned: take what is wanted of it, and stop once there is all."""
        wanted = self._wanted.pop((scope, function, count), None)
        if wanted is None:
            return
        self._count(False)
        for place in wanted:
            tensor = place.tensor(output)
            if tensor is not None:
                self.found[place] = self._keep(place, tensor)
        self._count(True)
        if not self._wanted:
            raise _Reached


class _Functions(Calls):
    """Looks for calls of functions in a real run."""

    def __init__(self, run: Run) -> None:
        super().__init__(run.observer)
        self._run = run

    def made(
        self, scope: Scope, name: str, count: int, results: list[tuple[str, torch.Tensor]]
    ) -> None:
        """Take the results if they are wanted."""
        output = results[0][1] if results[0][0] == "" else [tensor for _, tensor in results]
        self._run.meet(scope.path, name, count, output)
