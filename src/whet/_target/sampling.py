"""pyinstrument inside the target: the sampler for places where py-spy may not attach."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from . import awaiting
from .captures import write_capture


def start(settings: dict[str, Any]) -> Callable[[], None]:
    """Start sampling this thread; the returned function stops it and writes the session.

    ``settings``: ``capture`` (file to write), ``interval`` (seconds),
    ``folder`` (where pyinstrument lies when it is not the target's own, or None).
    """
    folder = settings.get("folder")
    if folder:
        sys.path.append(folder)
    try:
        import pyinstrument
        from pyinstrument.stack_sampler import active_profiler_context_var
    finally:
        if folder:
            sys.path.remove(folder)
    pid = os.getpid()
    profiler = pyinstrument.Profiler(interval=settings["interval"], async_mode="enabled", use_timing_thread=None)
    profiler.start()
    awaiting.leave_loops_out(active_profiler_context_var)

    def stop() -> None:
        if os.getpid() != pid or not profiler.is_running:
            return
        session = profiler.stop()
        write_capture(settings["capture"], session.to_json())

    if hasattr(os, "_exit"):
        _stop_before_exit(stop, pid)
    return stop


def _stop_before_exit(stop: Callable[[], None], pid: int) -> None:
    exit_now = os._exit

    def _exit(status: int) -> None:
        if os.getpid() == pid:
            stop()
        exit_now(status)

    os._exit = _exit  # type: ignore[assignment]
