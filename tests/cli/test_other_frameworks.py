"""Models of other frameworks from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from fieldscope.cli.advice import for_the_command
from tests.cli.conftest import Run

MODEL = """
<ir_version: 9, opset_import: ["" : 17]>
agraph (float[N, 3, H, W] image) => (float[N, 8, A, B] map) {{
    shape = Constant <value_ints = [8, 3, 5, 5]> ()
    kernel = ConstantOfShape (shape)
    wide = Conv <strides = [2, 2], pads = [2, 2, 2, 2]> (image, kernel)
    map = {last} (wide)
}}
"""
INPUT = ("--input", "1x3x32x48")

IN_JAX = """
import jax, jax.numpy as jnp

def apply(x):
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "VALID")

def branching(x):
    return x if x.sum() > 0 else -x

def scaled(weights, x):
    return jnp.tanh(weights * x)
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """An ONNX file of open sizes."""
    model = onnx.parser.parse_model(MODEL.format(last="MaxPool <kernel_shape = [3, 3]>"))
    onnx.save(model, tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def test_an_onnx_file_is_analysed(run: Run, net: Path) -> None:
    result = run("analyze", str(net), *INPUT, "--json", "-")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert [data["layers"][-1]["fields"]["image"][key] for key in ("size", "stride")] == [
        [9, 9],
        [2, 2],
    ]
    assert "net.onnx" in run("analyze", str(net), *INPUT).stdout


def test_single_positions_are_told(run: Run, net: Path) -> None:
    result = run("support", str(net), *INPUT, "--layer", "wide", "--at", "0,0")
    assert result.exit_code == 0, result.stderr
    assert "y 0:3, x 0:3" in result.stdout


def test_a_film_is_made(run: Run, net: Path, tmp_path: Path) -> None:
    result = run("animate", str(net), *INPUT, "-o", str(tmp_path / "growth.gif"))
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "growth.gif").stat().st_size > 0


def test_open_sizes_are_asked_for(run: Run, net: Path) -> None:
    result = run("analyze", str(net))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "image" in result.stderr
    assert "--input" in result.stderr


def test_bounds_are_refused_where_asked(run: Run, net: Path) -> None:
    text = MODEL.format(last="com.example.Unknown").replace('"" : 17', '"" : 17, "com.example" : 1')
    onnx.save(onnx.parser.parse_model(text), net)
    assert run("analyze", str(net), *INPUT).exit_code == 0
    result = run("analyze", str(net), *INPUT, "--strict")
    assert result.exit_code == 1
    assert "com.example.Unknown" in result.stderr


@pytest.mark.parametrize("size", [0, 1, 40, 200])
def test_a_file_that_ends_early_is_told(run: Run, net: Path, size: int) -> None:
    net.write_bytes(net.read_bytes()[:size])
    result = run("analyze", str(net), *INPUT)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "net.onnx" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_example_is_for_pytorch(run: Run, net: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", np.zeros((1, 3, 32, 48), dtype=np.float32))
    result = run("analyze", str(net), "--example", str(tmp_path / "image.npy"))
    assert result.exit_code == 2
    assert "runs PyTorch models, and this one is read without being run" in result.stderr


def test_nothing_else_is_loaded_for_an_onnx_file(net: Path) -> None:
    code = (
        "import sys; from fieldscope.cli.main import main\n"
        f"code = main(['analyze', {str(net)!r}, '--input', '1x3x32x48', '--quiet'])\n"
        "print(code, [n for n in ('torch', 'onnxruntime', 'jax', 'tensorflow', 'keras', "
        "'matplotlib', 'onnx.reference') if n in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "0 []\n"


@pytest.mark.parametrize(
    ("target", "package", "extra", "models"),
    [
        ("net.onnx", "onnx", "onnx", "analysing ONNX models"),
        ("keras:VGG16", "keras", "keras", "analysing Keras models"),
        ("dogs.keras", "keras", "keras", "analysing Keras models"),
    ],
)
def test_what_is_missing_is_named_with_its_extra(
    run: Run,
    net: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    package: str,
    extra: str,
    models: str,
) -> None:
    monkeypatch.chdir(net.parent)
    (net.parent / "dogs.keras").write_bytes(b"")
    monkeypatch.setitem(sys.modules, package, None)
    result = run("analyze", target, *INPUT)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-2:] == [
        f"fieldscope: {models} needs {package}, which isn't installed",
        f'  install fieldscope[{extra}]: pip install "fieldscope[{extra}]"',
    ]


@pytest.fixture
def jaxnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jaxnet.py").write_text(IN_JAX)
    return tmp_path / "jaxnet.py"


@pytest.mark.usefixtures("jaxnet")
def test_a_function_of_jax_is_analysed(run: Run) -> None:
    result = run("analyze", "jaxnet.py:apply", "--input", "1x32x48x3")
    assert result.exit_code == 0, result.stderr
    assert "1×15×23×3     3       2" in result.stdout


@pytest.mark.usefixtures("jaxnet")
@pytest.mark.parametrize(
    ("name", "said"),
    [("branching", "jaxnet.py:8"), ("scaled", "close over what isn't an input")],
)
def test_what_cannot_be_traced_is_told_with_its_place(run: Run, name: str, said: str) -> None:
    result = run("analyze", f"jaxnet.py:{name}", "--input", "1x32x48x3")
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_operators_of_other_frameworks_are_listed(run: Run) -> None:
    result = run("operators", "--framework", "onnx", "ConvTranspose", "--width", "80")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("ONNX operators  1 with a rule\n")
    names = json.loads(run("operators", "--framework", "jax", "--json", "-").stdout)["operators"]
    assert "jax.conv_general_dilated" in {one["name"] for one in names}


def test_a_framework_of_another_name_is_refused(run: Run, net: Path) -> None:
    result = run("analyze", str(net), "--framework", "caffe")
    assert result.exit_code == 2
    assert "'caffe' is not one of" in result.stderr


@pytest.mark.parametrize("framework", ["torch", "jax", "keras"])
def test_a_file_of_another_framework_than_said_is_told(run: Run, net: Path, framework: str) -> None:
    result = run("analyze", str(net), *INPUT, "--framework", framework)
    assert result.exit_code == 2
    assert "net.onnx holds a model of onnx, not of" in result.stderr


def test_shapes_are_advised_in_options() -> None:
    said = for_the_command("its extents are open\ngive its shape with batch, such as (1, 224, 3)")
    assert said.endswith("give its shape with batch, such as --input 1x224x3")
