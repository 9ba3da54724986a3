"""Where comments are, determined only for the lines asked about: tokenizing a whole file takes long."""

from __future__ import annotations

import ast
import io
import tokenize
from bisect import bisect_right
from collections.abc import Iterator

from whet.engine.source import SourceText

_BLOCKS = ("body", "orelse", "finalbody")


class Comments:
    """The comments of one file."""

    def __init__(self, source: SourceText, tree: ast.Module) -> None:
        self._source = source
        self._tree = tree
        self._known: dict[tuple[int, int], dict[int, int]] = {}

    def column(self, line: int) -> int | None:
        """Return the column where the comment of ``line`` starts; ``None`` if it has none."""
        if "#" not in self._source.lines[line - 1]:
            return None
        lines = self._find_lines(line)
        if lines not in self._known:
            self._known[lines] = self._read(*lines)
        return self._known[lines].get(line)

    def _find_lines(self, line: int) -> tuple[int, int]:
        """Return the first and last line of the smallest source around ``line`` that can be tokenized alone."""
        block: list[ast.stmt] = self._tree.body
        while True:
            at = bisect_right(block, line, key=_start) - 1
            if at < 0 or line > (block[at].end_lineno or block[at].lineno):
                return line, line  # between statements
            found = block[at]
            inner = sorted(_inner(found), key=_start)
            if not inner:
                return found.lineno, found.end_lineno or found.lineno
            if any(_start(statement) <= line <= (statement.end_lineno or statement.lineno) for statement in inner):
                block = inner
                continue
            first = min(map(_start, inner))
            return (_start(found), max(first - 1, line)) if line < first else (line, line)

    def _read(self, first: int, last: int) -> dict[int, int]:
        text = "\n".join(self._source.lines[first - 1 : last])
        found: dict[int, int] = {}
        try:
            for token in tokenize.generate_tokens(io.StringIO(text, newline="\n").readline):
                if token.type == tokenize.COMMENT:
                    found[first + token.start[0] - 1] = token.start[1]
        except (tokenize.TokenError, SyntaxError):
            # Cut off in the middle: text that cannot be tokenized counts as a comment wherever there may be one.
            for number in range(first, last + 1):
                if number not in found and "#" in self._source.lines[number - 1]:
                    found[number] = self._source.lines[number - 1].index("#")
        return found


def _start(statement: ast.stmt) -> int:
    decorators = getattr(statement, "decorator_list", None)
    return decorators[0].lineno if decorators else statement.lineno


def _inner(statement: ast.stmt) -> Iterator[ast.stmt]:
    for field in _BLOCKS:
        yield from getattr(statement, field, ())
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield from part.body
