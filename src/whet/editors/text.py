"""A text as editors count it: lines from 0, columns in the units that editor and server agreed on."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lsprotocol import types

from whet.engine.source import SourceText
from whet.fix.edits import Lines
from whet.model.finding import Edit

_BOM = "\ufeff"


class Text:
    """A document's text at one version. ``count`` gives the length of a string in the editor's units."""

    def __init__(self, text: str, version: int, count: Callable[[str], int]) -> None:
        self.text = text
        self.version = version
        self._mark = _BOM if text.startswith(_BOM) else ""
        self.lines = SourceText(text.removeprefix(_BOM)).lines
        self._count = count

    def at(self, line: int, column: int) -> types.Position:
        """Return the position of a line from 1 and a column from 0 in characters."""
        if line > len(self.lines):
            return self.end_of(len(self.lines))
        before = self.lines[line - 1][:column]
        return types.Position(line - 1, self._count(self._mark + before if line == 1 else before))

    def end_of(self, line: int) -> types.Position:
        """Return the position behind the last character of a line from 1."""
        return self.at(line, len(self.lines[line - 1]))

    def range_of(self, line: int, column: int, end_line: int) -> types.Range:
        """Return the range from a place to the end of its line, and no further: marks on many lines hide the code."""
        line = min(line, len(self.lines))
        text = self.lines[line - 1]
        start = column if column < len(text) else len(text) - len(text.lstrip())
        return types.Range(self.at(line, start), self.end_of(min(line, end_line)))

    def write_edits(self, edits: Iterable[Edit]) -> list[types.TextEdit]:
        """Return edits for the editor, with the line ends of their surroundings. Raises ``EditError``."""
        lines = Lines(self.text)
        made = []
        for edit in dict.fromkeys(edits):
            span = lines.span(edit)
            place = types.Range(self.at(edit.line, edit.column), self.at(edit.end_line, edit.end_column))
            made.append(types.TextEdit(place, span.text))
        return made
