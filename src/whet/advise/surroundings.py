"""Time spent around a program: writing its output, serving it, and ending the interpreter."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

from whet.advise.measured_advice import (
    PYTHON_FILE,
    MeasuredAdvice,
    find_hottest,
    make_measured_advice,
    read_line,
    share_of_stacks,
    tell_share,
    tell_time,
)
from whet.model.frame import Frame
from whet.model.hotspot import Hotspots, LineSpot
from whet.model.metric import Metric
from whet.model.profile import Profile
from whet.model.run import Purpose, Run

_UNBUFFERED_SHARE = 0.05
_WRITES = re.compile(r"\b(print|write\w*)\s*\(")
_FORMATS = frozenset({"str", "repr", "len", "round", "format", "join", "int", "float", "encode", "strip", "rstrip"})
"""What a line that writes may call without doing much else."""
_ENDING_SHARE = 0.25
_ENDING_NS = 100_000_000
"""Longer than any interpreter takes to start: more time without Python code on the stack is shutdown."""
_SERVER_SHARE = 0.1
_DEVELOPMENT_SERVERS = {
    "Werkzeug's development server": "werkzeug/serving.py",
    "Django's development server": "django/core/servers/basehttp.py",
    "wsgiref": "wsgiref/simple_server.py",
}
_OF_SERVERS = frozenset({"socketserver", "http", "wsgiref", "werkzeug", "logging", "socket", "email"})


def remark_unbuffered(
    run: Run, hotspots: Hotspots, own: list[LineSpot], taken: Collection[tuple[str, int]]
) -> Iterator[MeasuredAdvice]:
    """Yield advice on unbuffered writes to stdout or stderr, if lines that write take long."""
    if not run.unbuffered:
        return
    writing = [
        spot for spot in own if (spot.file, spot.line) not in taken and _does_nothing_but_write(read_line(run, spot))
    ]
    share = sum(spot.cost.attributed_ns for spot in writing) / hotspots.busy_ns
    if share < _UNBUFFERED_SHARE:
        return
    message = (
        f"stdout and stderr are not buffered ({run.unbuffered}): each write is a system call, and the lines that write"
        f" took {tell_share(share)} of the run. Turn that setting off, or join the output and write it in one call."
    )
    spot = max(writing, key=lambda spot: (spot.cost.attributed_ns, -spot.line))
    yield make_measured_advice("unbuffered-output", "Unbuffered output", message, spot, share, whole=True)


def _does_nothing_but_write(line: str) -> bool:
    """Whether what a line costs is the writing: what it writes is put together without other calls or loops."""
    if _WRITES.search(line) is None:
        return False
    called = set(re.findall(r"(\w+)\s*\(", line))
    return not re.search(r"\bfor\b", line) and all(name in _FORMATS or _WRITES.match(f"{name}(") for name in called)


def remark_development_server(run: Run, hotspots: Hotspots, own: list[LineSpot]) -> Iterator[MeasuredAdvice]:
    """Yield the time that a development server takes for itself, in addition to what it serves."""
    for name, file in _DEVELOPMENT_SERVERS.items():
        if not share_of_stacks(run, _stand_in(file)):
            continue
        spent = sum(value for package, value in hotspots.outside_packages if package in _OF_SERVERS)
        share = spent / hotspots.busy_ns
        if share < _SERVER_SHARE:
            return
        message = (
            f"The program is served by {name}, which takes {tell_share(share)} of the run for itself: it is meant for"
            " development, and starts a thread and logs a line for each request. Serve with gunicorn, waitress, uwsgi"
            " or uvicorn, and measure that instead: its hot spots differ."
        )
        title = "Development server in use"
        yield make_measured_advice("development-server", title, message, _find_outermost(own), share, whole=True)
        return


def remark_ending(run: Run, hotspots: Hotspots, own: list[LineSpot]) -> Iterator[MeasuredAdvice]:
    """Yield the time of interpreter shutdown, which frees all remaining objects one by one."""
    if any(
        execution.purpose is Purpose.ATTACH or execution.stopped or execution.signal for execution in run.executions
    ):
        return
    # A process that forks has no Python code on its stack either, as long as the sampler has not found its way in.
    if len({thread.pid for thread in hotspots.threads}) > 1:
        return
    share = _share_without_python(run) * hotspots.cpu_ns / hotspots.busy_ns
    spent = share * hotspots.busy_ns
    executions = sum(execution.purpose is Purpose.TIME for execution in run.executions) or 1
    if share < _ENDING_SHARE or spent / executions < _ENDING_NS:
        return
    message = (
        f"Interpreter shutdown took {tell_time(round(spent / executions))}, {tell_share(share)} of the run: it frees"
        " all remaining objects one by one. A program that has written all its output can skip that: flush, then"
        " os._exit(status), which runs no atexit functions."
    )
    title = "Slow interpreter shutdown"
    yield make_measured_advice("slow-ending", title, message, _find_outermost(own), share, whole=True)


def _find_outermost(own: list[LineSpot]) -> LineSpot:
    """Return the line outside of functions that led to most: where to look for what concerns the whole program."""
    outside = [spot for spot in own if spot.function == "<module>"]
    return max(outside, key=lambda spot: (spot.cost.total_ns, spot.line)) if outside else find_hottest(own)


def _share_without_python(run: Run) -> float:
    """Return the fraction (0 to 1) of main threads' sampled CPU time that has no Python code on the stack."""
    found = total = 0
    for profile in run.profiles:
        computing = [samples for samples in profile.samples if samples.metric is Metric.CPU]
        bare = {-1, *_list_bare_rows(profile)} if computing else set()
        for samples in computing:
            total += sum(samples.value)
            thread = profile.threads[samples.thread] if profile.threads else None
            if thread is not None and thread.tid and thread.tid == thread.pid:
                found += sum(value for row, value in zip(samples.stack, samples.value, strict=True) if row in bare)
    return found / total if total else 0.0


def _list_bare_rows(profile: Profile) -> set[int]:
    """Return the rows of a stack table without Python code."""
    native = {at for at, frame in enumerate(profile.frames) if not PYTHON_FILE.search(frame.file)}
    bare: set[int] = set()
    if native:
        for row, (parent, frame) in enumerate(zip(profile.stacks.parent, profile.stacks.frame, strict=True)):
            if frame in native and (parent < 0 or parent in bare):
                bare.add(row)
    return bare


def _stand_in(file: str) -> Callable[[Frame], bool]:
    return lambda frame: frame.file.replace("\\", "/").endswith(file)
