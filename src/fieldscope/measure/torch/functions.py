"""See each function of PyTorch's that a model calls, down to those written in C++.

`torch.nn.functional.interpolate` is Python: it looks at its arguments and calls one of a
dozen built-in functions. A function mode is asked about `interpolate` alone, and what that
calls goes past it. `Functions` runs the bodies of such functions with itself in charge, so
that it meets built-in functions only: fewer, and nearer to what a trace records.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from torch.overrides import TorchFunctionMode

_QUESTIONS = (
    "has_torch_function",
    "has_torch_function_unary",
    "has_torch_function_variadic",
)
"""By these a function of PyTorch's asks whether somebody else answers in its place."""

_bodies: dict[types.FunctionType, Callable[..., Any] | None] = {}
_namespaces: dict[int, dict[str, Any]] = {}


class Functions(TorchFunctionMode):
    """Meets every built-in function that is called while it is in charge.

    A leaf class says in `call` what becomes of them.
    """

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        body = _body(func)
        if body is not None:
            with self:
                return body(*args, **(kwargs or {}))
        return self.call(func, args, kwargs or {})

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer a call of a built-in function; what this calls isn't met again."""
        return function(*args, **kwargs)


def _body(function: Any) -> Callable[..., Any] | None:
    """A Python function of PyTorch's as one that doesn't ask who answers; None for others."""
    if not isinstance(function, types.FunctionType):
        return None
    if function not in _bodies:
        _bodies[function] = _without_questions(function)
    return _bodies[function]


def _without_questions(function: types.FunctionType) -> Callable[..., Any] | None:
    names = function.__globals__
    used = function.__code__.co_names
    if not any(one in used and one in names for one in _QUESTIONS):
        return None
    if "super" in used:  # the built-in method that it calls is known by this one's name
        return None
    own = _namespaces.get(id(names))
    if own is None:
        own = dict(names)
        own.update(dict.fromkeys(_QUESTIONS, _nobody))
        _namespaces[id(names)] = own
    body = types.FunctionType(
        function.__code__, own, function.__name__, function.__defaults__, function.__closure__
    )
    body.__kwdefaults__ = function.__kwdefaults__
    return body


def _nobody(*_: Any) -> bool:
    return False


def short_name(function: Any) -> str:
    """One name for all spellings: `add` for `torch.add`, `Tensor.add_` and `+=`.

    >>> import torch
    >>> short_name(torch.add), short_name(torch.Tensor.add_), short_name(torch.Tensor.__iadd__)
    ('add', 'add', 'add')
    >>> short_name(torch.Tensor.__rsub__), short_name(torch.Tensor.T.__get__)
    ('rsub', 'T')
    """
    name: str = getattr(function, "__name__", "") or type(function).__name__
    if name == "__get__":  # of an attribute such as `Tensor.T`
        return str(getattr(function.__self__, "__name__", name))
    if name in _OPERATORS:
        return _OPERATORS[name]
    return name.strip("_")


def in_place(function: Any) -> bool:
    """Whether a function writes to its first argument, by its name.

    >>> import torch
    >>> in_place(torch.Tensor.add_), in_place(torch.Tensor.__iadd__), in_place(torch.add)
    (True, True, False)
    """
    name: str = getattr(function, "__name__", "")
    if name.startswith("__"):
        return name in _IN_PLACE
    return name.endswith("_")


_PLAIN = {
    "__add__": "add",
    "__radd__": "add",
    "__sub__": "sub",
    "__rsub__": "rsub",
    "__mul__": "mul",
    "__rmul__": "mul",
    "__div__": "div",
    "__truediv__": "div",
    "__rdiv__": "div",
    "__rtruediv__": "div",
    "__floordiv__": "floor_divide",
    "__rfloordiv__": "floor_divide",
    "__mod__": "remainder",
    "__rmod__": "remainder",
    "__pow__": "pow",
    "__rpow__": "pow",
    "__matmul__": "matmul",
    "__rmatmul__": "rmatmul",
    "__and__": "bitwise_and",
    "__rand__": "bitwise_and",
    "__or__": "bitwise_or",
    "__ror__": "bitwise_or",
    "__xor__": "bitwise_xor",
    "__rxor__": "bitwise_xor",
    "__invert__": "bitwise_not",
    "__neg__": "neg",
    "__pos__": "positive",
    "__abs__": "abs",
    "__eq__": "eq",
    "__ne__": "ne",
    "__lt__": "lt",
    "__le__": "le",
    "__gt__": "gt",
    "__ge__": "ge",
}
_IN_PLACE = {
    "__iadd__": "add",
    "__isub__": "sub",
    "__imul__": "mul",
    "__idiv__": "div",
    "__itruediv__": "div",
    "__ifloordiv__": "floor_divide",
    "__imod__": "remainder",
    "__ipow__": "pow",
    "__iand__": "bitwise_and",
    "__ior__": "bitwise_or",
    "__ixor__": "bitwise_xor",
    "__setitem__": "setitem",
}
_OPERATORS = {**_PLAIN, **_IN_PLACE}
