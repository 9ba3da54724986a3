"""Samples the process that started this one, for ``whet.profile``: see :mod:`whet.library`.

It is asked with a JSON object as its argument, says ``ready`` on stdout once samples are taken, and goes on until a
line comes on stdin, or its end. The line is a JSON object: the ``cells`` of a notebook that the process has, by the
names of their code, as they are shown and their text; and ``captures`` of other profilers, by what they are for. Then
it says a JSON object: ``{}``, with the run in ``file``, or the error.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import whet
from whet.errors import WhetError
from whet.merge.tree import attributing_rows
from whet.model.frame import Owner
from whet.model.profile import Profile
from whet.model.run import Notice, Purpose, Run
from whet.pipeline.run.attach import sample
from whet.pipeline.run.cells import Cell
from whet.pipeline.run.options import AttachOptions, Step
from whet.store import rewrite_run

READY = "ready"
_LAUNCHER = "ipykernel_launcher.py"
_HIDDEN = ("library.py", "notebook.py", "pytest_session.py")
"""What of whet the process itself runs while it is sampled."""
_SECONDS = 1_000_000.0
"""Longer than any process is profiled at a time."""


def main() -> None:
    """Sample the parent process until it says so."""
    request = json.loads(sys.argv[1])
    answer: dict[str, Any] = {}
    try:
        options = _read_options(request)
        run = sample(os.getppid(), options)
        run = replace(run, notices=tuple(_name_option(notice, request["rate_option"]) for notice in run.notices))
        if options.cells:
            run = keep_notebook(run, options)
        # The block is over: sampling the process again would show something else.
        rewrite_run(Path(request["file"]), replace(run, can_run_again=False))
    except WhetError as error:
        answer = {"error": type(error).__name__, "message": error.message, "hint": error.hint}
    _say(json.dumps(answer))


def _name_option(notice: Notice, option: str) -> Notice:
    """Return a notice whose hint has no options of commands: what was asked for was asked for in the program.

    ``option`` is how a rate is asked for there; empty where it cannot be.
    """
    rate = re.search(r"--rate (\d+)", notice.hint)
    if rate is not None and option:
        return replace(notice, hint=f"{option.format(rate[1])} disturbs it less")
    return replace(notice, hint="") if "--" in notice.hint else notice


def keep_notebook(run: Run, options: AttachOptions) -> Run:
    """Return a run of a kernel without what the kernel does for itself: stacks in which no code of the user's is."""
    profiles = tuple(_keep_user(profile) for profile in run.profiles)
    asked = {Purpose.MEMORY: ("memory", "%%whet --memory"), Purpose.EXACT_LINES: ("exact hits", "%%whet --lines")}
    left = tuple(words for purpose, words in asked.items() if purpose not in options.captures)
    return replace(run, profiles=profiles, not_measured=left)


def _keep_user(profile: Profile) -> Profile:
    frames = tuple(
        replace(frame, owner=Owner.DEPENDENCY) if frame.file.endswith(_LAUNCHER) else frame for frame in profile.frames
    )
    parent, frame_of = profile.stacks.parent, profile.stacks.frame
    inside = attributing_rows(parent, frame_of, [frame.owner is Owner.USER for frame in frames])
    samples = []
    for each in profile.samples:
        kept = [(row, value) for row, value in zip(each.stack, each.value, strict=True) if row >= 0 <= inside[row]]
        whole, part = sum(each.value), sum(value for _, value in kept)
        if part:
            rows, values = zip(*kept, strict=True)
            samples.append(replace(each, stack=rows, value=values, count=max(1, round(each.count * part / whole))))
    return replace(profile, frames=frames, samples=tuple(samples))


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
        nonblocking=request["nonblocking"],
        include=tuple(request["include"]),
        exclude=tuple(request["exclude"]),
        hidden=(*(str(Path(whet.__file__).parent / name) for name in _HIDDEN), *request["hidden"]),
        to_end=to_end,
        cells=cells,
        captures=captures,
        progress=note,
    )
