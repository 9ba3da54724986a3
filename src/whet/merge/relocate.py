"""Finds the places that a profile of others' names in the sources that are at hand, which may have changed since.

A frame fits where the source has a function of its name at its line. Else the function is looked for by its qualified
name: it may have moved. Of one that moved, lines are known only where the profile says where the function
started; without that the function keeps its time, and no line of it does. A function that is not there any more is
stale: its time stays with it, under a path that is no source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from whet.merge.codemap import COMPREHENSIONS, MODULE_NAME, CodeKind, CodeMap, CodeSpan, last_part, strip_comprehensions
from whet.model.frame import Frame
from whet.model.source import split_lines
from whet.records import dataclass

STALE = " (changed since)"
"""What is added to the path of a function that is not in the source any more."""
_AT_STARTS = 0.9
"""Where so many of the functions were seen at their first line only, the profile has no other lines."""
_LEAST_FUNCTIONS = 3


@dataclass(frozen=True, slots=True)
class Relocated:
    """The new frames, and what became of functions, as ``(file, name)``."""

    frames: Mapping[Frame, Frame]
    moved: tuple[tuple[str, str], ...] = ()
    stale: tuple[tuple[str, str], ...] = ()
    at_starts: bool = False
    """Whether the profile has no lines but those at which functions start."""


def count_fitting(frames: Iterable[Frame], known: CodeMap) -> tuple[int, int]:
    """Return how many functions of ``frames`` the source has by name, and how many there are."""
    names = {strip_comprehensions(frame.name) for frame in frames}
    names = {name for name in names if not name.startswith("<") and last_part(name) not in COMPREHENSIONS}
    spans = {last_part(span.name) for span in known.spans}
    return sum(last_part(name) in spans for name in names), len(names)


def relocate_frames(
    frames: Sequence[Frame], files: Mapping[str, str], sources: Mapping[str, tuple[str, CodeMap]]
) -> Relocated:
    """Return where each frame stands now; ``files`` maps files to paths, ``sources`` those to text and map."""
    lines = {path: split_lines(text) for path, (text, _) in sources.items()}
    found: dict[Frame, Frame] = {}
    moved: dict[tuple[str, str], None] = {}
    stale: dict[tuple[str, str], None] = {}
    seen: dict[tuple[str, CodeSpan], list[Frame]] = {}
    """Frames by function. One that was seen at its first line alone has a profile without lines, or has moved."""
    for frame in frames:
        path = files.get(frame.file)
        if path is None:
            continue
        known = sources[path][1]
        span = _find_span(frame, known)
        if span is not None and _is_code(lines[path], frame.line):
            found[frame] = replace(frame, file=path, first_line=span.line if frame.first_line else 0)
            if span.kind is CodeKind.FUNCTION and frame.line and span.end_line > span.line:
                seen.setdefault((path, span), []).append(frame)
            continue
        other = span or _find_by_name(frame.name, known)
        if other is None:
            stale[path, frame.name] = None
            found[frame] = Frame(f"{path}{STALE}", frame.name, 0, frame.first_line or frame.line)
            continue
        moved[path, frame.name] = None
        line = frame.line - frame.first_line + other.start if frame.first_line and frame.line else 0
        is_inside = other.start <= line <= other.end_line and _is_code(lines[path], line) and span is None
        found[frame] = Frame(path, other.name, line if is_inside else 0, other.line)
    at_start = [key for key, group in seen.items() if all(f.line in (key[1].start, key[1].line) for f in group)]
    for path, span in at_start:
        found |= {frame: Frame(path, frame.name, 0, span.line) for frame in seen[path, span]}
    at_starts = len(at_start) >= _LEAST_FUNCTIONS and len(at_start) >= _AT_STARTS * len(seen)
    return Relocated(found, tuple(moved), tuple(stale), at_starts)


def _find_span(frame: Frame, known: CodeMap) -> CodeSpan | None:
    """Return the code object that a frame fits; ``None`` where the source has none of its name at its line."""
    line = frame.line or frame.first_line
    if not line or line > known.spans[0].end_line:
        return None
    span = known.at(line, frame.name, frame.first_line)
    if last_part(frame.name) in COMPREHENSIONS:
        return span
    name = strip_comprehensions(frame.name)
    if last_part(span.name) != last_part(name):
        return None
    if frame.first_line and frame.first_line not in (span.start, span.line) and span.kind is not CodeKind.MODULE:
        return None
    return span


def _find_by_name(name: str, known: CodeMap) -> CodeSpan | None:
    """Return the one function of a qualified name, or of a bare one that only one function has."""
    name = strip_comprehensions(name)
    if name == MODULE_NAME:
        return known.spans[0]
    if last_part(name).startswith("<"):
        return None
    exact = [span for span in known.spans if span.name == name]
    if exact:
        return exact[0] if len(exact) == 1 else None
    # Tools name methods by the class of the object, or by the function alone.
    same = [span for span in known.spans if last_part(span.name) == last_part(name) and span.kind is CodeKind.FUNCTION]
    return same[0] if len(same) == 1 else None


def _is_code(lines: Sequence[str], line: int) -> bool:
    """Return whether code may stand at a line; at 0, which means that none is known, nothing says otherwise."""
    if not line:
        return True
    text = lines[line - 1].strip() if line <= len(lines) else ""
    return bool(text) and not text.startswith("#")
