"""Writes a profile as Chrome trace events: complete events that nest as the stacks do."""

from __future__ import annotations

import json
from typing import BinaryIO

from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples

CATEGORIES = {"cpu": Metric.CPU, "waiting": Metric.WAITING}
"""What an event's category says of the time."""
_NAMES = {metric: category for category, metric in CATEGORIES.items()}


def write_trace(profile: Profile, sink: BinaryIO) -> None:
    """Write computing and waiting; an event's place says nothing of when it was. Times are microseconds."""
    head = {"exporter": "whet", "collector": profile.collector, "wall": profile.wall}
    sink.write(f'{{"otherData": {json.dumps(head)}, "displayTimeUnit": "ms", "traceEvents": [\n'.encode("ascii"))
    events: list[dict[str, object]] = []
    for thread in profile.threads:
        place = {"ph": "M", "pid": thread.pid, "tid": thread.tid}
        if thread.name:
            events.append({**place, "name": "thread_name", "args": {"name": thread.name}})
        if thread.process:
            events.append({**place, "name": "process_name", "args": {"name": thread.process}})
    ends: dict[int, int] = {}
    for samples in sorted(profile.samples, key=lambda each: each.metric is Metric.WAITING):
        if samples.metric in _NAMES:
            start = ends.get(samples.thread, 0)
            events += _lay_out(profile, samples, start)
            ends[samples.thread] = start + sum(samples.value)
    sink.write(",\n".join(json.dumps(event) for event in events).encode("ascii"))
    sink.write(b"\n]}\n")


def _lay_out(profile: Profile, samples: Samples, start: int) -> list[dict[str, object]]:
    """Return the events of one thread and quantity from ``start``, in nanoseconds, on."""
    parent, frame_of = profile.stacks.parent, profile.stacks.frame
    total: dict[int, int] = {}
    for row, value in zip(samples.stack, samples.value, strict=True):
        for at in profile.stacks.walk(row):
            total[at] = total.get(at, 0) + value
    thread = profile.threads[samples.thread]
    next_at = {ROOT: start}
    events: list[dict[str, object]] = []
    # A parent stands before its children, so its place is known by the time that theirs is asked for.
    for row in sorted(total):
        if not total[row]:
            continue
        at = next_at[parent[row]]
        next_at[parent[row]] = at + total[row]
        next_at[row] = at
        frame = profile.frames[frame_of[row]]
        known = {"file": frame.file, "line": frame.line, "first_line": frame.first_line}
        place = {key: value for key, value in known.items() if value}
        events.append(
            {
                "ph": "X",
                "name": frame.name,
                "cat": _NAMES[samples.metric],
                "pid": thread.pid,
                "tid": thread.tid,
                "ts": at / 1_000,
                "dur": total[row] / 1_000,
                # speedscope shows whatever there is behind the name.
                **({"args": place} if place else {}),
            }
        )
    return events
