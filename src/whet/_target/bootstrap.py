"""Started by path in place of the program, which it then runs as a plain run would.

``python [options] bootstrap.py SETTINGS KIND NAME [ARG ...]``: ``SETTINGS`` is a
JSON file (see ``whet.collect.launching``), ``KIND`` one of ``script``,
``module``, ``code``. The program runs from this very module's level, one frame
deep, after this module has taken itself out of ``sys.modules``.
"""

from __future__ import annotations

import sys


def _load_runner() -> object:
    """Import the package that this file stands in, under a name that no program uses."""
    from importlib import util
    from os import path

    folder = path.dirname(path.abspath(__file__))
    spec = util.spec_from_file_location(
        "_whet_target", path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None and spec.loader is not None  # the file stands beside this one
    package = util.module_from_spec(spec)
    sys.modules["_whet_target"] = package
    spec.loader.exec_module(package)
    from importlib import import_module

    return import_module("_whet_target.runner")


if __name__ == "__main__":
    _runner = _load_runner()
    _program = _runner.prepare(sys.argv)  # type: ignore[attr-defined]
    try:
        _program.begin()
        if _program.code is None:
            _program.run_module()
        else:
            exec(_program.code, _program.namespace)
    except SystemExit:
        raise
    except BaseException as _error:
        _program.fail(_error)
