"""Encodes a profile as pprof. Field numbers are those of ``proto/profile.proto``."""

from __future__ import annotations

from collections.abc import Iterator

from whet.formats._protobuf import write_field, write_packed
from whet.model.metric import Metric
from whet.model.profile import Profile

METRICS = {
    Metric.CPU: ("cpu", "nanoseconds"),
    Metric.WAITING: ("wait", "nanoseconds"),
    Metric.ALLOCATED: ("alloc_space", "bytes"),
    Metric.PEAK: ("inuse_space", "bytes"),
}
WALL = "whet-time:wall"
"""The comment that says that the times are wall time."""
_MAPPING = 1
"""The id of the one mapping: viewers show nothing of locations that have none."""


class _Strings:
    """The table of strings, the first of them empty."""

    def __init__(self) -> None:
        self.index: dict[str, int] = {"": 0}

    def add(self, text: str) -> int:
        return self.index.setdefault(text, len(self.index))


def encode_profile(profile: Profile) -> Iterator[bytes]:
    """Yield the message's parts; a sample holds all quantities of one stack in one thread."""
    strings = _Strings()
    present = [
        metric for metric in METRICS if any(each.metric is metric and len(each.stack) for each in profile.samples)
    ]
    metrics = present or [Metric.CPU]
    for metric in metrics:
        kind, unit = METRICS[metric]
        yield write_field(1, write_field(1, strings.add(kind)) + write_field(2, strings.add(unit)))
    labels = [
        _write_label(strings, "thread_id", thread.tid)
        + _write_label(strings, "thread_name", thread.name)
        + _write_label(strings, "process_id", thread.pid)
        + _write_label(strings, "process", thread.process)
        for thread in profile.threads
    ]
    values: dict[tuple[int, int], list[int]] = {}
    for samples in profile.samples:
        if samples.metric in metrics:
            column = metrics.index(samples.metric)
            for row, value in zip(samples.stack, samples.value, strict=True):
                values.setdefault((samples.thread, row), [0] * len(metrics))[column] += value
    for (thread, row), numbers in values.items():
        places = [profile.stacks.frame[at] + 1 for at in profile.stacks.walk(row)]
        yield write_field(2, write_packed(1, places) + write_packed(2, numbers) + labels[thread])
    has_lines = any(frame.line for frame in profile.frames)
    flags = write_field(7, 1) + write_field(8, 1) + (write_field(9, 1) if has_lines else b"")
    program = strings.add("python")
    yield write_field(3, write_field(1, _MAPPING) + write_field(5, program) + flags)
    functions: dict[tuple[str, str, int], int] = {}
    for number, frame in enumerate(profile.frames, start=1):
        function = functions.setdefault((frame.name, frame.file, frame.first_line), len(functions) + 1)
        line = write_field(1, function) + write_field(2, frame.line)
        yield write_field(4, write_field(1, number) + write_field(2, _MAPPING) + write_field(4, line))
    for (name, file, first), number in functions.items():
        named = (
            write_field(2, strings.add(name)) + write_field(3, strings.add(name)) + write_field(4, strings.add(file))
        )
        yield write_field(5, write_field(1, number) + named + write_field(5, first))
    if profile.period_ns:
        kind, unit = METRICS[Metric.CPU]
        yield write_field(11, write_field(1, strings.add(kind)) + write_field(2, strings.add(unit)))
        yield write_field(12, profile.period_ns)
    comments = [f"whet:{profile.collector}", *([WALL] if profile.wall else [])]
    yield write_packed(13, [strings.add(comment) for comment in comments])
    yield write_field(14, strings.add(METRICS[metrics[0]][0]))
    for text in strings.index:
        yield write_field(6, text.encode("utf-8", "backslashreplace"))


def _write_label(strings: _Strings, key: str, value: int | str) -> bytes:
    """Return a label of a sample; none for one that is not known."""
    if not value:
        return b""
    field = write_field(2, strings.add(value)) if isinstance(value, str) else write_field(3, value)
    return write_field(3, write_field(1, strings.add(key)) + field)
