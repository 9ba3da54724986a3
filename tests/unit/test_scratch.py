"""Folders and children of a whet that was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from whet.scratch import LOCK, PREFIX, remove_left_behind, scratch_folder

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs locks and signals of POSIX")

HOLDER = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from whet.scratch import scratch_folder
with scratch_folder("run") as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""
PARENT = """
import signal, subprocess, sys
from whet.program.leash import end_with_parent, leash_worker
child = [sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"]
if sys.argv[1] == "worker":
    import os
    child[2] = f"import os\\nfrom whet.program.leash import leash_worker\\nleash_worker({os.getpid()})\\n{child[2]}"
    done = subprocess.Popen(child)
else:
    done = subprocess.Popen(child, preexec_fn=end_with_parent(signal.SIGINT))
signal.pause()
"""


def test_a_folder_is_there_as_long_as_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch_folder("run") as folder, scratch_folder() as other:
        (folder / "capture").touch()
        assert remove_left_behind(tmp_path) == []
        assert folder.parent == other.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_command_has_left_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        left = Path(holder.stdout.readline().strip())
        with scratch_folder():
            assert left.is_dir(), "it is in use"
        holder.kill()
    assert left.is_dir()
    with scratch_folder():
        assert not left.exists()


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}mine").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / LOCK).touch()
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "elsewhere")
    assert remove_left_behind(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread looks")
@pytest.mark.parametrize("kind", ["worker", "sampler"])
def test_a_child_ends_with_a_killed_parent(kind: str) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, kind], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as output:
        assert output.readline() == "up\n"
        parent.kill()
        parent.wait()
        # The child holds the other end: the pipe ends when the child does.
        assert output.read() == ""
