"""Files are written whole or not at all, with the rights that they had."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from whet import atomic
from whet.atomic import PRIVATE, write_atomically
from whet.locking import take_lock

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


KILLED = """
import os, signal, sys
from pathlib import Path
from whet.atomic import write_atomically
write_atomically(Path(sys.argv[1]), b"new", finish=lambda new: os.kill(os.getpid(), signal.SIGKILL))
"""
BUSY = """
import sys
from pathlib import Path
from whet.atomic import write_atomically
write_atomically(Path(sys.argv[1]), b"new", finish=lambda new: (print("writing", flush=True), sys.stdin.read()))
"""


def write_elsewhere(path: Path) -> None:
    """Write a file from a new process, as the next command does."""
    text = "import sys\nfrom pathlib import Path\nfrom whet.atomic import write_atomically\n"
    text += "write_atomically(Path(sys.argv[1]), b'next')\n"
    subprocess.run([sys.executable, "-c", text, path], check=True)


@posix
@pytest.mark.parametrize("name", ["x", "another"])
def test_what_a_killed_command_has_left_is_removed_by_the_next(tmp_path: Path, name: str):
    path, others = tmp_path / "x", {".x.12345678.txt", ".x.whet", "x.12345678.whet"}
    path.write_bytes(b"old")
    for other in others:
        (tmp_path / other).touch()
    assert subprocess.run([sys.executable, "-c", KILLED, path], check=False).returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert len({each.name for each in tmp_path.iterdir()} - others) == 2
    write_elsewhere(tmp_path / name)
    assert {each.name for each in tmp_path.iterdir()} == {"x", name} | others


@posix
def test_what_another_command_is_writing_stays(tmp_path: Path):
    path = tmp_path / "x"
    with subprocess.Popen([sys.executable, "-c", BUSY, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as busy:
        assert busy.stdout.readline() == b"writing\n"
        write_elsewhere(path)
        assert path.read_bytes() == b"next"
        busy.communicate()
    assert busy.returncode == 0
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("x", b"new")]


@posix
@pytest.mark.parametrize("seen", ["locked", "removed"])
def test_a_new_file_that_another_command_takes_for_left_behind_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: str
):
    """Between its making and its lock nothing tells the two apart."""
    made = []

    def take(handle: int) -> bool:
        made.append(handle)
        if len(made) == 1:
            (new,) = tmp_path.iterdir()
            new.unlink()
            if seen == "locked":
                raise BlockingIOError
        return take_lock(handle)

    monkeypatch.setattr(atomic, "take_lock", take)
    write_atomically(tmp_path / "x", b"new")
    assert len(made) == 2
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("x", b"new")]


def test_files_are_written_where_nothing_can_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(handle: int) -> bool:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(atomic, "take_lock", fail)
    write_atomically(tmp_path / "x", b"new")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("x", b"new")]
