"""A Dask job while it is profiled: the client's side, which adds the plugin, fetches captures and merges them."""

from __future__ import annotations

import importlib.util
import io
import secrets
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import whet
from whet.errors import CollectorError, FormatError, UsageError
from whet.merge.by_value import ValueRestorer
from whet.merge.exchange import settle_client
from whet.merge.gather import Gathering
from whet.model.codec import read_run
from whet.model.origin import Origin
from whet.model.run import Execution, Notice, Purpose, Run, SourceFile
from whet.pipeline.dask.totals import Totals
from whet.reading import describe_error
from whet.records import dataclass

if TYPE_CHECKING:
    from distributed import Client

DEFAULT_RATE = 5
"""Samples per second of each worker: fewer than of one program. One of its many threads costs more, and workers are
many."""
CLIENT = "client"
"""The label of the program that submits tasks."""
FETCH_SECONDS = 10.0
_MOST_FETCHED = 10_000
"""How often captures are fetched at the end, where a worker has more of them than it hands over at a time."""
_COST_PART = 10
"""Fetching waits so many times as long as it takes, so that thousands of workers are asked less often."""


@dataclass(frozen=True, slots=True)
class DaskOptions:
    """How to sample workers. ``rate`` is samples per second."""

    rate: int = DEFAULT_RATE
    keep_rate: bool = False
    native: bool = False
    memory: bool = False
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    label: str = ""
    """What the job is called in the report."""


def connect(address: str) -> Client:
    """Return a client of the scheduler at ``address``. Raises ``UsageError`` and ``CollectorError``."""
    need_distributed()
    import distributed

    try:
        return distributed.Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise CollectorError(
            f"no Dask scheduler answers at {address[:200]}: {describe_error(error)}", "check the address"
        ) from error


def need_distributed() -> None:
    """Raise ``UsageError`` where Dask's distributed is not installed."""
    if importlib.util.find_spec("distributed") is None:
        raise UsageError("Dask's distributed is not installed here", "pip install 'whet-perf[dask]'")


@dataclass(slots=True)
class _Worker:
    """One worker process, as it described itself last."""

    said: Mapping[str, Any]
    is_gone: bool = False


class Session:
    """Samples the workers of ``client`` from :meth:`begin` to :meth:`finish`.

    ``sources`` are the client's files, where functions that came to workers by value are found.
    """

    def __init__(self, client: Client, options: DaskOptions, sources: Mapping[str, SourceFile]) -> None:
        self._client = client
        self._options = options
        self._token = secrets.token_hex(16)
        self._gathering = Gathering()
        self._restorer = ValueRestorer(sources)
        self._sources = sources
        self._workers: dict[tuple[str, int], _Worker] = {}
        self._notices: list[Notice] = []
        self._to_end = threading.Event()
        self._thread = threading.Thread(target=self._fetch_often, name="whet-dask", daemon=True)
        self._began = 0
        self._scheduler_cpu: float | None = None

    def begin(self) -> None:
        """Add the plugin to all workers, and fetch. Raises ``CollectorError`` where no worker can be sampled."""
        from whet.pipeline.dask.plugin import WhetWorkerPlugin, plugin_name

        options = self._options
        request = {
            "token": self._token,
            "version": whet.__version__,
            "rate": options.rate,
            "keep_rate": options.keep_rate,
            "native": options.native,
            "memory": options.memory,
            "include": list(options.include),
            "exclude": list(options.exclude),
        }
        self._began = time.perf_counter_ns()
        self._scheduler_cpu = self._read_scheduler_cpu()
        try:
            self._client.register_plugin(WhetWorkerPlugin(request), name=plugin_name(self._token))
        except Exception as error:  # whatever a worker raised
            self._remove_plugin()
            message = f"the workers cannot load whet {whet.__version__}: {describe_error(error)}"
            raise CollectorError(message, "pip install whet-perf in the environment of the workers") from error
        self._fetch(end=False)
        said = [worker.said for worker in self._workers.values()]
        if said and all(each["problem"] for each in said):
            self._remove_plugin()
            raise CollectorError(f"{said[0]['label']}: {said[0]['problem']}", str(said[0].get("hint", "")))
        self._thread.start()

    @property
    def shares_process(self) -> bool:
        """Whether workers run in this process, so that their sampler sees the client as well."""
        return any(label.startswith("inproc://") for label, _ in self._workers)

    def finish(self, client_run: Run | None = None) -> Run:
        """End the sampling, leave workers as they were, and return the run of all; ``client_run`` is the client's."""
        self._to_end.set()
        self._thread.join()
        wall_ns = time.perf_counter_ns() - self._began
        scheduler_cpu = self._read_scheduler_cpu()
        try:
            more, rounds = self._fetch(end=True), 0
            while more and rounds < _MOST_FETCHED:
                more = self._fetch(end=True)
                rounds += 1
        finally:
            self._remove_plugin()
        return self._assemble(client_run, wall_ns, scheduler_cpu)

    # -- the cluster ------------------------------------------------------------------------------------------------

    def _fetch_often(self) -> None:
        wait = FETCH_SECONDS
        while not self._to_end.wait(wait):
            began = time.monotonic()
            self._fetch(end=False)
            wait = max(FETCH_SECONDS, _COST_PART * (time.monotonic() - began))

    def _fetch(self, *, end: bool) -> bool:
        """Take what is complete on the workers' machines; return whether there is more."""
        from whet.pipeline.dask.plugin import fetch

        try:
            answers = self._client.run(fetch, self._token, end=end, on_error="return")
        except Exception as error:  # the scheduler is gone, or a worker went away in the middle
            if end:
                self._notices.append(Notice("dask", f"the last captures could not be fetched: {describe_error(error)}"))
            return False
        present = set()
        more = False
        for address, said in answers.items():
            if isinstance(said, Exception):
                if end:
                    self._notices.append(Notice("dask", f"{address} could not be asked: {describe_error(said)}"))
                continue
            more = more or bool(said["more"])
            if "pid" in said:
                key = label_worker(said["label"]), int(said["pid"])
                present.add(key)
                self._workers[key] = _Worker({name: each for name, each in said.items() if name != "captures"})
            for data in said["captures"]:
                self._take(data)
        for key, worker in self._workers.items():
            worker.is_gone = key not in present
        return more

    def _take(self, data: bytes) -> None:
        """Add one capture, which is a saved run of one worker."""
        try:
            run = read_run(io.BytesIO(data))
        except FormatError as error:
            self._notices.append(Notice("dask", f"a capture of a worker cannot be read: {error.message}"))
            return
        label = label_worker(dict(run.labels).get("worker", "unknown"))
        profiles = tuple(self._restorer.restore(profile) for profile in run.profiles)
        notices = tuple(replace(each, hint="") for each in run.notices)
        self._gathering.add(replace(run, profiles=profiles, notices=notices), label)

    def _remove_plugin(self) -> None:
        from whet.pipeline.dask.plugin import plugin_name

        try:
            self._client.unregister_worker_plugin(plugin_name(self._token))
        except Exception as error:  # the scheduler is gone: so is the plugin
            self._notices.append(Notice("dask", f"the plugin could not be removed: {describe_error(error)}"))

    def _read_scheduler_cpu(self) -> float | None:
        # A local function is sent by value: the scheduler needs no whet.
        def read_clock() -> float:
            import time

            return time.process_time()

        try:
            return float(self._client.run_on_scheduler(read_clock))
        except Exception:  # another version of Python there
            return None

    def _describe_origin(self, run: Run) -> Origin:
        scheduler = getattr(getattr(self._client, "scheduler", None), "address", "")
        tools = ", ".join(dict.fromkeys(profile.collector for profile in run.profiles))
        return Origin("dask", str(scheduler), "dask", tools, samples=sum(part.samples for part in run.parts))

    # -- the run ----------------------------------------------------------------------------------------------------

    def _assemble(self, client_run: Run | None, wall_ns: int, scheduler_cpu: float | None) -> Run:
        totals = Totals()
        clocks: dict[str, float] = {}
        for (label, _), worker in self._workers.items():
            said = worker.said
            totals.add(said)
            clocks[label] = clocks.get(label, 0.0) + float(said.get("cpu_seconds", 0.0))
            note = str(said["problem"]) if said["problem"] else "ended before the profile did" if worker.is_gone else ""
            self._gathering.describe(label, note=note, clock_ns=round(clocks[label] * 1e9))
            if said["problem"]:
                self._notices.append(Notice("dask", f"{label} was not sampled: {said['problem']}", str(said["hint"])))
            if said.get("memory_problem"):
                told = f"the memory of {label} was not recorded: {said['memory_problem']}"
                self._notices.append(Notice("dask", told))
        if client_run is not None:
            settled = tuple(settle_client(profile) for profile in client_run.profiles)
            self._gathering.add(replace(client_run, profiles=settled), CLIENT)
            self._gathering.describe(CLIENT, is_worker=False)
        run = self._gathering.finish()
        spent = (
            scheduler_cpu - self._scheduler_cpu
            if scheduler_cpu is not None and self._scheduler_cpu is not None
            else 0.0
        )
        cpu_ns = sum(part.clock_ns for part in run.parts)
        execution = Execution(Purpose.ATTACH, _list_tools(run), wall_ns, cpu_ns, None)
        if client_run is not None and client_run.executions and client_run.executions[0].purpose is Purpose.TIME:
            first = client_run.executions[0]
            execution = replace(first, wall_ns=max(wall_ns, first.wall_ns), cpu_ns=cpu_ns)
        head = client_run if client_run is not None else run
        return replace(
            run,
            command=head.command if client_run is not None else ("dask",),
            started=head.started,
            directory=head.directory,
            project=head.project,
            interpreter=head.interpreter,
            commit=head.commit,
            options=head.options,
            executions=(execution,),
            sources={**self._sources, **run.sources},
            evidence=head.evidence,
            notices=(*self._notices, *run.notices),
            labels=(("job", self._options.label),) if self._options.label else head.labels if client_run else (),
            origins=(self._describe_origin(run),),
            tasks=totals.list_tasks(),
            transfers=totals.list_transfers(),
            scheduler_ns=round(spent * 1e9),
        )


def label_worker(name: str) -> str:
    """Return the label of a worker by its name, which is its address where nobody has named it."""
    return name if "://" in name else f"worker {name}"


def _list_tools(run: Run) -> tuple[str, ...]:
    return tuple(dict.fromkeys(profile.collector.partition(" ")[0] for profile in run.profiles))


def find_client_sources(files: Iterable[str], project: str, modules: Mapping[str, str]) -> dict[str, SourceFile]:
    """Return the sources of ``files``, and ``modules``: text by name, as of a notebook's cells."""
    from pathlib import Path

    from whet.fix.files import hash_bytes
    from whet.pipeline.foreign.sources import MAX_BYTES

    found: dict[str, SourceFile] = {}
    for name in dict.fromkeys(files):
        path = Path(name)
        try:
            if path.suffix not in (".py", ".pyw") or path.stat().st_size > MAX_BYTES:
                continue
            data = path.read_bytes()
            text = data.decode("utf-8")
        except (OSError, ValueError):
            continue
        shown = name
        if project and path.is_relative_to(project):
            shown = path.relative_to(project).as_posix()
        found[name] = SourceFile(name, shown, hash_bytes(data), text)
    for name, text in modules.items():
        found[name] = SourceFile(name, name, hash_bytes(text.encode("utf-8", "replace")), text)
    return found
