"""Runs programs plainly and under ``whet run``, and reads what whet says of them."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.integration.pieces import TARGETS

from whet.pipeline.advise.show import show
from whet.report.json_ import to_object
from whet.store import find_run, load_run

WHET = [sys.executable, "-P", "-c", "from whet.cli.main import main; main()"]
SECONDS = 600
"""After which a program that does not end is a failure."""


def make_environment(**variables: str | None) -> dict[str, str]:
    """Return an environment in which nothing traces, warns or colours, with ``variables`` set or, if None, dropped."""
    dropped = ("PYTHON", "COV_", "COVERAGE", "VIRTUAL_ENV", "CONDA_PREFIX", "FORCE_COLOR", "TTY_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    changed = kept | {"PYTHONDONTWRITEBYTECODE": "1"} | variables
    return {name: value for name, value in changed.items() if value is not None}


@dataclass
class Ran:
    """What became of one command. ``status`` is the shell's view: 128 + N for signal N."""

    status: int
    stdout: bytes
    stderr: bytes
    folder: Path

    @property
    def words(self) -> str:
        """Stderr as text."""
        return self.stderr.decode("utf-8", "replace")

    @functools.cached_property
    def report(self) -> dict[str, Any]:
        """What ``whet report --format json`` says of the run that was saved last; a test compares them."""
        return json.loads(json.dumps(to_object(show(load_run(find_run(None, self.folder))).view)))

    def warnings_about(self, about: str) -> list[str]:
        """The report's warnings that name ``about``, their hints included."""
        return [f"{each['message']} {each['hint']}" for each in self.report["warnings"] if each["about"] == about]

    @property
    def knows_waiting(self) -> bool:
        """Whether nothing is missing from the times of waiting: where too much wants to run, the report says so."""
        return not self.warnings_about("waiting")

    def find_functions(self, name: str, file: str = "") -> list[dict[str, Any]]:
        """The rows of functions whose qualified name is ``name``, of files whose path ends in ``file``."""
        return [each for each in self.report["functions"] if each["name"] == name and each["file"].endswith(file)]

    def find_line(self, path: Path, text: str) -> dict[str, Any] | None:
        """The row of the line of ``path`` that reads ``text``, if the report has one."""
        lines = path.read_text("utf-8").splitlines()
        (number,) = [number for number, line in enumerate(lines, 1) if line.strip() == text]
        rows = [row for row in self.report["lines"] if row["line"] == number and Path(row["file"]).name == path.name]
        assert len(rows) <= 1, rows
        return rows[0] if rows else None


def _end(code: int) -> int:
    return 128 - code if code < 0 else code


class Runner:
    """Runs commands in folders of their own."""

    def __init__(self, make_folder: Callable[[], Path]) -> None:
        self._make_folder = make_folder
        self._lock = threading.Lock()

    def make_folder(self) -> Path:
        """Make an empty folder."""
        with self._lock:
            return self._make_folder()

    def plain(self, *words: str | Path, cwd: Path | None = None, stdin: bytes = b"", **variables: str | None) -> Ran:
        """Run Python with ``words`` as its command line."""
        folder = cwd or self.make_folder()
        return self.call([sys.executable, *map(str, words)], folder, stdin, **variables)

    def whet(
        self,
        *words: str | Path,
        options: Sequence[str] = (),
        cwd: Path | None = None,
        stdin: bytes = b"",
        **variables: str | None,
    ) -> Ran:
        """Run ``whet run`` with its ``options`` on the target that ``words`` name."""
        folder = cwd or self.make_folder()
        return self.call(self.command(*words, options=options), folder, stdin, **variables)

    @staticmethod
    def command(*words: str | Path, options: Sequence[str] = (), python: str = sys.executable) -> list[str]:
        """Return the command that :meth:`whet` runs."""
        target = [python, *words] if str(words[0]).startswith("-") and words[0] not in ("-m", "-c") else words
        border = ["--"] if target is not words else []
        return [*WHET, "run", "--python", python, *options, *border, *map(str, target)]

    @staticmethod
    def call(command: Sequence[str], folder: Path, stdin: bytes = b"", **variables: str | None) -> Ran:
        """Run any command."""
        environ = make_environment(**variables)
        done = subprocess.run(
            command, cwd=folder, input=stdin, env=environ, capture_output=True, timeout=SECONDS, check=False
        )
        return Ran(_end(done.returncode), done.stdout, done.stderr, folder)

    def both(
        self, *words: str | Path, cwd: Path | None = None, stdin: bytes = b"", **variables: str | None
    ) -> tuple[Ran, Ran]:
        """Run a program plainly and under whet, in the same folder."""
        folder = cwd or self.make_folder()
        plain = self.plain(*words, cwd=folder, stdin=stdin, **variables)
        return plain, self.whet(*words, cwd=folder, stdin=stdin, **variables)

    def write(self, text: str, name: str = "prog.py", **others: str) -> Path:
        """Write a program into a folder of its own, beside modules given as ``name=text``; return its path."""
        path = self.make_folder() / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        for module, source in others.items():
            (path.parent / f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        return path

    @staticmethod
    def start(command: Sequence[str], folder: Path, **options: Any) -> subprocess.Popen[bytes]:
        """Start a command and leave it running; stdout and stderr are pipes unless ``options`` say otherwise."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=folder, **{**pipes, "env": make_environment(), **options})

    @staticmethod
    def finish(process: subprocess.Popen[bytes], folder: Path) -> Ran:
        """Wait for what :meth:`start` started."""
        stdout, stderr = process.communicate(timeout=SECONDS)
        return Ran(_end(process.returncode), stdout or b"", stderr or b"", folder)


def assert_alike(plain: Ran, whet: Ran) -> None:
    """Assert that a program did under whet what it does plainly: output, errors, status. Addresses may differ."""
    assert whet.status == plain.status, whet.words
    assert _without_addresses(whet.stdout) == _without_addresses(plain.stdout), whet.words
    said, expected = _without_addresses(whet.stderr), _without_addresses(plain.stderr)
    assert said[: len(expected)] == expected
    assert b"Traceback" not in said[len(expected) :], whet.words
    assert b"_whet_inprocess" not in said, whet.words


def _without_addresses(text: bytes) -> bytes:
    return re.sub(rb"0x[0-9a-fA-F]{6,}", b"0x", text) if len(text) < 1_000_000 else text


def wait_for(condition: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """Return the first true answer of ``condition``; fail when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def list_children(pid: int) -> Iterator[tuple[int, list[str]]]:
    """Yield pid and command line of a process's descendants (Linux), but for those that end meanwhile."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for word in _read_proc(task).split():
            if line := _read_proc(Path(f"/proc/{word.decode()}/cmdline")):
                yield int(word), line.decode("utf-8", "replace").split("\0")
                yield from list_children(int(word))


def _read_proc(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner(lambda: tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def alike() -> Callable[[Ran, Ran], None]:
    return assert_alike


@pytest.fixture(scope="session")
def _runs() -> dict[str, tuple[Ran, Ran]]:
    return {}


@pytest.fixture
def measured(
    runner: Runner, request: pytest.FixtureRequest, _runs: dict[str, tuple[Ran, Ran]]
) -> Callable[[str], tuple[Ran, Ran]]:
    """Run a fixture target plainly and under whet, once for all tests that ask for it, but again when one is rerun."""
    if getattr(request.node, "execution_count", 1) > 1:
        _runs.clear()

    def run(name: str) -> tuple[Ran, Ran]:
        if name not in _runs:
            _runs[name] = runner.both(TARGETS / name, stdin=b"hello\nworld\n")
        return _runs[name]

    return run


@pytest.fixture(scope="session")
def waiting() -> Callable[..., Any]:
    return wait_for


@pytest.fixture(scope="session")
def children_of() -> Callable[[int], Iterator[tuple[int, list[str]]]]:
    return list_children
