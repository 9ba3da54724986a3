"""One identity for a frame across profilers: the code object that owns its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from whet.merge.codemap import CodeMap, code_map, is_folded, strip_comprehensions
from whet.merge.ownership import Ownership
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, LineCount, Profile, Samples, StackTable
from whet.model.run import SourceFile

DROPPED = -2
"""The place of a row whose samples are whet's own work, not the program's."""


def align_profile(profile: Profile, sources: Mapping[str, SourceFile], ownership: Ownership) -> Profile:
    """Return ``profile`` with every frame named by the code object that owns its line.

    Frames in ``sources`` get the qualified name and the ``def`` line; frames
    elsewhere keep what the profiler said. All get their owner. Comprehension
    frames (3.11) become part of their caller; frames and stacks that become
    equal are merged, so values are kept and rows may get fewer. Samples of
    code that whet brought into the target (``ownership.hidden``) are left out;
    its frames below the program's are cut off.
    """
    namer = _Namer(sources, ownership)
    renamed = [namer.name(frame) for frame in profile.frames]
    folded = [not namer.is_native(i) and is_folded(frame.name) for i, frame in enumerate(profile.frames)]
    hidden = [ownership.is_hidden(frame.file) for frame in profile.frames]
    lines = _align_lines(profile.lines, namer)
    unchanged = not any(folded) and not any(hidden) and len(set(renamed)) == len(renamed)
    if unchanged:
        return replace(profile, frames=renamed, lines=lines)
    table = _Table()
    place = _move_rows(profile.stacks, renamed, folded, hidden, table)
    samples = [moved for moved in (_move_samples(entry, place) for entry in profile.samples) if moved.stack]
    stacks = StackTable(table.parent, table.frame_of)
    own_ns = profile.own_ns + _sum_cpu(profile.samples) - _sum_cpu(samples)
    return replace(profile, frames=table.frames, stacks=stacks, samples=samples, lines=lines, own_ns=own_ns)


def _sum_cpu(samples: Sequence[Samples]) -> int:
    return sum(sum(entry.value) for entry in samples if entry.metric is Metric.CPU)


class _Namer:
    """Names frames by their source; knows each source's code map."""

    def __init__(self, sources: Mapping[str, SourceFile], ownership: Ownership) -> None:
        self._sources = sources
        self._ownership = ownership
        self._maps: dict[str, tuple[str, CodeMap | None]] = {}
        self._native: list[bool] = []

    def is_native(self, index: int) -> bool:
        return self._native[index]

    def name(self, frame: Frame) -> Frame:
        owner = self._ownership.owner(frame.file, frame.name)
        self._native.append(owner is Owner.NATIVE)
        if owner is Owner.NATIVE:
            return replace(frame, owner=owner)
        file, known = self.map_of(frame.file)
        if known is None:
            return Frame(file, strip_comprehensions(frame.name), frame.line, frame.first_line, owner)
        line = frame.line or frame.first_line
        span = known.at(line, frame.name, frame.first_line)
        # Without a line of its own it stays so: where the function starts is not where time was spent.
        return Frame(file, span.name, frame.line, span.line, owner)

    def map_of(self, file: str) -> tuple[str, CodeMap | None]:
        """Return the path under which the source of ``file`` is kept, and its code map."""
        found = self._maps.get(file)
        if found is None:
            path = self._find(file)
            source = self._sources.get(path)
            found = self._maps[file] = (path, code_map(source.text) if source else None)
        return found

    def _find(self, file: str) -> str:
        project = self._ownership.project
        if file in self._sources or not project or file.startswith(("/", "<")) or file[1:2] == ":":
            return file
        absolute = f"{project.rstrip('/')}/{file.removeprefix('./')}"
        return absolute if absolute in self._sources else file


class _Table:
    """A stack table in the making; equal rows and frames are one."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.parent: list[int] = []
        self.frame_of: list[int] = []
        self._frame_index: dict[Frame, int] = {}
        self._row_index: dict[int, int] = {}

    def frame(self, frame: Frame) -> int:
        index = self._frame_index.get(frame)
        if index is None:
            index = self._frame_index[frame] = len(self.frames)
            self.frames.append(frame)
        return index

    def row(self, parent: int, frame: int) -> int:
        key = (parent + 1) << 32 | frame
        index = self._row_index.get(key)
        if index is None:
            index = self._row_index[key] = len(self.parent)
            self.parent.append(parent)
            self.frame_of.append(frame)
        return index


def _move_rows(
    stacks: StackTable, renamed: list[Frame], folded: list[bool], hidden: list[bool], table: _Table
) -> list[int]:
    """Fill ``table``; return for each old row its new one, or ``DROPPED``.

    A hidden row stands where its parent stands. What it calls is whet's own work
    too, until a user's frame or the program's ``<module>`` begins.
    """
    moved = [-1] * len(renamed)
    place = [ROOT] * len(stacks)
    for_children = [ROOT] * len(stacks)
    own_work = bytearray(len(stacks))
    for row, (parent, frame) in enumerate(zip(stacks.parent, stacks.frame, strict=True)):
        above = ROOT if parent == ROOT else for_children[parent]
        if hidden[frame]:
            own_work[row], place[row], for_children[row] = True, DROPPED, above
            continue
        if parent != ROOT and own_work[parent]:
            entered = hidden[stacks.frame[parent]] and _starts_program(renamed[frame])
            own_work[row] = not entered and renamed[frame].owner is not Owner.USER
        if own_work[row]:
            # Its row is not needed unless the program begins further in, which then stands where whet's code stood.
            place[row], for_children[row] = DROPPED, above
            continue
        new = _fold(table, above, renamed[frame]) if folded[frame] and above != ROOT else None
        if new is None:
            if moved[frame] < 0:
                moved[frame] = table.frame(renamed[frame])
            new = table.row(above, moved[frame])
        place[row] = for_children[row] = new
    return place


def _starts_program(frame: Frame) -> bool:
    return (
        frame.name == "<module>" or frame.file == "<frozen runpy>" or frame.file.endswith(("/runpy.py", "\\runpy.py"))
    )


def _fold(table: _Table, caller: int, frame: Frame) -> int | None:
    """Return the row of ``frame``, a comprehension's, as part of its caller.

    Only the code around a comprehension ever calls it, so the caller is that code, whatever
    the frame is named; except where a profiler shows native frames between: then ``None``.
    """
    around = table.frames[table.frame_of[caller]]
    if around.file != frame.file:
        return None
    return table.row(table.parent[caller], table.frame(replace(around, line=frame.line)))


def _move_samples(entry: Samples, place: Sequence[int]) -> Samples:
    """Return ``entry`` on the new rows, equal rows added up; dropped values take their share of the count along."""
    sums: dict[int, int] = {}
    lost = 0
    # Samples at ROOT (a thread without any Python frame) stay there.
    for row, value in zip(entry.stack, entry.value, strict=True):
        new = place[row] if row >= 0 else row
        if new == DROPPED:
            lost += value
        else:
            sums[new] = sums.get(new, 0) + value
    kept = sum(sums.values())
    count = entry.count if not lost else round(entry.count * kept / (kept + lost)) if kept + lost else 0
    return replace(entry, stack=list(sums), value=list(sums.values()), count=count)


def _align_lines(lines: Sequence[LineCount], namer: _Namer) -> list[LineCount]:
    """Return line counts with the ``def`` line of their function; counts of folded code objects are added up."""
    merged: dict[tuple[str, int, int], LineCount] = {}
    for count in lines:
        file, known = namer.map_of(count.file)
        first = known.at(count.line, "", count.function_line).line if known else count.function_line
        key = (file, count.line, first)
        hits = count.hits + (merged[key].hits if key in merged else 0)
        merged[key] = LineCount(file, count.line, first, hits)
    return list(merged.values())
