"""Files of exported programs come from anywhere: nothing in them is run, and all are answered."""

from __future__ import annotations

import copy
import io
import json
import pickle
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import fieldscope
from fieldscope.errors import FieldscopeError, ModelError, TraceError
from fieldscope.frontends.torch.exported import archive, trace
from tests.torch.exporting import exported, saved

Members = dict[str, bytes]


class Small(nn.Module):
    """Windows, a table, a branch, pieces and a recurrent layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.up = nn.ConvTranspose2d(4, 4, 2, 2)
        self.norm = nn.BatchNorm2d(4)
        self.recurrent = nn.LSTM(16, 2, batch_first=True)
        self.register_buffer("order", torch.tensor([2, 1, 0, 3]))
        self.order: torch.Tensor

    def forward(self, x: torch.Tensor) -> Any:
        y = self.up(self.norm(self.conv(x)).relu())[:, self.order]
        a, b = y.split(2, 1)
        y = torch.softmax(a @ b, -1)[..., torch.arange(15, -1, -1)]
        y = torch.cond(y.sum() > 0, lambda z: z.flip(-1), lambda z: z * 2, (y,))
        return self.recurrent(y.mean(1))[0]


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Members:
    path = saved(exported(Small(), torch.zeros(1, 1, 8, 8)), tmp_path_factory.mktemp("a") / "n.pt2")
    with zipfile.ZipFile(path) as file:
        return {name.partition("/")[2]: file.read(name) for name in file.namelist()}


def packed(members: Members, path: Path, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(f"net/{name}", content)
    return path


def with_json(members: Members, change: Callable[[Any], None]) -> Members:
    tree = json.loads(members["models/model.json"])
    change(tree)
    return {**members, "models/model.json": json.dumps(tree).encode()}


def nodes(tree: Any) -> list[Any]:
    return tree["graph_module"]["graph"]["nodes"]  # type: ignore[no-any-return]  # JSON


def _answer(path: Path) -> str | None:
    """What the error says; None if there is none."""
    try:
        trace(path)
    except FieldscopeError as error:
        return str(error)
    return None


class Payload:
    """What touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self._path,)


def test_pickles_in_a_file_are_not_executed(members: Members, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    harmful = pickle.dumps(Payload(touched))
    assert not touched.exists()
    changed = {
        name: harmful if name.startswith("data/") and not name.endswith(".json") else content
        for name, content in members.items()
    }
    config = json.loads(changed["data/weights/model_weights_config.json"])
    for entry in config["config"].values():
        entry["use_pickle"] = True
    changed["data/weights/model_weights_config.json"] = json.dumps(config).encode()
    report = fieldscope.analyze(trace(packed(changed, tmp_path / "net.pt2")))
    assert report["conv"].size == (3, 3)
    assert not touched.exists()
    pickle.loads(harmful)
    assert touched.exists()


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.eval",
        "torch.load",
        "torch.ops.load_library",
        "torch.ops.aten.__class__.default",
        "torch.ops.__class__.mro.default",
        "_operator.attrgetter",
        "torch.ops.higher_order.__init__",
        "math.__loader__",
    ],
)
def test_targets_that_are_no_operators_are_not_called(
    target: str, members: Members, tmp_path: Path
) -> None:
    def change(tree: Any) -> None:
        nodes(tree)[0]["target"] = target

    path = packed(with_json(members, change), tmp_path / "net.pt2")
    answer = _answer(path)
    assert answer is None or "\n" in answer
    if answer is None:
        assert not fieldscope.analyze(trace(path)).output.exact


def test_an_operator_that_opens_files_is_refused(members: Members, tmp_path: Path) -> None:
    victim = tmp_path / "victim"

    def change(tree: Any) -> None:
        nodes(tree)[0]["target"] = "torch.ops.aten.from_file.default"
        nodes(tree)[0]["inputs"] = [
            {"name": "filename", "arg": {"as_string": str(victim)}, "kind": 1},
            {"name": "shared", "arg": {"as_bool": True}, "kind": 1},
            {"name": "size", "arg": {"as_int": 10}, "kind": 1},
        ]

    with pytest.raises(ModelError, match=r"aten.from_file, which isn't run here"):
        trace(packed(with_json(members, change), tmp_path / "net.pt2"))
    assert not victim.exists()


def _constant(tree: Any, target: str, *arguments: Any) -> None:
    """Put a call on constants in front of the graph."""
    inputs = [{"name": "", "arg": argument, "kind": 1} for argument in arguments]
    nodes(tree).insert(
        0,
        {
            "target": f"torch.ops.aten.{target}",
            "inputs": inputs,
            "outputs": [{"as_tensor": {"name": "made"}}],
            "metadata": {},
        },
    )


@pytest.mark.parametrize(
    ("target", "arguments"),
    [
        ("arange.default", [{"as_int": 10**12}]),
        ("repeat.default", [{"as_tensor": {"name": "b_order"}}, {"as_ints": [10**10]}]),
        ("zeros.default", [{"as_ints": [10**9, 10**6]}]),
        (
            "_unsafe_index.Tensor",
            [{"as_tensor": {"name": "b_order"}}, {"as_tensors": [{"name": "b_order"}]}],
        ),
    ],
)
def test_constants_take_no_memory_that_a_file_could_name(
    target: str, arguments: list[Any], members: Members, tmp_path: Path
) -> None:
    def change(tree: Any) -> None:
        _constant(tree, target, *arguments)

    report = fieldscope.analyze(trace(packed(with_json(members, change), tmp_path / "net.pt2")))
    assert report["conv"].size == (3, 3)


def test_an_axis_is_not_cut_into_millions_of_pieces(members: Members, tmp_path: Path) -> None:
    def change(tree: Any) -> None:
        _constant(tree, "zeros.default", {"as_ints": [10**8]})
        piece = {"name": "", "arg": {"as_tensor": {"name": "made"}}, "kind": 1}
        call = {"target": "torch.ops.aten.unbind.int", "inputs": [piece], "metadata": {}}
        nodes(tree).insert(1, {**call, "outputs": [{"as_tensors": [{"name": "piece"}]}]})

    with pytest.raises(TraceError, match="cuts an axis into 100,000,000 pieces"):
        trace(packed(with_json(members, change), tmp_path / "net.pt2"))


def test_members_are_read_up_to_a_size_only(
    members: Members, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_OF_JSON", 1 << 20)
    bomb = {**members, "models/model.json": b" " * (1 << 24)}
    with pytest.raises(ModelError, match="has more than 1,048,576 bytes"):
        trace(packed(bomb, tmp_path / "net.pt2", zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" * 10**6, "nested too deeply|isn't JSON"),
        (b'{"graph_module": 3}', "graph_module is int, not an object"),
        (b"[]", "the program is list"),
        (b"", "isn't JSON"),
        (b"\xff\xfe", "isn't JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "isn't JSON"),
    ],
)
def test_json_that_is_none_or_not_of_the_format_is_told(
    content: bytes, message: str, members: Members, tmp_path: Path
) -> None:
    path = packed({**members, "models/model.json": content}, tmp_path / "net.pt2")
    with pytest.raises(ModelError, match=message):
        trace(path)


def test_what_a_file_is_instead_is_told(members: Members, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="doesn't exist\ncheck the path"):
        trace(tmp_path / "none.pt2")
    (tmp_path / "text.pt2").write_text("hello")
    with pytest.raises(ModelError, match=r"isn't a whole ZIP archive .*\n.*torch.export.save"):
        trace(tmp_path / "text.pt2")
    with pytest.raises(ModelError, match="folder"):
        trace(tmp_path)
    with pytest.raises(ModelError, match=r"it has no models/\*.json"):
        trace(packed({"data.pkl": b""}, tmp_path / "other.pt2"))
    with pytest.raises(ModelError, match="compiled package"):
        trace(packed({"data/aotinductor/model/a.so": b""}, tmp_path / "compiled.pt2"))
    program = members["models/model.json"]
    several = {"models/one.json": program, "models/two.json": program}
    with pytest.raises(ModelError, match="holds 2 programs: one and two"):
        trace(packed(several, tmp_path / "several.pt2"))


def test_the_older_layout_is_read(members: Members, tmp_path: Path) -> None:
    path = tmp_path / "old.pt2"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("version", "8.1")
        file.writestr("serialized_exported_program.json", members["models/model.json"])
        file.writestr("serialized_state_dict.pt", pickle.dumps(Payload(tmp_path / "touched")))
    report = fieldscope.analyze(trace(path))
    assert report["conv"].size == (3, 3)
    assert not (tmp_path / "touched").exists()


VALUES: list[Any] = [
    *(None, True, -1, 0, 1, 2, 10**6, 10**9, 10**12, 2**63, 10**30, -(10**18), 1.5),
    *(float("nan"), float("inf"), "", "x", "os.system", [], {}, [[]]),
    *({"as_int": 10**9}, {"as_int": -3}, {"as_none": True}, {"as_ints": [10**9] * 3}),
    *({"as_expr": {"expr_str": "(" * 3000}}, {"as_string": "a"}, {"as_tensor": {"name": "x"}}),
    *("torch.ops.aten.arange.default", "torch.ops.aten.as_strided.default", "_operator.pow"),
]


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    below = [tree]
    while below:
        one = below.pop()
        keyed = one.items() if isinstance(one, dict) else enumerate(one)
        for key, value in keyed:
            yield one, key
            if isinstance(value, (dict, list)):
                below.append(value)


def _damaged(members: Members, rng: random.Random) -> bytes:
    """A file cut off, with bits turned over, or with something else in its JSON."""
    kind = rng.randrange(4)
    if kind > 1:
        tree = copy.deepcopy(json.loads(members["models/model.json"]))
        targets = sorted({node["target"] for node in nodes(tree)})
        for _ in range(rng.choice([1, 1, 1, 2, 4])):
            holder, key = rng.choice(list(_places(tree)))
            holder[key] = copy.deepcopy(rng.choice([*VALUES, *targets]))
        members = {**members, "models/model.json": json.dumps(tree).encode()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(f"net/{name}", content)
    data = bytearray(buffer.getvalue())
    if kind == 0:
        del data[rng.randrange(len(data)) :]
    elif kind == 1:
        for _ in range(rng.randrange(1, 20)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def test_a_damaged_file_gets_an_answer_or_an_error_that_is_ours(
    members: Members, tmp_path: Path
) -> None:
    rng = random.Random(0)
    answers = 0
    for _ in range(600):
        path = tmp_path / "net.pt2"
        path.write_bytes(_damaged(members, rng))
        answer = _answer(path)
        assert answer is None or "\n" in answer
        answers += answer is None
    assert 20 < answers < 400


def test_a_member_without_a_name_is_no_member(members: Members, tmp_path: Path) -> None:
    path = packed(members, tmp_path / "net.pt2")
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("x", b"")
    content = path.read_bytes()
    last = content.rindex(b"PK\x01\x02")
    # Its length becomes that of its extra field.
    path.write_bytes(content[: last + 28] + b"\0\0\1\0" + content[last + 32 :])
    with zipfile.ZipFile(path) as file:
        assert "" in file.namelist()
    assert fieldscope.analyze(path).layers


def test_another_number_of_axes_is_told(members: Members, tmp_path: Path) -> None:
    path = packed(members, tmp_path / "net.pt2")
    with pytest.raises(FieldscopeError, match=r"\(1, 8, 8\) is given\ngive 4 extents"):
        fieldscope.analyze(path, (1, 8, 8))
