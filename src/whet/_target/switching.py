"""Takes counters away from functions that turn out to be called often, and puts them back for short phases.

Whether a counter's 25 ns show depends on how often it is passed, which only
running tells. So a function that is called often gets a version of its code
without counters, and now and then, for some milliseconds, one with all that can be
placed. What is counted in those phases gives the rate for the rest: untraced code
runs at its own speed, so scaling by CPU time is right there, and loops are
scaled by the entries of their function.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache
from math import hypot, sqrt
from typing import Any

from . import anchors, placing
from .anchors import COUNTER_COST_NS, Anchor

COST_SHARE = 0.005
"""Part of the CPU time that all entry counters together may cost."""
ENOUGH_ENTRIES = 3
"""Calls in one gap from which a function's short loops are counted: it has to come back soon to lose the counters."""
FEW = 30
"""Counts in all phases below which nothing is claimed."""
_CACHED = type(lru_cache(lambda: None))


class Rate:
    """What was counted in short phases, carried over to the stretches between them.

    Each phase stands for the stretch before it. Stretches differ in length, so
    phases must not be pooled: those at the start, where they are dense, would
    count too much.
    """

    __slots__ = ("counted", "missing", "spread", "stood_for", "was")

    def __init__(self) -> None:
        self.counted = 0
        self.missing = 0.0
        """Estimate for the stretches so far."""
        self.stood_for = 0
        """Length of those stretches, CPU nanoseconds."""
        self.spread = 0.0
        self.was: float | None = None
        """Counts a nanosecond in the last phase."""

    def add(self, counted: int, spent_ns: int, missed_ns: int) -> None:
        """Add a phase of ``spent_ns`` after a stretch of ``missed_ns`` without counters."""
        rate = counted / spent_ns
        self.counted += counted
        self.missing += rate * missed_ns
        self.stood_for += missed_ns
        if self.was is not None:
            # Where the rate changes, the stretch between may have had either.
            self.spread += (missed_ns * (rate - self.was)) ** 2 / 2
        self.was = rate

    def estimate(self, known: int, missed_ns: int) -> tuple[int, float]:
        """Return what ``known`` counts become with all stretches, and the relative standard error of that."""
        if not missed_ns:
            return known, 0.0
        if self.was is None or not self.stood_for:
            return known, 1.0
        tail = self.missing / self.stood_for * max(0, missed_ns - self.stood_for)
        missing = self.missing + tail
        total = known + missing
        if not missing:
            return known, 0.0
        alone = missing if self.spread == 0.0 and self.counted < FEW else 0.0
        return round(total), hypot(sqrt(self.spread), missing / sqrt(max(self.counted, 1)), tail / 2, alone) / total


class Module:
    """A module's code, and what its other versions are made from when they are needed."""

    def __init__(self, code: types.CodeType, found: list[Anchor], source: bytes, *, is_main: bool) -> None:
        self.code = code
        self.anchors = found
        self.source = source
        self.is_main = is_main
        self.failed = False
        self._versions: dict[types.CodeType, tuple[types.CodeType, types.CodeType]] = {}
        self._made = False

    def versions_of(
        self, entry: Anchor, register: Callable[[types.CodeType], types.CodeType]
    ) -> tuple[types.CodeType, types.CodeType, types.CodeType] | None:
        """Return the code that begins with ``entry``, and its version without counters and with all of them."""
        if not self._made:
            self._made = True
            self._base = list(_walk(self.code))
            self._bare = list(_walk(self._make(placing.Version.BARE, register)))
            self._full = list(_walk(self._make(placing.Version.FULL, register)))
        for base, bare, full in zip(self._base, self._bare, self._full, strict=True):
            if any(constant is entry for constant in base.co_consts):
                return base, bare, full
        return None

    def _make(self, version: placing.Version, register: Callable[[types.CodeType], types.CodeType]) -> types.CodeType:
        placed = placing.compile_with_anchors(
            self.source, self.code.co_filename, len(self.anchors), version=version, is_main=self.is_main
        )
        return register(anchors.install_anchors(placed.code, self.anchors))


class Switched:
    """One function whose counters come and go.

    With ``keeps_entry`` it is called too seldom for its entry counter to cost
    anything: then only its loops lose theirs, and are scaled by its entries.
    """

    def __init__(
        self, entry: Anchor, versions: tuple[types.CodeType, ...], loops: list[Anchor], *, keeps_entry: bool
    ) -> None:
        self.entry = entry
        self.versions = versions
        self.functions = find_functions(entry.file, versions[placing.Version.BASE])
        self.loops = loops
        self.keeps_entry = keeps_entry
        self.idle = versions[placing.Version.BASE if keeps_entry else placing.Version.BARE]
        self.entries_before = entry.n
        self.forget()

    def forget(self) -> None:
        """Start from nothing."""
        self.rate = Rate()
        self.loop_rates = [Rate() for _ in self.loops]
        self.missed_ns = 0
        self.told_ns = 0
        self.told_entries = self.entry.n
        self.before: list[int] = []
        self.before_entry = 0

    def use(self, code: types.CodeType) -> None:
        """Give the function this version of its code."""
        for function in self.functions:
            if function.__code__ in self.versions:
                function.__code__ = code

    def begin_counting(self) -> None:
        """Count all there is from now on."""
        self.use(self.versions[placing.Version.FULL])
        self.before_entry = self.entry.n
        self.before = [loop.n for loop in self.loops]

    def end_counting(self, spent_ns: int) -> None:
        """Note what was counted in so many CPU nanoseconds, and go on with fewer counters."""
        self.use(self.idle)
        entries = self.entry.n - self.before_entry
        missed_ns = self.missed_ns - self.told_ns
        spent, missed = (entries, self.before_entry - self.told_entries) if self.keeps_entry else (spent_ns, missed_ns)
        if not spent:
            return
        if not self.keeps_entry:
            self.rate.add(entries, spent_ns, missed_ns)
        for loop, before, rate in zip(self.loops, self.before, self.loop_rates, strict=True):
            rate.add(loop.n - before, spent, missed)
        self.told_ns, self.told_entries = self.missed_ns, self.entry.n

    def estimates(self) -> Iterator[tuple[Anchor, int, float]]:
        """Yield the counters that did not count throughout, with count and relative standard error."""
        entries, error = self.entry.n, 0.0
        if not self.keeps_entry:
            entries, error = self.rate.estimate(self.entry.n, self.missed_ns)
            yield self.entry, entries, error
        for loop, rate in zip(self.loops, self.loop_rates, strict=True):
            if self.keeps_entry:
                told = rate.stood_for + max(0, self.entry.n - self.told_entries)
                yield (loop, *rate.estimate(loop.n, told))
                continue
            count, of_loop = rate.estimate(loop.n, self.missed_ns)
            # Before the function lost its entry counter its loops had none: what they did then is told by its calls.
            share = self.entries_before / entries if entries else 1.0
            if share < 1.0:
                yield loop, round(count / (1 - share)), hypot(of_loop, error, share)


class Switches:
    """All functions of the process that can be switched. ``register`` is told of each new version of code."""

    def __init__(self, register: Callable[[types.CodeType], types.CodeType]) -> None:
        self.register = register
        self.entries: list[tuple[Anchor, Module]] = []
        """Counters that still count throughout."""
        self.before: list[int] = []
        self.switched: list[Switched] = []
        self.counting = False
        self.began = 0

    @property
    def has_any(self) -> bool:
        """Whether any function has lost its counters."""
        return bool(self.switched)

    def add(self, module: Module) -> None:
        """Take note of a module's counters."""
        found = [(each, module) for each in module.anchors if each.removable and each.kind == "entry"]
        self.entries += found
        self.before += [each.n for each, _ in found]

    def begin_gap(self, cpu_ns: int) -> None:
        """Begin a stretch without tracing."""
        self.began = cpu_ns
        self.before = [anchor.n for anchor, _ in self.entries]

    def end_gap(self, cpu_ns: int) -> None:
        """Take the counters away from functions that were called too often since the gap began."""
        spent = cpu_ns - self.began
        if spent <= 0:
            return
        for each in self.switched:
            each.missed_ns += spent
        called = [
            (anchor.n - before, index)
            for index, ((anchor, _), before) in enumerate(zip(self.entries, self.before, strict=True))
            if anchor.n != before
        ]
        called.sort(reverse=True)
        allowed = COST_SHARE * spent / COUNTER_COST_NS
        total = sum(count for count, _ in called)
        gone: set[int] = set()
        for count, index in called:
            anchor, module = self.entries[index]
            loops = [e for e in self._same_function(anchor, module) if e.removable and e.kind == "loop"]
            costly = total > allowed
            if not costly and not (loops and count >= ENOUGH_ENTRIES):
                continue
            if self._switch(anchor, module, loops, keeps_entry=not costly):
                gone.add(index)
                total -= count
        if gone:
            self.entries = [each for index, each in enumerate(self.entries) if index not in gone]

    @staticmethod
    def _same_function(entry: Anchor, module: Module) -> list[Anchor]:
        return [
            each for each in module.anchors if each.code_line == entry.code_line and each.function == entry.function
        ]

    def _switch(self, anchor: Anchor, module: Module, loops: list[Anchor], *, keeps_entry: bool) -> bool:
        if module.failed:
            return False
        try:
            versions = module.versions_of(anchor, self.register)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            module.failed = True
            return False
        if versions is None:
            return False
        switched = Switched(anchor, versions, loops, keeps_entry=keeps_entry)
        if not switched.functions:
            return False
        switched.use(switched.idle)
        self.switched.append(switched)
        return True

    def begin_counting(self, cpu_ns: int) -> None:
        """Begin a short phase in which everything is counted."""
        self.counting = True
        for each in self.switched:
            each.begin_counting()
        self.began = cpu_ns

    def end_counting(self, cpu_ns: int) -> None:
        """End that phase."""
        self.counting = False
        spent = max(1, cpu_ns - self.began)
        for each in self.switched:
            each.end_counting(spent)

    def forget(self) -> None:
        """Start from nothing, in a forked child."""
        self.counting = False
        self.began = 0
        for each in self.switched:
            each.entries_before = 0
            each.forget()

    def estimates(self) -> dict[int, tuple[int, float]]:
        """Return count and error of the anchors that did not count throughout, by their identity."""
        return {id(anchor): (count, error) for each in self.switched for anchor, count, error in each.estimates()}


def _walk(code: types.CodeType) -> Iterator[types.CodeType]:
    todo = [code]
    while todo:
        one = todo.pop()
        yield one
        todo += [each for each in one.co_consts if isinstance(each, types.CodeType)]


def find_functions(file: str, code: types.CodeType) -> list[types.FunctionType]:
    """Return the functions made of ``code`` that its qualified name leads to, without running code of the program."""
    found: list[types.FunctionType] = []
    for module in list(sys.modules.values()):
        namespace = module.__dict__ if type(module) is types.ModuleType else None
        if namespace is None or namespace.get("__file__") != file:
            continue
        value: Any = namespace
        for part in code.co_qualname.split("."):
            members = value if type(value) is dict else _members(value)
            value = members.get(part) if members is not None else None
        found += [each for each in _unwrap(value) if each.__code__ is code and each not in found]
    return found


def _members(value: Any) -> Any:
    return type.__dict__["__dict__"].__get__(value) if isinstance(value, type) else None


def _unwrap(value: Any) -> Iterator[types.FunctionType]:
    todo = [value]
    for _ in range(12):
        if not todo:
            return
        one = todo.pop()
        kind = type(one)
        if kind is types.FunctionType:
            yield one
            todo.append(one.__dict__.get("__wrapped__"))
        elif kind in (staticmethod, classmethod):
            todo.append(one.__func__)
        elif kind is property:
            todo += [one.fget, one.fset, one.fdel]
        elif kind is cached_property:
            todo.append(one.func)
        elif kind is _CACHED:
            todo.append(one.__wrapped__)
