"""Recurrent layers are taken whole: PyTorch would run them step by step.

A long sequence would else be thousands of operators that say what one table says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

from fieldscope.frontends.torch.lowering.call import Call, tensors_in
from fieldscope.frontends.torch.lowering.recurrent import last_state, recurrent
from fieldscope.frontends.torch.shaped import shaped

if TYPE_CHECKING:
    from fieldscope.frontends.torch.recorder import Recorder

_FUNCTIONS = {"lstm", "gru", "rnn_tanh", "rnn_relu"}


class RecurrentCalls:
    """Watches `nn.LSTM`, `nn.GRU` and `nn.RNN` while they run."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._modes: list[tuple[torch.nn.Module, _Whole]] = []

    def enter(self, module: torch.nn.Module) -> None:
        """Take the functions inside a recurrent module whole."""
        if isinstance(module, torch.nn.RNNBase):
            mode = _Whole(self._recorder, module)
            mode.__enter__()  # type: ignore[no-untyped-call]  # torch has no types here
            self._modes.append((module, mode))

    def leave(self, module: torch.nn.Module) -> None:
        """Stop when the module returns."""
        if self._modes and self._modes[-1][0] is module:
            self._modes.pop()[1].__exit__(None, None, None)  # type: ignore[no-untyped-call]  # nor here

    def close(self) -> None:
        """Stop whatever an exception left running."""
        while self._modes:
            self._modes.pop()[1].__exit__(None, None, None)  # type: ignore[no-untyped-call]  # nor here


class _Whole(TorchFunctionMode):
    """Answer recurrent functions with one operation each."""

    def __init__(self, recorder: Recorder, module: torch.nn.RNNBase) -> None:
        super().__init__()
        self._recorder = recorder
        self._module = module

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        name = getattr(func, "__name__", "")
        tensors = tensors_in(args)
        packed = len(args) > 1 and isinstance(args[1], torch.Tensor) and args[1].dim() == 1
        if (
            name in _FUNCTIONS
            and not packed
            and any(self._recorder.value(t) is not None for t in tensors)
        ):
            return self._whole(name, args)
        return func(*args, **(kwargs or {}))

    def _whole(self, name: str, args: tuple[Any, ...]) -> tuple[torch.Tensor, ...]:
        module, x = self._module, args[0]
        states = [args[1]] if isinstance(args[1], torch.Tensor) else list(args[1])
        directions = 2 if module.bidirectional else 1
        hidden = module.proj_size or module.hidden_size
        batch = (x.shape[0 if module.batch_first else 1],) if x.dim() == 3 else ()

        def made(*shape: int) -> torch.Tensor:
            return shaped(torch.empty(shape, dtype=x.dtype, device="meta"))

        layers = module.num_layers * directions
        results = [made(*x.shape[:-1], directions * hidden), made(layers, *batch, hidden)]
        if name == "lstm":
            results.append(made(layers, *batch, module.hidden_size))

        def lower(call: Call) -> tuple[int, ...]:
            output = recurrent(
                call,
                x,
                states,
                layers=module.num_layers,
                bidirectional=module.bidirectional,
                batch_first=module.batch_first,
                hidden=hidden,
            )
            return output, *(last_state(call, output, r, module.batch_first) for r in results[1:])

        self._recorder.whole(f"aten.{name}", tuple(results), lower)
        return tuple(results)
