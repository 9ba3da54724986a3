"""Which functions have their lines counted: the hot ones, and those that rules ask about."""

from __future__ import annotations

from collections.abc import Iterator

from whet.merge.codemap import CodeSpan, code_map
from whet.merge.hotspots import merge_run
from whet.model.finding import Ask
from whet.model.hotspot import Hotspots
from whet.model.run import Run
from whet.pipeline.advise.advise import find_in_hot_code

HOT_SHARE = 0.01
"""Functions that compute or wait for this share of the run or more are counted."""


def choose_counted(run: Run) -> tuple[tuple[str, int], ...]:
    """Return them as file and first line of the code object, decorators included."""
    hotspots = merge_run(run)
    return tuple(dict.fromkeys((*_list_hot(run, hotspots), *_list_asked(run, hotspots))))


def _list_hot(run: Run, hotspots: Hotspots) -> Iterator[tuple[str, int]]:
    for spot in hotspots.functions:
        waits = spot.cost.waiting_ns > HOT_SHARE * hotspots.busy_ns
        if (waits or spot.cost.spent_share >= HOT_SHARE) and not spot.file.startswith("<"):
            span = _find_span(run, spot.file, spot.line, spot.name)
            yield spot.file, span.start if span is not None and span.name == spot.name else spot.line


def _list_asked(run: Run, hotspots: Hotspots) -> Iterator[tuple[str, int]]:
    """Yield the functions of which a rule asks how often their lines run: without an answer it says nothing."""
    findings, _, _ = find_in_hot_code(run, hotspots)
    for question in (each for finding in findings for each in finding.questions if each.ask is Ask.RUNS):
        for line in (*question.lines, *question.of):
            span = _find_span(run, question.file, line)
            if span is not None:
                yield question.file, span.start


def _find_span(run: Run, file: str, line: int, name: str = "") -> CodeSpan | None:
    source = run.sources.get(file)
    known = code_map(source.text) if source is not None else None
    return known.at(line, name) if known is not None else None
