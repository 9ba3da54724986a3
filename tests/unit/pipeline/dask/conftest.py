"""A stand-in for Dask's distributed, with as much of it as the plugin and the session use."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections import deque
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


class FakeWorker:
    """A worker. Tasks run by :meth:`run` as Dask's worker runs them."""

    def __init__(self, module: ModuleType, address: str = "tcp://127.0.0.1:40001") -> None:
        self.module = module
        self.address = self.name = address
        self.plugins: dict[str, Any] = {}
        self.state = SimpleNamespace(nthreads=1)
        self.digests_total: dict[Any, float] = {("execute", "span", "inc", "thread-cpu", "seconds"): 1.0, "latency": 3}
        self.transfer_incoming_log: deque[dict[str, Any]] = deque()

    def run(self, function: Callable[[], Any], key: str) -> Any:
        return self.module._run_task(function, {}, {}, key)


class FakeClient:
    """Calls functions on its workers one after the other."""

    def __init__(self, *workers: FakeWorker) -> None:
        self.workers = list(workers)
        self.plugins: dict[str, Any] = {}

    def register_plugin(self, plugin: Any, name: str) -> None:
        self.plugins[name] = plugin
        for worker in self.workers:
            self.add(worker, name)

    def add(self, worker: FakeWorker, name: str) -> None:
        made = type(self.plugins[name])(self.plugins[name].request)
        worker.plugins[name] = made
        asyncio.run(made.setup(worker=worker))

    def unregister_worker_plugin(self, name: str) -> None:
        self.plugins.pop(name, None)
        for worker in self.workers:
            if name in worker.plugins:
                worker.plugins.pop(name).teardown(worker=worker)

    def run(self, function: Any, *args: Any, on_error: str = "raise", **options: Any) -> dict[str, Any]:
        return {each.address: asyncio.run(function(*args, **options, dask_worker=each)) for each in self.workers}

    def run_on_scheduler(self, function: Callable[[], Any]) -> Any:
        return function()


@pytest.fixture
def distributed(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The stand-in's ``distributed.worker``."""
    package, worker = ModuleType("distributed"), ModuleType("distributed.worker")
    dask, utils = ModuleType("dask"), ModuleType("dask.utils")

    def _run_task(task: Callable[[], Any], data: object, state: object, key: str) -> Any:
        return task()

    worker._run_task = _run_task  # type: ignore[attr-defined]
    package.worker = worker  # type: ignore[attr-defined]
    package.WorkerPlugin = object  # type: ignore[attr-defined]
    utils.key_split = lambda key: key.partition("-")[0]  # type: ignore[attr-defined]
    for module in (package, worker, dask, utils):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(sys.modules, "whet.pipeline.dask.plugin", raising=False)
    importlib.import_module("whet.pipeline.dask.plugin")
    yield worker
    sys.modules.pop("whet.pipeline.dask.plugin", None)
