"""A function on arrays about which nothing is known: hand arrays over, get arrays back."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Literal, Protocol, TypeAlias, get_args, runtime_checkable

import numpy as np
import numpy.typing as npt

from fieldscope.errors import InputError, ModelError
from fieldscope.frontends.detection import framework_of_type
from fieldscope.optional import require
from fieldscope.wording import listed, meant

Framework: TypeAlias = Literal["numpy", "torch", "jax", "tensorflow", "keras"]
Array: TypeAlias = npt.NDArray[Any]

_HOW_TO_RUN = "pass a function of one input and one result"
_TYPES = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16"}


@runtime_checkable
class Session(Protocol):
    """What an ONNX Runtime session is asked."""

    def run(self, output_names: Any, input_feed: Any) -> Any:
        """The outputs in a list."""

    def get_inputs(self) -> Any:
        """What has a name and a type, each."""

    def get_outputs(self) -> Any:
        """What has a name, each."""


class BlackBox:
    """A function on arrays of some framework, as one from NumPy to NumPy that counts its calls.

    Args:
        function: a callable of one array, or an ONNX Runtime session (whatever has its
            methods, see `Session`) of one input and one output.
        framework: what arrays it is called with; None for those of the framework whose object it
            is, and of NumPy for any other.

    Attributes:
        calls: number of calls so far.
        dtype: the type of input that it asks for; None where it doesn't say.
    """

    def __init__(
        self, function: Callable[[Any], Any] | Session, framework: Framework | None = None
    ) -> None:
        framework = _recognised(function) if framework is None else framework
        if framework not in get_args(Framework):
            names = get_args(Framework)
            raise InputError(
                f"framework {framework!r} is unknown{meant(str(framework), names)}\n"
                f"it says what arrays the function takes: {listed(names, last='or')}"
            )
        self.calls = 0
        self.dtype: np.dtype[Any] | None = None
        self._function: Callable[[Any], Any]
        if isinstance(function, Session):
            self._function = self._session(function)
        elif callable(function):
            self._function = _inferring(function) if framework == "keras" else function
        else:
            raise ModelError(
                f"probe can't call {function!r}\npass a function on arrays, a module or an "
                "ONNX Runtime session"
            )
        self._hand_over, self._calm = _handing(framework)

    def __call__(self, samples: Array) -> Array:
        """Run the function on arrays that are its own to write on.

        Warnings of floating-point arithmetic are kept quiet: NaN and overflow are made on
        purpose. Whatever the function raises passes through.
        """
        self.calls += 1
        with warnings.catch_warnings(), np.errstate(all="ignore"), self._calm():
            warnings.simplefilter("ignore", RuntimeWarning)
            return array(self._function(self._hand_over(samples)))

    def _session(self, session: Session) -> Callable[[Any], Any]:
        inputs, outputs = session.get_inputs(), session.get_outputs()
        for word, found in (("inputs", inputs), ("outputs", outputs)):
            if len(found) != 1:
                names = listed([repr(one.name) for one in found])
                raise ModelError(
                    f"the session has {len(found)} {word}: {names}\n{_HOW_TO_RUN}: "
                    "lambda x: session.run([one output], {one input: x, ...})[0]"
                )
        (one,) = inputs
        if one.type not in _TYPES:
            raise ModelError(
                f"the session's input {one.name!r} is a {one.type}; a probe changes numbers "
                f"with a point\n{_HOW_TO_RUN} on such numbers, behind the integers"
            )
        self.dtype = np.dtype(_TYPES[one.type])
        return lambda samples: session.run(None, {one.name: samples})[0]


def _recognised(function: object) -> Framework:
    """The arrays of a model of a known framework; a plain function may convert them itself."""
    found = framework_of_type(type(function))
    return "numpy" if found is None or found == "onnx" or found == "fieldscope" else found


def _inferring(model: Callable[..., Any]) -> Callable[[Any], Any]:
    """A Keras model as it predicts, not as it trains."""
    return lambda samples: model(samples, training=False)


@contextmanager
def _no_gradients(torch: Any) -> Iterator[None]:
    with torch.no_grad():
        yield


def _handing(framework: Framework) -> tuple[Callable[[Array], Any], Callable[[], Any]]:
    """What turns NumPy arrays into the framework's, and the context to call in."""
    purpose = f"probing with framework={framework!r}"
    match framework:
        case "torch":
            torch = require("torch", purpose=purpose, extra="torch")
            return torch.from_numpy, lambda: _no_gradients(torch)
        case "jax":
            return require("jax.numpy", purpose=purpose, extra="jax").asarray, nullcontext
        case "tensorflow":
            tensorflow = require("tensorflow", purpose=purpose, extra="keras")
            return tensorflow.convert_to_tensor, nullcontext
        case "keras":
            ops = require("keras.ops", purpose=purpose, extra="keras")
            return ops.convert_to_tensor, nullcontext
        case _:
            return lambda samples: samples, nullcontext


def array(result: Any) -> Array:
    """What a function returned as an array of its own, whatever framework it is of."""
    if isinstance(result, Mapping):
        return array(_only(list(result.values()), result))
    if isinstance(result, (list, tuple)) and any(hasattr(one, "shape") for one in result):
        return array(_only(list(result), result))
    if hasattr(result, "detach"):
        # NumPy has no bfloat16; every such number is a float32.
        result = result.float() if "bfloat16" in str(result.dtype) else result
        result = result.numpy(force=True)  # detached, on the CPU, conjugated if it is to be
    found = np.array(result)
    if found.dtype.kind not in "biufc":
        raise ModelError(
            f"the function returned {type(result).__name__!r}, which is no array of numbers\n"
            f"{_HOW_TO_RUN}"
        )
    return found


def _only(results: list[Any], whole: Any) -> Any:
    if len(results) != 1:
        kind = type(whole).__name__
        raise ModelError(
            f"the function returned a {kind} of {len(results)} arrays\n"
            f"{_HOW_TO_RUN}: lambda x: f(x)[...]"
        )
    return results[0]
