"""The summary on a terminal: at most forty lines, at any width."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from io import StringIO
from typing import TYPE_CHECKING, BinaryIO, TextIO

from whet.report.parts import FunctionRow, Suggestion
from whet.report.sanitize import shorten, show
from whet.report.units import Figure
from whet.report.view import ReportView

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

MOST_LINES = 40
MOST_HOTSPOTS = 10
MOST_SUGGESTIONS = 3
MOST_CAUTIONS = 3
WIDE = 100
"""From this width on there is room for the optional columns."""
NARROW = 34
"""Below this width the time goes, the share stays."""
NARROWEST = 20
_CUT = "[cut]"
"""Stands for what was left out of the middle of a text: an ellipsis could come to stand at a line's end."""
_FEW = ((10, 3, 3, 400), (8, 3, 2, 300), (6, 3, 1, 200), (5, 2, 1, 140), (3, 1, 1, 90), (2, 1, 1, 60), (1, 1, 0, 40))
"""What is tried until it fits: hotspots, suggestions, cautions, characters of a text."""


class TerminalRenderer:
    """Writes the summary as text of a given width, with colours only where asked for."""

    extension = "txt"

    def __init__(self, width: int = 80, *, color: bool = False, report_path: str = "") -> None:
        self.width = max(width, NARROWEST)
        self.color = color
        self.report_path = report_path

    def render(self, view: ReportView, sink: BinaryIO) -> None:
        """Write ``view`` to ``sink`` in UTF-8."""
        sink.write(self.format(view).encode("utf-8", "backslashreplace"))

    def format(self, view: ReportView) -> str:
        """Return the summary: at most ``MOST_LINES`` lines, whatever the program's names are."""
        text = ""
        for hotspots, suggestions, cautions, longest in _FEW:
            text = self._format_some(view, hotspots, suggestions, cautions, longest)
            if text.count("\n") <= MOST_LINES:
                return text
        return "".join(text.splitlines(keepends=True)[:MOST_LINES])

    def _format_some(self, view: ReportView, hotspots: int, suggestions: int, cautions: int, longest: int) -> str:
        from rich.console import Console

        out = StringIO()
        console = Console(
            file=out,
            width=self.width,
            force_terminal=self.color,
            color_system="standard" if self.color else None,
            no_color=not self.color,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
        )
        page = _Page(console, self.width, longest)
        page.write_head(view)
        page.write_hotspots(view.hot_functions[:hotspots], view)
        page.write_suggestions(view.suggestions[:suggestions], len(view.suggestions))
        page.write_foot(view, self.report_path, cautions)
        return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def print_summary(view: ReportView, stream: TextIO, report_path: str = "") -> None:
    """Write the summary to ``stream``, usually stderr: as wide as it is, in colour where a terminal wants it."""
    terminal = stream.isatty()
    width = shutil.get_terminal_size((WIDE, 24)).columns if terminal else WIDE
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


class _Page:
    """The summary being written: each part knows its width."""

    def __init__(self, console: Console, width: int, longest: int) -> None:
        self._console = console
        self._width = width
        self._longest = longest

    def write_head(self, view: ReportView) -> None:
        summary, provenance = view.summary, view.provenance
        self._write(self._text(summary.verdict, "bold", least=200))
        own = f", {summary.own} of it whet's own" if summary.own.value else ""
        facts = [
            provenance.exit_text,
            f"{summary.duration} wall, {summary.cpu} CPU{own}",
            f"{summary.samples:,} samples",
            f"peak {summary.peak}" if summary.peak.value else "",
            provenance.python,
        ]
        self._write(self._text(" · ".join(fact for fact in facts if fact), "dim", least=200))

    def write_hotspots(self, rows: Sequence[FunctionRow], view: ReportView) -> None:
        if not rows:
            return
        from rich.table import Table

        wide = self._width >= WIDE
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("share", justify="right", no_wrap=True)
        columns = view.columns
        optional: list[tuple[str, Callable[[FunctionRow], Figure], bool]] = [
            ("time", lambda row: row.cost.spent, self._width >= NARROW),
            ("self", lambda row: row.cost.self_time, wide),
            ("hits", lambda row: row.cost.hits, wide and columns.hits),
            ("allocated", lambda row: row.cost.allocated, wide and columns.memory),
        ]
        for name, _, shown in optional:
            if shown:
                table.add_column(name, justify="right", no_wrap=True)
        table.add_column("function", overflow="fold", ratio=1)
        for row in rows:
            figures = [str(get(row)) for _, get, shown in optional if shown]
            place = self._text(row.name, "bold")
            place.append("  " if self._width >= 60 else "\n")
            place.append_text(self._text(row.place, "cyan"))
            table.add_row(str(row.cost.share), *figures, place)
        self._blank()
        self._write(table)

    def write_suggestions(self, suggestions: Sequence[Suggestion], found: int) -> None:
        if not suggestions:
            return
        self._blank()
        more = f" ({len(suggestions)} of {found})" if found > len(suggestions) else ""
        self._write(self._text(f"Suggestions{more}", "bold"))
        for number, suggestion in enumerate(suggestions, 1):
            title, place = self._text(f"{number}. {suggestion.title}"), self._text(suggestion.place, "cyan")
            gap = "  " if len(title) + 2 + len(place) <= self._width else "\n   "
            text = title.append(gap).append_text(place)
            gain = f" · estimated {suggestion.estimate}" if suggestion.estimate.value else ""
            text.append(f"\n   {suggestion.share} of the run{gain} · {suggestion.safety}, {suggestion.verdict}", "dim")
            if suggestion.evidence:
                text.append("\n   ").append_text(self._text(suggestion.evidence[0], "dim"))
            self._write(text)

    def write_foot(self, view: ReportView, report_path: str, cautions: int) -> None:
        from rich.text import Text

        summary = view.summary
        self._blank()
        for caution in view.cautions[:cautions]:
            hint = f" ({caution.hint})" if caution.hint else ""
            about = "" if caution.message.startswith(caution.about) else f"{caution.about}: "
            self._write(self._text(f"Warning: {about}{caution.message}{hint}", "yellow", least=160))
        left = len(view.cautions) - cautions
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

    def _blank(self) -> None:
        self._console.print("")
