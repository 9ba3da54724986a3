"""Code that was given to an interpreter with ``-c``: the user's, whether the program is started so or a child of it.

Python calls it ``<string>``, as all code that is compiled from a text: what ``exec`` runs, what the standard library
makes methods of dataclasses from. It is told from those by where it stands: at the bottom of the stack.
"""

from __future__ import annotations

import re
from dataclasses import replace

from whet.merge.ownership import GIVEN_CODE, is_generated_method, is_native_file
from whet.model.frame import Frame
from whet.model.profile import ROOT, Profile

_STRING = "<string>"
_STARTS_WORKER = re.compile(
    r"[\\/](multiprocessing|multiprocess|billiard|loky|execnet)[\\/]([^\\/]+[\\/])?[^\\/]+\.py$"
    r"|^<frozen multiprocessing"
)
"""Modules that start their worker processes with a line of code of their own."""


def name_given_code(profile: Profile, *, is_program: bool = False) -> Profile:
    """Return ``profile`` with the code of ``-c`` named ``<-c code>``; ``is_program`` tells that the program is such."""
    if not any(frame.file == _STRING for frame in profile.frames):
        return profile
    given = _find_given(profile)
    frames = list(profile.frames)
    index = {frame: at for at, frame in enumerate(frames)}
    frame_of: list[int] = []
    for row, at in enumerate(profile.stacks.frame):
        frame = frames[at]
        is_named = frame.file == _STRING and not is_generated_method(frame.name)
        if is_named and (is_program or row in given):
            named = replace(frame, file=GIVEN_CODE)
            at = index.setdefault(named, len(frames))  # noqa: PLW2901
            if at == len(frames):
                frames.append(named)
        frame_of.append(at)
    lines = [replace(line, file=GIVEN_CODE) if is_program and line.file == _STRING else line for line in profile.lines]
    return replace(profile, frames=frames, stacks=replace(profile.stacks, frame=frame_of), lines=lines)


def _find_given(profile: Profile) -> set[int]:
    """Return the rows of stacks whose outermost Python frame is a module without a file, its own row included."""
    parent, frame_of, frames = profile.stacks.parent, profile.stacks.frame, profile.frames
    outermost = [ROOT] * len(parent)
    """Of each row the row of its outermost Python frame."""
    workers: set[int] = set()
    for row, (above, at) in enumerate(zip(parent, frame_of, strict=True)):
        base = outermost[above] if above != ROOT else ROOT
        outermost[row] = row if base == ROOT and not is_native_file(frames[at].file) else base
        if base == above != ROOT and _STARTS_WORKER.search(frames[at].file):
            workers.add(base)
    bases = {base for base in outermost if base != ROOT and _is_module(frames[frame_of[base]])} - workers
    return {row for row, base in enumerate(outermost) if base in bases}


def _is_module(frame: Frame) -> bool:
    return frame.file == _STRING and frame.name == "<module>"
