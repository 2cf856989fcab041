"""What is told of ONNX's own node tests contains what changing their inputs shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from onnx import defs

from fieldscope.frontends.onnx.control import CONTROL
from fieldscope.frontends.onnx.evaluation import can
from fieldscope.frontends.onnx.lowering import TABLE
from fieldscope.frontends.onnx.shells import schema_of
from tests.onnx.nodes import cases, disagreements, unsuitable

PARTS = 12

EQUAL_CASES = 900
"""At least so many cases are shown to read no more than what is seen, either."""

HIDES = "a maximum, a comparison, rounding or a constant of zero hides elements"
ALONE = "the softmax of a single score is constant, and masked rows are told to read everything"
WEAK = "an influence is zero by its coefficient, or too weak for the type's digits"
PICKS = "values of the input tell which elements are read: any of them may be"

LOOSE = {
    HIDES: """
        and argmax argmin bitshift bitwise_and bitwise_or clip
        dequantizelinear dynamicquantizelinear globalmaxpool greater hardmax
        hardsigmoid isinf isnan less max_ maxpool min_ mod_ or pow_types prelu quantizelinear
        reduce_max reduce_min scatter_elements_with_reduction_max sign thresholdedrelu top_k
    """,
    ALONE: """
        attention_23 attention_3d_causal attention_3d_diff_heads_sizes_causal
        attention_3d_gqa_causal attention_3d_local attention_4d_attn_mask attention_4d_causal
        attention_4d_diff_heads_sizes_causal attention_4d_gqa_causal attention_4d_softcap
        attention_4d_with_past attention_bidirectional attention_causal attention_local
        flexattention_causal
    """,
    WEAK: """
        affine_grid attention_4d_fp16 attention_4d_gqa_with_past_and_present_fp16 batchnorm
        convinteger dft flexattention_fp16 linear_attention stft
    """,
    PICKS: "gridsample nllloss",
}
"""Cases that are only shown to contain what is seen, by how their names begin, and why."""

UNKNOWN = """
    Adagrad Adam ArrayFeatureExtractor Binarizer ImageDecoder LabelEncoder Momentum
    NonMaxSuppression RegexFullMatch StringConcat StringNormalizer StringSplit
    TfIdfVectorizer TreeEnsemble
""".split()
"""Operators of the node tests that have no lowering: what they return is a bound."""


def _loose(name: str) -> bool:
    beginnings = (f"test_{one}" for several in LOOSE.values() for one in several.split())
    return name.startswith(tuple(beginnings))


def _disagreements(names: Iterable[str]) -> list[str]:
    lines = []
    for name in names:
        case = cases()[name]
        if not unsuitable(case):
            found = list(disagreements(case, equal=not _loose(name)))[:3]
            lines += [f"{name}: {line}" for line in found]
    return lines


@pytest.mark.parametrize("part", range(PARTS))
def test_what_is_told_contains_what_is_seen(part: int) -> None:
    names = sorted(name for name in cases() if "_expanded" not in name)[part::PARTS]
    assert not _disagreements(names)


@pytest.mark.zoo
@pytest.mark.parametrize("part", range(PARTS))
def test_the_same_holds_of_operators_written_out_as_functions(part: int) -> None:
    assert not _disagreements(sorted(name for name in cases() if "_expanded" in name)[part::PARTS])


def test_most_cases_are_shown_to_be_equal() -> None:
    usable = [name for name, case in cases().items() if not unsuitable(case)]
    assert sum(not _loose(name) for name in usable) >= EQUAL_CASES
    for reason, several in LOOSE.items():
        for one in several.split():
            assert any(name.startswith(f"test_{one}") for name in usable), (reason, one)


def test_cases_that_are_left_out_are_known() -> None:
    reasons: dict[str, set[str]] = {}
    for case in cases().values():
        reasons.setdefault(unsuitable(case), set()).update(case.operators)
    assert set(reasons) - {""} == {
        "an input is a sequence or an optional",
        "it is older than what is read",
        "it returns a sequence",
        "its result is a constant",
        "its result is random",
        "no input is floating-point",
    }
    # Of these nothing is seen, because no other case has the operator.
    unseen = set().union(*(ops for reason, ops in reasons.items() if reason)) - reasons[""]
    lowered = {op for op in unseen if op in TABLE.rules}
    assert lowered == {"Bernoulli", "Dropout", "RandomUniformLike"}


def test_every_operator_has_a_lowering_or_is_listed() -> None:
    operators = {op for case in cases().values() for op in case.operators}
    known = {op for op in operators if op in TABLE.rules or op in CONTROL or can(op)}
    known |= {"Constant", "EyeLike", "Shape", "Size"} | set(filter(_function, operators))
    assert sorted(op.rpartition(".")[2] for op in operators - known) == UNKNOWN


def _function(op: str) -> bool:
    """Whether ONNX defines an operator by others."""
    domain, _, name = op.rpartition(".")
    schema: Any = schema_of(name, defs.onnx_opset_version(), domain)
    return schema is not None and (schema.has_function or schema.has_context_dependent_function)
