"""Read the architecture out of Keras' files, `.keras` and `.h5`, without running what is in them.

Weights aren't read. A configuration names classes and functions by module: only Keras' own, and
those that the user registered, are looked up; `safe_mode` stays on.
"""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from fieldscope.errors import FieldscopeError, ModelError
from fieldscope.frontends.blame import displayed
from fieldscope.frontends.keras import hdf5
from fieldscope.frontends.keras.shapes import first_line, without_weights

LARGEST = 64 << 20
"""Configurations of more bytes aren't read."""

_DAMAGED = "the file is damaged, or no model that Keras saved; save it again with model.save()"

DEEPEST = 200
"""Configurations that are nested deeper aren't read."""

RUN_CODE = {
    "Lambda": "runs Python code that the file brings",
    "__lambda__": "runs Python code that the file brings",
    "TFSMLayer": "loads another SavedModel, and runs it",
    "TorchModuleWrapper": "unpickles a PyTorch module",
    "JaxLayer": "runs Python code that the file brings",
    "FlaxLayer": "runs Python code that the file brings",
    "__typespec__": "names a class of TensorFlow",
}
"""Classes that can't be read from a file safely."""

_FUNCTIONS = frozenset(
    """
    activations initializers regularizers constraints losses metrics ops random quantizers
    """.split()
)
_CLASSES = _FUNCTIONS | frozenset(
    ["layers", "models", "dtype_policies", "optimizers", "applications", "preprocessing"]
)
"""Parts of Keras that a configuration may name functions and classes of."""


def load(path: str | Path) -> Any:
    """The model in a `.keras` or `.h5` file, its weights without values.

    Raises:
        ModelError: there is no such file, it holds no model, or none that can be read safely.
    """
    path = Path(path)
    shown = displayed(path)
    if path.is_dir():
        raise ModelError(f"{shown} is a folder\ngive the file that model.save() wrote")
    if not path.is_file():
        raise ModelError(f"there is no file {shown}\ncheck the path")
    with path.open("rb") as file:
        zipped = file.read(4) == b"PK\x03\x04"
    config = _zipped(path, shown) if zipped else _hdf5(path, shown)
    check(config, shown)
    try:
        with without_weights():
            model = _built(config, legacy=not zipped)
    except FieldscopeError:
        raise
    except Exception as error:
        raise _explained(error, shown) from error
    if not isinstance(model, keras.Layer):
        raise ModelError(f"{shown} holds a {type(model).__name__}, and not a Keras model")
    return model


def _zipped(path: Path, shown: str) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open("config.json") as file:
            text = file.read(LARGEST + 1)
    except KeyError:
        raise ModelError(
            f"{shown} is a zip file without config.json, and so no Keras model\n"
            "save it with model.save('model.keras')"
        ) from None
    except Exception as error:  # zlib, zipfile and struct each raise their own
        raise ModelError(f"cannot read {shown}: {first_line(error)}\n{_DAMAGED}") from error
    return _parsed(text, shown)


def _hdf5(path: Path, shown: str) -> dict[str, Any]:
    found = hdf5.read(path, LARGEST)
    if found.fault:
        raise ModelError(f"cannot read {shown}: {found.fault}\n{_DAMAGED}")
    if found.config is None:
        what = "weights only" if found.weights else "no Keras model"
        raise ModelError(
            f"{shown} holds {what}: it has no model_config\n"
            "build the model in code, or save the whole of it with model.save()"
        )
    return _parsed(found.config, shown)


def _parsed(text: Any, shown: str) -> dict[str, Any]:
    if not isinstance(text, bytes) or len(text) > LARGEST:
        raise ModelError(
            f"the configuration in {shown} is no text of a sensible length\n{_DAMAGED}"
        )
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"cannot read the configuration in {shown}: {first_line(error)}\n{_DAMAGED}"
        ) from error
    if not isinstance(config, dict) or "class_name" not in config:
        raise ModelError(f"the configuration in {shown} describes no model\n{_DAMAGED}")
    return config


def check(config: Any, shown: str, depth: int = 0) -> None:
    """Refuse configurations that name what may not be looked up.

    Raises:
        ModelError: one names a class or function of another module, or one that runs code.
    """
    if depth > DEEPEST:
        raise ModelError(f"the configuration in {shown} is nested too deeply\n{_DAMAGED}")
    if isinstance(config, list):
        for one in config:
            check(one, shown, depth + 1)
    elif isinstance(config, dict):
        _check_one(config, shown)
        for one in config.values():
            check(one, shown, depth + 1)


def _check_one(config: dict[str, Any], shown: str) -> None:
    name = config.get("class_name")
    if name is None and "module" not in config:
        return
    if not all(isinstance(one, str | None) for one in (name, config.get("registered_name"))):
        raise ModelError(f"the configuration in {shown} has a class without a name\n{_DAMAGED}")
    registered = keras.saving.get_custom_objects()
    if config.get("registered_name") in registered or name in registered:
        return
    if name in RUN_CODE:
        inner = config.get("config")
        label = inner.get("name") if isinstance(inner, dict) else None
        raise ModelError(
            f"{shown} has a {name}{f' ({label})' if label else ''}, which {RUN_CODE[name]}: "
            "it isn't loaded\n"
            "build the model in code and pass it to fieldscope.analyze()"
        )
    inner = config.get("config")
    vocabulary = inner.get("vocabulary") if isinstance(inner, dict) else None
    if isinstance(vocabulary, str):
        raise ModelError(
            f"{shown} has a {name} that reads the file {vocabulary!r}: it isn't loaded\n"
            "build the model in code and pass it to fieldscope.analyze()"
        )
    module = config.get("module")
    if module is None or (module == "builtins" and name in ("function", None)):
        return
    if not isinstance(module, str) or not _is_keras_own(module, function=name == "function"):
        raise ModelError(
            f"{shown} needs {config.get('registered_name') or name} of {module}, which isn't "
            "Keras' own\n"
            "register it with keras.saving.register_keras_serializable(), or build the model in "
            "code and pass it to fieldscope.analyze()"
        )


def _is_keras_own(module: str, *, function: bool) -> bool:
    root, *parts = module.split(".")
    if root != "keras":
        return False
    parts = parts[1:] if parts[:1] == ["src"] else parts
    if not parts:
        return not function
    return parts[0] in (_FUNCTIONS if function else _CLASSES)


def _built(config: dict[str, Any], *, legacy: bool) -> Any:
    from keras.src.saving import serialization_lib

    with serialization_lib.SafeModeScope(safe_mode=True), _legacy(legacy):
        if legacy:
            from keras.src.legacy.saving import json_utils, saving_utils

            return saving_utils.model_from_config(json_utils.decode(json.dumps(config)))
        return keras.saving.deserialize_keras_object(config, safe_mode=True)


@contextlib.contextmanager
def _legacy(legacy: bool) -> Iterator[None]:
    if not legacy:
        yield
        return
    from keras.src.legacy.saving import saving_options

    with saving_options.keras_option_scope(use_legacy_config=True):
        yield


def _explained(error: Exception, shown: str) -> ModelError:
    text = first_line(error)
    if "Unknown layer" in str(error) or "Could not locate" in str(error) or "custom" in text:
        step = (
            "register its classes with keras.saving.register_keras_serializable(), or build the "
            "model in code and pass it to fieldscope.analyze()"
        )
    else:
        step = "load it with Keras where it was saved, and save it again as .keras"
    return ModelError(f"cannot build the model in {shown}: {text}\n{step}")
