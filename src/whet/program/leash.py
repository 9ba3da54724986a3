"""A child that ends when whet does, however that ends: the kernel sends it a signal (Linux)."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable

_SET_PARENT_DEATH_SIGNAL = 1
_POLL_SECONDS = 1.0


def end_with_parent(number: int = signal.SIGINT) -> Callable[[], None] | None:
    """Return what a new process has to call so that it gets the signal ``number`` when whet ends; ``None`` elsewhere.

    The signal is sent when the thread ends that started the process: so that has to be the main one.
    """
    prctl = _find_prctl()
    if prctl is None or threading.current_thread() is not threading.main_thread():
        return None
    parent = os.getpid()

    def ask() -> None:
        prctl(_SET_PARENT_DEATH_SIGNAL, number, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), number)

    return ask


def leash_worker(parent: int) -> None:
    """Let this process, a worker of whet's own, end when the process ``parent`` has: nobody would read its results."""
    if os.name == "nt":
        return
    if (prctl := _find_prctl()) is not None:
        prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _find_prctl() -> Callable[..., int] | None:
    """Return the C library's ``prctl``; ``None`` where there is none."""
    if sys.platform != "linux":
        return None
    try:
        import ctypes

        prctl: Callable[..., int] = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return None
    return prctl
