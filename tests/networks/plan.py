"""A random network as a plan that prints as the code that makes it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tests.networks import mixes, moves

Shape = tuple[int, ...]
# What the text of a step may name: torch's modules and the steps of this folder.
NAMES = {"nn": nn} | {
    name: value
    for module in (moves, mixes)
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, nn.Module)
}


def make(code: str) -> nn.Module:
    """The module that a step's text stands for."""
    module = eval(code, {"__builtins__": {}}, NAMES)
    assert isinstance(module, nn.Module)
    return module


@dataclass(frozen=True)
class Plan:
    """A network as numbered values: first the inputs, then one for each step.

    A step is the text of a module and the numbers of the values that it is
    called on; `"again 3"` calls the module of value 3 once more. The module of
    value 3 is named `v3`.
    """

    inputs: Sequence[Shape]
    steps: Sequence[tuple[str, Sequence[int]]]
    outputs: Sequence[int]

    def build(self) -> Network:
        """The network, with weights from a fixed seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return Network(self).eval()

    def __repr__(self) -> str:
        steps = "".join(f"        ({code!r}, {list(reads)}),\n" for code, reads in self.steps)
        return (
            f"Plan(\n    inputs={[tuple(shape) for shape in self.inputs]},\n"
            f"    steps=[\n{steps}    ],\n    outputs={list(self.outputs)},\n)"
        )


class Network(nn.Module):
    """The network of a plan; several outputs come as a dict with a nested list."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.first = len(plan.inputs)
        for number, (code, _) in enumerate(plan.steps, self.first):
            if not code.startswith("again"):
                self.add_module(f"v{number}", make(code))

    def forward(self, *inputs: Tensor) -> object:
        values = list(inputs)
        for number, (code, reads) in enumerate(self.plan.steps, self.first):
            name = f"v{code.split()[1]}" if code.startswith("again") else f"v{number}"
            values.append(self.get_submodule(name)(*(values[i] for i in reads)))
        outputs = [values[i] for i in self.plan.outputs]
        return outputs[0] if len(outputs) == 1 else {"first": outputs[0], "rest": outputs[1:]}

    def layers(self) -> dict[int, str]:
        """The name of the layer that makes each value: second calls end in #2."""
        names: dict[int, str] = {}
        calls: dict[str, int] = {}
        for number, (code, _) in enumerate(self.plan.steps, self.first):
            path = f"v{code.split()[1]}" if code.startswith("again") else f"v{number}"
            calls[path] = calls.get(path, 0) + 1
            names[number] = path if calls[path] == 1 else f"{path}#{calls[path]}"
        return names
