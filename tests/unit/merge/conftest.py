"""Made-up profiles: stacks are written as text, outermost frame first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import pytest

from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, LineCount, Profile, Samples, StackTable, Thread
from whet.model.run import Execution, Interpreter, Purpose, Run, SourceFile

MAIN = Thread(1, 1, "MainThread")
LIBRARY = "/venv/lib/python3.13/site-packages/"
STDLIB = "/usr/lib/python3.13/"


def parse_frame(text: str) -> Frame:
    """``name@file:line`` or ``name@file:line:first_line``."""
    name, _, place = text.partition("@")
    file, *numbers = place.split(":")
    line, first_line = ([int(number) for number in numbers] + [0, 0])[:2]
    owner = Owner.USER
    if file.startswith(LIBRARY):
        owner = Owner.DEPENDENCY
    elif file.startswith((STDLIB, "<frozen")):
        owner = Owner.STDLIB
    elif file.endswith(".so") or not file:
        owner = Owner.NATIVE
    return Frame(file, name, line, first_line, owner)


@dataclass
class Make:
    """What tests make runs from."""

    def profile(
        self,
        entries: Sequence[tuple[str, int] | tuple[str, int, Metric] | tuple[str, int, Metric, Thread]],
        collector: str = "py-spy 0.4.1",
        execution: int = 0,
        period_ns: int = 1,
        lines: Sequence[LineCount] = (),
    ) -> Profile:
        frames: dict[Frame, int] = {}
        rows: dict[tuple[int, int], int] = {}
        threads: dict[Thread, int] = {}
        samples: dict[tuple[Metric, int], tuple[list[int], list[int]]] = {}
        for entry in entries:
            stack, value, metric, thread = (*entry, Metric.CPU, MAIN)[:4] if len(entry) == 2 else (*entry, MAIN)[:4]
            row = ROOT
            for text in filter(None, stack.split(";")):
                frame = frames.setdefault(parse_frame(text), len(frames))
                row = rows.setdefault((row, frame), len(rows))
            number = threads.setdefault(thread, len(threads))
            stacks, values = samples.setdefault((metric, number), ([], []))
            stacks.append(row)
            values.append(value)
        return Profile(
            collector=collector,
            frames=list(frames),
            stacks=StackTable([parent for parent, _ in rows], [frame for _, frame in rows]),
            threads=list(threads),
            samples=[
                Samples(metric, thread, stacks, values, sum(values) // period_ns)
                for (metric, thread), (stacks, values) in samples.items()
            ],
            lines=lines,
            period_ns=period_ns,
            execution=execution,
        )

    def source(self, file: str, text: str, owner: Owner = Owner.USER) -> SourceFile:
        return SourceFile(file, file.rpartition("/")[2], sha256(text.encode()).hexdigest(), text, owner)

    def run(
        self,
        *profiles: Profile,
        purposes: Sequence[Purpose] = (Purpose.TIME,),
        sources: Sequence[SourceFile] = (),
        repeats: int = 1,
    ) -> Run:
        return Run(
            whet_version="0",
            command=("app.py",),
            started="2025-01-01T00:00:00+00:00",
            directory="/app",
            project="/app",
            interpreter=Interpreter("python", "3.13.0"),
            executions=tuple(Execution(purpose, (), 1, 1, 0, repeats=repeats) for purpose in purposes),
            profiles=profiles,
            sources={source.file: source for source in sources},
        )

    def stacks(self, profile: Profile, metric: Metric = Metric.CPU) -> dict[str, int]:
        """Return ``name:line;…`` and its value, for each stack with samples."""
        found: dict[str, int] = {}
        for entry in profile.samples:
            if entry.metric is metric:
                for row, value in zip(entry.stack, entry.value, strict=True):
                    frames = [profile.frames[profile.stacks.frame[step]] for step in profile.stacks.walk(row)]
                    text = ";".join(f"{frame.name}:{frame.line}" for frame in reversed(frames))
                    assert text not in found, "equal stacks stand in the table twice"
                    found[text] = value
        return found


@pytest.fixture
def make() -> Make:
    return Make()
