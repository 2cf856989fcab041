"""Drawings of networks: what they say, that they can't be broken by a name, and who draws them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import torch
from torch import nn

import fieldscope
from fieldscope.analyses.architecture import Cluster
from fieldscope.errors import InputError, MissingExtraError
from fieldscope.frontends.torch.zoo import build
from fieldscope.render.architecture import program
from fieldscope.render.architecture.builtin.layered import Flow, Thing, laid_out
from fieldscope.render.architecture.builtin.nested import Area, planned
from fieldscope.render.architecture.builtin.svg import drawn
from fieldscope.render.architecture.look import LOOKS, legend, lines_of
from tests.render.networks import resnet18, small

SVG = "{http://www.w3.org/2000/svg}"
# Names that would end a text, a tag or an attribute in one language or another.
HOSTILE = (
    '</text><script>alert(1)</script>"]; x -> y; // \\N <B> &amp; ]]> {|} %s'
    " \x00\x1b\ud800 é 层 𝔸\n"
)
needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz's dot")


def hostile() -> fieldscope.ArchitectureGraph:
    found = small()
    boxes = tuple(replace(box, name=f"{box.name}{HOSTILE}", source=HOSTILE) for box in found.boxes)
    frames = (Cluster("c0", HOSTILE, HOSTILE, None),)
    return replace(
        found,
        model=HOSTILE,
        boxes=tuple(replace(box, cluster="c0") if box.layers else box for box in boxes),
        clusters=frames,
    )


def texts(svg: str) -> str:
    tree = ET.fromstring(svg)
    return "\n".join("".join(one.itertext()) for one in tree.iter(f"{SVG}text"))


def without_dot(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_verdicts_differ_by_colour_border_and_word() -> None:
    assert len({look.fill for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.border for look in LOOKS.values()}) == len(LOOKS)
    shown = drawn(resnet18())
    dot = resnet18().to_dot()
    for verdict in ("unproductive", "critical", "productive"):
        assert LOOKS[verdict].fill in shown
        assert LOOKS[verdict].fill in dot
    assert dot.count("peripheries=2") == 3
    assert texts(shown).count("unproductive") == 1 + 3


def test_the_legend_names_only_what_occurs() -> None:
    assert [entry.word for entry in legend(resnet18())] == [
        *("unproductive", "critical", "productive", "not widening"),
    ]
    assert [entry.word for entry in legend(small())] == ["partly critical", "productive"]
    shown = texts(drawn(small()))
    assert "n = 12×9 (y×x)" in shown
    assert "unproductive" not in shown


def test_no_name_breaks_the_builtin_drawing() -> None:
    shown = drawn(hostile())
    tree = ET.fromstring(shown.encode("utf-8"))
    assert {one.tag for one in tree.iter()} == {
        f"{SVG}{tag}" for tag in ("svg", "title", "style", "rect", "g", "path", "text", "tspan")
    }
    assert "</text><script>alert(1)</script>" in texts(shown)
    assert "<script" not in shown


@needs_dot
def test_no_name_breaks_graphviz() -> None:
    shown = hostile().to_svg(engine="dot")
    assert "<script" not in shown
    assert "alert(1)" in texts(shown)
    nodes = re.findall(r'class="node"', shown)
    assert len(nodes) == len(hostile().boxes)


def test_the_text_for_graphviz_has_no_name_outside_labels() -> None:
    written = hostile().to_dot()
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', re.sub(r"label=<.*?>(?=,|\])", "label", written))
    assert "alert" not in bare
    assert "\x00" not in written


def test_the_same_network_gives_the_same_bytes() -> None:
    assert drawn(resnet18()) == drawn(resnet18())
    assert resnet18().to_dot() == resnet18().to_dot()


def test_the_order_of_hashes_changes_nothing_and_no_framework_is_needed() -> None:
    code = """
import sys
import fieldscope

net = fieldscope.Builder("net")
x = net.input((1, 3, 32, 48))
for place in range(6):
    with net.block(f"block{place}"):
        x = net.add(x, *(net.conv(x, k, padding=k // 2) for k in (1, 3, 5)))
net.output(x)
found = fieldscope.architecture(net)
assert "torch" not in sys.modules
print(found.to_svg(engine="builtin") + found.to_dot())
"""
    shown = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path), "PATH": ""},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(shown) == 1


@pytest.mark.parametrize("name", ["googlenet", "resnet18", "densenet121"])
def test_nothing_stands_on_anything_else(name: str) -> None:
    model, inputs = build("torchvision", name)
    report = fieldscope.analyze(model, inputs)
    for depth in (1, 3, 9):
        found = fieldscope.architecture(report, depth=depth)
        plan = planned(found, lambda box: (80.0 + len(box), 40.0), lambda frame: 60.0)
        parents = {one.id: one.parent for one in found.clusters}
        places = {box.id: box.cluster for box in found.boxes} | parents
        areas = plan.boxes | plan.frames
        for child, parent in places.items():
            if parent is not None:
                assert holds(areas[parent], areas[child])
        siblings: dict[str | None, list[Area]] = {}
        for child, parent in places.items():
            siblings.setdefault(parent, []).append(areas[child])
        for beside in siblings.values():
            assert not any(
                overlap(one, other) for k, one in enumerate(beside) for other in beside[k + 1 :]
            )
        assert sum(piece.arrives for piece in plan.pieces) >= len(found.boxes) - len(report.inputs)


def holds(one: Area, other: Area) -> bool:
    return (
        one.x <= other.x
        and one.y <= other.y
        and other.x + other.width <= one.x + one.width
        and other.y + other.height <= one.y + one.height
    )


def overlap(one: Area, other: Area) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def test_a_chain_is_a_straight_line() -> None:
    things = [Thing(width, 10.0) for width in (40.0, 10.0, 70.0, 20.0)]
    net = ("n0", False)
    flows = [Flow(net, one, (other,)) for one, other in pairwise(things)]
    level = laid_out(things, flows)
    assert {round(thing.x + thing.width / 2, 6) for thing in things} == {35.0}
    assert [thing.y for thing in things] == sorted(thing.y for thing in things)
    assert level.width == 70.0


def test_two_branches_that_needn_t_cross_don_t() -> None:
    top, left, right, under_right, under_left = (Thing(30.0, 10.0) for _ in range(5))
    net = ("n0", False)
    flows = [
        Flow(net, top, (left, right)),
        Flow(net, left, (under_left,)),
        Flow(net, right, (under_right,)),
    ]
    laid_out([top, left, right, under_right, under_left], flows)
    assert (left.x < right.x) == (under_left.x < under_right.x)


def test_a_flow_back_to_what_ran_before_is_drawn() -> None:
    class Outside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = nn.Sequential(nn.Conv1d(1, 1, 3, padding=1), nn.Conv1d(1, 1, 3, padding=1))
            self.between = nn.Conv1d(1, 1, 5, padding=2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.block(self.between(self.block(x)))
            return result

    found = fieldscope.architecture(Outside(), (1, 1, 40), depth=1)
    back = replace(found, edges=(*found.edges, replace(found.edges[0], source="n3", target="n1")))
    assert drawn(back).count("M") == drawn(found).count("M") + 2
    assert "n3 -> n1 [constraint=false]" in back.to_dot()


@pytest.mark.parametrize("format", ["pdf", "png"])
def test_without_graphviz_pdf_and_png_say_how_to_get_it(
    format: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_dot(monkeypatch, tmp_path)
    with pytest.raises(MissingExtraError) as caught:
        small(path=tmp_path / f"net.{format}")
    assert str(caught.value) == (
        f"drawing a graph as {format} needs Graphviz's program dot, which isn't installed\n"
        "install Graphviz (apt-get install graphviz, brew install graphviz, or "
        "https://graphviz.org/download); .dot and .svg work without it"
    )
    assert list(tmp_path.iterdir()) == []


def test_without_graphviz_svg_and_dot_are_drawn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_dot(monkeypatch, tmp_path)
    found = small(path=tmp_path / "net.svg")
    found.save(tmp_path / "net.gv")
    found.save(tmp_path / "net.txt", format="dot")
    assert (tmp_path / "net.svg").read_text(encoding="utf-8") == drawn(found)
    assert (tmp_path / "net.gv").read_text(encoding="utf-8") == found.to_dot()
    assert (tmp_path / "net.txt").read_bytes() == (tmp_path / "net.gv").read_bytes()
    with pytest.raises(MissingExtraError, match="needs Graphviz's program dot"):
        found.to_svg(engine="dot")


@needs_dot
@pytest.mark.parametrize(("format", "begins"), [("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_graphviz_draws_files(format: str, begins: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"net.{format}"
    small().save(path)
    assert path.read_bytes().startswith(begins)


@needs_dot
def test_graphviz_draws_every_box_and_frame() -> None:
    found = resnet18()
    shown = found.to_svg(engine="dot")
    assert found.to_svg() == shown
    assert shown.count('class="node"') == len(found.boxes)
    assert shown.count('class="edge"') == len(found.edges)
    assert shown.count('class="cluster"') == len(found.clusters)


def a_dot_that(does: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "dot"
    path.write_text(f"#!{sys.executable}\nimport sys, time\n{does}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_what_graphviz_complains_of_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    a_dot_that("sys.exit('Error: no fonts')", tmp_path, monkeypatch)
    with pytest.raises(InputError, match=r"dot cannot draw the graph: Error: no fonts\nsave it"):
        small().save(tmp_path / "net.png")
    assert not (tmp_path / "net.png").exists()


def test_a_graphviz_that_never_ends_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    a_dot_that("time.sleep(60)", tmp_path, monkeypatch)
    with pytest.raises(InputError, match=r"in 0\.2 seconds\nfold more with depth=1"):
        program.run(small().to_dot(), "png", patience=0.2)


def test_a_graphviz_that_can_t_be_run_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "dot").write_text("#!/nowhere/at/all\n")
    (tmp_path / "dot").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"cannot run .*dot: No such file or directory\ninstall"):
        small().to_svg(engine="dot")


def test_an_interrupted_drawing_leaves_the_file_that_was_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bin = tmp_path / "bin"
    bin.mkdir()
    a_dot_that("import os; os.kill(os.getppid(), 2); time.sleep(60)", bin, monkeypatch)
    (tmp_path / "net.png").write_text("before")
    code = """
import fieldscope
net = fieldscope.Builder("net")
net.output(net.conv(net.input((1, 3, 32)), 3))
fieldscope.architecture(net, path="net.png")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": ":".join(sys.path), "PATH": str(bin)},
        capture_output=True,
        check=False,
    )
    assert b"KeyboardInterrupt" in done.stderr
    assert (tmp_path / "net.png").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "net.png"]


def test_many_arrows_are_left_to_the_builtin_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    found = small()
    many = replace(found, edges=found.edges * 300)
    monkeypatch.setattr(program, "run", lambda *_: pytest.fail("dot was asked"))
    assert many.to_svg() == many.to_svg(engine="builtin")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "neato"}, "there is no engine 'neato'\nengines are dot and builtin"),
        ({"engine": "bultin"}, "there is no engine 'bultin'; did you mean builtin?"),
        ({"engine": "builtin", "format": "pdf"}, "the built-in layout draws .svg, not .pdf"),
        ({"format": "jpeg"}, "there is no format 'jpeg'"),
    ],
)
def test_what_can_t_be_drawn_is_said_at_once(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        fieldscope.architecture("nowhere.onnx", path=tmp_path / "net.svg", **options)
    assert str(caught.value).startswith(message)


def test_a_file_that_can_t_be_written_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        fieldscope.architecture("nowhere.onnx", path=tmp_path / "none" / "net.svg")
    with pytest.raises(InputError, match=r"cannot save a graph as \.sgv; did you mean \.svg\?"):
        fieldscope.architecture("nowhere.onnx", path="net.sgv")
    with pytest.raises(InputError, match="it has no extension"):
        fieldscope.architecture("nowhere.onnx", path="net")


def test_a_notebook_gets_an_image() -> None:
    shown = hostile()._repr_html_()
    assert shown is not None
    assert 'src="data:image/svg+xml;base64,' in shown
    assert "<script" not in shown
    assert small()._repr_svg_().startswith("<?xml")


def test_a_figure_shows_the_same_as_the_svg() -> None:
    found = hostile()
    written = [one.get_text() for one in found.to_image().axes[0].texts]
    assert sorted("".join(written)) == sorted(texts(drawn(found)).replace("\n", ""))
    folded = resnet18(depth=1).to_image()
    assert len(folded.axes[0].texts) == 2 + 1 + 2 * 4 + sum(
        len(lines_of(box)) for box in resnet18(depth=1).boxes
    )
