"""Thread ids of a container: what a process calls its threads, and what we call them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

MAX_THREADS = 500


class ThreadIds:
    """Remembers the threads of processes that number theirs apart from us.

    A profiler that reads the ids from Python's memory gets the process's own
    numbers, and the system's tables have ours.
    """

    def __init__(self) -> None:
        self.ours: dict[tuple[int, int], int] = {}
        """From our id of a process and its own id of a thread to our id of the thread."""
        self._apart: dict[int, bool] = {}

    def note(self, pids: Iterable[int]) -> None:
        """See which threads there are now."""
        for pid in pids:
            if pid not in self._apart:
                self._apart[pid] = _find_inner_id(Path(f"/proc/{pid}/status")) not in {0, pid}
            if self._apart[pid]:
                self._note_threads(pid)

    def _note_threads(self, pid: int) -> None:
        with contextlib.suppress(OSError, ValueError):
            for entry in list(Path(f"/proc/{pid}/task").iterdir())[:MAX_THREADS]:
                inner = _find_inner_id(entry / "status")
                if inner:
                    self.ours[pid, inner] = int(entry.name)


def _find_inner_id(status: Path) -> int:
    """Return the id in the innermost namespace; 0 where the system does not tell."""
    try:
        for line in status.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
    except (OSError, ValueError):
        pass
    return 0
