"""Functions that came to a process by value, and have lost their file on the way.

cloudpickle sends functions of the main script, of notebooks and of other functions as code objects, and names
their file ``<dynamic-code>``: so they run in the workers of joblib, loky and dask. Name and lines stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from whet.merge.codemap import CodeKind, CodeMap, code_map, last_part, strip_comprehensions
from whet.model.frame import Frame, Owner
from whet.model.profile import Profile
from whet.model.run import SourceFile

BY_VALUE = frozenset({"<dynamic-code>"})
"""What pickles by value call the file of a code object. Others (dill, and Spark and Ray) keep its path."""


def restore_files(profiles: Iterable[Profile], sources: Mapping[str, SourceFile]) -> list[Profile]:
    """Return ``profiles`` with the files of functions that came by value, where exactly one of ``sources`` fits.

    A function fits where a function of this name has the line. One that is in no source with one of its lines,
    or in several, is left as it is.
    """
    profiles = list(profiles)
    frames = {frame for profile in profiles for frame in profile.frames if frame.file in BY_VALUE}
    if not frames:
        return profiles
    maps = {file: known for file, source in sources.items() if (known := code_map(source.text)) is not None}
    found = {frame: _find_files(frame, maps) for frame in frames}
    # With a line that no source has it is another function, whatever the other lines say.
    foreign = {(frame.file, frame.name) for frame, files in found.items() if not files}
    files = {
        frame: files[0] for frame, files in found.items() if len(files) == 1 and (frame.file, frame.name) not in foreign
    }
    return [
        replace(profile, frames=[replace(each, file=files.get(each, each.file)) for each in profile.frames])
        if not files.keys().isdisjoint(profile.frames)
        else profile
        for profile in profiles
    ]


class ValueRestorer:
    """Finds functions that came by value in ``sources``, and makes them the user's, one profile after the other."""

    def __init__(self, sources: Mapping[str, SourceFile]) -> None:
        self._sources = sources
        self._maps: dict[str, CodeMap] | None = None
        self._known: dict[Frame, Frame] = {}

    def restore(self, profile: Profile) -> Profile:
        """Return an aligned ``profile`` with such frames under the qualified names that their sources give them."""
        if not any(frame.file in BY_VALUE for frame in profile.frames):
            return profile
        if self._maps is None:
            self._maps = {
                file: known for file, source in self._sources.items() if (known := code_map(source.text)) is not None
            }
        return replace(profile, frames=[self._restore(frame) for frame in profile.frames])

    def _restore(self, frame: Frame) -> Frame:
        if frame.file not in BY_VALUE:
            return frame
        if frame not in self._known:
            files = dict.fromkeys(_find_files(frame, self._maps or {}))
            restored = frame
            if len(files) == 1:
                (file,) = files
                span = (self._maps or {})[file].at(frame.line or frame.first_line, frame.name, frame.first_line)
                restored = Frame(file, span.name, frame.line, span.line, Owner.USER)
            self._known[frame] = restored
        return self._known[frame]


def _find_files(frame: Frame, maps: Mapping[str, CodeMap]) -> Sequence[str]:
    """Return the file of each function that the frame may be of, as often as it has such."""
    name, line = strip_comprehensions(frame.name), frame.line or frame.first_line
    spans = [
        (file, span)
        for file, known in maps.items()
        for span in known.spans
        if span.kind not in (CodeKind.MODULE, CodeKind.CLASS)
        and span.start <= line <= span.end_line
        and (not frame.first_line or frame.first_line in (span.start, span.line))
    ]
    exact = [file for file, span in spans if span.name == name]
    # Before 3.11 code objects have bare names only.
    return exact or [file for file, span in spans if "." not in name and last_part(span.name) == name]
