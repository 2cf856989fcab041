"""What `python -m benchmarks.speed` measures, each against something beside it."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from benchmarks.networks import Network, chain

Call = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds of the same call, run after run."""

    runs: tuple[float, ...]

    @property
    def best(self) -> float:
        return min(self.runs)

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    def over(self, other: Timings) -> float:
        """Compare the best runs: what other programs took away is left out."""
        return self.best / other.best

    def pairwise_over(self, other: Timings) -> float:
        """Compare each run with the one beside it; the median of that."""
        return statistics.median(a / b for a, b in zip(self.runs, other.runs, strict=True))


def interleaved(calls: Sequence[Call], *, repeats: int) -> tuple[Timings, ...]:
    """Time calls in turns, after one round that isn't counted.

    In turns, so that whatever else the machine does falls on all of them.
    """
    for call in calls:
        call()
    runs: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for call, times in zip(calls, runs, strict=True):
            times.append(seconds(call))
    return tuple(Timings(tuple(times)) for times in runs)


@contextlib.contextmanager
def threads(number: int) -> Iterator[None]:
    """Let torch use so many threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def seconds(call: Call) -> float:
    """Time one call."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def analysis(model: nn.Module, shape: tuple[int, ...]) -> Call:
    """Make the analysis, every layer's numbers read."""
    import fieldscope

    return lambda: fieldscope.analyze(model, shape).to_dict()


def meta_forward(network: Network) -> Call:
    """Make a bare forward pass on the meta device."""
    model = network.build().eval().to("meta")
    image = torch.empty(network.shape, device="meta")

    def forward() -> Any:
        with torch.no_grad():
            return model(image)

    return forward


def gradient_method(network: Network, model: nn.Module) -> Call:
    """Make the usual measurement: the gradient of one position, run for real.

    Forward to the last feature map, backward from its centre, and the box of
    what isn't zero. It answers for one layer and one position.
    """
    maps: list[torch.Tensor] = []

    def keep(_module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        maps.append(output)

    def measure() -> tuple[tuple[int, int], ...]:
        hook = model.get_submodule(network.feature).register_forward_hook(keep)
        try:
            image = torch.randn(network.shape, requires_grad=True)
            model(image)
            feature = maps.pop()
        finally:
            hook.remove()
        seed = torch.zeros_like(feature)
        centre: list[int | slice] = [extent // 2 for extent in feature.shape]
        centre[network.channel] = slice(None)
        # Weighed at random: the plain sum over channels behind a layer norm is
        # constant, and single channels behind a ReLU can be dead.
        seed[tuple(centre)] = torch.rand_like(seed[tuple(centre)])
        (gradient,) = torch.autograd.grad(feature, image, seed)
        read = gradient.abs().sum((0, 1)).nonzero()
        if not len(read):
            return ()
        return tuple((int(axis.min()), int(axis.max()) + 1) for axis in read.unbind(1))

    return measure


@dataclass(frozen=True, slots=True)
class ChainCost:
    """What the analysis of a chain of convolutions costs."""

    length: int
    operators: int
    seconds: float


def chain_costs(lengths: Sequence[int], *, repeats: int) -> list[ChainCost]:
    """Analyse chains of growing length."""
    import fieldscope

    shape = (1, 4, 32, 48)
    models = [chain(length).eval() for length in lengths]
    timings = interleaved([analysis(model, shape) for model in models], repeats=repeats)
    return [
        ChainCost(length, len(fieldscope.analyze(model, shape).layers), timing.best)
        for length, model, timing in zip(lengths, models, timings, strict=True)
    ]


# On Linux the figure of getrusage starts at what the process that started this
# one had used, so there the kernel's own is read.
_PEAK = """
import pathlib, resource, sys
status = pathlib.Path("/proc/self/status")
if status.exists():
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    print(int(lines["VmHWM"].split()[0]) * 1024)
else:
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
"""
_ANALYZE_RESNET152 = """
import fieldscope
from fieldscope.frontends.torch import zoo
model, shape = zoo.build("torchvision", "resnet152")
fieldscope.analyze(model, shape).to_dict()
"""
_IMPORT_TORCHVISION = """
from fieldscope.frontends.torch.torchvision_ops import import_torchvision
import_torchvision()
"""


@dataclass(frozen=True, slots=True)
class Peaks:
    """Peak memory of three processes in bytes."""

    import_torch: int
    import_torchvision: int
    analyze_resnet152: int


def peaks() -> Peaks:
    """Measure the peak memory of an analysis and of the imports it stands on."""
    return Peaks(
        _peak("import torch"),
        _peak(_IMPORT_TORCHVISION),
        _peak(_ANALYZE_RESNET152),
    )


def import_times(*, repeats: int) -> tuple[Timings, Timings]:
    """Time `import fieldscope` and an empty program, each a process."""
    with_import, without = interleaved(
        [lambda: _python("import fieldscope"), lambda: _python("pass")], repeats=repeats
    )
    return with_import, without


def frameworks_loaded() -> str:
    """Name the frameworks that `import fieldscope` loads; there should be none."""
    return _python(
        "import fieldscope, sys\n"
        "print(*sorted({'torch', 'onnx', 'jax', 'tensorflow', 'keras'} & sys.modules.keys()))"
    ).strip()


def _peak(script: str) -> int:
    return int(_python(script + _PEAK))


def _python(script: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True
    )
    return run.stdout
