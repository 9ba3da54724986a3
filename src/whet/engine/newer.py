"""Which Python a source needs that this one cannot parse."""

from __future__ import annotations

import ast
import re
import sys
import warnings

_OLDER: tuple[tuple[tuple[int, int], tuple[tuple[re.Pattern[str], str], ...]], ...] = (
    (
        (3, 15),
        (
            (re.compile(r"^([ \t]*)lazy[ \t]+(?=(?:import|from)\b)", re.MULTILINE), r"\1"),
            (re.compile(r"([\[({])(\s*)\*{1,2}(?=[^\[\](){},\n]*\sfor\s)"), r"\1\2"),
        ),
    ),
    (
        (3, 14),
        (
            (re.compile(r"\b(?:[tT][rR]?|[rR][tT])(?=[\"'])"), "f"),
            (re.compile(r"^([ \t]*except\*?)[ \t]+([^():\n]+,[^:\n]+):", re.MULTILINE), r"\1 (\2):"),
        ),
    ),
    ((3, 13), ((re.compile(r"\b((?:def|class|type)[ \t]+\w+[ \t]*)\[[^\[\]\n]*=[^\n]*?\](?=[ \t]*[(:=])"), r"\1"),)),
    (
        (3, 12),
        (
            (re.compile(r"\b((?:def|class|type)[ \t]+\w+[ \t]*)\[[^\n]*?\](?=[ \t]*[(:=])"), r"\1"),
            (re.compile(r"^([ \t]*)type[ \t]+(?=\w+[ \t]*=)", re.MULTILINE), r"\1"),
        ),
    ),
)
"""What each version added to the syntax, and what is about the same in older ones."""


def find_needed_python(text: str, error: SyntaxError) -> tuple[int, int] | None:
    """Return the Python version that ``text`` needs, newer than the one that runs; ``None``: no version parses it.

    ``error`` is what this one says. The source is rewritten with older syntax, from the newest version down, until
    it parses.
    """
    running = sys.version_info[:2]
    needed: tuple[int, int] | None = None
    for version, replaced in _OLDER:
        if version <= running:
            break
        older = text
        for pattern, instead in replaced:
            older = pattern.sub(instead, older)
        if older != text:
            text, needed = older, needed or version
        if needed is not None and _parses(text):
            return needed
    if running < (3, 12) and (error.msg or "").startswith("f-string"):
        return needed or (3, 12)  # quotes, backslashes and comments in fields
    return None


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
