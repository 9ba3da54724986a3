"""Waiting that is nobody's to shorten: for the GIL, for input, for the program's own children."""

from __future__ import annotations

import os
import platform
import sys

import pytest

from whet.collect.gil import FUTEX

POOL = """
    from multiprocessing.pool import ThreadPool

    def crunch(rounds):
        total = 0
        for number in range(rounds):
            total += number * number % 7
        return total

    with ThreadPool(6) as pool:
        print(sum(pool.map(crunch, [200_000] * 36)))
"""
FORKED = """
    import os
    import subprocess
    import sys

    def crunch():
        total = 0
        for number in range(4_000_000):
            total += number * number % 7
        return total

    child = os.fork()
    if not child:
        crunch()
        os._exit(0)
    os.waitpid(child, 0)
    subprocess.run([sys.executable, "-c", "t = 0\\nfor number in range(4_000_000):\\n    t += number * number % 7"])
"""


def list_advice(ran, rule="waiting"):
    return [each for each in ran.report["advice"] if each["rule"] == rule]


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in FUTEX or platform.libc_ver()[0] != "glibc",
    reason="where the system shows what a thread sleeps for",
)
@pytest.mark.skipif(not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="no GIL")
def test_threads_that_compute_wait_for_the_gil_and_for_nothing_else(runner):
    ran = runner.whet(runner.write(POOL), options=["--rate", "200"])
    assert ran.status == 0, ran.words
    assert not [each for each in list_advice(ran) if each["title"] == "The program waits here"], ran.words
    titles = [each["title"] for each in list_advice(ran, "threads-cpu")]
    if (os.cpu_count() or 1) < 2:
        assert titles == []
    elif ran.knows_waiting:
        assert ran.report["gil_seconds"] > ran.report["cpu_seconds"] / 2, ran.words
        assert titles == ["Threads wait for the GIL"]
    else:  # where other processes take the CPUs, threads queue for those, too
        assert titles in (["Threads wait for the GIL"], ["Threads compute one at a time"], [])


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_no_gain_is_claimed_for_children_and_their_code_is_the_users(runner):
    ran = runner.whet(runner.write(FORKED))
    assert ran.status == 0, ran.words
    for each in list_advice(ran):
        assert each["title"].startswith("The program waits for"), ran.words
        assert (each["estimate"]["low"], each["estimate"]["high"]) == (1, 1)
    (given,) = ran.find_functions("<module>", "<-c code>")
    assert given["owner"] == "user"
    assert given["self_seconds"] > 0
    assert ran.find_functions("crunch")
