"""Records memory in the target: memray, from just before the user's program starts until it ends."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from . import borrow


def start(settings: Mapping[str, Any]) -> Callable[[], None]:
    """Start recording and return the function that ends it.

    ``settings`` has ``capture`` (a path), and may have ``trace_python_allocators``, ``native``,
    ``follow_fork`` (booleans) and ``path`` (a folder to import memray from when the
    target's own environment has none). Raises ``ImportError`` without memray, ``RuntimeError``
    where another tracker is active, ``OSError`` where the capture cannot be written.

    The capture is a shared mapping of the file, so that it stays readable up to the last allocation
    when the process is killed or leaves by ``os._exit``. Children that follow a fork write
    to ``capture`` with their pid appended.
    """
    memray = borrow.load_from(settings.get("path"), _import_memray)
    # It warns on stderr that it corrects symbols of some interpreters; stderr is the program's.
    memray.set_log_level(logging.ERROR)
    # Compressing would keep the program from ending; the capture goes after merging anyhow.
    destination = memray.FileDestination(settings["capture"], overwrite=True, compress_on_exit=False)
    tracker = memray.Tracker(
        destination=destination,
        native_traces=bool(settings.get("native", False)),
        trace_python_allocators=bool(settings.get("trace_python_allocators", False)),
        follow_fork=bool(settings.get("follow_fork", False)),
    )
    tracker.__enter__()
    owner = os.getpid()
    active = True

    def stop() -> None:
        nonlocal active
        # A forked child inherits this function; its own capture ends with its process.
        if active and os.getpid() == owner:
            active = False
            tracker.__exit__(None, None, None)

    return stop


def _import_memray() -> Any:
    import memray

    with contextlib.suppress(ImportError):
        import memray.reporters.module_tools  # the tracker imports it late, when a borrowed folder is gone again
    return memray
