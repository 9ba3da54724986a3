"""Gives whet's code inside the program a file name that coverage and its like pass by.

Ticks run between the program's statements, under whatever traces them. A tool
that measures by file would count whet's files among the program's; names in angle
brackets are those of code without a file, which they leave out.
"""

from __future__ import annotations

import _imp
import os
import sys
import types
from collections.abc import Iterator
from typing import Any

FOLDER = "<whet>"
"""What stands in place of the folder: ``<whet>/agent.py``."""


def rename_own_code() -> None:
    """Rename all code of whet's that is loaded, in place: functions that run already are renamed too."""
    rename = getattr(_imp, "_fix_co_filename", None)
    if rename is None:
        return
    for name, module in list(sys.modules.items()):
        if name == __package__ or name.startswith(f"{__package__}."):
            for code in _list_code(vars(module), name):
                if not code.co_filename.startswith("<"):
                    rename(code, f"{FOLDER}/{os.path.basename(code.co_filename)}")


def _list_code(names: Any, module: str) -> Iterator[types.CodeType]:
    """Yield the code of the functions and methods among ``names`` that ``module`` itself defines."""
    for value in list(names.values()):
        if isinstance(value, type):
            if value.__module__ == module:
                yield from _list_code(vars(value), module)
            continue
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        while isinstance(function, types.FunctionType):
            if function.__module__ == module:
                yield function.__code__
            function = getattr(function, "__wrapped__", None)
