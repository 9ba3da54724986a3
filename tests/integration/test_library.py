"""whet as a library, in real programs: the block is measured, the program is left as it was."""

from __future__ import annotations

import json
import sys

import pytest
from tests.integration.pieces import CRUNCH

from whet.program.ptrace import ptrace_trouble

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or ptrace_trouble() is not None, reason="sampling from outside is not permitted here"
)
PROGRAM = f"""{CRUNCH}
import json, signal, sys, threading
import whet

def elsewhere():
    for _ in range(40):
        crunch()

threads, handler = threading.active_count(), signal.getsignal(signal.SIGINT)
with whet.profile(rate=200) as run:
    other = threading.Thread(target=elsewhere)
    other.start()
    for _ in range(40):
        crunch()
    other.join()
try:
    with whet.profile(), whet.profile():
        pass
except Exception as error:
    print(type(error).__name__, error)
run.save("run.json")
run.save("run.speedscope", "speedscope")
again = whet.load("run.speedscope")
print(json.dumps(dict(
    functions=[spot.name for spot in run.hotspots.functions],
    seen=len({{thread.tid for thread in run.hotspots.threads if thread.cpu_ns}}),
    rules=[item.finding.rule for item in run.advice],
    again=again.hotspots.functions[0].name,
    alike=(threads, handler) == (threading.active_count(), signal.getsignal(signal.SIGINT)),
    loaded=[name for name in sys.modules if name.startswith(("libcst", "whet.collect", "memray"))],
)))

@whet.profile
def work(count):
    return sum(crunch() for _ in range(40)) if count == 0 else work(count - 1)

print(work(3))
"""


def test_a_block_and_a_function_are_profiled_from_inside_the_program(runner):
    ran = runner.plain(runner.write(PROGRAM))
    assert ran.status == 0, ran.words
    refused, told, result = ran.stdout.decode().splitlines()
    assert refused == "UsageError this process is being profiled already, in all of its threads"
    found = json.loads(told)
    assert found["functions"][0] == found["again"] == "crunch"
    assert "elsewhere" in found["functions"]
    assert not [name for name in found["functions"] if "whet" in name or "__exit__" in name]
    assert found["seen"] == 2
    assert found["alike"]
    assert result.isdigit()
    assert "crunch" in ran.words
    assert "Next:" not in ran.words
    report = json.loads((ran.folder / "run.json").read_text("utf-8"))
    assert report["functions"][0]["name"] == "crunch"
    assert not (ran.folder / ".whet").exists()


FAILING = """
import whet
try:
    with whet.profile():
        raise KeyError("own")
except KeyError as error:
    print("its own", error)
with whet.profile() as run:
    pass
run.show()
"""


def test_an_exception_of_the_block_goes_on_and_the_next_block_works(runner):
    ran = runner.plain(runner.write(FAILING))
    assert (ran.status, ran.stdout) == (0, b"its own 'own'\n"), ran.words
    assert "went on" in ran.words


FORKING = f"""{CRUNCH}
import os, sys
import whet

with whet.profile(rate=200) as run:
    child = os.fork()
    for _ in range(40):
        crunch()
if child == 0:
    try:
        run.hotspots
    except Exception as error:
        print("in the child:", error, flush=True)
    with whet.profile(rate=200) as own:
        for _ in range(40):
            crunch()
    print("the child's own:", own.hotspots.functions[0].name, flush=True)
    sys.exit()  # an end that collects what there is
os.waitpid(child, 0)
print("in the parent:", run.hotspots.functions[0].name, flush=True)
with whet.profile(rate=200) as run:
    if os.fork() == 0:
        sys.exit()
    os.wait()
    for _ in range(40):
        crunch()
# The parent has waited, too.
print("after a child's end:", [each.name for each in run.hotspots.functions if each.name == "crunch"])
"""


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_forked_process_leaves_the_block_to_its_parent_and_may_begin_its_own(runner):
    ran = runner.plain(runner.write(FORKING))
    assert ran.status == 0, ran.words
    assert ran.stdout.decode().splitlines() == [
        "in the child: nothing is measured in a forked process",
        "the child's own: crunch",
        "in the parent: crunch",
        "after a child's end: ['crunch']",
    ]
