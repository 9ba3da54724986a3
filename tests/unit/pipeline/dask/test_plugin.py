from __future__ import annotations

import asyncio
import importlib
import pickle
import sys
from types import ModuleType

import pytest

from whet import __version__
from whet.model.task_frames import FILE, read_task_name

from .conftest import FakeWorker

REQUEST = {
    "token": "0" * 32, "version": __version__, "rate": 10, "keep_rate": False, "native": False, "memory": False,
    "include": [], "exclude": [],
}  # fmt: skip


def get_plugin() -> ModuleType:
    return importlib.import_module("whet.pipeline.dask.plugin")


@pytest.fixture
def started(distributed: ModuleType, monkeypatch: pytest.MonkeyPatch) -> tuple[FakeWorker, object]:
    """A worker with the plugin, whose sampler is not started."""
    module = get_plugin()
    monkeypatch.setattr(module.WhetWorkerPlugin, "_start", lambda self, worker: ("", ""))
    worker, plugin = FakeWorker(distributed), module.WhetWorkerPlugin(REQUEST)
    asyncio.run(plugin.setup(worker=worker))
    worker.plugins[module.plugin_name(REQUEST["token"])] = plugin
    return worker, plugin


def list_stack() -> list[str]:
    frame, tasks = sys._getframe(), []
    while frame is not None:
        if frame.f_code.co_filename == FILE and (task := read_task_name(frame.f_code.co_name)):
            tasks.append(task)
        frame = frame.f_back
    return tasks


def test_tasks_run_below_their_names_until_the_plugin_is_removed(distributed: ModuleType, started: tuple) -> None:
    worker, plugin = started
    assert worker.run(list_stack, "inc-0a1b") == ["inc"]
    assert worker.run(list_stack, "a;b (c:1)\n-77") == ["a;b (c:1)\n"]
    assert plugin.describe(worker)["counts"] == {"inc": 1, "a;b (c:1)\n": 1}
    plugin.teardown(worker=worker)
    assert worker.run(list_stack, "inc-0a1b") == []
    assert distributed._run_task.__name__ == "_run_task"


def test_a_task_raises_what_it_raises_and_a_key_that_is_none_runs(distributed: ModuleType, started: tuple) -> None:
    worker, _ = started

    def fail() -> None:
        raise KeyError("the task's own")

    with pytest.raises(KeyError, match="own"):
        worker.run(fail, "inc-1")
    assert distributed._run_task(lambda: 5, {}, {}, None) == 5


def test_what_another_one_put_there_since_stays(distributed: ModuleType, started: tuple) -> None:
    worker, plugin = started
    ours = distributed._run_task

    def others(*args: object) -> object:
        return ours(*args)

    distributed._run_task = others
    plugin.teardown(worker=worker)
    assert distributed._run_task is others
    assert worker.run(lambda: 3, "inc-1") == 3


def test_names_are_limited(distributed: ModuleType, started: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    worker, plugin = started
    monkeypatch.setattr(get_plugin(), "MOST_NAMES", 2)
    for key in ("a-1", "b-1", "c-1", "d-1", "a-2"):
        worker.run(lambda: None, key)
    assert plugin.describe(worker)["counts"] == {"a": 2, "b": 1, "other": 2}


def test_another_version_of_whet_runs_nothing(distributed: ModuleType) -> None:
    module = get_plugin()
    original = distributed._run_task
    plugin = module.WhetWorkerPlugin({**REQUEST, "version": "0.0.1"})
    asyncio.run(plugin.setup(worker=FakeWorker(distributed)))
    assert "the client 0.0.1" in plugin.problem
    assert distributed._run_task is original


def test_a_sampler_that_cannot_start_keeps_no_worker_from_working(
    distributed: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = get_plugin()

    def fail(self: object, worker: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(module.WhetWorkerPlugin, "_start", fail)
    worker, plugin = FakeWorker(distributed), module.WhetWorkerPlugin(REQUEST)
    asyncio.run(plugin.setup(worker=worker))
    assert "no space" in plugin.problem
    assert worker.run(lambda: 4, "inc-1") == 4


def test_only_plain_values_travel(distributed: ModuleType) -> None:
    plugin = get_plugin().WhetWorkerPlugin(REQUEST)
    assert pickle.loads(pickle.dumps(plugin)).request == REQUEST


def test_what_is_counted_is_counted_since_the_plugin_came(distributed: ModuleType, started: tuple) -> None:
    worker, plugin = started
    worker.digests_total[("execute", "span", "inc", "thread-cpu", "seconds")] += 0.5
    worker.transfer_incoming_log += [
        {"stop": 0.0, "keys": {"old": 5}},
        *({"stop": 4e12, "keys": {"big-1": 1_000, "small-1": 1}} for _ in range(3)),
    ]
    said = plugin.describe(worker)
    assert said["digests"] == [(["execute", "span", "inc", "thread-cpu", "seconds"], 0.5)]
    assert said["moved"] == [("big-1", 3, 1_000), ("small-1", 3, 1)]
    assert said["cpu_seconds"] >= 0


def test_asking_a_worker_without_the_plugin(distributed: ModuleType) -> None:
    said = asyncio.run(get_plugin().fetch("0" * 32, dask_worker=FakeWorker(distributed)))
    assert said["problem"] == "the plugin is not there"


def test_without_memray_the_worker_is_sampled_and_its_memory_said_to_be_missing(
    distributed: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = get_plugin()
    monkeypatch.setattr(module.WhetWorkerPlugin, "_start", lambda self, worker: ("", ""))
    monkeypatch.setitem(sys.modules, "memray", None)
    worker, plugin = FakeWorker(distributed), module.WhetWorkerPlugin({**REQUEST, "memory": True})
    asyncio.run(plugin.setup(worker=worker))
    said = plugin.describe(worker)
    plugin.teardown(worker=worker)
    assert (said["problem"], said["memory_problem"]) == ("", "memray is not installed in its environment")
