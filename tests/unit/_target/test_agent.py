"""The agent in a process of its own: it sets timers, wraps exits and hooks imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from whet.formats.line_windows import AgentReport, read_agent_report
from whet.model.profile import LineCount

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="made of timers and signals of POSIX")

HOLDER = """
import sys, time
from whet._target import agent as agent_module, looks, windows
sys.path.insert(0, {folder!r})
settings = {settings!r}
agent = agent_module.Agent(settings)
agent.prepare()
{before}
import atexit
atexit.register(agent.finish)
import program
agent.start()
program.main()
"""
BUSY = """
import time
def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        step(20)
def step(n):
    total = 0
    for i in range(n):
        total += i
    return total
"""


class Ended:
    """What a process with an agent in it did and left."""

    def __init__(self, done: subprocess.CompletedProcess[str], folder: Path) -> None:
        self.status = done.returncode
        self.said = done.stdout
        self.complained = done.stderr
        self.folder = folder

    def read(self, path: Path | None = None) -> AgentReport:
        with (path or self.folder / "lines.json").open("rb") as file:
            return read_agent_report(file)

    def raw(self) -> dict[str, object]:
        return json.loads((self.folder / "lines.json").read_text())  # type: ignore[no-any-return]

    def counts(self) -> dict[str, LineCount]:
        """Return counts by the text of their line."""
        lines = (self.folder / "program.py").read_text().splitlines()
        return {lines[count.line - 1].strip(): count for count in self.read().lines}


Begin = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path) -> Begin:
    def begin(text: str, before: str = "", busy: bool = True) -> Ended:
        (tmp_path / "program.py").write_text((BUSY if busy else "") + textwrap.dedent(text), encoding="utf-8")
        paths = sysconfig.get_paths()
        settings = {
            "lines": str(tmp_path / "lines.json"),
            "foreign": [paths["stdlib"], paths["purelib"], paths["platlib"]],
            "program": [],
            "include": [],
            "exclude": [],
        }
        holder = HOLDER.format(folder=str(tmp_path), settings=settings, before=textwrap.dedent(before))
        done = subprocess.run(
            [sys.executable, "-c", holder], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=120
        )
        return Ended(done, tmp_path)

    return begin


def test_counts_are_near_the_truth_and_values_were_seen(run: Begin):
    ended = run("""
        def main():
            rows = [n % 7 for n in range(400)]
            passes = 0
            end = time.process_time() + 1.5
            while time.process_time() < end:
                passes += 1
                work(rows)
            print(passes)
        def work(rows):
            kept = []
            for row in rows:
                if row % 2:
                    kept.append(row)
            return len(kept)
    """)
    assert (ended.status, ended.complained) == (0, "")
    passes = int(ended.said)
    report = ended.read()
    assert report.windows > 0
    assert report.why_no_hits == ""
    counts = ended.counts()
    truth = {"passes += 1": passes, "for row in rows:": 401 * passes, "if row % 2:": 400 * passes, "work(rows)": passes}
    for line, true in truth.items():
        count = counts[line]
        assert count.hits is not None
        # Exact where that is claimed, else within what chance allows.
        assert count.hits == true if count.exact else 0.4 < count.hits / true < 2.5, line
    first = 1 + (ended.folder / "program.py").read_text().splitlines().index("def work(rows):")
    seen = report.evidence.about(str(ended.folder / "program.py"), first, "rows")
    assert seen is not None
    assert (seen.types, seen.min_length, seen.max_length) == ({"builtins.list": seen.looks}, 400, 400)
    assert str(ended.folder / "program.py") in report.sources
    assert report.peak_stack[-1][0].startswith(str(ended.folder))


def test_what_a_program_computes_stays_what_it_was(run: Begin):
    text = """
        import random
        def main():
            random.seed(7)
            spin(0.3)
            print(random.random(), sum(step(n) for n in range(300)))
    """
    seen = run(text)
    plain = subprocess.run(
        [sys.executable, "-c", "import program; program.main()"],
        cwd=seen.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.said == plain.stdout


@pytest.mark.parametrize(
    "leave",
    [
        "os._exit(4)",
        "threading.Thread(target=os._exit, args=(4,)).start(); time.sleep(60)",
        "sys.exit(4)",
    ],
)
def test_however_a_program_leaves_its_counts_are_saved(run: Begin, leave: str):
    ended = run(f"""
        import os, sys, threading
        def main():
            spin(0.2)
            print("leaving", flush=True)
            {leave}
    """)
    assert (ended.status, ended.said, ended.complained) == (4, "leaving\n", "")
    assert ended.read().lines


def test_a_program_that_is_killed_leaves_what_was_known(run: Begin):
    ended = run("""
        import os, signal
        def main():
            spin(1.0)
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert ended.status == -9
    assert ended.read().lines


def test_a_forked_child_counts_its_own_from_nothing(run: Begin):
    ended = run("""
        import os
        def main():
            for _ in range(3): spin(0.05)
            pid = os.fork()
            if pid == 0:
                for _ in range(5): only_here()
                spin(0.2)
                os._exit(6)
            print(pid, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        def only_here():
            total = 0
            for n in range(10):
                total += n
            return total
    """)
    pid, status = ended.said.split()
    assert (ended.status, status, ended.complained) == (0, "6", "")
    child = ended.read(ended.folder / f"lines.json.{pid}")
    assert child.pid == int(pid)
    lines = (ended.folder / "program.py").read_text().splitlines()

    def hits(report: AgentReport, text: str) -> int:
        return max((c.hits or 0 for c in report.lines if lines[c.line - 1].strip() == text), default=0)

    assert hits(child, "for n in range(10):") == 55
    assert hits(ended.read(), "for n in range(10):") == 0
    # What the parent did before is not the child's.
    assert hits(child, "for _ in range(3): spin(0.05)") == 0


def test_another_program_takes_over_unharmed(run: Begin):
    ended = run("""
        import os, sys
        def main():
            spin(0.2)
            spins = "import time\\nend = time.process_time() + .5\\nwhile time.process_time() < end: pass"
            os.execv(sys.executable, [sys.executable, "-c", spins + "\\nprint('other')"])
    """)
    assert (ended.status, ended.said, ended.complained) == (0, "other\n", "")
    assert ended.read().lines


@pytest.mark.parametrize("where", ["leave()", "t = threading.Thread(target=leave); t.start(); t.join()"])
def test_a_program_that_is_not_there_does_not_take_over(run: Begin, where: str):
    ended = run(f"""
        import os, threading
        def leave():
            try:
                os.execv("/gone/program", ["program"])
            except FileNotFoundError as error:
                print(error.filename or "gone")
        def main():
            spin(0.1)
            {where}
            spin(0.3)
            print("on")
    """)
    assert ended.status == 0, ended.complained
    assert ended.said.endswith("on\n")
    assert ended.complained == ""
    assert ended.read().lines


def test_threads_go_on_and_get_their_results(run: Begin):
    ended = run("""
        import threading
        results = []
        def main():
            threads = [threading.Thread(target=work) for _ in range(4)]
            for t in threads: t.start()
            spin(0.2)
            for t in threads: t.join()
            print(results == [4000 * 1225] * 4)
        def work():
            results.append(sum(step(50) for _ in range(4000)))
    """)
    assert (ended.status, ended.said, ended.complained) == (0, "True\n", "")
    # Each thread's calls are counted, whichever thread the windows see; or too few were seen to say anything.
    hits = ended.counts()["return total"].hits
    assert hits is None or hits > 5_000


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("sys.settrace(lambda *_: None)", "traces itself"),
        ("sys.setprofile(lambda *_: None)", "profile function"),
        pytest.param(
            "sys.monitoring.use_tool_id(1, 'mine')",
            "sys.monitoring (mine)",
            marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no sys.monitoring"),
        ),
    ],
)
def test_a_program_that_traces_itself_is_left_alone(run: Begin, text: str, why: str):
    ended = run(f"""
        import sys
        def main():
            {text}
            mine = sys.gettrace(), sys.getprofile()
            spin(0.3)
            print(mine == (sys.gettrace(), sys.getprofile()))
    """)
    assert (ended.status, ended.said) == (0, "True\n")
    report = ended.read()
    assert why in report.why_no_hits
    assert report.windows == 0


def test_a_program_with_the_timer_for_itself_keeps_it(run: Begin):
    ended = run("""
        import signal
        ticks = []
        def main():
            signal.signal(signal.SIGPROF, lambda *_: ticks.append(1))
            signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01)
            spin(0.3)
            print(len(ticks) > 3, signal.setitimer(signal.ITIMER_PROF, 0)[1] > 0)
    """)
    assert (ended.status, ended.said) == (0, "True True\n")
    report = ended.read()
    assert "SIGPROF" in report.why_no_hits
    assert "SIGPROF" in report.evidence.why_missing


@pytest.mark.parametrize(
    "broken",
    [
        "looks.Looks.look = None",
        "windows.LineWindows.start = None",
        "windows.LineWindows.take_phase = None",
        "agent_module.Agent._arm_briefly = None",
    ],
)
def test_when_the_agent_fails_the_program_does_not_notice(run: Begin, broken: str):
    text = """
        def main():
            spin(0.4)
            print("done", sys_gettrace())
        from sys import gettrace as sys_gettrace
    """
    # What is read at the end is another matter.
    before = f"""
original, finish = windows.LineWindows.take_phase, agent.finish
{broken}
def mended():
    windows.LineWindows.take_phase = original
    finish()
agent.finish = mended
"""
    ended = run(text, before=before)
    assert (ended.status, ended.said, ended.complained) == (0, "done None\n", "")
    assert "the agent failed: TypeError" in ended.read().why_no_hits


RAISING = """
    import signal
    class Mine(Exception): pass
    def handler(*_):
        raise {kind}("of the program")
    def main():
        signal.signal(signal.SIGUSR1, handler)
        caught = 0
        for _ in range(9):
            try:
                spin(0.1)
            except {kind}:
                caught += 1
        print(caught)
"""


@pytest.mark.parametrize("kind", ["Mine", "KeyboardInterrupt"])
@pytest.mark.parametrize(
    "place", ["looks.Looks.look", "windows.LineWindows.register_seen", "agent_module.Agent._arm_briefly"]
)
def test_what_a_signal_handler_of_the_program_raises_inside_a_tick_is_for_the_program(
    run: Begin, kind: str, place: str
):
    before = f"""
import signal
plain, times = {place}, []
def interrupted(*words, **more):
    times.append(1)
    if len(times) in (1, 2):
        signal.raise_signal(signal.SIGUSR1)
    return plain(*words, **more)
{place} = interrupted
agent.finish = lambda: (print("ticks", agent.ticks > 2, "open", agent.windows.open), agent_module.Agent.finish(agent))
"""
    ended = run(RAISING.format(kind=kind), before=before)
    assert (ended.status, ended.complained) == (0, "")
    said = ended.said.split("\n")
    assert said[0] == "2"
    # And the agent goes on.
    assert said[1].startswith("ticks True")
    assert ended.read().windows > 0


def test_without_line_profiler_values_are_still_seen(run: Begin):
    ended = run(
        "def main():\n    kept = [1, 2]\n    spin(0.3)\n    return kept\n",
        before="",
    )
    assert ended.read().evidence.looks > 0
    ended = run(
        "def main():\n    kept = [1, 2]\n    spin(0.3)\n    return kept\n",
        before="agent.windows, agent.why_no_hits = None, 'line_profiler is not installed'",
    )
    report = ended.read()
    assert report.why_no_hits
    assert report.lines == ()
    assert report.evidence.looks > 0


def test_a_place_that_cannot_be_written_does_not_matter_to_the_program(run: Begin):
    ended = run(
        "def main():\n    spin(0.2)\n    print('done')\n",
        before="agent.out = '/gone/lines.json'",
    )
    assert (ended.status, ended.said, ended.complained) == (0, "done\n", "")
    assert not (ended.folder / "lines.json").exists()


def test_files_that_the_import_system_did_not_compile_are_named(run: Begin):
    ended = run("""
        import os
        here = os.path.dirname(os.path.abspath(__file__))
        text = "def spin():\\n    end = time.process_time() + 0.4\\n    while time.process_time() < end: pass\\n"
        def main():
            for name in ("by_itself.py", "page.html"):
                namespace = {"time": time}
                exec(compile(text, os.path.join(here, name), "exec"), namespace)
                namespace["spin"]()
    """)
    assert (ended.status, ended.complained) == (0, "")
    # Templates and the like are nobody's modules.
    assert ended.read().strangers == (str(ended.folder / "by_itself.py"),)
