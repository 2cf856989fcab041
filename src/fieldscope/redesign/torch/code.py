"""A proposal as Python code that a person could have written; it stands on PyTorch alone."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from fieldscope.analyses.edits import Edit, Refit, Remove, Repeat, Reshape
from fieldscope.redesign.torch import constructors, windows
from fieldscope.redesign.torch.applying import in_order
from fieldscope.redesign.words import Windows, sentences

if TYPE_CHECKING:
    from fieldscope.redesign.figures import Figures
    from fieldscope.redesign.refinement import Proposal

_LINE = 96
# Layers that can be refitted and do something else in training.
_MODAL = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_KEEPING = '''
def keeping(old: nn.Module, new: nn.Module) -> nn.Module:
    """Give a new layer the middle of an old one's weights, and zeros around it."""
    new = new.to(old.weight).train(old.training)
    taken, put = [slice(None)] * 2, [slice(None)] * 2
    for have, want in zip(old.kernel_size, new.kernel_size):
        both, cut, pad = min(have, want), max(have - want, 0) // 2, max(want - have, 0) // 2
        taken.append(slice(cut, cut + both))
        put.append(slice(pad, pad + both))
    with torch.no_grad():
        new.weight.zero_()
        new.weight[tuple(put)] = old.weight[tuple(taken)]
        if old.bias is not None:
            new.bias.copy_(old.bias)
            new.bias.requires_grad_(old.bias.requires_grad)
    new.weight.requires_grad_(old.weight.requires_grad)
    return new
'''
_ANEW = '''
def anew(block: nn.Module) -> nn.Module:
    """Copy a block; its layers begin with weights of their own."""
    block = copy.deepcopy(block)
    for module in block.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return block
'''


@dataclass(frozen=True, slots=True)
class Maker:
    """How the code makes the model that it edits.

    Attributes:
        imports: names of the modules that it takes.
        model: the expression that makes it.
        setup: lines behind the imports, that make other modules known.
    """

    imports: tuple[str, ...]
    model: str
    setup: tuple[str, ...] = ()


def patch(proposal: Proposal, model: nn.Module, maker: Maker | None = None) -> str:
    """Write a proposal as code.

    Args:
        proposal: what is done.
        model: the module that it is done to, for the configuration of its layers.
        maker: how to make the model, for a function `build()`; without it there is only
            `refine(model)`.
    """
    body = [line for edit in in_order(proposal.edits) for line in _statements(model, edit)]
    text = "\n".join(body)
    keeping, anew = "keeping(" in text, "anew(" in text
    maker_needs = () if maker is None else maker.imports
    needs = {*maker_needs, *(("copy",) if anew else ()), *(("torch",) if keeping else ())}
    own = sorted(one for one in needs if one.partition(".")[0] in sys.stdlib_module_names)
    others = [f"import {one}" for one in sorted(needs - {*own})]
    parts = [_head(proposal)]
    if own:
        parts.append("\n".join(f"import {one}" for one in own))
    parts.append("\n".join([*others, "from torch import nn"]))
    if maker is not None and maker.setup:
        parts.append("\n".join(maker.setup))
    if maker is not None:
        parts.append(
            "\ndef build() -> nn.Module:\n"
            '    """Make the network and refine it."""\n'
            f"    return refine({maker.model})"
        )
    parts.append(
        "\ndef refine(model: nn.Module) -> nn.Module:\n"
        f'    """Edit the {type(model).__name__} where it is, and return it."""\n'
        + textwrap.indent(text, "    ")
        + "\n    return model"
    )
    parts += [part.rstrip() for part, used in ((_KEEPING, keeping), (_ANEW, anew)) if used]
    return "\n\n".join(parts) + "\n"


def _head(proposal: Proposal) -> str:
    """What the code does, and the figures before and after."""
    first = f"{proposal.model}, refined{_inputs(proposal)}: {proposal.title}."
    lines = [
        *textwrap.wrap(first, _LINE - 4, break_on_hyphens=False),
        "",
        *(f"  {one}" for sentence in proposal.words for one in _folded(sentence)),
        "",
        *_compared(proposal.before, proposal.after),
    ]
    text = "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''")
    return f'"""{text}\n"""'


def _inputs(proposal: Proposal) -> str:
    if not proposal.verified:
        return ""
    shapes = (f"{one.name} {_sizes(one.shape)}" for one in proposal.report.inputs)
    return f" for {', '.join(shapes)}"


def _folded(sentence: str) -> list[str]:
    return textwrap.wrap(sentence, _LINE - 4, subsequent_indent="  ", break_on_hyphens=False)


def _compared(before: Figures, after: Figures) -> Iterator[str]:
    rows = [("", "before", "after")]
    rows.append(("unproductive layers", f"{before.unproductive:,}", f"{after.unproductive:,}"))
    rows.append(("convolutions of them", f"{before.convolutions:,}", f"{after.convolutions:,}"))
    rows.append(("largest field", _sizes(before.size), _sizes(after.size)))
    rows.append(("stride", _sizes(before.stride), _sizes(after.stride)))
    rows.append(("parameters", f"{before.parameters:,}", f"{after.parameters:,}"))
    rows.append(("multiply-accumulates", f"{before.macs:,}", f"{after.macs:,}"))
    wide = [max(len(row[at]) for row in rows) for at in range(3)]
    for name, old, new in rows:
        yield f"{name.ljust(wide[0])}  {old.rjust(wide[1])}  {new.rjust(wide[2])}".rstrip()


def _sizes(values: Any) -> str:
    return "x".join(str(one) for one in values) or "-"


def _statements(model: nn.Module, edit: Edit) -> Iterator[str]:
    before: Windows = {}
    match edit:
        case Reshape(layer=path):
            module = model.get_submodule(path)
            window = windows.window_of(module)
            if not isinstance(window.padding, str):
                old = Reshape(path, window.kernel, window.stride, window.padding, window.dilation)
                before = {path: old}
            yield from _said(edit, before)
            yield from _reshaped(model, module, edit)
        case Refit(layer=path, features=features):
            module = model.get_submodule(path)
            made = constructors.refitted(module, features)
            own = constructors.path_of(model, path)
            weight = next(module.parameters(recurse=False), None)
            if weight is not None:
                made += f".to({own}.weight)"
                if not weight.requires_grad:
                    made += ".requires_grad_(False)"
            if isinstance(module, _MODAL):
                made += f".train({own}.training)"
            yield from _said(edit, before)
            yield from _broken(constructors.assignment(model, path, made))
        case Remove(module=path):
            yield from _said(edit, before)
            yield constructors.assignment(model, path, "nn.Identity()")
        case Repeat(module=path, times=times):
            block = constructors.path_of(model, path)
            copies = ", ".join([block, *[f"anew({block})"] * times])
            yield from _said(edit, before)
            yield from _broken(constructors.assignment(model, path, f"nn.Sequential({copies})"))


def _said(edit: Edit, before: Windows) -> Iterator[str]:
    for sentence in sentences([edit], before):
        yield f"# {sentence}"


def _reshaped(model: nn.Module, module: nn.Module, edit: Reshape) -> Iterator[str]:
    """A layer with another window: its attributes, where the weights stay; else a new one."""
    old = windows.window_of(module)
    new = windows.edited(old, edit)
    path = constructors.path_of(model, edit.layer)
    if not isinstance(module, windows.WITH_WEIGHTS):
        made = constructors.pooling(module, edit)
        yield from _broken(constructors.assignment(model, edit.layer, made))
        return
    held: Any = module
    if new.kernel == old.kernel and held.padding_mode == "zeros":
        for name in ("stride", "padding", "dilation"):
            if getattr(new, name) != getattr(old, name):
                yield f"{path}.{name} = {getattr(new, name)!r}"
        return
    made = constructors.convolution(module, edit)
    yield from _broken(constructors.assignment(model, edit.layer, f"keeping({path}, {made})"))


def _broken(text: str, room: int = _LINE) -> Iterator[str]:
    """A statement or call on one line if it fits; else what it takes, a line each."""
    start = text.find("(", text.find(" = ") + 1) + 1
    if len(text) <= room or not start:
        yield text
        return
    depth, end = 1, start
    while depth:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    yield text[:start]
    for argument in _arguments(text[start : end - 1]):
        *lines, last = _broken(argument, room - 5)
        yield from (f"    {line}" for line in lines)
        yield f"    {last},"
    yield text[end - 1 :]


def _arguments(text: str) -> Iterator[str]:
    depth, begun = 0, 0
    for at, sign in enumerate(text):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(sign, 0)
        if sign == "," and not depth:
            yield text[begun:at].strip()
            begun = at + 1
    yield text[begun:].strip()
