"""What a thread that does not compute is doing, told from its stack.

Names are the standard library's of 3.11 to 3.15 and those of common servers. A
place is ``module:function``, as in ``queue:get``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from whet.model.frame import Frame

_STDLIB = re.compile(r".*/(?:lib(?:64|32)?/(?:python|pypy)3\.\d+t?|python3\d*t?/lib|python3\d+\.zip)/(.+)\.pyc?$", re.I)
_LIBRARY = re.compile(r".*/(?:site|dist)-packages/(.+)\.pyc?$", re.I)

_FORKED = re.compile(r"^(billiard|multiprocess)(?=\.)")
"""Packages that hold the standard library's ``multiprocessing`` in a version of their own."""


class Stance(StrEnum):
    """Why a thread stands still."""

    WAITING = "waiting"
    """It needs something that has not come yet: data, a lock, time."""
    IDLE = "idle"
    """It stands ready for work that may or may not come: a worker of a pool, an accept loop."""
    LOOP = "loop"
    """It is in the poll of an event loop: a server's is parked, a client's waits for what it asked for."""
    JOIN = "join"
    """It waits for another thread or process of the same program."""


_LOOPS = frozenset(
    {
        "asyncio.base_events:_run_once",
        "asyncio.base_events:run_forever",
        "asyncio.base_events:run_until_complete",
        "asyncio.runners:run",
        "eventlet.hubs.hub:run",
        "gevent.hub:run",
        "trio._core._run:run",  # polls itself, between steps of unrolled_run
        "trio._core._run:unrolled_run",
    }
)
_POLLS = frozenset(
    {
        "selectors:select",
        "asyncio.windows_events:_poll",
        "asyncio.windows_events:select",
        "eventlet.hubs.epolls:do_poll",
        "eventlet.hubs.poll:do_poll",
        "eventlet.hubs.poll:wait",
        "eventlet.hubs.selects:wait",
        "trio._core._io_epoll:get_events",
        "trio._core._io_kqueue:get_events",
        "trio._core._io_windows:get_events",
    }
)
_ACCEPTS = frozenset({"socket:accept", "multiprocessing.connection:accept", "multiprocessing.forkserver:main"})
_SERVER_LOOPS = frozenset({"socketserver:serve_forever"})
_SERVER_PACKAGES = ("gunicorn.", "waitress.", "cheroot.", "uvicorn.supervisors.", "werkzeug._reloader:")
_WORKERS = frozenset(
    {
        "concurrent.futures.thread:_worker",
        "concurrent.futures.process:_process_worker",
        "multiprocessing.pool:worker",
        "logging.handlers:_monitor",
        "joblib.externals.loky.process_executor:_process_worker",
        "loky.process_executor:_process_worker",
        "multiprocessing.pool:workloop",
        "multiprocessing.pool:_do_exit",  # billiard's, until the parent has heard of it
        "celery.worker.loops:asynloop",
        "celery.worker.loops:synloop",
        "execnet.gateway_base:_thread_receiver",
        "execnet.gateway_base:integrate_as_primary_thread",
        "distributed.threadpoolexecutor:_worker",
        "xdist.remote:get",  # of the next test
        "pyspark.worker:main",
        "pyspark.daemon:manager",
        "ray._private.worker:main_loop",
    }
)
_KERNEL_THREADS = frozenset(
    {
        "ipykernel.control:run",
        "ipykernel.heartbeat:run",
        "ipykernel.iostream:_thread_main",
        "ipykernel.parentpoller:run",
        "ipykernel.subshell:run",
        "ipykernel.thread:run",
        "IPython.core.history:run",
        "IPython.core.history:writeout_cache",
        "zmq.auth.thread:run",
        "zmq.utils.garbage:run",
    }
)
"""Threads of a notebook's kernel: they wait for messages, heartbeats and history, not for the user's code."""
_HELPERS = frozenset(
    {
        "multiprocessing.pool:_handle_workers",
        "multiprocessing.pool:_handle_tasks",
        "multiprocessing.pool:_handle_results",
        "multiprocessing.pool:_wait_for_updates",
        "multiprocessing.queues:_feed",
        "multiprocessing.resource_tracker:main",
        "concurrent.futures.process:wait_result_broken_or_wakeup",
        "joblib.externals.loky.backend.resource_tracker:main",
        "distributed.process:monitor_parent",
        "distributed.nanny:watch_stop_q",
        "loky.backend.resource_tracker:main",
    }
)
_HANDOVERS = (
    "queue:",
    "threading:",
    "selectors:",
    "subprocess:",
    "logging.handlers:",
    "concurrent.futures.",
    "multiprocessing.",
    "joblib.externals.loky.",
    "loky.",
    "celery.worker.loops:",
    "kombu.",
    "execnet.",
    "xdist.remote:",
    "distributed.threadpoolexecutor:",
    "pyspark.",
    "ray._private.",
)
"""Modules through which threads and processes wait for one another."""
_JOINS = frozenset(
    {
        "threading:join",
        "threading:start",  # until the new thread has the interpreter for the first time
        "threading:_wait_for_tstate_lock",
        "threading:_shutdown",
        "queue:get",
        "queue:join",
        "concurrent.futures._base:result",
        "concurrent.futures._base:exception",
        "concurrent.futures._base:wait",
        "concurrent.futures._base:as_completed",
        "concurrent.futures._base:result_iterator",
        "multiprocessing.process:join",
        "multiprocessing.popen_fork:wait",
        "multiprocessing.popen_fork:poll",
        "multiprocessing.popen_forkserver:poll",
        "multiprocessing.popen_spawn_win32:wait",
        "multiprocessing.pool:apply_async",  # billiard's, while all workers have a job
        "multiprocessing.pool:wait",
        "multiprocessing.pool:get",
        "multiprocessing.pool:next",
        "multiprocessing.pool:join",
        "multiprocessing.queues:get",
        "multiprocessing.queues:join",
        "subprocess:wait",
        "subprocess:_wait",
        "subprocess:communicate",
        "subprocess:_communicate",
    }
)
_SERVING = re.compile(
    r"asyncio\.base_events:(_start_serving|start_serving|serve_forever|create_server)$"
    r"|asyncio\.\w+_events:(_accept_connection2?|_start_serving)$"
    r"|asyncio\.streams:start_(unix_)?server$"
    r"|socketserver:|socket:accept$"
    r"|gevent\.baseserver:(start|start_accepting|serve_forever|_do_accept|do_handle)$|gevent\.pywsgi:handle"
    r"|eventlet\.convenience:(listen|serve)$|eventlet\.wsgi:(server|handle)"
    r"|(uvicorn|hypercorn|daphne|granian|gunicorn|waitress|cheroot|sanic|aiohttp\.web\w*|tornado\.\w*server)(\.[\w.]+)?:"
    r"|websockets\.[\w.]*server:"
)


def name_place(frame: Frame) -> str:
    """Return ``module:function`` for a frame of a library; for all other code just ``:function``."""
    path = frame.file.replace("\\", "/")
    found = _LIBRARY.match(path) or _STDLIB.match(path)
    module = found[1].replace("/", ".").removesuffix(".__init__") if found else ""
    module = _FORKED.sub("multiprocessing", module)
    return f"{module}:{frame.name.rpartition('.')[2]}"


def is_serving(frame: Frame) -> bool:
    """Tell whether a process that runs this function serves others: it listens, accepts or handles requests."""
    return frame.name != "<module>" and _SERVING.match(name_place(frame)) is not None


def is_library_only(stack: Sequence[Frame]) -> bool:
    """Tell whether a thread runs no code of the user's, nor a job of a pool of threads."""
    places = [name_place(frame) for frame in stack]
    return bool(places) and _WORKERS.isdisjoint(places) and not any(place.startswith(":") for place in places)


def is_event_loop(frame: Frame) -> bool:
    """Tell whether this function is an event loop, or starts one and is over when it is."""
    return name_place(frame) in _LOOPS


def is_poll(frame: Frame) -> bool:
    """Tell whether this function is where an event loop waits."""
    return name_place(frame) in _POLLS


def find_stance(stack: Sequence[Frame], main: bool) -> Stance:
    """Return what a thread with this ``stack``, innermost frame first, does while it does not compute.

    ``main`` tells the process's first thread. Other threads that wait in a queue
    or for an event are workers of the user's own making, and parked.
    """
    places = [name_place(frame) for frame in stack] or [""]
    leaf = places[0]
    if _is_idle(places):
        return Stance.IDLE
    if leaf in _LOOPS or (leaf in _POLLS and not _LOOPS.isdisjoint(places)):
        return Stance.LOOP
    handover = _leading(places)
    if not main and _is_idle_worker(handover):
        return Stance.IDLE
    if not _JOINS.isdisjoint(handover):
        return Stance.JOIN
    return Stance.LOOP if leaf in _POLLS else Stance.WAITING


def _is_idle_worker(handover: Sequence[str]) -> bool:
    """Tell whether a thread waits for its next job or for an event, rather than for a lock or a thread's end."""
    if "queue:get" in handover:
        return True
    return handover[:1] == ["threading:wait"] and _JOINS.isdisjoint(handover) and "threading:acquire" not in handover


def _is_idle(places: Sequence[str]) -> bool:
    leaf = places[0]
    if (
        leaf in _ACCEPTS
        or leaf in _SERVER_LOOPS
        or leaf.startswith(_SERVER_PACKAGES)
        or not _HELPERS.isdisjoint(places)
        or not _KERNEL_THREADS.isdisjoint(places)
    ):
        return True
    if not _WORKERS.isdisjoint(_leading(places)):
        return True
    if leaf in _POLLS:
        return places[1:2] == ["socketserver:serve_forever"] or any(p.startswith(_SERVER_PACKAGES) for p in places)
    return False


def _leading(places: Sequence[str]) -> list[str]:
    """Return the innermost places up to the first that is no hand-over between threads or processes."""
    found: list[str] = []
    for place in places:
        if not place.startswith(_HANDOVERS):
            break
        found.append(place)
    return found
