"""What becomes of an ATen operator that has no lowering."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch

Standing: TypeAlias = Literal["composite", "opaque", "unknown"]


def standing(name: str) -> Standing:
    """What becomes of an operator without a lowering.

    Returns:
        "composite" where PyTorch takes it apart into others before it is recorded,
        "opaque" where its result is a bound, "unknown" where there is no such operator.
    """
    operator = (
        getattr(torch.ops.aten, name.partition(".")[0], None) if name.isidentifier() else None
    )
    if not isinstance(operator, torch._ops.OpOverloadPacket):
        return "unknown"
    composite = torch._C._dispatch_has_kernel_for_dispatch_key
    overloads = [getattr(operator, one)._schema for one in operator.overloads()]
    texts = [
        schema.name + "." * bool(schema.overload_name) + schema.overload_name
        for schema in overloads
    ]
    if any(composite(text, "CompositeImplicitAutograd") for text in texts):
        return "composite"
    return "opaque"


def told(name: str) -> str | None:
    """What becomes of an operator without a lowering, in a sentence; None for no operator.

    >>> told("_linalg_svd")
    'aten._linalg_svd has no rule: what it returns is a bound, and a report says so'
    """
    match standing(name):
        case "composite":
            return (
                f"aten.{name} has no rule of its own: PyTorch takes it apart into other operators, "
                "and those are looked up\nanalyse a model that uses it to see which"
            )
        case "opaque":
            return f"aten.{name} has no rule: what it returns is a bound, and a report says so"
        case "unknown":
            return None
