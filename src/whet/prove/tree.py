"""A program and everything that it starts: its resource use, and its end.

On POSIX the program leads a session and process group of its own. On Linux whet
takes over, for as long as it waits, the orphans of its children (``PR_SET_CHILD_SUBREAPER``), so
that a process which leaves the group is still found, ended and counted.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter_ns, sleep
from typing import IO, ClassVar, Protocol

from whet.program.ptrace import permit_tracing

WATCHDOG = Path(__file__).parent / "watchdog.py"
_SET_CHILD_SUBREAPER = 36
_ROUNDS = 200
_PROC = Path("/proc")


class ProcessTree(Protocol):
    """A running program with its children.

    ``exit_code`` is that of :mod:`subprocess`; ``cpu_ns``, ``peak_bytes`` and
    ``ended_at`` (of ``perf_counter_ns``) are there once :meth:`wait` has returned true
    and :meth:`end` was called. ``peak_bytes`` is 0 if the system does not report it, and so is ``delayed_ns``, the time
    in which the program was runnable but not scheduled.
    """

    began_at: int
    ended_at: int
    exit_code: int
    cpu_ns: int
    peak_bytes: int
    delayed_ns: int

    @property
    def pid(self) -> int:
        """The program's own process."""

    def spare(self, pid: int) -> None:
        """Take a child of whet's that was started since for none of the program's."""

    def wait(self, seconds: float) -> bool:
        """Wait for the program itself, up to a limit; return whether it has ended."""

    def measure(self) -> tuple[int, int]:
        """Return the resident bytes of all processes and their number; zeros if the system does not report them."""

    def end(self) -> int:
        """End whatever is still running, and return how many processes outlived the program."""


def start_tree(
    command: Sequence[str],
    directory: str,
    environ: Mapping[str, str],
    streams: Sequence[IO[bytes]],
    *,
    is_sampled: bool = False,
) -> ProcessTree:
    """Start a program with ``streams`` (stdin, stdout, stderr). Raises ``OSError``.

    ``is_sampled``: another process of whet's is to read it.
    """
    if sys.platform == "win32":
        from whet.prove.windows_tree import WindowsTree

        return WindowsTree(command, directory, environ, streams)
    return PosixTree(command, directory, environ, streams, is_sampled=is_sampled)


class Guard:
    """Ends the running program, and removes a session's folder, if whet itself is killed. POSIX only."""

    current: ClassVar[Guard | None] = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Guard:
        if os.name != "nt":
            with contextlib.suppress(OSError):
                self._watchdog = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(WATCHDOG), str(self._folder)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
        Guard.current = self
        return self

    def __exit__(self, *_: object) -> None:
        Guard.current = None
        self.tell(-1)
        if self._watchdog is not None and self._watchdog.stdin is not None:
            with contextlib.suppress(OSError):
                self._watchdog.stdin.close()
            self._watchdog.wait()

    def tell(self, group: int) -> None:
        """Set the process group that is running; 0 for none, -1 for the session's end."""
        if self._watchdog is not None and self._watchdog.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                self._watchdog.stdin.write(b"%d\n" % group)
                self._watchdog.stdin.flush()


class PosixTree:
    """A program and its children on Linux, macOS and similar systems."""

    def __init__(
        self,
        command: Sequence[str],
        directory: str,
        environ: Mapping[str, str],
        streams: Sequence[IO[bytes]],
        *,
        is_sampled: bool = False,
    ) -> None:
        self.is_linux = sys.platform.startswith("linux")
        self.exit_code = self.cpu_ns = self.peak_bytes = self.ended_at = self.delayed_ns = 0
        self._ended = threading.Event()
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._adopt(True)
        self._before = set(_list_children(os.getpid())) if self.is_linux else set()
        stdin, stdout, stderr = streams
        self.began_at = perf_counter_ns()
        try:
            self._process = subprocess.Popen(
                command,
                cwd=directory,
                env=dict(environ),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                # A sampler is no ancestor of the program's: where only these may read it, it has to say so itself.
                preexec_fn=permit_tracing() if is_sampled else None,  # noqa: PLW1509  one call of the kernel's
            )
        except BaseException:
            self._adopt(False)
            raise
        if Guard.current is not None:
            Guard.current.tell(self._process.pid)
        self._waiter = threading.Thread(target=self._reap, daemon=True)
        self._waiter.start()

    @property
    def pid(self) -> int:
        """The program's own process."""
        return self._process.pid

    def spare(self, pid: int) -> None:
        """Take a child of whet's that was started since for none of the program's."""
        self._before.add(pid)

    def wait(self, seconds: float) -> bool:
        """Wait for the program itself, up to a limit; return whether it has ended."""
        return self._ended.wait(seconds)

    def measure(self) -> tuple[int, int]:
        """Return the resident bytes of all processes and their number; zeros if the system does not report them."""
        if sys.platform == "darwin":
            from whet.prove.mac_processes import measure_group

            resident, count = measure_group(self._process.pid)
            self.peak_bytes = max(self.peak_bytes, resident)
            return resident, count
        if not self.is_linux:
            return 0, 0
        self.delayed_ns = max(self.delayed_ns, self._read_delay())
        pids = self._list_tree()
        resident = sum(self._read_resident(pid) for pid in pids)
        self.peak_bytes = max(self.peak_bytes, resident)
        return resident, len(pids)

    def end(self) -> int:
        """End whatever is still running, and return how many processes outlived the program."""
        had_ended = self._ended.is_set()
        self._signal_group()
        self._waiter.join()
        outlived = self._end_strays() if self.is_linux else 0
        self._adopt(False)
        if Guard.current is not None:
            Guard.current.tell(0)
        return outlived if had_ended else 0

    def _reap(self) -> None:
        _, status, usage = os.wait4(self._process.pid, 0)
        self.ended_at = perf_counter_ns()
        self.exit_code = self._process.returncode = os.waitstatus_to_exitcode(status)
        self._count(usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
        self._ended.set()

    def _count(self, cpu_seconds: float, peak: int) -> None:
        self.cpu_ns += round(cpu_seconds * 1e9)
        peak *= 1 if sys.platform == "darwin" else 1024
        # Between fork and exec a child counts the memory that whet has then, so lower values are meaningless.
        if peak > _read_own_peak():
            self.peak_bytes = max(self.peak_bytes, peak)

    def _signal_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _end_strays(self) -> int:
        """End orphans of the program until there are none, and count their time as its own."""
        ended = 0
        for turn in range(_ROUNDS):
            orphans = [pid for pid in _list_children(os.getpid()) if pid not in self._before]
            if not orphans:
                break
            for pid in orphans:
                for each in reversed(_list_descendants(pid)):
                    with contextlib.suppress(OSError):
                        os.kill(each, signal.SIGKILL)
            for pid in orphans:
                with contextlib.suppress(OSError):
                    _, _, usage = os.wait4(pid, 0 if turn < _ROUNDS // 2 else os.WNOHANG)
                    self._count(usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
                    ended += 1
            self._signal_group()
            if turn:
                sleep(0.001)
        return ended

    def _list_tree(self) -> list[int]:
        orphans = [pid for pid in _list_children(os.getpid()) if pid not in self._before]
        roots = dict.fromkeys([self._process.pid, *orphans])
        return list(dict.fromkeys(pid for root in roots for pid in _list_descendants(root)))

    def _read_resident(self, pid: int) -> int:
        try:
            return int((_PROC / str(pid) / "statm").read_bytes().split()[1]) * self._page
        except (OSError, ValueError, IndexError):
            return 0

    def _read_delay(self) -> int:
        """Return for how long the program's main thread has been runnable but not scheduled."""
        try:
            return int((_PROC / str(self._process.pid) / "schedstat").read_bytes().split()[1])
        except (OSError, ValueError, IndexError):
            return 0

    def _adopt(self, on: bool) -> None:
        if self.is_linux:
            with contextlib.suppress(OSError, ImportError, AttributeError):
                import ctypes

                ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, int(on), 0, 0, 0)


def _list_descendants(pid: int) -> list[int]:
    """Return a process and those below it, parents first."""
    found, todo = [], [pid]
    while todo:
        each = todo.pop()
        found.append(each)
        todo += _list_children(each)
    return found


def _list_children(pid: int) -> list[int]:
    children: list[int] = []
    with contextlib.suppress(OSError, ValueError):
        for task in os.scandir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                children += map(int, (Path(task.path) / "children").read_bytes().split())
    return children


def _read_own_peak() -> int:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)
