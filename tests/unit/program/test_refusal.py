from __future__ import annotations

import os
import sys
from dataclasses import replace

import pytest

from whet.errors import CollectorError, TargetError
from whet.program import refusal
from whet.program.process import RunningProcess
from whet.program.ptrace import Trouble
from whet.program.refusal import explain_failure, sounds_refused

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes as Linux tells of them")
NOT_PYTHON = "Failed to find python version from target process"
NONE_BELOW = "No python processes found in process 7 or any of its subprocesses"


@pytest.fixture
def alive(monkeypatch):
    """A process of ours that nobody traces, on a system that refuses nothing."""
    monkeypatch.setattr(refusal, "is_alive", lambda pid: True)
    monkeypatch.setattr(refusal, "find_tracer", lambda pid: (0, ""))
    monkeypatch.setattr(refusal, "ptrace_trouble", lambda *, attaching: None)
    monkeypatch.setattr(refusal, "_ask_about", lambda pid: "")
    return RunningProcess(7, ("x",), "/", "/usr/bin/redis-server", uid=os.geteuid() if hasattr(os, "geteuid") else None)


@pytest.mark.parametrize("said", [NOT_PYTHON, NONE_BELOW])
def test_no_python(alive, said):
    error = explain_failure(alive, said, refused=False)
    assert isinstance(error, TargetError)
    assert error.message == "process 7 (redis-server) is not a Python process, and has none below it"


def test_ended_meanwhile(alive, monkeypatch):
    monkeypatch.setattr(refusal, "is_alive", lambda pid: False)
    error = explain_failure(alive, "whatever", refused=True)
    assert error.message == "process 7 ended before it could be sampled"


@linux
def test_traced_by_a_debugger(alive, monkeypatch):
    monkeypatch.setattr(refusal, "find_tracer", lambda pid: (9, "gdb"))
    error = explain_failure(alive, "Permission denied", refused=True)
    assert "traced by process 9 (gdb)" in error.message
    assert "--nonblocking" in error.hint


@linux
def test_somebody_elses(alive, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1234567)
    monkeypatch.setattr(refusal, "name_user", {0: "root", os.getuid(): "alice", 1234567: "bob"}.get)
    process = RunningProcess(7, ("x",), "/", "", uid=os.getuid())
    error = explain_failure(process, "Permission denied", refused=True)
    assert error.message.startswith("process 7 belongs to")
    assert error.message.endswith("and whet runs as bob")
    assert "sudo" in error.hint
    assert "whet attach 7" in error.hint


@linux
@pytest.mark.parametrize("remedy", ["sudo sysctl kernel.yama.ptrace_scope=0", "start it with --cap-add SYS_PTRACE"])
def test_a_refusal_names_what_mends_it_wherever_one_is(alive, monkeypatch, remedy):
    monkeypatch.setattr(refusal, "ptrace_trouble", lambda *, attaching: Trouble("the reason", remedy))
    error = explain_failure(alive, "Permission denied", refused=True)
    assert isinstance(error, CollectorError)
    assert error.message == "the system does not let whet read process 7: the reason"
    assert ("kernel.yama.ptrace_scope=0" in error.hint) is ("sysctl" in remedy)
    assert error.hint.count("--cap-add SYS_PTRACE") == 1
    assert "kubectl debug" in error.hint


@linux
def test_a_refusal_without_a_known_reason(alive):
    error = explain_failure(alive, "Permission denied", refused=True)
    assert "--cap-add SYS_PTRACE" in error.hint
    assert "kubectl debug" in error.hint


@linux
def test_a_refusal_that_looks_like_no_python_is_asked_about(alive, monkeypatch):
    """Looking for children, py-spy takes a process that it may not read for one that is no Python."""
    monkeypatch.setattr(refusal, "_ask_about", lambda pid: "Caused by: Permission denied (os error 13)")
    error = explain_failure(alive, NONE_BELOW, refused=False)
    assert error.message == "the system does not let whet read process 7"


def test_anything_else_is_told_as_it_was_said(alive):
    error = explain_failure(alive, "Failed to copy PyInterpreterState", refused=False)
    assert error.message == "py-spy cannot sample process 7: Failed to copy PyInterpreterState"


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("Permission Denied: Try running again with elevated permissions", True),
        ("EPERM: Operation not permitted", True),
        ("This program requires root on OSX.", True),
        ("Failed to open /root/.pyenv/bin/python", False),
        (NOT_PYTHON, False),
    ],
)
def test_words_of_a_refusal(said, refused):
    assert sounds_refused(said) is refused


def test_without_users_as_on_windows_an_administrator_is_asked_for(alive, monkeypatch):
    monkeypatch.delattr(os, "geteuid", raising=False)
    error = explain_failure(replace(alive, uid=None), "Error: Access is denied. (os error 5)", refused=False)
    assert isinstance(error, CollectorError)
    assert (error.message, error.hint) == ("the system does not let whet read process 7", "run whet as administrator")
