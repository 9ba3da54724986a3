"""Samples the process that started this one, for ``whet.profile``: see :mod:`whet.library`.

It is asked with a JSON object as its argument, says ``ready`` on stdout once samples are taken, and goes on until a
line comes on stdin, or its end. The line is a JSON object: the ``cells`` of a notebook that the process has, by the
names of their code, as they are shown and their text; and ``captures`` of other profilers, by what they are for. Then
it says a JSON object: ``{}``, with the run in ``file``, or the error.
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
from whet.model.run import Purpose
from whet.pipeline.run.attach import sample
from whet.pipeline.run.cells import Cell
from whet.pipeline.run.options import AttachOptions, Step
from whet.store import rewrite_run

READY = "ready"
_HIDDEN = ("library.py", "notebook.py", "pytest_session.py")
"""What of whet the process itself runs while it is sampled."""
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
    cells: dict[str, Cell] = {}
    captures: dict[Purpose, Path] = {}

    def wait_for_end() -> None:
        said = json.loads(sys.stdin.readline() or "{}")
        cells.update({file: Cell(shown, text) for file, (shown, text) in said.get("cells", {}).items()})
        captures.update({Purpose(purpose): Path(file) for purpose, file in said.get("captures", {}).items()})
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
        include=tuple(request["include"]),
        exclude=tuple(request["exclude"]),
        hidden=tuple(str(Path(whet.__file__).parent / name) for name in _HIDDEN),
        to_end=to_end,
        cells=cells,
        captures=captures,
        progress=note,
    )
