"""Load trained weights into a module, from a file or from where they are published."""

from __future__ import annotations

import contextlib
import re
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from fieldscope.errors import FieldscopeError, ModelError
from fieldscope.frontends.blame import displayed, told
from fieldscope.frontends.torch.checkpoints import Weights, read
from fieldscope.optional import require
from fieldscope.wording import counted, listed

if TYPE_CHECKING:
    import torch

Renaming: TypeAlias = Sequence[tuple[str, str]]
"""Regular expressions, and what takes the place of what they match at the start of a key."""

HUB = "hub"
"""In the place of a file: those that the model's own library publishes."""

# What wrappers put before all keys: DataParallel, Lightning and others, torch.compile.
_PREFIXES = ("module.", "model.", "_orig_mod.", "net.", "backbone.")
_MOST = 6
_EXAMPLE = r"module\.basenet\.slice\d+\.=features."


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of loading weights.

    Attributes:
        source: the file, as a message names it.
        loaded: keys of the module that were filled.
        missing: keys of the module that the file doesn't have.
        unexpected: keys of the file that the module doesn't have.
        mismatched: keys that both have with other shapes: key, the file's, the module's.
        unlike: the same of types of numbers, where one can't stand for the other.
    """

    source: str
    loaded: tuple[str, ...]
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = ()
    unlike: tuple[tuple[str, str, str], ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every weight of the module was filled and none was left over."""
        return not (self.missing or self.unexpected or self.mismatched or self.unlike)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was loaded and what wasn't.

        >>> Loaded("a.pth", ("0.weight",), missing=("1.bias",)).sentences
        ('a.pth: 1 of 2 weights loaded', 'missing in the file: 1 weight, of 1')
        """
        left = len(self.missing) + len(self.mismatched) + len(self.unlike)
        own = len(self.loaded) + left
        found = [f"{self.source}: {len(self.loaded):,} of {counted(own, 'weight')} loaded"]
        if self.missing:
            found.append(f"missing in the file: {_modules(self.missing)}")
        if self.unexpected:
            found.append(f"not of this model: {_modules(self.unexpected)}")
        if self.mismatched:
            each = [f"{key} ({theirs}, not {own})" for key, theirs, own in self.mismatched]
            found.append(f"of another shape: {listed(each, most=_MOST)}")
        if self.unlike:
            types = [f"{key} ({theirs}, not {own})" for key, theirs, own in self.unlike]
            found.append(f"of another type: {listed(types, most=_MOST)}")
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "source": self.source,
            "loaded": len(self.loaded),
            "missing": list(self.missing),
            "unexpected": list(self.unexpected),
            "mismatched": [[key, list(one), list(two)] for key, one, two in self.mismatched],
            "unlike": [list(one) for one in self.unlike],
        }


def _modules(keys: Sequence[str]) -> str:
    """Count keys, and name the modules that they are of.

    >>> _modules(["0.weight", "0.bias", "head.weight"])
    '3 weights, of 0 and head'
    """
    modules = dict.fromkeys(key.rpartition(".")[0] or key for key in keys)
    return f"{counted(len(keys), 'weight')}, of {listed(list(modules), most=_MOST)}"


def load_weights(
    model: torch.nn.Module, file: str | Path, *, renamed: Renaming = (), strict: bool = False
) -> Loaded:
    r"""Fill a module with the weights of a file.

    What the file lacks stays as it is, what it has beyond the module is left out; both are
    listed in what is returned.

    Args:
        model: the module, which is changed in place.
        file: a `.safetensors` file or one that `torch.save` wrote.
        renamed: (pattern, text) pairs for keys that another program named: the text takes the
            place of what the regular expression matches at the start of a key.
        strict: refuse anything but a complete match.

    Raises:
        ModelError: the file can't be read safely, holds no weights, or none that fit.

    Example:
        >>> import tempfile, torch
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     torch.save({"body.weight": torch.ones(1, 1, 3)}, f"{folder}/a.pth")
        ...     conv = torch.nn.Conv1d(1, 1, 3)
        ...     found = load_weights(conv, f"{folder}/a.pth", renamed=[(r"body\.", "")])
        >>> found.loaded, found.missing, conv.weight.tolist()
        (('weight',), ('bias',), [[[1.0, 1.0, 1.0]]])
    """
    path = Path(file)
    return filled(model, read(path), source=displayed(path), renamed=renamed, strict=strict)


def filled(
    model: torch.nn.Module,
    weights: Weights,
    *,
    source: str,
    renamed: Renaming = (),
    strict: bool = False,
) -> Loaded:
    """Fill a module with weights that have been read; see `load_weights`.

    Raises:
        ModelError: none of them fit, a pattern is none or makes two keys one, the module
            refuses them, or `strict` and they aren't complete.
    """
    own = model.state_dict()
    given = _without_prefix(_renamed(weights, renamed, source), own)
    both = {key: (one, own[key]) for key, one in given.items() if hasattr(own.get(key), "dtype")}
    mismatched = tuple(
        (key, tuple(one.shape), tuple(ours.shape))
        for key, (one, ours) in both.items()
        if not _is_lazy(ours) and one.shape != ours.shape
    )
    unlike = tuple(
        (key, _type(one), _type(ours))
        for key, (one, ours) in both.items()
        if not _stands_for(one, ours)
    )
    wrong = {key for key, _, _ in (*mismatched, *unlike)}
    fitting = {key: _plain(one) for key, (one, _) in both.items() if key not in wrong}
    # Weights that are tied have several names, of which files may have one.
    places = {_place(own[key]) for key in fitting} - {None}
    tied = tuple(key for key in own if key not in both and _place(own[key]) in places)
    found = Loaded(
        source,
        loaded=(*fitting, *tied),
        missing=tuple(key for key in own if key not in both and key not in tied),
        unexpected=tuple(key for key in given if key not in both),
        mismatched=mismatched,
        unlike=tuple(one for one in unlike if one[0] not in {key for key, _, _ in mismatched}),
    )
    if not fitting:
        raise ModelError(_nothing_fits(found, own))
    if strict and not found.complete:
        raise ModelError("\n".join((*found.sentences, "strict allows none of that")))
    meta = [key for key in fitting if own[key].is_meta]
    try:
        model.load_state_dict(fitting, strict=False, assign=bool(meta))
    except Exception as error:
        raise ModelError(
            f"the model doesn't take the weights of {source}: {told(error)}\n"
            "give it weights that were saved from a module of the same class"
        ) from error
    return found


def _is_lazy(weight: torch.Tensor) -> bool:
    """Whether a weight has no shape before it is filled."""
    from torch.nn.parameter import is_lazy

    return bool(is_lazy(weight))


def _stands_for(theirs: torch.Tensor, ours: torch.Tensor) -> bool:
    """Whether a weight of one type is the same in the other, but for rounding.

    Integers in the place of fractions are quantised by a scale that isn't known here.
    """
    if theirs.is_meta or (theirs.is_complex() and not ours.is_complex()):
        return False
    fractions = theirs.is_floating_point() or theirs.is_complex() or theirs.is_quantized
    return fractions or not ours.is_floating_point()


def _type(weight: torch.Tensor) -> str:
    return "without values" if weight.is_meta else str(weight.dtype).removeprefix("torch.")


def _plain(weight: torch.Tensor) -> torch.Tensor:
    """The weight's numbers one by one, which modules hold."""
    if weight.is_quantized:
        return weight.dequantize()
    return weight if str(weight.layout) == "torch.strided" else weight.to_dense()


def _place(weight: Any) -> tuple[Any, ...] | None:
    """Where a weight lies in memory; None where it doesn't."""
    if not hasattr(weight, "dtype") or _is_lazy(weight) or weight.is_meta or not weight.numel():
        return None
    return weight.data_ptr(), weight.shape, weight.stride()


def _nothing_fits(found: Loaded, own: Weights) -> str:
    if found.mismatched:
        key, theirs, ours = found.mismatched[0]
        return (
            f"no weight of {found.source} fits the model: {key} has shape {theirs}, and the "
            f"model's has {ours}\nbuild the model as it was trained, such as with --arg width=64"
        )
    if found.unlike:
        key, text, own_text = found.unlike[0]
        return (
            f"no weight of {found.source} fits the model: {key} is {text}, and the model's is "
            f"{own_text}\nsave the weights as floating-point numbers"
        )
    return (
        f"no weight of {found.source} has a name of this model's: it has "
        f"{listed(found.unexpected, most=3)}, and the model {listed(list(own), most=3)}\n"
        "tell how keys begin with renamed=[(PATTERN, TEXT)] (--rename PATTERN=TEXT)"
    )


def _renamed(weights: Weights, renamed: Renaming, source: str) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    before: dict[str, str] = {}
    for key, one in weights.items():
        new = key
        for pattern, text in renamed:
            try:
                match = re.match(pattern, key)
                if match is not None:
                    new = match.expand(text) + key[match.end() :]
                    break
            except (re.error, IndexError) as error:
                raise ModelError(
                    f"{pattern!r} with {text!r} is no regular expression with what takes its "
                    f"place: {error}\nsuch as {_EXAMPLE}"
                ) from error
        if new in found:
            raise ModelError(
                f"{before[new]} and {key} of {source} would both be {new}\n"
                "rename one of them to another name"
            )
        found[new], before[new] = one, key
    return found


def _without_prefix(weights: dict[str, torch.Tensor], own: Weights) -> dict[str, torch.Tensor]:
    """Take off what a wrapper put before all keys, where that makes more of them fit."""
    best = weights
    for prefix in _candidates(weights):
        bare = {key.removeprefix(prefix): one for key, one in weights.items()}
        if sum(key in own for key in bare) > sum(key in own for key in best):
            best = bare
    return best


def _candidates(weights: Weights) -> Iterator[str]:
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in weights):
            yield prefix
            for second in _PREFIXES:
                if all(key.startswith(prefix + second) for key in weights):
                    yield prefix + second


def published(target: str) -> Weights:
    """Fetch the weights that torchvision or timm publish for a model known by name.

    Raises:
        ModelError: they publish none, or the hub can't be reached.
    """
    source, _, name = target.partition(":")
    fetch = _FETCHED.get(source)
    if fetch is None:
        raise ModelError(f"no hub has weights of {target}\npass a file of them: --weights FILE")
    try:
        return fetch(name)
    except FieldscopeError:
        raise
    except Exception as error:
        raise ModelError(
            f"the weights of {target} can't be fetched from their hub: "
            f"{told(error).partition('. ')[0].rstrip('.')}\n"
            "fetch the file elsewhere and pass it: --weights FILE"
        ) from error


def _of_torchvision(name: str) -> Weights:
    from fieldscope.frontends.torch.torchvision_ops import import_torchvision

    torch = require("torch", extra="torch", purpose="reading weights")
    weights = import_torchvision().models.get_model_weights(name).DEFAULT
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    file = folder / Path(weights.url).name
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        check = re.search(r"-([a-f0-9]+)\.", file.name)
        torch.hub.download_url_to_file(weights.url, str(file), check and check[1], progress=False)
    return read(file)


def _of_timm(name: str) -> Weights:
    from fieldscope.frontends.torch.torchvision_ops import (
        import_beside_torch,
        missing_operators_allowed,
    )

    timm = import_beside_torch("timm")
    with missing_operators_allowed(), _asked_once():
        state: Weights = timm.create_model(name, pretrained=True).state_dict()
    return state


@contextlib.contextmanager
def _asked_once() -> Iterator[None]:
    """Take what is on this machine where timm's hub doesn't answer, which else is asked for long.

    The hub's library retries each of several files for half a minute, and writes a line on
    stderr every time.
    """
    constants: Any = import_module("huggingface_hub.constants")
    offline = constants.HF_HUB_OFFLINE
    try:
        request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
        urllib.request.urlopen(request, timeout=10).close()
    except OSError:
        constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline


_FETCHED: Mapping[str, Callable[[str], Weights]] = {
    "torchvision": _of_torchvision,
    "timm": _of_timm,
}
