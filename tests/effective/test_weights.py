"""Trained weights: read without unpickling, matched by name, and told where they don't."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fieldscope.errors import ModelError
from fieldscope.frontends.torch import weights
from fieldscope.frontends.torch.weights import filled, load_weights, published
from fieldscope.frontends.torch.zoo import build
from tests.shipped import VGG16_OF_CRAFT, text_detector


def net() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(4, 3))


def trained() -> dict[str, torch.Tensor]:
    torch.manual_seed(7)
    return net().state_dict()


def same(one: nn.Module, state: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(own, state[key]) for key, own in one.state_dict().items())


@pytest.mark.parametrize(
    "held",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3, "optimizer": {"lr": 0.1}},
        lambda state: {"epoch": 1, "model": {"weights": state}},
        lambda state: {f"module.{key}": one for key, one in state.items()},
        lambda state: {"state_dict": {f"model._orig_mod.{k}": v for k, v in state.items()}},
        lambda state: OrderedDict(state),
    ],
)
def test_checkpoints_of_many_forms_fill_a_module(tmp_path: Path, held: Any) -> None:
    torch.save(held(trained()), tmp_path / "a.pth")
    one = net()
    found = load_weights(one, tmp_path / "a.pth")
    assert found.complete
    assert same(one, trained())


def test_safetensors_fill_a_module(tmp_path: Path) -> None:
    save_file(trained(), tmp_path / "a.safetensors")
    one = net()
    assert load_weights(one, tmp_path / "a.safetensors").complete
    assert same(one, trained())


def test_a_module_without_values_gets_those_of_the_file(tmp_path: Path) -> None:
    torch.save(trained(), tmp_path / "a.pth")
    with torch.device("meta"):
        one = net()
    load_weights(one, tmp_path / "a.pth")
    assert same(one, trained())


def test_what_is_missing_unexpected_or_of_another_shape_is_listed_and_left(tmp_path: Path) -> None:
    state = trained()
    del state["1.running_var"]
    state["2.weight"] = torch.ones(5, 4)
    state["head.weight"] = torch.ones(1)
    torch.save(state, tmp_path / "a.pth")
    one = net()
    before = one.state_dict()["2.weight"].clone()
    found = load_weights(one, tmp_path / "a.pth")
    assert found.missing == ("1.running_var",)
    assert found.unexpected == ("head.weight",)
    now = one.state_dict()
    assert found.mismatched == (("2.weight", (5, 4), (3, 4)),)
    assert torch.equal(now["2.weight"], before)
    assert torch.equal(now["0.weight"], state["0.weight"])
    assert found.sentences == (
        f"{tmp_path / 'a.pth'}: 7 of 9 weights loaded",
        "missing in the file: 1 weight, of 1",
        "not of this model: 1 weight, of head",
        "of another shape: 2.weight ((5, 4), not (3, 4))",
    )
    with pytest.raises(ModelError, match="strict allows none of that"):
        load_weights(one, tmp_path / "a.pth", strict=True)


def test_keys_are_renamed_by_the_first_pattern_that_matches_at_their_start() -> None:
    state = {f"net.part{key[0]}.{key}": one for key, one in trained().items()}
    one = net()
    found = filled(one, state, source="state", renamed=[(r"net\.part\d\.", ""), ("net", "x")])
    assert found.complete
    swapped = {f"b{key}": one for key, one in trained().items()}
    assert filled(net(), swapped, source="state", renamed=[(r"b(\d)\.", r"\1.")]).complete


class Tied(nn.Module):
    """One weight under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(2, 2, bias=False)
        self.b = nn.Linear(2, 2, bias=False)
        self.b.weight = self.a.weight


def test_a_weight_of_two_names_is_not_missing_where_a_file_has_one_of_them() -> None:
    one = Tied()
    found = filled(one, {"b.weight": torch.eye(2)}, source="state")
    assert found.complete
    assert torch.equal(one.a.weight, torch.eye(2))


@pytest.mark.filterwarnings("ignore::UserWarning")  # of PyTorch, about packing
@pytest.mark.parametrize(
    "packed",
    [
        torch.Tensor.to_sparse,
        torch.Tensor.to_sparse_csr,
        lambda one: torch.quantize_per_tensor(one, 0.5, 0, torch.qint8),
        torch.Tensor.half,
        torch.Tensor.double,
    ],
)
def test_weights_that_are_stored_otherwise_are_the_same(tmp_path: Path, packed: Any) -> None:
    torch.save({"weight": packed(torch.eye(2))}, tmp_path / "a.pth")
    one = nn.Linear(2, 2, bias=False)
    assert load_weights(one, tmp_path / "a.pth").complete
    assert one.weight.dtype == torch.float32
    assert torch.equal(one.weight, torch.eye(2))


def test_numbers_that_would_become_others_are_left_out_and_told() -> None:
    state = trained()
    state["0.weight"] = torch.ones(2, 1, 3, 3, dtype=torch.int8)
    state["0.bias"] = torch.ones(2) * 1j
    state["1.bias"] = torch.ones(2, device="meta")
    found = filled(net(), state, source="state")
    assert found.sentences[0] == "state: 6 of 9 weights loaded"
    assert found.sentences[1] == (
        "of another type: 0.weight (int8, not float32), 0.bias (complex64, not float32) and 1.bias "
        "(without values, not float32)"
    )
    with pytest.raises(ModelError, match=r"fits the model: 0\.weight is int8, and the model's is"):
        filled(net(), {"0.weight": state["0.weight"]}, source="state")


def test_a_lazy_module_takes_the_shapes_of_the_file() -> None:
    one = nn.Sequential(nn.LazyConv1d(2, 3))
    assert filled(one, nn.Sequential(nn.Conv1d(4, 2, 3)).state_dict(), source="state").complete
    assert one[0].weight.shape == (2, 4, 3)


class Refusing(nn.Linear):
    def _load_from_state_dict(self, *_: object) -> None:
        raise ValueError("not these")


def test_a_module_that_refuses_its_weights_is_told() -> None:
    with pytest.raises(
        ModelError, match="doesn't take the weights of state: ValueError: not these"
    ):
        filled(Refusing(1, 1), nn.Linear(1, 1).state_dict(), source="state")


@pytest.mark.parametrize(
    ("renamed", "message"),
    [
        ((r"\d", "x"), "0.weight and 2.weight of state would both be x.weight"),
        (("0", r"\9"), "invalid group reference 9"),
        (("0", r"\g<one>"), "unknown group name 'one'"),
        (("0", "\\"), "bad escape"),
    ],
)
def test_renaming_that_cannot_be_done_is_told(renamed: tuple[str, str], message: str) -> None:
    state = {"0.weight": torch.ones(2, 1, 3, 3), "2.weight": torch.ones(3, 4)}
    with pytest.raises(ModelError, match=message):
        filled(net(), state, source="state", renamed=[renamed])


def test_files_are_known_by_what_is_in_them_whatever_they_are_called(tmp_path: Path) -> None:
    save_file(trained(), tmp_path / "a.bin")
    torch.save(trained(), tmp_path / "a.safetensors")
    for name in ("a.bin", "a.safetensors"):
        assert load_weights(net(), tmp_path / name).complete


def test_what_was_fetched_in_the_place_of_weights_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ModelError, match=r"neither one that torch\.save wrote nor safetensors"):
        load_weights(net(), tmp_path / "a.bin")


def test_a_dictionary_that_holds_itself_has_no_weights(tmp_path: Path) -> None:
    content: dict[str, Any] = {}
    content["model"] = content
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ModelError, match="holds no weights by name: it has keys model"):
        load_weights(net(), tmp_path / "a.pth")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_program_is_not_opened(tmp_path: Path) -> None:
    torch.jit.script(net()).save(str(tmp_path / "a.pt"))
    with pytest.raises(ModelError, match="is a TorchScript archive, which holds a program"):
        load_weights(net(), tmp_path / "a.pt")


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("by", ["torch", "pickle"])
def test_a_file_that_would_run_code_is_not_opened(tmp_path: Path, by: str) -> None:
    file, trace = tmp_path / "a.pth", tmp_path / "was run"
    content = {"0.weight": torch.ones(2, 1, 3, 3), "evil": Evil(trace)}
    if by == "torch":
        torch.save(content, file)
    else:
        file.write_bytes(pickle.dumps(Evil(trace)))
    with pytest.raises(ModelError, match="unpickling it would run code"):
        load_weights(net(), file)
    assert not trace.exists()


def test_a_whole_pickled_model_is_not_opened(tmp_path: Path) -> None:
    torch.save(net(), tmp_path / "a.pt")
    with pytest.raises(ModelError, match=r"torch\.save\(model\.state_dict\(\), FILE\)"):
        load_weights(net(), tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.ones(3), "holds no weights by name: it has one object of type Tensor"),
        ({"epoch": 3}, "holds no weights by name: it has keys epoch"),
        ({"a.weight": torch.ones(3)}, "has a name of this model's: it has a.weight, and the model"),
        ({"0.weight": torch.ones(3)}, r"fits the model: 0.weight has shape \(3,\)"),
    ],
)
def test_files_without_weights_that_fit_are_told(
    tmp_path: Path, content: Any, message: str
) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(ModelError, match=message):
        load_weights(net(), tmp_path / "a.pth")


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"weights", b"PK\x03\x04 cut off"])
def test_broken_files_are_told(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=name):
        load_weights(net(), tmp_path / name)


def test_a_file_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "b.pth").touch()
    with pytest.raises(ModelError, match=r"no file of weights .*a\.pth\nthe folder has b\.pth"):
        load_weights(net(), tmp_path / "a.pth")
    with pytest.raises(ModelError, match="is no regular expression"):
        filled(net(), trained(), source="state", renamed=[("(", "")])


@pytest.mark.parametrize("target", ["torchvision:resnet18", "timm:resnet18"])
def test_a_hub_that_cannot_be_reached_is_told_in_one_line(
    target: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def unreachable(name: str) -> Any:
        raise OSError("Name or service not known. A long story follows.")

    monkeypatch.setattr(weights, "_FETCHED", dict.fromkeys(("torchvision", "timm"), unreachable))
    with pytest.raises(ModelError) as caught:
        published(target)
    assert str(caught.value) == (
        f"the weights of {target} can't be fetched from their hub: OSError: Name or service not "
        "known\nfetch the file elsewhere and pass it: --weights FILE"
    )


def test_torchvisions_weights_are_read_from_where_they_were_fetched_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model, _ = build("torchvision", "squeezenet1_1", values=True)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def fetched(url: str, file: str, check: str | None, progress: bool) -> None:
        assert (url.startswith("https://"), progress) == (True, False)
        assert check is not None
        torch.save(model.state_dict(), file)

    monkeypatch.setattr(torch.hub, "download_url_to_file", fetched)
    found = published("torchvision:squeezenet1_1")
    assert set(found) == set(model.state_dict())


def test_models_without_a_hub_are_told() -> None:
    with pytest.raises(ModelError, match=r"no hub has weights of \./net\.py:build"):
        published("./net.py:build")


def test_the_trained_body_of_a_text_detector_fills_vgg16() -> None:
    """CRAFT's `basenet` is VGG16 with batch norm, up to its last stage."""
    model, _ = build("torchvision", "vgg16_bn", values=True)
    found = load_weights(
        model,
        text_detector(),
        renamed=VGG16_OF_CRAFT,
    )
    assert len(found.loaded) == 84
    assert {key.split(".")[0] for key in found.missing} == {"features", "classifier"}
    assert {key.split(".")[1] for key in found.missing if key[0] == "f"} == {"40", "41"}
    assert not found.mismatched
