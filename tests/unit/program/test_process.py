from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from whet.errors import TargetError, UsageError
from whet.program.process import (
    RunningProcess,
    check_process,
    find_python_in,
    find_tracer,
    is_above_us,
    is_alive,
    open_process,
    parse_pid,
    read_environment,
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
WAITS = "print(1, flush=True); input()"


@pytest.fixture
def sleeper():
    """A Python process of ours that waits at its standard input, in an environment of its own."""
    command = [sys.executable, "-c", WAITS, "--token=hunter2"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, env={**os.environ, "WHET_TEST": "a=b"}) as process:
        # Not before it runs: for a moment of its start the system tells no words of it.
        process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.parametrize(("word", "pid"), [("1", 1), ("004711", 4711)])
def test_numbers_are_process_ids(word, pid):
    assert parse_pid(word) == pid


@pytest.mark.parametrize("word", ["", "0", "-1", "1.5", "abc", "٣", "99999999999", "app.py", "1 2"])
def test_other_words_are_none(word):
    with pytest.raises(UsageError, match="is no process id"):
        parse_pid(word)


def test_whet_does_not_attach_to_itself():
    with pytest.raises(TargetError, match="is whet itself"):
        check_process(os.getpid())


@linux
def test_a_process_is_described(sleeper):
    check_process(sleeper.pid)
    assert is_alive(sleeper.pid)
    with open_process(sleeper.pid) as process:
        assert process.command == (sys.executable, "-c", WAITS, "--token=hunter2")
        assert process.directory == str(Path.cwd())
        assert Path(process.executable).samefile(sys.executable)
        assert (process.is_ours, process.is_python, process.root) == (True, True, None)
    assert read_environment(sleeper.pid)["WHET_TEST"] == "a=b"
    assert find_tracer(sleeper.pid) == (0, "")


@linux
def test_a_process_that_is_gone(sleeper):
    sleeper.kill()
    sleeper.wait()
    assert not is_alive(sleeper.pid)
    with pytest.raises(TargetError, match=f"there is no process {sleeper.pid}"):
        check_process(sleeper.pid)
    with open_process(sleeper.pid) as process:
        assert process == RunningProcess(sleeper.pid)
    assert read_environment(sleeper.pid) == {}


@linux
def test_a_thread_is_told_from_a_process():
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import threading; t = threading.Thread(target=input); t.start(); print(t.native_id, flush=True)",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        thread = int(process.stdout.readline())
        with pytest.raises(TargetError) as caught:
            check_process(thread)
        process.kill()
    assert caught.value.message == f"{thread} is a thread of process {process.pid}"
    assert caught.value.hint == f"whet attach {process.pid}"


@linux
def test_python_below_a_shell(sleeper):
    with subprocess.Popen(
        ["/bin/sh", "-c", f"{sys.executable} -c 'print(1, flush=True); input()'; true"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as shell:
        shell.stdout.readline()
        with open_process(shell.pid) as process:
            assert not process.is_python
            found = find_python_in(process)
        assert found.is_python
        assert found.pid != shell.pid
        shell.stdin.close()
    with open_process(sleeper.pid) as process:
        assert find_python_in(process) is process


@linux
def test_who_started_us():
    assert is_above_us(os.getppid())
    assert not is_above_us(2**22 + 1)
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as child:
        assert not is_above_us(child.pid)
        child.stdin.close()


@linux
def test_a_part_of_the_kernel_is_none(monkeypatch):
    from whet.program import process

    monkeypatch.setattr(process, "_read_status", lambda pid: {"Name": "kthreadd", "State": "S (sleeping)", "Tgid": "2"})
    monkeypatch.setattr(process, "_read_words", lambda pid, name: [])
    with pytest.raises(TargetError, match="part of the kernel"):
        check_process(2)


@linux
@pytest.mark.parametrize(("state", "said"), [("Z (zombie)", "a zombie"), ("T (stopped)", "is stopped")])
def test_states_in_which_there_is_nothing_to_see(monkeypatch, state, said):
    from whet.program import process

    monkeypatch.setattr(process, "_read_status", lambda pid: {"State": state, "Tgid": str(pid)})
    with pytest.raises(TargetError, match=said):
        check_process(7)


@linux
def test_descriptors_are_closed(sleeper, monkeypatch):
    from whet.program import process

    monkeypatch.setattr(process, "_shares_files", lambda pid: False)
    before = set(Path("/proc/self/fd").iterdir())
    with open_process(sleeper.pid) as described:
        assert described.root.samefile("/")
    # Meanwhile the collector may close what an earlier test left open.
    assert set(Path("/proc/self/fd").iterdir()) <= before
