"""``whet attach`` on processes that run: what it says of them, and that it leaves them as they were."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from tests.integration.conftest import WHET, wait_for
from tests.integration.pieces import CRUNCH, TARGETS

from whet.program.ptrace import ptrace_trouble

PATIENCE = 120
"""Seconds after which what has not happened never will."""
PTRACE_SEIZE, PTRACE_DETACH = 0x4206, 17

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes as Linux tells of them"),
    pytest.mark.skipif(
        sys.platform == "linux" and ptrace_trouble(attaching=True) is not None,
        reason="this machine lets nobody read a process that runs already",
    ),
]

SERVICE = f"""
import threading
import time
{CRUNCH}
def compute():
    while True:
        crunch()

def wait_for_device():
    while True:
        time.sleep(0.5)

if __name__ == "__main__":
    threading.Thread(target=wait_for_device, name="device").start()
    print("ready", flush=True)
    compute()
"""


@pytest.fixture
def start(runner):
    """Start programs that run until the test has ended; ``Popen`` whose first line of output has been read."""
    running = []

    def begin(*words: str | Path, cwd: Path | None = None, python: str = sys.executable) -> subprocess.Popen[bytes]:
        process = runner.start(
            [python, *map(str, words)], cwd or runner.make_folder(), stdin=subprocess.PIPE, stderr=None
        )
        running.append(process)
        process.said = process.stdout.readline().decode()
        assert process.said, "the target did not start"
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def service(start, runner):
    """A program that computes in one thread and sleeps in another, started by a relative path with a secret."""
    path = runner.write(SERVICE, "service.py")
    process = start("service.py", "--token", "hunter2hunter2", cwd=path.parent)
    process.folder = path.parent
    return process


@pytest.fixture
def attach(runner):
    """Run ``whet attach`` in a folder of its own."""

    def call(*words: object, cwd: Path | None = None):
        return runner.call([*WHET, "attach", *map(str, words)], cwd or runner.make_folder())

    return call


def begin_attach(runner, pid, *words, ticks=50):
    """Start ``whet attach`` on a program that computes; return it with its samplers' pids once both sample.

    The program has computed for so many hundredths of a second more by then.
    """
    folder = runner.make_folder()
    # One that is killed leaves its captures behind: here, not in the machine's folder.
    environ = {**os.environ, "TMPDIR": str(runner.make_folder())}
    whet = runner.start([*WHET, "attach", "--duration", "600", *words, str(pid)], folder, env=environ)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        samplers = [child for child in children_of(whet.pid) if b"py-spy" in read(f"/proc/{child}/cmdline")[:200]]
        # A sampler's second thread is the one that samples.
        if len(samplers) == 2 and all(len(list(Path(f"/proc/{each}/task").iterdir())) > 1 for each in samplers):
            break
        assert whet.poll() is None, whet.communicate()
        time.sleep(0.02)
    else:
        raise AssertionError("no samplers")
    # It catches the signals that would end it, this one as the others, from when both have said that they sample.
    wait_for(lambda: int(status_of(whet.pid, "SigCgt"), 16) & 1 << signal.SIGTERM - 1)
    seen_from = cpu_of(pid)
    wait_for(lambda: cpu_of(pid) >= seen_from + ticks)
    return whet, samplers, folder


def children_of(pid):
    return [int(word) for task in Path(f"/proc/{pid}/task").iterdir() for word in read(task / "children").split()]


def status_of(pid, name):
    """What the system says of a process under this name."""
    return next(
        line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(f"{name}:")
    )


def read(path):
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def cpu_of(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def assert_goes_on(process):
    """Assert that a process that computes without end does so still, stopped and traced by nobody."""
    before, deadline = cpu_of(process.pid), time.monotonic() + PATIENCE
    while cpu_of(process.pid) < before + 3:
        assert process.poll() is None
        assert time.monotonic() < deadline, Path(f"/proc/{process.pid}/status").read_text()
        time.sleep(0.02)
    assert "TracerPid:\t0" in Path(f"/proc/{process.pid}/status").read_text()


def assert_most_is_spent_in(function, report):
    """Of what was seen: how much that is, is for the machine to say."""
    assert function["self_seconds"] > 0.5 * sum(each["self_seconds"] for each in report["functions"]) > 0
    assert report["cpu_seconds"] > 0


def is_there(pids):
    return any(b"py-spy" in read(f"/proc/{pid}/cmdline") for pid in pids)


def test_a_service_is_measured_and_goes_on(service, attach):
    ran = attach(service.pid, "--duration", 3)
    assert (ran.status, ran.stdout) == (0, b""), ran.words
    assert_goes_on(service)
    report = ran.report
    assert report["exit_status"] is None
    assert report["duration_seconds"] > 2.5
    assert report["command"] == [sys.executable, "service.py", "--token", "***"]
    assert report["python"]["version"] == ".".join(map(str, sys.version_info[:3]))
    (crunch,) = ran.find_functions("crunch", "service.py")
    assert crunch["file"] == "service.py"  # relative to its own folder, which is not whet's
    assert_most_is_spent_in(crunch, report)
    assert crunch["hits"] is None
    (device,) = ran.find_functions("wait_for_device")
    if ran.knows_waiting:
        assert device["waiting_seconds"] > 5 * device["self_seconds"]
        assert device["waiting_seconds"] > 1
    line = ran.find_line(service.folder / "service.py", "total += number * number % 7")
    assert line["self_seconds"] > 0
    assert "went on" in ran.words
    assert "hits, values and allocations" in ran.words
    # The run is kept where whet was started, and nothing is left beside the program.
    assert (ran.folder / ".whet" / "latest").is_file()
    assert sorted(path.name for path in service.folder.iterdir()) == ["service.py"]
    page = (ran.folder / "whet-report.html").read_text("utf-8")
    assert "whet attach puts nothing into the process" in page
    assert "hunter2" not in page
    assert "wait_for_device" in page


@pytest.mark.slow
def test_an_asyncio_server_under_load(start, attach):
    server = start(TARGETS / "async_server.py", "--clients", "4")
    ran = attach(server.pid, "--duration", 3)
    assert ran.status == 0, ran.words
    named = {row["name"]: row for row in ran.report["functions"] if row["owner"] == "user"}
    assert named["answer"]["self_share"] > 0.1
    assert named["serve"]["total_seconds"] >= named["answer"]["self_seconds"]
    if ran.knows_waiting:
        assert sum(row["waiting_seconds"] for row in named.values()) < 0.35 * ran.report["duration_seconds"], named
    assert server.poll() is None


def test_an_idle_loop_is_no_place_that_waits(start, attach):
    server = start(TARGETS / "async_server.py")
    ran = attach(server.pid, "--duration", 1.5, "--no-source", "-o", "own.html")
    assert ran.status == 0, ran.words
    assert "async_server.py was idle" in ran.words
    assert sum(row["waiting_seconds"] for row in ran.report["functions"]) < 0.2
    assert (ran.folder / "own.html").is_file()
    assert not (ran.folder / "whet-report.html").exists()
    with socket.create_connection(("127.0.0.1", int(server.said.split()[1])), timeout=20) as client:
        client.sendall(b"7\n")
        assert client.makefile("rb").readline().strip().isdigit()


def test_ctrl_c_ends_it_with_a_report(service, runner):
    whet, samplers, folder = begin_attach(runner, service.pid)
    whet.send_signal(signal.SIGINT)
    ran = runner.finish(whet, folder)
    assert (ran.status, ran.stdout) == (0, b""), ran.words
    assert "went on" in ran.words
    assert ran.report["samples"] > 0
    assert ran.find_functions("crunch")
    assert not is_there(samplers)
    assert_goes_on(service)


def test_killing_whet_ends_the_samplers_and_not_the_process(service, runner, waiting):
    whet, samplers, _ = begin_attach(runner, service.pid)
    whet.kill()
    whet.communicate()
    waiting(lambda: not is_there(samplers))
    assert_goes_on(service)


def test_killing_the_samplers_while_they_hold_it_does_no_harm(service, runner):
    # At once and not so often that one falls behind on a busy machine: it would leave what it saw to a slower one.
    whet, samplers, folder = begin_attach(runner, service.pid, "--rate", "200", ticks=0)
    for pid in samplers:
        os.kill(pid, signal.SIGKILL)
    ran = runner.finish(whet, folder)
    assert ran.status == 125
    assert f"whet: error: py-spy recorded no samples of process {service.pid}" in ran.words
    assert_goes_on(service)


def test_a_process_that_ends_meanwhile_is_reported(runner, start):
    path = runner.write(SERVICE.replace("while True:\n        crunch()", "pass"), "service.py")
    ending = runner.write(
        f"""
        import sys, threading, os
        sys.path.insert(0, {str(path.parent)!r})
        from service import crunch
        def leave():
            sys.stdin.readline()
            os._exit(7)
        threading.Thread(target=leave).start()
        print("ready", flush=True)
        while True:
            crunch()
        """,
        "ending.py",
    )
    process = start(ending)
    whet, _, folder = begin_attach(runner, process.pid)
    process.stdin.write(b"leave\n")
    process.stdin.flush()
    assert process.wait() == 7
    ran = runner.finish(whet, folder)
    assert ran.status == 0, ran.words
    assert "ended" in ran.words
    assert "went on" not in ran.words
    assert any("the process ended after" in text for text in ran.warnings_about("attach execution"))
    assert ran.find_functions("crunch")[0]["self_seconds"] > 0


@pytest.mark.slow
def test_a_process_that_becomes_another_program_meanwhile_is_reported(runner, start):
    process = start(
        runner.write(
            """
            import os, sys, threading
            def crunch():
                return sum(number * number % 7 for number in range(20_000))
            def leave():
                sys.stdin.readline()
                os.execvp("sleep", ["sleep", "300"])
            threading.Thread(target=leave).start()
            print("ready", flush=True)
            while True:
                crunch()
            """
        )
    )
    whet, _, folder = begin_attach(runner, process.pid)
    process.stdin.write(b"leave\n")
    process.stdin.flush()
    ran = runner.finish(whet, folder)
    assert ran.status == 0, ran.words
    told = [each["message"] for each in ran.report["warnings"]]
    (said,) = [each for each in told if "became another program" in each]
    assert "/sleep, by os.exec…): sampling ended then" in said
    assert not [each for each in told if "looks failed" in each or "failed before" in each], told
    assert ran.find_functions("crunch")[0]["self_seconds"] > 0
    assert process.poll() is None


@pytest.mark.slow
def test_a_process_that_is_traced_can_be_seen_without_tracing(service, attach):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    assert libc.ptrace(PTRACE_SEIZE, service.pid, None, None) == 0, os.strerror(ctypes.get_errno())
    try:
        refused = attach(service.pid, "--duration", 1)
        ran = attach(service.pid, "--duration", 1.5, "--nonblocking", "--no-children")
    finally:
        os.kill(service.pid, signal.SIGKILL)
        service.wait()
    assert refused.status == 125
    assert f"process {service.pid} is traced by process {os.getpid()}" in refused.words
    assert "--nonblocking" in refused.words
    assert ran.status == 0, ran.words
    assert "paused" not in ran.words
    assert ran.find_functions("crunch")


def test_processes_that_cannot_be_sampled(start, attach, waiting):
    def refuse(pid):
        ran = attach(pid, "--duration", 1)
        assert (ran.status, ran.stdout) == (125, b"")
        assert len(ran.words.splitlines()) == 2, ran.words
        assert not list(ran.folder.iterdir())
        return ran.words

    other = start("-c", "echo ready; read line", python="/bin/sh")
    assert f"process {other.pid} (" in (said := refuse(other.pid))
    assert "is not a Python process" in said
    ended = start("-c", "print(1, flush=True)")
    waiting(lambda: "State:\tZ" in Path(f"/proc/{ended.pid}/status").read_text())
    assert "has ended" in refuse(ended.pid)
    ended.wait()
    assert f"there is no process {ended.pid}" in refuse(ended.pid)
    stopped = start("-c", "print(1, flush=True); input()")
    stopped.send_signal(signal.SIGSTOP)
    waiting(lambda: "State:\tT" in Path(f"/proc/{stopped.pid}/status").read_text())
    assert "is stopped" in (said := refuse(stopped.pid))
    assert f"kill -CONT {stopped.pid}" in said
    assert "'app.py' is no process id" in refuse("app.py")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root takes its own rights away")
def test_a_refusal_by_the_system_names_what_mends_it(runner, start):
    hidden = "import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); print(1, flush=True); input()"
    process = start("-c", hidden)
    try:
        without = ["setpriv", "--bounding-set=-sys_ptrace", *WHET, "attach", "--duration", "1", str(process.pid)]
        ran = runner.call(without, runner.make_folder())
    except FileNotFoundError:
        pytest.skip("setpriv is not here")
    assert ran.status == 125
    assert f"the system does not let whet read process {process.pid}" in ran.words
    assert "--cap-add SYS_PTRACE" in ran.words
    assert "kubectl debug" in ran.words
    assert process.poll() is None


def test_a_process_in_a_container_is_read_where_it_lives(runner, attach):
    """A file system and process ids of its own: the program's file does not exist outside."""
    path = runner.write(SERVICE, "service.py")
    place = runner.make_folder()
    script = f"mount --bind {path.parent} {place} && cd {place} && exec {sys.executable} service.py"
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", textwrap.dedent(script)]
    try:
        outside = runner.start(command, runner.make_folder())
    except FileNotFoundError:
        pytest.skip("unshare is not here")
    try:
        if outside.stdout.readline() != b"ready\n":
            pytest.skip(f"no container can be made here: {outside.communicate()[1].decode()}")
        (pid,) = children_of(outside.pid)
        assert not (place / "service.py").exists()
        ran = attach(pid, "--duration", 2)
        assert outside.poll() is None
    finally:
        outside.kill()
        outside.communicate()
    assert ran.status == 0, ran.words
    (crunch,) = ran.find_functions("crunch", "service.py")
    assert_most_is_spent_in(crunch, ran.report)
    assert crunch["end_line"] > crunch["line"]  # only the source tells
    (device,) = ran.find_functions("wait_for_device")
    assert device["waiting_seconds"] > 5 * device["self_seconds"] or not ran.knows_waiting
    assert any("--pid=container:NAME" in text for text in ran.warnings_about("py-spy"))
