"""Programs from the index, run plainly and under ``whet run`` by the interpreter of an environment of their own."""

from __future__ import annotations

import marshal
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

import pytest
from tests.integration.conftest import Ran, Runner, list_children, make_environment, wait_for
from tests.packages.suites import install

REQUIREMENTS = Path(__file__).with_name("programs.txt")
WHETS_OWN = {".whet", "whet-report.html"}
"""What whet leaves in a program's folder."""


@pytest.fixture(scope="session")
def packages() -> Path:
    """The Python of an environment that holds what ``programs.txt`` names."""
    return install("programs", ["--requirement", str(REQUIREMENTS)], REQUIREMENTS.read_text("utf-8"))


@dataclass
class Outcome:
    """What became of a program: how it ended and the files that it left, by their path in its folder."""

    ran: Ran
    files: dict[str, bytes]


class Programs:
    """Runs programs of the environment plainly and under whet, each time in the folder as it was written."""

    def __init__(self, runner: Runner, python: Path) -> None:
        self.runner = runner
        self.python = str(python)

    def write(self, text: str, name: str = "prog.py", **others: str) -> Path:
        """Write a program and its modules, as :meth:`Runner.write`; return its folder."""
        return self.runner.write(text, name, **others).parent

    def list_commands(self, words: Sequence[str], options: Sequence[str] = ()) -> tuple[list[str], list[str]]:
        """Return the command lines, plain and under whet, of a program that ``words`` name as Python's would."""
        return [self.python, *words], self.runner.command(*words, options=options, python=self.python)

    def run(self, folder: Path, *words: str, options: Sequence[str] = (), **variables: str) -> tuple[Outcome, Outcome]:
        """Run a program that ends by itself; return what became of it plainly and under whet."""
        return self.compare(
            folder, words, lambda command: self.runner.call(command, folder, **variables), options=options
        )

    def serve(
        self,
        folder: Path,
        *words: str,
        use: Callable[[int], object],
        options: Sequence[str] = (),
        **variables: str,
    ) -> tuple[Outcome, Outcome]:
        """Run a program that ends when ``use``, which is given the pid of its first process, has it end."""

        def run(command: Sequence[str]) -> Ran:
            environ = make_environment(**variables)
            process = self.runner.start(command, folder, env=environ)
            try:
                use(find_program(process.pid, self.python, words))
            except BaseException:
                for pid in [*(pid for pid, _ in list_children(process.pid)), process.pid]:
                    os.kill(pid, 9)
                print(*self.runner.finish(process, folder).words.splitlines(), sep="\n")
                raise
            return self.runner.finish(process, folder)

        return self.compare(folder, words, run, options=options)

    def compare(
        self, folder: Path, words: Sequence[str], run: Callable[[Sequence[str]], Ran], *, options: Sequence[str]
    ) -> tuple[Outcome, Outcome]:
        """Run the two commands, each in ``folder`` as it is now."""
        before = read_files(folder)
        outcomes = []
        for command in self.list_commands(words, options):
            ran = run(command)
            after = read_files(folder)
            outcomes.append(Outcome(ran, after))
            restore(folder, before)
        plain, whet = outcomes
        return plain, whet


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the files in ``folder`` but for those of whet's."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    names = (path.relative_to(folder) for path in paths)
    return {name.as_posix(): (folder / name).read_bytes() for name in names if name.parts[0] not in WHETS_OWN}


def read_code(text: bytes) -> tuple[bytes, CodeType]:
    """Return what a compiled file holds: the same code can have other bytes where other code has the same names."""
    return text[:16], marshal.loads(text[16:])


def restore(folder: Path, before: Mapping[str, bytes]) -> None:
    """Give ``folder`` the files ``before`` again, whose times stay where they have not changed, and no others."""
    for name, text in read_files(folder).items():
        if name not in before:
            (folder / name).unlink()
        elif text != before[name]:
            (folder / name).write_bytes(before[name])
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()) and path.name not in WHETS_OWN:
            path.rmdir()


def find_program(pid: int, python: str, words: Sequence[str]) -> int:
    """Return the process that runs the program: the command itself, or what whet started; wait until there is one."""

    def find() -> int | None:
        for child, line in [(pid, _read_line(pid)), *list_children(pid)]:
            if line[:1] and line[0] == python and line[-len(words) - 1 : -1] == list(words):
                return child
        return None

    return wait_for(find)


def _read_line(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace").split("\0")


def assert_same(outcomes: tuple[Outcome, Outcome], vary: str = r"(?!)", *, ordered: bool = True) -> None:
    """Assert that a program under whet wrote, ended and left files as plainly.

    What matches ``vary`` may differ each time: times, ports, pids. Where several processes write, their lines come in
    any order (not ``ordered``).
    """
    (plain, whet) = (each.ran for each in outcomes)

    def normalize(text: bytes) -> list[str]:
        lines = re.sub(rf"{vary}|0x[0-9a-f]{{6,}}", "*", text.decode("utf-8", "replace")).split("\n")
        return lines if ordered else sorted(lines)

    assert whet.status == plain.status, whet.words
    assert normalize(whet.stdout) == normalize(plain.stdout), whet.words
    said, expected = whet.stderr.splitlines(), plain.stderr.splitlines()
    assert normalize(b"\n".join(said[: len(expected)])) == normalize(b"\n".join(expected)), whet.words
    assert b"Traceback" not in b"\n".join(said[len(expected) :]), whet.words
    left = [
        {name: read_code(text) if name.endswith(".pyc") else normalize(text) for name, text in each.files.items()}
        for each in outcomes
    ]
    assert left[1] == left[0]
    assert whet.report["duration_seconds"] > 0


@pytest.fixture(scope="session")
def programs(runner: Runner, packages: Path) -> Programs:
    return Programs(runner, packages)


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner(lambda: tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def same() -> Callable[..., None]:
    return assert_same
