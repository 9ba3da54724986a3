"""Escapes text from the program for GitHub's and GitLab's Markdown: none of it is syntax, a mention or a link.

Special characters become numeric entities, which no Markdown parser takes for
syntax, not even in table cells, where backslashes before bars differ by parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from whet.report.sanitize import shorten, show, show_source

_ENTITIES = {ord(sign): f"&#{ord(sign)};" for sign in "&<>\\`*_[]|~#@$"}
_GROWTH = 4
"""Maximum growth factor of a string by escaping, beyond which more of it is cut."""
_LINKS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=\bgh-)(?=\d)|(?<=\w&#64;)(?=\w)", re.IGNORECASE)
_CALLS = re.compile(r"(?<=&#64;)|(?<=&#35;)")
_BREAK = "&#8203;"
"""A zero-width space of ours: sites detect addresses, people and issues after resolving entities."""


def write_prose(text: str, longest: int = 400) -> str:
    """Return a string on one line, at most ``longest`` characters, cut in the middle."""
    return _fit(text, longest, _escape_prose)


def write_code(text: str, longest: int = 160) -> str:
    """Return a name, path or piece of code on one line, formatted as code; an empty one stays empty."""
    return f"<code>{_fit(text, longest, _escape_code)}</code>" if text else ""


def write_diff(text: str, longest: int) -> str:
    """Return a diff as a block, its first lines if it has more than ``longest`` characters, and how many are left."""
    lines = show_source(text).rstrip("\n").split("\n")
    kept, size = 0, 0
    for line in lines:
        size += len(line) + 1
        if size > longest:
            break
        kept += 1
    body = "\n".join(lines[:kept])
    left = len(lines) - kept
    runs = re.findall(r"`+", body)
    marks = "`" * max([3, *(len(run) + 1 for run in runs)])
    block = f"{marks}diff\n{body}\n{marks}\n" if kept else ""
    more = f"{left:,} {'more ' if kept else ''}line{'s' if left != 1 else ''} of the diff in the HTML report.\n"
    return "\n".join(part for part in (block, more if left else "") if part)


def _fit(text: str, longest: int, escape: Callable[[str], str]) -> str:
    shown = show(text)
    allowed = longest
    while True:
        escaped = escape(shorten(shown, allowed))
        if len(escaped) <= _GROWTH * longest:
            return escaped
        allowed = allowed * 3 // 4


def _escape_code(text: str) -> str:
    return _LINKS.sub(_BREAK, text.translate(_ENTITIES))


def _escape_prose(text: str) -> str:
    # A dollar sign starts a formula unless it is inside an element.
    return _CALLS.sub(_BREAK, _escape_code(text)).replace("&#36;", "<span>&#36;</span>")
