"""Waiting told from computing: what a sampler of all threads saw more often than the sampler of computing ones.

The active sampler's values stay as they are. Where the system tells for how long a
thread slept, the samplers only say where (:mod:`whet.merge.standstill`). Elsewhere,
for each thread and innermost Python frame, waiting is the wall sampler's time minus
the part that computing explains; differences within the noise are nothing. What
remains of the whole thread beyond its noise is spread over the places that were too
small to tell.

What a thread waits for the GIL (:mod:`whet.merge.gil`) is of a kind of its own: it wants to run.

Then each other waiting stack is judged (:mod:`whet.merge.idle_stacks`):

- parked threads (pool workers, accept loops, ``queue.get`` of worker threads) are idle;
- the poll of an event loop is idle when the process serves (it was seen accepting,
  serving, or its pid listens), when whet attached to it, and in threads other than
  the first; else the program waits for what it asked for;
- who does nothing but wait for processes that it started is idle (:mod:`whet.merge.supervisors`);
- who waits for another thread or process of the program, or polls for it, is idle for as long as others
  compute or wait: their time is counted where they stand. Only the rest is waiting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from whet.merge.gil import MOSTLY, find_computing, place_gil, split_waited
from whet.merge.idle_stacks import Stance, find_stance, is_library_only, is_serving
from whet.merge.ownership import is_native_file
from whet.merge.standstill import Told, place_waiting
from whet.merge.supervisors import find_supervisors
from whet.merge.waiting_time import Place, cap_sum, find_waiting, sample_period, spread_over_stacks
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, StackTable, Thread
from whet.records import dataclass

ThreadKey = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class ThreadClock:
    """What the system counted for a thread while the wall sampler ran: the time on a CPU.

    Where it tells more, ``told`` says for how long the thread slept.
    """

    pid: int
    tid: int
    cpu_ns: int
    told: Told | None = None


def split_waiting(
    active: Profile,
    wall: Profile | None,
    clocks: Sequence[ThreadClock] = (),
    *,
    overlap: float = 1.0,
    elapsed_ns: int | None = None,
    attached: bool = False,
    listening: Collection[int] = (),
    unknown: Collection[tuple[int, int]] = (),
    blind: Collection[tuple[int, int]] = (),
    parents: Mapping[int, int] | None = None,
    gil: Mapping[tuple[int, int], float] | None = None,
) -> Profile:
    """Return ``active`` with waiting and idle samples added from ``wall``; unchanged where that is ``None``.

    Both are profiles of one execution, and all values of ``wall`` are wall time
    whatever metric they carry. ``overlap`` is the part (0 to 1) of the active
    sampler's time that the other covered. Where ``clocks`` know only a thread's
    CPU time, its waiting and idle time is at most the wall sampler's time minus that.
    ``elapsed_ns`` is how long the program ran: a sampler that catches up on late
    samples counts more, and no thread can have.
    ``listening`` are pids that have a listening socket, ``parents`` maps pids to
    those of their parents. ``unknown`` are (pid, tid)
    of threads of which nothing is to be said, ``blind`` those of threads whose computing
    the active sampler could not tell from waiting. ``gil`` maps (pid, tid) to the part (0 to 1) of the thread's
    waiting that was for the GIL. What of a thread's waiting no place
    can be named for is at ``ROOT``.
    """
    if wall is None or not wall.samples:
        return active
    table = _Joined(active, wall)
    explained = _sum_places(active, table.own_place, metric=Metric.CPU)
    seen = _sum_places(wall, table.wall_place)
    stacks = _sum_stacks(wall, table)
    known = {(clock.pid, clock.tid): clock for clock in clocks}
    period, active_period = sample_period(wall), sample_period(active)
    computes = find_computing(seen, explained) if gil else {}
    excess: dict[ThreadKey, dict[int, int]] = {}
    for_gil: dict[ThreadKey, dict[int, int]] = {}
    for key, places in seen.items():
        if key[:2] in unknown:
            continue
        clock, unplaced, part = known.get(key[:2]), 0, (gil or {}).get(key[:2], 0.0)
        computed = explained.get(key, {})
        if clock is not None and clock.told is not None:
            counts = {place: value / period for place, value in places.items()}
            computing = {place: value / active_period for place, value in computed.items()}
            # It waits for the GIL where it computes: to tell other places from those, that is computing.
            whole = clock.told.waited
            others, in_line = split_waited(whole, part)
            told = replace(clock.told, waited=others)
            waits, unplaced = place_waiting(told, counts, computing, blind=key[:2] in blind)
        else:
            waits = find_waiting(places, computed, active, wall, overlap)
            if clock is not None:
                total = sum(places.values())
                total = min(total, elapsed_ns if elapsed_ns is not None else total)
                waits = cap_sum(waits, max(0, total - clock.cpu_ns))
            whole = sum(waits.values())
            others, in_line = split_waited(whole, part)
            waits = cap_sum(waits, others)
        if part >= MOSTLY:
            waits, unplaced = {place: value for place, value in waits.items() if place not in computes[key[0]]}, 0
            in_line = whole - sum(waits.values())
        nowhere = len(table.wall_place) - 1
        excess[key] = spread_over_stacks(waits, stacks[key], table.wall_place)
        if unplaced:
            excess[key][nowhere] = excess[key].get(nowhere, 0) + unplaced
        if in_line:
            placed = place_gil(in_line, places, computed, table.wall_place[nowhere])
            for_gil[key] = spread_over_stacks(placed, {nowhere: 1, **stacks[key]}, table.wall_place)
    judge = _Judge(active, wall, table, attached, listening)
    judge.note_clocks(known)
    judge.note_gil(for_gil)
    judge.note_parents(parents, excess, seen)
    split = judge.split(excess)
    threads = Counter(key[0] for key in seen)
    # A program of one thread waits for the GIL when whet's own has it.
    split.update({(key, Metric.GIL): rows for key, rows in for_gil.items() if rows and threads[key[0]] > 1})
    return table.add_samples(split)


def judge_waiting(active: Profile, standing: Profile, *, attached: bool = False) -> Profile:
    """Return ``active`` with the samples of ``standing`` added as waiting or idle, for a sampler that tells them apart.

    Both have the same tables; ``active`` has the samples of threads that computed, ``standing`` those of others.
    """
    table = _Joined(active, standing)
    judge = _Judge(active, standing, table, attached, ())
    return table.add_samples(judge.split(_sum_stacks(standing, table)))


def _key(thread: Thread) -> ThreadKey:
    """Return what two samplers agree on: ids, and the name only where there is no id."""
    return (thread.pid, thread.tid, "" if thread.tid else thread.name)


def _sum_places(
    profile: Profile, place_of: Sequence[Place], metric: Metric | None = None
) -> dict[ThreadKey, dict[Place, int]]:
    sums: dict[ThreadKey, dict[Place, int]] = {}
    for entry in profile.samples:
        if metric is None or entry.metric is metric:
            places = sums.setdefault(_key(profile.threads[entry.thread]), {})
            for row, value in zip(entry.stack, entry.value, strict=True):
                place = place_of[row]
                places[place] = places.get(place, 0) + value
    return sums


def _sum_stacks(wall: Profile, table: _Joined) -> dict[ThreadKey, dict[int, int]]:
    sums: dict[ThreadKey, dict[int, int]] = {}
    for entry in wall.samples:
        rows = sums.setdefault(_key(wall.threads[entry.thread]), {})
        for row, value in zip(entry.stack, entry.value, strict=True):
            at = row if row >= 0 else len(table.wall_place) - 1
            rows[at] = rows.get(at, 0) + value
    return sums


def _places(profile: Profile) -> list[Place]:
    """Return for each row its innermost Python frame; one entry more at the end for samples at ``ROOT``."""
    nowhere: Place = ("", "", 0)
    python = [not is_native_file(frame.file) for frame in profile.frames]
    named = [(frame.file, frame.name, frame.line) for frame in profile.frames]
    places: list[Place] = []
    for parent, frame in zip(profile.stacks.parent, profile.stacks.frame, strict=True):
        places.append(named[frame] if python[frame] else places[parent] if parent != ROOT else nowhere)
    return [*places, nowhere]


class _Joined:
    """The active profile's tables, grown by stacks and threads of the wall profile as they are needed."""

    def __init__(self, active: Profile, wall: Profile) -> None:
        self._active = active
        self._wall = wall
        self.own_place = _places(active)
        self.wall_place = _places(wall)
        self._frames = list(active.frames)
        self._parent = list(active.stacks.parent)
        self._frame_of = list(active.stacks.frame)
        self._threads = list(active.threads)
        self._frame_index = {frame: index for index, frame in enumerate(self._frames)}
        pairs = zip(self._parent, self._frame_of, strict=True)
        self._row_index = {pair: row for row, pair in enumerate(pairs)}
        self._moved: dict[int, int] = {ROOT: ROOT, len(wall.stacks): ROOT}
        self._thread_index = {_key(thread): index for index, thread in reversed(list(enumerate(self._threads)))}

    def stack(self, row: int) -> list[Frame]:
        """Return the Python frames of a wall row, innermost first."""
        if row >= len(self._wall.stacks):
            return []
        frames = [self._wall.frames[self._wall.stacks.frame[step]] for step in self._wall.stacks.walk(row)]
        return [frame for frame in frames if not is_native_file(frame.file)]

    def add_samples(self, split: dict[tuple[ThreadKey, Metric], dict[int, int]]) -> Profile:
        """Return the active profile with the samples of ``split``, whose rows are the wall profile's, added."""
        period = sample_period(self._wall)
        added: list[Samples] = []
        for (key, metric), rows in split.items():
            values: dict[int, int] = {}
            for row, value in rows.items():
                new = self._move(row)
                values[new] = values.get(new, 0) + value
            count = max(1, round(sum(values.values()) / max(period, 1)))
            added.append(Samples(metric, self._thread(key), list(values), list(values.values()), count))
        if not added:
            return self._active
        return replace(
            self._active,
            frames=self._frames,
            stacks=StackTable(self._parent, self._frame_of),
            threads=self._threads,
            samples=[*self._active.samples, *added],
        )

    def _move(self, row: int) -> int:
        """Return the row of a wall stack in the joined table; its callers first, without recursion."""
        todo = []
        while row not in self._moved:
            todo.append(row)
            row = self._wall.stacks.parent[row]
        parent = self._moved[row]
        for step in reversed(todo):
            frame = self._wall.frames[self._wall.stacks.frame[step]]
            index = self._frame_index.setdefault(frame, len(self._frames))
            if index == len(self._frames):
                self._frames.append(frame)
            new = self._row_index.setdefault((parent, index), len(self._parent))
            if new == len(self._parent):
                self._parent.append(parent)
                self._frame_of.append(index)
            parent = self._moved[step] = new
        return parent

    def _thread(self, key: ThreadKey) -> int:
        index = self._thread_index.get(key)
        if index is None:
            thread = next(thread for thread in self._wall.threads if _key(thread) == key)
            index = self._thread_index[key] = len(self._threads)
            self._threads.append(thread)
        return index


class _Judge:
    """Tells idle from waiting."""

    def __init__(
        self, active: Profile, wall: Profile, table: _Joined, attached: bool, listening: Collection[int]
    ) -> None:
        self._table = table
        self._idle_loops = attached
        self._serving = set(listening) | _find_servers(active) | _find_servers(wall)
        self._computed = {
            key: sum(places.values()) for key, places in _sum_places(active, table.own_place, Metric.CPU).items()
        }
        self._main = _find_main_threads([*wall.threads, *active.threads])
        self._supervisors: dict[int, Stance] = {}
        self._related: set[int] = set()
        """The pids of processes that have started others of the program, or were started by them."""

    def note_gil(self, for_gil: Mapping[ThreadKey, Mapping[int, int]]) -> None:
        """Count threads that wait for the GIL as busy: who waits for them does so no shorter for that."""
        for key, rows in for_gil.items():
            if rows:
                self._computed[key] = self._computed.get(key, 0) + sum(rows.values())

    def note_clocks(self, clocks: Mapping[tuple[int, int], ThreadClock]) -> None:
        """Count threads as busy for as long as they were awake, if that is more than they were sampled as computing.

        A sampler misses the beginning of a child process, for which its parent waits, and what it stops is awake.
        """
        for key in self._computed:
            if (clock := clocks.get(key[:2])) is not None:
                awake = clock.told.watched - clock.told.waited if clock.told is not None else clock.cpu_ns
                self._computed[key] = max(self._computed[key], awake)

    def note_parents(
        self,
        parents: Mapping[int, int] | None,
        excess: Mapping[ThreadKey, Mapping[int, int]],
        seen: Mapping[ThreadKey, Mapping[Place, int]],
    ) -> None:
        """Find the processes that only wait for those that they started."""
        if not parents:
            return
        waits: dict[ThreadKey, dict[tuple[str, str], int]] = {}
        for key, rows in excess.items():
            for row, value in rows.items():
                place = self._table.wall_place[row][:2]
                functions = waits.setdefault(key, {})
                functions[place] = functions.get(place, 0) + value
        pids = {key[0] for key in seen}
        self._related = {pid for pair in parents.items() if pids.issuperset(pair) for pid in pair}
        lived = {key: sum(places.values()) for key, places in seen.items()}
        self._supervisors = find_supervisors(waits, lived, self._computed, parents, self._serving, self._main)

    def split(self, excess: dict[ThreadKey, dict[int, int]]) -> dict[tuple[ThreadKey, Metric], dict[int, int]]:
        """Return the time that threads stood still as waiting and idle, by thread, metric and wall row."""
        split: dict[tuple[ThreadKey, Metric], dict[int, int]] = {}
        dependent: dict[Stance, dict[ThreadKey, dict[int, int]]] = {Stance.JOIN: {}, Stance.LOOP: {}}
        for key, rows in excess.items():
            for row, value in rows.items():
                stance = self._settle(self._table.stack(row), key)
                if stance in dependent:
                    dependent[stance].setdefault(key, {})[row] = value
                else:
                    metric = Metric.WAITING if stance is Stance.WAITING else Metric.IDLE
                    split.setdefault((key, metric), {})[row] = value
        busy = dict(self._computed)
        for (key, metric), rows in split.items():
            if metric is Metric.WAITING:
                busy[key] = busy.get(key, 0) + sum(rows.values())
        others = {key: sum(value for other, value in busy.items() if other != key) for key in excess}
        # Who joins surely waits for others; who polls may wait for something else, so that comes last.
        for waiting in dependent.values():
            for key, rows in waiting.items():
                whole = sum(rows.values())
                counted = min(whole, others[key])
                others[key] -= counted
                for row, value in rows.items():
                    idle = value * counted // max(whole, 1)  # values of other tools may be 0
                    for metric, part in ((Metric.IDLE, idle), (Metric.WAITING, value - idle)):
                        if part:
                            split.setdefault((key, metric), {})[row] = part
        return split

    def _settle(self, stack: Sequence[Frame], key: ThreadKey) -> Stance:
        is_main = key in self._main
        stance = find_stance(stack, is_main)
        if stance is Stance.IDLE:
            return stance
        if is_main and key[0] in self._supervisors:
            return self._supervisors[key[0]]
        if not is_main and key[0] in self._related and is_library_only(stack):
            # What reads from another process of the program, or looks after it.
            return Stance.IDLE
        if stance is not Stance.LOOP:
            return stance
        parked = self._idle_loops or key[0] in self._serving or not is_main
        return Stance.IDLE if parked else Stance.LOOP


def _find_servers(profile: Profile) -> set[int]:
    """Return the pids that were seen serving."""
    serving = [is_serving(frame) for frame in profile.frames]
    if not any(serving):
        return set()
    within = bytearray(len(profile.stacks))
    for row, (parent, frame) in enumerate(zip(profile.stacks.parent, profile.stacks.frame, strict=True)):
        within[row] = serving[frame] or (parent != ROOT and bool(within[parent]))
    return {
        profile.threads[entry.thread].pid
        for entry in profile.samples
        if any(row >= 0 and within[row] for row in entry.stack)
    }


def _find_main_threads(threads: Sequence[Thread]) -> set[ThreadKey]:
    """Return each process's first thread: with the process's id, or called so, else the first seen."""
    main: dict[int, tuple[int, ThreadKey]] = {}
    for thread in threads:
        rank = 2 if thread.tid and thread.tid == thread.pid else 1 if thread.name == "MainThread" else 0
        if thread.pid not in main or rank > main[thread.pid][0]:
            main[thread.pid] = (rank, _key(thread))
    return {key for _, key in main.values()}
