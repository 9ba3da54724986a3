"""Advice from measurements alone, without the code: time that no rewrite of a line can save."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from whet.advise.collections import remark_collections
from whet.advise.estimate import sure_share, whole_gain
from whet.advise.imports import remark_imports
from whet.advise.job import remark_job
from whet.advise.measured_advice import (
    IMPORT,
    PYTHON_FILE,
    MeasuredAdvice,
    find_hottest,
    is_seen,
    make_measured_advice,
    read_line,
    share_of_stacks,
    tell_share,
    tell_time,
    time_called,
)
from whet.advise.memory import find_repeated, remark_memory
from whet.advise.newer_python import NewerPython, remark_newer_python
from whet.advise.queries import calls_compiled_driver, remark_queries
from whet.advise.source_loops import is_in_class
from whet.advise.surroundings import remark_development_server, remark_ending, remark_unbuffered
from whet.advise.waits import remark_commits, remark_waits
from whet.model.advice import Advice, Estimate
from whet.model.frame import Frame, Owner
from whet.model.hotspot import FEW_SAMPLES, Hotspots, LineSpot, ThreadTime, share_error
from whet.model.identity import identify_findings
from whet.model.metric import Metric
from whet.model.run import Run

_THREAD_SHARE = 0.15
"""What a thread must have computed, of what the busiest of its process did, to count as one of those that compute."""
_GIL_CORES = 1.3
"""Maximum number of cores that threads under the GIL keep busy: slightly over one, because C code may release it."""
_GIL_WAITED = 0.2
"""What threads must have waited for the GIL, of what all but the busiest of them computed: those that compute one after
the other, by chance or by a lock of the program's, wait for nothing, nor do those of interpreters with GILs of their
own."""
_GC_SHARE = 0.02
_DEPENDENCY_SHARE = 0.1
_CHURN_BYTES = 10_000_000
"""Of less than this nobody need save any."""
_CHURN_SHARE = 0.1
"""Minimum share of a line in all allocations, by bytes or by number."""
_NATIVE_SHARE = 0.2
_NATIVE_GAIN = 10.0
"""Maximum estimated gain of native code, even if nearly all of the run is in the user's lines."""
_COLLECTOR = re.compile(r"_?(Py)?_?gc_collect\w*|deduce_unreachable|_PyGC_\w+", re.IGNORECASE)
_COLLECT_CALL = re.compile(r"\bgc\s*\.\s*collect\s*\(")


def advise_by_measurement(
    run: Run,
    hotspots: Hotspots,
    *,
    least_share: float,
    taken: Collection[tuple[str, int]] = (),
    slight: Collection[tuple[str, int]] = (),
    held: Collection[tuple[str, int]] = (),
    newer: NewerPython | None = None,
) -> Iterator[Advice]:
    """Yield advice that needs no rule: each states the observation, what to do, and the maximum gain.

    ``taken`` are the (file, line) pairs with a rule's finding; they are skipped, but for a query in a loop and for the
    time of a package, which weigh more than what is found on those of ``slight``. Nothing below ``least_share`` (0 to
    1) of the run is reported, but for memory; rules say of the lines in ``held`` why they hold it. There is no edit.
    """
    own = [spot for spot in hotspots.lines if spot.owner is Owner.USER]
    if not own or not hotspots.busy_ns:
        return
    queries = list(remark_queries(run, hotspots, own, {*taken} - {*slight}))
    taken = {*taken, *((item.finding.file, item.finding.line) for item in queries)}
    at_lines = [
        *queries,
        *remark_waits(run, hotspots, own, taken),
        *remark_commits(run, hotspots, own, taken),
        *_garbage(run, hotspots, own, taken),
    ]
    spoken = {*taken, *((item.finding.file, line) for item in at_lines for line in item.finding.lines)}
    said = [
        *at_lines,
        *remark_job(run, hotspots, own),
        *_threads(run, hotspots, own),
        *remark_imports(run, hotspots, own),
        *_dependencies(run, hotspots, own, spoken - {*slight}),
        *remark_unbuffered(run, hotspots, own, taken),
        *remark_development_server(run, hotspots, own),
        *remark_ending(run, hotspots, own),
        *_churn(run, hotspots, own, taken),
        *remark_memory(run, hotspots, own, held),
        *remark_newer_python(run, hotspots, own, newer),
        *_native(run, hotspots, own, spoken),
    ]
    said = [
        item
        for item in said
        if item.memory is not None
        or (item.share >= least_share and (item.gain > 1 or item.local == 1) and is_seen(item.share, hotspots))
    ]
    paths = [source.shown if (source := run.sources.get(each.finding.file)) else each.finding.file for each in said]
    identities = identify_findings(zip(paths, (each.finding for each in said), strict=True))
    for identity, item in zip(identities, said, strict=True):
        error = item.error if item.finding.lines else share_error(item.share, hotspots.samples)
        estimate = _estimate(item, error, hotspots)
        yield Advice(identity, item.finding, item.share, error, estimate, memory=item.memory)


def _estimate(item: MeasuredAdvice, error: float, hotspots: Hotspots) -> Estimate:
    """Return what an advice wins at most: of the part that is sure."""
    if hotspots.samples and hotspots.samples < FEW_SAMPLES:
        return Estimate(1.0, 1.0)
    return Estimate(1.0, min(item.gain, whole_gain(sure_share(item.share, error), item.local)))


def _threads(run: Run, hotspots: Hotspots, own: list[LineSpot]) -> Iterator[MeasuredAdvice]:
    """Yield that several threads of a process computed, waited for the GIL meanwhile, and had about one core together.

    Silent where nobody can see what a thread waits for: threads can compute one after the other.
    """
    cores = run.host.cpus
    wall = max((execution.wall_ns for execution in run.executions[:1]), default=0)
    if run.interpreter.free_threaded or cores < 2 or not wall:
        return
    processes: dict[int, list[ThreadTime]] = {}
    for thread in hotspots.threads:
        processes.setdefault(thread.pid, []).append(thread)
    for threads in processes.values():
        together = sum(thread.cpu_ns for thread in threads)
        most = max(thread.cpu_ns for thread in threads)
        computing = [thread for thread in threads if most and thread.cpu_ns >= _THREAD_SHARE * most]
        if len(computing) < 2:
            # Of many short threads none has a good part, but they wait for the GIL.
            many = [thread for thread in threads if thread.cpu_ns and thread.tid != thread.pid]
            waits = sum(thread.gil_ns for thread in many)
            computing = many if 4 * waits >= sum(thread.cpu_ns for thread in many) else []
        if len(computing) < 2 or together > _GIL_CORES * wall:
            continue
        side = min(cores, len(computing))
        time = sum(thread.cpu_ns for thread in computing)
        waited = sum(thread.gil_ns for thread in computing)
        if waited < _GIL_WAITED * (time - max(thread.cpu_ns for thread in computing)) or not waited:
            continue
        message = (
            f"{len(computing)} threads computed for {tell_time(time)} together and waited for the GIL for"
            f" {tell_time(waited)}: it lets only one at a time run Python. Processes (ProcessPoolExecutor), a"
            f" free-threaded build or, from Python 3.14 on, subinterpreters (InterpreterPoolExecutor) use {side}"
            " cores. Before that, look for state that threads share and change without a lock: what the GIL hides is a"
            " race there."
        )
        # Of the run's duration: beside each other these threads wait, for the GIL, and that is not the others' time.
        share = time / wall
        spot = find_hottest(own)
        title = "Threads wait for the GIL" if waited >= time / 2 else "Threads compute one at a time"
        yield make_measured_advice("threads-cpu", title, message, spot, share, gain=side, whole=True)


def _garbage(
    run: Run, hotspots: Hotspots, own: list[LineSpot], taken: Collection[tuple[str, int]]
) -> Iterator[MeasuredAdvice]:
    """Yield the time of the garbage collector, as sampled in C stacks or on the lines that call it."""
    seen = share_of_stacks(run, _is_collector)
    share = seen * hotspots.cpu_ns / hotspots.busy_ns
    if share >= _GC_SHARE:
        message = (
            f"The garbage collector took {tell_share(share)} of the run, traversing objects that mostly stay alive."
            " Call gc.freeze() after start-up, raise gc.set_threshold(), or create fewer container objects"
            " (use tuples, __slots__, arrays)."
        )
        yield make_measured_advice(
            "garbage-collection", "Time spent in garbage collection", message, find_hottest(own), share, whole=True
        )
        return
    collected = remark_collections(run, hotspots, own)
    if collected is not None and not any(_COLLECT_CALL.search(read_line(run, spot)) for spot in own):
        yield collected
        return
    for spot in own:
        share = spot.cost.attributed_ns / hotspots.busy_ns
        called = _COLLECT_CALL.search(read_line(run, spot)) is not None
        if share >= _GC_SHARE and called and (spot.file, spot.line) not in taken:
            message = (
                f"gc.collect() took {tell_time(spot.cost.attributed_ns)}, traversing every object: objects outside of"
                " reference cycles are freed without it. Remove it, or call it once after dropping a large structure."
            )
            yield make_measured_advice("garbage-collection", "Explicit gc.collect() call", message, spot, share)


def _is_collector(frame: Frame) -> bool:
    return _COLLECTOR.fullmatch(frame.name) is not None and not PYTHON_FILE.search(frame.file)


def _dependencies(
    run: Run, hotspots: Hotspots, own: list[LineSpot], taken: Collection[tuple[str, int]]
) -> Iterator[MeasuredAdvice]:
    """Yield the third-party package with the most time in its own code.

    Time that it spends for lines with a rule's finding is left out: there an edit does help. Where the program itself
    is compiled, nothing is said: the sampler sees in its place what called it.
    """
    if run.compiled:
        return
    packages = [spot for spot in hotspots.dependencies if spot.owner is Owner.DEPENDENCY]
    packages.sort(key=lambda spot: (-spot.self_ns, spot.package))
    callers = [spot for spot in own if (spot.file, spot.line) not in taken and time_called(spot)]
    callers = [spot for spot in callers if not IMPORT.match(read_line(run, spot)) and not _is_in_class(run, spot)]
    callers.sort(key=lambda spot: (-time_called(spot), spot.file, spot.line))
    outside = dict(hotspots.outside_packages)
    for package in packages[:1]:
        spent = min(package.self_ns, sum(map(time_called, callers)) + outside.get(package.package, 0))
        share = spent / hotspots.busy_ns
        if share < _DEPENDENCY_SHARE or not callers:
            continue
        lines = ", ".join(
            f"line {spot.line} in {spot.function} ({tell_time(time_called(spot))})" for spot in callers[:3]
        )
        message = (
            f"{package.package} spent {tell_time(spent)} in its own code, {tell_share(share)} of the run. You cannot"
            f" edit it, but you can edit its callers. Most calls from your code are in {lines}: call it less often"
            " there (cache results, move calls out of loops), or in larger batches. Otherwise a newer version or"
            " another package may be faster."
        )
        title = f"Time spent in {package.package}"
        yield make_measured_advice("dependency-time", title, message, callers[0], share, whole=True)


def _is_in_class(run: Run, spot: LineSpot) -> bool:
    """Tell whether a line makes a class, and is executed once: it cannot be called less often."""
    source = run.sources.get(spot.file)
    return source is not None and is_in_class(source.text, spot.line)


def _churn(
    run: Run, hotspots: Hotspots, own: list[LineSpot], taken: Collection[tuple[str, int]]
) -> Iterator[MeasuredAdvice]:
    """Yield the line that allocates most, if that is a large part of all and its time matters."""
    sums = [_sum_of(run, metric) for metric in (Metric.ALLOCATED, Metric.ALLOCATIONS)]
    best: tuple[float, LineSpot] | None = None
    repeated = find_repeated(run, Metric.ALLOCATED) if sums[0] else set()
    for spot in own:
        if (spot.file, spot.line) not in repeated:
            continue
        values = (spot.cost.allocated_bytes, spot.cost.allocations)
        part = max((value / whole for value, whole in zip(values, sums, strict=True) if value and whole), default=0.0)
        lasting = (spot.cost.peak_bytes or 0) > (spot.cost.allocated_bytes or 0) / 2
        worthwhile = (spot.cost.allocated_bytes or 0) >= _CHURN_BYTES and not IMPORT.match(read_line(run, spot))
        if part >= _CHURN_SHARE and worthwhile and not lasting and (best is None or part > best[0]):
            best = part, spot
    if best is None or (best[1].file, best[1].line) in taken:
        return
    part, spot = best
    share = spot.cost.attributed_ns / hotspots.busy_ns
    size = (spot.cost.allocated_bytes or 0) / 2**20
    message = (
        f"The line made {tell_share(part)} of all allocations ({size:,.0f} MB, mostly short-lived). Allocate once"
        " outside the loop, reuse a buffer (out=, bytearray, memoryview), or process the data in chunks."
    )
    yield make_measured_advice("allocation-churn", "Repeated short-lived allocations", message, spot, share)


def _native(
    run: Run, hotspots: Hotspots, own: list[LineSpot], taken: Collection[tuple[str, int]]
) -> Iterator[MeasuredAdvice]:
    """Yield the time left in the user's own lines after all other advice, and its maximum gain."""
    left = [spot for spot in own if (spot.file, spot.line) not in taken and spot.cost.self_ns]
    left = [spot for spot in left if not calls_compiled_driver(run, spot)]
    share = sum(spot.cost.self_ns for spot in left) / hotspots.busy_ns
    if share < _NATIVE_SHARE:
        return
    functions: dict[str, int] = {}
    for spot in left:
        functions[spot.function] = functions.get(spot.function, 0) + spot.cost.self_ns
    named = ", ".join(sorted(functions, key=lambda name: (-functions[name], name))[:3])
    ceiling = whole_gain(sure_share(share, share_error(share, hotspots.samples)), math.inf)
    told = f"at most {ceiling:.1f}×" if ceiling < _NATIVE_GAIN else f"more than {_NATIVE_GAIN:.0f}× at most"
    message = (
        f"Time left in your own lines after all other advice: {tell_share(share)}, {told}, most of it in {named}. C"
        " functions that a line calls are counted with it (`--native` shows them), and gain nothing. Candidates, with a"
        " narrow interface: Numba for loops over numbers, Cython or mypyc for typed Python, PyO3 for Rust."
    )
    spot = max(left, key=lambda spot: spot.cost.self_ns)
    made = make_measured_advice("native-candidate", "Candidate for native code", message, spot, share, whole=True)
    yield replace(made, gain=min(made.gain, _NATIVE_GAIN))


def _sum_of(run: Run, metric: Metric) -> int:
    return sum(sum(s.value) for profile in run.profiles for s in profile.samples if s.metric is metric)
