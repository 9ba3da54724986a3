"""Finds the servers that the program imports, and stands where they keep their applications.

Nothing of a server is called or replaced but the attribute that holds the application: whoever reads it there gets
what times requests, once the server has it ready. A finder that finds nothing notices that a server is imported, and is
gone once it is.
"""

from __future__ import annotations

import atexit
import os
import sys

from .applications import AsgiApplication, WsgiApplication
from .counts import Counts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MISSING: Any = object()
_SYNC = frozenset(("gunicorn.workers.sync", "gunicorn.workers.gthread", "gunicorn.workers.base_async"))
"""Workers of gunicorn that call a WSGI application; what others have there, only they know."""


def _is_always(_: Any) -> bool:
    return True


def _is_loaded(config: Any) -> bool:
    return bool(vars(config).get("loaded"))


def _is_sync(worker: Any) -> bool:
    names = {kind.__module__ for kind in type(worker).__mro__}
    return bool(_SYNC & names) and "gunicorn.workers.gtornado" not in names


HOLDERS: dict[str, list[tuple[str, str, Any, Callable[[Any], bool]]]] = {
    "uvicorn.config": [("Config", "loaded_app", AsgiApplication, _is_loaded)],
    "hypercorn.app_wrappers": [
        ("ASGIWrapper", "app", AsgiApplication, _is_always),
        ("WSGIWrapper", "app", WsgiApplication, _is_always),
    ],
    "gunicorn.workers.base": [("Worker", "wsgi", WsgiApplication, _is_sync)],
    "gunicorn.workers.gasgi": [("ASGIWorker", "asgi", AsgiApplication, _is_always)],
    "werkzeug.serving": [("BaseWSGIServer", "app", WsgiApplication, _is_always)],
    "wsgiref.simple_server": [("WSGIServer", "application", WsgiApplication, _is_always)],
}
"""By module: the class, its attribute, what takes the application's place, and whether that object has it ready."""


class _Holder:
    """An attribute of a server's objects, kept where it always was."""

    def __init__(self, name: str, default: Any, wrap: Any, is_ready: Callable[[Any], bool], counts: Counts) -> None:
        self.name, self.default, self.wrap, self.is_ready, self.counts = name, default, wrap, is_ready, counts
        self.made: list[tuple[Any, Any]] = []

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        if owner is None:
            if self.default is _MISSING:
                raise AttributeError(f"type object {kind.__name__!r} has no attribute {self.name!r}")
            return self.default
        application = vars(owner).get(self.name, self.default)
        if application is _MISSING:
            raise AttributeError(f"{type(owner).__name__!r} object has no attribute {self.name!r}")
        return self._find(application) if application is not None and self.is_ready(owner) else application

    def __set__(self, owner: Any, value: Any) -> None:
        vars(owner)[self.name] = value

    def __delete__(self, owner: Any) -> None:
        try:
            del vars(owner)[self.name]
        except KeyError:
            raise AttributeError(self.name) from None

    def _find(self, application: Any) -> Any:
        for known, made in self.made:
            if known is application:
                return made
        made = self.wrap(application, self.counts)
        # Of tests that make applications without end, the last ones.
        self.made = [*self.made[-7:], (application, made)]
        return made


class Finder:
    """Stands among the finders of the import system and finds nothing. A worker is started with ``variables``."""

    def __init__(self, modules: list[str], counts: Counts, variables: dict[str, str]) -> None:
        self.left = modules
        self.counts = counts
        self.variables = variables

    def find_spec(self, _name: str, _path: Any = None, _target: Any = None) -> None:
        """See whether a server has been imported. Raises nothing: the program imports something else."""
        try:
            self._look()
        except Exception:
            pass

    def _look(self) -> None:
        for name in list(self.left):
            module = sys.modules.get(name)
            holders, starters = HOLDERS.get(name, ()), STARTERS.get(name, ())
            if module is None or not all(hasattr(module, kind) for kind, *_ in (*holders, *starters)):
                continue
            # Threads may import at the same time: the first one goes on.
            self.left.remove(name)
            for kind, attribute, wrap, is_ready in holders:
                holder = getattr(module, kind)
                default = vars(holder).get(attribute, _MISSING)
                setattr(holder, attribute, _Holder(attribute, default, wrap, is_ready, self.counts))
            for kind, function, begin in starters:
                place = getattr(module, kind) if function else module
                setattr(place, function or kind, begin(getattr(place, function or kind), self.variables))
        if not self.left and self in sys.meta_path:
            sys.meta_path.remove(self)


def _start_worker(spawn: Any, variables: dict[str, str]) -> Any:
    """Return what has a process of multiprocessing find ``variables``, which its parent does not see."""

    def spawnv_passfds(path: Any, args: Any, passfds: Any) -> Any:
        if not any("spawn_main" in str(word) for word in args):
            return spawn(path, args, passfds)
        for name, value in variables.items():
            os.putenv(name, value)
        try:
            return spawn(path, args, passfds)
        finally:
            for name in variables:
                if name in os.environ:
                    os.putenv(name, os.environ[name])
                else:
                    os.unsetenv(name)

    return spawnv_passfds


def _start_again(restart: Any, variables: dict[str, str]) -> Any:
    """Return what has the process that serves find ``variables``; its parent only waits for it."""

    def restart_with_reloader(*args: Any) -> Any:
        os.environ.update(variables)
        return restart(*args)

    return restart_with_reloader


STARTERS: dict[str, list[tuple[str, str, Any]]] = {
    "multiprocessing.util": [("spawnv_passfds", "", _start_worker)],
    "django.utils.autoreload": [("restart_with_reloader", "", _start_again)],
    "werkzeug._reloader": [("ReloaderLoop", "restart_with_reloader", _start_again)],
}
"""By module: the function, or a class and its method, that starts the process that serves."""


def start(settings: dict[str, Any], children: dict[str, str] | None) -> None:
    """Time the requests of the servers in the modules ``holders``; ``capture`` is how the files begin.

    ``children`` are the variables with which a process does the same that one of the modules ``starters`` starts.
    """
    counts = Counts(settings["capture"])
    modules = [*settings["holders"], *(settings["starters"] if children else ())]
    sys.meta_path.insert(0, Finder(modules, counts, children or {}))
    atexit.register(counts.save)
