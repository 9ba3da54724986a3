"""Which programs are servers of web applications, and in which modules they keep these and start their workers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from whet.program.spec import TargetKind, TargetSpec


class Servers(NamedTuple):
    """Modules of servers: ``holders`` hold the application, ``starters`` start a process that serves it."""

    holders: tuple[str, ...] = ()
    starters: tuple[str, ...] = ()


_UVICORN, _WSGIREF = "uvicorn.config", "wsgiref.simple_server"
_DJANGO = Servers((_WSGIREF,), ("django.utils.autoreload",))
_SERVERS = {
    "uvicorn": Servers((_UVICORN,), ("multiprocessing.util",)),
    "fastapi": Servers((_UVICORN,), ("multiprocessing.util",)),
    "gunicorn": Servers(("gunicorn.workers.base", "gunicorn.workers.gasgi", _UVICORN)),
    "hypercorn": Servers(("hypercorn.app_wrappers",), ("multiprocessing.util",)),
    "flask": Servers(("werkzeug.serving",), ("werkzeug._reloader",)),
    "django-admin": _DJANGO,
    "django": _DJANGO,
    "manage": _DJANGO,
}
_COMMANDS = {
    "fastapi": {"run", "dev"},
    "flask": {"run"},
    "django-admin": {"runserver"},
    "django": {"runserver"},
    "manage": {"runserver"},
}
"""Of programs that do other things too, the commands that serve."""
ANY = Servers(tuple(dict.fromkeys(module for each in _SERVERS.values() for module in each.holders)))
"""For a program of which it is only known that it serves; what it starts is its own."""


def find_servers(spec: TargetSpec, environ: Mapping[str, str]) -> Servers:
    """Return the modules to watch if ``spec`` is a server; none for any other program.

    >>> find_servers(TargetSpec(TargetKind.CONSOLE_SCRIPT, "/venv/bin/uvicorn", ("app:app",)), {}).holders
    ('uvicorn.config',)
    >>> find_servers(TargetSpec(TargetKind.SCRIPT, "manage.py", ("migrate",)), {}).holders
    ()
    """
    if spec.kind is TargetKind.MODULE:
        name = spec.name
    elif spec.kind is TargetKind.CONSOLE_SCRIPT:
        name = Path(spec.name).stem
    elif spec.kind is TargetKind.SCRIPT and Path(spec.name).name == "manage.py":
        name = "manage"
    else:
        return Servers()
    commands = _COMMANDS.get(name)
    if commands is not None and commands.isdisjoint(spec.args):
        return Servers()
    found = _SERVERS.get(name, Servers())
    if name == "uvicorn" and not _starts_workers(spec, environ):
        return Servers(found.holders)
    return found


def _starts_workers(spec: TargetSpec, environ: Mapping[str, str]) -> bool:
    return "WEB_CONCURRENCY" in environ or any(word.startswith(("--workers", "--reload")) for word in spec.args)
