"""Source text by lines and columns, counted as in editors."""

from __future__ import annotations

import ast
import re

_NEWLINE = re.compile(r"\r\n|\r|\n")
_SNIPPET_LIMIT = 200


class SourceText:
    """A source and where its lines start.

    Lines end where Python's tokenizer ends them. ``str.splitlines`` is not suitable:
    it splits at form feeds and at line separators inside strings too.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = _NEWLINE.split(text) if "\r" in text else text.split("\n")

    def column(self, line: int, byte_offset: int) -> int:
        """Return the column in characters of ``byte_offset``, the UTF-8 offset that ``ast`` counts in."""
        text = self.lines[line - 1]
        if text.isascii():
            return byte_offset
        return len(text.encode("utf-8", "surrogatepass")[:byte_offset].decode("utf-8", "ignore"))

    def segment(self, node: ast.expr | ast.stmt) -> str:
        """Return the source of ``node``, its lines joined by line feeds."""
        first, last = node.lineno, node.end_lineno or node.lineno
        start = self.column(first, node.col_offset)
        stop = self.column(last, node.end_col_offset or node.col_offset)
        if first == last:
            return self.lines[first - 1][start:stop]
        inner = self.lines[first : last - 1]
        return "\n".join((self.lines[first - 1][start:], *inner, self.lines[last - 1][:stop]))

    def snippet(self, node: ast.expr | ast.stmt) -> str:
        """Return the source of ``node`` on one line, white space normalised, long ones cut."""
        return " ".join(self.segment(node).split())[:_SNIPPET_LIMIT]
