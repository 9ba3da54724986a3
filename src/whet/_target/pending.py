"""Has the main thread call something as soon as it runs Python code again.

``os.fork`` counts the threads of the process when everything that was registered for the fork has run: a thread that
is to come back after a fork must not be started there. A pending call of the interpreter's (``Py_AddPendingCall``)
runs once ``os.fork`` has returned.
"""

from __future__ import annotations

import os
from _functools import partial  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def make_caller(function: Callable[..., object]) -> Callable[[], object] | None:
    """Return a callable in C that schedules ``function``, which must raise nothing; ``None`` where that cannot be."""
    if not hasattr(os, "fork"):
        return None
    try:
        import _ctypes  # the package around it would be several more imports

        nothing: Any = None
        address = _ctypes.dlsym(_ctypes.dlopen(nothing, 0), "Py_AddPendingCall")
    except (ImportError, OSError, AttributeError):
        return None
    flags = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_PYTHONAPI
    number: Any = type("_Number", (_ctypes._SimpleCData,), {"_type_": "i"})
    pointer: Any = type("_Pointer", (_ctypes._SimpleCData,), {"_type_": "P"})
    callback: Any = type(
        "_Callback", (_ctypes.CFuncPtr,), {"_argtypes_": (pointer,), "_restype_": number, "_flags_": flags}
    )
    adder: Any = type("_Adder", (_ctypes.CFuncPtr,), {"_restype_": number, "_flags_": flags})
    add = adder(address)
    add.argtypes = (callback, pointer)
    kept = callback(function)
    made: Callable[[], object] = partial(add, kept, None)
    return made
