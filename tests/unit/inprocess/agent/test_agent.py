"""The thread that takes value samples: what it sees, and that the program meets nothing of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from whet.inprocess.agent import agent, sampler

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
DRIVER = """\
import os, sys, time
sys.path.insert(0, {folder!r})
from whet.inprocess.agent import agent
SETTINGS = {{"capture": {capture!r}, "foreign": [], "program": [], "include": [], "exclude": []}}
watch = agent.Agent(SETTINGS)

def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass

def has_thread():
    return len(os.listdir("/proc/self/task")) > 1

exec(compile({text!r}, "/app/program.py", "exec"))
watch.finish()
"""
Row = dict[str, Any]
Run = Callable[..., tuple[Row, list[Row], str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a program that has ``watch`` and starts it; return the head and rows of what it left, and its stdout."""

    def run(text: str, *options: str, child: bool = False) -> tuple[Row, list[Row], str]:
        capture = tmp_path / "values.jsonl"
        folder = str(Path(agent.__file__).parents[3])
        driver = DRIVER.format(folder=folder, capture=str(capture), text=textwrap.dedent(text))
        done = subprocess.run(
            [sys.executable, *options, "-c", driver], capture_output=True, text=True, check=False, timeout=120
        )
        assert (done.stderr, done.returncode) == ("", 0)
        found = [path for path in tmp_path.glob("values.jsonl.*") if path.suffix != ".tmp"] if child else [capture]
        head, *rows = map(json.loads, found[0].read_text("ascii").splitlines())
        return head, rows, done.stdout

    return run


def named(rows: list[Row], name: str) -> Row:
    (row,) = [row for row in rows if row["name"] == name]
    return row


def test_variables_of_all_threads_that_compute_are_sampled(run: Run) -> None:
    head, rows, _ = run("""
        import threading
        def work(items, seconds):
            spin(seconds)
            return items
        watch.start()
        thread = threading.Thread(target=work, args=([1, 2, 3], 0.4))
        thread.start()
        def first(text):
            spin(0.4)
        first("abc")
        thread.join()
    """)
    items = named(rows, "items")
    assert (items["file"], items["function"], items["lengths"]) == ("/app/program.py", "work", [3, 3, 3])
    assert items["types"] == {"builtins.list": items["samples"]}
    assert named(rows, "text")["lengths"] == [3, 3, 3]
    assert head["samples"] >= items["samples"] > 0
    assert (head["began"], head["why_none"]) == (True, "")
    assert head["cpu_ns"] > 300_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads by /proc")
def test_the_thread_is_in_no_list_and_ends_at_the_end(run: Run) -> None:
    _, _, said = run("""
        import threading
        before = sys._current_frames().keys()
        watch.start()
        spin(0.05)
        print(has_thread(), threading.active_count(), len(threading.enumerate()))
        # It waits in C and has no frame meanwhile.
        print(any(sys._current_frames().keys() == before for _ in range(1_000_000)))
        watch.finish()
        print(has_thread())
    """)
    assert said == "True 1 1\nTrue\nFalse\n"


@posix
@pytest.mark.skipif(sys.platform != "linux", reason="counts threads by /proc")
def test_the_thread_is_gone_at_a_fork_and_comes_back_where_nothing_warns_of_it(run: Run) -> None:
    """From 3.12 on a fork with threads is warned of, which is an error here."""
    text = """
        import logging, warnings
        warnings.simplefilter("error")
        os.register_at_fork(before=lambda: print(has_thread(), flush=True), after_in_parent=lambda: None)
        watch.start()
        spin(0.05)
        pid = os.fork()
        if not pid:
            spin(0.4)
            assert has_thread()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        spin(0.05)
        print(has_thread())
    """
    # What was registered earlier is called later.
    head, _, said = run(text)
    assert said == f"False\n{agent.COUNTS_THREADS_FIRST}\n"
    assert head["why_none"] == ("" if agent.COUNTS_THREADS_FIRST else agent.WHY_ENDED)
    head, rows, _ = run(text, child=True)
    assert head["why_none"] == ""
    assert head["samples"] > 0
    assert {row["function"] for row in rows} >= {"<module>"}


@posix
@pytest.mark.skipif(sys.platform != "linux", reason="counts threads by /proc")
def test_while_one_thread_forks_no_other_runs(run: Run) -> None:
    """What another writes there, after multiprocessing has emptied the buffers, both processes would write."""
    text = """
        import threading, warnings
        warnings.simplefilter("ignore")
        told, begins, was_told = [], threading.Event(), []
        os.register_at_fork(before=lambda: was_told.append(list(told)))
        watch.start()
        spin(0.1)
        time.sleep(0.7)  # so that it is not in the midst of a sample: then it has to end
        os.register_at_fork(before=begins.set)
        def fork():
            pid = os.fork()
            if not pid:
                print(len(os.listdir("/proc/self/task")), flush=True)
                sys.setswitchinterval(0.005)
                spin(0.4)
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        thread = threading.Thread(target=fork)
        sys.setswitchinterval(100)
        thread.start()
        begins.wait()
        told.append("other")
        thread.join()
        sys.setswitchinterval(0.005)
        spin(0.1)
        print(was_told, told, has_thread())
    """
    head, rows, said = run(text)
    # The child has a thread of its own.
    assert said == "2\n[[]] ['other'] True\n"
    assert head["why_none"] == ""
    head, rows, _ = run(text, child=True)
    assert head["why_none"] == ""
    assert head["samples"] > 0
    assert {row["function"] for row in rows} >= {"fork"}


@pytest.mark.parametrize(
    ("text", "goes_on"),
    [
        ("pid = os.fork()", True),
        ("pid, terminal = os.forkpty()", False),
        ("os.fork() or os.execvp('ls', ['ls'])", False),
        ("if not os.fork():\n    os.unshare(1)", False),
        ("subprocess.run(['ls'])", False),
    ],
)
def test_a_child_that_becomes_another_program_is_left_alone(text: str, goes_on: bool) -> None:
    frame: Any = type("Frame", (), {"f_code": compile(text, "x.py", "exec")})
    assert agent._goes_on(frame) is goes_on


@posix
@pytest.mark.skipif(sys.platform != "linux", reason="counts threads by /proc")
def test_the_thread_is_gone_when_the_process_becomes_another_program(run: Run) -> None:
    """With several threads, and a sampler that stops them at that moment, the kernel would wait for ever."""
    _, rows, said = run("""
        import traceback
        watch.start()
        def work(n):
            spin(0.1)
        work(1)
        try:
            os.execv("/no/such/program", ["x"])
        except FileNotFoundError as error:
            print(traceback.extract_tb(error.__traceback__)[-1].filename, os.execv.__name__)
        print(has_thread())
        show = "import os; print(len(os.listdir('/proc/self/task')))"
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, "-c", show], os.environ)
    """)
    assert said == "/app/program.py execv\nFalse\n1\n"
    assert named(rows, "n")["samples"] > 0


@posix
def test_a_preexec_function_runs_alone(run: Run) -> None:
    _, _, said = run("""
        import subprocess
        watch.start()
        spin(0.05)
        def alone():
            spin(0.1)
            print(len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1, flush=True)
        subprocess.run([sys.executable, "-c", ""], preexec_fn=alone, check=True)
    """)
    assert said == "1\n"


@pytest.mark.skipif(sys.platform == "win32", reason="made of signals")
def test_a_signal_that_all_threads_of_the_program_block_waits_for_them(run: Run) -> None:
    _, _, said = run("""
        import signal
        watch.start()
        spin(0.05)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.1)
        print(signal.sigwait({signal.SIGUSR1}) == signal.SIGUSR1)
    """)
    assert said == "True\n"


def test_no_destructor_and_no_collection_runs_in_it(run: Run) -> None:
    _, rows, said = run("""
        import gc, threading, weakref
        mine, others = threading.get_ident(), set()
        class Noisy:
            def __init__(self): self.me = self
            def __del__(self): others.add(threading.get_ident())
        gc.callbacks.append(lambda *_: others.add(threading.get_ident()))
        gc.set_threshold(600)
        sleepers = [threading.Thread(target=time.sleep, args=(1.5,)) for _ in range(100)]
        for each in sleepers: each.start()
        watch.start()
        def work():
            end = time.process_time() + 1
            while time.process_time() < end:
                held = [Noisy() for _ in range(20)]
                held = {1: Noisy()}
        work()
        for each in sleepers: each.join()
        print(mine in others, others - {mine, *(each.ident for each in sleepers)}, gc.isenabled())
    """)
    assert said == "True set() True\n"
    assert named(rows, "held")["samples"] > 0


def test_a_program_that_is_close_to_a_collection_and_allocates_nothing_is_sampled(run: Run) -> None:
    head, rows, said = run("""
        import gc
        gc.collect()
        kept = []
        watch.start()
        def work(text):
            while gc.get_count()[0] < gc.get_threshold()[0] - 5:
                kept.append([])
            collected = gc.get_stats()[0]["collections"]
            spin(1)
            return gc.get_stats()[0]["collections"] - collected
        print(work("abc"))
    """)
    assert said == "0\n"
    # Without room to spare it is sampled once or twice.
    assert named(rows, "text")["samples"] > 4, head


def test_while_a_tool_watches_nothing_is_sampled_and_nothing_is_seen(run: Run) -> None:
    _, rows, said = run("""
        watch.start()
        def before():
            here = [1]
            spin(0.3)
        def watched():
            there = [1]
            spin(0.3)
        before()
        seen = set()
        if sys.version_info >= (3, 12):
            monitoring, events = sys.monitoring, sys.monitoring.events
            monitoring.use_tool_id(1, "watcher")
            every = events.PY_START | events.PY_RETURN | events.LINE | events.CALL | events.JUMP | events.BRANCH
            for event in (events.PY_START, events.PY_RETURN, events.LINE, events.CALL, events.JUMP, events.BRANCH):
                monitoring.register_callback(1, event, lambda code, *_: seen.add(code.co_filename))
            monitoring.set_events(1, every)
            watched()
            monitoring.set_events(1, 0)
            monitoring.free_tool_id(1)
        else:
            sys.setprofile(lambda frame, *_: seen.add(frame.f_code.co_filename))
            watched()
            sys.setprofile(None)
        print(sorted(each for each in seen if "agent" in each or "values" in each))
        before()
    """)
    assert said == "[]\n"
    assert named(rows, "here")["samples"] > 5
    # Before 3.12 a profile function is that of one thread, and another one may look.
    assert bool([row for row in rows if row["name"] == "there"]) is (sys.version_info < (3, 12))


def test_what_traces_memory_sees_none_of_the_threads(run: Run) -> None:
    """Integers too, which CPython 3.14 keeps for later where it frees them."""
    _, _, said = run("""
        import tracemalloc
        watch.start()
        spin(0.1)
        tracemalloc.start()
        spin(0.3)
        print([str(each) for each in tracemalloc.take_snapshot().traces if "unknown" in str(each.traceback)])
    """)
    assert said == "[]\n"


def test_under_a_profile_function_variables_stay_what_the_program_made_them(run: Run) -> None:
    """Before 3.13 whoever is shown a frame has its variables written back when it returns."""
    _, _, said = run("""
        watch.start()
        def callback(frame, event, arg):
            frame.f_locals
            for _ in range(200): pass
        def count(n):
            total = 0
            for i in range(n):
                total = add(total, 1)
            return total
        def add(a, b):
            c = a + b
            return c
        sys.setprofile(callback)
        result = count(20_000)
        sys.setprofile(None)
        print(result)
    """)
    assert said == "20000\n"


def test_what_is_known_is_saved_while_the_program_runs(run: Run) -> None:
    head, rows, _ = run("""
        watch.start()
        def work(n):
            spin(0.4)
        work(1)
        os._exit(0)
    """)
    assert head["samples"] > 0
    assert named(rows, "n")["samples"] > 0


def test_a_program_that_waits_is_left_alone(run: Run) -> None:
    head, _, _ = run("watch.start()\ntime.sleep(1)")
    assert head["samples"] <= 2


def test_where_no_thread_can_be_started_the_reason_is_told(run: Run) -> None:
    head, rows, _ = run("""
        import _thread
        def refuse(*_): raise RuntimeError("can't start new thread")
        _thread.start_new_thread = refuse
        watch.start()
        spin(0.1)
    """)
    assert (head["why_none"], rows) == ("no thread could be started in the program: can't start new thread", [])


def test_without_the_gil_nothing_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    assert "without the GIL" in agent._find_obstacle()


def test_what_fails_in_it_ends_it_and_is_told(run: Run) -> None:
    head, _, said = run("""
        def fail(*_): raise KeyError("x")
        watch.start()
        watch.sampler.values.look = fail
        spin(0.3)
        print(len(watch.running))
    """)
    assert said == "1\n"
    assert head["why_none"] == "the agent failed: KeyError: 'x'"


def test_a_program_that_does_not_compile_is_told_from_one_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "last_value", SyntaxError(), raising=False)
    monkeypatch.setattr(sys, "last_traceback", None, raising=False)
    assert sampler._is_broken()
    monkeypatch.setattr(sys, "last_value", ValueError(), raising=False)
    assert not sampler._is_broken()
