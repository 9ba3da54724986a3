"""Comparing what a run did with what the baseline did."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from whet.prove.behaviour import Behaviour, find_difference, name_unmatched
from whet.prove.run import Observed, Printed


class Bench:
    """A working folder, and runs that are made up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.work.mkdir()
        self.count = 0

    def observe(self, stdout: bytes = b"", status: int = 0, stderr: bytes = b"") -> Observed:
        self.count += 1
        return Observed(status, 1, 1, 0, self._print(stdout, "out"), self._print(stderr, "err"))

    def _print(self, data: bytes, name: str) -> Printed:
        file = self.folder / f"{name}-{self.count}"
        file.write_bytes(data)
        return Printed(file, len(data), hashlib.sha256(data).hexdigest())

    def behave(self, *patterns: str, tolerance: float = 0.0) -> Behaviour:
        return Behaviour(self.work, self.folder / "reference", patterns, tolerance)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_same_is_no_difference(bench: Bench) -> None:
    behaviour = bench.behave()
    behaviour.remember(bench.observe(b"one\ntwo\n", 3))
    assert behaviour.compare(bench.observe(b"one\ntwo\n", 3, b"other words on stderr")) == ""


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (b"one\nTWO\n", "stdout, line 2: 'two' became 'TWO'"),
        (b"one\n", "stdout, line 2: 'two' is missing"),
        (b"one\ntwo\nthree\n", "stdout, line 3: 'three' is an additional line"),
        (b"\xff\x1b[2J\n", r"stdout, line 1: 'one' became '�\x1b[2J'"),
    ],
)
def test_the_first_line_that_differs_is_told(bench: Bench, printed: bytes, said: str) -> None:
    behaviour = bench.behave()
    behaviour.remember(bench.observe(b"one\ntwo\n"))
    assert behaviour.compare(bench.observe(printed)) == said


def test_of_a_long_line_the_part_that_differs_is_told(bench: Bench) -> None:
    behaviour = bench.behave()
    behaviour.remember(bench.observe(b"x" * 5000 + b"A" + b"y" * 5000))
    said = behaviour.compare(bench.observe(b"x" * 5000 + b"B" + b"y" * 5000))
    assert "xxxA" in said
    assert "xxxB" in said
    assert len(said) < 300


def test_an_exit_status_is_told_with_the_last_words(bench: Bench) -> None:
    behaviour = bench.behave()
    behaviour.remember(bench.observe(b"one"))
    assert behaviour.compare(bench.observe(b"one", 1, b"Traceback\nValueError: no\n")) == (
        "exit 1 instead of exit 0: ValueError: no"
    )
    assert behaviour.compare(bench.observe(b"one", 128 + 11)) == "SIGSEGV instead of exit 0"


def test_files_that_are_named_are_compared(bench: Bench) -> None:
    (bench.work / "sub").mkdir()
    (bench.work / "sub" / "a.csv").write_text("1,2\n3,4\n")
    (bench.work / "b.txt").write_text("not named")
    behaviour = bench.behave("**/*.csv")
    behaviour.remember(bench.observe())
    assert list(behaviour.files) == [str(Path("sub", "a.csv"))]
    assert behaviour.file_bytes == 8
    (bench.work / "b.txt").write_text("changed")
    assert behaviour.compare(bench.observe()) == ""
    (bench.work / "sub" / "a.csv").write_text("1,2\n3,5\n")
    assert behaviour.compare(bench.observe()) == f"{Path('sub', 'a.csv')}, line 2: '3,4' became '3,5'"
    (bench.work / "sub" / "a.csv").unlink()
    assert behaviour.compare(bench.observe()) == f"{Path('sub', 'a.csv')} was not written"


def test_a_file_that_the_baseline_does_not_write_is_a_difference(bench: Bench) -> None:
    behaviour = bench.behave("*.csv")
    behaviour.remember(bench.observe())
    (bench.work / "new.csv").write_text("x")
    assert behaviour.compare(bench.observe()) == "new.csv was written, but not by the baseline"


def test_files_are_named_absolutely_too(bench: Bench, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text("x")
    behaviour = bench.behave(str(tmp_path / "else*.txt"))
    behaviour.remember(bench.observe())
    assert list(behaviour.files) == [str(elsewhere)]


@pytest.mark.parametrize(
    ("after", "tolerance", "is_alike"),
    [
        (b"sum 1.0000001 of 3 rows", 1e-6, True),
        (b"sum 1.0000001 of 3 rows", 1e-8, False),
        (b"sum 1.0000001 of 3 rows", 0.0, False),
        (b"sum 1.0 of 3 columns", 1e-6, False),
        (b"sum 1.0 of 4 rows", 1e-6, False),
        (b"sum nan of 3 rows", 0.5, False),
        (b"sum 1e0 of 3 rows", 1e-12, True),
    ],
)
def test_numbers_may_differ_within_a_tolerance_and_words_may_not(
    bench: Bench, after: bytes, tolerance: float, is_alike: bool
) -> None:
    behaviour = bench.behave(tolerance=tolerance)
    behaviour.remember(bench.observe(b"sum 1.0 of 3 rows"))
    assert (behaviour.compare(bench.observe(after)) == "") == is_alike


def test_equal_words_that_are_no_numbers_stay_equal_within_a_tolerance(tmp_path: Path) -> None:
    for name, text in (("a", b"nan inf -3e5 1.5\n"), ("b", b"nan inf -3e5 1.5000000001\n")):
        (tmp_path / name).write_bytes(text)
    assert find_difference(tmp_path / "a", tmp_path / "b", 1e-6) == ""


def test_patterns_that_name_nothing_are_told(bench: Bench) -> None:
    (bench.work / "a.csv").write_text("x")
    assert name_unmatched(bench.behave(), ["*.csv", "*.tsv"]) == ["*.tsv"]


def test_a_reference_is_not_changed_by_what_comes_after(bench: Bench) -> None:
    behaviour = bench.behave()
    first = bench.observe(b"one\n")
    behaviour.remember(first)
    first.stdout.file.write_bytes(b"overwritten")
    later = replace(bench.observe(b"two\n"))
    assert behaviour.compare(later) == "stdout, line 1: 'one' became 'two'"
