"""Makes text from the program under study safe to display.

Names, paths, arguments and sources are untrusted. Characters without a visible
form of their own (controls and terminal escapes, bidirectional overrides,
zero-width characters, lone surrogates, tags) are shown as escapes. Escaping for
a syntax (HTML, markup) is done by the renderer, afterwards.
"""

from __future__ import annotations

import unicodedata

_LONGEST_NAME = 240
LONGEST_LINE = 2_000
"""Maximum number of characters shown per source line: generated code has lines of megabytes."""


def show(text: str) -> str:
    r"""Return ``text`` on one line, each invisible character as ``\n``, ``\x1b`` or ``\u202e``."""
    if text.isprintable():
        return text
    return "".join(c if _is_seen(c) else _escape(c) for c in text)


def show_source(text: str) -> str:
    """Return a piece of source with invisible characters escaped, except tabs and line ends."""
    if text.isprintable():
        return text
    return "".join(c if _is_seen(c) or c in "\n\t" else _escape(c) for c in text)


def shorten(text: str, longest: int = _LONGEST_NAME, mark: str = "…") -> str:
    """Return at most ``longest`` characters of ``text``; a cut in the middle is shown by ``mark``."""
    if len(text) <= longest:
        return text
    kept = longest - len(mark)
    head = kept // 2
    return f"{text[:head]}{mark}{text[len(text) - (kept - head) :]}"


def cut_line(text: str) -> str:
    """Return a line of source, with characters beyond ``LONGEST_LINE`` replaced by their number."""
    left = len(text) - LONGEST_LINE
    return f"{text[:LONGEST_LINE]}… ({left:,} more characters)" if left > 0 else text


def encodable(text: str) -> str:
    r"""Return ``text`` with lone surrogates as ``\udc80``: the only characters that UTF-8 has no bytes for."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _is_seen(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
