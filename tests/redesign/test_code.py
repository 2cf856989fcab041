"""The code of a proposal does to a model what the proposal does, and stands on PyTorch alone."""

from __future__ import annotations

import ast
import copy
from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import nn

from fieldscope.analyses.edits import Edit, Refit, Remove, Repeat, Reshape
from fieldscope.frontends.torch import zoo
from fieldscope.redesign.figures import Figures
from fieldscope.redesign.refinement import Proposal, Subject
from fieldscope.redesign.torch.applying import applied
from fieldscope.redesign.torch.code import Maker, patch
from fieldscope.redesign.words import sentences

FIGURES = Figures(1, 1, 3, (17, 9), (4, 2), 1200, 34000)


def proposal(model: nn.Module, *edits: Edit) -> Proposal:
    return Proposal(
        model="Net",
        title="less of all",
        edits=edits,
        words=sentences(edits, {}),
        before=FIGURES,
        after=FIGURES,
        verified=False,
        _subject=Subject(model),
    )


def net() -> nn.Sequential:
    """Layers under names of all kinds."""
    torch.manual_seed(0)
    named = nn.Sequential(OrderedDict([("class", nn.MaxPool2d(3, 1, 1)), ("b", nn.ReLU())]))
    return nn.Sequential(
        nn.Conv2d(3, 4, (7, 5), (2, 1), (3, 2), bias=False),
        nn.ConvTranspose2d(4, 6, 4, 2, 1, groups=2, output_padding=1),
        named,
        nn.Conv2d(6, 6, 3, padding=1, padding_mode="reflect", groups=3, dilation=1),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        nn.LPPool2d(2.0, 2, stride=1),
        nn.Sequential(nn.Conv2d(6, 6, 1), nn.ReLU()),
        nn.BatchNorm2d(6, eps=1e-3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 5, bias=False),
    )


EDITS: tuple[Edit, ...] = (
    Reshape("0", kernel=(3, 3), stride=(1, 1), padding=(1, 1)),
    Reshape("1", kernel=(6, 2), padding=(2, 0)),
    Reshape("2.class", kernel=(5, 3), padding=(2, 1)),
    Reshape("3", dilation=(2, 2), padding=(2, 2)),
    Reshape("4", stride=(1, 2)),
    Reshape("5", kernel=(3, 1)),
    Remove("2.b"),
    Repeat("6", 2),
)


def executed(code: str) -> dict[str, Any]:
    space: dict[str, Any] = {}
    exec(compile(code, "refined.py", "exec"), space)
    return space


def test_the_code_makes_the_model_that_the_proposal_makes() -> None:
    model = net()
    code = proposal(model, *EDITS).code()
    made = executed(code)["refine"](copy.deepcopy(model))
    wanted = applied(model, EDITS)
    assert repr(made) == repr(wanted)
    ours, theirs = made.state_dict(), wanted.state_dict()
    anew = [name for name in theirs if not torch.equal(ours[name], theirs[name])]
    assert {name.rpartition(".")[0] for name in anew} == {"6.1.0", "6.2.0"}
    x = torch.rand(1, 3, 12, 10)
    assert made(x).shape == wanted(x).shape == (1, 5)


def test_a_norm_that_is_refitted_keeps_its_mode() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 8, 3, padding=1), nn.BatchNorm2d(8))
    edits = (Remove("1"), Refit("2", 4))
    x = torch.rand(1, 3, 8, 8)
    for mode in (False, True):
        model.train(mode)
        made = executed(proposal(model, *edits).code())["refine"](copy.deepcopy(model))
        assert made[2].training == mode
        torch.testing.assert_close(made(x), applied(model, edits)(x))


def test_the_code_imports_pytorch_alone_and_fits_a_page() -> None:
    code = proposal(net(), *EDITS).code()
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    sources = {
        node.module for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)
    }
    assert imported | sources == {"copy", "torch"}
    assert max(map(len, code.splitlines())) <= 100


def test_weights_that_stay_are_not_made_anew() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1))
    code = proposal(model, Reshape("0", stride=(1, 2), padding=(0, 1))).code()
    body = code.partition("where it is, and return it.")[2]
    assert body.splitlines()[2:] == [
        "    model[0].stride = (1, 2)",
        "    model[0].padding = (0, 1)",
        "    return model",
    ]
    assert "def keeping" not in code


@pytest.mark.parametrize(
    ("layer", "edit", "line"),
    [
        (
            nn.Conv2d(3, 64, 7, 2, 3, bias=False),
            Reshape("0", (3, 3), (1, 1), (1, 1)),
            (
                "model[0] = keeping(model[0], nn.Conv2d(3, 64, kernel_size=3, padding=1, "
                "bias=False))"
            ),
        ),
        (nn.MaxPool2d(3, 2, 1), Remove("0"), "model[0] = nn.Identity()"),
        (
            nn.MaxPool2d(3, 2, 1),
            Reshape("0", stride=(1, 1)),
            "model[0] = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)",
        ),
        (
            nn.Linear(512, 10),
            Refit("0", 256),
            "model[0] = nn.Linear(256, 10).to(model[0].weight)",
        ),
        (
            nn.Conv1d(8, 2, 3, padding="same"),
            Refit("0", 4),
            'model[0] = nn.Conv1d(4, 2, kernel_size=3, padding="same").to(model[0].weight)',
        ),
        (
            nn.Identity(),
            Repeat("0", 2),
            "model[0] = nn.Sequential(model[0], anew(model[0]), anew(model[0]))",
        ),
    ],
)
def test_statements_read_as_a_person_writes_them(layer: nn.Module, edit: Edit, line: str) -> None:
    code = proposal(nn.Sequential(layer), edit).code()
    assert f"    {line}\n" in code


def test_a_model_of_the_zoo_is_made_before_it_is_edited() -> None:
    model, _ = zoo.build("torchvision", "resnet18")
    made = proposal(model, Remove("maxpool"), Remove("layer4"), Refit("fc", 256))
    code = patch(made, model, Maker(("torchvision",), "torchvision.models.resnet18(weights=None)"))
    assert "    return refine(torchvision.models.resnet18(weights=None))\n" in code
    assert "    model.fc = nn.Linear(256, 1000).to(model.fc.weight)\n" in code
    head = code.split('"""')[1]
    assert head.startswith("Net, refined: less of all.\n\n  maxpool and layer4: taken out\n")
    assert "largest field           17x9    17x9\n" in head


def test_names_cannot_leave_the_text_that_they_stand_in() -> None:
    given = proposal(nn.Sequential(nn.ReLU()), Remove("0"))
    evil = Proposal(**{**_fields(given), "model": 'x"""\nraise SystemExit\n"""\\'})
    executed(evil.code())


def _fields(given: Proposal) -> dict[str, Any]:
    return {name: getattr(given, name) for name in given.__dataclass_fields__}
