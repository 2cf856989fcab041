"""A report as data: the JSON schema `fieldscope/1`, CSV and pandas.

JSON holds everything that a report knows. CSV and pandas hold one row per
operator layer, with one column per input axis (`size_y`, `size_x`); where the
model has several inputs, the input's name goes before it (`left.size_y`).
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fieldscope.optional import require
from fieldscope.version import __version__

if TYPE_CHECKING:
    from pandas import DataFrame

    from fieldscope.analyses.fields import Field
    from fieldscope.analyses.layers import Bound, InputInfo, Layer, Report

SCHEMA = "fieldscope/1"

_Number = int | float | Fraction


def to_dict(report: Report) -> dict[str, Any]:
    """Give the report as plain data, ready for JSON.

    `size` and `narrowest` are null on an axis that is read whole; `stride`,
    `start` and `period` are null where the field does not repeat; a stride
    below 1 is a text such as "1/2". An entry has `phases` only where an axis
    has a period over 1, and `bounds` only where it is not exact.
    """
    data: dict[str, Any] = {
        "schema": SCHEMA,
        "version": __version__,
        "model": report.model,
        "framework": report.framework,
        "inputs": [_input(info) for info in report.inputs],
        "layers": [_layer(layer) for layer in report.layers],
        "containers": [_layer(layer) for layer in report.containers],
        "output": _layer(report.output),
        "bounds": [_bound(bound) for bound in report.bounds],
    }
    if len(report.outputs) > 1:
        data["outputs"] = {key: _layer(layer) for key, layer in report.outputs.items()}
    return data


def to_json(report: Report, *, indent: int | None = None) -> str:
    """Give the report as JSON text, without a newline at its end."""
    return _json(to_dict(report), indent=indent)


def to_lines(report: Report) -> str:
    """Give the report as JSON text with a line for each layer."""
    return in_lines(to_dict(report))


def in_lines(data: Mapping[str, Any]) -> str:
    """Give data as JSON text with a line for each member, and for each entry of a table.

    It reads well in a pager, and two of them compare well line by line.

    >>> print(in_lines({"size": [3, 5], "layers": [{"name": "a"}, {"name": "b"}]}))
    {
    "size": [3, 5],
    "layers": [
    {"name": "a"},
    {"name": "b"}
    ]
    }
    """
    members = []
    for key, value in data.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            entries = ",\n".join(_json(entry) for entry in value)
            members.append(f"{_json(key)}: [\n{entries}\n]")
        else:
            members.append(f"{_json(key)}: {_json(value)}")
    return "{\n" + ",\n".join(members) + "\n}"


def to_csv(report: Report) -> str:
    """Give the layers as CSV text with a header row.

    An axis that is read whole has the size `inf`; a cell is empty where there
    is no number.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_headers(report))
    for row in _rows(report):
        writer.writerow(_written(cell) for cell in row.values())
    return text.getvalue()


def to_pandas(report: Report) -> DataFrame:
    """Give the layers as a data frame, one row each, numbers as numbers.

    Raises:
        MissingExtraError: pandas isn't installed.
    """
    pandas = require("pandas", purpose="a data frame")
    frame: DataFrame = pandas.DataFrame(list(_rows(report)), columns=_headers(report))
    return frame


def _json(value: object, *, indent: int | None = None) -> str:
    # Infinities and NaN aren't JSON; `to_dict` leaves none, and this holds it to that.
    return json.dumps(value, indent=indent, allow_nan=False)


def _input(info: InputInfo) -> dict[str, Any]:
    return {"name": info.name, "shape": list(info.shape), "axes": list(info.axes)}


def _bound(bound: Bound) -> dict[str, Any]:
    return {
        "operator": bound.operator,
        "where": bound.where,
        "location": bound.location,
        "reason": bound.reason,
        "layers": bound.layers,
    }


def _layer(layer: Layer) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": layer.name,
        "operator": layer.operator,
        "source": layer.source,
        "shape": list(layer.shape),
        "fields": {name: field_data(field) for name, field in layer.fields.items()},
        "context": list(layer.context) or None,
        "exact": layer.exact,
    }
    if not layer.exact:
        entry["bounds"] = list(layer.bounds)
    return entry


def field_data(field: Field) -> dict[str, Any]:
    """Give a field as plain data; see `to_dict`."""
    entry: dict[str, Any] = {
        "size": [_number(size) for size in field.size],
        "stride": [_number(stride) for stride in field.stride],
        "start": [_number(start) for start in field.start],
        "narrowest": [_number(size) for size in field.narrowest],
        "global": list(field.is_global),
        "period": list(field.period),
    }
    if any(period is not None and period > 1 for period in field.period):
        entry["phases"] = [
            [list(phase) for phase in phases] if phases and period and period > 1 else None
            for phases, period in zip(field.phases, field.period, strict=True)
        ]
    return entry


def _number(value: _Number | None) -> int | str | None:
    if value is None or value == math.inf:
        return None
    if isinstance(value, Fraction) and value.denominator > 1:
        return f"{value.numerator}/{value.denominator}"
    return int(value)


def plain(numbers: Iterable[_Number | None]) -> list[int | str | None]:
    """Numbers as findings have them in JSON: fractions as texts, "all" for an infinite one.

    >>> plain((3, Fraction(1, 2), math.inf, None))
    [3, '1/2', 'all', None]
    """
    return ["all" if number == math.inf else _number(number) for number in numbers]


def _written(cell: object) -> object:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case _:
            return cell


_MEASURES = ("size", "stride", "start", "narrowest", "period")


def _headers(report: Report) -> list[str]:
    several = len(report.inputs) > 1
    measured = [
        f"{info.name}.{measure}_{axis}" if several else f"{measure}_{axis}"
        for info in report.inputs
        for measure in _MEASURES
        for axis in info.axes
    ]
    return ["layer", "operator", "source", "shape", *measured, "context", "exact"]


def _rows(report: Report) -> Iterator[Mapping[str, object]]:
    headers = _headers(report)
    for layer in report.layers:
        measured = [
            number
            for info in report.inputs
            for measure in _MEASURES
            for number in _axes_of(layer.fields.get(info.name), measure, len(info.axes))
        ]
        cells = [
            layer.name,
            layer.operator,
            layer.source,
            "x".join(map(str, layer.shape)),
            *measured,
            " ".join(layer.context),
            layer.exact,
        ]
        yield dict(zip(headers, cells, strict=True))


def _axes_of(field: Field | None, measure: str, axes: int) -> tuple[_Number | None, ...]:
    if field is None:
        return (None,) * axes
    numbers: tuple[_Number | None, ...] = getattr(field, measure)
    return numbers
