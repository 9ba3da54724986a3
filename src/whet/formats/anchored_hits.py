"""From counts inside windows to hits.

Windows of tracing tell how often lines ran relative to one another; anchors
were counted throughout. A line's hits are its hits inside windows times the
exact count of an anchor over that anchor's count inside the same windows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from whet.model.profile import LineCount

ENOUGH = 12
"""An anchor's count inside windows from which its own ratio is trusted over that of its neighbours."""

MOST_ERROR = 0.5
"""Relative error beyond which a count is none."""

Place = tuple[str, int]
"""A function: its file and the first line of its code object."""


@dataclass(slots=True)
class _Anchor:
    kind: str
    function: Place
    header: int
    line: int
    end_line: int
    lines: tuple[int, ...]
    count: int
    exact: bool
    error: float = 0.0
    """Relative standard error of ``count``; 0 where it counted throughout."""
    near: bool = False
    """Whether ``count`` is about right where it is not exact."""
    likely: tuple[int, ...] = ()
    """Lines that ran as often as ``lines`` where no exception came in between."""
    checked: frozenset[int] = frozenset()
    """Those of them that ran ``passed`` times at least."""
    passed: int = 0
    header_is_sure: bool = False
    entries: int = 0
    """How often the loop was entered; known for sized loops only."""
    seen: dict[int, float] = field(default_factory=dict)
    """Count inside the windows of each phase."""

    @property
    def in_windows(self) -> float:
        return sum(self.seen.values())

    @property
    def span(self) -> int:
        return self.end_line - self.start

    @property
    def start(self) -> int:
        return self.header or self.line


def estimate_hits(
    rows: Sequence[Sequence[Any]],
    phases: Sequence[Mapping[str, Any]],
    raw_anchors: Sequence[Mapping[str, Any]],
    anchor_rows: Sequence[int],
) -> Iterator[LineCount]:
    """Turn window counts into hits.

    ``rows`` are ``(file, qualified name, first line, line)``; a phase's
    ``lines`` and ``anchors`` are flat lists of row, count, row, count.
    Yields one count a line that was seen in a window or is counted exactly.
    """
    in_phase: list[dict[int, float]] = []
    by_line: dict[Place, dict[int, dict[int, float]]] = {}
    weights = _weigh(phases)
    for number, phase in enumerate(phases):
        rows_of_phase = zip(phase["anchors"][::2], phase["anchors"][1::2], strict=True)
        in_phase.append({row: count * weights[number] for row, count in rows_of_phase})
        for row, hits in zip(phase["lines"][::2], phase["lines"][1::2], strict=True):
            file, _name, first, line = rows[row]
            weighed = by_line.setdefault((str(file), int(first)), {}).setdefault(int(line), {})
            weighed[number] = weighed.get(number, 0.0) + int(hits) * weights[number]
    anchors = _read_anchors(raw_anchors, anchor_rows, in_phase, by_line)
    of_function: dict[Place, list[_Anchor]] = {}
    for anchor in anchors:
        of_function.setdefault(anchor.function, []).append(anchor)
    surroundings = _factor_of_phases(anchors, len(phases))
    for function in sorted(by_line.keys() | of_function.keys()):
        yield from _estimate_function(function, by_line.get(function, {}), of_function.get(function, []), surroundings)


def _weigh(phases: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return how much each phase counts: windows stand denser at the start, and each is to stand for as much time.

    The mean weight is 1, so that weighted counts keep their size.
    """
    ends = [float(phase["cpu_ns"]) for phase in phases]
    stretches = [max(1.0, end - before) for before, end in zip([0.0, *ends], ends, strict=False)]
    lengths = [stretch / max(1, int(phase["windows"])) for stretch, phase in zip(stretches, phases, strict=True)]
    mean = sum(lengths) / len(lengths) if lengths else 1.0
    return [length / mean for length in lengths]


def _read_anchors(
    raw: Sequence[Mapping[str, Any]],
    anchor_rows: Sequence[int],
    in_phase: Sequence[Mapping[int, float]],
    by_line: Mapping[Place, Mapping[int, Mapping[int, float]]],
) -> list[_Anchor]:
    anchors: list[_Anchor] = []
    partial: list[_Anchor] = []
    for each, row in zip(raw, anchor_rows, strict=True):
        function = (str(each["file"]), int(each["code_line"]))
        anchor = _Anchor(
            str(each["kind"]),
            function,
            int(each["header"]),
            int(each["line"]),
            int(each["end_line"]),
            tuple(int(line) for line in each["lines"]),
            int(each["count"]),
            bool(each["exact"]),
            error=float(each["error"]),
            near=bool(each["near"]),
            likely=tuple(int(line) for line in each["likely"]),
            checked=frozenset(int(line) for line in each["checked"]),
            passed=int(each["passed"]),
            header_is_sure=bool(each["header_is_sure"]),
            entries=int(each["entries"]),
        )
        of_lines = by_line.get(function, {})
        if anchor.lines:
            # The line that it counts, seen as the others are: by the same threads, from the same moment on.
            anchor.seen = dict(of_lines.get(anchor.lines[0], {}))
        elif anchor.kind == "sized" and anchor.header:
            share = anchor.count / max(1, anchor.count + anchor.entries)
            anchor.seen = {number: count * share for number, count in of_lines.get(anchor.header, {}).items()}
        elif anchor.kind == "loop" and each["partial"]:
            # It was away in some windows.
            anchor.seen = dict(of_lines.get(anchor.line, {}))
            partial.append(anchor)
        elif anchor.kind != "sized" and not each["partial"]:
            anchor.seen = {number: counts[row] for number, counts in enumerate(in_phase) if row in counts}
        anchors.append(anchor)
    for anchor in partial:
        # Its line may begin a loop of its own, and then runs once more for each iteration of that.
        inner = [a for a in anchors if a.kind == "loop" and a.function == anchor.function and a.header == anchor.line]
        if inner:
            share = anchor.count / max(1, anchor.count + inner[0].count)
            anchor.seen = {number: count * share for number, count in anchor.seen.items()}
    return anchors


def _factor_of_phases(anchors: Sequence[_Anchor], phases: int) -> list[tuple[float, float]]:
    """Return for each phase how many times more ran in all than inside windows, and how far its anchors disagree."""
    weighed, weight, squares = [0.0] * phases, [0.0] * phases, [0.0] * phases
    for anchor in anchors:
        total = anchor.in_windows
        if anchor.exact and total >= ENOUGH:
            for number, count in anchor.seen.items():
                factor = anchor.count / total
                weighed[number] += count * factor
                squares[number] += count * factor * factor
                weight[number] += count
    means = [a / b if b else 0.0 for a, b in zip(weighed, weight, strict=True)]
    # Anchors that disagree about one phase tell little about a line that has none of its own.
    spreads = [
        math.sqrt(max(0.0, square / b - mean * mean)) if b else 0.0
        for square, b, mean in zip(squares, weight, means, strict=True)
    ]
    return list(zip(means, spreads, strict=True))


def _estimate_function(
    function: Place,
    lines: Mapping[int, Mapping[int, float]],
    anchors: Sequence[_Anchor],
    surroundings: Sequence[tuple[float, float]],
) -> Iterator[LineCount]:
    file, first = function
    told = _tell_lines(anchors, lines)
    entry = next((a for a in anchors if a.kind == "entry" and a.exact), None)
    if entry is not None:
        # The function's own line stands for its calls.
        yield LineCount(file, first, first, entry.count, None, entry.error, exact=not entry.error)
        entries = entry.in_windows
    else:
        # Without an anchor there is no loop in the function, so its first line runs once a call.
        entries = sum(lines[min(lines)].values()) if lines else 0
    usable = sorted((a for a in anchors if (a.exact or a.near) and a.in_windows), key=lambda a: (a.span, not a.exact))
    for line in sorted(lines.keys() | told.keys()):
        counts = lines.get(line, {})
        in_windows = sum(counts.values())
        per_call = in_windows / entries if entries and in_windows else None
        if line in told:
            hits, error = told[line]
            yield LineCount(file, line, first, _believe(hits, error), per_call, min(error, 9.99), exact=not error)
            continue
        around = [a for a in usable if a.start <= line <= a.end_line and a.in_windows >= ENOUGH]
        chosen = next((a for a in around if a.exact or _agrees(a, around, surroundings)), None)
        if chosen is not None:
            factor = chosen.count / chosen.in_windows
            error = math.hypot(_error_of_ratio(counts, chosen.seen), chosen.error)
        else:
            covered = sum(count for number, count in counts.items() if surroundings[number][0])
            if covered * 2 < in_windows:
                yield LineCount(file, line, first, None, per_call)
                continue
            factor = sum(count * surroundings[number][0] for number, count in counts.items()) / covered
            error = _error_of_spread(counts, surroundings, factor)
        yield LineCount(file, line, first, _believe(round(in_windows * factor), error), per_call, min(error, 9.99))


def _believe(hits: int, error: float) -> int | None:
    """Return a count that says something, else nothing: then only the ratio is shown."""
    return hits if error <= MOST_ERROR else None


def _tell_lines(anchors: Sequence[_Anchor], lines: Mapping[int, Mapping[int, float]]) -> dict[int, tuple[int, float]]:
    """Return hits and relative standard error of the lines that anchors count; an error of 0 is exactness."""
    told: dict[int, tuple[int, float]] = {}

    def tell(line: int, hits: int, error: float) -> None:
        if line not in told or error < told[line][1]:
            told[line] = (hits, error)

    for anchor in anchors:
        if not anchor.exact:
            continue
        for line in anchor.lines:
            tell(line, anchor.count, anchor.error)
        if anchor.kind == "sized" and anchor.header:
            # Once an iteration, and once more to find that nothing is left.
            tell(anchor.header, anchor.count + anchor.entries, 0.0 if anchor.header_is_sure else 0.01)
        for line in anchor.likely:
            error = _doubt_of_likely(anchor, line, sum(lines.get(line, {}).values()))
            if error is not None:
                tell(line, anchor.count, math.hypot(error, anchor.error))
    return told


def _doubt_of_likely(anchor: _Anchor, line: int, in_windows: float) -> float | None:
    """Return how far a line may be from its anchor's count, as a part of it; ``None`` where windows say it is far.

    Between the two an exception may have ended the pass.
    """
    most = 1.0
    if line in anchor.checked and anchor.count:
        most = max(0, anchor.count - anchor.passed) / anchor.count
    base = anchor.in_windows
    if not base:
        return min(most, 0.5)
    doubt = (abs(base - in_windows) + 1) / (base + 1)
    # Windows that begin or end between the two make some difference anyway.
    usual = 3 * math.sqrt(2 * len(anchor.seen)) / base
    return min(most, doubt) if most < 1.0 or doubt <= max(usual, 0.02) else None


def _agrees(anchor: _Anchor, others: Sequence[_Anchor], surroundings: Sequence[tuple[float, float]]) -> bool:
    """Tell whether an anchor that is not exact is borne out by those around it."""
    factor = anchor.count / anchor.in_windows
    exact = next((a for a in others if a.exact), None)
    if exact is not None:
        expected = exact.count / exact.in_windows
    else:
        weighed = sum(count * surroundings[number][0] for number, count in anchor.seen.items())
        expected = weighed / anchor.in_windows
    return expected > 0 and 0.5 <= factor / expected <= 2


def _error_of_ratio(counts: Mapping[int, float], anchor: Mapping[int, float]) -> float:
    """Return the relative standard error of ``sum(counts) / sum(anchor)``, phases being the independent units."""
    numbers = counts.keys() | anchor.keys()
    total, base = sum(counts.values()), sum(anchor.values())
    ratio = total / base
    n = len(numbers)
    spread = sum((counts.get(number, 0) - ratio * anchor.get(number, 0)) ** 2 for number in numbers)
    sampled = math.sqrt(spread * n / (n - 1)) / total if n > 1 else 0.0
    # Both ends of a window cut a line from its anchor: one count in doubt at each.
    cut = math.sqrt(2 * n) / total / 2
    few = 1 / math.sqrt(base) if n == 1 else 0.0
    return math.hypot(sampled, cut, few)


def _error_of_spread(counts: Mapping[int, float], surroundings: Sequence[tuple[float, float]], factor: float) -> float:
    """Return the relative standard error where the anchors are other functions', seen in the same windows."""
    total = sum(counts.values())
    n = len(counts)
    spread = sum((count * (surroundings[number][0] - factor)) ** 2 for number, count in counts.items())
    disagreement = sum(count * surroundings[number][1] for number, count in counts.items()) / (total * factor)
    sampled = math.sqrt(spread * n / (n - 1)) / (total * factor) if n > 1 else 0.5
    return math.hypot(sampled, disagreement, 1 / math.sqrt(total), 0.05)
