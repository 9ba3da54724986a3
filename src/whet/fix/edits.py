"""Applies edits to a source as text. Pure; the other modules handle files."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable

from whet.errors import WhetError
from whet.fix.decoding import decode_source, encode_source
from whet.model.finding import Edit
from whet.records import dataclass

_NEWLINE = re.compile(r"\r\n|\r|\n")
_BOM = "\ufeff"


class EditError(WhetError):
    """Edits that overlap, or that point outside of the source."""


@dataclass(frozen=True, slots=True)
class Span:
    """An edit by its offsets in the text, a byte order mark not counted; the end is exclusive."""

    start: int
    end: int
    text: str


class Lines:
    """The starts of the lines of a text, as Python counts them, and their line ends."""

    def __init__(self, text: str) -> None:
        self.text = text.removeprefix(_BOM)
        ends = list(_NEWLINE.finditer(self.text))
        self._starts = [0, *(match.end() for match in ends)]
        self._stops = [*(match.start() for match in ends), len(self.text)]
        self._newlines = [match[0] for match in ends]

    def span(self, edit: Edit) -> Span:
        """Return ``edit`` with offsets, and with the line ends of its surroundings. Raises :class:`EditError`."""
        start, end = self._offset(edit.line, edit.column), self._offset(edit.end_line, edit.end_column)
        if end < start:
            raise EditError(f"an edit ends before it starts (line {edit.line})")
        newline = self.newline(edit.line)
        return Span(start, end, _NEWLINE.sub(newline, edit.text))

    def newline(self, line: int) -> str:
        """Return the line end of ``line``; for a last line without one, that of the previous line."""
        if not self._newlines:
            return "\n"
        return self._newlines[min(line, len(self._newlines)) - 1]

    def position(self, offset: int) -> tuple[int, int]:
        """Return line (from 1) and column (from 0) of ``offset``."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1]

    def _offset(self, line: int, column: int) -> int:
        if line == len(self._starts) + 1 and column == 0:
            return len(self.text)
        if not 1 <= line <= len(self._starts):
            raise EditError(f"an edit is at line {line} of {len(self._starts)}")
        offset = self._starts[line - 1] + column
        if column < 0 or offset > self._stops[line - 1]:
            raise EditError(f"an edit is at column {column} of line {line}, which is shorter")
        return offset


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Return ``text`` with all ``edits`` applied; equal ones are applied once, a byte order mark is kept.

    Insertions at one place are kept in the order given, but imports come first, and decorators last. Raises
    :class:`EditError` for edits that overlap.
    """
    lines = Lines(text)
    spans = [lines.span(edit) for edit in dict.fromkeys(edits)]
    spans.sort(key=lambda span: (span.start, span.end, _rank_insertion(span.text)))
    pieces: list[str] = [_BOM] if text.startswith(_BOM) else []
    done = 0
    for span in spans:
        if span.start < done:
            line, _ = lines.position(span.start)
            raise EditError(f"two edits overlap (line {line})")
        pieces += (lines.text[done : span.start], span.text)
        done = span.end
    pieces.append(lines.text[done:])
    return "".join(pieces)


def _rank_insertion(text: str) -> int:
    """Return the place among insertions of several rewrites: what follows a decorator must be its function."""
    code = text.lstrip()
    return 0 if code.startswith(("import ", "from ")) else 2 if code.startswith("@") else 1


def edit_source(data: bytes, edits: Iterable[Edit]) -> bytes:
    """Return a source with ``edits`` made, in the encoding that it declares.

    Raises :class:`EditError`, and :class:`whet.fix.decoding.DecodingError` for what is not that or cannot be put in it.
    """
    text, encoding = decode_source(data, to_write=True)
    return encode_source(apply_edits(text, edits), encoding)
