"""Two runs of a program, place by place: what takes more time, or less, than sampling can explain.

Only sampling error is covered. A place that was seen in ``k`` samples has a time with a standard error of
``sqrt(k)`` samples (Poisson; the true one is no larger, since samples come at even distances). One is added to
each count, so that a place which was not seen has an error too. The intervals are widened (Bonferroni) until
all of them together hold with the confidence that is asked for. How much the program's time differs
from run to run cannot be known from one run a side.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from math import hypot, sqrt
from statistics import NormalDist

from whet.merge.codemap import code_map
from whet.model.difference import Change, Difference, PlaceChange, Timed, Whole
from whet.model.frame import Owner
from whet.model.hotspot import Cost, Hotspots
from whet.model.run import Purpose, Run, describe_exit
from whet.model.source import split_lines
from whet.records import dataclass

CONFIDENCE = 0.99
THRESHOLD = 0.05
"""A smaller change of a place's time is not called: programs differ by that from run to run."""
_CROWDED = 0.8
"""Part of the wall time of which the samples must tell what the program did."""
_UNLIKE = 0.1
"""Recordings whose times differ by more are of unlike length."""
_SHORT_NS = 500_000_000
"""Below this the start of the interpreter, which is not sampled, is much of the wall time."""
_MOST_LINES = 20_000
"""Longer sources are matched line number by line number."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A run and its merged view."""

    run: Run
    hotspots: Hotspots


@dataclass(slots=True)
class _Side:
    """What one run knows of a place."""

    line: int = 0
    spent_ns: float = 0.0
    samples: int = 0
    source: str = ""


def compare_runs(
    before: Measured, after: Measured, *, confidence: float = CONFIDENCE, threshold: float = THRESHOLD
) -> Difference:
    """Return what changed from one run to the other in the user's own code.

    A place's time is its CPU and waiting time, with that of what it calls outside the user's code, divided by the
    number of executions. ``threshold`` is the relative change of a place's time below which nothing is called.
    """
    old, new = _Times(before), _Times(after)
    functions = list(_pair(old.functions(), new.functions()))
    matched = _LineMatch(before.run, after.run)
    lines = list(_pair(old.lines(None), new.lines(matched)))
    compared = len(functions) + len(lines)
    z = NormalDist().inv_cdf(1 - (1 - confidence) / (2 * max(1, compared)))
    judge = _Judge(old, new, matched, z, threshold)
    changed_functions = [judge.weigh(key, one, other, is_line=False) for key, one, other in functions]
    changed_lines = [judge.weigh(key, one, other, is_line=True) for key, one, other in lines]
    return Difference(
        _describe(before, old.executions),
        _describe(after, new.executions),
        _most_first(changed_functions),
        _most_first(changed_lines),
        compared,
        confidence,
        threshold,
        (*_find_cautions(before.run, after.run), *_find_lengths(before, after), *_find_crowding(before, after)),
    )


class _Times:
    """The times of one run, for one execution."""

    def __init__(self, measured: Measured) -> None:
        self.run, self.hotspots = measured.run, measured.hotspots
        timed = [each for each in self.run.executions if each.purpose in (Purpose.TIME, Purpose.ATTACH)]
        self.executions = max(1, sum(max(1, each.repeats) for each in timed))
        samples = self.hotspots.samples
        # Times without a count of samples: as sure as one sample.
        self.sample_ns = self.hotspots.busy_ns / max(1, samples) / self.executions
        if not samples and self.run.origins:
            # Exact, or of unknown error: no interval can be given.
            self.sample_ns = 0.0
        self._shown = {file: source.shown for file, source in self.run.sources.items()}
        self._names: dict[str, frozenset[str]] = {}
        self._lines: dict[str, list[str]] = {}

    def functions(self) -> dict[tuple[str, object], _Side]:
        """Return functions by shown path and qualified name; those of one name count together."""
        sides: dict[tuple[str, object], _Side] = {}
        for spot in self.hotspots.functions:
            if spot.owner is Owner.USER:
                self._add(sides.setdefault((self.shown(spot.file), spot.name), _Side(spot.line)), spot.cost)
        return sides

    def lines(self, matched: _LineMatch | None) -> dict[tuple[str, object], _Side]:
        """Return lines by shown path and the number that they have in the older run, or a negative one of their own."""
        sides: dict[tuple[str, object], _Side] = {}
        for spot in self.hotspots.lines:
            if spot.owner is Owner.USER:
                shown = self.shown(spot.file)
                number = matched.find(shown, spot.line) if matched is not None else spot.line
                side = sides.setdefault((shown, number), _Side(spot.line, source=self._text(spot.file, spot.line)))
                self._add(side, spot.cost)
        return sides

    def shown(self, file: str) -> str:
        """Return the path by which a file is known in both runs."""
        if file in self._shown:
            return self._shown[file]
        project = self.run.project.rstrip("/\\")
        return file[len(project) + 1 :] if project and file.startswith((f"{project}/", f"{project}\\")) else file

    def defines(self, shown: str, name: str) -> bool:
        """Whether the source of this run has such a function, whether it was seen or not."""
        if shown not in self._names:
            text = next((source.text for source in self.run.sources.values() if source.shown == shown), "")
            known = code_map(text) if text else None
            self._names[shown] = frozenset(span.name for span in known.spans) if known else frozenset()
        return name in self._names[shown]

    def has(self, shown: str) -> bool:
        """Whether the source is kept with the run."""
        return shown in self._shown.values()

    def _add(self, side: _Side, cost: Cost) -> None:
        side.spent_ns += cost.spent_ns / self.executions
        side.samples += cost.samples

    def _text(self, file: str, line: int) -> str:
        if file not in self._lines:
            source = self.run.sources.get(file)
            self._lines[file] = split_lines(source.text) if source is not None else []
        lines = self._lines[file]
        return lines[line - 1].strip() if 0 < line <= len(lines) else ""


class _LineMatch:
    """Which line of the older sources a line of the newer ones was."""

    def __init__(self, before: Run, after: Run) -> None:
        self._before = {source.shown: source.text for source in before.sources.values()}
        self._after = {source.shown: source.text for source in after.sources.values()}
        self._maps: dict[str, dict[int, int] | None] = {}
        self._kept: dict[str, frozenset[int] | None] = {}

    def find(self, shown: str, line: int) -> int:
        """Return the number of the line in the older run; a negative one for a line that was not there."""
        if shown not in self._maps:
            self._maps[shown] = self._match(self._before.get(shown), self._after.get(shown))
        known = self._maps[shown]
        return line if known is None else known.get(line, -line)

    def keeps(self, shown: str, line: int) -> bool:
        """Whether a line of the older run is there in the newer one."""
        self.find(shown, 0)
        if shown not in self._kept:
            known = self._maps[shown]
            self._kept[shown] = frozenset(known.values()) if known is not None else None
        kept = self._kept[shown]
        return kept is None or line in kept

    def _match(self, old: str | None, new: str | None) -> dict[int, int] | None:
        if old is None or new is None or old == new:
            return None
        ours, theirs = split_lines(old), split_lines(new)
        if max(len(ours), len(theirs)) > _MOST_LINES:
            return None
        found: dict[int, int] = {}
        for block in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks():
            for step in range(block.size):
                found[block.b + step + 1] = block.a + step + 1
        return found


class _Judge:
    """Says what became of a place."""

    def __init__(self, old: _Times, new: _Times, matched: _LineMatch, z: float, threshold: float) -> None:
        self._old, self._new, self._matched, self._z, self._threshold = old, new, matched, z, threshold

    def weigh(self, key: tuple[str, object], one: _Side | None, other: _Side | None, *, is_line: bool) -> PlaceChange:
        shown, name = key
        before, after = one or _Side(), other or _Side()
        more = after.spent_ns - before.spent_ns
        error = hypot(sqrt(before.samples + 1) * self._old.sample_ns, sqrt(after.samples + 1) * self._new.sample_ns)
        low, high = more - self._z * error, more + self._z * error
        change = self._call(key, one, other, (low, high), is_line=is_line)
        return PlaceChange(
            shown,
            "" if is_line else str(name),
            before.line,
            after.line,
            Timed(round(before.spent_ns), before.samples),
            Timed(round(after.spent_ns), after.samples),
            round(low),
            round(high),
            change,
            (after.source or before.source) if is_line else "",
        )

    def _call(
        self,
        key: tuple[str, object],
        one: _Side | None,
        other: _Side | None,
        interval: tuple[float, float],
        *,
        is_line: bool,
    ) -> Change:
        low, high = interval
        before, after = (side.spent_ns if side is not None else 0.0 for side in (one, other))
        if low <= 0 <= high or abs(after - before) <= self._threshold * max(before, after):
            return Change.UNCLEAR
        if one is None and self._is_absent(self._old, key, is_line=is_line):
            return Change.NEW
        if other is None and self._is_absent(self._new, key, is_line=is_line):
            return Change.GONE
        return Change.SLOWER if low > 0 else Change.FASTER

    def _is_absent(self, times: _Times, key: tuple[str, object], *, is_line: bool) -> bool:
        """Whether a place that a run did not see is not in its source either."""
        shown, name = key
        if not times.has(shown):
            return True
        if not is_line:
            return not times.defines(shown, str(name))
        number = int(str(name))
        return number < 0 if times is self._old else not self._matched.keeps(shown, number)


def _pair(
    old: Mapping[tuple[str, object], _Side], new: Mapping[tuple[str, object], _Side]
) -> Iterable[tuple[tuple[str, object], _Side | None, _Side | None]]:
    """Yield the places that took time in either run."""
    for key in dict.fromkeys((*old, *new)):
        one, other = old.get(key), new.get(key)
        if (one is not None and one.spent_ns > 0) or (other is not None and other.spent_ns > 0):
            yield key, one, other


def _most_first(places: Iterable[PlaceChange]) -> tuple[PlaceChange, ...]:
    changed = [place for place in places if place.change is not Change.UNCLEAR]
    return tuple(sorted(changed, key=lambda place: (-abs(place.saved_ns), place.file, place.name, place.line_after)))


def _describe(measured: Measured, executions: int) -> Whole:
    run, hotspots = measured.run, measured.hotspots
    first = next((each for each in run.executions if each.purpose in (Purpose.TIME, Purpose.ATTACH)), None)
    count = max(1, first.repeats) if first is not None else 1
    return Whole(
        command=run.command or tuple(origin.file for origin in run.origins),
        started=run.started,
        commit=run.commit,
        python=f"{run.interpreter.implementation} {run.interpreter.version}"
        + (" free-threaded" if run.interpreter.free_threaded else "")
        if run.interpreter.version
        else "",
        wall_ns=first.wall_ns // count if first is not None else 0,
        cpu_ns=first.cpu_ns // count if first is not None else 0,
        busy_ns=hotspots.busy_ns // executions,
        samples=hotspots.samples,
        executions=executions,
    )


def _find_cautions(before: Run, after: Run) -> Iterable[str]:
    """Yield in which ways the two runs are unlike one another."""
    if before.command != after.command:
        yield "the runs are of different commands"
    if before.host != after.host and before.host.system and after.host.system:
        yield "the runs are from different machines, whose speed differs"
    yield from _find_foreign_cautions(before, after)
    ours, theirs = before.interpreter, after.interpreter
    kinds = [(each.implementation, each.version, each.free_threaded) for each in (ours, theirs)]
    if kinds[0] != kinds[1] and all(version for _, version, _ in kinds):
        yield "the runs are of different interpreters"
    for run, word in ((before, "first"), (after, "second")):
        first = run.executions[0] if run.executions else None
        if first is not None and first.stopped:
            yield f"the {word} run does not cover all of the program ({first.stopped})"
        elif first is not None and first.purpose is Purpose.ATTACH:
            yield f"in the {word} run whet attached to the program: its times depend on how long that was"
        elif first is not None and first.exit_status not in (0, None):
            yield f"in the {word} run the program {describe_exit(first.exit_status, first.signal)}"


def _find_foreign_cautions(before: Run, after: Run) -> Iterable[str]:
    """Yield what keeps profiles of other tools from being compared, or any with them."""
    if not (before.origins or after.origins):
        return
    tools = [{profile.collector.partition(" ")[0] for profile in run.profiles} for run in (before, after)]
    if tools[0] != tools[1]:
        yield "the profiles were recorded by different tools, which see and count time differently"
    if any(profile.wall for profile in before.profiles) is not any(profile.wall for profile in after.profiles):
        yield "one profile is of wall time and the other of CPU time"


def _find_lengths(before: Measured, after: Measured) -> Iterable[str]:
    """Yield that recordings of unlike length differ in every place for that alone, and where there is no interval."""
    if not (before.run.origins or after.run.origins):
        return
    if abs(before.hotspots.busy_ns - after.hotspots.busy_ns) > _UNLIKE * max(
        before.hotspots.busy_ns, after.hotspots.busy_ns
    ):
        yield "the profiles hold different amounts of time: unless the work was the same, compare shares, not times"
    if not all(each.hotspots.samples for each in (before, after)):
        yield "how many samples stand behind a profile is not known: changes are given without allowing for chance"


def _find_crowding(before: Measured, after: Measured) -> Iterable[str]:
    """Yield which run had to share its processor: samples then come in clumps, which the intervals do not know of."""
    for measured, word in ((before, "first"), (after, "second")):
        first = measured.run.executions[0] if measured.run.executions else None
        seen = measured.hotspots.cpu_ns + measured.hotspots.waiting_ns
        seen += measured.hotspots.idle_ns + measured.hotspots.gil_ns
        if first is not None and first.wall_ns > _SHORT_NS and seen < _CROWDED * first.wall_ns:
            yield f"in the {word} run the machine was busy with something else: its times are less sure than they look"
