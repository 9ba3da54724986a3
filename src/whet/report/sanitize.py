"""Text from the program under study, made harmless for people's eyes.

Names, paths, arguments and sources are the attacker's. Whatever a screen does
not show as a character of its own (controls and terminal escapes, bidirectional
overrides, zero-width characters, lone surrogates, tags) is shown as an escape.
Escaping for a syntax (HTML, markup) is the renderer's business and comes after.
"""

from __future__ import annotations

import unicodedata

_LONGEST_NAME = 240
LONGEST_LINE = 2_000
"""Characters of a line of source that are shown: generated code has lines of megabytes."""


def show(text: str) -> str:
    r"""Return ``text`` on one line, each unseen character as ``\n``, ``\x1b`` or ``\u202e``."""
    if text.isprintable():
        return text
    return "".join(c if _is_seen(c) else _escape(c) for c in text)


def show_source(text: str) -> str:
    """Return a piece of source with unseen characters escaped, but tabs and line ends left as they are."""
    if text.isprintable():
        return text
    return "".join(c if _is_seen(c) or c in "\n\t" else _escape(c) for c in text)


def shorten(text: str, longest: int = _LONGEST_NAME, mark: str = "…") -> str:
    """Return at most ``longest`` characters of ``text``; what is cut, is cut from the middle and leaves ``mark``."""
    if len(text) <= longest:
        return text
    kept = longest - len(mark)
    head = kept // 2
    return f"{text[:head]}{mark}{text[len(text) - (kept - head) :]}"


def cut_line(text: str) -> str:
    """Return a line of source, what is beyond ``LONGEST_LINE`` characters replaced by how much that is."""
    left = len(text) - LONGEST_LINE
    return f"{text[:LONGEST_LINE]}… ({left:,} more characters)" if left > 0 else text


def encodable(text: str) -> str:
    r"""Return ``text`` with lone surrogates as ``\udc80``: the only characters that UTF-8 has no bytes for."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _is_seen(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
