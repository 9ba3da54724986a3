from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import whet.dask
from whet.errors import CollectorError, UsageError
from whet.merge.hotspots import merge_run
from whet.model.codec import write_run
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, Correction, Profile, Samples, StackTable, Thread
from whet.model.run import Execution, Interpreter, Purpose, Run, SourceFile
from whet.pipeline.dask.sampling import cut_waits, find_factor, scale_between
from whet.pipeline.dask.session import DaskOptions, Session, find_client_sources, need_distributed
from whet.pipeline.dask.spool import Spool
from whet.pipeline.dask.totals import TRANSFERS, Totals

from .conftest import FakeClient, FakeWorker

MS = 1_000_000
SCRIPT = "import dask\n\n\ndef solve(n):\n    return sum(range(n))\n"


def make_capture(worker: str, cpu_ms: int, task: str = "solve") -> bytes:
    time = Profile(
        "py-spy 0.4.2",
        (Frame("<dynamic-code>", "solve", 5, 4, Owner.STDLIB), Frame("/e/lib/python3.12/selectors.py", "select")),
        StackTable([ROOT, ROOT], [0, 1]),
        (Thread(9, 10, "pool", task=task), Thread(9, 9, "loop")),
        (Samples(Metric.CPU, 0, [0], [cpu_ms * MS], cpu_ms // 10), Samples(Metric.IDLE, 1, [1], [50 * MS], 5)),
        period_ns=10 * MS,
        ticks=10,
    )
    execution = Execution(Purpose.ATTACH, ("py-spy",), 1_000 * MS, cpu_ms * MS, None)
    run = Run("0", ("dask",), "", "/w", "/w", Interpreter("/e/bin/python", "3.12.1"), executions=(execution,),
              profiles=(time,), labels=(("worker", worker),))  # fmt: skip
    packed = io.BytesIO()
    write_run(run, packed)
    return packed.getvalue()


@pytest.fixture
def cluster(distributed: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    """Two workers on this machine, whose samplers are not started: tests put captures where these would."""
    from whet.pipeline.dask import plugin

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(
        plugin.WhetWorkerPlugin, "_start", lambda self, worker: (Spool(self.request["token"]).open(), ("", ""))[1]
    )
    return FakeClient(*(FakeWorker(distributed, f"tcp://127.0.0.1:4000{number}") for number in (1, 2)))


class Apart(set[str]):
    """Lets workers behave as those of other processes."""

    def __contains__(self, name: object) -> bool:
        return False


def make_session(client: FakeClient) -> Session:
    source = SourceFile("/home/me/job.py", "job.py", "", SCRIPT)
    return Session(client, DaskOptions(), {"/home/me/job.py": source})  # type: ignore[arg-type]


def test_captures_become_parts_with_tasks_and_the_users_lines(cluster: FakeClient) -> None:
    session = make_session(cluster)
    session.begin()
    spool = Spool(session._token)
    spool.put(0, 1, make_capture("tcp://127.0.0.1:40001", 300))
    spool.put(0, 2, make_capture("tcp://127.0.0.1:40002", 900))
    spool.put(1, 1, make_capture("tcp://127.0.0.1:40001", 100))
    spool.put(0, 3, make_capture("fast", 20, "load"))
    cluster.workers[0].run(lambda: None, "solve-1")
    run = session.finish()
    assert {part.label: part.cpu_ns // MS for part in run.parts} == {
        "tcp://127.0.0.1:40001": 400, "tcp://127.0.0.1:40002": 900, "worker fast": 20,
    }  # fmt: skip
    hotspots = merge_run(run)
    assert [(spot.file, spot.name, spot.line) for spot in hotspots.functions if spot.owner is Owner.USER] == [
        ("/home/me/job.py", "solve", 4)
    ]
    assert {thread.task for thread in hotspots.threads} == {"solve", "load", ""}
    assert [(each.name, each.count) for each in run.tasks] == [("solve", 1)]
    assert cluster.plugins == {}
    assert all(not worker.plugins for worker in cluster.workers)
    assert not spool.folder.exists() or spool.is_empty()


def test_a_worker_that_went_away_keeps_what_it_left_and_is_said(cluster: FakeClient) -> None:
    session = make_session(cluster)
    session.begin()
    gone = cluster.workers.pop(0)
    Spool(session._token).put(0, 1, make_capture(gone.address, 300))
    run = session.finish()
    (part,) = (part for part in run.parts if part.label == gone.address)
    assert part.cpu_ns == 300 * MS
    assert part.note == "ended before the profile did"


def test_a_worker_that_comes_late_is_sampled(cluster: FakeClient, distributed: ModuleType) -> None:
    session = make_session(cluster)
    session.begin()
    late = FakeWorker(distributed, "tcp://127.0.0.1:40009")
    cluster.workers.append(late)
    cluster.add(late, next(iter(cluster.plugins)))
    Spool(session._token).put(0, 1, make_capture(late.address, 10))
    assert late.address in {part.label for part in session.finish().parts}


def test_where_no_worker_can_be_sampled_it_is_an_error_and_nothing_stays(
    cluster: FakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from whet.pipeline.dask import plugin

    monkeypatch.setattr(plugin, "_sampled", Apart())
    monkeypatch.setattr(plugin.WhetWorkerPlugin, "_start", lambda self, worker: ("the kernel refuses", "ask root"))
    with pytest.raises(CollectorError, match="40001: the kernel refuses"):
        make_session(cluster).begin()
    assert cluster.plugins == {}


def test_one_that_cannot_be_sampled_costs_itself_only(cluster: FakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from whet.pipeline.dask import plugin

    monkeypatch.setattr(plugin, "_sampled", Apart())
    monkeypatch.setattr(
        plugin.WhetWorkerPlugin,
        "_start",
        lambda self, worker: ("it refuses", "") if worker.address.endswith("2") else ("", ""),
    )
    session = make_session(cluster)
    session.begin()
    run = session.finish()
    assert "tcp://127.0.0.1:40002 was not sampled: it refuses" in [notice.message for notice in run.notices]


def test_a_capture_that_is_none_is_said(cluster: FakeClient) -> None:
    session = make_session(cluster)
    session.begin()
    spool = Spool(session._token)
    spool.folder.mkdir(exist_ok=True)
    spool.put(0, 1, b"\x80\x04cos\nsystem\n.")
    run = session.finish()
    assert any("cannot be read" in notice.message for notice in run.notices)


def test_what_workers_count_of_their_tasks() -> None:
    totals = Totals()
    for _ in range(2):
        totals.add(
            {
                "counts": {"inc": 5},
                "digests": [
                    (["execute", "span", "inc", "thread-cpu", "seconds"], 1.5),
                    (["execute", "inc", "thread-noncpu", "seconds"], 0.5),
                    (["execute", "inc", "disk-read", "seconds"], 0.25),
                    (["execute", "inc", "executor", "seconds"], 9.0),
                    (["gather-dep", "network", "seconds"], 2.0),
                    (["gather-dep", "network", "bytes"], 4_000.0),
                ],
                "moved": [("x-1", 2, 100)],
            }
        )
    inc, moved = sorted(totals.list_tasks(), key=lambda each: each.name != "inc")
    assert (inc.count, inc.cpu_ns, inc.blocked_ns, inc.spill_ns, inc.other_ns) == (
        10, 3_000 * MS, 1_000 * MS, 500 * MS, 0,
    )  # fmt: skip
    assert (moved.name, moved.transfer_ns, moved.transfer_bytes) == (TRANSFERS, 4_000 * MS, 8_000)
    assert [(each.key, each.times, each.size) for each in totals.list_transfers()] == [("x-1", 4, 100)]


def test_time_between_captures_is_that_of_the_workers_clock() -> None:
    assert find_factor(1_000 * MS, 1_100 * MS) == pytest.approx(1.1)
    assert find_factor(1_000 * MS, 900 * MS) == 1.0
    assert find_factor(1_000 * MS, 0) == 1.0
    assert find_factor(10 * MS, 900 * MS) == 1.0
    assert find_factor(100 * MS, 900 * MS) == 2.0
    profile = Profile("p", samples=(Samples(Metric.CPU, 0, [0], [100], 1), Samples(Metric.IDLE, 0, [0], [70], 1)))
    scaled = scale_between(profile, 1.1)
    assert [each.value[0] for each in scaled.samples] == [110, 70]
    assert scaled.corrections == (Correction("time between captures added", Metric.CPU, 10),)


def test_stacks_that_wait_compute_nothing() -> None:
    library = "/usr/lib/python3.12"
    profile = Profile(
        "py-spy",
        (Frame(f"{library}/queue.py", "get"), Frame("/e/site-packages/distributed/threadpoolexecutor.py", "_worker"),
         Frame("/job.py", "solve")),
        StackTable([ROOT, 0, 0], [1, 0, 2]),
        (Thread(1, 2),),
        (Samples(Metric.CPU, 0, [1, 2], [30, 70], 10), Samples(Metric.IDLE, 0, [1], [5], 1)),
    )  # fmt: skip
    cut = cut_waits(profile)
    assert [(list(each.stack), list(each.value), each.count) for each in cut.samples] == [([2], [70], 7), ([1], [5], 1)]
    assert cut.corrections == (Correction("computing in stacks that wait left out", Metric.CPU, -30),)


def test_sources_of_the_client(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(SCRIPT)
    found = find_client_sources(
        [str(tmp_path / "job.py"), "/nowhere.py", "/etc/passwd"], str(tmp_path), {"<cell>": "x"}
    )
    assert {name: source.shown for name, source in found.items()} == {
        str(tmp_path / "job.py"): "job.py", "<cell>": "<cell>",
    }  # fmt: skip


def test_without_dask_nothing_of_it_is_imported_and_what_needs_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = (
        "import sys, whet, whet.dask, whet.cli.run, whet.pipeline.dask.session\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('dask', 'distributed')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError) as raised:
        need_distributed()
    assert raised.value.hint == "pip install 'whet-perf[dask]'"


def test_an_asynchronous_client_is_refused_before_its_loop_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whet.pipeline.dask.session.need_distributed", lambda: None)
    with pytest.raises(UsageError, match="the client is asynchronous") as raised:
        whet.dask.profile(SimpleNamespace(asynchronous=True))  # type: ignore[arg-type]
    assert "whet run --dask ADDRESS" in raised.value.hint
