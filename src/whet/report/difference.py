"""Two runs compared, as text for a terminal, as Markdown, as JSON."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from whet.model.difference import Change, Difference, PlaceChange, Timed, Whole
from whet.model.growth import ExponentChange
from whet.report.growth import format_exponent
from whet.report.sanitize import encodable, shorten, show
from whet.report.units import format_seconds
from whet.report.words import join_command

SCHEMA = 1
MOST = 20
"""Maximum number of rows in tables for people."""
_TELLING = 10
"""Minimum samples of a denominator: a ratio to nearly nothing is meaningless."""
_WHOLE = rb"[^\n]+ wall, [^\n]+ CPU, [\d,]+ samples\r?\n"
TEXT_MARK = re.compile(rb"[^\n]+\n\r?\nbefore  " + _WHOLE + rb"after   " + _WHOLE)
MARKDOWN_MARK = re.compile(rb"\*\*whet diff\*\*: [^\n]+\n\r?\n\| \| program \| wall \| CPU \| samples \|")
JSON_MARK = re.compile(rb'\{\s*"schema": \d+,\s*"result": "[^"\n]+",\s*"before": \{\s*"command": \[')
"""Match the start of a file with a comparison in that format: only such a file is overwritten."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&])")


def state_result(difference: Difference) -> str:
    """Return the first line: the changes in one sentence."""
    if not difference.before.samples or not difference.after.samples:
        return "nothing to compare: a run without samples"
    if not difference.functions and not difference.lines:
        return "no significant change"
    counts = [
        f"{count} {_count_functions(count)} {change}"
        for change in (Change.FASTER, Change.SLOWER, Change.GONE, Change.NEW)
        if (count := sum(place.change is change for place in difference.functions))
    ]
    return ", ".join(counts) if counts else f"no function changed significantly, but {len(difference.lines)} lines did"


def state_head(difference: Difference) -> str:
    """Return the first line of a report: what changed, and the largest change with its interval."""
    text = state_result(difference)
    if not difference.functions:
        return text
    largest = difference.functions[0]
    name = shorten(show(largest.name or largest.file), 80)
    return f"{text}{':' if len(difference.functions) == 1 else '; most of all'} {name} {_range(largest)}"


def state_method(difference: Difference) -> str:
    """Return what the intervals cover, and what they do not."""
    return (
        f"One run per side: the intervals cover only sampling error ({difference.confidence * 100:.5g} % for all "
        f"{difference.compared:,} places together), not the variation from run to run; "
        f"changes of less than {difference.threshold * 100:.5g} % of a place's time are not reported. "
        "`whet prove` and `whet bench` run both sides many times."
    )


def render_text(difference: Difference) -> str:
    """Return the comparison for a terminal; the program's names are sanitised."""
    return "\n".join([state_result(difference), "", *_text_lines(difference)]) + "\n"


def _text_lines(difference: Difference) -> Iterator[str]:
    for word, whole in (("before", difference.before), ("after", difference.after)):
        yield f"{word:6}  {_describe(whole)}"
    for caution in difference.cautions:
        yield f"careful: {show(caution)}"
    for title, places in (("Functions", difference.functions), ("Lines", difference.lines)):
        if not places:
            continue
        yield ""
        yield f"{title:<48} {'before':>9} {'after':>9}  {'change':<28} "
        for place in places[:MOST]:
            figures = f"{_time(place.before):>9} {_time(place.after):>9}  {_range(place):<28}"
            yield f"{shorten(_name(place), 48):<48} {figures} {_verdict(place)}"
            if place.source:
                yield f"    {shorten(show(place.source), 90)}"
        yield from _tell_more(places)
    if difference.exponents:
        yield ""
        yield f"{'Growth':<48} change of the exponent"
        for change in difference.exponents[:MOST]:
            yield f"{shorten(_name_growth(change), 48):<48} {_state_growth(change)}"
    yield ""
    yield from textwrap.wrap(state_method(difference), 110)


def render_markdown(difference: Difference) -> str:
    """Return the comparison as Markdown, for example for a comment on a pull request."""
    lines = [
        f"**whet diff**: {state_result(difference)}",
        "",
        "| | program | wall | CPU | samples |",
        "|---|---|--:|--:|--:|",
    ]
    for word, whole in (("before", difference.before), ("after", difference.after)):
        times = f"{_write_time(whole.wall_ns)} | {_write_time(whole.cpu_ns)} | {whole.samples:,}"
        lines.append(f"| {word} | {escape_markdown(_program(whole))} | {times} |")
    lines += [f"\nCareful: {escape_markdown(caution)}." for caution in difference.cautions]
    for title, places in (("function", difference.functions), ("line", difference.lines)):
        if places:
            lines += ["", f"| {title} | before | after | change | |", "|---|--:|--:|--:|---|"]
            lines += [
                f"| {escape_markdown(_name(place))} | {_time(place.before)} | {_time(place.after)} "
                f"| {_range(place)} | {_verdict(place)} |"
                for place in places[:MOST]
            ]
            lines += [f"\n{line}" for line in _tell_more(places)]
    if difference.exponents:
        lines += ["", "| growth | before | after | change | |", "|---|--:|--:|--:|---|"]
        lines += [
            f"| {escape_markdown(_name_growth(change))} | {format_exponent(change.before)} "
            f"| {format_exponent(change.after)} | {_write_change(change)} | {_judge_growth(change)} |"
            for change in difference.exponents[:MOST]
        ]
    return "\n".join([*lines, "", state_method(difference)]) + "\n"


def render_json(difference: Difference) -> str:
    """Return the comparison as a JSON object in ASCII: durations in seconds."""
    made = {
        "schema": SCHEMA,
        "result": state_result(difference),
        "before": _whole_object(difference.before),
        "after": _whole_object(difference.after),
        "compared": difference.compared,
        "confidence": difference.confidence,
        "threshold": difference.threshold,
        "covers": "sampling error only",
        "functions": [_place_object(place) for place in difference.functions],
        "lines": [_place_object(place) for place in difference.lines],
        "growth": [_growth_object(change) for change in difference.exponents],
        "warnings": list(difference.cautions),
    }
    return json.dumps(made, indent=2, allow_nan=False) + "\n"


def escape_markdown(text: str) -> str:
    """Return ``text`` escaped for Markdown, including in table cells, without links and mentions."""
    return _SPECIAL.sub(r"\\\1", show(text)).replace("@", "@\u200b")


def _count_functions(count: int) -> str:
    return "function" if count == 1 else "functions"


def _describe(whole: Whole) -> str:
    times = f"{_write_time(whole.wall_ns)} wall, {_write_time(whole.cpu_ns)} CPU, {whole.samples:,} samples"
    return f"{shorten(_program(whole), 70)}: {times}"


def _program(whole: Whole) -> str:
    commit = f" at {whole.commit[:10]}" if whole.commit else ""
    facts = (f"{join_command(whole.command)}{commit}", whole.started[:19], whole.python)
    return show(", ".join(fact for fact in facts if fact))


def _name(place: PlaceChange) -> str:
    line = place.line_after or place.line_before
    return show(f"{place.name} {place.file}:{line}" if place.name else f"{place.file}:{line}")


def _time(timed: Timed) -> str:
    return format_seconds(timed.spent_ns) if timed.spent_ns else "–"


def _range(place: PlaceChange) -> str:
    signed = [
        f"{'+' if value > 0 else ''}{format_seconds(value)}" for value in (-place.saved_ns, place.low_ns, place.high_ns)
    ]
    return f"{signed[0]} [{signed[1]}, {signed[2]}]"


def _verdict(place: PlaceChange) -> str:
    before, after = place.before.spent_ns, place.after.spent_ns
    if place.change in (Change.FASTER, Change.SLOWER) and min(place.before.samples, place.after.samples) >= _TELLING:
        return f"{place.change}, {max(before, after) / min(before, after):.3g}×"
    return str(place.change)


def _name_growth(change: ExponentChange) -> str:
    return show(f"{change.name} {change.file}") if change.file else "the program"


def _write_change(change: ExponentChange) -> str:
    return f"{change.difference.value:+.2f} [{change.difference.low:+.2f}, {change.difference.high:+.2f}]"


def _judge_growth(change: ExponentChange) -> str:
    if not change.is_shown:
        return str(Change.UNCLEAR)
    return "grows faster" if change.difference.value > 0 else "grows less"


def _state_growth(change: ExponentChange) -> str:
    both = f"{format_exponent(change.before)} → {format_exponent(change.after)}"
    return f"{both}  {_write_change(change)}  {_judge_growth(change)}"


def _growth_object(change: ExponentChange) -> dict[str, Any]:
    bounds = {"before": change.before, "after": change.after, "difference": change.difference}
    figures = {key: [each.value, each.low, each.high] for key, each in bounds.items()}
    return {"file": encodable(change.file), "name": encodable(change.name), **figures, "changed": change.is_shown}


def _tell_more(places: tuple[PlaceChange, ...]) -> Iterator[str]:
    if len(places) > MOST:
        yield f"and {len(places) - MOST:,} more: --format json has all of them"


def _whole_object(whole: Whole) -> dict[str, Any]:
    return {
        "command": [encodable(word) for word in whole.command],
        "started": whole.started,
        "commit": whole.commit or None,
        "python": whole.python,
        "wall_seconds": whole.wall_ns / 1e9,
        "cpu_seconds": whole.cpu_ns / 1e9,
        "busy_seconds": whole.busy_ns / 1e9,
        "samples": whole.samples,
        "executions": whole.executions,
    }


def _place_object(place: PlaceChange) -> dict[str, Any]:
    found: dict[str, Any] = {
        "file": encodable(place.file),
        "change": str(place.change),
        "line_before": place.line_before or None,
        "line_after": place.line_after or None,
        "before_seconds": place.before.spent_ns / 1e9,
        "after_seconds": place.after.spent_ns / 1e9,
        "before_samples": place.before.samples,
        "after_samples": place.after.samples,
        "difference_seconds": -place.saved_ns / 1e9,
        "interval_seconds": [place.low_ns / 1e9, place.high_ns / 1e9],
    }
    return {**found, "name": encodable(place.name)} if place.name else {**found, "source": encodable(place.source)}


def _write_time(nanoseconds: int) -> str:
    """Return a time, or a dash for that of a profile whose program whet did not run."""
    return format_seconds(nanoseconds) if nanoseconds else "–"
