"""Resident memory of a process tree, and its CPU time, polled from outside."""

from __future__ import annotations

import sys
from pathlib import Path

MAX_POINTS = 2_000


class TreePoller:
    """Polls ``/proc``. On systems without it, every figure is zero and ``supported`` is false."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.supported = sys.platform.startswith("linux")
        self.at_ns: list[int] = []
        self.bytes: list[int] = []
        self.peak_bytes = 0
        self.peak_at_ns = 0
        if self.supported:
            import os

            self._page = os.sysconf("SC_PAGE_SIZE")
            self._tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

    def poll(self, at_ns: int) -> None:
        """Add a point; when there are too many, keep every second one."""
        if not self.supported:
            return
        total = sum(self._resident(pid) for pid in self.tree())
        if not total:
            return
        self.at_ns.append(at_ns)
        self.bytes.append(total)
        if total > self.peak_bytes:
            self.peak_bytes, self.peak_at_ns = total, at_ns
        if len(self.at_ns) > MAX_POINTS:
            self.at_ns, self.bytes = self.at_ns[::2], self.bytes[::2]

    def tree(self) -> list[int]:
        """Return the process and its descendants."""
        found: list[int] = []
        todo = [self.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                for task in Path(f"/proc/{pid}/task").iterdir():
                    todo += [int(word) for word in (task / "children").read_text().split()]
            except (OSError, ValueError):
                continue
        return found

    def cpu_ns(self) -> int:
        """Return the CPU time of the process so far, ended children included, in steps of 10 ms."""
        if not self.supported:
            return 0
        try:
            # The second field, the program's name, may hold spaces and brackets.
            fields = Path(f"/proc/{self.pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
            return sum(int(field) for field in fields[11:15]) * self._tick_ns
        except (OSError, ValueError, IndexError):
            return 0

    def _resident(self, pid: int) -> int:
        try:
            return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * self._page
        except (OSError, ValueError, IndexError):
            return 0
