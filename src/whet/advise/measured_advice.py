"""Something that measurements say without a rule: a finding at a line, what it costs, what it wins at most."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from whet.advise.estimate import whole_gain
from whet.model.finding import Finding, Safety, Speed
from whet.model.frame import Frame
from whet.model.hotspot import LEAST_SAMPLES, Hotspots, LineSpot
from whet.model.metric import Metric, seconds
from whet.model.run import Run
from whet.model.source import split_lines

PYTHON_FILE = re.compile(r"\.pyw?c?$|^<")
"""What the files of Python frames are called; those of native ones are libraries, or not known."""
IMPORT = re.compile(r"\s*(import|from)\b")
"""A line that imports."""


@dataclass(frozen=True, slots=True)
class MeasuredAdvice:
    """Advice in the making. ``share`` and its standard ``error`` are parts of the run.

    ``local`` is how many times as fast that part could get, ``gain`` what this would be for the run.
    """

    finding: Finding
    share: float
    error: float
    gain: float
    local: float


def make_measured_advice(
    rule: str, title: str, message: str, spot: LineSpot, share: float, *, gain: float = math.inf, whole: bool = False
) -> MeasuredAdvice:
    """Return a remark at a line, whose ``share`` could get ``gain`` times as fast.

    ``whole`` says that it is about the run, and the line only where to begin.
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
    return MeasuredAdvice(finding, share, spot.cost.share_error, whole_gain(share, gain), gain)


def find_hottest(own: Iterable[LineSpot]) -> LineSpot:
    """Return the line that most computing is attributed to."""
    return max(own, key=lambda spot: (spot.cost.attributed_ns, -spot.line))


def read_line(run: Run, spot: LineSpot) -> str:
    """Return the source of a line; empty where it is not known."""
    source = run.sources.get(spot.file)
    lines = _lines_of(source.text) if source is not None else ()
    return lines[spot.line - 1] if 0 < spot.line <= len(lines) else ""


@lru_cache(maxsize=256)  # thousands of lines are asked for, one by one, of long files
def _lines_of(text: str) -> tuple[str, ...]:
    return tuple(split_lines(text))


def is_seen(share: float, hotspots: Hotspots) -> bool:
    """Tell whether enough samples stand behind a share (0 to 1): one or two fall anywhere."""
    return not hotspots.samples or round(share * hotspots.samples) >= LEAST_SAMPLES


def time_called(spot: LineSpot) -> int:
    """Return the time of what is not the user's and was called from a line."""
    return max(0, spot.cost.attributed_ns - spot.cost.self_ns)


def share_of_stacks(run: Run, wanted: Callable[[Frame], bool]) -> float:
    """Return the part of the sampled computing (0 to 1) in which a wanted frame was called from Python code.

    What the interpreter does for itself, when it ends for example, is no part of it.
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
    """Return a time in words, as in ``1.5 s`` or ``20 ms``."""
    value = seconds(nanoseconds)
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def tell_share(share: float) -> str:
    """Return a part of 1 in words, as in ``35 %``."""
    return f"{share * 100:.0f} %"
