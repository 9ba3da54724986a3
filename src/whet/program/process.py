"""A process that runs already: what the system tells about it, and why it may not be one to attach to."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from whet.errors import TargetError, UsageError
from whet.program.python_words import names_python
from whet.records import dataclass

PROC = Path("/proc")
LIST_PYTHON = "`pgrep -af python` lists the Python processes" if os.name == "posix" else "`whet attach` takes its id"
_ENDED = " (deleted)"
_MAX_CHAIN = 64
"""Processes above or below one that are looked at."""


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """What is known of a process; empty where the system does not tell.

    ``executable`` is its own name for it, in its own file system. ``root`` leads
    to that file system where it is not ours, as in a container, and stays usable
    while the descriptor behind it is open.
    """

    pid: int
    command: tuple[str, ...] = ()
    directory: str = ""
    executable: str = ""
    uid: int | None = None
    root: Path | None = None

    @property
    def is_python(self) -> bool:
        """Whether it is called like an interpreter."""
        return names_python([self.executable]) is not None if self.executable else False

    @property
    def is_ours(self) -> bool:
        """Whether it runs under the same user as whet: then what it starts may be started by whet as well."""
        return self.uid is not None and hasattr(os, "geteuid") and self.uid == os.geteuid()


def parse_pid(word: str) -> int:
    """Return the process id that ``word`` is. Raises :class:`UsageError` for anything else."""
    if word.isascii() and word.isdigit() and 0 < int(word) < 2**31:
        return int(word)
    raise UsageError(f"{word[:100]!a} is no process id", LIST_PYTHON)


def check_process(pid: int) -> None:
    """See that ``pid`` is a process that can be attached to, as far as can be told before trying.

    Raises :class:`TargetError`: it is whet itself, is not there, has ended, is
    stopped, or is a thread or a part of the kernel.
    """
    if pid == os.getpid():
        raise TargetError(f"process {pid} is whet itself", LIST_PYTHON)
    if not sys.platform.startswith("linux"):
        return
    status = _read_status(pid)
    if not status:
        raise TargetError(f"there is no process {pid}", LIST_PYTHON)
    leader = status.get("Tgid", str(pid))
    if leader != str(pid):
        raise TargetError(f"{pid} is a thread of process {leader}", f"whet attach {leader}")
    state = status.get("State", "")[:1]
    if state in {"Z", "X"}:
        raise TargetError(f"process {pid} has ended; only its entry is left (a zombie)", LIST_PYTHON)
    if state == "T":
        raise TargetError(f"process {pid} is stopped, so there is nothing to see", f"kill -CONT {pid} lets it go on")
    if not _read_words(pid, "cmdline") and "VmSize" not in status:
        raise TargetError(f"process {pid} is a part of the kernel, not a Python process", LIST_PYTHON)


def is_alive(pid: int) -> bool:
    """Whether the process is there and has not ended; ``True`` where the system has no ``/proc`` to tell."""
    if not sys.platform.startswith("linux"):
        return True
    status = _read_status(pid)
    return bool(status) and status.get("State", "")[:1] not in {"Z", "X"}


@contextlib.contextmanager
def open_process(pid: int) -> Iterator[RunningProcess]:
    """Describe the process, keeping its file system open for as long as the context lasts."""
    root: int | None = None
    if sys.platform.startswith("linux") and not _shares_files(pid):
        with contextlib.suppress(OSError):
            # The descriptor outlives the process, so that sources can be read when it has ended.
            root = os.open(PROC / str(pid) / "root", os.O_PATH | os.O_DIRECTORY)
    try:
        yield _describe(pid, Path(f"/proc/self/fd/{root}") if root is not None else None)
    finally:
        if root is not None:
            os.close(root)


def find_python_in(process: RunningProcess) -> RunningProcess:
    """Return ``process``, or the first Python below one that only starts others (a shell, ``tini``, ``uv run``)."""
    if process.is_python:
        return process
    todo = _list_children(process.pid)
    for _ in range(_MAX_CHAIN):
        if not todo:
            break
        child = _describe(todo.pop(0), process.root)
        if child.is_python:
            return child
        todo += _list_children(child.pid)
    return process


def is_above_us(pid: int) -> bool:
    """Whether whet was started, directly or not, by this process."""
    above = os.getpid()
    for _ in range(_MAX_CHAIN):
        word = _read_status(above).get("PPid", "0")
        above = int(word) if word.isdigit() else 0
        if above in {0, pid}:
            return above == pid
    return False


def find_tracer(pid: int) -> tuple[int, str]:
    """Return id and name of the process that traces ``pid`` (a debugger); ``(0, "")`` if none does."""
    word = _read_status(pid).get("TracerPid", "0")
    tracer = int(word) if word.isdigit() else 0
    return (tracer, _read_status(tracer).get("Name", "")) if tracer else (0, "")


def name_user(uid: int) -> str:
    """Return the name of a user, or the number where it has none."""
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return f"user {uid}"


def read_environment(pid: int) -> dict[str, str]:
    """Return the environment that the process was started with; empty where it may not be read."""
    return dict(word.split("=", 1) for word in _read_words(pid, "environ") if "=" in word)


def _describe(pid: int, root: Path | None) -> RunningProcess:
    if not sys.platform.startswith("linux"):
        return RunningProcess(pid)
    uid = _read_status(pid).get("Uid", "").split()
    return RunningProcess(
        pid,
        command=tuple(_read_words(pid, "cmdline")),
        directory=_read_link(pid, "cwd").removesuffix(_ENDED),
        executable=_read_link(pid, "exe"),
        uid=int(uid[1]) if len(uid) > 1 else None,
        root=root,
    )


def _shares_files(pid: int) -> bool:
    """Whether a path means the same file to the process and to us."""
    own, other = PROC / "self", PROC / str(pid)
    try:
        same_mounts = (own / "ns" / "mnt").readlink() == (other / "ns" / "mnt").readlink()
        return same_mounts and (own / "root").samefile(other / "root")
    except OSError:
        return True


def _list_children(pid: int) -> list[int]:
    children: list[int] = []
    with contextlib.suppress(OSError):
        for task in (PROC / str(pid) / "task").iterdir():
            with contextlib.suppress(OSError):
                children += [int(word) for word in (task / "children").read_text(encoding="ascii").split()]
    return children


def _read_status(pid: int) -> dict[str, str]:
    try:
        text = (PROC / str(pid) / "status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    return {name: value.strip() for name, colon, value in (line.partition(":") for line in text.splitlines()) if colon}


def _read_words(pid: int, name: str) -> list[str]:
    try:
        data = (PROC / str(pid) / name).read_bytes()
    except OSError:
        return []
    # A program that renames itself writes over its words and leaves the rest of their room empty.
    return os.fsdecode(data.rstrip(b"\0")).split("\0") if data.rstrip(b"\0") else []


def _read_link(pid: int, name: str) -> str:
    try:
        return str((PROC / str(pid) / name).readlink())
    except OSError:
        return ""
