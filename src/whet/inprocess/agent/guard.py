"""Lets whet's code inside the program run only while nothing watches what runs.

A debugger, a coverage tool or a tracing profiler sees every Python function of the process, whet's too, and
:mod:`tracemalloc` everything that one allocates. What is
composed here asks, in C alone, whether one is there, and only if there is none calls the Python function: a watcher
that is registered at any moment sees no call, line or return of whet's.
"""

from __future__ import annotations

import gc
import sys
from _functools import partial  # type: ignore[import-not-found]
from _operator import and_, call, itemgetter, lt, not_, or_, sub
from itertools import chain, cycle, repeat

try:
    from _tracemalloc import is_tracing
except ImportError:  # an interpreter without it
    is_tracing = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Step = Callable[[], object]


def list_watchers() -> list[Step]:
    """Return functions in C that return something true where somebody watches the thread that calls them."""
    watchers: list[Step] = [sys.gettrace, sys.getprofile]
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is not None:
        watchers += [partial(monitoring.get_tool, tool) for tool in range(6)]
    if is_tracing is not None:
        watchers.append(is_tracing)
    # Yappi sets its function for all threads, behind the interpreter's back: `sys.getprofile` has nothing to return.
    watchers.append(partial(sys.modules.get, "_yappi"))
    return watchers


def in_turn(*steps: Step) -> Callable[..., bool]:
    """Return a callable in C that calls ``steps`` up to the first that returns something true: whether there was one.

    It may be given an argument, which it ignores.
    """
    made: Callable[..., bool] = partial(next, map(any, map(map, repeat(call), repeat(steps))))
    return made


def when(condition: Step, step: Step) -> Callable[..., bool]:
    """Return a callable in C that calls ``step`` where ``condition`` returns something true."""
    made: Callable[..., bool] = partial(next, map(all, map(map, repeat(call), repeat((condition, step)))))
    return made


def guard(function: Step) -> Callable[..., bool]:
    """Return a callable in C that calls ``function`` unless somebody watches, and returns ``False``.

    ``function`` must raise nothing and return ``None``.
    """
    return quietly(in_turn(*list_watchers(), function))


def quietly(step: Callable[..., bool]) -> Callable[..., bool]:
    """Return a callable in C that calls ``step`` and returns ``False``. It may be given an argument."""
    made: Callable[..., bool] = partial(next, map(partial(and_, False), map(call, repeat(step))))
    return made


def unless_tracing(step: Step) -> Callable[..., Any]:
    """Return a callable in C that calls ``step`` unless :mod:`tracemalloc` watches.

    Unlike :func:`guard` it allocates nothing that counts for a garbage collection.
    """
    ask: Any = bool
    if is_tracing is not None:
        ask = is_tracing
    choose: Any = [step, bool].__getitem__
    made: Callable[..., Any] = partial(next, map(call, map(choose, map(call, repeat(ask)))))
    return made


def append(items: list[Any], step: Step) -> Callable[[], None]:
    """Return a callable in C that adds what ``step`` returns to ``items``."""
    made: Callable[[], None] = partial(next, map(items.append, map(call, repeat(step))))
    return made


def call_item(box: list[Any], at: int) -> Callable[[], Any]:
    """Return a callable in C that calls what stands in ``box`` then."""
    made: Callable[[], Any] = partial(next, map(call, map(box.__getitem__, repeat(at))))
    return made


def where_there_is_room(needed: int, step: Step, otherwise: Step) -> Callable[[], Any]:
    """Return a callable in C that calls ``step`` where so many objects can be made without a garbage collection.

    A collection runs in the thread that allocates, and with it destructors of the program's. Asking allocates nothing
    that counts. From 3.12 on a collection that one thread has set off may be carried out by any that runs Python code
    next, so ``step`` is not called either while one is due; ``otherwise`` is.
    """
    most, count = (map(itemgetter(0), map(call, repeat(ask))) for ask in (gc.get_threshold, gc.get_count))
    is_off = map(not_, map(call, repeat(gc.isenabled)))
    is_never = map(not_, map(itemgetter(0), map(call, repeat(gc.get_threshold))))
    has_room = map(or_, map(or_, is_off, is_never), map(lt, count, map(sub, most, repeat(needed))))
    # Of a list, since what a tuple has of that name makes a tuple of its argument first.
    made: Callable[[], Any] = partial(next, map(call, map([otherwise, step].__getitem__, has_room)))
    return made


def call_before(step: Callable[..., bool], function: Any) -> Any:
    """Return what can be called as ``function``, a builtin, and calls ``step`` first; there is no frame for it."""
    found = map([function, function].__getitem__, map(call, repeat(step)))
    kind, shown = property(partial(next, repeat(type(function)))), staticmethod(partial(str, repr(function)))
    made = type("", (), {"__call__": property(partial(next, found)), "__class__": kind, "__repr__": shown})()
    for name in ("__doc__", "__module__", "__name__", "__qualname__", "__self__", "__text_signature__"):
        vars(made)[name] = getattr(function, name)
    return made


def loop(first: Iterable[Step], steps: Iterable[Step], last: Step) -> Any:
    """Return what ``all`` has to go through to call ``first``, then ``steps`` in turn until one is true, then ``last``.

    To go on with it allocates nothing that is collected.
    """
    # An iterator is made here, and not when the thread first asks for it.
    body = map(call, chain(iter(first), cycle(steps)))
    return map(any, (body, map(call, (last,))))
