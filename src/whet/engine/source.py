"""Source text by lines and columns, counted as people and editors count them."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from functools import cached_property

_NEWLINE = re.compile(r"\r\n|\r|\n")
_SNIPPET_LIMIT = 200


class SourceText:
    """A source and where its lines start.

    Lines end where Python's tokenizer ends them. ``str.splitlines`` does not do:
    it splits at form feeds and at line separators inside strings too.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = _NEWLINE.split(text)

    @cached_property
    def comments(self) -> tuple[tuple[int, int], ...]:
        """Where the comments start, by line and column; should the source not fall into tokens, wherever a ``#`` is."""
        try:
            reading = io.StringIO("\n".join(self.lines), newline="\n")
            tokens = list(tokenize.generate_tokens(reading.readline))
        except (tokenize.TokenError, SyntaxError):
            numbered = enumerate(self.lines, start=1)
            return tuple((line, match.start()) for line, text in numbered for match in re.finditer("#", text))
        return tuple(token.start for token in tokens if token.type == tokenize.COMMENT)

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
