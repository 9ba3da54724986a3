"""What runs inside a Dask worker: it starts the sampler next to it, and says which task a thread runs.

Nothing here may keep a worker from working: what fails is noted and reported. The plugin opens no port, unpickles
nothing and runs no code but that of the whet in the worker's own environment, which must be the client's version.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Any

import distributed.worker as dask_worker_module
from distributed import WorkerPlugin

from whet import __version__
from whet.model.task_frames import FILE, write_task_name
from whet.pipeline.dask.spool import Spool
from whet.records import dataclass

READY_SECONDS = 120
END_SECONDS, END_WITH_MEMORY_SECONDS = 60, 600
"""How long a sampler may take to end; where it has allocations to read, they may be many."""
MOST_BYTES = 8_000_000
"""Captures that a worker hands over at a time."""
MOST_NAMES = 10_000
"""Different names of tasks that are told apart."""
MOST_MOVED = 50
_RUNNERS = {"_run_task": 3, "apply_function": 4}
"""Functions of ``distributed.worker`` that run a task in a thread, today's and earlier; which argument its key is."""
_SOURCE = "def run(function, *args):\n    return function(*args)\n"
_sampled: set[str] = set()
"""Names of the plugins that sample this process."""


class WhetWorkerPlugin(WorkerPlugin):  # type: ignore[misc,unused-ignore]
    """Samples the worker that it is added to. ``request`` has plain values only; ``token`` names the profile."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.request = dict(request)
        self.name = plugin_name(request["token"])
        self.problem = ""
        self.hint = ""
        self.memory_problem = ""
        """Why allocations are not recorded, where that was asked for."""
        self._stop_memory: Callable[[], object] | None = None
        self._process: subprocess.Popen[str] | None = None
        self._tasks: _TaskNames | None = None
        self._began = _Totals()
        self._is_first = True
        """Whether it samples this process: of several workers in one process, the first one's does."""

    def __getstate__(self) -> dict[str, Any]:
        return {"request": self.request, "name": self.name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["request"])  # type: ignore[misc]

    async def setup(self, worker: Any) -> None:  # noqa: ANN401  Dask's worker
        """Start the sampler and wait until it samples."""
        if self.request["version"] != __version__:
            self.problem = f"it has whet {__version__}, and the client {self.request['version']}"
            self.hint = f"pip install whet-perf=={self.request['version']} in its environment"
            return
        self._began = _Totals.read(worker)
        self._is_first = self.name not in _sampled
        if not self._is_first:
            return
        _sampled.add(self.name)
        self._tasks = _TaskNames()
        try:
            started = asyncio.get_running_loop().run_in_executor(None, self._start, worker)
            self.problem, self.hint = await asyncio.wait_for(started, READY_SECONDS)
        except TimeoutError:
            self.problem = f"its sampler did not begin within {READY_SECONDS} s"
            self._end()
        except Exception as error:
            self.problem = f"the sampler cannot be started: {error}"
        if self.request["memory"] and not self.problem:
            self._trace_memory()

    def teardown(self, worker: Any) -> None:  # noqa: ANN401
        """End the sampler, without waiting for it, and run tasks as before."""
        if self._is_first:
            _sampled.discard(self.name)
        if self._tasks is not None:
            self._tasks.undo()
        self._end()

    def _start(self, worker: Any) -> tuple[str, str]:  # noqa: ANN401
        """Return why the worker is not sampled, and how to fix it; empty where it is."""
        from whet.program.ptrace import permit_tracing

        if (permit := permit_tracing()) is not None:
            permit()
        asked = {
            **self.request,
            "pid": os.getpid(),
            "label": name_worker(worker),
            "plugin": __file__,
            "memory": self._memory_file() if self.request["memory"] else "",
        }
        code = (
            f"import sys; sys.path.append({str(Path(__file__).parents[3])!r}); "
            "from whet.pipeline.dask.sampling import main; main()"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", code, json.dumps(asked)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline().strip()
        if said == "ready":
            return "", ""
        try:
            error = json.loads(said)
            return str(error["message"]), str(error["hint"])
        except (ValueError, KeyError, TypeError):
            return "its sampler ended", "see the worker's log"

    def _trace_memory(self) -> None:
        """Record what the worker allocates from now on, in the thread of its event loop, which ends that too."""
        try:
            import memray

            # Not compressed: what a killed worker leaves can be read, too.
            file = memray.FileDestination(self._memory_file(), overwrite=True, compress_on_exit=False)
            tracker = memray.Tracker(destination=file)
            tracker.__enter__()
        except ImportError:
            self.memory_problem = "memray is not installed in its environment"
        except (RuntimeError, OSError) as error:
            self.memory_problem = str(error)
        else:
            self._stop_memory = partial(tracker.__exit__, None, None, None)

    def _memory_file(self) -> str:
        return str(Spool(self.request["token"]).memory_file(os.getpid()))

    def _end(self) -> None:
        self.stop_memory()
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.closed:
            try:
                self._process.stdin.write("end\n")
                self._process.stdin.close()
            except OSError:  # it has ended
                pass

    def stop_memory(self) -> None:
        """Stop recording allocations; the sampler reads them when it ends."""
        if self._stop_memory is not None:
            self._stop_memory()
            self._stop_memory = None

    def end(self) -> None:
        """End the sampler, and wait until its last capture is complete."""
        self._end()
        if self._process is not None:
            try:
                self._process.wait(END_WITH_MEMORY_SECONDS if self.request["memory"] else END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self.problem = "its sampler did not end"

    def describe(self, worker: Any) -> dict[str, Any]:  # noqa: ANN401
        """Return what the worker itself counted since the plugin was added, as plain values."""
        return {
            "label": name_worker(worker),
            "pid": os.getpid(),
            "python": ".".join(map(str, sys.version_info[:3])),
            "threads": int(worker.state.nthreads),
            "problem": self.problem,
            "hint": self.hint,
            "memory_problem": self.memory_problem,
            **_Totals.read(worker).since(self._began),
            **({} if self._is_first else {"cpu_seconds": 0.0}),
            "moved": list_moved(worker, self._began.seconds),
            "counts": dict(self._tasks.counts) if self._tasks is not None else {},
        }


def plugin_name(token: str) -> str:
    """Return the plugin's name on workers."""
    return f"whet-{token}"


def name_worker(worker: Any) -> str:  # noqa: ANN401
    """Return the name that a worker was given, else its address."""
    return str(worker.name or worker.address)[:200]


async def fetch(token: str, *, end: bool = False, dask_worker: Any = None) -> dict[str, Any]:  # noqa: ANN401
    """Return what the worker counted, and the captures that are complete on its machine. Dask calls it on workers."""
    plugin = dask_worker.plugins.get(plugin_name(token))
    if plugin is None:
        return {"label": name_worker(dask_worker), "problem": "the plugin is not there", "captures": [], "more": False}
    loop = asyncio.get_running_loop()
    if end:
        plugin.stop_memory()
        await loop.run_in_executor(None, plugin.end)
    spool = Spool(token)
    captures = await loop.run_in_executor(None, spool.take, MOST_BYTES)
    if end:
        spool.remove()
    return {**plugin.describe(dask_worker), "captures": captures, "more": not spool.is_empty()}


@dataclass(slots=True)
class _Totals:
    """What a worker has counted so far: its activities, its CPU clock, what it got from others."""

    cpu_seconds: float = 0.0
    seconds: float = field(default_factory=time.time)
    digests: dict[Any, float] = field(default_factory=dict)

    @classmethod
    def read(cls, worker: Any) -> _Totals:  # noqa: ANN401
        times = os.times()
        return cls(times.user + times.system, digests=dict(getattr(worker, "digests_total", {})))

    def since(self, began: _Totals) -> dict[str, Any]:
        """Return the differences as plain values."""
        return {
            "cpu_seconds": self.cpu_seconds - began.cpu_seconds,
            "seconds": self.seconds - began.seconds,
            "digests": [
                ([str(part)[:200] for part in key], value - began.digests.get(key, 0))
                for key, value in self.digests.items()
                if isinstance(key, tuple) and value != began.digests.get(key, 0)
            ],
        }


def list_moved(worker: Any, since: float) -> list[tuple[str, int, int]]:  # noqa: ANN401
    """Return the data that came from other workers since a time: key, how often, bytes each; the most bytes first."""
    moved: Counter[str] = Counter()
    sizes: dict[str, int] = {}
    for each in list(getattr(worker, "transfer_incoming_log", ())):
        if each.get("stop", 0) < since:
            continue
        for key, size in dict(each.get("keys") or {}).items():
            moved[str(key)[:200]] += 1
            sizes[str(key)[:200]] = int(size)
    most = sorted(moved, key=lambda key: -moved[key] * sizes[key])[:MOST_MOVED]
    return [(key, moved[key], sizes[key]) for key in most]


class _TaskNames:
    """Runs each task of this worker through a function that is called like the task, until :meth:`undo`."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._made: dict[str, Callable[..., Any]] = {}
        self._name = next((name for name in _RUNNERS if hasattr(dask_worker_module, name)), "")
        if self._name:
            self._original = getattr(dask_worker_module, self._name)
            self._replacement = self._make_replacement(self._original, _RUNNERS[self._name])
            setattr(dask_worker_module, self._name, self._replacement)

    def undo(self) -> None:
        """Put back what was there, unless another one has replaced it since: that one calls ours, which goes on."""
        if self._name and getattr(dask_worker_module, self._name) is self._replacement:
            setattr(dask_worker_module, self._name, self._original)

    def _make_replacement(self, original: Callable[..., Any], at: int) -> Callable[..., Any]:
        def run_named(*args: Any) -> Any:  # noqa: ANN401  the task's
            try:
                run = self._find(args[at])
            except Exception:
                return original(*args)
            return run(original, *args)

        # Its frame goes with those that name tasks: what it calls is not whet's own work.
        run_named.__code__ = run_named.__code__.replace(co_filename=FILE)
        return run_named

    def _find(self, key: Any) -> Callable[..., Any]:  # noqa: ANN401
        from dask.utils import key_split

        name = key_split(key)
        if name not in self._made and len(self._made) >= MOST_NAMES:
            name = "other"
        self.counts[name] += 1
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = make_named(name)
        return made


def make_named(task: str) -> Callable[..., Any]:
    """Return a function that calls its first argument with the others, and is called like ``task`` on the stack."""
    scope: dict[str, Any] = {}
    exec(compile(_SOURCE, FILE, "exec"), scope)  # noqa: S102  three fixed lines
    function: FunctionType = scope["run"]
    name = write_task_name(task)
    function.__code__ = function.__code__.replace(co_name=name, co_qualname=name)
    return function
