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

RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})
"""Functions that run a whole recurrent layer."""


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
            name in RECURRENT
            and not packed
            and any(self._recorder.value(t) is not None for t in tensors)
        ):
            module = self._module
            return _whole(
                self._recorder,
                name,
                args[0],
                [args[1]] if isinstance(args[1], torch.Tensor) else list(args[1]),
                layers=module.num_layers,
                bidirectional=module.bidirectional,
                batch_first=module.batch_first,
                sizes=(module.proj_size or module.hidden_size, module.hidden_size),
            )
        return func(*args, **(kwargs or {}))


def recurrent_call(recorder: Recorder, name: str, args: tuple[Any, ...]) -> Any:
    """The results of a call of `aten::lstm.input` and its like, taken whole.

    None if it reads nothing of the input, or packed sequences.
    """
    if len(args) != 9 or not any(recorder.value(t) is not None for t in tensors_in(args)):
        return None
    x, states, weights, biases, layers, _, _, bidirectional, batch_first = args
    states = [states] if isinstance(states, torch.Tensor) else list(states)
    directions = 2 if bidirectional else 1
    if len(weights) < layers * directions * (4 if biases else 2) or not layers:
        return None
    return _whole(
        recorder,
        name,
        x,
        states,
        layers=layers,
        bidirectional=bidirectional,
        batch_first=batch_first,
        sizes=(states[0].shape[-1], states[-1].shape[-1]),
    )


def _whole(
    recorder: Recorder,
    name: str,
    x: torch.Tensor,
    states: list[torch.Tensor],
    *,
    layers: int,
    bidirectional: bool,
    batch_first: bool,
    sizes: tuple[int, int],
) -> tuple[torch.Tensor, ...]:
    """Record a recurrent function as one operation; `sizes` are those of its states."""
    directions = 2 if bidirectional else 1
    hidden = sizes[0]
    batch = (x.shape[0 if batch_first else 1],) if x.dim() == 3 else ()

    def made(*shape: int) -> torch.Tensor:
        return shaped(torch.empty(shape, dtype=x.dtype, device="meta"))

    results = [made(*x.shape[:-1], directions * hidden), made(layers * directions, *batch, hidden)]
    if name == "lstm":
        results.append(made(layers * directions, *batch, sizes[1]))

    def lower(call: Call) -> tuple[int, ...]:
        output = recurrent(
            call,
            x,
            states,
            layers=layers,
            bidirectional=bidirectional,
            batch_first=batch_first,
            hidden=hidden,
        )
        return output, *(last_state(call, output, r, batch_first) for r in results[1:])

    recorder.whole(f"aten.{name}", tuple(results), lower)
    return tuple(results)
