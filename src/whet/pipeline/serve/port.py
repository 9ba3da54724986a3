"""Where a server takes its port, which each run has one of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from whet.errors import UsageError
from whet.prove.serving import PORT

_PORT_WORDS = {
    "uvicorn": ("--port", PORT),
    "fastapi": ("--port", PORT),
    "flask": ("--port", PORT),
    "gunicorn": ("--bind", f"127.0.0.1:{PORT}"),
    "hypercorn": ("--bind", f"127.0.0.1:{PORT}"),
    "manage.py": (PORT,),
}
"""What servers take their port by, at the end of their arguments."""
_OPTIONS = ("--port", "--bind", "-p", "-b")
_OWN_PORT = re.compile(r"(.*:)?\d{1,5}")
"""A port that a server was given by itself."""


def place_port(words: Sequence[str]) -> tuple[str, ...]:
    """Return a server's command with ``{port}`` where its port stands, or is to stand.

    >>> place_port(("uvicorn", "app:app")), place_port(("flask", "run", "-p", "80"))
    (('uvicorn', 'app:app', '--port', '{port}'), ('flask', 'run', '--port', '{port}'))

    Raises ``UsageError`` for an unknown server.
    """
    if any(PORT in word for word in words):
        return tuple(words)
    added = next((_PORT_WORDS[name] for word in words[:3] if (name := Path(word).name) in _PORT_WORDS), None)
    if added is None:
        raise UsageError(
            f"the server {' '.join(words)[:80]!r} does not say where its port goes",
            "write {port} in its place: each run has its own port",
        )
    return (*_leave_out(words, is_positional=added == (PORT,)), *added)


def _leave_out(words: Sequence[str], *, is_positional: bool) -> Iterator[str]:
    """Yield the words without the port, or address, that they name."""
    rest = iter(words)
    for word in rest:
        name, _, value = word.partition("=")
        if name in _OPTIONS:
            if not value:
                next(rest, None)
        elif not (is_positional and _OWN_PORT.fullmatch(word)):
            yield word
