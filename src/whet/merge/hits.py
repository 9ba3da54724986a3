"""How often lines and functions ran: the line counts of all processes, pooled, and the time of one hit."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from whet.merge.codemap import CodeKind, CodeSpan
from whet.merge.select import tool_name
from whet.model.run import Purpose, Run

HitKey = tuple[str, int, int]
"""File, line, and the line where the owning function starts."""
_SAMPLED = (Purpose.TIME, Purpose.ATTACH)


class Hits:
    """Pooled line counts, by place."""

    def __init__(self, counts: dict[HitKey, int], collectors: tuple[str, ...] = (), factor: float | None = 1.0) -> None:
        self.counts = counts
        self.collectors = collectors
        self._factor = factor
        self._by_line: dict[tuple[str, int], int] = {}
        for (file, line, _), hits in counts.items():
            self._by_line.setdefault((file, line), hits)

    def of_line(self, file: str, line: int, function_line: int) -> int | None:
        """Return the hits of a line; where several functions share it, those of the one that owns it."""
        return self.counts.get((file, line, function_line), self._by_line.get((file, line)))

    def of_function(self, file: str, span: CodeSpan) -> int | None:
        """Return how often a function was called; ``None`` where its lines do not say.

        Its first statement runs once a call, unless that is a loop.
        """
        if span.kind not in (CodeKind.FUNCTION, CodeKind.LAMBDA) or span.body_repeats:
            return None
        return self.counts.get((file, span.body_line, span.line))

    def time_each(self, spent_ns: int, hits: int | None) -> int | None:
        """Return what one of ``hits`` took, where ``spent_ns`` is the time of all timed executions together."""
        return round(spent_ns * self._factor / hits) if hits and spent_ns and self._factor else None

    def places(self) -> Iterable[HitKey]:
        """Return all places that have a count."""
        return self.counts.keys()


def pool_hits(run: Run) -> Hits:
    """Return the counts of ``run``, of one execution: those of the execution that was made for them, if there is one.

    Times are sums over all timed executions. Where one of these or the counted one was cut short, they are not of the
    same work, and no time of one hit is known.
    """
    counting = [profile for profile in run.profiles if profile.lines]
    made_for_it = [profile for profile in counting if _is_for(run, profile.execution, (Purpose.EXACT_LINES,))]
    counts: dict[HitKey, int] = {}
    for profile in made_for_it or counting:
        for count in profile.lines:
            key = (count.file, count.line, count.function_line)
            counts[key] = counts.get(key, 0) + count.hits
    collectors = tuple(dict.fromkeys(tool_name(profile) for profile in counting))
    counted = {profile.execution for profile in made_for_it or counting}
    timed = {index for index in range(len(run.executions)) if _is_for(run, index, _SAMPLED)}
    return Hits(counts, collectors, _compare_work(run, counted, timed))


def _compare_work(run: Run, counted: Collection[int], timed: Collection[int]) -> float | None:
    """Return how many counted executions there are for each timed one; ``None`` where they cannot be compared."""
    known = range(len(run.executions))
    if any(run.executions[index].stopped for index in {*counted, *timed} if index in known):
        return None
    counts = sum(max(1, run.executions[index].repeats) for index in counted if index in known)
    times = sum(max(1, run.executions[index].repeats) for index in timed)
    return counts / times if counts and times else 1.0


def _is_for(run: Run, execution: int, purposes: Collection[Purpose]) -> bool:
    return 0 <= execution < len(run.executions) and run.executions[execution].purpose in purposes
