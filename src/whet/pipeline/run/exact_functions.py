"""Which functions have their line hits counted: the hot ones, and those that rules ask about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from whet.merge.codemap import CodeKind, CodeSpan, code_map
from whet.merge.hotspots import merge_run
from whet.model.finding import Ask
from whet.model.hotspot import Hotspots
from whet.model.profile import ROOT, LineCount
from whet.model.run import Run
from whet.pipeline.advise.advise import find_in_hot_code
from whet.records import dataclass

HOT_SHARE = 0.01
"""Functions that compute or wait for at least this share of the run are counted."""
BODY_SHARE = 0.1
"""Lines outside of functions are named from this share on: imports take some of the run in most programs."""
_BODIES = (CodeKind.MODULE, CodeKind.CLASS)


@dataclass(frozen=True, slots=True)
class Chosen:
    """``functions`` as file and first line of the code object, decorators included; ``bodies`` are files.

    Those are the files whose hot lines stand outside any function: these cannot be counted, since a module may be a
    table of thousands of lines, for which line_profiler takes minutes.
    """

    functions: tuple[tuple[str, int], ...]
    bodies: tuple[str, ...] = ()


def choose_counted(run: Run) -> Chosen:
    """Return what is to be counted."""
    hotspots = merge_run(run)
    hot = dict(_list_hot(run, hotspots))
    functions = (place for place, is_body in hot.items() if not is_body)
    bodies = tuple(file for (file, _), is_body in hot.items() if is_body)
    return Chosen(tuple(dict.fromkeys((*functions, *_list_asked(run, hotspots)))), bodies)


def list_uncounted(run: Run, counted: Sequence[tuple[str, int]], lines: Sequence[LineCount]) -> list[tuple[str, int]]:
    """Return those of ``counted`` that have none of ``lines`` and were sampled in threads other than the first only."""
    inside: set[tuple[str, int]] = set()
    others: set[tuple[str, int]] = set()
    for profile in run.profiles:
        for entry in profile.samples:
            thread = profile.threads[entry.thread]
            rows = {step for row in entry.stack if row != ROOT for step in profile.stacks.walk(row)}
            frames = (profile.frames[profile.stacks.frame[row]] for row in rows)
            (inside if thread.tid == thread.pid else others).update((each.file, each.first_line) for each in frames)
    with_hits = {(each.file, each.function_line) for each in lines if each.hits}
    return [place for place in counted if place in others - inside - with_hits]


def _list_hot(run: Run, hotspots: Hotspots) -> Iterator[tuple[tuple[str, int], bool]]:
    """Yield where hot code begins, and whether it is the body of a module or class."""
    for spot in hotspots.functions:
        waits = spot.cost.waiting_ns > HOT_SHARE * hotspots.busy_ns
        if (waits or spot.cost.spent_share >= HOT_SHARE) and not spot.file.startswith("<"):
            span = _find_span(run, spot.file, spot.line, spot.name)
            if span is None or span.name != spot.name:
                line, is_body = spot.line, spot.name == "<module>"
            else:
                line, is_body = span.start, span.kind in _BODIES
            if not is_body or spot.cost.spent_share >= BODY_SHARE:
                yield (spot.file, line), is_body


def _list_asked(run: Run, hotspots: Hotspots) -> Iterator[tuple[str, int]]:
    """Yield the functions about whose line hits a rule asks: without an answer it reports nothing."""
    findings, _, _ = find_in_hot_code(run, hotspots)
    for question in (each for finding in findings for each in finding.questions if each.ask is Ask.RUNS):
        for line in (*question.lines, *question.of):
            span = _find_span(run, question.file, line)
            if span is not None and span.kind not in _BODIES:
                yield question.file, span.start


def _find_span(run: Run, file: str, line: int, name: str = "") -> CodeSpan | None:
    source = run.sources.get(file)
    known = code_map(source.text) if source is not None else None
    return known.at(line, name) if known is not None else None
