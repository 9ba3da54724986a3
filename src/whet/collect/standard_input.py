"""Tells whether standard input can be read a second time, and whether a program has read from one that cannot.

A file is read again from its start. What came through a pipe, a socket or from a terminal is gone.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from whet.records import dataclass

_PAGE = 4_096
_LEAST_ROOM = 65_536
"""Bytes that pipes and sockets hold, where the system does not tell."""


@dataclass(frozen=True, slots=True)
class Look:
    """What stood on standard input at one moment.

    ``kind`` names it: ``a pipe``, ``a socket``, ``a terminal``, ``a file`` or, where there is nothing to read, "".
    ``unread`` are bytes that can be read at once; -1 where the system does not tell. ``at`` grows when something is
    read: the position in a file, or when a terminal was read last.
    """

    kind: str = ""
    unread: int = 0
    is_full: bool = False
    has_ended: bool = False
    at: int = 0


def look_at_input(descriptor: int = 0) -> Look:
    """Return what stands on standard input now, without reading from it."""
    if sys.stdin is None:  # closed: the number may by now be that of something else
        return Look()
    try:
        info = os.fstat(descriptor)
        if stat.S_ISREG(info.st_mode):
            return Look("a file", at=os.lseek(descriptor, 0, os.SEEK_CUR))
        if stat.S_ISFIFO(info.st_mode) or stat.S_ISSOCK(info.st_mode):
            kind = "a pipe" if stat.S_ISFIFO(info.st_mode) else "a socket"
            return _look_at_stream(kind, descriptor)
        if sys.platform != "win32" and os.isatty(descriptor):
            # To eight seconds: a finer time would tell others how fast somebody types.
            return Look("a terminal", at=int(info.st_atime))
    except OSError:
        pass
    return Look()


def was_read(before: Look, after: Look) -> bool:
    """Whether a program may have read from standard input between two looks.

    What cannot be told counts as read: a second execution on an empty input would measure other work.
    """
    if before.kind in ("a terminal", "a file"):
        return after.at != before.at
    if not before.kind or (before.has_ended and before.unread == 0):
        return False
    if after.unread < 0 or after.unread != before.unread or after.is_full:
        return True
    return after.unread == 0 and after.has_ended


def open_again(descriptor: int = 0) -> BinaryIO | None:
    """Open the file on standard input once more, from its start; ``None`` where that is none or cannot be opened."""
    with contextlib.suppress(OSError, ValueError):
        # By way of the descriptor: the file may have no name any more, as that of a shell's here-document.
        if sys.stdin is not None and stat.S_ISREG(os.fstat(descriptor).st_mode) and sys.platform == "linux":
            return Path(f"/proc/self/fd/{descriptor}").open("rb")
    return None


def _look_at_stream(kind: str, descriptor: int) -> Look:
    if sys.platform == "win32":
        import _winapi
        import msvcrt

        try:
            unread = _winapi.PeekNamedPipe(msvcrt.get_osfhandle(descriptor), 0)[0]
        except BrokenPipeError:
            return Look(kind, has_ended=True)
        except OSError:
            return Look(kind, -1)
        return Look(kind, unread, unread >= _PAGE)
    import array
    import fcntl
    import select
    import termios

    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, count, True)
    poller = select.poll()
    ends = select.POLLHUP | getattr(select, "POLLRDHUP", 0)
    poller.register(descriptor, ends)
    has_ended = any(events & ends for _, events in poller.poll(0))
    room = _LEAST_ROOM
    if kind == "a pipe" and hasattr(fcntl, "F_GETPIPE_SZ"):
        room = fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ)
    # Whoever writes may have filled the room again that a reader made: of what is full nothing is known.
    return Look(kind, count[0], count[0] > room - _PAGE, has_ended)
