"""Takes what whet left in the interpreter away before the program begins.

Its code gets a file name that tools which measure by file pass by: names in angle brackets are those of code without
a file. Its modules leave ``sys.modules``, with those of the standard library that only it has loaded.
"""

from __future__ import annotations

import _imp
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType
    from typing import Any

_HOME = os.path.dirname(os.path.dirname(__file__))
_PACKAGE = (__package__ or "").rpartition(".")[0]
"""That of all of whet's code in here."""
FOLDER = "<whet>"
"""What stands in place of the folder: ``<whet>/agent.py``."""


def rename_own_code() -> None:
    """Rename all code of whet's that is loaded, in place: functions that run already are renamed too."""
    rename = getattr(_imp, "_fix_co_filename", None)
    if rename is None:
        return
    for name, module in list(sys.modules.items()):
        if name == _PACKAGE or name.startswith(f"{_PACKAGE}."):
            for code in _list_code(vars(module), name):
                if not code.co_filename.startswith("<"):
                    rename(code, f"{FOLDER}/{os.path.basename(code.co_filename)}")


def forget_modules(loaded_before: set[str], folder: str, *, light: bool) -> None:
    """Forget modules that were loaded since: whet's own, and those that the program is to load by itself.

    ``light``: they are all in C and of the standard library, and hold nothing. Else only those are forgotten for which
    the program brings a file of that name in ``folder``, the first that it imports from.
    """
    names: set[str] = set()
    if folder and not light:
        try:
            names = {entry.split(".")[0] for entry in os.listdir(folder)}
        except OSError:
            pass
    for name in set(sys.modules) - loaded_before:
        first = name.split(".")[0]
        if light or first == _PACKAGE or first in names:
            del sys.modules[name]
    # Where the import system remembers what lies in whet's folders.
    for path in [path for path in sys.path_importer_cache if path.startswith(_HOME)]:
        del sys.path_importer_cache[path]


def _list_code(names: Any, module: str) -> Iterator[CodeType]:
    """Yield the code of the functions and methods among ``names`` that ``module`` itself defines."""
    for value in list(names.values()):
        if isinstance(value, type):
            if value.__module__ == module:
                yield from _list_code(vars(value), module)
            continue
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        while isinstance(function, type(_list_code)):
            if function.__module__ == module:
                yield function.__code__
            function = getattr(function, "__wrapped__", None)
