from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from whet.collect import attached_profiler
from whet.collect.attached_profiler import AttachedProfiler

Tool = Callable[[str], tuple[str, ...]]
posix = pytest.mark.skipif(os.name == "nt", reason="made of signals")


@pytest.fixture
def start() -> Iterator[Callable[..., AttachedProfiler]]:
    """Start profilers, and end what is left of them."""
    started: list[AttachedProfiler] = []

    def begin(command: tuple[str, ...], pid: int = 1, **more: bool | str) -> AttachedProfiler:
        started.append(AttachedProfiler(command, pid, **{"says_ready": "Sampling process", **more}))
        return started[-1]

    yield begin
    for each in started:
        each.kill()


@pytest.fixture
def hear(start: Callable[..., AttachedProfiler], make_tool: Tool) -> Callable[[str], AttachedProfiler]:
    """Let a tool of a few lines say what it has to say, and end."""

    def listen(text: str) -> AttachedProfiler:
        each = start(make_tool(text))
        each.finish()
        return each

    return listen


def test_it_samples_when_it_says_so_and_ends_when_it_is_done(start: Callable[..., AttachedProfiler], make_tool: Tool):
    each = start(
        (*make_tool("import sys; print('py-spy> Sampling process 100 times a second', sys.argv[1])"), "{pid}"), 77
    )
    assert each.wait_until_sampling()
    assert each.sampling_since > 0
    assert each.finish() == 0
    assert each.said == ["py-spy> Sampling process 100 times a second 77"]
    assert not each.is_running


@posix
def test_it_is_asked_to_end_by_the_signal_of_a_terminal_and_writes_what_it_has(
    start: Callable[..., AttachedProfiler], make_tool: Tool, tmp_path: Path
):
    each = start(
        make_tool(f"""
            import time, pathlib
            try:
                print("Sampling process 1", flush=True)
                time.sleep(60)
            except KeyboardInterrupt:
                pathlib.Path({str(tmp_path / "written")!r}).write_text("all")
        """)
    )
    assert each.wait_until_sampling()
    each.stop()
    assert each.finish() == 0
    assert (tmp_path / "written").read_text() == "all"


def test_one_that_fails_is_quoted(start: Callable[..., AttachedProfiler], make_tool: Tool):
    each = start(
        make_tool("""
            import sys
            print("py-spy> a hint for people", file=sys.stderr)
            print("Error: Failed to find a python interpreter in the .data section", file=sys.stderr)
            print("", file=sys.stderr)
            print("Reason: it is not there", file=sys.stderr)
            sys.exit(1)
        """)
    )
    assert not each.wait_until_sampling()
    assert each.finish() == 1
    assert each.complaint == "Failed to find a python interpreter in the .data section Reason: it is not there"
    assert not each.was_refused


@pytest.mark.parametrize(
    "said",
    ["Error: Permission Denied: Try running again with elevated permissions", "Operation not permitted (os error 1)"],
)
def test_one_that_the_system_does_not_let_is_told_from_one_that_fails(
    start: Callable[..., AttachedProfiler], make_tool: Tool, said: str
):
    each = start(make_tool(f"import sys; print({said!r}); sys.exit(1)"))
    assert not each.wait_until_sampling()
    assert each.was_refused


def test_one_without_a_word_is_described_by_how_it_ended(start: Callable[..., AttachedProfiler], make_tool: Tool):
    each = start(make_tool("raise SystemExit(7)"))
    assert not each.wait_until_sampling()
    each.finish()
    assert each.complaint == "it ended with status 7"


def test_one_that_hangs_is_given_up_and_killed(start: Callable[..., AttachedProfiler], make_tool: Tool):
    each = start(make_tool("import time; time.sleep(60)"))
    assert not each.wait_until_sampling(0.05)
    assert each.complaint == "it did not begin to sample in time"
    each.kill()
    assert not each.is_running


@posix
def test_one_that_ignores_the_request_is_killed_in_the_end(
    start: Callable[..., AttachedProfiler], make_tool: Tool, monkeypatch: pytest.MonkeyPatch
):
    each = start(
        make_tool("""
            import signal, time
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            print("Sampling process 1", flush=True)
            time.sleep(60)
        """)
    )
    assert each.wait_until_sampling()
    # No time at all for what it does not do anyway.
    assert each.finish(0.0) == -signal.SIGKILL


def test_what_it_says_is_kept_in_part(hear: Callable[[str], AttachedProfiler]):
    each = hear("""
        print("first words")
        for number in range(5000): print("word", number)
        print("last words")
    """)
    assert len(each.said) == attached_profiler.MAX_SAID
    assert (each.said[0], each.said[-1]) == ("first words", "last words")
    assert len(each.complaint) <= 300


def test_what_it_says_of_its_own_work_is_read(hear: Callable[[str], AttachedProfiler]):
    each = hear("""
        print("py-spy> 1.02s behind in sampling, results may be inaccurate.")
        for number in range(500): print("word", number)
        print("py-spy> Wrote raw flamegraph data to 'x.raw'. Samples: 166 Errors: 261")
        print("py-spy> You can use the flamegraph.pl script")
    """)
    assert each.is_behind
    assert each.counted == (166, 261)
    silent = hear("print('Samples: many')")
    assert (silent.is_behind, silent.counted) == (False, (0, 0))


def test_bytes_that_are_no_text_do_not_matter(start: Callable[..., AttachedProfiler], make_tool: Tool):
    each = start(make_tool("import sys; sys.stdout.buffer.write(b'\\xff\\x00 Sampling process\\n')"))
    assert each.wait_until_sampling()


def test_a_tool_that_is_not_there_is_an_error_of_the_system(tmp_path: Path):
    with pytest.raises(OSError, match=r"No such file|cannot find"):
        AttachedProfiler((str(tmp_path / "gone"),), 1)


@posix
def test_a_terminals_ctrl_c_does_not_reach_it(start: Callable[..., AttachedProfiler], make_tool: Tool):
    each = start(make_tool("import os; print('Sampling process', os.getpgrp() == os.getpid())"))
    each.finish()
    assert each.said == ["Sampling process True"]


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
def test_on_a_leash_it_ends_with_whoever_holds_it(make_tool: Tool, tmp_path: Path):
    tool = make_tool("import time; print('Sampling process', flush=True); time.sleep(60)")
    holder = f"""
import os, sys
from whet.collect.attached_profiler import AttachedProfiler
each = AttachedProfiler({tool!r}, 1, says_ready="Sampling process")
assert each.wait_until_sampling(), each.complaint
print(each.process.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", holder], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    pid = int(done.stdout)
    # It is nobody's child any more: that it ends shows in /proc.
    for _ in range(500):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state in "ZX":
            return
        signal.sigtimedwait([], 0.02)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("it went on")


def test_a_tool_that_says_nothing_is_taken_to_sample_unless_it_ends(start, make_tool, monkeypatch):
    monkeypatch.setattr(attached_profiler, "SILENT_SECONDS", 0.3)
    going = start(make_tool("import time; print('hello', flush=True); time.sleep(60)"), says_ready="")
    assert going.wait_until_sampling()
    going.kill()
    monkeypatch.setattr(attached_profiler, "SILENT_SECONDS", 60.0)
    ended = start(make_tool("raise SystemExit(3)", "ended.py"), says_ready="")
    assert not ended.wait_until_sampling()


def test_a_tool_may_have_words_of_its_own(start, make_tool):
    tool = make_tool("import time; print('now watching 7', flush=True); time.sleep(60)")
    each = start(tool, says_ready="now watching")
    assert each.wait_until_sampling()
    each.kill()


def test_on_windows_it_is_in_a_group_of_its_own_and_asked_by_ctrl_break(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(signal, "CTRL_BREAK_EVENT", 1, raising=False)
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
    sent: list[int] = []

    class Started:
        """A process that runs, as far as is asked here."""

        stdout = io.StringIO()

        def __init__(self, words: list[str], **more: object) -> None:
            assert more["creationflags"] == 0x200

        def wait(self) -> int:
            return 0

        def poll(self) -> None:
            return None

        def send_signal(self, number: int) -> None:
            sent.append(number)
            raise OSError("there is no console")

    monkeypatch.setattr(subprocess, "Popen", Started)
    AttachedProfiler(("py-spy",), 1).stop()
    assert sent == [1]


@posix
def test_it_has_ended_though_something_that_it_started_holds_its_output(start, make_tool, monkeypatch, tmp_path):
    monkeypatch.setattr(attached_profiler, "END_SECONDS", 0.5)
    pid = tmp_path / "pid"
    held = start(
        make_tool(f"""
import pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
pathlib.Path({str(pid)!r}).write_text(str(child.pid))
print("Sampling process", flush=True)
""")
    )
    assert held.wait_until_sampling()
    try:
        assert held.finish() == 0
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)
