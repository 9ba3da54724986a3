"""Makes the file that is run in the program's place: ``python [options] compile_main.py SETTINGS``.

A program's first frame is its own module; a launcher that ran it from a frame of
its own would stand in every stack that the program looks at. So the program is
compiled beforehand, with anchors, and with one expression ahead of its first
statement that starts the agent (``start.py``) and is over when the program's own
code begins. The interpreter then runs the compiled file as it would run the
source.

For ``-m``, and for a folder or zip file, the first frame is that of
:mod:`runpy`, and so it is here.

Exit status 3 says that the program does not compile; it is then run plainly, to
fail in its own words.
"""

from __future__ import annotations

import sys

DOES_NOT_COMPILE = 3


def _load(name: str) -> object:
    """Import a sibling of this file, under a package name that no program uses."""
    from importlib import import_module, util
    from os import path

    if "_whet_target" not in sys.modules:
        folder = path.dirname(path.abspath(__file__))
        spec = util.spec_from_file_location(
            "_whet_target", path.join(folder, "__init__.py"), submodule_search_locations=[folder]
        )
        assert spec is not None and spec.loader is not None  # the file stands beside this one
        package = util.module_from_spec(spec)
        sys.modules["_whet_target"] = package
        spec.loader.exec_module(package)
    return import_module(f"_whet_target.{name}")


if __name__ == "__main__":
    _maker = _load("main_file")
    try:
        _maker.make_main_file(sys.argv[1])  # type: ignore[attr-defined]
    except (SyntaxError, ValueError, RecursionError, MemoryError, EOFError):
        sys.exit(DOES_NOT_COMPILE)
    except OSError as error:
        # Without a name it is not that the program cannot be read, but that there is no room for what is made of it.
        if error.filename is None:
            raise
        sys.exit(DOES_NOT_COMPILE)
