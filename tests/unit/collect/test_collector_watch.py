"""The collector, seen from outside: a process that collects garbage all the time, and one that never does."""

import subprocess
import sys
import time

import pytest

from whet.collect.collector_watch import CollectorWatch

PROGRAM = """
import gc, sys
kept = [[] for _ in range(200_000)]
gc.freeze() if {idle} else None
print(id(gc.garbage), id(gc.callbacks), flush=True)
while True:
    [] if {idle} else gc.collect()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads another process's memory")
@pytest.mark.parametrize("idle", [True, False])
def test_the_flag_is_found_and_read(idle):
    command = [sys.executable, "-S", "-c", PROGRAM.format(idle=idle)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        garbage, callbacks = map(int, process.stdout.readline().split())
        watch = CollectorWatch(process.pid, lambda: (garbage, callbacks))
        watch.begin()
        deadline = time.monotonic() + 30
        while watch.looks < 50 and time.monotonic() < deadline:
            time.sleep(0.01)
        watch.end()
        process.kill()
    if not watch.looks:
        pytest.skip("the system does not let a process read another's memory")
    assert watch.share < 0.05 if idle else watch.share > 0.5


def test_a_process_without_the_lists_is_left_alone():
    watch = CollectorWatch(0, lambda: None)
    watch.begin()
    watch.end()
    assert (watch.looks, watch.share) == (0, 0.0)
