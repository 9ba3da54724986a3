"""Handlers of signals for a while, and what whet ends by after one."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FrameType


@contextlib.contextmanager
def handle_signals(handlers: Mapping[str, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    """Let ``handlers`` take the signals that they are named after, as far as the system has them.

    What was in force before is put back. Only the main thread may do that; in others nothing happens. A process that
    is forked meanwhile, to become another program, ends by these signals: they are handled in whet's own alone.
    """
    before, owner = {}, os.getpid()

    def own(handler: Callable[[int, FrameType | None], None]) -> Callable[[int, FrameType | None], None]:
        def handle(number: int, frame: FrameType | None) -> None:
            if os.getpid() != owner:
                os._exit(128 + number)
            handler(number, frame)

        return handle

    if threading.current_thread() is threading.main_thread():
        for name, handler in handlers.items():
            number = getattr(signal, name, None)
            if number is not None:
                before[number] = signal.signal(number, own(handler))
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


_ending: list[int] = []


def interrupt(number: int, _frame: FrameType | None) -> None:
    """Handle a signal that is to end whet as Ctrl-C does; whet then ends by that signal."""
    _ending.append(number)
    raise KeyboardInterrupt


def name_interrupted() -> int:
    """Return the exit status after an interrupt: minus the number of the signal, on Windows 130."""
    return -(_ending[-1] if _ending else signal.SIGINT) if os.name == "posix" else 130
