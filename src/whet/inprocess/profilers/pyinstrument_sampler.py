"""pyinstrument inside the target: the sampler for places where py-spy may not attach."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from ..captures import write_capture
from . import borrow

_LOOPS = "asyncio.base_events"


def start(settings: dict[str, Any]) -> Callable[[], None]:
    """Start sampling this thread; the returned function stops it and writes the session.

    ``settings``: ``capture`` (file to write), ``interval`` (seconds),
    ``folder`` (where pyinstrument lies when it is not the target's own, or None).
    """
    pyinstrument, active = borrow.load_from(settings.get("folder"), _import_pyinstrument)
    pid = os.getpid()
    profiler = pyinstrument.Profiler(interval=settings["interval"], async_mode="enabled", use_timing_thread=None)
    profiler.start()
    _leave_loops_out(active)

    def stop() -> None:
        if os.getpid() != pid or not profiler.is_running:
            return
        session = profiler.stop()
        write_capture(settings["capture"], session.to_json())

    _stop_before_exit(stop, pid)
    return stop


def _stop_before_exit(stop: Callable[[], None], pid: int) -> None:
    exit_now = os._exit

    def _exit(status: int) -> None:
        if os.getpid() == pid:
            stop()
        exit_now(status)

    os._exit = _exit  # type: ignore[assignment]


def _import_pyinstrument() -> Any:
    import pyinstrument
    from pyinstrument.stack_sampler import active_profiler_context_var

    return pyinstrument, active_profiler_context_var


def _leave_loops_out(active: ContextVar[Any]) -> None:
    """Unset ``active``, the variable that pyinstrument follows, in the context in which event loops poll.

    pyinstrument follows the contexts that descend from the one in which it was started. Where no loop ran yet, its own
    polling is one of those, and time spent awaiting would count as the loop's. With the loop alone left out, and its
    tasks in, that time counts for the coroutine that awaits.
    """

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
