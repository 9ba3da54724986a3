"""Dask's statistical profile, as ``json.dump(client.profile(), file)`` writes it: a tree of calls with counts.

A node's count is how often something that it called was sampled; of what was sampled itself only the sums are known:
in a node, what its callees' counts leave over was sampled in these. The distributed scheduler's workers sample every
10 ms by default (``distributed.worker.profile.interval``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from whet.errors import FormatError
from whet.formats._builder import MOST_DEPTH, ProfileBuilder, check_line, check_value
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile

MOST_BYTES = 256 * 1024 * 1024
PERIOD_NS = 10_000_000
MISSING = ("threads", "workers", "waiting", "which of several functions below one was sampled: shared evenly")


class DaskProfile:
    """Reads it."""

    name = "dask"

    def recognizes(self, head: bytes) -> bool:
        """Return whether ``head`` is the start of a node."""
        text = head.lstrip()
        members = (b'"description"', b'"children"', b'"line_number"', b'"filename"')
        return text.startswith(b"{") and all(each in text for each in members)

    def read(self, file: BinaryIO) -> Iterator[Profile]:
        """Yield the one profile in ``file``; raises ``FormatError`` that names the function that is wrong."""
        data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise FormatError(f"more than {MOST_BYTES:,} bytes", where=f"byte {MOST_BYTES}")
        try:
            root = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise FormatError("not JSON, or it breaks off", where=f"{error!s:.80}") from None
        builder = ProfileBuilder()
        thread = builder.thread()
        todo: list[tuple[Any, int, int]] = [(root, ROOT, 0)]
        while todo:
            node, row, depth = todo.pop()
            count, children = _read_node(node)
            if depth > MOST_DEPTH:
                raise FormatError(f"a stack of more than {MOST_DEPTH:,} frames", where="its children")
            rows = [builder.call(row, builder.frame(_read_frame(child)), "its children") for child in children]
            counts = [_read_node(child)[0] for child in children]
            todo += [(child, at, depth + 1) for child, at in zip(children, rows, strict=True)]
            for at, samples in _share(max(0, count - sum(counts)), rows, counts):
                builder.add(Metric.CPU, thread, at, samples * PERIOD_NS, samples)
        yield builder.build("dask", period_ns=PERIOD_NS, wall=True, missing=MISSING)

    def write(self, profile: Profile, sink: BinaryIO) -> None:
        """Refuse: nothing but Dask reads it."""
        raise FormatError("Dask's profiles are read, not written", hint="write the report as html, json or speedscope")


def _read_node(node: object) -> tuple[int, list[Any]]:
    match node:
        case {"count": count, "children": dict(children)}:
            return check_value(count, "its count"), list(children.values())
    raise FormatError("a node without count and children: not a profile of Dask", where="its children")


def _read_frame(node: object) -> Frame:
    match node:
        case {"description": {"filename": str(file), "name": str(name), **others}, **more}:
            first = 0
            match more.get("identifier"):
                case str(identifier):
                    last = identifier.rpartition(";")[2]
                    first = check_line(int(last)) if last.isdecimal() and len(last) < 10 else 0
            return Frame(file, name, check_line(others.get("line_number")), first)
    raise FormatError("a function without name and file", where="its description")


def _share(left: int, rows: list[int], counts: list[int]) -> Iterator[tuple[int, int]]:
    """Yield what was sampled in the callees themselves: in those that nothing was called from, as far as there are."""
    leaves = [row for row, count in zip(rows, counts, strict=True) if not count] or rows
    for index, row in enumerate(leaves):
        samples = left // len(leaves) + (index < left % len(leaves))
        if samples:
            yield row, samples
