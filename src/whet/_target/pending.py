"""Has the main thread call something as soon as it runs Python code again.

``os.fork`` counts the threads of the process when everything that was registered for the fork has run: a thread that
is to come back after a fork must not be started there. A pending call of the interpreter's (``Py_AddPendingCall``)
runs once ``os.fork`` has returned.
"""

from __future__ import annotations

import os
import sys
from _functools import partial  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

DESCRIPTORS = 100


def _take_descriptors() -> list[int]:
    """Take those that the program gets first: where libffi makes trampolines, it opens its own file for good."""
    taken: list[int] = []
    try:
        while sys.platform == "linux" and len(taken) < DESCRIPTORS:
            taken.append(os.open("/", os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        while taken:
            os.close(taken.pop())
    return taken


def make_caller(function: Callable[..., object]) -> Callable[[], object] | None:
    """Return a callable in C that schedules ``function``; ``None`` where that cannot be.

    ``function`` is in C, may be given an argument, raises nothing and returns ``False``.
    """
    if not hasattr(os, "fork"):
        return None
    taken = _take_descriptors()
    try:
        import _ctypes  # the package around it would be several more imports

        nothing: Any = None
        library = _ctypes.dlopen(nothing, 0)
        address, ask = _ctypes.dlsym(library, "Py_AddPendingCall"), _ctypes.dlsym(library, "PyObject_IsTrue")
    except (ImportError, OSError, AttributeError):
        return None
    finally:
        for each in taken:
            os.close(each)
    # What is called in C is a function of the interpreter's that asks an object for its truth.
    flags = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_PYTHONAPI
    number, pointer, instance = (type("_Data", (_ctypes._SimpleCData,), {"_type_": kind}) for kind in "iPO")
    adder: Any = type("_Adder", (_ctypes.CFuncPtr,), {"_restype_": number, "_flags_": flags})
    add = adder(address)
    add.argtypes = (pointer, instance)
    made: Callable[[], object] = partial(add, ask, type("_Caller", (), {"__bool__": staticmethod(function)})())
    return made
