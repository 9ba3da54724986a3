"""Text from the program inside Markdown, as GitHub and GitLab read it: none of it is syntax, a mention or a link.

Signs become numeric entities, which no reader of Markdown takes for syntax, not
even in cells of tables, where backslashes before bars are read in different ways.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from whet.report.sanitize import shorten, show, show_source

_ENTITIES = {ord(sign): f"&#{ord(sign)};" for sign in "&<>\\`*_[]|~#@$"}
_GROWTH = 4
"""How many times as long as it was allowed a text may get by escaping, before more of it is cut out."""
_LINKS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=\bgh-)(?=\d)|(?<=\w&#64;)(?=\w)", re.IGNORECASE)
_CALLS = re.compile(r"(?<=&#64;)|(?<=&#35;)")
_BREAK = "&#8203;"
"""A space of no width, ours: sites look for addresses, people and issues after they have resolved entities."""


def write_prose(text: str, longest: int = 400) -> str:
    """Return a text on one line, at most ``longest`` characters of it: the middle goes."""
    return _fit(text, longest, _escape_prose)


def write_code(text: str, longest: int = 160) -> str:
    """Return a name, path or piece of code on one line, set as code; an empty one stays empty."""
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
    # A dollar sign begins a formula unless an element stands around it.
    return _CALLS.sub(_BREAK, _escape_code(text)).replace("&#36;", "<span>&#36;</span>")
