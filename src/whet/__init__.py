"""whet: measure a program, advise on what is hot, prove the advice."""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from whet.library import Measured as Measured
    from whet.library import Profiling as Profiling
    from whet.library import load as load
    from whet.library import profile as profile

_LIBRARY = ("Measured", "Profiling", "load", "profile")


_NOTEBOOK = ("load_ipython_extension", "unload_ipython_extension")


def __getattr__(name: str) -> object:
    # Only programs that use the library load it: this module is part of every import.
    if name in _LIBRARY or name in _NOTEBOOK:
        from importlib import import_module

        return getattr(import_module("whet.library" if name in _LIBRARY else "whet.notebook"), name)
    raise AttributeError(f"module 'whet' has no attribute {name!r}")
