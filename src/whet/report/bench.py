"""The results of `whet bench`, as text and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from whet.model.bench import Bench, BenchComparison, BenchTest, BenchVariant, Figures, SlowdownCall
from whet.model.trial import Clock
from whet.report.sanitize import encodable, shorten, show
from whet.report.units import format_bytes, format_seconds
from whet.report.words import join_command

SCHEMA = 2
FindFigures = Callable[[Sequence[int]], Mapping[str, Figures]]
_LABEL = 44
MOST_TESTS = 30


def render_bench(measured: Bench, find_figures: FindFigures, confidence: float) -> str:
    """Return figures and comparisons as text; ``confidence`` is that of each figure's interval."""
    return "\n".join(_lines(measured, find_figures, confidence)) + "\n"


def _lines(measured: Bench, find_figures: FindFigures, confidence: float) -> Iterator[str]:
    yield show(join_command(measured.command))
    for variant in measured.variants:
        yield ""
        yield from _variant_lines(variant, find_figures)
    for comparison in measured.comparisons:
        yield ""
        yield from textwrap.wrap(state_comparison(comparison), 110)
    if measured.tests:
        yield ""
        yield from _test_lines(measured.tests, "Tests")
    if measured.routes:
        yield ""
        yield from _test_lines(measured.routes, "Routes")
    yield ""
    text = f"Intervals of the figures: {confidence * 100:.5g} % each; – where there are too few runs for a bound."
    yield from textwrap.wrap(" ".join([text, *(f"Note: {show(note)}." for note in measured.notes)]), 110)


def _variant_lines(variant: BenchVariant, find_figures: FindFigures) -> Iterator[str]:
    python = variant.interpreter
    name = f"{python.implementation} {python.version}{' free-threaded' if python.free_threaded else ''}"
    peak = max(variant.peak_bytes, default=0)
    memory = f", at most {format_bytes(peak)} resident" if peak else ""
    yield f"{shorten(show(variant.label), _LABEL)}: {len(variant.wall_ns)} runs on {show(name)}{memory}"
    if variant.environ:
        yield f"  with {shorten(show(' '.join(variant.environ)), 100)}"
    if not variant.wall_ns:
        return
    tables = {each: find_figures(variant.costs(each)) for each in (Clock.WALL, Clock.CPU)}
    yield f"  {'':6}{'wall':>9}  {'':24}{'CPU':>9}"
    for row in tables[Clock.WALL]:
        cells = [f"{format_seconds(table[row].value):>9}  {_bounds(table[row]):24}" for table in tables.values()]
        yield f"  {row:6}{''.join(cells)}".rstrip()
    for name, costs in list(variant.routes.items())[:MOST_TESTS] if variant.routes else ():
        # The median over runs, of what is a quantile of each run's requests.
        figure = find_figures(costs)["p50"]
        yield f"  {shorten(show(name), 60)}: {format_seconds(figure.value)} {_bounds(figure)}"


def _test_lines(tests: Sequence[BenchTest], title: str) -> Iterator[str]:
    limit = f"{(tests[0].comparison.limit or 0) * 100:.5g} %"
    words = {
        SlowdownCall.BEYOND: f"slower by more than {limit}",
        SlowdownCall.OPEN: "not decided",
        SlowdownCall.WITHIN: "within the limit",
    }
    counts = [(sum(test.comparison.call is call for test in tests), text) for call, text in words.items()]
    yield f"{title}: {', '.join(f'{count} {text}' for count, text in counts if count)}"
    for test in tests[:MOST_TESTS]:
        found = test.comparison
        change, low, high = (100 * (1 / value - 1) for value in (found.estimate, found.high, found.low))
        before, after = (format_seconds(median(costs)) for costs in (test.baseline_ns, test.candidate_ns))
        how = "benchmark" if test.is_benchmark else f"{found.clock}"
        yield f"  {shorten(show(test.nodeid), 100)}"
        call = words[found.call] if found.call is not None else ""
        yield f"    {change:+.1f} % [{low:+.1f}, {high:+.1f}]  {before} to {after} {how}  {call}"
    if len(tests) > MOST_TESTS:
        yield f"  {len(tests) - MOST_TESTS:,} more: --format json lists all"


def state_comparison(comparison: BenchComparison) -> str:
    """Return the speed of the second variant relative to the first, and whether that is within the limit."""
    speed = f"{comparison.estimate:.3f}× [{comparison.low:.3f}, {comparison.high:.3f}]"
    pairs = f"{comparison.pairs} {'pairs' if comparison.interleaved else 'runs per variant at least'}"
    how = f"{comparison.clock} seconds, {pairs}, {comparison.confidence * 100:.5g} % confidence"
    text = f"{show(comparison.candidate)} runs at {speed} the speed of {show(comparison.baseline)} ({how})"
    if comparison.call is None or comparison.limit is None:
        if comparison.low <= 1 <= comparison.high:
            text += ": no difference was shown"
        return f"{text}."
    slower = [100 * (1 / value - 1) for value in (comparison.estimate, comparison.high, comparison.low)]
    more = f"the time of a run differs by {slower[0]:+.1f} % [{slower[1]:+.1f}, {slower[2]:+.1f}]"
    limit = f"a slowdown beyond {comparison.limit * 100:.5g} %"
    verdict = {
        SlowdownCall.BEYOND: f"{limit} was shown",
        SlowdownCall.WITHIN: f"{limit} is ruled out",
        SlowdownCall.OPEN: f"{limit} is neither shown nor ruled out",
    }[comparison.call]
    return f"{text}: {more}; {verdict}."


def render_bench_json(measured: Bench, find_figures: FindFigures, confidence: float) -> str:
    """Return all of it as a JSON object in ASCII: durations in seconds, memory in bytes."""
    made = {
        "schema": SCHEMA,
        "whet": measured.whet_version,
        "command": [encodable(word) for word in measured.command],
        "started": measured.started,
        "machine": {"system": measured.host.system, "machine": measured.host.machine, "cpus": measured.host.cpus},
        "clock": str(measured.clock).lower(),
        "confidence": confidence,
        "variants": [_variant_object(variant, find_figures) for variant in measured.variants],
        "comparisons": [_comparison_object(each) for each in measured.comparisons],
        "tests": [_test_object(each) for each in measured.tests],
        "routes": [_route_object(each) for each in measured.routes],
        "notes": [encodable(note) for note in measured.notes],
    }
    return json.dumps(made, indent=2, allow_nan=False) + "\n"


def _variant_object(variant: BenchVariant, find_figures: FindFigures) -> dict[str, Any]:
    return {
        "label": encodable(variant.label),
        "python": {
            "path": encodable(variant.interpreter.path),
            "version": variant.interpreter.version,
            "implementation": variant.interpreter.implementation,
            "free_threaded": variant.interpreter.free_threaded,
            "options": [encodable(word) for word in variant.options],
        },
        "environment": [encodable(word) for word in variant.environ],
        "commit": variant.commit or None,
        "runs": len(variant.wall_ns),
        "wall": _figure_objects(variant.wall_ns, find_figures),
        "cpu": _figure_objects(variant.cpu_ns, find_figures),
        "wall_seconds": [cost / 1e9 for cost in variant.wall_ns],
        "cpu_seconds": [cost / 1e9 for cost in variant.cpu_ns],
        "peak_bytes": list(variant.peak_bytes),
        "routes": [
            {"name": encodable(name.partition(" ")[2]), "quantile": name.partition(" ")[0]}
            | {"seconds": [cost / 1e9 for cost in costs]}
            for name, costs in variant.routes.items()
        ],
    }


def _figure_objects(costs: Sequence[int], find_figures: FindFigures) -> dict[str, Any]:
    if not costs:
        return {}
    return {
        name: {"seconds": figure.value / 1e9, "low": _seconds(figure.low), "high": _seconds(figure.high)}
        for name, figure in find_figures(costs).items()
    }


def _comparison_object(comparison: BenchComparison) -> dict[str, Any]:
    return {
        "baseline": encodable(comparison.baseline),
        "candidate": encodable(comparison.candidate),
        "speed": comparison.estimate,
        "low": comparison.low,
        "high": comparison.high,
        "pairs": comparison.pairs,
        "confidence": comparison.confidence,
        "clock": str(comparison.clock).lower(),
        "interleaved": comparison.interleaved,
        "max_slowdown": comparison.limit,
        "result": str(comparison.call) if comparison.call is not None else None,
    }


def _test_object(test: BenchTest) -> dict[str, Any]:
    found = test.comparison
    return {
        "nodeid": encodable(test.nodeid),
        "benchmark": test.is_benchmark,
        "clock": str(found.clock).lower(),
        "baseline_seconds": median(test.baseline_ns) / 1e9,
        "candidate_seconds": median(test.candidate_ns) / 1e9,
        "speed": found.estimate,
        "low": found.low,
        "high": found.high,
        "pairs": found.pairs,
        "confidence": found.confidence,
        "result": str(found.call) if found.call is not None else None,
    }


def _route_object(route: BenchTest) -> dict[str, Any]:
    quantile, _, name = route.nodeid.partition(" ")
    made = _test_object(route)
    for unused in ("nodeid", "benchmark", "clock"):
        del made[unused]
    return {"name": encodable(name), "quantile": quantile, **made}


def _bounds(figure: Figures) -> str:
    low, high = (format_seconds(bound) if bound is not None else "–" for bound in (figure.low, figure.high))
    return f"[{low}, {high}]"


def _seconds(bound: float | None) -> float | None:
    return bound / 1e9 if bound is not None else None
