"""Samples the process that started this one, for ``whet.profile``: see :mod:`whet.library`.

It is asked with a JSON object as its argument, says ``ready`` on stdout once samples are taken, and goes on until a
line comes on stdin, or its end. Then it says a JSON object: ``{}``, with the run in ``file``, or the error.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import whet
from whet.errors import WhetError
from whet.pipeline.run.attach import sample
from whet.pipeline.run.options import AttachOptions, Step
from whet.store import rewrite_run

READY = "ready"
_SECONDS = 1_000_000.0
"""Longer than any process is profiled at a time."""


def main() -> None:
    """Sample the parent process until it says so."""
    request = json.loads(sys.argv[1])
    answer: dict[str, Any] = {}
    try:
        run = sample(os.getppid(), _read_options(request))
        # The block is over: sampling the process again would show something else.
        rewrite_run(Path(request["file"]), replace(run, can_run_again=False))
    except WhetError as error:
        answer = {"error": type(error).__name__, "message": error.message, "hint": error.hint}
    _say(json.dumps(answer))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _read_options(request: dict[str, Any]) -> AttachOptions:
    to_end = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.readline()
        to_end.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    is_ready = False

    def note(_: Step) -> None:
        nonlocal is_ready
        if not is_ready:
            is_ready = True
            _say(READY)

    return AttachOptions(
        duration=_SECONDS,
        rate=request["rate"],
        keep_rate=request["keep_rate"],
        native=request["native"],
        children=False,
        nonblocking=request["nonblocking"],
        include=tuple(request["include"]),
        exclude=tuple(request["exclude"]),
        hidden=(str(Path(whet.__file__).parent / "library.py"), *request["hidden"]),
        to_end=to_end,
        progress=note,
    )
