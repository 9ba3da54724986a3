"""Kills whet, its samplers or the program at random moments, and looks at what is left."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lib.odd.program import WORK
from lib.runner import show_progress
from lib.tables import print_table

MARK = "WITHSTAND_KILL"
"""The variable by which the processes of one attempt are found, wherever they have gone."""
PROGRAM = """
import sys

def find(wanted, known):
    found = 0
    for each in wanted:
        if each in known:
            found += 1
    return found

def main():
    known = [str(number) for number in range(900)]
    total = 0
    for _ in range({rounds}):
        total += find([str(number) for number in range(0, 1800, 2)], known)
    print("total", total)

main()
sys.exit({status})
"""
CHECKED = (
    "def work_{0}(rows):\n    out = []\n    for row in rows:\n        out.append(row.strip())\n    return out\n\n\n"
)
MAIN = {"prog.py", "main.pyc"}
"""The program's file on its command line: as written, and as `whet prove` compiles it."""
SERVER = "import time\nfrom busy import burn\nwhile True:\n    burn(0.05)\n    time.sleep(0.02)\n"
END_SECONDS = 120.0
GONE_SECONDS = 20.0
LEAST_ATTEMPTS = 5
"""Attempts at a victim after which one that was never met says that something is wrong with the search for it."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A command that is killed: in how many of ten attempts, whom, and what works afterwards."""

    name: str
    words: tuple[str, ...]
    share: int
    victims: tuple[str, ...]
    again: tuple[str, ...]
    status: int = 0


FIX = ("check", "--fix", "--select", "append-comprehension")
APPLY = ("apply", "--accept-unchecked", "--allow", "list-membership")
SCENARIOS = (
    Scenario("run", ("run", "prog.py"), 4, ("whet", "sampler", "program"), ("run", "short.py"), 3),
    Scenario("prove", ("prove", "--runs", "2"), 1, ("whet", "program"), ("run", "short.py")),
    Scenario("apply", APPLY, 2, ("whet",), APPLY),
    Scenario("check --fix", (*FIX, "--no-cache", "--jobs", "2", "src"), 2, ("whet", "worker"), (*FIX, "src")),
    Scenario("attach", ("attach", "PID", "--duration", "2"), 1, ("whet", "sampler", "target"), ("run", "short.py")),
)  # fmt: skip


class Kills:
    """Kills ``whet`` (the words that start it), which measures programs on ``python``, in folders below ``work``."""

    def __init__(self, whet: Sequence[str], python: str, work: Path, seed: int) -> None:
        self.whet = list(whet)
        self.python = python
        self.work = work
        self.chance = random.Random(seed)
        self.number = 0

    def run(self, count: int, names: Sequence[str] | None = None) -> bool:
        """Kill ``count`` times, print a table, and return whether anything was left behind.

        ``names`` are the commands to kill; default: all.
        """
        rows, has_failed = [], False
        chosen = [each for each in SCENARIOS if names is None or each.name in names]
        whole = sum(each.share for each in chosen)
        for scenario in chosen:
            template = self.prepare(scenario)
            self.try_unharmed(scenario, template)  # fills caches
            seconds, after = self.try_unharmed(scenario, template)
            before = read_sources(template)
            met, found = Counter(), []
            attempts = max(1, round(count * scenario.share / whole))
            for number in range(attempts):
                victim = scenario.victims[number % len(scenario.victims)]
                was_met, troubles = self.kill(scenario, template, victim, seconds, (before, after))
                met[victim] += was_met
                found += [f"{victim} killed: {each}" for each in troubles]
                show_progress(number + 1, attempts, f"kills of {scenario.name}")
            if attempts >= LEAST_ATTEMPTS * len(scenario.victims):
                found += [
                    f"{victim} never ran when it was to be killed" for victim in scenario.victims if not met[victim]
                ]
            for each in found:
                print(f"\n{scenario.name}, {each}", flush=True)
            killed = ", ".join(f"{victim} {met[victim]}" for victim in scenario.victims)
            rows.append([scenario.name, f"{seconds:.1f}", str(attempts), killed, str(len(found))])
            has_failed |= bool(found)
        head = ["command", "seconds", "attempts", "killed while they ran", "left behind or broken"]
        print_table("Kills at random moments", head, rows)
        return has_failed

    def prepare(self, scenario: Scenario) -> Path:
        """Make the project that each attempt gets a copy of."""
        project = self.work / "template" / scenario.name.replace(" ", "-")
        project.mkdir(parents=True)
        (project / "pyproject.toml").write_text("[project]\nname = 'killed'\n")
        (project / "prog.py").write_text(PROGRAM.format(rounds=100, status=3 if scenario.name == "run" else 0))
        (project / "short.py").write_text("print(sum(range(1000)))\n")
        (project / "server.py").write_text(SERVER)
        (project / "busy.py").write_text(WORK)
        if scenario.name == "check --fix":
            (project / "src").mkdir()
            for number in range(30):  # more than one process checks alone
                (project / "src" / f"m{number}.py").write_text("".join(CHECKED.format(n) for n in range(60)))
        if scenario.name in ("prove", "apply"):
            self.call(("run", "prog.py"), project)
        if scenario.name == "apply":
            done = self.call(("prove", "--runs", "4", "--budget", "5m"), project)
            if "faster" not in done.stdout + done.stderr:
                raise SystemExit(f"nothing was proven to apply: {done.stdout}{done.stderr}")
        return project

    def try_unharmed(self, scenario: Scenario, template: Path) -> tuple[float, dict[str, bytes]]:
        """Run the command once without killing; return its seconds and the sources that it leaves."""
        project = self.copy(template)
        with self.target(scenario, project) as words:
            began = time.monotonic()
            done = self.call(words, project, "WHET_NOTHING")
            seconds = time.monotonic() - began
        if done.returncode not in (scenario.status, 0, 1):
            raise SystemExit(f"whet {' '.join(words)} fails: {done.stdout}{done.stderr}")
        return seconds, read_sources(project)

    def kill(
        self,
        scenario: Scenario,
        template: Path,
        victim: str,
        seconds: float,
        sources: tuple[dict[str, bytes], dict[str, bytes]],
    ) -> tuple[bool, list[str]]:
        """Kill ``victim`` once; return whether it ran at that moment, and what was found afterwards."""
        project = self.copy(template)
        with self.target(scenario, project) as words:
            target = int(words[1]) if scenario.name == "attach" else 0
            moment = self.chance.uniform(0, seconds)
            command = [*self.whet, *self.add_python(words)]
            pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
            environ = self.environ(project, MARK)
            process = subprocess.Popen(command, cwd=project, env=environ, start_new_session=True, **pipes)
            time.sleep(moment)
            pid = self.find_victim(victim, process.pid, target, until=time.monotonic() + 0.3 * seconds)
            was_met = pid is not None and process.poll() is None
            if was_met:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            try:
                said = process.communicate(timeout=END_SECONDS)[0].decode("utf-8", "replace")
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return was_met, [f"still runs after {END_SECONDS:.0f} s"]
            troubles = list(self.find_troubles(scenario, project, victim if was_met else "", process.returncode, said))
        troubles += find_half_written(project, *sources)
        troubles += self.try_again(scenario, project, sources[1])
        if not troubles:
            shutil.rmtree(project.parent)
        return was_met, [f"{each} (after {moment:.2f} s, {project})" for each in troubles]

    def find_troubles(self, scenario: Scenario, project: Path, victim: str, status: int, said: str) -> Iterator[str]:
        """Yield what is wrong with the end of a command of which ``victim`` was killed."""
        if "Traceback" in said:
            yield f"a traceback: {said[said.index('Traceback') :][:800]}"
        if scenario.name == "run":
            expected = {"whet": {-9}, "sampler": {3}, "program": {137, -9}}.get(victim, {3})
            # Where the program had ended already, whet ends with its status.
            if status not in expected | ({3} if victim == "program" else set()):
                yield f"exit status {status}: {said[-300:]}"
            if victim == "sampler" and "total 45000" not in said:
                yield f"output lost: {said[:300]}"
        elif victim in ("sampler", "program", "worker", "target") and status not in (0, 1, 2, 125):
            yield f"exit status {status}: {said[-300:]}"
        deadline = time.monotonic() + GONE_SECONDS
        while (left := list(find_marked(MARK, str(project)))) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid, line in left:
            yield f"left running: {pid} {line}"
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def try_again(self, scenario: Scenario, project: Path, after: dict[str, bytes]) -> list[str]:
        """Return what is wrong with the next commands."""
        found = []
        done = self.call(scenario.again, project)
        fine = (0, 1) if scenario.name == "check --fix" else (0,)
        said = done.stdout + done.stderr
        if done.returncode not in fine and not ("written" in said and scenario.name == "apply"):
            found.append(f"next, {' '.join(scenario.again)} ends with {done.returncode}: {said[-500:]}")
        if scenario.name in ("apply", "check --fix") and read_sources(project) != after:
            found.append(f"next, {' '.join(scenario.again)} does not finish the work: {said[-500:]}")
        if scenario.name == "apply":
            undone = self.call(("apply", "--undo"), project)
            if undone.returncode:
                found.append(f"next, apply --undo ends with {undone.returncode}: {undone.stderr[-500:]}")
        elif scenario.name != "check --fix":
            shown = self.call(("report", "--format", "json"), project)
            if shown.returncode:
                found.append(f"next, report ends with {shown.returncode}: {shown.stderr[-500:]}")
        kept = list((project.parent / "tmp").glob("whet-*"))
        kept += [path for path in project.rglob("*.whet") if path.name != ".whet"]
        found += [f"a rest stays: {path.relative_to(project.parent)}" for path in kept]
        return found

    @contextlib.contextmanager
    def target(self, scenario: Scenario, project: Path) -> Iterator[tuple[str, ...]]:
        """Give the words of the command, with the process that it attaches to."""
        if scenario.name != "attach":
            yield scenario.words
            return
        with subprocess.Popen([self.python, "server.py"], cwd=project, env=self.environ(project, "WHET_TARGET")) as one:
            time.sleep(0.3)
            yield tuple(str(one.pid) if word == "PID" else word for word in scenario.words)
            one.kill()

    def find_victim(self, victim: str, whet: int, target: int, until: float) -> int | None:
        """Return the process to kill; ``None`` where there is none in time."""
        tests: dict[str, Callable[[list[str]], bool]] = {
            "sampler": lambda line: Path(line[0]).name == "py-spy",
            "program": lambda line: (
                Path(line[0]).name.startswith("python") and not MAIN.isdisjoint(Path(word).name for word in line[-2:])
            ),
            "worker": lambda _: True,
        }
        if victim in ("whet", "target"):
            return whet if victim == "whet" else target
        while True:
            found = [pid for pid, line in list_descendants(whet) if tests[victim](line)]
            if found or time.monotonic() > until:
                return self.chance.choice(found) if found else None
            time.sleep(0.005)

    def call(self, words: Sequence[str], project: Path, mark: str = "WHET_NOTHING") -> subprocess.CompletedProcess[str]:
        command = [*self.whet, *self.add_python(words)]
        pipes = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "errors": "replace"}
        return subprocess.run(command, cwd=project, env=self.environ(project, mark), check=False, timeout=600, **pipes)

    def add_python(self, words: Sequence[str]) -> list[str]:
        return [words[0], "--python", self.python, *words[1:]] if words[0] == "run" else list(words)

    def copy(self, template: Path) -> Path:
        """Give an attempt a copy of the project, and a folder for temporary files."""
        self.number += 1
        folder = self.work / str(self.number)
        shutil.copytree(template, folder / "project")
        (folder / "tmp").mkdir()
        return folder / "project"

    def environ(self, project: Path, mark: str) -> dict[str, str]:
        dropped = ("PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        temporary = project.parent / "tmp"
        temporary.mkdir(exist_ok=True)
        cache = self.work / "cache"
        return {**kept, "TMPDIR": str(temporary), "XDG_CACHE_HOME": str(cache), mark: str(project), "NO_COLOR": "1"}


def read_sources(project: Path) -> dict[str, bytes]:
    """Return the Python files of a project."""
    paths = (path for path in project.rglob("*.py") if ".whet" not in path.parts)
    return {str(path.relative_to(project)): path.read_bytes() for path in paths}


def find_half_written(project: Path, before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    """Return the files that are neither as they were nor as they were to be."""
    now = read_sources(project)
    found = [f"{name} is half written" for name, text in now.items() if text not in (before.get(name), after.get(name))]
    found += [f"{name} is gone" for name in before.keys() - now.keys()]
    report = project / "whet-report.html"
    if report.exists() and not report.read_bytes().rstrip().endswith(b"</html>"):
        found.append("whet-report.html is half written")
    return found


def list_descendants(pid: int) -> Iterator[tuple[int, list[str]]]:
    """Yield pid and command line of a process's descendants."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for word in read_proc(task).split():
            child = int(word)
            if line := read_proc(Path(f"/proc/{child}/cmdline")):
                yield child, line.decode("utf-8", "replace").rstrip("\0").split("\0")
            yield from list_descendants(child)


def find_marked(mark: str, value: str) -> Iterator[tuple[int, str]]:
    """Yield pid and command line of the living processes that were started with this variable."""
    for folder in Path("/proc").glob("[0-9]*"):
        words = read_proc(folder / "environ").split(b"\0")
        if f"{mark}={value}".encode() in words and b"\nState:\tZ" not in read_proc(folder / "status"):
            yield int(folder.name), read_proc(folder / "cmdline").replace(b"\0", b" ").decode("utf-8", "replace")


def read_proc(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""
