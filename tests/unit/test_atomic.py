"""Files are written whole or not at all, with the rights that they had."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from whet import atomic
from whet.atomic import PRIVATE, write_atomically

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX modes")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("before", [None, b"old"])
def test_what_was_there_stays_when_writing_fails(before: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "x"
    if before is not None:
        path.write_bytes(before)

    def fail(handle: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(atomic.os, "fsync", fail)
    with pytest.raises(OSError, match="broken"):
        write_atomically(path, b"new")
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [before] * (before is not None)


def test_a_name_as_long_as_names_may_be_is_written(tmp_path: Path):
    path = tmp_path / ("x" * 255)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


@posix
def test_new_files_have_the_usual_rights_and_old_ones_keep_theirs(tmp_path: Path):
    (tmp_path / "plain").touch()
    write_atomically(tmp_path / "new", b"x")
    assert mode_of(tmp_path / "new") == mode_of(tmp_path / "plain")
    (tmp_path / "new").chmod(0o751)
    write_atomically(tmp_path / "new", b"y")
    assert mode_of(tmp_path / "new") == 0o751


@posix
def test_a_mode_can_be_asked_for_and_what_finishes_has_the_last_word(tmp_path: Path):
    path = tmp_path / "x"
    write_atomically(path, b"x", mode=PRIVATE)
    assert mode_of(path) == 0o600
    write_atomically(path, b"y", finish=lambda new: new.chmod(0o640))
    assert (path.read_bytes(), mode_of(path)) == (b"y", 0o640)
