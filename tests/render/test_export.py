from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace

import pandas as pd

from fieldscope.analyses.export import to_csv, to_dict, to_json, to_lines, to_pandas
from fieldscope.version import __version__
from tests.render import handmade


def test_the_schema_is_as_documented() -> None:
    data = to_dict(handmade.residual())
    assert list(data) == [
        "schema", "version", "model", "framework", "inputs", "layers", "containers", "output",
        "bounds",
    ]  # fmt: skip
    assert (data["schema"], data["version"]) == ("fieldscope/1", __version__)
    assert data["inputs"] == [{"name": "x", "shape": [1, 3, 224, 224], "axes": ["y", "x"]}]
    assert data["layers"][3] == {
        "name": "layer4.2.conv3",
        "operator": "window",
        "source": "aten.convolution",
        "shape": [1, 2048, 7, 7],
        "fields": {
            "x": {
                "size": [427, 427],
                "stride": [32, 32],
                "start": [-213, -213],
                "narrowest": [11, 11],
                "global": [False, False],
                "period": [1, 1],
            }
        },
        "context": None,
        "exact": True,
    }
    assert [entry["name"] for entry in data["containers"]] == ["layer4.2", "layer4"]
    assert data["output"] == data["layers"][-1]


def test_what_is_read_whole_has_no_number() -> None:
    assert to_dict(handmade.residual())["output"]["fields"]["x"] == {
        "size": [None, None],
        "stride": [None, None],
        "start": [None, None],
        "narrowest": [None, None],
        "global": [True, True],
        "period": [None, None],
    }


def test_a_stride_below_one_is_a_text_and_a_period_brings_phases() -> None:
    down, up, head = (entry["fields"]["x"] for entry in to_dict(handmade.unet())["layers"])
    assert (down["stride"], up["stride"], head["stride"]) == ([2, 2], ["1/2", "1/2"], [2, 2])
    assert "phases" not in up
    assert head["phases"] == [[[-4, 6], [-5, 5]]] * 2


def test_phases_are_null_on_an_axis_without_a_period() -> None:
    head = handmade.unet().layers[-1]
    phases = (((-4, 6), (-5, 5)), ((0, 3),))
    field = replace(head.fields["x"], period=(2, 1), phases=phases)
    report = replace(handmade.unet(), layers=(replace(head, fields={"x": field}),))
    assert to_dict(report)["layers"][0]["fields"]["x"]["phases"] == [[[-4, 6], [-5, 5]], None]


def test_bounds_are_told_where_they_arise_and_where_they_tell() -> None:
    data = to_dict(handmade.loose())
    assert data["bounds"][0] == {
        "operator": "aten.topk",
        "where": "moe.router",
        "location": "moe.py:41",
        "reason": "it has no lowering, so every output is taken to read every input",
        "layers": 2,
    }
    assert "bounds" not in data["layers"][0]
    assert data["layers"][2]["exact"] is False
    assert data["layers"][2]["bounds"] == ["moe.router"]


def test_several_outputs_are_all_there() -> None:
    report = handmade.stereo()
    outputs = {"output[0]": report.layers[0], "output[1]": report.layers[2]}
    data = to_dict(replace(report, outputs=outputs))
    assert [entry["name"] for entry in data["outputs"].values()] == [
        "left_encoder.conv",
        "fusion.conv",
    ]
    assert "outputs" not in to_dict(report)


def test_json_in_each_form_says_the_same() -> None:
    for report in (handmade.residual(), handmade.loose(), handmade.stereo(), handmade.unet()):
        data = to_dict(report)
        assert json.loads(to_json(report)) == data
        assert json.loads(to_json(report, indent=2)) == data
        assert json.loads(to_lines(report)) == data
        assert "\n" not in to_json(report)


def test_json_by_lines_has_a_line_for_each_layer() -> None:
    lines = to_lines(handmade.residual()).splitlines()
    assert sum(line.startswith('{"name": ') for line in lines) == 1 + 8 + 2


def test_csv_has_a_row_for_each_layer_and_a_column_for_each_axis() -> None:
    rows = list(csv.reader(io.StringIO(to_csv(handmade.residual()))))
    assert rows[0] == [
        "layer", "operator", "source", "shape", "size_y", "size_x", "stride_y", "stride_x",
        "start_y", "start_x", "narrowest_y", "narrowest_x", "period_y", "period_x", "context",
        "exact",
    ]  # fmt: skip
    assert len(rows) == 1 + 8
    assert rows[4] == [
        "layer4.2.conv3", "window", "aten.convolution", "1x2048x7x7", "427", "427", "32", "32",
        "-213", "-213", "11", "11", "1", "1", "", "true",
    ]  # fmt: skip
    assert rows[8][4:12] == ["inf", "inf", "", "", "", "", "inf", "inf"]


def test_csv_names_the_input_where_there_are_several() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(handmade.stereo()))))
    assert rows[2]["left.size_y"] == "7"
    assert rows[2]["right.size_x"] == "41"
    assert rows[0]["right.size_x"] == ""


def test_csv_quotes_what_needs_it() -> None:
    report = handmade.stream()
    layer = replace(report.layers[0], name='a,"b"')
    read = list(csv.DictReader(io.StringIO(to_csv(replace(report, layers=(layer,))))))
    assert read[0]["layer"] == 'a,"b"'


def test_csv_lists_context_in_one_cell() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(handmade.attentive()))))
    assert rows[2]["context"] == "blocks.0.0.se blocks.1.0.se"


def test_a_data_frame_has_numbers() -> None:
    frame = to_pandas(handmade.residual())
    assert isinstance(frame, pd.DataFrame)
    assert frame.shape == (8, 16)
    assert frame["size_y"].tolist() == [7, 7, 427, 427, 427, math.inf, math.inf, math.inf]
    assert frame["exact"].all()
