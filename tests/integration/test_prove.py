"""`whet run`, `prove` and `apply` from the command line, on real programs."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import WHET
from tests.integration.pieces import mark_slow

from whet.model.trial import Verdict
from whet.store import find_run, load_run

PROGRAM = """\
import sys


def count(words, known):
    total = 0
    names = list(known)
    for word in words:
        if word in names:
            total += 1
    return total


def main():
    given = sys.stdin.read().split()
    known = [f"w{i}" for i in range(0, 2400, 2)]
    words = [f"w{i % 3000}" for i in range(18000)]
    print(len(given), count(words, known))
    with open("result.txt", "a") as out:
        out.write(str(count(words[:2000], known)))


main()
"""
REWRITTEN = PROGRAM.replace("names = list(known)", "names = set(known)")


class Project:
    """A folder with the program, and whet in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "pyproject.toml").write_text("")
        self.program = folder / "seen.py"
        self.program.write_text(PROGRAM, encoding="utf-8")
        (folder / "in.txt").write_text("a b c")
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def whet(self, *words: str, stdin: str = "", status: int = 0) -> subprocess.CompletedProcess[str]:
        with (self.folder / "in.txt" if stdin else Path(os.devnull)).open("rb") as source:
            done = subprocess.run(
                [*WHET, *words],
                cwd=self.folder,
                stdin=source,
                capture_output=True,
                text=True,
                encoding="utf-8",
                env=self.environ,
                check=False,
                timeout=120,
            )
        assert done.returncode == status, done.stderr
        return done

    def list_files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and ".whet" not in path.parts and path.name != "whet-report.html"
        }


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose program was measured; it has read a file and written another."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.whet("run", "--rate", "500", "seen.py", stdin="in.txt")
    return project


@pytest.fixture
def project(measured: Project) -> Project:
    measured.program.write_text(PROGRAM, encoding="utf-8")
    (measured.folder / ".whet" / "applied.json").unlink(missing_ok=True)
    return measured


def test_advice_is_proven_and_written_and_taken_back(project: Project) -> None:
    before = project.list_files()
    done = project.whet("prove", "--runs", "6", "--compare", "result.txt", "--format", "json", "--require-faster")
    assert project.list_files() == before, "nothing of the user's tree changes before apply"
    proof = json.loads(done.stdout)
    total = proof["total"]
    assert (total["verdict"], total["gain"]["pairs"]) == ("faster", 6)
    assert 1 < total["gain"]["low"] <= total["gain"]["speed"]
    assert "+    names = set(known)" in proof["rewrites"][0]["diff"]
    assert proof["checked"]["files"] == ["result.txt"]
    assert proof["checked"]["stdout_bytes"] == len("3 7200\n")
    assert "whet apply" in done.stderr
    run = load_run(find_run(None, project.folder))
    assert [trial.verdict for trial in run.proof.trials] == [Verdict.FASTER]

    assert "+    names = set(known)" in project.whet("apply", "--diff").stdout
    assert project.program.read_text(encoding="utf-8") == PROGRAM
    project.whet("apply", "--patch", "made.patch")
    assert "+    names = set(known)" in (project.folder / "made.patch").read_text()
    (project.folder / "made.patch").unlink()

    assert "undo with `whet apply --undo`" in project.whet("apply").stderr
    assert project.program.read_text(encoding="utf-8") == REWRITTEN
    assert "already written" in project.whet("apply", status=2).stderr
    project.whet("apply", "--undo")
    assert project.program.read_text(encoding="utf-8") == PROGRAM


def test_what_changes_the_output_is_refuted_and_not_offered_again(project: Project) -> None:
    """The judge is a test of the program that holds on to the list."""
    tests = f'"{sys.executable}" check.py'
    (project.folder / "check.py").write_text(
        "import inspect, io, sys\nsys.stdin = io.StringIO()\nimport seen\n"
        "if 'set(known)' in inspect.getsource(seen.count):\n    sys.exit('it is a set now')\n"
    )
    try:
        done = project.whet("prove", "--runs", "2", "--tests", tests)
        assert "refuted, different output" in done.stderr
        assert "tests fail: it is a set now" in done.stderr
        assert "no rewrite was measured faster" in project.whet("apply", status=2).stderr
        again = project.whet("run", "--rate", "500", "seen.py", stdin="in.txt")
        assert "Membership test on a list" not in again.stderr
    finally:
        (project.folder / ".whet" / "refuted.json").unlink()
        (project.folder / "check.py").unlink()


@pytest.mark.slow
def test_a_workload_and_commands_around_it_are_run(project: Project) -> None:
    done = project.whet(
        "prove", "--runs", "2", "--workload", "python seen.py < in.txt", "--setup", "echo x > made", "--isolate"
    )
    assert "measured" in done.stderr or "no difference" in done.stderr
    assert not (project.folder / "made").exists()
    failing = project.whet("prove", "--setup", "exit 3", status=2)
    assert "--setup ended with status 3" in failing.stderr


def test_without_a_run_or_a_proof_the_remedy_is_told(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert "whet run SCRIPT saves one" in project.whet("prove", status=2).stderr
    assert "whet run SCRIPT saves one" in project.whet("apply", status=2).stderr
    assert "--budget 'soon' is not a duration" in project.whet("prove", "--budget", "soon", status=2).stderr


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", mark_slow([signal.SIGINT, signal.SIGTERM, signal.SIGKILL], [signal.SIGINT]))
def test_prove_can_be_ended_at_any_moment(project: Project, number: signal.Signals) -> None:
    before = project.list_files()
    process = subprocess.Popen(
        # So many runs that it does not end by itself meanwhile.
        [*WHET, "prove", "--runs", "500", "--budget", "9h"],
        cwd=project.folder,
        env=project.environ,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("whet: 1 rewrite to try")
    time.sleep(random.Random(number).uniform(0, 3))
    process.send_signal(number)
    _, words = process.communicate(timeout=120)
    assert process.returncode == -number, words
    assert "Traceback" not in words
    assert project.list_files() == before
    assert load_run(find_run(None, project.folder)).command == ("seen.py",)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_program_does_not_outlive_a_killed_whet(project: Project, tmp_path: Path) -> None:
    (project.folder / "hang.py").write_text(
        "import os, time\nopen('started', 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    )
    environ = project.environ | {"TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [*WHET, "prove", "--workload", "hang.py"], cwd=project.folder, env=environ, stderr=subprocess.DEVNULL
    )
    try:
        started = _wait_for(lambda: next(iter(tmp_path.glob("whet-prove-*/work/started")), None))
        number = int(_wait_for(started.read_text))
        process.kill()
        process.wait()
        assert _wait_for(lambda: not _is_alive(number))
        assert _wait_for(lambda: not list(tmp_path.glob("whet-prove-*")))
    finally:
        process.kill()
        (project.folder / "hang.py").unlink()


def _wait_for(look: Callable[[], Any]) -> Any:
    for _ in range(2_400):
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen within two minutes")


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_apply_can_be_killed_at_any_moment(project: Project) -> None:
    project.whet("prove", "--runs", "6", "--require-faster")
    pauses = random.Random(3)
    for _ in range(4):
        process = subprocess.Popen([*WHET, "apply"], cwd=project.folder, env=project.environ, stderr=subprocess.PIPE)
        time.sleep(pauses.uniform(0.1, 0.6))
        process.kill()
        process.communicate(timeout=120)
        assert project.program.read_text(encoding="utf-8") in {PROGRAM, REWRITTEN}
        load_run(find_run(None, project.folder))
        project.program.write_text(PROGRAM, encoding="utf-8")


@pytest.mark.slow
def test_run_and_prove_in_one_go(tmp_path: Path) -> None:
    project = Project(tmp_path)
    done = project.whet("run", "--prove", "--rate", "500", "--budget", "300s", "seen.py", stdin="in.txt")
    assert done.stdout == "3 7200\n", "the program's output, and nothing else"
    assert "1 rewrite, measured" in done.stderr
    assert (project.folder / "result.txt").read_text() == "1000", "only the first execution wrote for good"
    assert (project.folder / "whet-report.html").exists()
