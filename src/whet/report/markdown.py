"""The report as Markdown: a comment on a pull request, or the summary of a job.

GitHub limits a comment to 65,536 characters. So whole parts are left out, the
least important first, and the last line names them. The first line is a hidden
mark by which a workflow finds its earlier comment.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from whet.records import dataclass
from whet.report.growth import GrowthView
from whet.report.job import Job
from whet.report.markup import write_code, write_diff, write_prose
from whet.report.parts import FunctionRow, LineRow, Suggestion
from whet.report.routes import RouteTable
from whet.report.sanitize import show
from whet.report.tests import UnitRow
from whet.report.units import NOTHING, Figure
from whet.report.view import ReportView

LONGEST = 60_000
"""Maximum number of characters: below GitHub's and GitLab's limits, with room for a workflow's own text."""
MOST_ROWS = 10
MOST_CAUTIONS = 10
OPEN_DIFFS = 3
"""Number of diffs that are open; the others are folded."""
LONGEST_DIFF = 6_000
_FOOT_ROOM = 300
"""Reserved for the sentence that names what is left out."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the report. Those of a low ``rank`` are written first; ``name`` is used in the last line."""

    rank: int
    name: str
    text: str


class MarkdownRenderer:
    """Writes the report as GitHub's Markdown in UTF-8, at most ``longest`` characters."""

    extension = "md"
    mark = re.compile(rb"<!-- whet:report(:[0-9a-f]{12})? -->\r?\n## whet: ")

    def __init__(self, longest: int = LONGEST) -> None:
        self.longest = longest

    def render(self, view: ReportView, sink: BinaryIO) -> None:
        """Write ``view`` to ``sink``."""
        sink.write(self.format(view).encode("utf-8", "backslashreplace"))

    def format(self, view: ReportView) -> str:
        """Return the report."""
        head, foot = write_mark(view) + "\n" + _write_head(view), _write_foot(view)
        parts = list(_list_parts(view))
        room = self.longest - len(head) - len(foot) - _FOOT_ROOM
        kept = _choose(parts, room)
        left = [part.name for index, part in enumerate(parts) if index not in kept]
        body = "".join(f"\n{part.text}" for index, part in enumerate(parts) if index in kept)
        return f"{head}{body}\n{_state_left(left)}{foot}"


def write_mark(view: ReportView) -> str:
    """Return the hidden first line: the same for each report of a program, another for each ``--title``."""
    if view.title == view.summary.title:
        return "<!-- whet:report -->"
    return f"<!-- whet:report:{hashlib.sha256(show(view.title).encode('utf-8')).hexdigest()[:12]} -->"


def _choose(parts: Sequence[_Part], room: int) -> set[int]:
    """Return which parts fit. After a suggestion that does not fit, no later one is shown: only the best are."""
    kept: set[int] = set()
    full: set[str] = set()
    for index in sorted(range(len(parts)), key=lambda index: parts[index].rank):
        size = len(parts[index].text) + 1
        if size > room or parts[index].name in full:
            full.add(parts[index].name)
            continue
        kept.add(index)
        room -= size
    return kept


def _state_left(names: Sequence[str]) -> str:
    if not names:
        return ""
    told = [name if names.count(name) == 1 else f"{name} ({names.count(name)})" for name in dict.fromkeys(names)]
    return f"<sub>Left out to fit the size limit of comments: {', '.join(told)}. The HTML report is complete.</sub>\n\n"


def _list_parts(view: ReportView) -> Iterator[_Part]:
    """Return all parts in page order."""
    number = 0
    for group in view.suggestion_groups:
        for place, item in enumerate(group.items):
            number += 1
            title = f"### {group.title} ({len(group.items)})\n\n{group.note}\n\n" if place == 0 else ""
            text = _write_short(item) if group.folded else _write_suggestion(item, number)
            yield _Part(3 if group.folded else 2, "tried, no gain" if group.folded else "suggestions", title + text)
    if not view.top_suggestions:
        helps = " that helps" if view.suggestions else ""
        yield _Part(1, "suggestions", f"No rule has a suggestion for the hot lines{helps}.\n")
    if view.growth is not None:
        yield _Part(1, "growth", _write_growth(view.growth))
    functions = view.hot_functions[:MOST_ROWS]
    if functions:
        yield _Part(1, "hottest functions", f"### Hottest functions\n\n{_write_functions(functions, view)}")
    if view.job is not None:
        yield from _list_job_parts(view.job)
    if view.routes is not None:
        yield _Part(1, "routes", f"### Routes\n\n{_write_routes(view.routes)}")
    lines = [row for row in view.lines if row.cost.spent_seconds.value][:MOST_ROWS]
    if lines:
        yield _Part(4, "hottest lines", _fold("Hottest lines", _write_lines(lines, view)))
    if view.memory_lines:
        yield _Part(3, "memory", _fold("Memory", _write_memory(view.memory_lines)))
    if view.units:
        yield _Part(3, "tests", _fold("Tests and fixtures", _write_units(view.units[:MOST_ROWS])))
    if view.cautions:
        yield _Part(1, "warnings", _write_cautions(view))
    yield _Part(5, "how it was measured", _fold("How it was measured", _write_method(view)))


def _write_memory(rows: Sequence[LineRow]) -> str:
    heads = ["Line", "Code", "At the peak", "At the end", "Growth"]
    cells = [
        [write_code(row.place, 120), write_code(row.code, 120)]
        + [_write_figure(each) for each in (row.cost.peak_bytes, row.cost.live_bytes, row.cost.grown_bytes)]
        for row in rows
    ]
    return _write_table(heads, cells, 2)


def _list_job_parts(job: Job) -> Iterator[_Part]:
    """Yield the tables of a merged run's parts and tasks."""
    if job.parts:
        rows = [
            [write_code(row.label, 80), write_code(f"{row.hottest} {row.place}", 120)]
            + [_write_figure(each) for each in (row.work, row.cpu, row.waiting, row.exchange, row.idle)]
            for row in sorted(job.parts, key=lambda row: -(row.work.value or 0.0))[:MOST_ROWS]
        ]
        heads = ["Label", "Hottest function", "Work", "Computing", "Waiting", "For others", "Idle"]
        title = f"### {job.noun.capitalize()} ({job.count:,})\n\n"
        yield _Part(1, job.noun, title + _write_table(heads, rows, 2))
    if job.tasks:
        rows = [
            [write_code(row.name, 80)]
            + [_write_figure(each) for each in (row.count, row.each, row.cpu, row.blocked, row.transfer, row.spill)]
            for row in job.tasks[:MOST_ROWS]
        ]
        heads = ["Task", "Number", "Each", "Computing", "Not computing", "Transfer", "Spilling"]
        yield _Part(2, "tasks", _fold("Tasks", _write_table(heads, rows, 1)))


def _write_head(view: ReportView) -> str:
    summary, provenance = view.summary, view.provenance
    own = f" ({summary.own} of it whet's own)" if summary.own.value else ""
    error = f", ±{summary.share_error * 100:.1f} % at most" if summary.share_error else ""
    facts = [
        f"{summary.executions} executions pooled" if summary.executions > 1 else "",
        f"{summary.duration} wall" if summary.duration.value is not None else "",
        f"{summary.cpu} CPU{own}" if summary.cpu.value is not None else "",
        f"{summary.waiting} waiting" if summary.waiting.value else "",
        f"{summary.gil} waiting for the GIL" if summary.gil.value else "",
        f"peak {summary.peak}" if summary.peak.value else "",
        f"{summary.samples:,} sample{'s' if summary.samples != 1 else ''}{error}",
        write_prose(provenance.exit_text, 80),
        write_prose(provenance.python, 80),
    ]
    paragraphs = [
        f"## whet: {write_prose(view.title, 120)}",
        _stress(write_prose(summary.verdict, 320)),
        f"{'Now' if view.compared else 'Before'}: {write_prose(summary.spent, 320)}" if summary.spent else "",
        write_prose(view.job.sentence, 400) if view.job is not None else "",
        write_prose(view.compared, 400),
        " · ".join(fact for fact in facts if fact),
        f"Interpreter: {write_prose(provenance.python_chosen, 320)}" if provenance.python_chosen else "",
        write_prose(summary.outside, 200),
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def _write_suggestion(item: Suggestion, number: int) -> str:
    paragraphs = [
        f"#### {number}. {write_prose(item.title, 160)}",
        f"{_write_worth(item)} · {write_code(item.place)} in {write_code(item.function, 120)} · "
        f"{item.safety}, {item.verdict} · {write_code(item.rule, 80)}",
    ]
    proof = item.proof
    if proof:
        checked = f"; {write_prose(proof.checked, 300)}" if proof.checked else ""
        paragraphs.append(f"{_stress(write_prose(proof.sentence, 300))}{checked}.")
        gain = proof.gain
        if gain and gain.before.value and gain.after.value:
            peaks = f", peak {gain.peak_before} → {gain.peak_after}" if gain.peak_before.value else ""
            paragraphs.append(
                f"{gain.before} → {gain.after} {gain.clock}{peaks}, {gain.pairs} interleaved pairs of {gain.runs}."
            )
        paragraphs += [write_prose(note) for note in proof.notes[:3]]
    paragraphs.append(write_prose(item.message, 1200))
    paragraphs.append("\n".join(f"- {write_prose(sentence, 300)}" for sentence in item.evidence[:5]))
    if item.diff:
        diff = write_diff(item.diff, LONGEST_DIFF)
        paragraphs.append(diff.rstrip("\n") if number <= OPEN_DIFFS else _fold("Diff", diff).rstrip("\n"))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def _write_short(item: Suggestion) -> str:
    gain = f", measured {item.proof.gain.factor} {item.proof.gain.interval}" if item.proof and item.proof.gain else ""
    gain += f" {item.together}" if item.together else ""
    return f"- {write_prose(item.title, 160)}, {write_code(item.place)}: {item.worth}, {item.verdict}{gain}\n"


def _write_worth(item: Suggestion) -> str:
    share = item.worth
    if not item.gain.value:
        return share if item.gain.text == NOTHING else f"{share} · gain {item.gain}"
    measured = item.proof.gain if item.proof else None
    how = f"{measured.interval} measured" if measured else "estimated"
    return f"**{item.gain}** {how}{f' together {item.together}' if item.together else ''} · {share}"


def _write_growth(growth: GrowthView) -> str:
    sentences = "\n".join(f"- {write_prose(sentence)}" for sentence in (*growth.sentences, *growth.notes))
    size = f"{growth.ahead_size:,}"
    heads = ["Place", "Code", "Exponent", "Share", f"At n = {size}", "Share there"]
    rows = [*growth.functions[: MOST_ROWS // 2], *growth.lines[:MOST_ROWS]]
    cells = [
        [
            write_code(row.place, 120),
            write_code(row.code or row.name, 120) + "".join(f" {write_prose(cause, 300)}" for cause in row.causes),
            *map(_write_figure, (row.exponent, row.share, row.ahead, row.ahead_share)),
        ]
        for row in rows
    ]
    return f"### How cost grows\n\n{sentences}\n\n{_write_table(heads, cells, 2)}"


def _write_functions(rows: Sequence[FunctionRow], view: ReportView) -> str:
    columns = view.columns
    heads = ["Function", "Where", "Share", "Time", "Self", *(["Hits"] if columns.hits else [])]
    heads += ["Growth"] if columns.growth else []
    heads += ["At peak", "Allocated"] if columns.memory else []
    cells = []
    for row in rows:
        figures: list[Figure] = [row.cost.spent_share, row.cost.spent_seconds, row.cost.self_seconds]
        figures += [row.cost.hits] if columns.hits else []
        figures += [row.growth] if columns.growth else []
        figures += [row.cost.peak_bytes, row.cost.allocated_bytes] if columns.memory else []
        cells.append([write_code(row.name, 120), write_code(row.place, 120), *map(_write_figure, figures)])
    return _write_table(heads, cells, 2)


def _write_lines(rows: Sequence[LineRow], view: ReportView) -> str:
    columns = view.columns
    heads = ["Line", "Code", "Share", "Time", *(["Hits", "Per hit"] if columns.hits else [])]
    cells = []
    for row in rows:
        figures = [
            row.cost.spent_share,
            row.cost.spent_seconds,
            *([row.cost.hits, row.cost.hit_seconds] if columns.hits else []),
        ]
        cells.append([write_code(row.place, 120), _write_line_code(row), *map(_write_figure, figures)])
    return _write_table(heads, cells, 2)


def _write_units(rows: Sequence[UnitRow]) -> str:
    cells = []
    for row in rows:
        line = row.lines[0] if row.lines else None
        hottest = f"{_write_figure(line.share)} {write_code(line.place, 120)}" if line else ""
        name = f"{row.kind} {row.name}" if row.kind != "test" else row.name
        figures = map(_write_figure, (row.share, row.spent_seconds))
        cells.append([write_code(name, 120), write_code(row.place, 120), hottest, *figures])
    return _write_table(["Test or fixture", "Place", "Hottest line", "Share", "Time"], cells, 3)


def _write_routes(table: RouteTable) -> str:
    cells = []
    for row in table.rows[:MOST_ROWS]:
        line = row.lines[0] if row.lines else None
        hottest = f"{_write_figure(line.share)} {write_code(line.place, 120)}" if line else ""
        figures = map(_write_figure, (row.share, row.requests, row.rate, row.p50, row.p95))
        cells.append([write_code(row.name, 160), hottest, *figures])
    heads = ["Route", "Hottest line", "Share", "Requests", "A second", "p50", "p95"]
    sentence = f"{table.sentence}\n\n" if table.sentence else ""
    return sentence + _write_table(heads, cells, 2)


def _write_line_code(row: LineRow) -> str:
    grows = f" time per pass {write_prose(row.grows, 160)}" if row.grows else ""
    return write_code(row.code, 120) + grows + (f" calls {write_prose(row.calls, 160)}" if row.calls else "")


def _write_figure(figure: Figure) -> str:
    # No break between a number and its unit: columns get as narrow as their words.
    return figure.text.replace(" ", "\u00a0")


def _write_table(heads: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> str:
    """Return a table whose first ``words`` columns are text, the others figures."""
    rules = ["---" if column < words else "---:" for column in range(len(heads))]
    return "".join(f"| {' | '.join(row)} |\n" for row in (heads, rules, *rows))


def _write_cautions(view: ReportView) -> str:
    shown = view.cautions[:MOST_CAUTIONS]
    lines = []
    for caution in shown:
        hint = f" ({write_prose(caution.hint, 160)})" if caution.hint else ""
        lines.append(f"- {_stress(write_prose(caution.about, 60))}: {write_prose(caution.message, 300)}{hint}\n")
    left = len(view.cautions) - len(shown)
    more = f"\n{left:,} more in the HTML report.\n" if left else ""
    return f"### Warnings\n\n{''.join(lines)}{more}"


def _write_method(view: ReportView) -> str:
    sentences = [*view.method.sentences, *([view.method.values] if view.method.values else [])]
    return "".join(f"- {write_prose(sentence)}\n" for sentence in sentences)


def _write_foot(view: ReportView) -> str:
    summary, provenance = view.summary, view.provenance
    commit = f" · commit {write_code(provenance.commit, 16)}" if provenance.commit else ""
    facts = [write_prose(fact, 80) for fact in (provenance.machine, provenance.started) if fact]
    lines = [
        f"{write_prose(summary.not_measured, 300)}" if summary.not_measured else "",
        f"Next: {write_code(summary.next_command, 240)}" if summary.next_command else "",
        f"<sub>{write_code(provenance.command_line, 240)} · {' · '.join(facts)}{commit} · "
        f"whet {write_prose(provenance.whet, 40)}</sub>",
    ]
    return "\n\n".join(line for line in lines if line) + "\n"


def _stress(text: str) -> str:
    # Asterisks have no effect before a space and some signs, which foreign text may start with.
    return f"<strong>{text}</strong>"


def _fold(title: str, text: str) -> str:
    # Without the empty lines the content would be parsed as HTML.
    return f"<details><summary>{title}</summary>\n\n{text}\n</details>\n"
