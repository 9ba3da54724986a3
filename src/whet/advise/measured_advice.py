"""Advice from measurements without a rule: a finding at a line, its cost, its maximum gain."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from whet.advise.estimate import whole_gain
from whet.model.advice import MemoryWorth
from whet.model.finding import Finding, Safety, Speed
from whet.model.frame import Frame
from whet.model.hotspot import LEAST_SAMPLES, Hotspots, LineSpot
from whet.model.metric import Metric, seconds
from whet.model.run import Run
from whet.model.source import split_lines
from whet.records import dataclass

PYTHON_FILE = re.compile(r"\.pyw?c?$|^<")
"""Matches the files of Python frames; those of native ones are libraries, or unknown."""
IMPORT = re.compile(r"\s*(import|from)\b")
"""A line that imports."""


@dataclass(frozen=True, slots=True)
class MeasuredAdvice:
    """Advice being built. ``share`` and its standard ``error`` are fractions of the run.

    ``local`` is how many times as fast that part could get, ``gain`` what this would be for the run.
    """

    finding: Finding
    share: float
    error: float
    gain: float
    local: float
    memory: MemoryWorth | None = None


def make_measured_advice(
    rule: str,
    title: str,
    message: str,
    spot: LineSpot,
    share: float,
    *,
    gain: float = math.inf,
    whole: bool = False,
    memory: MemoryWorth | None = None,
) -> MeasuredAdvice:
    """Return a remark at a line, whose ``share`` could get ``gain`` times as fast.

    ``whole``: it is about the run, and the line is only where to start.
    """
    finding = Finding(
        rule=rule,
        file=spot.file,
        line=spot.line,
        end_line=spot.line,
        column=0,
        function=spot.function,
        function_line=spot.function_line,
        title=title,
        message=message,
        safety=Safety.ADVICE,
        speed=Speed.FACTOR,
        lines=() if whole else (spot.line,),
        snippet=rule,
    )
    share = min(share, 1.0)
    return MeasuredAdvice(finding, share, spot.cost.share_error, whole_gain(share, gain), gain, memory)


def find_hottest(own: Iterable[LineSpot]) -> LineSpot:
    """Return the line with the most CPU time attributed to it."""
    return max(own, key=lambda spot: (spot.cost.attributed_ns, -spot.line))


def read_line(run: Run, spot: LineSpot) -> str:
    """Return the source of a line; empty where it is not known."""
    return read_source(run, spot.file, spot.line)


def read_source(run: Run, file: str, line: int) -> str:
    """Return the source of line ``line`` (from 1) of ``file``; empty where it is not known."""
    source = run.sources.get(file)
    lines = _lines_of(source.text) if source is not None else ()
    return lines[line - 1] if 0 < line <= len(lines) else ""


@lru_cache(maxsize=256)  # thousands of lines of long files are read one by one
def _lines_of(text: str) -> tuple[str, ...]:
    return tuple(split_lines(text))


def is_seen(share: float, hotspots: Hotspots) -> bool:
    """Return whether a share (0 to 1) rests on enough samples: one or two may be chance."""
    return not hotspots.samples or round(share * hotspots.samples) >= LEAST_SAMPLES


def time_called(spot: LineSpot) -> int:
    """Return the time of others' code that was called from a line."""
    return max(0, spot.cost.attributed_ns - spot.cost.self_ns)


def share_of_stacks(run: Run, wanted: Callable[[Frame], bool]) -> float:
    """Return the fraction (0 to 1) of sampled CPU time in which a wanted frame was called from Python code.

    The interpreter's own work, for example when it exits, is left out.
    """
    found = total = 0
    for profile in run.profiles:
        marks = [wanted(frame) for frame in profile.frames]
        if not any(marks):
            total += sum(sum(samples.value) for samples in profile.samples if samples.metric is Metric.CPU)
            continue
        python = [PYTHON_FILE.search(frame.file) is not None for frame in profile.frames]
        called: list[bool] = []
        inside: list[bool] = []
        for parent, frame in zip(profile.stacks.parent, profile.stacks.frame, strict=True):
            above = parent >= 0 and called[parent]
            inside.append((above and marks[frame]) or (parent >= 0 and inside[parent]))
            called.append(above or python[frame])
        for samples in profile.samples:
            if samples.metric is Metric.CPU:
                total += sum(samples.value)
                found += sum(v for row, v in zip(samples.stack, samples.value, strict=True) if row >= 0 and inside[row])
    return found / total if total else 0.0


def tell_time(nanoseconds: int) -> str:
    """Return a time as text, such as ``1.5 s`` or ``20 ms``."""
    value = seconds(nanoseconds)
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def tell_share(share: float) -> str:
    """Return a fraction of 1 as text, such as ``35 %``."""
    return f"{share * 100:.0f} %"


def tell_bytes(size: int) -> str:
    """Return a number of bytes as text, such as ``15 MB`` or ``1.5 GB``."""
    return f"{size / 1e9:.1f} GB" if size >= 10**9 else f"{size / 1e6:.0f} MB"
