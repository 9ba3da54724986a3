"""The lines that a program waits on, and what for, told by their source."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator

from whet.advise.awaits import ALONE, find_awaited, sum_waiting, tell_awaiters
from whet.advise.measured_advice import IMPORT, MeasuredAdvice, make_measured_advice, read_line, tell_time
from whet.advise.repeats import find_repeats
from whet.model.frame import Frame, Owner
from whet.model.hotspot import Hotspots, LineSpot
from whet.model.metric import Metric
from whet.model.run import Run

_WAITING_SHARE = 0.05
"""What a line must wait, of the run, to be named. Rules that know what the line does speak from 1 % on."""
_WAITING_LINES = 3
_COMMIT = re.compile(r"\.commit\s*\(\s*\)|\bos\.f(data)?sync\s*\(")
_COMMITS = re.compile(r"commit|sync")
_COMMIT_SHARE = 0.05

_SLEEP = re.compile(r"\bsleep\s*\(")
_WAITS: tuple[tuple[str, str], ...] = (
    (r"\basyncio\.run\s*\(|\brun_until_complete\s*\(|\brun_forever\s*\(|\b(anyio|trio)\.run\s*\(",
     "it runs an event loop whose coroutines were not seen: `whet run --sampler pyinstrument` tells which waits"),
    (_SLEEP.pattern, "it sleeps: wait for the event itself (Event.wait, Condition, a queue), or sleep less"),
    (r"\bacquire\s*\(|^\s*with\s+.*lock", "it waits for a lock: hold the lock for less, or have a lock for each part"),
    (r"\bawait\b|\basync\b", "what does not depend on it can overlap (asyncio.gather, a TaskGroup)"),
    (r"\b(execute|executemany|commit|fetch\w*|query|scalars?)\s*\(",
     "it waits for a database: ask once for many rows (executemany, IN, a join), commit once for many"),
    (r"\b(requests|httpx|urlopen|urlretrieve|session|http|recv\w*|sendall|connect|getaddrinfo)\b",
     "it waits for the network: keep the connection, and let requests overlap (a thread pool, asyncio)"),
    (r"\.(read|readline|readlines|write|flush|fsync|open)\s*\(|\bopen\s*\(|\bprint\s*\(",
     "it waits for files or pipes: fewer and larger reads and writes, buffered"),
)  # fmt: skip
_PROCESS = "The program waits for a process that it started"
_OTHERS: tuple[tuple[str, str, str], ...] = (
    (r"(?i)\bcomm\w*(\.\w+)*\.(probe|recv|sendrecv|s?send|barrier|bcast|(all)?gatherv?|scatterv?|(all)?reduce|alltoallv?"
     r"|e?x?scan)\s*\(|\bMPI\.\w+\.\w+\(", "The program waits for other ranks",
     "the rank that comes last takes the time: `whet merge` of all ranks names it, and the function that it loses its"
     " time in. Spread the work more evenly, or compute while messages travel (isend, irecv, Iallreduce)"),
    (r"(?<![\w.])input\s*\(|\bstdin\b|\bgetpass\s*\(|\bfileinput\b", "The program waits for input",
     "whoever types, or writes into the pipe, takes the time: no change of this line makes that faster"),
    (r"\bos\.wait(pid|id|3|4)?\s*\(|\b(subprocess|Popen|check_output|check_call|communicate|system)\b", _PROCESS,
     "what that process does takes the time; where it runs Python, its lines are in this report. Start processes that"
     " do not need each other side by side"),
    (r"\bjoin\s*\(\s*\)|\.result\s*\(|\bas_completed\b|\.wait\s*\(|\b(executor|pool)\.\w*map\w*\s*\(",
     "The program waits for others of its own",
     "other threads, processes or tasks, and what they do is what takes the time; start them earlier, give them smaller"
     " parts"),
)  # fmt: skip
"""Waiting that is over no sooner whatever is done about the line: what is waited for, a title and the advice."""
_PROCESS_FILES = re.compile(r"[\\/](subprocess|asyncio[\\/]subprocess|multiprocessing[\\/](process|popen_\w+))\.py$")
_OVERLAPS = "more at once, if the other side allows that, or fewer and larger requests"
"""What can be done where many tasks wait at once already."""
_ANY_WAIT = "it waits: let what does not depend on it go on meanwhile (a thread pool, asyncio), or ask for more at once"


def remark_waits(
    run: Run,
    hotspots: Hotspots,
    own: Iterable[LineSpot],
    taken: Collection[tuple[str, int]],
) -> Iterator[MeasuredAdvice]:
    """Yield the lines that the program waits on, what they wait for told by their source."""
    own = [spot for spot in own if not IMPORT.match(read_line(run, spot))]  # of these `import-time` speaks
    waits = sorted(own, key=lambda spot: (-spot.cost.waiting_ns, spot.file, spot.line))[:_WAITING_LINES]
    for spot in waits:
        share = spot.cost.waiting_ns / hotspots.busy_ns
        if share < _WAITING_SHARE or (spot.file, spot.line) in taken:
            continue
        if 2 * sum_waiting(run, spot.file, spot.line, above=taken) > spot.cost.waiting_ns:
            continue  # of the loop that awaits it
        text = read_line(run, spot)
        if _COMMIT.search(text) and _commits_often(run, spot):
            continue
        others = next((each[1:] for each in _OTHERS if re.search(each[0], text)), None)
        if others is None and _is_in_process(run, spot):
            others = next(each[1:] for each in _OTHERS if each[1] == _PROCESS)
        if others is not None:
            # No gain is claimed: it is the others' time.
            (title, advice), gain = others, 1.0
        else:
            advice = next((advice for pattern, advice in _WAITS if re.search(pattern, text, re.IGNORECASE)), _ANY_WAIT)
            title, gain = "The program waits here", math.inf
        awaited = find_awaited(run, spot.file, spot.line)
        if awaited is not None:
            if others is None and awaited.concurrency >= ALONE and not _SLEEP.search(text):
                advice = _OVERLAPS
            advice = f"{tell_awaiters(run, spot)}. {advice[0].upper()}{advice[1:]}"
        message = f"The program waited here for {tell_time(spot.cost.waiting_ns)} and computed nothing; {advice}."
        yield make_measured_advice("waiting", title, message, spot, share, gain=gain)


def _is_in_process(run: Run, spot: LineSpot) -> bool:
    """Tell whether most waiting of a line is in the standard library's waiting for a process."""
    found = whole = 0
    for profile in run.profiles:
        frames, stacks = profile.frames, profile.stacks
        for samples in profile.samples:
            if samples.metric is not Metric.WAITING:
                continue
            for row, value in zip(samples.stack, samples.value, strict=True):
                is_inside = False
                for step in stacks.walk(row) if row >= 0 else ():
                    frame = frames[stacks.frame[step]]
                    if (frame.file, frame.line) == (spot.file, spot.line):
                        whole += value
                        found += value * is_inside
                        break
                    is_inside = is_inside or _PROCESS_FILES.search(frame.file) is not None
    return 2 * found > whole


def _commits_often(run: Run, spot: LineSpot) -> bool:
    """Tell whether a line commits more than once, and whether most of its time is the commit, not what comes before.

    An object mapper writes what has changed as part of its commit. Where no stacks are known, both are taken as given.
    """
    if spot.cost.hits is not None and spot.cost.hits < 2:
        return False
    inside = whole = 0
    is_repeated = spot.cost.hits is not None
    for profile in run.profiles:
        frames, stacks = profile.frames, profile.stacks
        for samples in profile.samples:
            if samples.metric not in (Metric.CPU, Metric.WAITING):
                continue
            for row, value in zip(samples.stack, samples.value, strict=True):
                steps = list(stacks.walk(row)) if row >= 0 else []
                python = [each for each in steps if frames[stacks.frame[each]].owner is not Owner.NATIVE]
                at = next((each for each in python if _stands_at(frames[stacks.frame[each]], spot)), None)
                if at is None:
                    continue
                whole += value
                inside += value * (at == python[0] or _COMMITS.search(frames[stacks.frame[python[0]]].name) is not None)
                is_repeated = is_repeated or any(find_repeats(run, profile, at, ("commit",)))
    return not whole or (is_repeated and 2 * inside > whole)


def _stands_at(frame: Frame, spot: LineSpot) -> bool:
    return (frame.file, frame.line) == (spot.file, spot.line)


def remark_commits(
    run: Run, hotspots: Hotspots, own: Iterable[LineSpot], taken: Collection[tuple[str, int]]
) -> Iterator[MeasuredAdvice]:
    """Yield lines that bring data to the disk again and again, be it counted as waiting or, as here and there, not."""
    for spot in own:
        spent = spot.cost.spent_ns
        share = spent / hotspots.busy_ns
        if share < _COMMIT_SHARE or (spot.file, spot.line) in taken or not _COMMIT.search(read_line(run, spot)):
            continue
        if _commits_often(run, spot):
            message = (
                f"Bringing data to the disk took {tell_time(spent)}: each call waits until the disk has it. Commit"
                " once for many changes, after the loop or every few thousand; what is not committed when the program"
                " fails is lost."
            )
            yield make_measured_advice("commit-often", "Each commit waits for the disk", message, spot, share)
