"""A builder's calls as plain data, schema `fieldscope.network/1`.

    {"schema": "fieldscope.network/1", "name": "net", "calls": [
    {"call": "input", "name": "input", "shape": [1, 3, 64, 64]},
    {"call": "conv", "name": "stem", "of": [0], "kernel": 7, "stride": 2, "channels": 16},
    {"call": "block", "name": "layer1"},
    {"call": "conv", "name": "conv_1", "of": [1], "kernel": 3, "padding": 1},
    {"call": "end", "name": "layer1"}
    ]}

`of` numbers the calls whose values are read, from 0 on. Reading such data calls the builder's own
methods with them, and nothing else.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

from fieldscope.errors import FieldscopeError, GraphError
from fieldscope.frontends.builder.builder import LAYERS, Builder, rebuilt
from fieldscope.frontends.builder.recording import BLOCK, END
from fieldscope.frontends.builder.values import Call
from fieldscope.wording import meant

SCHEMA = "fieldscope.network/1"
_OTHERS = ("input", "output", BLOCK, END)
_VALUED = (*LAYERS, "input")
_OWN = ("call", "name", "of")
_DEEPEST = 200


def to_dict(builder: Builder) -> dict[str, Any]:
    """A builder's calls as plain data.

    Example:
        >>> b = Builder("net")
        >>> _ = b.conv(b.input((1, 3, 8)), 3)
        >>> to_dict(b)["calls"][1]
        {'call': 'conv', 'name': 'conv_1', 'of': [0], 'kernel': 3, 'stride': 1, 'padding': 0, \
'dilation': 1, 'groups': 1, 'bias': True}
    """
    calls = []
    for call in builder.calls:
        operands = {"of": list(call.operands)} if call.operands else {}
        calls.append({"call": call.kind, "name": call.name, **operands, **call.options})
    return {"schema": SCHEMA, "name": builder.name, "calls": calls}


def to_text(builder: Builder) -> str:
    """A builder's calls as JSON with a line for each."""
    data = to_dict(builder)
    calls = ",\n".join(json.dumps(call) for call in data["calls"])
    head = f'{{"schema": {json.dumps(SCHEMA)}, "name": {json.dumps(builder.name)}, "calls": ['
    return f"{head}\n{calls}\n]}}"


def from_dict(data: Mapping[str, Any]) -> Builder:
    """The builder on which data's calls are made.

    Raises:
        GraphError: a call is malformed, or doesn't fit; the message tells which.

    Example:
        >>> calls = [{"call": "input", "name": "x", "shape": [1, 3, 8]},
        ...          {"call": "conv", "name": "stem", "of": [0], "kernel": 3}]
        >>> from_dict({"name": "net", "calls": calls})
        <Builder net: 1 layers>
    """
    name, listed = data.get("name", "network"), data.get("calls")
    if not isinstance(name, str) or not isinstance(listed, list):
        raise GraphError(
            'a network is {"schema": …, "name": a text, "calls": a list of calls}, and this is none'
        )
    calls: list[Call] = []
    blocks: list[str] = []
    for place, one in enumerate(listed):
        call = _call(place, one, calls)
        if call.kind == BLOCK:
            blocks.append(call.name)
            if len(blocks) > _DEEPEST:
                raise GraphError(f"call {place}: blocks lie {_DEEPEST} deep, which is the most")
        elif call.kind == END and (not blocks or blocks.pop() != call.name):
            raise GraphError(f"call {place}: block {call.name!r} isn't the one that ends here")
        calls.append(call)
    if blocks:
        raise GraphError(f"block {blocks[-1]!r} has no end")
    try:
        return rebuilt(name, calls)
    except GraphError:
        raise
    except FieldscopeError as error:
        raise GraphError(str(error)) from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise GraphError(f"a call's options aren't what they have to be: {error}") from error


def _call(place: int, one: Any, before: list[Call]) -> Call:
    where = f"call {place}"
    if not isinstance(one, dict):
        raise GraphError(f'{where} is no object such as {{"call": "conv", "of": [0], "kernel": 3}}')
    kind, name, operands = one.get("call"), one.get("name"), one.get("of", [])
    if kind not in (*LAYERS, *_OTHERS):
        guess = meant(str(kind), (*LAYERS, *_OTHERS))
        raise GraphError(f"{where}: there is no call {str(kind)[:40]!r}{guess}")
    where = f"{where}, {kind}"
    if not isinstance(name, str) or not name:
        raise GraphError(f"{where}: its name is {str(name)[:40]!r}\ngive a text")
    if not isinstance(operands, list) or not all(
        type(k) is int and 0 <= k < place and before[k].kind in _VALUED for k in operands
    ):
        raise GraphError(
            f"{where}: it reads {str(operands)[:60]}\ngive the numbers of earlier layers or inputs"
        )
    options = {key: value for key, value in one.items() if key not in _OWN}
    problem = _problem(kind, len(operands), options)
    if problem:
        raise GraphError(f"{where}: {problem}")
    return Call(kind, tuple(operands), options, name)


def _problem(kind: str, operands: int, options: Mapping[str, Any]) -> str | None:
    """What is wrong with how a method is called, if anything."""
    if kind in (BLOCK, END):
        return "a block has a name only" if operands or options else None
    parameters = inspect.signature(getattr(Builder, kind)).parameters
    values = [k for k, one in parameters.items() if "Value" in str(one.annotation)]
    several = any(one.kind is one.VAR_POSITIONAL for one in parameters.values())
    if not several and operands != len(values):
        return f"it reads {len(values)} values, not {operands}"
    known = [k for k in parameters if k not in ("self", "name", *values)]
    for key in options:
        if key not in known:
            return f"it has no option {key[:40]!r}{meant(key, known)}"
    for key in known:
        if parameters[key].default is inspect.Parameter.empty and key not in options:
            return f"it lacks the option {key!r}"
    return None
