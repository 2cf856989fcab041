"""Files .fsg: what is saved is what is loaded, and what is damaged is told."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fieldscope
from fieldscope import Builder
from fieldscope.errors import FieldscopeError, GraphError, InputError, ModelError
from fieldscope.frontends.builder.files import FORMS, Form, parsed, written
from fieldscope.frontends.builder.trace import with_axes
from fieldscope.graph.text import print_graph
from fieldscope.graph.trace import Trace
from tests.networks import Plan, networks

ROUNDS = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def described() -> Builder:
    b = Builder("net")
    left = b.input((1, 4, 32, 24), name="left", axes=("rows", "columns"))
    right = b.input((1, 4, 32, 24), name="right")
    x = b.add(b.conv(left, 3, padding=1), b.conv(right, (5, 3), padding=(2, 1)), name="join")
    with b.block("body"):
        for name in ("first", "second"):
            with b.block(name):
                x = b.norm(
                    b.conv(x, 3, stride=2, padding=((0, 1), 1), channels=8), "group", groups=2
                )
                x = b.squeeze_excite(x, reduction=4, name="se")
    b.output(x, name="map")
    b.output(b.linear(b.global_pool(x), 5, name="fc"), name="logits")
    return b


@pytest.mark.parametrize("form", FORMS)
def test_a_description_reads_back_in_every_form(form: Form, tmp_path: Path) -> None:
    b = described()
    fieldscope.save(b, tmp_path / "net.fsg", form=form)
    found = fieldscope.load(tmp_path / "net.fsg")
    assert isinstance(found, Builder if form == "calls" else Trace)
    trace = found.trace() if isinstance(found, Builder) else found
    assert trace == b.trace()
    report = fieldscope.analyze(tmp_path / "net.fsg", name="net")
    assert report.to_dict() == fieldscope.analyze(b).to_dict()


def test_calls_can_be_analysed_at_any_input_and_graphs_at_their_own(tmp_path: Path) -> None:
    b = Builder("net")
    b.conv(b.input((1, 3, 32, 24)), 3, name="stem")
    fieldscope.save(b, tmp_path / "calls.fsg")
    fieldscope.save(b, tmp_path / "graph.fsg", form="text")
    assert fieldscope.analyze(tmp_path / "calls.fsg", (1, 3, 8, 9)).output.shape == (1, 3, 6, 7)
    same = fieldscope.analyze(str(tmp_path / "graph.fsg"), (1, 3, 32, 24))
    assert same.output.shape == (1, 3, 30, 22)
    with pytest.raises(InputError) as raised:
        fieldscope.analyze(tmp_path / "graph.fsg", (1, 3, 8, 9))
    assert str(raised.value).endswith(
        "graph.fsg holds a graph whose input 'input' has the shape (1, 3, 32, 24), and "
        "(1, 3, 8, 9) is asked for\nshapes are fixed in a graph: save the model again at the "
        "other one, or the calls of a fieldscope.Builder"
    )


def test_a_loaded_description_can_be_gone_on_with(tmp_path: Path) -> None:
    b = Builder("net")
    b.conv(b.input((1, 3, 32)), 3)
    fieldscope.save(b, tmp_path / "net.fsg")
    again = fieldscope.load(tmp_path / "net.fsg")
    assert isinstance(again, Builder)
    again.conv(again.value("conv_1"), 5)
    assert [one.name for one in fieldscope.analyze(again).layers] == ["conv_1", "conv_2"]
    assert fieldscope.analyze(again).output.size == (7,)
    with pytest.raises(ModelError, match=r"net has no layer 'conv_3'; did you mean conv_2"):
        again.value("conv_3")


@ROUNDS
@given(networks())
def test_the_graph_of_any_network_reads_back(plan: Plan) -> None:
    network = plan.build()
    report = fieldscope.analyze(network, tuple(plan.inputs))
    assert report._trace is not None
    for form in ("text", "json"):
        found = parsed(written(report._trace, form), "net")
        assert isinstance(found, Trace)
        assert found == report._trace
        assert fieldscope.analyze(found) == report


def test_a_bare_graph_has_layers_named_by_their_operators(tmp_path: Path) -> None:
    b = Builder("net")
    x = b.conv(b.input((1, 3, 32, 24)), 3, channels=4)
    b.add(b.conv(x, 3, padding=1), x)
    (tmp_path / "bare.fsg").write_text(f"# by hand\n\n{print_graph(b.trace().graph)}\n")
    report = fieldscope.analyze(tmp_path / "bare.fsg")
    assert [one.name for one in report.layers] == ["window_1", "window_2", "pointwise_1"]
    assert report.output.size == (5, 5)
    assert report.output.narrowest == (3, 3)
    assert report.inputs[0].axes == ("y", "x")
    assert fieldscope.productivity(report).layers
    assert fieldscope.analyze(tmp_path / "bare.fsg", axes=(3,)).output.size == (5,)


def test_a_published_network_reads_back(tmp_path: Path) -> None:
    report = fieldscope.analyze("torchvision:resnet18", (1, 3, 64, 96))
    fieldscope.save(report, tmp_path / "net.fsg")
    again = fieldscope.analyze(tmp_path / "net.fsg", name=report.model)
    assert again.to_dict() == report.to_dict()
    one, other = fieldscope.productivity(report), fieldscope.productivity(again)
    assert one.to_dict() == other.to_dict()
    fieldscope.save("torchvision:resnet18", tmp_path / "other.fsg", (1, 3, 64, 96), form="json")
    assert fieldscope.load(tmp_path / "other.fsg") == fieldscope.load(tmp_path / "net.fsg")


def test_what_cannot_be_saved_is_told_before_any_work(tmp_path: Path) -> None:
    b = described()
    with pytest.raises(InputError, match=r"files of networks end in \.fsg"):
        fieldscope.save(b, tmp_path / "net.json")
    with pytest.raises(InputError, match="there is no form 'txt'; did you mean text"):
        fieldscope.save(b, tmp_path / "net.fsg", form="txt")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="only a Builder has calls to save"):
        fieldscope.save(b.trace(), tmp_path / "net.fsg", form="calls")
    with pytest.raises(InputError, match="there is no folder"):
        fieldscope.save(b, tmp_path / "nowhere" / "net.fsg")
    assert list(tmp_path.iterdir()) == []


TEXT = written(described(), "text")
CALLS = written(described(), "calls")

DAMAGED: dict[str, tuple[str, str]] = {
    "empty": (" \n", "the file is empty"),
    "other": ("layers:\n  - conv", "line 1 begins with 'layers:'"),
    "later form": ("fieldscope graph 7\n%0 = Input(index=0) : 1x3", "the file is of another form"),
    "no nodes": ("fieldscope graph 1\nmodel {}", "the graph has no inputs"),
    "no node": ("%0 = Input(index=0) : 1x3x8\n%2 = Flip((2,)) %0 : 1x3x8", "line 2 of the graph"),
    "between": ("%0 = Input(index=0) : 1x3x8\nmodel {}", "line 2 stands between nodes"),
    "operator": ("%0 = Exec('rm') : 1x3", "line 1 of the graph"),
    "call": ("%0 = Input(index=print(3)) : 1x3", "line 1 of the graph"),
    "deep": (f"%0 = Input(index={'(' * 5000}0{')' * 5000}) : 1x3", "line 1 of the graph"),
    "huge": ("%0 = Input(index=0) : 1x99999999999x3", "its shape"),
    "text for a number": (
        "%0 = Input(index=0) : 1x3x8\n%1 = Flip(axes=('a',)) %0 : 1x3x8",
        "axes is .*, not what it has to be",
    ),
    "kernel": (
        "%0 = Input(index=0) : 1x3x8\n%1 = Window((2,), (Sliding(0),)) %0 : 1x3x8",
        "kernel, stride and dilation are 1 or more",
    ),
    "axis": (
        "%0 = Input(index=0) : 1x3x8\n%1 = Mix((5,)) %0 : 1x3x8",
        r"node %1, Mix: axes \(5,\)",
    ),
    "outside": (
        "%0 = Input(index=0) : 1x3x8\n%1 = Gather(2, Indices([9])) %0 : 1x3x1",
        "reads outside of an axis of extent 8",
    ),
    "groups": (
        "%0 = Input(index=0) : 1x3x8\n%1 = Window((2,), (Sliding(1),), Channels(1, 2)) %0 : 1x4x8",
        "2 groups don't divide the channels",
    ),
    "no input": ("%0 = Constant() : 1x3x8", "the graph has no inputs"),
    "empty input": (
        "%0 = Input(index=0) : 1x3x0x8",
        r"node %0, Input: its shape is \(1, 3, 0, 8\), and every extent is 1 or more",
    ),
    "inputs": ("%0 = Input(index=1) : 1x3x8", r"the graph's inputs are numbered \[1\]"),
    "value": (
        TEXT.replace('"name": "map", "value": ', '"name": "map", "value": 9'),
        "output: value is 9.*, and the graph has",
    ),
    "entry": (
        TEXT.replace('layer {"name": ', 'layer {"name": 3, "n": '),
        "name is '3', not a text",
    ),
    "json in a line": (TEXT.replace('{"name": "map"', '{"name": map"'), "line 5, output: "),
    "no output": (
        "\n".join(line for line in TEXT.splitlines() if not line.startswith("output")),
        "no output is named",
    ),
    "outputs": (
        TEXT.replace(
            'output {"name": "map"', 'output {"name": "map", "value": 1}\noutput {"name": "map"'
        ),
        "two outputs are called 'map'",
    ),
    "axes": (TEXT.replace('{"y": 2', '{"y": [2]'), r"axes \{'y': \[2\]"),
    "origin": (TEXT.replace("origin {", "# origin {"), "a node is of origin @"),
    "broken json": (CALLS[:-4], "it is no JSON"),
    "schema": ('{"schema": "onnx/3"}', "its schema is 'onnx/3'"),
    "kind": (CALLS.replace('"call": "conv"', '"call": "cnov"'), "did you mean conv"),
    "secret": (
        CALLS.replace('"call": "conv"', '"call": "__init__"'),
        "there is no call '__init__'",
    ),
    "option": (CALLS.replace('"stride"', '"strides"'), "it has no option 'strides'; did you mean"),
    "operand": (CALLS.replace('"of": [0]', '"of": [70]'), "it reads"),
    "missing": (CALLS.replace('"kernel": 3, ', ""), "it lacks the option 'kernel'"),
    "type": (CALLS.replace('"groups": 1', '"groups": "many"'), "groups of layer .* is 'many'"),
    "giant": (CALLS.replace('"padding": 1', '"padding": 10000000000'), "is the most"),
    "shape": (CALLS.replace("[1, 4, 32, 24]", "[1, 4, -32, 24]"), "the shape of input 'left'"),
    "end": (
        CALLS.replace('{"call": "end", "name": "se"}', '{"call": "end", "name": "es"}'),
        "'es'",
    ),
    "open": (CALLS.replace("\n]}", ',\n{"call": "block", "name": "z"}\n]}'), "'z' has no end"),
    "list": ('{"calls": [3]}', "call 0 is no object"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_told_with_its_name(name: str, tmp_path: Path) -> None:
    text, message = DAMAGED[name]
    (tmp_path / "net.fsg").write_text(text)
    with pytest.raises(GraphError, match=message) as raised:
        fieldscope.analyze(tmp_path / "net.fsg")
    assert "net.fsg: " in str(raised.value)
    assert len(str(raised.value).splitlines()) <= 3


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        fieldscope.load(tmp_path / "net.fsg")
    (tmp_path / "net.fsg").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GraphError, match="is no text"):
        fieldscope.load(tmp_path / "net.fsg")
    with (tmp_path / "net.fsg").open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(InputError, match="bytes, and 67,108,864 is the most"):
        fieldscope.load(tmp_path / "net.fsg")


def test_giant_axes_out_of_small_ones_are_refused() -> None:
    text = "%0 = Input(index=0) : 1x1x8\n%1 = Pad(2, 0) %0 : 1x1x100000000"
    with pytest.raises(GraphError, match="makes an axis of 100,000,000 elements"):
        parsed(text, "net")


@settings(derandomize=True, database=None, deadline=None, max_examples=150)
@given(
    st.sampled_from([TEXT, CALLS, written(described(), "json")]),
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from([*"0123456789-%x(),[]{}:@ \"'aT", "", "99"])),
        min_size=1,
        max_size=3,
    ),
)
def test_any_change_of_a_file_gives_a_report_or_one_of_our_errors(
    text: str, changes: list[tuple[float, str]]
) -> None:
    for share, letter in changes:
        at = int(share * (len(text) - 1))
        text = text[:at] + letter + text[at + 1 :]
    with contextlib.suppress(FieldscopeError):
        found = parsed(text, "net")
        trace = found.trace() if isinstance(found, Builder) else with_axes(found, None)
        fieldscope.analyze(trace)


def test_the_calls_are_plain_json_with_a_line_each() -> None:
    b = Builder("net")
    b.conv(b.input((1, 3, 8)), 3, padding=((0, 1),), name="stem")
    data = json.loads(written(b, None))
    assert data == {
        "schema": "fieldscope.network/1",
        "name": "net",
        "calls": [
            {"call": "input", "name": "input", "shape": [1, 3, 8]},
            {
                "call": "conv",
                "name": "stem",
                "of": [0],
                "kernel": 3,
                "stride": 1,
                "padding": [[0, 1]],
                "dilation": 1,
                "groups": 1,
                "bias": True,
            },
        ],
    }


def test_a_graph_without_origins_has_all_findings(tmp_path: Path) -> None:
    lines = [line for line in TEXT.splitlines() if not line.startswith("origin")]
    text = "\n".join(line.rpartition(" @")[0] or line for line in lines)
    (tmp_path / "net.fsg").write_text(text)
    report = fieldscope.analyze(tmp_path / "net.fsg")
    found = fieldscope.growth(report, input=report.inputs[0].name)
    assert any(layer.changes for layer in found.layers)
