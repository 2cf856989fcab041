"""Sizes that depend on the inputs, written as expressions of symbols such as `s0`.

A program spells them as SymPy prints them: `Mul(Integer(8), Symbol('s53', integer=True))` in a
file, `8*s53` in memory. They are parsed as Python's grammar and worked out over integers by the
few operations listed here; nothing of them is run.
"""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

MOST_CHARACTERS = 4096
MOST_BITS = 256


@dataclass(frozen=True, slots=True)
class Expression:
    """A size in symbols, and its value for the example that the program was exported with."""

    text: str
    hint: int | None = None

    @property
    def short(self) -> str:
        """How a message spells it: the symbol, where it is one."""
        named = sorted(symbols_in(self))
        return named[0] if len(named) == 1 and self.text.startswith("Symbol(") else self.text[:40]


Size: TypeAlias = int | Expression

_Number: TypeAlias = int | Fraction


def _product(*factors: _Number) -> _Number:
    found: _Number = 1
    for factor in factors:
        found = _small(found * factor)
    return found


def _power(base: _Number, exponent: _Number) -> _Number:
    if exponent.denominator != 1 or not -64 <= exponent <= 64:
        raise ValueError("exponent")
    return _small(Fraction(base) ** int(exponent))


def _small(number: _Number) -> _Number:
    if number.numerator.bit_length() > MOST_BITS or number.denominator.bit_length() > MOST_BITS:
        raise ValueError("too large")
    return number


_CALLS: dict[str, Callable[..., _Number]] = {
    "Integer": lambda n: n,
    "Rational": lambda n, d: Fraction(n) / d,
    "Half": lambda: Fraction(1, 2),
    "Zero": lambda: 0,
    "One": lambda: 1,
    "NegativeOne": lambda: -1,
    "Add": lambda *terms: sum(terms, Fraction(0)),
    "Mul": _product,
    "Pow": _power,
    "PowByNatural": _power,
    "FloorDiv": lambda a, b: a // b,
    "CleanDiv": lambda a, b: a // b,
    "IntTrueDiv": lambda a, b: Fraction(a) / b,
    "CeilDiv": lambda a, b: -(-a // b),
    "Mod": lambda a, b: a % b,
    "PythonMod": lambda a, b: a % b,
    "Max": max,
    "Min": min,
    "Abs": abs,
    "floor": math.floor,
    "ceiling": math.ceil,
    "FloorToInt": math.floor,
    "CeilToInt": math.ceil,
    "TruncToInt": math.trunc,
    "ToFloat": lambda a: a,
    "Identity": lambda a: a,
}

_OPERATORS: dict[type, Callable[[_Number, _Number], _Number]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: Fraction(a) / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
    ast.Pow: _power,
}


def evaluated(size: Size, symbols: Mapping[str, int]) -> int | None:
    """The value of a size; None if a symbol isn't known, or it isn't understood.

    Example:
        >>> evaluated(Expression("Mul(Integer(2), Symbol('s0', integer=True))"), {"s0": 5})
        10
        >>> evaluated(Expression("(s0 - 1)//2 + 1"), {"s0": 6})
        3
        >>> evaluated(Expression("__import__('os').getpid()"), {}) is None
        True
    """
    if isinstance(size, int):
        return size
    try:
        found = _value(_parsed(size.text), symbols)
    except (ValueError, TypeError, SyntaxError, KeyError, ArithmeticError, RecursionError):
        return None
    except MemoryError:  # Python's parser says so of too deep a nesting
        return None
    return int(found) if found.denominator == 1 else None


def symbols_in(size: Size) -> set[str]:
    """The symbols of an expression.

    Example:
        >>> symbols_in(Expression("Mul(Integer(2), Symbol('s0', integer=True))"))
        {'s0'}
    """
    if isinstance(size, int):
        return set()
    try:
        tree = _parsed(size.text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return set()
    named = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and _called(node) == "Symbol"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return named | {node.id for node in names if id(node) not in functions}


def solved(size: Size, extent: int, symbols: Mapping[str, int]) -> dict[str, int]:
    """The one symbol that isn't known yet, so that a size has an extent; else nothing.

    Example:
        >>> solved(Expression("8*s0"), 64, {})
        {'s0': 8}
        >>> solved(Expression("8*s0"), 65, {})
        {}
    """
    missing = symbols_in(size) - set(symbols)
    if len(missing) != 1:
        return {}
    (name,) = missing
    # Sizes of inputs are affine in a symbol.
    zero, one = (evaluated(size, {**symbols, name: k}) for k in (0, 1))
    if zero is None or one is None or one == zero or (extent - zero) % (one - zero):
        return {}
    found = {name: (extent - zero) // (one - zero)}
    return found if evaluated(size, {**symbols, **found}) == extent else {}


@functools.lru_cache(maxsize=4096)
def _parsed(text: str) -> ast.expr:
    if len(text) > MOST_CHARACTERS:
        raise ValueError("too long")
    return ast.parse(text, mode="eval").body


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _value(node: ast.expr, symbols: Mapping[str, int]) -> _Number:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return _small(value)
        case ast.Name(id=name):
            return symbols[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, symbols)
        case ast.BinOp(left=left, op=op, right=right):
            return _small(_OPERATORS[type(op)](_value(left, symbols), _value(right, symbols)))
        case ast.Call(args=[ast.Constant(value=str(name)), *_]) if _called(node) == "Symbol":
            return symbols[name]
        case ast.Call(args=arguments):
            rule = _CALLS[_called(node)]
            return _small(rule(*(_value(argument, symbols) for argument in arguments)))
    raise ValueError(ast.dump(node))
