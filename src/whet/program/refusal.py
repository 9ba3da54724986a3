"""Why a running process could not be sampled, in words, and what mends it."""

from __future__ import annotations

import os
import subprocess
import sys

from whet.errors import CollectorError, TargetError, WhetError
from whet.program.process import LIST_PYTHON, RunningProcess, find_tracer, is_alive, name_user
from whet.program.ptrace import ptrace_trouble
from whet.program.tools import find_tool

IN_CONTAINERS = (
    "in a container: start it with --cap-add SYS_PTRACE; in Kubernetes: kubectl debug --profile=general, or SYS_PTRACE "
    "in securityContext.capabilities.add"
)
_REFUSED = ("permission denied", "operation not permitted", "eperm", "requires root", "access is denied")
_NONE_BELOW = "no python processes found"
_NOT_PYTHON = (_NONE_BELOW, "failed to find python version", "failed to find a python interpreter")
_NOT_THERE = ("no such process", "no such file or directory", "check that the process is running")
_ASK_SECONDS = 20


def sounds_refused(said: str) -> bool:
    """Whether a profiler that said this was not let by the system."""
    words = said.lower()
    return any(each in words for each in _REFUSED)


def is_refused(pid: int, said: str) -> bool:
    """Whether a profiler that said this of a Python process was not let by the system; asks once more if that is open.

    Looking for children, py-spy takes every process that it may not read for one that is no Python.
    """
    return sounds_refused(said) or (_NONE_BELOW in said.lower() and sounds_refused(_ask_about(pid)))


def explain_failure(process: RunningProcess, complaint: str, *, refused: bool, tool: str = "py-spy") -> WhetError:
    """Return the error for a process that ``tool`` could not attach to; ``complaint`` is what that said."""
    pid, said = process.pid, complaint.lower()
    if not is_alive(pid):
        return TargetError(f"process {pid} ended before it could be sampled", LIST_PYTHON)
    if refused or is_refused(pid, complaint):
        return _explain_refusal(process)
    if any(words in said for words in _NOT_PYTHON):
        name = process.executable.rpartition("/")[2]
        called = f" ({name})" if name else ""
        return TargetError(f"process {pid}{called} is not a Python process, and has none below it", LIST_PYTHON)
    if not sys.platform.startswith("linux") and any(words in said for words in _NOT_THERE):
        return TargetError(f"there is no process {pid}", LIST_PYTHON)
    return CollectorError(f"{tool} cannot sample process {pid}: {complaint}", "whet doctor")


def _ask_about(pid: int) -> str:
    """Return what py-spy says when it is to read this one process once."""
    tool = find_tool("py-spy")
    if tool is None:
        return ""
    try:
        done = subprocess.run(
            [str(tool), "dump", "--pid", str(pid)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_SECONDS,
            check=False,
            env={**os.environ, "RUST_BACKTRACE": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stderr.decode("utf-8", "replace")


def _explain_refusal(process: RunningProcess) -> WhetError:
    pid = process.pid
    tracer, name = find_tracer(pid)
    if tracer:
        return TargetError(
            f"process {pid} is traced by process {tracer} ({name}) already, and the system allows one at a time",
            "stop the other tracer first, or use --nonblocking",
        )
    own_uid = os.geteuid() if hasattr(os, "geteuid") else None
    if process.uid is not None and own_uid is not None and own_uid not in {0, process.uid}:
        owner, own = name_user(process.uid), name_user(own_uid)
        return TargetError(
            f"process {pid} belongs to {owner}, and whet runs as {own}",
            f'run whet as {owner} or as root: sudo env "PATH=$PATH" whet attach {pid}',
        )
    trouble = ptrace_trouble(attaching=True)
    if trouble is None:
        if own_uid is None:  # Windows
            return CollectorError(f"the system does not let whet read process {pid}", "run whet as administrator")
        remedy = IN_CONTAINERS if own_uid == 0 else f"run whet as root; {IN_CONTAINERS}"
        return CollectorError(f"the system does not let whet read process {pid}", remedy)
    remedies = [trouble.remedy] if trouble.remedy and "SYS_PTRACE" not in trouble.remedy else []
    if sys.platform == "linux":
        remedies.append(IN_CONTAINERS)
    return CollectorError(f"the system does not let whet read process {pid}: {trouble.why}", "; ".join(remedies))
