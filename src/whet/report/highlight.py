"""Python source as HTML, coloured by Pygments' lexer in six classes of our own.

Only the lines that are shown become HTML. They are coloured in context, so the
lexer reads the whole file where that is quick, else from a little above.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from typing import TYPE_CHECKING

from whet.model.source import split_lines
from whet.report.sanitize import LONGEST_LINE, cut_line, show_source

if TYPE_CHECKING:
    from markupsafe import Markup
    from pygments.lexers.python import PythonLexer

WHOLE_FILE = 4_000
"""Maximum number of lines of a file that is lexed whole."""
ABOVE = 200
LEXED = 20_000
"""Maximum number of characters lexed per line: highlighting a literal of a megabyte would take seconds."""


@cache
def load_lexer() -> PythonLexer:
    """Return the lexer: creating it compiles all its expressions, which takes longer than lexing most sources."""
    from pygments.lexers.python import PythonLexer

    return PythonLexer(stripnl=False, ensurenl=False)


def highlight_lines(text: str, wanted: Collection[int]) -> dict[int, Markup]:
    """Return the HTML of the ``wanted`` lines of a source by number, counted from 1."""
    from markupsafe import Markup

    lines = split_lines(text)
    found: dict[int, Markup] = {}
    for first, last in _choose_spans(sorted(wanted), len(lines)):
        excerpt = "\n".join(line[:LEXED] for line in lines[first - 1 : last])
        for number, pieces in enumerate(_split_tokens(excerpt), first):
            if number in wanted:
                shown = _cut(pieces, lines[number - 1]) if pieces else []
                found[number] = Markup("").join(_wrap(kind, piece) for kind, piece in shown)
    return found


def _cut(pieces: list[tuple[str, str]], line: str) -> list[tuple[str, str]]:
    """Return the pieces of the visible part of a long line."""
    if len(line) <= LONGEST_LINE:
        return pieces
    cut: list[tuple[str, str]] = []
    room = LONGEST_LINE
    for kind, piece in pieces:
        cut.append((kind, piece[:room]))
        room -= len(piece)
        if room <= 0:
            break
    return [*cut, ("", cut_line(line)[LONGEST_LINE:])]


def _choose_spans(wanted: list[int], length: int) -> list[tuple[int, int]]:
    if not wanted:
        return []
    if length <= WHOLE_FILE:
        return [(1, wanted[-1])]
    spans: list[tuple[int, int]] = []
    for line in wanted:
        if spans and line - ABOVE <= spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], line)
        else:
            spans.append((max(1, line - ABOVE), line))
    return spans


def _split_tokens(text: str) -> Iterator[list[tuple[str, str]]]:
    """Yield for each line its pieces as (class, text); adjacent pieces of one class are merged."""
    line: list[tuple[str, str]] = []
    for _, kind, value in load_lexer().get_tokens_unprocessed(text):
        css = _classify(str(kind))
        for i, piece in enumerate(value.split("\n")):
            if i:
                yield line
                line = []
            if not piece:
                continue
            if line and line[-1][0] == css:
                line[-1] = (css, line[-1][1] + piece)
            else:
                line.append((css, piece))
    yield line


def _classify(kind: str) -> str:
    for prefix, css in (
        ("Token.Keyword", "k"),
        ("Token.Operator.Word", "k"),
        ("Token.Literal.String.Interpol", ""),
        ("Token.Literal.String", "s"),
        ("Token.Literal.Number", "m"),
        ("Token.Comment", "c"),
        ("Token.Name.Function.Magic", ""),
        ("Token.Name.Function", "f"),
        ("Token.Name.Class", "f"),
        ("Token.Name.Decorator", "d"),
    ):
        if kind.startswith(prefix):
            return css
    return ""


def _wrap(css: str, text: str) -> Markup:
    from markupsafe import Markup, escape

    shown = escape(show_source(text))
    return Markup('<span class="{}">{}</span>').format(css, shown) if css and text.strip() else shown
