from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from fieldscope.cli import files
from fieldscope.errors import InputError


def forbid(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the right to write away, also from root, who may write anywhere."""
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda at, mode: Path(at) != path and allowed(at, mode))


def test_what_can_be_written_passes(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("old")
    for destination in (None, "-", str(tmp_path / "new.json"), str(tmp_path / "old.json")):
        files.check("--json", destination)
    assert os.listdir(tmp_path) == ["old.json"]


def test_a_folder_that_does_not_exist_is_told(tmp_path: Path) -> None:
    destination = tmp_path / "nowhere" / "out.json"
    with pytest.raises(InputError) as caught:
        files.check("--json", str(destination))
    assert str(caught.value) == (
        f"cannot write --json {destination}: there is no folder {destination.parent}"
    )


def test_a_folder_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot write --csv .*: it is a folder"):
        files.check("--csv", str(tmp_path))


def test_a_folder_that_is_read_only_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(tmp_path, monkeypatch)
    with pytest.raises(InputError, match=r"the folder .* is read-only"):
        files.check("--csv", str(tmp_path / "out.csv"))


def test_a_file_that_is_read_only_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old.csv").touch()
    forbid(tmp_path / "old.csv", monkeypatch)
    with pytest.raises(InputError, match="the file is read-only"):
        files.check("--csv", str(tmp_path / "old.csv"))


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    files.write(str(tmp_path / "new.csv"), "a×b\n")
    assert (tmp_path / "new.csv").read_bytes() == "a×b\n".encode()
    assert os.listdir(tmp_path) == ["new.csv"]


def test_a_new_file_has_the_permissions_of_new_files(tmp_path: Path) -> None:
    files.write(str(tmp_path / "new.csv"), "")
    (tmp_path / "touched").touch()
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new.csv", "touched")]
    assert modes[0] == modes[1]


def test_a_file_that_is_there_keeps_its_permissions(tmp_path: Path) -> None:
    old = tmp_path / "old.csv"
    old.touch()
    old.chmod(0o640)
    files.write(str(old), "new")
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert old.read_text() == "new"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    files.write(str(tmp_path / "link.csv"), "new")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "new"


def test_a_file_that_is_there_survives_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old.csv"
    old.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"cannot write .*old\.csv: No space left on device"):
        files.write(str(old), "new")
    assert old.read_text() == "old"
    assert os.listdir(tmp_path) == ["old.csv"]


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="needs /dev/null")
def test_a_device_is_written_to_and_not_replaced() -> None:
    files.check("--csv", os.devnull)
    files.write(os.devnull, "gone")
    assert not Path(os.devnull).is_file()
