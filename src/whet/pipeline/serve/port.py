"""Where a server takes its port, which each run has one of its own."""

from __future__ import annotations

from collections.abc import Sequence
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
_FIXED = ("--port", "--bind", "-b", "-p")


def place_port(words: Sequence[str]) -> tuple[str, ...]:
    """Return what to add to a server's command so that it gets ``{port}``, which may stand in it already.

    >>> place_port(("uvicorn", "app:app")), place_port(("serve.py", "{port}"))
    (('--port', '{port}'), ())

    Raises ``UsageError`` for an unknown server, and for one with a port of its own.
    """
    if any(PORT in word for word in words):
        return ()
    known = [_PORT_WORDS[Path(word).name] for word in words[:3] if Path(word).name in _PORT_WORDS]
    fixed = next((word for word in words if word.startswith(_FIXED)), "")
    if not known or fixed:
        what = f"has a port of its own ({fixed})" if fixed else "does not say where its port goes"
        raise UsageError(
            f"the server {' '.join(words)[:80]!r} {what}", "write {port} in its place: each run has its own port"
        )
    return known[0]
