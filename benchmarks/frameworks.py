"""Time the analysis of other frameworks' models against what their frameworks do for it anyway.

    python -m benchmarks.frameworks               tables of ratios
    python -m benchmarks.frameworks --strict      the same, with exit code 1 for a missed target

- ONNX: the whole command `fieldscope analyze resnet50.onnx`, over starting Python and importing
  onnx and NumPy (target 3); swin_t's, with thousands of calls, beside it without a target.
- Keras: the analysis, over building the model's concrete function (target 1.5).
- JAX: the analysis, over `jax.make_jaxpr` (target 1.5).

All runs of a comparison take turns; ratios are of the best runs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import claims, measures

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

Row = tuple[str, measures.Timings, measures.Timings, float | None]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    console = claims.page()
    held = []
    title = f"Analysis over the framework's own part, best of {options.repeats}"
    table = claims.table(title, "model", "analysis", "beside", "ratio", "target", "")
    for rows in (_onnx, _keras, _jax):
        for name, analysis, beside, target in rows(options.repeats):
            ratio = analysis.over(beside)
            times = (claims.milliseconds(one.best) for one in (analysis, beside))
            if target is None:
                table.add_row(name, *times, f"{ratio:.2f}", "–", "")
                continue
            claim = claims.at_most(name, ratio, target)
            table.add_row(name, *times, f"{ratio:.2f}", f"{target:g}", claim.verdict)
            held.append(claim)
    console.print(table)
    return claims.judged(held, console, strict=options.strict)


def _onnx(repeats: int) -> Iterator[Row]:
    from benchmarks.forms import of_torch

    with tempfile.TemporaryDirectory() as folder:
        for name, target in (("resnet50", 3.0), ("swin_t", None)):
            path = of_torch.FORMS["ONNX, by torch.export"](*of_torch.network(name), Path(folder))
            analysis, beside = measures.interleaved(
                [
                    _running("-m", "fieldscope", "analyze", str(path)),
                    _running("-c", "import onnx, numpy"),
                ],
                repeats=repeats,
            )
            yield f"ONNX {name}, the command", analysis, beside, target


def _running(*arguments: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def _keras(repeats: int) -> Iterator[Row]:
    import keras
    import tensorflow as tf

    import fieldscope

    for name in ("VGG16", "ResNet50", "MobileNetV2", "DenseNet121", "ConvNeXtTiny"):
        model = getattr(keras.applications, name)(weights=None)
        shape = (1, *model.input_shape[1:])

        def build(model: Any = model, shape: tuple[int, ...] = shape) -> Any:
            function = tf.function(lambda x: model(x, training=False))
            return function.get_concrete_function(tf.TensorSpec(shape))

        def analyse(model: Any = model, shape: tuple[int, ...] = shape) -> Any:
            return fieldscope.analyze(model, shape).to_dict()

        analysis, beside = measures.interleaved([analyse, build], repeats=repeats)
        yield f"Keras {name}", analysis, beside, 1.5


def _jax(repeats: int) -> Iterator[Row]:
    import jax

    import fieldscope
    from benchmarks.forms import of_jax

    module = of_jax.ResNet18()
    image = jax.ShapeDtypeStruct((1, 224, 224, 3), "float32")
    weights = jax.eval_shape(module.init, jax.random.key(0), image)
    values = jax.tree.map(lambda one: jax.numpy.zeros(one.shape, one.dtype), weights)
    tcn, unet = of_jax.TCN(), of_jax.UNet()
    made: dict[str, tuple[Callable[[Any], Any], tuple[int, ...], dict[str, Any]]] = {
        "ResNet18 (flax)": (lambda x: module.apply(values, x), (1, 224, 224, 3), {}),
        "U-Net (flax)": (unet, (1, 64, 96, 1), {}),
        "TCN (equinox)": (tcn, (4, 256), {"axes": (1,)}),
    }
    for name, (function, shape, options) in made.items():
        image = jax.ShapeDtypeStruct(shape, "float32")

        def jaxpr(function: Any = function, image: Any = image) -> Any:
            # A new function each time: jaxprs of the same one are kept.
            return jax.make_jaxpr(lambda x: function(x))(image)

        def analyse(
            function: Any = function, shape: Any = shape, options: dict[str, Any] = options
        ) -> Any:
            model = lambda x: function(x)  # noqa: E731  # likewise
            return fieldscope.analyze(model, shape, framework="jax", **options).to_dict()

        analysis, beside = measures.interleaved([analyse, jaxpr], repeats=repeats)
        yield f"JAX {name}", analysis, beside, 1.5


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.frameworks", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--repeats", metavar="N", type=int, default=7, help="runs (default 7)")
    parser.add_argument("--strict", action="store_true", help="exit with 1 for a missed target")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
