"""How often lines and functions ran: line counts of several executions and processes, pooled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import hypot

from whet.merge.codemap import CodeKind, CodeSpan
from whet.merge.select import tool_name
from whet.model.profile import LineCount
from whet.model.run import Execution, Purpose, Run

HitKey = tuple[str, int, int]
"""File, line, and the line where the owning function starts."""


class Hits:
    """Pooled line counts, by place."""

    def __init__(self, counts: dict[HitKey, LineCount], collectors: tuple[str, ...]) -> None:
        self.counts = counts
        self.collectors = collectors
        self._by_line: dict[tuple[str, int], list[LineCount]] = {}
        self._by_function: dict[tuple[str, int], list[LineCount]] = {}
        for count in counts.values():
            self._by_line.setdefault((count.file, count.line), []).append(count)
            self._by_function.setdefault((count.file, count.function_line), []).append(count)

    def of_line(self, file: str, line: int, function_line: int) -> LineCount | None:
        """Return the count of a line; where several functions share it, that of the one that owns it."""
        own = self.counts.get((file, line, function_line))
        return own or next(iter(self._by_line.get((file, line), ())), None)

    def of_function(self, file: str, span: CodeSpan) -> LineCount | None:
        """Return how often a function was entered, told from its lines; ``None`` where they do not say.

        A count of the ``def`` line as the function's own is the number of calls. Else the
        first statement runs once a call, unless it is a loop; else a line's hits
        over its hits a call are the calls.
        """
        if span.kind not in (CodeKind.FUNCTION, CodeKind.LAMBDA):
            return None
        entered = self.counts.get((file, span.line, span.line))
        if entered is not None and entered.hits is not None and span.line < span.body_line:
            return replace(entered, per_call=None)
        first = self.counts.get((file, span.body_line, span.line))
        if first is not None and first.hits is not None and not span.body_repeats:
            return replace(first, line=span.line, per_call=None)
        # A loop's line that ran exactly once "a call" was itself taken for the call: such ratios count iterations.
        if span.body_repeats and (first is None or first.per_call in (None, 1.0)):
            return None
        counts = sorted(self._by_function.get((file, span.line), ()), key=lambda count: count.line)
        for count in counts:
            if count.hits and count.per_call:
                return replace(count, line=span.line, hits=max(1, round(count.hits / count.per_call)), per_call=None)
        return None

    def places(self) -> Iterable[HitKey]:
        """Return all places that have a count."""
        return self.counts.keys()


def pool_hits(run: Run) -> Hits:
    """Return the counts of ``run``: exact ones where an execution made them, else those of the others added up.

    Times are sums over ``repeats`` executions, and so are hits: an exact count of
    one execution is multiplied, and then no longer called exact.
    """
    exact: dict[HitKey, LineCount] = {}
    scaled: dict[HitKey, LineCount] = {}
    for profile in run.profiles:
        of_exact_run = _purpose(run, profile.execution) is Purpose.EXACT_LINES
        pool = exact if of_exact_run else scaled
        for count in profile.lines:
            key = (count.file, count.line, count.function_line)
            pool[key] = _add(pool[key], count) if key in pool else count
    repeats = _repeats(run.executions, (Purpose.TIME, Purpose.ATTACH))
    exact_repeats = _repeats(run.executions, (Purpose.EXACT_LINES,))
    if exact_repeats and repeats and repeats != exact_repeats:
        exact = {key: _multiply(count, repeats / exact_repeats) for key, count in exact.items()}
    collectors = tuple(dict.fromkeys(tool_name(profile) for profile in run.profiles if profile.lines))
    return Hits({**scaled, **exact}, collectors)


def _purpose(run: Run, execution: int) -> Purpose | None:
    return run.executions[execution].purpose if 0 <= execution < len(run.executions) else None


def _repeats(executions: Sequence[Execution], purposes: tuple[Purpose, ...]) -> int:
    return sum(max(1, execution.repeats) for execution in executions if execution.purpose in purposes)


def _add(one: LineCount, other: LineCount) -> LineCount:
    if one.hits is None or other.hits is None:
        # What ran uncounted elsewhere is missing, so even an exact count is no more than that of a part.
        return replace(one if one.hits is not None else other, exact=False)
    hits = one.hits + other.hits
    error = hypot(one.hits * one.error, other.hits * other.error) / hits if hits else 0.0
    ratios = [(count.per_call, count.hits or 0) for count in (one, other) if count.per_call]
    calls = sum(weight / ratio for ratio, weight in ratios)
    per_call = sum(weight for _, weight in ratios) / calls if calls else one.per_call
    return replace(one, hits=hits, per_call=per_call, error=error, exact=one.exact and other.exact)


def _multiply(count: LineCount, factor: float) -> LineCount:
    hits = None if count.hits is None else round(count.hits * factor)
    return replace(count, hits=hits, exact=False)
