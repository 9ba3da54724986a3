"""Programs whose process becomes another one: ``os.execv`` and its kind."""

from __future__ import annotations

import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="seen in /proc")

BEGINS = """
import os, sys, time
def before():
    end = time.process_time() + {before}
    while time.process_time() < end:
        sum(range(500))
def after():
    end = time.process_time() + 1.5
    while time.process_time() < end:
        sum(range(500))
    print("done", os.environ["TURN"], flush=True)
"""
AGAIN = (
    BEGINS
    + """
if "TURN" in os.environ:
    after()
    sys.exit(5)
before()
os.environ["TURN"] = "2"
os.execv(sys.executable, [sys.executable, __file__])
"""
)


@pytest.mark.parametrize("before", ["0.6", pytest.param("0", marks=pytest.mark.slow)])
@pytest.mark.parametrize("options", [[], pytest.param(["--outside"], marks=pytest.mark.slow)])
def test_sampling_goes_on_with_the_interpreter_that_it_became(runner, before, options):
    program = runner.write(AGAIN.format(before=before))
    ran = runner.whet(program, options=options)
    assert (ran.status, ran.stdout) == (5, b"done 2\n"), ran.words
    (after,) = ran.find_functions("after")
    assert after["total_seconds"] > 0.7, ran.words
    # Without any work before it, a slow machine may be met there all the same.
    assert ran.find_functions("before") or before == "0"
    told = [each["message"] for each in ran.report["warnings"]]
    said = [each for each in told if "became another program" in each]
    # From outside the samplers may come too late to see it as it was.
    assert len(said) == 1 or (options and before == "0")
    assert all("it was sampled on, without values" in each for each in said)
    assert not [each for each in told if "looks failed" in each or "failed: " in each], told


def test_another_program_is_named_and_not_sampled(runner):
    program = runner.write(BEGINS.format(before="0.5") + "before()\nos.execvp('sleep', ['sleep', '1'])\n")
    ran = runner.whet(program)
    assert (ran.status, ran.stdout) == (0, b""), ran.words
    assert ran.find_functions("before"), ran.words
    told = [each["message"] for each in ran.report["warnings"]]
    (said,) = [each for each in told if "became another program" in each]
    assert "is no Python: the report is of what ran before that" in said
    assert not [each for each in told if "looks failed" in each or "failed: " in each], told


@pytest.mark.slow
def test_the_next_one_and_the_one_after_that(runner):
    program = runner.write(
        BEGINS.format(before="0.5")
        + """
turn = int(os.environ.get("TURN", "0"))
if turn == 3:
    after()
    sys.exit()
before()
os.environ["TURN"] = str(turn + 1)
os.execv(sys.executable, [sys.executable, __file__])
"""
    )
    ran = runner.whet(program)
    assert (ran.status, ran.stdout) == (0, b"done 3\n"), ran.words
    assert ran.find_functions("before")
    (after,) = ran.find_functions("after")
    assert after["total_seconds"] > 0.7, ran.words
