"""The summary on a terminal: at most forty lines, at any width."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Sequence
from io import StringIO
from typing import TYPE_CHECKING, BinaryIO, TextIO

from whet.report.parts import FunctionRow, Kind, LineRow, Suggestion
from whet.report.routes import RouteRow, RouteTable
from whet.report.sanitize import shorten, show
from whet.report.tests import UnitRow
from whet.report.units import NOTHING, Figure
from whet.report.view import ReportView

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

MOST_LINES = 40
MOST_CAUTIONS = 3
LINE_WORTH = 0.05
"""Share of the run from which on a line is shown below its function, and"""
LINE_PART = 0.25
"""its part of the function."""
ROOMY = 60
"""Below this width no line is shown, and paths stand below names."""
WIDE = 100
"""From this width on there is room for the optional columns."""
NARROW = 34
"""Below this width the time goes, the share stays."""
NARROWEST = 20
_CUT = "[cut]"
"""Stands for what was left out of the middle of a text: an ellipsis could come to stand at a line's end."""
LEAST_CODE = 14
"""Below this room a line's code is left out."""
_CORE, _SENTENCE = 2, 60
"""Sentences on growth that stay whole, and characters that are left of others, however little room there is."""
_END = re.compile(r"(\s|\x1b\[[\d;]*m)+$")
_FEW = (
    (10, 3, 3, 3, 400),
    (10, 3, 1, 2, 400),
    (10, 3, 2, 0, 400),
    (6, 3, 1, 2, 300),
    (8, 3, 2, 0, 300),
    (6, 3, 1, 0, 200),
    (5, 2, 1, 0, 140),
    (3, 1, 1, 0, 90),
    (2, 1, 1, 0, 60),
    (1, 1, 0, 0, 40),
)
"""What is tried until it fits: hotspots (and half as many places that grow), suggestions, cautions, hot lines,
characters of a text."""


class TerminalRenderer:
    """Writes the summary as text of a given width, with colours only where asked for."""

    extension = "txt"
    # The line of facts below the verdict: a text that begins like this is hardly anything else.
    mark = re.compile(rb".*?\swall,\s+(\S+\s+){1,4}CPU\b.*?\s\xc2\xb7\s+[\d,]+\s+samples?\s", re.DOTALL)

    def __init__(self, width: int = 80, *, color: bool = False, report_path: str = "") -> None:
        self.width = max(width, NARROWEST)
        self.color = color
        self.report_path = report_path

    def render(self, view: ReportView, sink: BinaryIO) -> None:
        """Write ``view`` to ``sink`` in UTF-8."""
        sink.write(self.format(view).encode("utf-8", "backslashreplace"))

    def format(self, view: ReportView) -> str:
        """Return the summary: at most ``MOST_LINES`` lines, whatever the program's names are."""
        for few in _FEW:
            out = StringIO()
            with contextlib.suppress(_FullError):
                self._write_some(out, view, *few)
                break
        return "".join(_strip_end(line) + "\n" for line in out.getvalue().splitlines()[:MOST_LINES])

    def _write_some(
        self, out: StringIO, view: ReportView, hotspots: int, suggestions: int, cautions: int, lines: int, longest: int
    ) -> None:
        from rich.console import Console

        console = Console(
            file=out,
            width=self.width,
            force_terminal=self.color,
            color_system="standard" if self.color else None,
            no_color=not self.color,
            legacy_windows=False,
            force_jupyter=False,
            highlight=False,
            markup=False,
            emoji=False,
        )
        page = _Page(console, out, self.width, longest)
        page.write_head(view)
        page.write_growth(view, hotspots)
        page.write_hotspots(view.hot_functions[:hotspots], view, lines)
        page.write_routes(view.routes, hotspots // 2, lines)
        page.write_units(view.units[: hotspots // 2])
        page.write_memory(view.memory_lines[: min(hotspots // 2, 3)])
        page.write_suggestions(view.top_suggestions[:suggestions], view)
        page.write_foot(view, self.report_path, cautions)


def print_summary(view: ReportView, stream: TextIO, report_path: str = "", *, color: bool | None = None) -> None:
    """Write the summary to ``stream``, usually stderr: as wide as it is, in colour where a terminal wants it."""
    terminal = stream.isatty()
    width = shutil.get_terminal_size((WIDE, 24)).columns if terminal else WIDE
    if color is None:
        color = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    text = TerminalRenderer(width, color=color, report_path=report_path).format(view)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(_spell_out(text, encoding).encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _spell_out(text: str, encoding: str) -> str:
    """Replace the few signs of our own that an old terminal's encoding may not have."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        for sign, plain in (("±", "+/-"), ("×", "x"), ("µ", "u"), ("–", "-"), ("…", "..."), ("·", "-")):
            text = text.replace(sign, plain)
    return text


def _pick_lines(rows: Sequence[FunctionRow], lines: Sequence[LineRow], most: int) -> dict[FunctionRow, list[LineRow]]:
    """Return the hottest line of each function that has one which stands out.

    Of code outside of functions, which may be the whole program, up to ``most`` lines.
    """
    of: dict[tuple[str, int], list[LineRow]] = {}
    for line in lines:
        of.setdefault((line.file, line.function_line), []).append(line)
    picked: dict[FunctionRow, list[LineRow]] = {}
    for row in rows:
        whole, is_module = row.cost.spent_share.value or 0.0, row.name == "<module>"
        least = LINE_WORTH if is_module else max(LINE_WORTH, LINE_PART * whole)
        # A line that holds a function of its own, as a lambda, may cost more than the function around it.
        found = [
            line
            for line in of.get((row.file, row.line), ())[: most if is_module else 1]
            if row.end_line > row.line and least <= (line.cost.spent_share.value or 0.0) <= whole
        ]
        if found:
            picked[row] = found
    return picked


def _describe_line(line: LineRow, room: int) -> str:
    """Return a line's figures and its code, cut so that both stand in one line of ``room`` columns."""
    text = f"line {line.line}, {line.cost.spent_share}"
    return f"{text}  {_fit(line.code, room - len(text) - 2)}" if line.code and room - len(text) > LEAST_CODE else text


def _describe_general(suggestion: Suggestion) -> str:
    gain = f", {suggestion.gain}" if suggestion.gain.value else ""
    return f"{suggestion.title} ({suggestion.share} of the run{gain})"


def _fit(text: str, room: int) -> str:
    """Return harmless text, its middle cut out where it is wider than ``room`` columns."""
    from rich.cells import cell_len

    text = most = show(text)
    length = min(len(text), room)
    while cell_len(most) > room and length > len(_CUT):
        most = shorten(text, length, _CUT)
        length -= 1
    return most


def _strip_end(line: str) -> str:
    """Return ``line`` without blanks at its end, those before and between the codes for colours included."""
    return _END.sub(lambda end: end[0].replace(" ", ""), line)


class _FullError(Exception):
    """More than ``MOST_LINES`` lines are written."""


class _Page:
    """The summary being written: each part knows its width."""

    def __init__(self, console: Console, out: StringIO, width: int, longest: int) -> None:
        self._console = console
        self._out = out
        self._width = width
        self._longest = longest

    def write_head(self, view: ReportView) -> None:
        summary, provenance = view.summary, view.provenance
        self._write(self._text(summary.verdict, "bold", least=200))
        own = f", {summary.own} of it whet's own" if summary.own.value else ""
        facts = [
            provenance.exit_text,
            f"{summary.executions} executions pooled" if summary.executions > 1 else "",
            f"{summary.duration} wall, {summary.cpu} CPU{own}" if summary.duration.value is not None else "",
            f"{summary.gil} waiting for the GIL" if summary.gil.value else "",
            f"{summary.samples:,} sample{'s' if summary.samples != 1 else ''}",
            f"peak {summary.peak}" if summary.peak.value else "",
            provenance.python,
        ]
        self._write(self._text(" · ".join(fact for fact in facts if fact), "dim", least=200))
        if view.job is not None and view.job.sentence:
            self._write(self._text(view.job.sentence, least=200))
        if provenance.python_chosen:
            self._write(self._text(f"Interpreter: {provenance.python_chosen}", "dim", least=200))

    def write_hotspots(self, rows: Sequence[FunctionRow], view: ReportView, hot_lines: int = 0) -> None:
        if not rows:
            return
        from rich.table import Table

        wide = self._width >= WIDE
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("share", justify="right", no_wrap=True)
        columns = view.columns
        optional: list[tuple[str, Callable[[FunctionRow], Figure], bool]] = [
            ("time", lambda row: row.cost.spent_seconds, self._width >= NARROW),
            ("self", lambda row: row.cost.self_seconds, wide),
            ("hits", lambda row: row.cost.hits, wide and columns.hits),
            ("allocated", lambda row: row.cost.allocated_bytes, wide and columns.memory),
        ]
        for name, _, shown in optional:
            if shown:
                table.add_column(name, justify="right", no_wrap=True)
        table.add_column("function", overflow="fold", ratio=1)
        lines = _pick_lines(rows[:hot_lines], view.lines, hot_lines) if self._width >= ROOMY else {}
        cells = {
            row: [str(row.cost.spent_share), *(str(get(row)) for _, get, shown in optional if shown)] for row in rows
        }
        heads = ["share", *(name for name, _, shown in optional if shown)]
        room = self._width - sum(max(map(len, column)) + 2 for column in zip(heads, *cells.values(), strict=True))
        for row in rows:
            place = self._text(row.name, "bold")
            place.append("  " if self._width >= ROOMY else "\n")
            place.append_text(self._text(row.place, "cyan"))
            for line in lines.get(row, ()):
                place.append("\n").append_text(self._text(_describe_line(line, room), "dim"))
                if line.grows:
                    place.append("\n").append_text(self._text(_fit(f"time per pass {line.grows}", room), "dim"))
                if line.calls:
                    place.append("\n").append_text(self._text(_fit(f"calls {line.calls}", room), "dim"))
            table.add_row(*cells[row], place)
        self._blank()
        self._write(table)
        if view.summary.outside:
            self._write(self._text(view.summary.outside, "dim"))

    def write_growth(self, view: ReportView, most: int) -> None:
        """Write what dominates at the size that is predicted, a line for each place."""
        growth = view.growth
        if growth is None:
            return
        self._blank()
        for number, sentence in enumerate(growth.sentences[:most]):
            self._write(self._text(sentence, least=200 if number < _CORE else _SENTENCE))
        rows = (growth.lines or growth.functions)[: max(1, most // 2)]
        if rows:
            self._write(self._text(f"Most of the cost at n = {growth.ahead_size:,}:", "dim"))
        for row in rows:
            head = self._text(f"{row.ahead_share.text:>7}  {row.exponent}{f' ({row.shape})' if row.shape else ''}")
            gap = "  " if len(head) + 2 + len(row.place) <= self._width else "\n         "
            self._write(head.append(gap).append_text(self._text(row.place, "cyan")))
            if row.code and most >= 8:
                self._write_below(_fit(row.code, self._width - 3))
            for cause in row.causes if most >= 6 else ():
                self._write_below(cause, least=200)
        for note in growth.notes[: most // 2]:
            self._write(self._text(f"Note: {note}", "dim"))

    def write_routes(self, routes: RouteTable | None, most: int, hot_lines: int) -> None:
        """Write the first routes, some with their hottest line."""
        if routes is None or not most:
            return
        from rich.table import Table

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("share", justify="right", no_wrap=True)
        columns: list[tuple[str, Callable[[RouteRow], Figure], int]] = [
            ("requests", lambda row: row.requests, WIDE),
            ("/s", lambda row: row.rate, ROOMY),
            ("p50", lambda row: row.p50, NARROW),
            ("p95", lambda row: row.p95, NARROW),
        ]
        shown = [(name, get) for name, get, width in columns if self._width >= width and routes.sentence]
        for name, _ in shown:
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("route", overflow="fold", ratio=1)
        rows = routes.rows[:most]
        cells = {row: [str(row.share), *(str(get(row)) for _, get in shown)] for row in rows}
        heads = ["share", *(name for name, _ in shown)]
        room = self._width - sum(max(map(len, column)) + 2 for column in zip(heads, *cells.values(), strict=True))
        for number, row in enumerate(rows):
            place = self._text(row.name, "bold")
            if row.place and self._width >= ROOMY:
                place.append("  ").append_text(self._text(row.place, "cyan"))
            if row.lines and number < hot_lines and self._width >= ROOMY:
                line = row.lines[0]
                text = f"{line.share} of it at {line.place}"
                left = room - len(text) - 2
                text += f"  {_fit(line.code, left)}" if line.code and left > LEAST_CODE else ""
                place.append("\n").append_text(self._text(_fit(text, room), "dim"))
            table.add_row(*cells[row], place)
        self._blank()
        self._write(table)
        if len(routes.rows) > most or routes.sentence:
            more = f" {len(routes.rows) - most:,} more in the report." if len(routes.rows) > most else ""
            self._write(self._text(f"{routes.sentence}{more}".strip(), "dim", least=200))

    def write_units(self, rows: Sequence[UnitRow]) -> None:
        if not rows:
            return
        self._blank()
        self._write(self._text("Tests and fixtures", "bold"))
        for row in rows:
            kind = "" if row.kind == "test" else f"{row.kind} "
            self._write(self._text(f"{kind}{row.name}  ").append_text(self._text(row.place, "cyan")))
            facts = f"{row.share} of the run"
            if row.lines and self._width >= ROOMY:
                line = row.lines[0]
                facts += f", {line.share} of it at {line.place}"
                room = self._width - 3 - len(facts) - 2
                facts += f"  {_fit(line.code, room)}" if line.code and room > LEAST_CODE else ""
            self._write_below(facts)

    def write_memory(self, rows: Sequence[LineRow]) -> None:
        """Write which lines hold most memory: at the peak, and at the end where that was measured."""
        if not rows or self._width < ROOMY:
            return
        self._blank()
        self._write(self._text("Memory at the peak, and at the end", "bold"))
        for row in rows:
            text = f"{row.cost.peak_bytes.text:>8}  {row.cost.live_bytes.text:>8}  {row.place}"
            room = self._width - len(text) - 2
            self._write(self._text(text + (f"  {_fit(row.code, room)}" if row.code and room > LEAST_CODE else "")))

    def write_suggestions(self, suggestions: Sequence[Suggestion], view: ReportView) -> None:
        if suggestions or view.general:
            self._blank()
        found = len(view.suggestions) - len(view.general)
        if suggestions:
            more = f" ({len(suggestions)} of {found})" if found > len(suggestions) else ""
            self._write(self._text(f"Suggestions{more}", "bold"))
        for number, suggestion in enumerate(suggestions, 1):
            title, place = self._text(f"{number}. {suggestion.title}"), self._text(suggestion.place, "cyan")
            gap = "  " if len(title) + 2 + len(place) <= self._width else "\n   "
            text = title.append(gap).append_text(place)
            measured = suggestion.proof.gain if suggestion.proof else None
            told = f"measured {suggestion.gain} {measured.interval}" if measured else f"estimated {suggestion.gain}"
            told += f" together {suggestion.together}" if suggestion.together else ""
            told = told if suggestion.gain.value else f"gain {suggestion.gain}"
            gain = f" · {told}" if suggestion.gain.text != NOTHING else ""
            self._write(text)
            state = f"{suggestion.safety}, {suggestion.verdict}" if suggestion.kind is Kind.REWRITE else "no rewrite"
            facts = f"{suggestion.worth}{gain} · {state}"
            self._write_below(facts, least=160)
            if suggestion.kind is Kind.ADVICE:
                # There is no diff to look at: what to do stands here or nowhere.
                self._write_below(suggestion.message, least=600)
            if suggestion.evidence:
                self._write_below(suggestion.evidence[0])
        if view.general:
            told = "; ".join(_describe_general(item) for item in view.general)
            self._write(self._text("In general: ", "bold").append_text(self._text(told, "dim", least=200)))

    def write_foot(self, view: ReportView, report_path: str, cautions: int) -> None:
        from rich.text import Text

        summary = view.summary
        self._blank()
        # What the lists of the whole report leave out is told there.
        shown = [caution for caution in view.cautions if caution.about != "report"]
        for caution in shown[:cautions]:
            hint = f" ({caution.hint})" if caution.hint else ""
            about = "" if caution.message.startswith(caution.about) else f"{caution.about}: "
            self._write(self._text(f"Warning: {about}{caution.message}{hint}", "yellow", least=160))
        left = len(shown) - cautions
        if left > 0:
            self._write(Text(f"{left} {'more ' if cautions else ''}warning{'s' * (left > 1)} in the report", "yellow"))
        if report_path:
            self._write(self._text("Report: ").append_text(self._text(report_path, "bold", least=200)))
        if summary.next_command:
            self._write(self._text("Next: ").append_text(self._text(summary.next_command, "bold", least=160)))
        if summary.not_measured:
            self._write(self._text(summary.not_measured, "dim", least=200))

    def _text(self, text: str, style: str = "", least: int = 0) -> Text:
        """Return harmless text, its middle cut out beyond what is allowed now, or ``least`` if that is more."""
        from rich.text import Text

        return Text(shorten(show(text), max(self._longest, least), _CUT), style=style)

    def _write(self, text: RenderableType) -> None:
        self._console.print(text, overflow="fold")
        if self._out.getvalue().count("\n") > MOST_LINES:
            raise _FullError

    def _write_below(self, text: str, least: int = 0) -> None:
        """Write what belongs to the line above, each line of it indented."""
        from rich.padding import Padding

        self._write(Padding(self._text(text, "dim", least), (0, 0, 0, 3)))

    def _blank(self) -> None:
        self._write("")
