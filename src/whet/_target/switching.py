"""Takes counters away from functions that turn out to be short and called often, and puts them back now and then.

Whether a counter's 25 ns show depends on how often it is passed, which only
running tells. So there are two versions of such a function's code. In some of
the gaps between windows, chosen at random, a function has the version that
counts, in the others the one that does not. What was counted in those gaps
gives the rate for the others: untraced code runs at its own speed, so scaling
by CPU time is right there, and a loop is scaled by the exactly counted entries of
its function.
"""

from __future__ import annotations

import random
import sys
import types
from collections.abc import Iterator
from functools import cached_property, lru_cache
from math import hypot, sqrt
from typing import Any

from .anchors import COUNTER_COST_NS, Anchor

COST_SHARE = 0.003
"""Part of the CPU time that one function's counters may cost."""
FREE_COUNTS = 160_000
"""Counts that cost nothing worth saving (4 ms): short programs are counted whole."""
LEAST_ON = 0.04
"""Part of the gaps in which a function counts at least."""
FIRST_PART = 0.25
ENOUGH_ENTRIES = 3
"""Calls in one gap from which a function's loops are counted: it must come back soon to lose its counters again."""
_CACHED = type(lru_cache(lambda: None))


class Rate:
    """Counts against a base (CPU time, or entries) over the gaps in which something was counted."""

    __slots__ = ("base", "base_squares", "count_squares", "counts", "gaps", "mixed")

    def __init__(self) -> None:
        self.gaps = 0
        self.counts = self.base = self.count_squares = self.base_squares = self.mixed = 0

    def add(self, counted: int, base: int) -> None:
        """Add one gap."""
        self.gaps += 1
        self.counts += counted
        self.base += base
        self.count_squares += counted * counted
        self.base_squares += base * base
        self.mixed += counted * base

    def estimate(self, known: int, missing_base: int) -> tuple[int, float]:
        """Return what ``known`` counts become with the gaps that were not counted, and the relative standard error."""
        if not missing_base:
            return known, 0.0
        if not self.counts or not self.base:
            return known, 1.0
        rate = self.counts / self.base
        missing = rate * missing_base
        spread = max(0.0, self.count_squares - 2 * rate * self.mixed + rate * rate * self.base_squares)
        # Few gaps tell their own spread badly.
        unsure = 1 + 2 / (self.gaps - 1) if self.gaps > 1 else 0.0
        of_rate = sqrt(spread * self.gaps / (self.gaps - 1)) / self.counts * unsure if self.gaps > 1 else 1.0
        total = known + missing
        return round(total), hypot(of_rate, 1 / sqrt(self.counts)) * missing / total


class Switched:
    """One function whose counters come and go."""

    __slots__ = (
        "anchors", "begins", "counted", "counting", "entry", "functions", "missed", "part", "plain", "rates", "seen",
        "seen_entries",
    )  # fmt: skip

    def __init__(self, entry: Anchor, loops: list[Anchor], first: types.CodeType, second: types.CodeType) -> None:
        self.entry = entry
        self.begins = not loops
        """Whether it begins with its counters: an entry does, loops do not."""
        self.anchors = loops or [entry]
        self.counted, self.plain = (first, second) if self.begins else (second, first)
        self.functions: list[types.FunctionType] | None = None
        """Found when first needed; empty where it cannot be found by name."""
        self.counting = self.begins
        self.part = 1.0 if self.begins else 0.0
        """Part of the gaps in which it counts."""
        self.missed = 0
        """CPU time, or for loops entries, without counters."""
        self.seen = [0] * len(self.anchors)
        self.seen_entries = 0
        self.rates = [Rate() for _ in self.anchors]

    def estimates(self) -> Iterator[tuple[Anchor, int, float]]:
        """Yield its counters with count and relative standard error, where some of the time was not counted."""
        for anchor, rate in zip(self.anchors, self.rates, strict=True):
            if self.missed:
                yield (anchor, *rate.estimate(anchor.n, self.missed))

    def end_gap(self, spent: int) -> None:
        """Note what was counted in a gap of so many CPU nanoseconds, and decide how often to count from now on."""
        entries = self.entry.n - self.seen_entries
        base = spent if self.begins else entries
        if not self.counting:
            self.missed += base
            if not self.begins and not self.part and entries >= ENOUGH_ENTRIES and self._is_found():
                self.part = FIRST_PART
            return
        most = 0
        for anchor, before, rate in zip(self.anchors, self.seen, self.rates, strict=True):
            counted = anchor.n - before
            most = max(most, counted)
            if self.part < 1.0:
                rate.add(counted, base)
        share = most * COUNTER_COST_NS / spent
        if share > COST_SHARE and max(anchor.n for anchor in self.anchors) > FREE_COUNTS and self._is_found():
            if self.part == 1.0:
                self.rates[0].add(most, base)
            self.part = max(LEAST_ON, min(self.part, COST_SHARE / share))

    def begin_gap(self, *, counting: bool) -> None:
        """Switch to or from counting for the gap that begins now."""
        if counting is not self.counting and self.functions:
            wanted = self.counted if counting else self.plain
            for function in self.functions:
                if function.__code__ is self.counted or function.__code__ is self.plain:
                    function.__code__ = wanted
            self.counting = counting
        self.seen = [anchor.n for anchor in self.anchors]
        self.seen_entries = self.entry.n

    def _is_found(self) -> bool:
        if self.functions is None:
            self.functions = find_functions(self.entry.file, self.counted if self.begins else self.plain)
        return bool(self.functions)

    def forget(self) -> None:
        """Start from nothing, in a forked child."""
        self.missed = self.seen_entries = 0
        self.seen = [0] * len(self.anchors)
        self.rates = [Rate() for _ in self.anchors]


class Switches:
    """All such functions of the process."""

    def __init__(self) -> None:
        self.all: list[Switched] = []
        self.random = random.Random()  # noqa: S311
        self.gap_began = 0

    def add(self, code: types.CodeType, other: types.CodeType) -> None:
        """Take note of both versions of a module's code, anchors installed."""
        for first, second in zip(_walk(code), _walk(other), strict=True):
            found = list({id(each): each for each in _anchors_of(first) + _anchors_of(second)}.values())
            entry = next((each for each in found if each.kind == "entry"), None)
            loops = [each for each in found if each.kind == "loop" and each.removable]
            if entry is not None and (loops or entry.removable):
                self.all.append(Switched(entry, loops, first, second))

    def end_gap(self, cpu_ns: int) -> None:
        """Note what was counted since the gap began."""
        spent = cpu_ns - self.gap_began
        if spent > 0:
            for each in self.all:
                each.end_gap(spent)

    def begin_gap(self, cpu_ns: int) -> None:
        """Choose which functions count until the next window."""
        self.gap_began = cpu_ns
        for each in self.all:
            each.begin_gap(counting=each.part == 1.0 or (each.part > 0 and self.random.random() < each.part))

    def forget(self) -> None:
        """Start from nothing, in a forked child."""
        self.gap_began = 0
        for each in self.all:
            each.forget()

    def estimates(self) -> dict[int, tuple[int, float]]:
        """Return count and error of the anchors that did not count throughout, by their identity."""
        return {id(anchor): (count, error) for each in self.all for anchor, count, error in each.estimates()}


def _anchors_of(code: types.CodeType) -> list[Anchor]:
    return [constant for constant in code.co_consts if type(constant) is Anchor]


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
