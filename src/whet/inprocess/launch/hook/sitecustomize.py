"""Lets whet begin in the program's interpreter, before the program does, without a trace in what is run.

``PYTHONPATH`` names this folder first, so the interpreter's start-up (``site``) loads this file. It takes the folder
out of ``sys.path`` and the variables out of the environment again, starts what the settings ask for, and gives way to
a ``sitecustomize`` of the user's own. Then the interpreter runs the program as if nothing had been: no frame, no
statement and no code object of whet's is in it.

A subinterpreter, which inherits the path and not the variables, only gets its path back. A copy of this file beside
one of ``overlay_hook.py`` starts that.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_external: "Any" = sys.modules["_frozen_importlib_external"]
_bootstrap: "Any" = sys.modules["_frozen_importlib"]


def _begin(folder: str) -> None:
    import os

    # From Python 3.15 on computed when it is first asked for, from the prefix of that moment.
    compiled = __spec__.cached if __spec__ else None
    # Compiled code of whet's is kept with whet, not where the program's is to be.
    prefix, sys.pycache_prefix = sys.pycache_prefix, None
    try:
        if prefix is not None:
            _forget_compiled(os, compiled, prefix)
        _start(os, folder)
    finally:
        sys.pycache_prefix = prefix


def _start(os: "Any", folder: str) -> None:
    overlay = _external.spec_from_file_location("_whet_overlay", os.path.join(folder, "overlay_hook.py"))
    if os.path.isfile(overlay.origin):
        _load(overlay).start(folder)
        del sys.modules[overlay.name]
        return
    before = set(sys.modules)
    settings = os.environ.pop("_WHET_SETTINGS", None)
    if settings is None:
        return
    package, home = "_whet_inprocess", os.path.dirname(os.path.dirname(folder))
    start = os.path.join(home, "__init__.py")
    _load(_external.spec_from_file_location(package, start, submodule_search_locations=[home]))
    try:
        __import__(f"{package}.launch.runner")
        sys.modules[f"{package}.launch.runner"].start(settings, before)
    except Exception:
        pass


def _forget_compiled(os: "Any", path: "str | None", prefix: str) -> None:
    """Remove the compiled code at ``path``, and the folders that the interpreter has made for it."""
    try:
        while path and path != prefix and path.startswith(prefix):
            (os.remove if path.endswith(".pyc") else os.rmdir)(path)
            path = os.path.dirname(path)
    except OSError:
        pass


def _load(spec: "Any") -> "Any":
    module = sys.modules[spec.name] = _bootstrap.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _give_way(folder: str) -> None:
    """Load the user's own ``sitecustomize`` in this one's place, if there is one."""
    for entry in [entry for entry in sys.path if entry.replace("\\", "/").rstrip("/") == folder]:
        sys.path.remove(entry)
        sys.path_importer_cache.pop(entry, None)
    spec = _external.PathFinder.find_spec("sitecustomize")
    if spec is None or spec.loader is None:
        # What `site` takes for "there is none".
        raise ImportError("there is no sitecustomize", name="sitecustomize")
    _load(spec)


if __name__ == "sitecustomize":
    _own = __file__.replace("\\", "/").rpartition("/")[0]
    _begin(_own)
    _give_way(_own)
