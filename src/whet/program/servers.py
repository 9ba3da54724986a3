"""Which programs are servers of web applications, and the modules in which they keep these."""

from __future__ import annotations

from pathlib import Path

from whet.program.spec import TargetKind, TargetSpec

_MODULES = {
    "uvicorn": ("uvicorn.config",),
    "fastapi": ("uvicorn.config",),
    "gunicorn": ("gunicorn.workers.base", "gunicorn.workers.gasgi", "uvicorn.config"),
    "hypercorn": ("hypercorn.app_wrappers",),
    "flask": ("werkzeug.serving",),
    "django-admin": ("wsgiref.simple_server",),
    "django": ("wsgiref.simple_server",),
    "manage": ("wsgiref.simple_server",),
}
_COMMANDS = {
    "fastapi": {"run", "dev"},
    "flask": {"run"},
    "django-admin": {"runserver"},
    "django": {"runserver"},
    "manage": {"runserver"},
}
"""Of programs that do other things too, the commands that serve."""
ALL = tuple(dict.fromkeys(module for modules in _MODULES.values() for module in modules))


def find_servers(spec: TargetSpec) -> tuple[str, ...]:
    """Return the modules that hold the application if ``spec`` is a server; none for any other program.

    >>> find_servers(TargetSpec(TargetKind.CONSOLE_SCRIPT, "/venv/bin/uvicorn", ("app:app",)))
    ('uvicorn.config',)
    >>> find_servers(TargetSpec(TargetKind.SCRIPT, "manage.py", ("migrate",)))
    ()
    """
    if spec.kind is TargetKind.MODULE:
        name = spec.name
    elif spec.kind is TargetKind.CONSOLE_SCRIPT:
        name = Path(spec.name).stem
    elif spec.kind is TargetKind.SCRIPT and Path(spec.name).name == "manage.py":
        name = "manage"
    else:
        return ()
    commands = _COMMANDS.get(name)
    if commands is not None and commands.isdisjoint(spec.args):
        return ()
    return _MODULES.get(name, ())
