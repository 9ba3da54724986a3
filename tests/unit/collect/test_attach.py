"""Attaching, with a made-up sampler: what is said of its work, and that it never outlives whet."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

from whet.collect.api import Launch
from whet.collect.attach import AttachError, AttachPlan, attach

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and /proc as Linux has them")

SAMPLER = """
import json, os, signal, sys, time
out, mode = sys.argv[1:3]
def say(text):
    os.write(1, (text + chr(10)).encode())  # print may not be called again while it is interrupted
def end(number, frame):
    with open(out + ".new", "w") as file:
        json.dump(sys.argv[3:], file)
    os.rename(out + ".new", out)
    say("Samples: 90 Errors: %d" % (30 if mode == "failing" else 1))
    os._exit(0)
signal.signal(signal.SIGINT, end)
if mode == "refused":
    say("Error: Permission Denied: Try running again")
    os._exit(1)
say("py-spy> Sampling process 100 times a second")
if mode == "late":
    say("1.21s behind in sampling, results may be inaccurate.")
if mode == "crashing":
    say("thread panicked")
    os._exit(101)
time.sleep(60)
"""


@pytest.fixture
def target():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.fixture
def plan(tmp_path, target):
    script = tmp_path / "sampler.py"
    script.write_text(SAMPLER)

    def make(*modes: str, seconds: float = 0.3, words: tuple[str, ...] = ()) -> AttachPlan:
        python = (sys.executable, "-I", "-S", str(script))
        commands = tuple((*python, str(tmp_path / f"{n}.json"), mode, *words) for n, mode in enumerate(modes))
        launch = Launch(attach=commands, says_ready="Sampling process", tool="py-spy")
        return AttachPlan(target.pid, launch, tmp_path / "out", seconds)

    return make


def test_both_samplers_end_when_the_time_is_over(plan, tmp_path, target):
    watched = attach(plan("plain", "plain"))
    assert watched.wall_ns >= 300_000_000
    assert not watched.ended
    assert not watched.interrupted
    assert 0 < watched.overlap <= 1
    assert watched.poller.peak_bytes > 1_000_000
    assert target.poll() is None
    # Each was given a limit of its own, for the case that nobody ends it.
    assert [json.loads((tmp_path / f"{n}.json").read_text()) for n in (0, 1)] == [["--duration", "11"]] * 2


@pytest.mark.parametrize(("rate", "bounds"), [(100, (0.03, 0.07)), (40, (0.03, 0.07)), (5, (0.24, 0.56))])
def test_clocks_are_read_less_often_where_samples_are_rare(plan, monkeypatch, rate, bounds):
    asked = []

    def draw(low: float, high: float) -> float:
        asked.append((low, high))
        return 0.05

    monkeypatch.setattr("whet.collect.attach.random.uniform", draw)
    attach(replace(plan("plain", words=("--nonblocking",)), rate=rate))
    assert {(round(low, 3), round(high, 3)) for low, high in asked} == {bounds}


@pytest.mark.parametrize(
    ("mode", "said"),
    [("late", "could not keep up"), ("failing", "30 of 120 samples failed"), ("crashing", "failed before the time")],
)
def test_trouble_of_the_sampler_is_told(plan, mode, said):
    (notice,) = attach(plan(mode, "plain", seconds=60 if mode == "crashing" else 1.0)).notices
    assert notice.about == "py-spy"
    assert said in notice.message


def test_samples_fail_because_nothing_is_stopped(plan):
    watched = attach(plan("failing", words=("--nonblocking",)))
    assert watched.notices[0].hint == "leave out --nonblocking"
    assert watched.paused_share == 0


def test_without_the_second_sampler_waiting_is_missing(plan):
    (notice,) = attach(plan("plain", "refused")).notices
    assert notice.message == "waiting was not sampled: Permission Denied: Try running again"


def test_a_second_sampler_that_fails_later_is_told_too(plan):
    (notice,) = attach(plan("plain", "crashing", seconds=1.0)).notices
    assert "waiting was not sampled to the end: " in notice.message
    assert "thread panicked" in notice.message


def test_a_sampler_that_cannot_be_started_is_an_error(plan, tmp_path):
    made = plan("plain")
    tool = tmp_path / "no-program"
    tool.write_text("")
    tool.chmod(0o755)
    launch = Launch(attach=((str(tool),),))
    with pytest.raises(AttachError, match="no-program cannot be started: "):
        attach(AttachPlan(made.pid, launch, made.out, made.seconds))


def test_a_refusal_is_an_error_and_ends_the_other(plan):
    with pytest.raises(AttachError, match="Permission Denied") as caught:
        attach(plan("refused", "plain"))
    assert caught.value.refused


def test_the_target_ends_first(plan, target):
    made = plan("plain", seconds=600)
    watched = attach(AttachPlan(made.pid, made.launch, made.out, made.seconds, progress=lambda _elapsed: target.kill()))
    assert watched.ended
    assert not watched.interrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_the_sampling_and_not_whet(plan, number):
    before = signal.getsignal(number)
    calls = []

    def send(elapsed: float) -> None:
        calls.append(elapsed)
        if len(calls) == 3:
            os.kill(os.getpid(), number)

    made = plan("plain", seconds=60)
    watched = attach(AttachPlan(made.pid, made.launch, made.out, made.seconds, progress=send))
    assert watched.interrupted
    assert not watched.ended
    assert signal.getsignal(number) is before


def test_the_sampler_is_ended_when_whet_is_killed(plan, tmp_path, target):
    """The leash: SIGKILL leaves whet no moment to end anything."""
    command = plan("plain").launch.attach[0]
    starter = tmp_path / "starter.py"
    starter.write_text(
        textwrap.dedent(f"""
        import os, signal
        from whet.collect.attached_profiler import AttachedProfiler
        profiler = AttachedProfiler({command!r}, {target.pid}, says_ready="py-spy>")
        assert profiler.wait_until_sampling()
        print(profiler.process.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """)
    )
    done = subprocess.run([sys.executable, str(starter)], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    written = tmp_path / "0.json"
    deadline = time.monotonic() + 20
    while not written.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert written.exists(), "the sampler was not told"
    assert Path(f"/proc/{target.pid}").exists()
