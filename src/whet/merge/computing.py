"""Corrects what a sampler takes for computing: the system counts each thread's CPU time.

A sampler sees a thread that is runnable but not scheduled as one that computes,
and likewise a sleeping thread that it has just paused and resumed. In a
container it cannot read a thread's state at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from whet.merge.idle_stacks import Stance, find_stance
from whet.merge.ownership import is_native_file
from whet.merge.waiting import ThreadClock
from whet.model.frame import NO_FRAME
from whet.model.metric import Metric
from whet.model.profile import Profile, Samples, Thread

OWN_CODE = "<whet>"
"""How the file names of whet's code inside the program begin,"""
OWN_FOLDER = str(Path(__file__).parent.parent / "inprocess")
"""and as long as it is being loaded."""

BLIND = 1.3
"""Multiple of its time awake for which a thread may be sampled as computing before the sampler is distrusted."""


def rename_threads(profile: Profile, ours: Mapping[tuple[int, int], int]) -> Profile:
    """Return ``profile`` with our ids of threads: ``ours`` maps (pid, the process's own id) to them."""
    threads = [replace(each, tid=ours.get((each.pid, each.tid), each.tid)) for each in profile.threads]
    return replace(profile, threads=threads)


def scale_threads(
    profile: Profile,
    clocks: Sequence[ThreadClock],
    slack_ns: int = 0,
    current: Collection[tuple[int, int]] = (),
) -> Profile:
    """Return ``profile`` with each thread's computing cut down to what its clock says, where that is much less.

    Stacks that are known to wait are cut first, then all in proportion. Counts
    follow the times: samples that showed no computing support nothing.
    ``slack_ns`` is how much older the clock of a thread that has ended may be
    than its last sample; two samples more are always allowed. The clocks of
    the threads in ``current``, by pid and id, are no older.
    """
    limits = {(clock.pid, clock.tid): clock.cpu_ns for clock in clocks}
    waits = find_waits(profile)
    scaled: list[Samples] = []
    for entry in profile.samples:
        thread, whole = profile.threads[entry.thread], sum(entry.value)
        excess = whole - limits.get((thread.pid, thread.tid), whole)
        slack = 0 if _ids(thread) in current else slack_ns
        if entry.metric is not Metric.CPU or excess <= 2 * profile.period_ns + slack:
            scaled.append(entry)
            continue
        parked = sum(value for row, value in zip(entry.stack, entry.value, strict=True) if row in waits)
        first = 1 - min(1.0, excess / parked) if parked else 0.0
        others = 1 - max(0, excess - parked) / (whole - parked) if whole > parked else 0.0
        pairs = zip(entry.stack, entry.value, strict=True)
        values = [round(value * (first if row in waits else others)) for row, value in pairs]
        scaled += _keep(entry, values)
    return replace(profile, samples=scaled)


def find_blind(profile: Profile, clocks: Sequence[ThreadClock], slack_ns: int = 0) -> set[tuple[int, int]]:
    """Return the (pid, tid) of threads that were sampled as computing for much longer than their clocks say.

    Stacks that are known to wait left out. Of such a thread the sampler cannot tell what it does.
    """
    limits = {(clock.pid, clock.tid): clock.cpu_ns for clock in clocks}
    waits = find_waits(profile)
    blind: set[tuple[int, int]] = set()
    for entry in profile.samples:
        thread = profile.threads[entry.thread]
        seen = sum(value for row, value in zip(entry.stack, entry.value, strict=True) if row not in waits)
        if seen > BLIND * limits.get((thread.pid, thread.tid), seen) + 2 * profile.period_ns + slack_ns:
            blind.add((thread.pid, thread.tid))
    return blind


def drop_frameless(profile: Profile) -> Profile:
    """Leave out samples without a Python frame, where there are others.

    A sampler that was late catches up at the end, when the program has nothing left to show.
    """
    bare = {row for row, frame in enumerate(profile.stacks.frame) if profile.frames[frame] == NO_FRAME}
    samples: list[Samples] = []
    for entry in profile.samples:
        pairs = zip(entry.stack, entry.value, strict=True)
        samples += _keep(entry, [0 if row in bare else value for row, value in pairs])
    return replace(profile, samples=samples) if samples else profile


def drop_own_threads(
    active: Profile | None, wall: Profile | None, known: Collection[tuple[int, int]] = ()
) -> tuple[Profile | None, Profile | None]:
    """Leave out threads of whet's own inside the program: those in ``known`` by pid and id, and all that begin there.

    ``wall`` has all threads; one without Python code, whoever it belongs to, waits for nothing that could be named. And
    the program does not wait while it is set up: what it has there of whet's on its stack is left out as well.
    """
    own: set[tuple[int, int]] = set()
    others: set[tuple[int, int]] = set()
    for profile in filter(None, (active, wall)):
        outermost = _list_outermost(profile)
        for entry in profile.samples:
            ids = _ids(profile.threads[entry.thread])
            for row in entry.stack:
                # While it waits, whet's thread has no frame, which says nothing of whose it is.
                if row >= 0 and profile.frames[profile.stacks.frame[row]] != NO_FRAME:
                    # The program's first thread ends in whet's code.
                    (own if outermost[row].startswith(OWN_CODE) else others).add(ids)
    own = own - others | set(known)
    if active is not None:
        samples = [entry for entry in active.samples if _ids(active.threads[entry.thread]) not in own]
        active = replace(active, samples=samples)
    return active, _drop_own_waiting(wall, own) if wall is not None else None


def _drop_own_waiting(wall: Profile, own: Collection[tuple[int, int]]) -> Profile:
    samples: list[Samples] = []
    within = _find_own(wall)
    for entry in wall.samples:
        if _ids(wall.threads[entry.thread]) not in own and not _is_bare(wall, entry):
            pairs = zip(entry.stack, entry.value, strict=True)
            samples += _keep(entry, [0 if row in within else value for row, value in pairs])
    return replace(wall, samples=samples)


def _find_own(profile: Profile) -> set[int]:
    """Return the rows that have code of whet's anywhere on their stack."""
    own = {at for at, frame in enumerate(profile.frames) if frame.file.startswith((OWN_CODE, OWN_FOLDER))}
    rows: set[int] = set()
    # A row comes after its parent.
    for row, (parent, frame) in enumerate(zip(profile.stacks.parent, profile.stacks.frame, strict=True)):
        if frame in own or parent in rows:
            rows.add(row)
    return rows


def _list_outermost(profile: Profile) -> list[str]:
    """Return the file in which each row's stack begins."""
    files: list[str] = []
    for parent, frame in zip(profile.stacks.parent, profile.stacks.frame, strict=True):
        files.append(files[parent] if parent >= 0 else profile.frames[frame].file)
    return files


def _ids(thread: Thread) -> tuple[int, int]:
    return thread.pid, thread.tid


def _is_bare(profile: Profile, entry: Samples) -> bool:
    return all(row < 0 or profile.frames[profile.stacks.frame[row]] == NO_FRAME for row in entry.stack)


def _keep(entry: Samples, values: Sequence[int]) -> list[Samples]:
    """Return ``entry`` with other values and as many samples less, its rows of 0 left out; nothing if that is all."""
    kept = [index for index, value in enumerate(values) if value]
    if not kept:
        return []
    count = max(1, round(entry.count * sum(values) / sum(entry.value)))
    stacks = [entry.stack[index] for index in kept]
    return [replace(entry, stack=stacks, value=[values[index] for index in kept], count=count)]


def find_waits(profile: Profile) -> set[int]:
    """Return the rows whose stacks stand in a function that does nothing but wait."""
    found: set[int] = set()
    for row in {row for entry in profile.samples for row in entry.stack if row >= 0}:
        frames = [profile.frames[profile.stacks.frame[step]] for step in profile.stacks.walk(row)]
        stack = [frame for frame in frames if not is_native_file(frame.file)]
        # As of a thread that is not the first: there waiting for the next job counts as that.
        if find_stance(stack, main=False) is not Stance.WAITING:
            found.add(row)
    return found
