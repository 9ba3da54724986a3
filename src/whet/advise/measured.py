"""What measurements alone say, without a look at the code: where the time goes that no rewrite of a line wins back."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator

from whet.advise.estimate import whole_gain
from whet.advise.newer_python import NewerPython, remark_newer_python
from whet.advise.remark import Remark, find_hottest, make_remark, read_line
from whet.model.advice import Advice, Estimate
from whet.model.frame import Frame, Owner
from whet.model.hotspot import Hotspots, LineSpot, ThreadTime
from whet.model.identity import identify_findings
from whet.model.metric import Metric, seconds
from whet.model.run import Run

LAST = "native-candidate"
"""What is said when all else has been said."""
_WAITING_SHARE = 0.05
"""What a line must wait, of the run, to be named. Rules that know what the line does speak from 1 % on."""
_WAITING_LINES = 3
_THREAD_SHARE = 0.15
"""What a thread must have of its process's computing to count as one of those that compute."""
_GIL_CORES = 1.3
"""Cores that threads under the GIL keep busy at most: a little more than one, by what C code does without it."""
_IMPORT_SHARE = 0.05
_GC_SHARE = 0.02
_DEPENDENCY_SHARE = 0.1
_CHURN_SHARE = 0.1
"""What a line must have of all that was allocated, by bytes or by number."""
_NATIVE_SHARE = 0.2
_COLLECTOR = re.compile(r"_?(Py)?_?gc_collect\w*|deduce_unreachable|_PyGC_\w+", re.IGNORECASE)
_COLLECT_CALL = re.compile(r"\bgc\s*\.\s*collect\s*\(")

_WAITS: tuple[tuple[str, str], ...] = (
    (r"\bsleep\s*\(", "it sleeps: wait for the event itself (Event.wait, Condition, a queue), or sleep less"),
    (r"\bjoin\s*\(\s*\)|\.result\s*\(|\bas_completed\b|\.wait\s*\(",
     "it waits for other threads, processes or tasks: what they do is what takes the time; start them earlier, give"
     " them smaller parts"),
    (r"\bacquire\s*\(|^\s*with\s+.*lock", "it waits for a lock: hold the lock for less, or have a lock for each part"),
    (r"\bawait\b|\basync\b", "it awaits one thing after the other: asyncio.gather or a TaskGroup lets them overlap"),
    (r"\b(execute|executemany|commit|fetch\w*|query|scalars?)\s*\(",
     "it waits for a database: ask once for many rows (executemany, IN, a join), commit once for many"),
    (r"\b(requests|httpx|urlopen|urlretrieve|session|http|recv\w*|sendall|connect|getaddrinfo)\b",
     "it waits for the network: keep the connection, and let requests overlap (a thread pool, asyncio)"),
    (r"\b(subprocess|Popen|check_output|check_call|communicate|system)\b",
     "it waits for another program: start those that do not need each other side by side"),
    (r"\.(read|readline|readlines|write|flush|fsync|open)\s*\(|\bopen\s*\(|\bprint\s*\(",
     "it waits for files or pipes: fewer and larger reads and writes, buffered"),
)  # fmt: skip
_ANY_WAIT = "it waits: let what does not depend on it go on meanwhile (a thread pool, asyncio), or ask for more at once"


def advise_by_measurement(
    run: Run,
    hotspots: Hotspots,
    *,
    least_share: float,
    taken: Collection[tuple[str, int]] = (),
    newer: NewerPython | None = None,
) -> Iterator[Advice]:
    """Yield advice that needs no rule: each says what was seen, what to do, and what that wins at most.

    ``taken`` are the (file, line) pairs that a rule has said something about; they are passed over. Nothing
    below ``least_share`` (0 to 1) of the run is said. There is no edit.
    """
    own = [spot for spot in hotspots.lines if spot.owner is Owner.USER]
    if not own or not hotspots.busy_ns:
        return
    said = [
        *_waiting(run, hotspots, own, taken),
        *_threads(run, hotspots, own),
        *_imports(run, hotspots, own),
        *_garbage(run, hotspots, own, taken),
        *_dependencies(hotspots, own),
        *_churn(run, hotspots, own, taken),
        *remark_newer_python(run, hotspots, own, newer),
        *_native(hotspots, own, taken),
    ]
    said = [item for item in said if item.share >= least_share and item.gain > 1]
    paths = [source.shown if (source := run.sources.get(each.finding.file)) else each.finding.file for each in said]
    identities = identify_findings(zip(paths, (each.finding for each in said), strict=True))
    for identity, item in zip(identities, said, strict=True):
        yield Advice(identity, item.finding, item.share, item.error, Estimate(1.0, item.gain))


def _waiting(
    run: Run, hotspots: Hotspots, own: Iterable[LineSpot], taken: Collection[tuple[str, int]]
) -> Iterator[Remark]:
    """Yield the lines that the program waits on, what they wait for told by their source."""
    waits = sorted(own, key=lambda spot: (-spot.cost.waiting_ns, spot.file, spot.line))[:_WAITING_LINES]
    for spot in waits:
        share = spot.cost.waiting_ns / hotspots.busy_ns
        if share < _WAITING_SHARE or (spot.file, spot.line) in taken:
            continue
        text = read_line(run, spot)
        advice = next((advice for pattern, advice in _WAITS if re.search(pattern, text, re.IGNORECASE)), _ANY_WAIT)
        message = f"The program waited here for {_time(spot.cost.waiting_ns)} and computed nothing; {advice}."
        yield make_remark("waiting", "The program waits here", message, spot, share)


def _threads(run: Run, hotspots: Hotspots, own: list[LineSpot]) -> Iterator[Remark]:
    """Yield that several threads of a process compute, and that together they had about one core."""
    cores = run.host.cpus
    wall = max((execution.wall_ns for execution in run.executions[:1]), default=0)
    if run.interpreter.free_threaded or cores < 2 or not wall:
        return
    processes: dict[int, list[ThreadTime]] = {}
    for thread in hotspots.threads:
        processes.setdefault(thread.pid, []).append(thread)
    for threads in processes.values():
        together = sum(thread.cpu_ns for thread in threads)
        computing = [thread for thread in threads if together and thread.cpu_ns / together >= _THREAD_SHARE]
        if len(computing) < 2 or together > _GIL_CORES * wall:
            continue
        side = min(cores, len(computing))
        time = sum(thread.cpu_ns for thread in computing)
        message = (
            f"{len(computing)} threads computed for {_time(time)} together, one at a time: the GIL lets only one run"
            f" Python. Processes (ProcessPoolExecutor), a free-threaded build or, from Python 3.14 on, subinterpreters"
            f" (InterpreterPoolExecutor) use {side} cores. Before that, look for state that threads share and change"
            " without a lock: what the GIL hides is a race there."
        )
        # Of the run's duration: beside each other these threads wait, for the GIL, and that is not the others' time.
        share = time / wall
        spot = find_hottest(own)
        yield make_remark("threads-cpu", "Threads compute one at a time", message, spot, share, gain=side, whole=True)


def _imports(run: Run, hotspots: Hotspots, own: list[LineSpot]) -> Iterator[Remark]:
    """Yield what importing other people's modules takes."""
    foreign = [spot for spot in hotspots.imports if spot.file and not _is_own(run, spot.file)]
    foreign.sort(key=lambda spot: (-spot.total_ns, spot.module))
    if not foreign or foreign[0].share < _IMPORT_SHARE:
        return
    words = [word for word in (re.escape(foreign[0].module.partition(".")[0]),) if word]
    importing = [spot for spot in own if re.search(rf"\bimport\b|\b{words[0]}\b", read_line(run, spot))]
    named = ", ".join(f"{spot.module} {_time(spot.total_ns)}" for spot in foreign[:3])
    message = (
        f"Importing takes {foreign[0].share:.0%} of the run ({named}; what a module imports is counted with it). Import"
        " it in the function that needs it, or only its part that is needed; `python -X importtime` shows the tree."
    )
    spot = importing[0] if importing else find_hottest(own)
    yield make_remark(
        "import-time", "Importing takes a good part of the run", message, spot, foreign[0].share, whole=True
    )


def _garbage(run: Run, hotspots: Hotspots, own: list[LineSpot], taken: Collection[tuple[str, int]]) -> Iterator[Remark]:
    """Yield what the garbage collector takes: seen in C stacks, or on the lines that call it."""
    seen = _share_of_stacks(run, lambda frame: _COLLECTOR.fullmatch(frame.name) is not None)
    share = seen * hotspots.cpu_ns / hotspots.busy_ns
    if share >= _GC_SHARE:
        message = (
            f"The garbage collector took {share:.0%} of the run, going through objects that mostly live on. Call"
            " gc.freeze() once start-up is done, raise gc.set_threshold(), or make fewer objects that hold others"
            " (tuples, __slots__, arrays)."
        )
        yield make_remark(
            "garbage-collection", "The garbage collector runs", message, find_hottest(own), share, whole=True
        )
        return
    for spot in own:
        share = spot.cost.charged_ns / hotspots.busy_ns
        called = _COLLECT_CALL.search(read_line(run, spot)) is not None
        if share >= _GC_SHARE and called and (spot.file, spot.line) not in taken:
            message = (
                f"gc.collect() took {_time(spot.cost.charged_ns)}, going through every object: memory in no cycle is"
                " freed without it. Leave it out, or call it once after a large structure was dropped."
            )
            yield make_remark("garbage-collection", "A garbage collection is asked for", message, spot, share)


def _dependencies(hotspots: Hotspots, own: list[LineSpot]) -> Iterator[Remark]:
    """Yield the package, not the user's and not the standard library's, that has most of the time in itself."""
    packages = [spot for spot in hotspots.dependencies if spot.owner is Owner.DEPENDENCY]
    packages.sort(key=lambda spot: (-spot.self_ns, spot.package))
    for package in packages[:1]:
        share = package.self_ns / hotspots.busy_ns
        if share < _DEPENDENCY_SHARE:
            continue
        callers = sorted(own, key=lambda spot: (spot.cost.self_ns - spot.cost.charged_ns, spot.file, spot.line))
        message = (
            f"{package.package} spent {_time(package.self_ns)} in its own code, {share:.0%} of the run. No edit here"
            " makes that faster: call it less often or with more at once from the lines that wait for it, see whether"
            " a newer version is faster, or use another package."
        )
        yield make_remark("dependency-time", "The time goes to a dependency", message, callers[0], share, whole=True)


def _churn(run: Run, hotspots: Hotspots, own: list[LineSpot], taken: Collection[tuple[str, int]]) -> Iterator[Remark]:
    """Yield the line that allocates most, where that is a good part of all and its time matters."""
    sums = [_sum_of(run, metric) for metric in (Metric.ALLOCATED, Metric.ALLOCATIONS)]
    best: tuple[float, LineSpot] | None = None
    for spot in own:
        values = (spot.cost.allocated_bytes, spot.cost.allocations)
        part = max((value / whole for value, whole in zip(values, sums, strict=True) if value and whole), default=0.0)
        lasting = (spot.cost.peak_bytes or 0) > (spot.cost.allocated_bytes or 0) / 2
        if part >= _CHURN_SHARE and not lasting and (best is None or part > best[0]):
            best = part, spot
    if best is None or (best[1].file, best[1].line) in taken:
        return
    part, spot = best
    share = spot.cost.charged_ns / hotspots.busy_ns
    size = (spot.cost.allocated_bytes or 0) / 2**20
    message = (
        f"The line made {part:.0%} of all that was allocated ({size:,.0f} MB, most of it short-lived). Make it once"
        " outside of the loop, reuse a buffer (out=, bytearray, memoryview), or go through it piece by piece."
    )
    yield make_remark("allocation-churn", "A line allocates and frees again and again", message, spot, share)


def _native(hotspots: Hotspots, own: list[LineSpot], taken: Collection[tuple[str, int]]) -> Iterator[Remark]:
    """Yield what is left in the user's own lines when all other advice has been followed, and its ceiling."""
    left = [spot for spot in own if (spot.file, spot.line) not in taken and spot.cost.self_ns]
    share = sum(spot.cost.self_ns for spot in left) / hotspots.busy_ns
    if share < _NATIVE_SHARE:
        return
    functions: dict[str, int] = {}
    for spot in left:
        functions[spot.function] = functions.get(spot.function, 0) + spot.cost.self_ns
    named = ", ".join(sorted(functions, key=lambda name: (-functions[name], name))[:3])
    message = (
        f"Pure-Python self time left after all other advice: {share:.0%}, ceiling {whole_gain(share, math.inf):.1f}×,"
        f" most of it in {named}. Candidates behind a narrow interface: Numba for loops over numbers, Cython or mypyc"
        " for typed Python, PyO3 for Rust."
    )
    spot = max(left, key=_own_time)
    yield make_remark(LAST, "Python code that could be native", message, spot, share, whole=True)


def _own_time(spot: LineSpot) -> int:
    return spot.cost.self_ns


def _is_own(run: Run, file: str) -> bool:
    source = run.sources.get(file)
    return source is not None and source.owner is Owner.USER


def _share_of_stacks(run: Run, wanted: Callable[[Frame], bool]) -> float:
    """Return the part of the sampled computing (0 to 1) in whose stacks a wanted frame stands."""
    found = total = 0
    for profile in run.profiles:
        marks = [wanted(frame) for frame in profile.frames]
        inside: list[bool] = []
        for parent, frame in zip(profile.stacks.parent, profile.stacks.frame, strict=True):
            inside.append(marks[frame] or (parent >= 0 and inside[parent]))
        for samples in profile.samples:
            if samples.metric is Metric.CPU:
                total += sum(samples.value)
                found += sum(v for row, v in zip(samples.stack, samples.value, strict=True) if inside[row])
    return found / total if total else 0.0


def _sum_of(run: Run, metric: Metric) -> int:
    return sum(sum(s.value) for profile in run.profiles for s in profile.samples if s.metric is metric)


def _time(nanoseconds: int) -> str:
    value = seconds(nanoseconds)
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"
