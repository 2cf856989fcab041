"""ONNX's own node tests, as cases: what an operator's result depends on, seen and told.

Some elements of the floating-point inputs are changed, one at a time, and some elements of the
outputs are asked for. Each case is analysed twice: with the inputs that tell a shape, an axis or
an index as constants, and with nothing known.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, numpy_helper

from fieldscope.frontends.onnx.trace import trace
from fieldscope.graph.operators import Opaque
from fieldscope.graph.trace import Trace
from tests.networks import witness

Array = npt.NDArray[Any]
Run = Callable[[Sequence[Array]], Sequence[Any]]
Place = tuple[int, ...]

CHANGED = 24
"""Elements of an input that are changed."""

ASKED = 16
"""Elements of an output that are asked for."""

PARAMETERS = {
    "Attention": (3,),
    "CausalConvWithState": (1,),
    "Conv": (1,),
    "ConvTranspose": (1,),
    "DeformConv": (1,),
    "NonMaxSuppression": (2, 3, 4),
    "Resize": (1, 2),
    "Upsample": (1,),
}
"""Floating-point operands that are constants: they tell a shape or a mask, or are weights, of
which the taps that lie in padding read nothing."""

WHOLE = {
    **dict.fromkeys("And BitShift BitwiseAnd BitwiseOr BitwiseXor Or Xor".split(), (0, 1)),
    **dict.fromkeys("BitwiseNot Not Trilu".split(), (0,)),
    **dict.fromkeys("ConvInteger MatMulInteger".split(), (0,)),
    "QLinearMatMul": (0, 3),
}
"""Operands of integers or truth values that are changed."""

NOISY = {"DFT", "STFT"}
"""Operators whose last digits differ from run to run."""

RANDOM = {"Bernoulli", "Multinomial", "RandomNormalLike", "RandomUniformLike"}


@dataclass(frozen=True)
class Case:
    """One node test: the model and its inputs."""

    name: str
    model: ModelProto
    arrays: dict[str, Any]

    @property
    def operators(self) -> frozenset[str]:
        """The operators of its nodes, with their domain."""
        return frozenset(
            f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            for node in self.model.graph.node
        )


@lru_cache
def cases() -> dict[str, Case]:
    """All node tests of the package, by name."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = collect_testcases(None)
    return {one.name: _case(one) for one in found if one.data_sets}


def _case(test: Any) -> Case:
    names = [one.name for one in test.model.graph.input]
    given = (
        np.asarray(one) if isinstance(one, np.generic) else one for one in test.data_sets[0][0]
    )
    return Case(test.name, test.model, dict(zip(names, given, strict=False)))


def changeable(case: Case) -> dict[str, Array]:
    """The inputs that are changed: floating-point ones that don't tell a shape."""
    told, whole = set(), set()
    for node in case.model.graph.node:
        for place in PARAMETERS.get(node.op_type, ()):
            told.update(node.input[place : place + 1])
        for place in WHOLE.get(node.op_type, ()):
            whole.update(node.input[place : place + 1])
    return {
        name: array
        for name, array in case.arrays.items()
        if isinstance(array, np.ndarray)
        and (name in whole or array.dtype in (np.float32, np.float64, np.float16))
        and array.size
        and array.ndim
        and name not in told
    }


def unsuitable(case: Case) -> str:
    """Why a case can't be used; empty if it can."""
    if any(not one.type.HasField("tensor_type") for one in case.model.graph.input):
        return "an input is a sequence or an optional"
    if any(not one.type.HasField("tensor_type") for one in case.model.graph.output):
        return "it returns a sequence"
    if any(not one.domain and one.version < 7 for one in case.model.opset_import):
        return "it is older than what is read"
    if not changeable(case):
        return "no input is floating-point"
    if case.operators & {"Shape", "Size"} == case.operators:
        return "its result is a constant"
    if case.operators & RANDOM or "dropout" in case.name:
        return "its result is random"
    return ""


def with_constants(case: Case) -> ModelProto:
    """The model with every input that isn't changed as a constant."""
    model = ModelProto()
    model.CopyFrom(case.model)
    kept = changeable(case)
    for one in list(model.graph.input):
        given = case.arrays.get(one.name)
        if one.name in kept or given is None:
            continue
        model.graph.input.remove(one)
        tensor = TensorProto()
        tensor.CopyFrom(given if isinstance(given, TensorProto) else numpy_helper.from_array(given))
        tensor.name = one.name
        model.graph.initializer.append(tensor)
    return model


def told(case: Case, *, known: bool) -> Trace:
    """The analysis, with the inputs that aren't changed known or not."""
    kept = changeable(case)
    axes = {name: tuple(range(array.ndim)) for name, array in kept.items()}
    shapes = {name: array.shape for name, array in kept.items()}
    return trace(with_constants(case) if known else case.model, shapes, axes=axes)


def runner(case: Case) -> Run:
    """The model as a function of the inputs that are changed, by whatever runs it."""
    import onnxruntime

    model, names = with_constants(case), list(changeable(case))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    data = model.SerializeToString()
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        session.run(None, changeable(case))
    except Exception:
        from onnx.reference import ReferenceEvaluator

        reference = ReferenceEvaluator(model)

        def run(arrays: Sequence[Array]) -> Any:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return reference.run(None, dict(zip(names, arrays, strict=True)))

        return run
    return lambda arrays: session.run(None, dict(zip(names, arrays, strict=True)))


@dataclass
class _Asked:
    """One output of one analysis: what some of its elements are told to read of each input."""

    label: str
    output: int
    places: list[Place]
    reads: list[dict[str, Array]]
    strict: bool
    vague: bool


def disagreements(case: Case, *, equal: bool) -> Iterator[str]:
    """Where the analysis says otherwise than what is seen."""
    run, rng = runner(case), np.random.default_rng(0)
    kept = changeable(case)
    bases = [list(kept.values()), [_other(array, rng) for array in kept.values()]]
    before = [run(arrays) for arrays in bases]
    asked = [
        one
        for known in (True, False)
        for one in _asked(case, before[0], rng, known=known, equal=equal)
    ]
    noise = 1e-5 if case.operators & NOISY else 0.0
    for k, name in enumerate(kept):
        for element in _some(kept[name].shape, CHANGED, rng):
            seen: list[Array] = []
            for arrays, old in zip(bases, before, strict=True):
                changed = [array.copy() for array in arrays]
                changed[k][element] = _another(changed[k][element], rng)
                differs = [_differs(a, b, noise) for a, b in zip(old, run(changed), strict=True)]
                seen = list(map(_either, seen, differs)) if seen else differs
            for one in asked:
                yield from _compared(one, name, element, seen[one.output])


def _asked(
    case: Case, before: Sequence[Any], rng: np.random.Generator, *, known: bool, equal: bool
) -> Iterator[_Asked]:
    traced = told(case, known=known)
    names = [one.name for one in case.model.graph.output]
    labels = ["output"] if len(names) == 1 else [f"output[{name!r}]" for name in names]
    for output, (label, value) in enumerate(traced.outputs):
        if label not in labels:
            continue  # a constant, or a sequence
        place, shape = labels.index(label), traced.graph.shape(value)
        vague = shape != np.asarray(before[place]).shape
        bound = isinstance(traced.graph.nodes[value].operator, Opaque)
        assert bound or not vague, f"{label} has the shape {before[place].shape}, told {shape}"
        chosen = _some(shape, ASKED, rng)
        reads = [
            dict(
                zip(
                    [one.name for one in traced.inputs],
                    witness.read(traced, output, one),
                    strict=True,
                )
            )
            for one in chosen
        ]
        strict = known and equal and not vague and witness.exact(traced, output)
        yield _Asked(label, place, chosen, reads, strict, vague)


def _compared(one: _Asked, name: str, element: Place, seen: Array) -> Iterator[str]:
    for place, read in zip(one.places, one.reads, strict=True):
        true = bool(seen.any()) if one.vague or seen.ndim == 0 else bool(seen[place])
        claimed = bool(read[name][element])
        if true and not claimed:
            yield f"{one.label}{list(place)} reads {name}{list(element)}, which isn't told"
        if one.strict and claimed and not true:
            yield f"{one.label}{list(place)} doesn't read {name}{list(element)}, as told"


def _either(one: Array, other: Array) -> Array:
    same = one.shape == other.shape
    return one | other if same else np.array(one.any() | other.any())


def _differs(one: Any, other: Any, noise: float) -> Array:
    """Where two results differ; all of it is one where their extents do."""
    a, b = np.asarray(one), np.asarray(other)
    if a.shape != b.shape or a.dtype.kind not in "biufc":
        return np.array(a.shape != b.shape)
    if noise:
        return np.asarray(np.abs(a - b) > noise * np.abs(a).max(initial=0))
    return np.asarray(~((a == b) | ((a != a) & (b != b))))


def _another(value: Any, rng: np.random.Generator) -> Any:
    """Another value of the same type."""
    if value.dtype.kind == "f":
        return value + value.dtype.type(rng.choice([-1, 1]) * rng.uniform(0.5, 3))
    return ~value if value.dtype.kind == "b" else value ^ value.dtype.type(1)


def _other(array: Array, rng: np.random.Generator) -> Array:
    if array.dtype.kind != "f":
        return array
    return np.asarray(rng.standard_normal(array.shape) * 2).astype(array.dtype)


def _some(shape: Sequence[int], most: int, rng: np.random.Generator) -> list[Place]:
    count = int(np.prod(shape))
    flat = np.arange(count)
    if count > most:
        flat = np.sort(rng.choice(count, most, replace=False))
    return [tuple(int(n) for n in np.unravel_index(k, shape)) for k in flat]
