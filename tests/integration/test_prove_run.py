"""One run of a workload, in real processes: its cost, its end, and that nothing of it stays."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from whet.errors import TargetError
from whet.model.profile import Profile
from whet.prove import tree
from whet.prove.run import MEGABYTE, Ended, Limits, Observed, Workload, limit_by, run_once

NO_LIMITS = Limits()
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def _make(code: str, tmp_path: Path, **more: object) -> Workload:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(code), encoding="utf-8")
    return Workload((sys.executable, str(program)), str(tmp_path), dict(os.environ), **more)  # type: ignore[arg-type]


def _run(code: str, tmp_path: Path, limits: Limits = NO_LIMITS, **more: object) -> Observed:
    return run_once(_make(code, tmp_path, **more), limits, tmp_path / "out")


def _is_gone(pid: int) -> bool:
    for _ in range(3_000):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_status_streams_and_costs_are_those_of_the_program(tmp_path: Path) -> None:
    seen = _run(
        """
        import sys, time
        end = time.process_time() + 0.2
        while time.process_time() < end: pass
        print("out"); print("err", file=sys.stderr); sys.exit(3)
        """,
        tmp_path,
    )
    assert seen.status == 3
    assert seen.is_sound
    assert seen.stdout.file.read_bytes().split() == [b"out"]
    assert seen.stdout.sha256 == hashlib.sha256(seen.stdout.file.read_bytes()).hexdigest()
    assert seen.last_words() == "err"
    assert seen.cpu_ns >= 200_000_000
    assert seen.wall_ns > 0


def test_time_of_children_counts_and_waiting_does_not(tmp_path: Path) -> None:
    busy = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    seen = _run(
        f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {busy!r}]); time.sleep(0.5)", tmp_path
    )
    assert seen.cpu_ns >= 300_000_000
    assert seen.wall_ns >= 800_000_000
    assert seen.cpu_ns <= seen.wall_ns - 300_000_000


def test_standard_input_is_read_from_its_start_each_time_and_else_is_empty(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_bytes(b"some words")
    code = "import sys; print(len(sys.stdin.read()))"
    assert [_run(code, tmp_path, stdin=text).stdout.file.read_bytes().strip() for _ in range(2)] == [b"10", b"10"]
    assert _run(code, tmp_path).stdout.file.read_bytes().strip() == b"0"


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    code = """
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(child.pid, flush=True)
        time.sleep(600)
        """
    for seconds in (1.0, 10.0, 100.0):
        seen = _run(code, tmp_path, Limits(seconds=seconds))
        assert seen.ended is Ended.TIME
        if seen.stdout.size:  # a slow machine may need longer until there is a child
            break
    assert not seen.is_sound
    assert _is_gone(int(seen.stdout.file.read_text()))


@on_linux
def test_a_program_that_eats_memory_is_ended(tmp_path: Path) -> None:
    seen = _run(
        "import time\nheld = []\nwhile True: held.append(bytearray(b'x') * 10_000_000); time.sleep(0.005)",
        tmp_path,
        Limits(seconds=60, memory_bytes=200 * MEGABYTE),
    )
    assert seen.ended is Ended.MEMORY
    assert seen.peak_bytes > 200 * MEGABYTE


def test_a_program_that_floods_its_output_is_ended_and_its_files_are_cut(tmp_path: Path) -> None:
    seen = _run(
        "import os\nwhile True: os.write(1, b'x' * 65536)", tmp_path, Limits(seconds=60, output_bytes=8 * MEGABYTE)
    )
    assert seen.ended is Ended.OUTPUT
    assert seen.stdout.file.stat().st_size == 8 * MEGABYTE


@on_linux
def test_a_program_that_forks_without_end_is_ended(tmp_path: Path) -> None:
    seen = _run(
        """
        import os, time
        print(os.getpid(), flush=True)
        for _ in range(60):
            if not os.fork():
                os.setsid()
                time.sleep(600)
            time.sleep(0.005)
        time.sleep(600)
        """,
        tmp_path,
        Limits(seconds=60, processes=20),
    )
    assert seen.ended is Ended.PROCESSES
    assert _count_sessions_of(seen) == 0


def _count_sessions_of(seen: Observed) -> int:
    """Count processes that still hold the run's output open."""
    holders = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                holders += (entry / "fd" / "1").readlink() == seen.stdout.file
            except OSError:
                continue
    return holders


@on_linux
def test_what_a_program_leaves_running_is_ended_and_counted(tmp_path: Path) -> None:
    seen = _run(
        """
        import os, sys, time
        if os.fork(): os.wait(); sys.exit()
        os.setsid()
        if os.fork(): os._exit(0)
        end = time.process_time() + 0.1
        while time.process_time() < end: pass
        os.write(1, b"%d" % os.getpid())
        time.sleep(600)
        """,
        tmp_path,
    )
    assert seen.status == 0
    assert seen.left_behind == 1
    assert _count_sessions_of(seen) == 0


def test_a_signal_is_told_as_a_shell_does(tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("POSIX signals")
    assert _run("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", tmp_path).status == 128 + signal.SIGSEGV


@on_linux
def test_peak_memory_is_that_of_the_program_and_not_of_whet(tmp_path: Path) -> None:
    held = bytearray(b"x") * (300 * MEGABYTE)
    seen = _run("held = bytearray(b'x') * 60_000_000\nimport time; time.sleep(0.5)", tmp_path)
    del held
    assert 60_000_000 < seen.peak_bytes < 200 * MEGABYTE


def test_setup_and_cleanup_stand_around_the_run(tmp_path: Path) -> None:
    seen = _run(
        "import os; print(os.path.exists('made'))", tmp_path, setup="echo x > made", cleanup="python -c pass || true"
    )
    assert (seen.stdout.file.read_bytes().strip(), seen.trouble) == (b"True", "")


@pytest.mark.parametrize("which", ["setup", "cleanup"])
def test_a_setup_or_cleanup_that_fails_spoils_the_run(which: str, tmp_path: Path) -> None:
    seen = _run("print('ran')", tmp_path, **{which: "exit 7"})
    assert not seen.is_sound
    assert f"--{which} ended with status 7" in seen.trouble


def test_a_command_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    workload = Workload((str(tmp_path / "none"),), str(tmp_path), {})
    with pytest.raises(TargetError, match="none cannot be started"):
        run_once(workload, NO_LIMITS, tmp_path / "out")


def test_an_interrupt_ends_the_program_and_cleans_up(tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("POSIX signals")
    workload = _make(
        "import os, time; print(os.getpid(), flush=True); time.sleep(600)", tmp_path, cleanup="echo x > cleaned"
    )
    out = tmp_path / "out"

    def interrupt() -> None:
        while not (out / "stdout").exists() or not (out / "stdout").read_bytes():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        run_once(workload, NO_LIMITS, out)
    assert _is_gone(int((out / "stdout").read_text()))
    assert (tmp_path / "cleaned").exists()


class InterruptedSampler:
    """Is interrupted while it attaches to the program."""

    pid = 0

    def prepare(self) -> None:
        pass

    def attach(self, pid: int, _spare: Callable[[int], None]) -> None:
        self.pid = pid
        raise KeyboardInterrupt

    def finish(self) -> tuple[Profile, ...]:
        return ()


def test_an_interrupt_while_a_sampler_attaches_ends_the_program_too(tmp_path: Path) -> None:
    sampler = InterruptedSampler()
    with pytest.raises(KeyboardInterrupt):
        run_once(_make("import time; time.sleep(600)", tmp_path), NO_LIMITS, tmp_path / "out", sampler)
    assert sampler.pid and _is_gone(sampler.pid)


class ReadySampler(InterruptedSampler):
    """Does nothing."""

    def attach(self, pid: int, _spare: Callable[[int], None]) -> None:
        self.pid = pid


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_only_a_sampled_program_permits_others_to_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "permitted"
    monkeypatch.setattr(tree, "permit_tracing", lambda: lambda: file.write_text(str(os.getpid())))
    run_once(_make("pass", tmp_path), NO_LIMITS, tmp_path / "out")
    assert not file.exists()
    sampler = ReadySampler()
    run_once(_make("pass", tmp_path), NO_LIMITS, tmp_path / "out", sampler)
    assert file.read_text() == str(sampler.pid)


def test_limits_grow_with_what_the_baseline_used(tmp_path: Path) -> None:
    seen = _run("print('x' * 1000)", tmp_path)
    limits = limit_by([seen])
    assert limits.seconds > 5 * seen.wall_ns / 1e9
    assert limits.memory_bytes > 4 * seen.peak_bytes
    assert limits.output_bytes > 4_000
    assert limits.processes > 4
