"""Decides which counters are on, has the others count in short phases, and tells what all of them come to.

What is counted in the short phases gives the rate for the rest (:mod:`rates`): untraced code runs
at its own speed, so scaling by time is right there.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from time import perf_counter_ns

from .anchors import COUNTER_COST_NS, Anchor
from .rates import Rate
from .toggling import Toggle, find_toggles, measure_cost

# Not when it is needed: by then a module of the program's may have the name.
try:
    import resource
except ImportError:
    resource = None  # type: ignore[assignment]

COST_SHARE = 0.006
"""Part of the CPU time that all counters together may cost."""
FREE_COUNTS = 500_000
"""Counts that cost nothing worth saving (5 ms in all): short programs are counted whole."""
LEAST_PHASE_NS = 300_000
SETTLING_NS = 30_000
"""Part of a phase that is not the program's usual run: the tick's own beginning and end, and cold caches after it.

Found from the rates in phases of 0.5 to 4 ms.
"""
MOST_BASES = 40
MOST_PHASES = 1_500
"""After that many phases time alone tells enough, and nothing more is kept of each."""
HASTE_NS = 80
"""A loop with shorter iterations is not counted only to scale others by it: that would slow it down too much."""


def _count_switches() -> int:
    """Return how often this thread has been taken off its core, or -1 where nobody counts that."""
    if resource is None or not hasattr(resource, "RUSAGE_THREAD"):
        return -1
    used = resource.getrusage(resource.RUSAGE_THREAD)
    return used.ru_nvcsw + used.ru_nivcsw


class _Off:
    """A counter that is mostly off."""

    __slots__ = ("before", "missed_ns", "rate", "toggle", "totals")

    def __init__(self, toggle: Toggle, totals: dict[int, int]) -> None:
        self.toggle = toggle
        self.totals = totals
        """The totals of all known counters, by identity, when this one was switched off."""
        self.rate = Rate()
        self.missed_ns = self.before = 0

    def begin(self) -> None:
        """Count from now on."""
        self.toggle.set(True)
        self.before = self.toggle.anchor.n

    @property
    def counted(self) -> int:
        """What was counted since."""
        return self.toggle.anchor.n - self.before

    def end(self, spent_ns: float, phase: int, own_share: float) -> None:
        """Note what was counted in so many nanoseconds, counting itself (``own_share`` of them all) left out."""
        if not self.toggle.is_on:
            return
        counted = self.counted
        self.toggle.set(False)
        if spent_ns >= LEAST_PHASE_NS:
            self.rate.add(counted, spent_ns, self.missed_ns, phase, own_share)
            self.missed_ns = 0
        else:
            # Cut short by a signal that was under way, or disturbed; what was counted stays part of the known count.
            self.rate.skip(phase)


def _count_throughout(toggle: Toggle) -> int | None:
    """Return how often a counter was passed in all, where that is known: it is on, or its loop's lengths tell."""
    twin = toggle.anchor.twin
    if twin is not None and twin.is_promising:
        return twin.n
    return toggle.anchor.n if toggle.is_on else None


def _doubt_of_lump(toggle: Toggle) -> float:
    """Return the relative error of a loop's count because its length is added when it begins."""
    twin = toggle.anchor.twin
    return 0.5 / max(1, twin.entries) if twin is not None and twin.is_promising else 0.0


class Toggles:
    """All counters of the process that can be switched."""

    def __init__(self) -> None:
        self.cost_ns = measure_cost()
        self.on: list[Toggle] = []
        self.left_over: list[Callable[[], int]] = []
        """What tells for each of them how far it can still count: the quickest there is to read."""
        self.before: list[int] = []
        self.off: list[_Off] = []
        self.of_code: dict[int, list[Toggle]] = {}
        """Counters by the identity of their code, which they keep alive."""
        self.ends: dict[int, Toggle] = {}
        """What counts the passes that get through, by the identity of the anchor."""
        self.sized: list[tuple[Anchor, list[Toggle]]] = []
        """What asks for the lengths of loops."""
        self.passed = 0
        self.counting = False
        self.began = self.began_wall = self.switches = 0
        self.timed = self.undisturbed = 0
        self.spare: dict[int, tuple[Toggle, int]] = {}
        """Loops' counters that are off because their lengths tell, by identity, with the length at the last tick."""
        self.bases: dict[int, tuple[Toggle, int]] = {}
        """Counters whose totals are known, by identity, and the phase from which on they have been watched."""
        self.base_before: dict[int, int] = {}
        self.phases: list[dict[int, int]] = []
        """What the bases counted in each phase."""

    def add(self, code: types.CodeType) -> None:
        """Take note of a module's counters."""
        every = list(find_toggles(code))
        sized: dict[int, tuple[Anchor, list[Toggle]]] = {}
        for each in every:
            if each.anchor.kind == "sized":
                sized.setdefault(id(each.anchor), (each.anchor, []))[1].append(each)
            elif each.does == "passed":
                self.ends[id(each.anchor)] = each
        self.sized += sized.values()
        found = [each for each in every if each.anchor.kind != "sized" and each.does == "n"]
        for each in found:
            self.of_code.setdefault(id(each.code), []).append(each)
        self.on += found
        self.left_over += [each.anchor.counts["n"].__length_hint__ for each in found]
        self.before += [read() for read in self.left_over[len(self.before) :]]

    def begin_gap(self, cpu_ns: int) -> None:
        """Begin a stretch without tracing."""
        self.began = cpu_ns
        self.before = [read() for read in self.left_over]

    def end_gap(self, cpu_ns: int) -> None:
        """Switch off what was passed too often since the gap began."""
        spent = cpu_ns - self.began
        if spent <= 0:
            return
        for each in self.off:
            each.missed_ns += spent
        self._switch_off_short_loops()
        left_over = [read() for read in self.left_over]
        passed = [
            (before - now, index)
            for index, (before, now) in enumerate(zip(self.before, left_over, strict=True))
            if before != now
        ]
        passed.sort(reverse=True)
        # Where its ends are counted too, a pass costs twice as much.
        total = sum(count * self._weigh(index) for count, index in passed)
        self.passed += total
        allowed = COST_SHARE * spent / COUNTER_COST_NS if self.passed > FREE_COUNTS else total
        gone: set[int] = set()
        totals: dict[int, int] | None = None
        for count, index in passed:
            toggle = self.on[index]
            twin = toggle.anchor.twin
            superfluous = twin is not None and twin.is_promising
            if total <= allowed and not superfluous:
                continue
            toggle.set(False)
            if not toggle.is_on:
                gone.add(index)
                total -= count * self._weigh(index)
                self._give_up_end(toggle)
                if superfluous:
                    toggle.anchor.exact = False
                    self.spare[id(toggle)] = toggle, 0
                else:
                    totals = self._take_totals() if totals is None else totals
                    self.off.append(_Off(toggle, totals))
                    self._watch(self._find_base(toggle))
        if self.off:
            for _, index in passed:
                if index not in gone:
                    self._watch(self.on[index])
            self._watch_loops(spent)
        if gone:
            self.on = [each for index, each in enumerate(self.on) if index not in gone]
            self.left_over = [each for index, each in enumerate(self.left_over) if index not in gone]
        # What comes until the next gap is told to begin belongs to none, and nothing is taken twice.
        self.begin_gap(cpu_ns)

    def _weigh(self, index: int) -> int:
        return 2 if id(self.on[index].anchor) in self.ends else 1

    def close_gates(self) -> None:
        """Ask no loop for its length any more."""
        for anchor, _ in self.sized:
            anchor.exact = False
        self._switch_off_short_loops()

    def _switch_off_short_loops(self) -> None:
        """Ask no longer for lengths where that costs too much: what the anchors found out, or cannot tell."""
        if all(anchor.exact for anchor, _ in self.sized):
            return
        for anchor, toggles in self.sized:
            if not anchor.exact:
                for each in toggles:
                    each.set(False)
        self.sized = [each for each in self.sized if each[0].exact]

    def _give_up_end(self, toggle: Toggle) -> None:
        """Count no longer which passes get through, where passes themselves are not all counted any more."""
        toggle.anchor.checked = []
        end = self.ends.pop(id(toggle.anchor), None)
        if end is not None:
            end.set(False)

    def _take_totals(self) -> dict[int, int]:
        known = (*self.on, *(toggle for toggle, _ in self.spare.values()))
        return {id(each): _count_throughout(each) or 0 for each in known}

    def _find_base(self, toggle: Toggle) -> Toggle | None:
        """Return the counter of the next loop around this one whose count is known, else that of the function."""
        inner = toggle.anchor
        around = [
            each
            for each in self.of_code[id(toggle.code)]
            if each is not toggle
            and each.anchor.line <= inner.line <= each.anchor.end_line
            and _count_throughout(each) is not None
        ]
        return min(around, key=lambda each: each.anchor.end_line - each.anchor.line, default=None)

    def _watch_loops(self, spent_ns: int) -> None:
        """Watch loops whose lengths are known, where counting them too would not slow them down much."""
        for key, (toggle, before) in self.spare.items():
            twin = toggle.anchor.twin
            if twin is not None and twin.n != before:
                self.spare[key] = toggle, twin.n
                if twin.n * HASTE_NS < before * HASTE_NS + spent_ns:
                    self._watch(toggle)

    def _watch(self, toggle: Toggle | None) -> None:
        if toggle is not None and len(self.bases) < MOST_BASES:
            self.bases.setdefault(id(toggle), (toggle, len(self.phases)))

    def begin_counting(self) -> None:
        """Begin a short phase in which everything is counted; it is timed from :meth:`time_counting` on."""
        self.counting = True
        for base, _ in self.bases.values():
            base.set(True)
        self.base_before = {key: base.anchor.n for key, (base, _) in self.bases.items()}
        for each in self.off:
            each.begin()

    def time_counting(self, cpu_ns: int) -> None:
        """Take note of when the program goes on."""
        self.began = cpu_ns
        self.switches = _count_switches()
        self.began_wall = perf_counter_ns()

    def end_counting(self, cpu_ns: int) -> None:
        """End that phase."""
        spent = self._time_phase(cpu_ns)
        self.counting = False
        moved = {
            key: base.anchor.n - self.base_before[key]
            for key, (base, _) in self.bases.items()
            if base.anchor.n != self.base_before[key]
        }
        helping = {key: count for key, count in moved.items() if key in self.spare}
        # Short loops run at half their speed while they are counted; rates are to be those of the uncounted program.
        counted = sum(each.counted for each in self.off if each.toggle.is_on) + sum(helping.values())
        own = min(self.cost_ns * counted, 0.75 * spent)
        for each in self.off:
            each.end(spent - own, len(self.phases), own / max(spent, 1))
        for key in self.spare.keys() & self.bases.keys():
            self.bases[key][0].set(False)
        if len(self.phases) < MOST_PHASES:
            self.phases.append(moved)

    def _time_phase(self, cpu_ns: int) -> int:
        """Return how long the program has computed in this phase, in nanoseconds; 0 where that is not certain.

        The clock of CPU time is coarse in virtual machines, where it leaves out in
        lumps what the host took for itself. So it is asked only where the process was stopped or waited meanwhile,
        as by a sampler, and only of a program to which that happens all the time.
        """
        wall = perf_counter_ns() - self.began_wall
        self.timed += 1
        if self.switches >= 0 and _count_switches() == self.switches:
            self.undisturbed += 1
            return max(0, wall - SETTLING_NS)
        return max(0, cpu_ns - self.began) if self.undisturbed < self.timed / 4 else 0

    def forget(self) -> None:
        """Start from nothing, in a forked child."""
        self.counting = False
        self.began = 0
        self.phases = []
        self.bases = {}
        totals = self._take_totals()
        self.off = [_Off(each.toggle, totals) for each in self.off]

    def estimates(self, *, thoroughly: bool = True) -> dict[int, tuple[int, float]]:
        """Return count and error of the anchors that did not count throughout, by their identity.

        ``thoroughly`` looks for what tells best, which takes time.
        """
        thoroughly = thoroughly and len(self.phases) < MOST_PHASES
        bases = [
            (key, since, _count_throughout(base), _doubt_of_lump(base)) for key, (base, since) in self.bases.items()
        ]
        found: dict[int, tuple[int, float]] = {}
        for each in self.off:
            known = each.toggle.anchor.n
            told = each.rate.estimate(known, each.missed_ns)
            if thoroughly:
                since_off = [
                    (key, since, total - each.totals.get(key, 0), unsure)
                    for key, since, total, unsure in bases
                    if total is not None
                ]
                told = min(told, each.rate.estimate_by(since_off, self.phases, known), key=lambda one: one[1])
            found[id(each.toggle.anchor)] = told
        return found
