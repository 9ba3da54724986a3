"""Lets pyinstrument say which coroutine awaits, also where it was started before any event loop runs.

It follows the contexts that descend from the one in which it was started. The
event loop's own polling is one of those then, so that time spent awaiting
counts as the loop's. Leaving the loop alone out, while its tasks stay in, has
that time count for the coroutine that awaits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import ContextVar
from types import ModuleType
from typing import Any

_LOOPS = "asyncio.base_events"


def leave_loops_out(active: ContextVar[Any]) -> None:
    """Unset ``active``, the variable that pyinstrument follows, in the context in which event loops poll."""

    def wrap(module: ModuleType) -> None:
        plain = module.BaseEventLoop.run_forever

        def run_forever(self: Any) -> Any:
            token = active.set(None)
            try:
                return plain(self)
            finally:
                active.reset(token)

        _disguise(run_forever, plain)
        module.BaseEventLoop.run_forever = run_forever

    if _LOOPS in sys.modules:
        wrap(sys.modules[_LOOPS])
    else:
        _when_imported(_LOOPS, wrap)


def _when_imported(name: str, then: Callable[[ModuleType], None]) -> None:
    """Call ``then`` with the module ``name`` once the program has imported it; import nothing."""
    from importlib.machinery import SourceFileLoader

    plain = SourceFileLoader.exec_module

    def exec_module(self: SourceFileLoader, module: ModuleType) -> None:
        plain(self, module)
        if module.__name__ == name:
            if SourceFileLoader.exec_module is exec_module:
                del SourceFileLoader.exec_module
            then(module)

    _disguise(exec_module, plain)
    SourceFileLoader.exec_module = exec_module  # type: ignore[method-assign,assignment]


def _disguise(function: Any, original: Any) -> None:
    """Let the frames of ``function`` look like those of ``original``: in profiles, and in tracebacks of imports."""
    model = original.__code__
    function.__code__ = function.__code__.replace(
        co_filename=model.co_filename, co_qualname=model.co_qualname, co_firstlineno=model.co_firstlineno
    )
    function.__qualname__ = original.__qualname__
    function.__module__ = original.__module__
    function.__doc__ = original.__doc__
