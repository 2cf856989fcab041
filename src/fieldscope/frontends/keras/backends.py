"""Keras, imported on a backend that is installed."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from fieldscope.errors import MissingExtraError
from fieldscope.optional import require

INSTALLED = ("tensorflow", "jax", "torch")
"""Backends in the order in which they are looked for."""


def imported() -> ModuleType:
    """Keras, imported as the user set it up, or on the first backend that is installed.

    Where neither `KERAS_BACKEND` nor Keras' own settings (`~/.keras/keras.json`) name a
    backend and TensorFlow, Keras' default, isn't installed, `KERAS_BACKEND` is set to JAX or
    PyTorch before Keras is imported.

    Raises:
        MissingExtraError: neither Keras nor any backend is installed.
    """
    if "keras" not in sys.modules and "KERAS_BACKEND" not in os.environ and not _configured():
        found = next((name for name in INSTALLED if find_spec(name) is not None), None)
        if found is None and find_spec("keras") is not None:
            raise MissingExtraError(
                "analysing Keras models needs a backend: TensorFlow, JAX or PyTorch\n"
                'install fieldscope[keras]: pip install "fieldscope[keras]"',
                name="tensorflow",
            )
        if found not in (None, INSTALLED[0]):
            os.environ["KERAS_BACKEND"] = str(found)
    return require("keras", extra="keras", purpose="analysing Keras models")


def _configured() -> bool:
    """Whether Keras' own settings name a backend that is installed."""
    home = Path(os.environ.get("KERAS_HOME", Path("~").expanduser() / ".keras"))
    try:
        named = json.loads((home / "keras.json").read_text())["backend"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return isinstance(named, str) and find_spec(named) is not None
