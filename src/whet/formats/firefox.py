"""The Firefox Profiler's processed format, version 48 (``processed-profile-format.md``), which it upgrades on loading.

Columns of tables, each thread with its own; strings by index. A thread and a quantity make one thread of the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from whet.errors import FormatError
from whet.formats.api import Keeps
from whet.model.frame import Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples

VERSION = 48
_WORDS = {Metric.CPU: "", Metric.WAITING: " (waiting)", Metric.ALLOCATED: " (allocated)", Metric.PEAK: " (peak)"}
_CATEGORIES = (("User", "yellow"), ("Dependency", "blue"), ("Standard library", "grey"), ("Native", "lightblue"))
_CATEGORY = {Owner.USER: 0, Owner.DEPENDENCY: 1, Owner.STDLIB: 2, Owner.NATIVE: 3}
_MILLISECOND = 1_000_000


class Firefox:
    """Writes it."""

    name = "firefox"
    keeps = Keeps(frozenset(_WORDS))

    def recognizes(self, head: bytes) -> bool:
        """Return ``False``: it is only written."""
        return False

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Refuse: its versions change every few weeks."""
        raise FormatError(
            "the Firefox Profiler's format is written, not read", hint="read collapsed, pprof or speedscope"
        )

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Write time, waiting, allocated bytes and the peak."""
        meta = {
            "interval": (profile.period_ns or _MILLISECOND) / _MILLISECOND,
            "startTime": 0,
            "processType": 0,
            "product": "Python",
            "stackwalk": 0,
            "debug": False,
            "version": 27,
            "preprocessedProfileVersion": VERSION,
            "symbolicated": True,
            "importedFrom": f"whet ({profile.collector})",
            "markerSchema": [],
            "categories": [
                {"name": name, "color": color, "subcategories": ["Other"]}
                for name, color in (*_CATEGORIES, ("Other", "grey"))
            ],
        }
        document = {"meta": meta, "libs": [], "pages": [], "counters": [], "profilerOverhead": []}
        sink.write(json.dumps(document)[:-1].encode("ascii") + b', "threads": [')
        for number, samples in enumerate(each for each in profile.samples if each.metric in _WORDS):
            thread = json.dumps(_write_thread(profile, samples, is_first=number == 0))
            sink.write((b",\n" if number else b"") + thread.encode("ascii"))
        sink.write(b"]}\n")


class _Strings(dict[str, int]):
    """Indices of strings."""

    def __missing__(self, text: str) -> int:
        self[text] = len(self)
        return self[text]


def _write_thread(profile: Profile, samples: Samples, *, is_first: bool) -> dict[str, object]:
    strings = _Strings()
    thread = profile.threads[samples.thread]
    rows: dict[int, int] = {}
    # Only the rows of this thread, in the order of the profile's table: parents before children.
    for row in sorted({at for each in samples.stack for at in profile.stacks.walk(each)}):
        rows[row] = len(rows)
    used = list(dict.fromkeys(profile.stacks.frame[row] for row in rows))
    frames = {frame: index for index, frame in enumerate(used)}
    functions: dict[tuple[str, str, int], int] = {}
    for index in used:
        frame = profile.frames[index]
        functions.setdefault((frame.name, frame.file, frame.first_line), len(functions))
    category = [_CATEGORY[profile.frames[index].owner] for index in used]
    is_time = samples.metric.unit.value == "ns"
    time, at = [], 0.0
    for value in samples.value:
        time.append(at)
        at += value / _MILLISECOND if is_time else 0.0
    count, size = len(rows), len(used)
    return {
        "name": f"{thread.name or f'Thread {thread.tid}'}{_WORDS[samples.metric]}",
        "isMainThread": is_first,
        "processType": "default",
        "processName": thread.process or "Python",
        "processStartupTime": 0,
        "processShutdownTime": None,
        "registerTime": 0,
        "unregisterTime": None,
        "pausedRanges": [],
        "pid": str(thread.pid),
        "tid": thread.tid,
        "samples": {
            "stack": [rows.get(row) for row in samples.stack],
            "time": time,
            "weight": [value / _MILLISECOND if is_time else value for value in samples.value],
            "weightType": "tracing-ms" if is_time else "bytes",
            "length": len(samples.stack),
        },
        "markers": {"data": [], "name": [], "startTime": [], "endTime": [], "phase": [], "category": [], "length": 0},
        "stackTable": {
            "frame": [frames[profile.stacks.frame[row]] for row in rows],
            "category": [category[frames[profile.stacks.frame[row]]] for row in rows],
            "subcategory": [0] * count,
            "prefix": [
                None if profile.stacks.parent[row] == ROOT else rows[profile.stacks.parent[row]] for row in rows
            ],
            "length": count,
        },
        "frameTable": {
            "address": [-1] * size,
            "category": category,
            "subcategory": [0] * size,
            "func": [functions[f.name, f.file, f.first_line] for f in (profile.frames[index] for index in used)],
            "nativeSymbol": [None] * size,
            "innerWindowID": [0] * size,
            "implementation": [None] * size,
            "line": [profile.frames[index].line or None for index in used],
            "column": [None] * size,
            "inlineDepth": [0] * size,
            "length": size,
        },
        "funcTable": {
            "name": [strings[name] for name, _, _ in functions],
            "isJS": [False] * len(functions),
            "relevantForJS": [False] * len(functions),
            "resource": [-1] * len(functions),
            "fileName": [strings[file] if file else None for _, file, _ in functions],
            "lineNumber": [first or None for _, _, first in functions],
            "columnNumber": [None] * len(functions),
            "length": len(functions),
        },
        "resourceTable": {"lib": [], "name": [], "host": [], "type": [], "length": 0},
        "nativeSymbols": {"libIndex": [], "address": [], "name": [], "functionSize": [], "length": 0},
        "stringArray": list(strings),
    }
