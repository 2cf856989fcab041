"""Edits carried out on a copy of a PyTorch module, or refused with the reason.

Only the configuration of the modules themselves is edited. What follows from other code, such as
a forward that calls functions on a layer's weights, is refused where it can be seen, and comes
to light in the run of the edited model where it can't.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import nn

from fieldscope.analyses.edits import Edit, Refit, Remove, Repeat, Reshape
from fieldscope.errors import EditError, ModelError
from fieldscope.redesign.torch import features, windows
from fieldscope.redesign.torch.calls import Call, Calls
from fieldscope.wording import listed, meant

# Layers first, so that copies of blocks have what was edited inside them.
_ORDER: tuple[type[Edit], ...] = (Reshape, Refit, Remove, Repeat)


def applied(
    model: nn.Module,
    edits: Sequence[Edit],
    *,
    calls: Calls | None = None,
    seed: int = 0,
) -> nn.Module:
    """Carry edits out on a copy of a module; the module itself stays as it is.

    Args:
        model: the module, with values for its weights or without (on the meta device).
        edits: in the names of its modules; a removed one is replaced by the identity, a
            repeated one by a sequence of it and its copies.
        calls: how the model calls its modules, from `calls_of`; without it, what only a run
            shows is not looked at.
        seed: of weights that begin anew.

    Raises:
        EditError: an edit can't be carried out safely, or edits contradict one another; the
            message says why.
        ModelError: the model can't be copied.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 7, stride=2, padding=3), nn.MaxPool2d(2))
        >>> stem = Reshape("0", kernel=(3, 3), stride=(1, 1), padding=(1, 1))
        >>> applied(net, [stem, Remove("1")])
        Sequential(
          (0): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
          (1): Identity()
        )
    """
    contradiction = _contradiction(edits)
    if contradiction:
        raise EditError(f"the edits contradict one another: {contradiction}")
    for edit in edits:
        why = why_not(model, edit, calls=calls)
        if why is not None:
            raise EditError(_refused(model, edit, why))
    made = copied(model)
    modules = {place_of(edit): made.get_submodule(place_of(edit)) for edit in edits}
    devices = sorted({one.get_device() for one in made.parameters() if one.is_cuda})
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        for edit in in_order(edits):
            _carry_out(made, modules[place_of(edit)], edit)
    return made


def in_order(edits: Sequence[Edit]) -> list[Edit]:
    """Edits in the order in which their paths stay those of the model as it was.

    Layers come before blocks, so that copies of blocks have what was edited inside them, and
    inner blocks before outer ones.

    >>> in_order([Repeat("a", 1), Repeat("a.b", 1), Remove("c"), Refit("fc", 3)])
    [Refit(layer='fc', features=3), Remove(module='c'), Repeat(module='a.b', times=1),
     Repeat(module='a', times=1)]
    """

    def key(edit: Edit) -> tuple[int, int]:
        blocks = isinstance(edit, (Remove, Repeat))
        return _ORDER.index(type(edit)), -place_of(edit).count(".") if blocks else 0

    return sorted(edits, key=key)


def copied(model: nn.Module) -> nn.Module:
    """A copy of a module with memory of its own.

    Raises:
        ModelError: it can't be copied.
    """
    try:
        return copy.deepcopy(model)
    except Exception as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise ModelError(
            f"cannot edit a copy of {type(model).__name__}, since it can't be copied: {reason}\n"
            "remove what is computed from other weights (weight_norm, hooks that hold tensors), or "
            "build the model anew"
        ) from error


def place_of(edit: Edit) -> str:
    """The path of the module that an edit is about."""
    return edit.layer if isinstance(edit, (Reshape, Refit)) else edit.module


def why_not(model: nn.Module, edit: Edit, *, calls: Calls | None = None) -> str | None:
    """Why an edit can't be carried out on a model; None if nothing is known against it."""
    path = place_of(edit)
    module = dict(model.named_modules(remove_duplicate=False)).get(path)
    if module is None or not path:
        return _not_there(model, path)
    if isinstance(model, torch.jit.ScriptModule):
        return "the model is a compiled script"
    found = _why_not_called(path, calls)
    if found is not None:
        return found
    held = [name for name, one in model.named_modules(remove_duplicate=False) if one is module]
    if len(held) > 1:
        return f"it is one module under several names: {listed(held, most=3)}"
    call = None if calls is None else calls[path]
    match edit:
        case Reshape():
            return windows.why_not(module, edit) or _why_shared(model, path, edit)
        case Refit():
            return features.why_not(module, edit.features) or _why_shared(model, path, edit)
        case Remove():
            return _why_not_out(call)
        case Repeat():
            return _why_not_again(call, edit)


def frozen(model: nn.Module, calls: Calls) -> Iterator[tuple[str, str]]:
    """The sliding layers whose window can't be edited, and blocks that can't be taken out.

    Example:
        >>> from fieldscope.redesign.torch.calls import calls_of
        >>> class Own(nn.Conv2d):
        ...     def forward(self, x):
        ...         return super().forward(x)
        >>> net = nn.Sequential(Own(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))
        >>> dict(frozen(net, calls_of(net, (1, 3, 10, 12))))
        {'0': 'its class Own slides its window in a way of its own'}
    """
    paths: dict[int, list[str]] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        paths.setdefault(id(module), []).append(path)
    owners = _owners(model)
    for path, module in model.named_modules():
        if windows.base_of(module) is None or not path:
            continue
        why = _why_not_called(path, calls) or windows.why_not_at_all(module)
        if why is None and len(paths[id(module)]) > 1:
            why = f"it is one module under several names: {listed(paths[id(module)], most=3)}"
        if why is None and isinstance(module, windows.WITH_WEIGHTS):
            why = windows.why_weights_stay(module) or _shared(owners, path, module)
        if why is not None:
            yield path, why


def _why_not_called(path: str, calls: Calls | None) -> str | None:
    if calls is None:
        return None
    call = calls.get(path)
    if call is None:
        return "the model doesn't call it as a module, so that its code would not follow"
    if call.times > 1:
        return f"the model calls it {call.times} times"
    return None


def _why_not_out(call: Call | None) -> str | None:
    if call is None:
        return None
    if call.arguments != 1:
        return f"it is called with {call.arguments} arguments, so nothing says what passes on"
    if call.given is None or call.result is None:
        return "what it takes or gives is not one tensor"
    return None


def _why_not_again(call: Call | None, edit: Repeat) -> str | None:
    if edit.times < 1:
        return f"{edit.times} copies were asked for, and one is the least"
    if call is None or call.keeps_shape:
        return None
    return _why_not_out(call) or (
        f"it makes {_shown(call.result)} of {_shown(call.given)}, so it can't follow itself"
    )


def _why_shared(model: nn.Module, path: str, edit: Reshape | Refit) -> str | None:
    if isinstance(edit, Reshape) and edit.kernel is None:
        return None
    return _shared(_owners(model), path, model.get_submodule(path))


def _owners(model: nn.Module) -> dict[int, list[str]]:
    owners: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        owners.setdefault(id(parameter), []).append(name)
    return owners


def _shared(owners: Mapping[int, Sequence[str]], path: str, module: nn.Module) -> str | None:
    for parameter in module.parameters(recurse=False):
        others = [name for name in owners.get(id(parameter), ()) if name.rpartition(".")[0] != path]
        if others:
            return f"it shares weights with {listed(others, most=3)}"
    return None


def _not_there(model: nn.Module, path: str) -> str:
    if not path:
        return "it is the model itself"
    names = [name for name, _ in model.named_modules() if name]
    kind = "a function that its code calls, and no module" if "#" not in path else "a second call"
    near = meant(path, names)
    return f"there is no such module{near}" if near else f"it is {kind}"


def _carry_out(model: nn.Module, module: nn.Module, edit: Edit) -> None:
    match edit:
        case Reshape():
            windows.reshape(module, edit)
        case Refit(features=number):
            features.refit(module, number)
        case Remove(module=path):
            identity = nn.Identity()
            identity.train(module.training)
            _put(model, path, identity)
        case Repeat(module=path, times=times):
            again = [anew(module) for _ in range(times)]
            together = nn.Sequential(module, *again)
            together.train(module.training)
            _put(model, path, together)


def anew(block: nn.Module) -> nn.Module:
    """A copy of a block whose layers begin anew, by their own initialisation.

    Parameters of modules that have no initialisation of their own (`reset_parameters`) keep
    the values of the original.
    """
    made = copied(block)
    for module in made.modules():
        reset = getattr(module, "reset_parameters", None)
        if callable(reset):
            reset()
    for old, new in zip(block.modules(), made.modules(), strict=True):
        new.training = old.training
    return made


def _put(model: nn.Module, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    model.get_submodule(parent)._modules[name] = module


def _contradiction(edits: Sequence[Edit]) -> str | None:
    for one, other in itertools.combinations(edits, 2):
        first, second = place_of(one), place_of(other)
        if first == second and type(one) is not type(other):
            kinds = {type(one), type(other)}
            if Remove in kinds:
                return f"{first} is taken out, and edited as well"
        if type(one) is type(other) and isinstance(one, (Remove, Repeat)) and first == second:
            return f"{first} is named twice"
    return None


def _refused(model: nn.Module, edit: Edit, why: str) -> str:
    verbs = {Reshape: "edit", Refit: "refit", Remove: "take out", Repeat: "repeat"}
    return (
        f"cannot {verbs[type(edit)]} {place_of(edit) or 'the model'} of "
        f"{type(model).__name__}: {why}\n"
        "leave this edit out, or change the model's own code"
    )


def _shown(shape: Sequence[int] | None) -> str:
    return "×".join(map(str, shape or ()))
