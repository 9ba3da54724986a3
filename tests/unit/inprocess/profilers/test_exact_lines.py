"""line_profiler throughout: its counts are the truth, for the functions that were chosen and no others."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from whet.formats.exact_lines import ExactLinesReport, read_exact_lines
from whet.inprocess.profilers import exact_lines

if find_spec("line_profiler") is None:
    pytest.skip("line_profiler is not installed", allow_module_level=True)

SOURCE = """\
def outer(n):
    total = 0
    for i in range(n):
        total += inner(i)
    return total


def inner(i):
    if i % 2:
        return [j for j in range(i)].count(0)
    return sum(
        j
        for j in range(i)
    )


class Box:
    size = 3
    def get(self): return (lambda: 7)()
"""
DRIVER = """
import json, sys
from whet.inprocess.profilers import exact_lines
settings, sources, action = json.loads(sys.argv[1])
stop = exact_lines.ExactLines(settings).start()
names = {}
for file, text in sources:
    exec(compile(text, file, "exec"), names)
exec(action, names)
stop()
stop()
"""
Count = Callable[..., ExactLinesReport]


@pytest.fixture
def count(tmp_path: Path) -> Count:
    """Run modules, count while they do and ``action`` runs in their namespace; return what was counted."""

    def count(sources: dict[str, str], action: str, *chosen: tuple[str, int]) -> ExactLinesReport:
        capture = tmp_path / "exact.json"
        settings = {"capture": str(capture), "functions": chosen, "folder": None}
        words = json.dumps([settings, list(sources.items()), textwrap.dedent(action)])
        # A hook of audit events stays for good, so it is tried in a process of its own.
        subprocess.run([sys.executable, "-c", DRIVER, words], check=True)
        return read_exact_lines(io.BytesIO(capture.read_bytes()))

    return count


def by_line(report: ExactLinesReport) -> dict[tuple[str, int, int], int | None]:
    return {(Path(line.file).name, line.function_line, line.line): line.hits for line in report.lines}


def test_counts_of_the_chosen_functions_are_exact(count: Count) -> None:
    report = count({"/app/prog.py": SOURCE}, "outer(10)", ("/app/prog.py", 1))
    assert by_line(report) == {
        ("prog.py", 1, 2): 1,
        ("prog.py", 1, 3): 11,
        ("prog.py", 1, 4): 10,
        ("prog.py", 1, 5): 1,
    }


def test_code_without_a_file_is_counted_as_well(count: Count) -> None:
    report = count({"<string>": SOURCE}, "outer(3)", ("<string>", 1))
    assert by_line(report)["<string>", 1, 4] == 3


def test_what_runs_is_what_was_compiled(count: Count) -> None:
    action = f"""
        plain = {{}}
        exec(compile({SOURCE!r}, "/app/prog.py", "exec"), plain)
        for name in ("outer", "inner"):
            mine, theirs = globals()[name].__code__, plain[name].__code__
            assert (mine.co_code, mine.co_consts, mine) == (theirs.co_code, theirs.co_consts, theirs)
        outer(4)
    """
    report = count({"/app/prog.py": SOURCE}, action, ("/app/prog.py", 1), ("/app/prog.py", 8))
    assert by_line(report)["prog.py", 8, 9] == 4


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in 3.12")
def test_only_the_chosen_functions_are_watched(count: Count) -> None:
    action = """
        import sys
        monitoring, tool = sys.monitoring, sys.monitoring.PROFILER_ID
        assert not monitoring.get_events(tool) & monitoring.events.LINE
        assert not monitoring.get_local_events(tool, outer.__code__)
        assert monitoring.get_local_events(tool, inner.__code__) & monitoring.events.LINE
        outer(4)
    """
    report = count({"/app/prog.py": SOURCE}, action, ("/app/prog.py", 8))
    assert by_line(report)["prog.py", 8, 9] == 4


def test_a_line_that_raises_is_counted(count: Count) -> None:
    source = """\
def outer(n):
    for i in range(n):
        try:
            inner(i)
        except KeyError:
            pass


def inner(i):
    return {}[i]
"""
    report = count({"/app/prog.py": source}, "outer(5)", ("/app/prog.py", 1), ("/app/prog.py", 9))
    assert by_line(report)["prog.py", 9, 10] == 5
    assert by_line(report)["prog.py", 1, 4] == by_line(report)["prog.py", 1, 6] == 5


def test_bodies_of_modules_and_classes_are_never_registered(count: Count) -> None:
    report = count({"/app/prog.py": SOURCE}, "", ("/app/prog.py", 1), ("/app/prog.py", 17))
    assert report.lines == ()


def test_a_function_defined_twice_is_counted_in_both_forms(count: Count) -> None:
    text = "for _ in range(2):\n    def f(n):\n        return n\n    f(1)\n"
    assert by_line(count({"/app/a.py": text}, "", ("/app/a.py", 2)))["a.py", 2, 3] == 2


@pytest.mark.parametrize("is_chosen", [True, False], ids=["both chosen", "one chosen"])
def test_functions_that_line_profiler_cannot_tell_apart_are_named_and_not_counted(
    is_chosen: bool, count: Count
) -> None:
    """It goes by bytecode and line, which the same function at the same place of another file has too."""
    text = "def f(n):\n    return n\n"
    chosen = [("/app/a.py", 1), *[("/app/b.py", 1)] * is_chosen]
    report = count({"/app/a.py": text, "/app/b.py": text}, "f(1)", *chosen)
    assert report.lines == ()
    assert ("/app/a.py", 1) in report.alike


def test_a_function_of_great_length_is_named_and_not_registered(count: Count) -> None:
    text = "def f(n):\n" + "    n += n * 3 - n\n" * 6_000
    report = count({"/app/a.py": text}, "f(1)", ("/app/a.py", 1))
    assert (report.lines, report.too_large) == ((), (("/app/a.py", 1),))


def test_a_forked_child_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_lines, "_load_line_profiler", lambda: Working)
    counter = exact_lines.ExactLines({"capture": str(tmp_path / "exact.json"), "functions": []})
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    counter.stop()
    assert list(tmp_path.iterdir()) == []


def test_without_line_profiler_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ImportError, match="line_profiler"):
        exact_lines.ExactLines({"capture": "", "functions": []})


class Working:
    """As newer versions are."""

    def add_function(self, function: Callable[[], None]) -> None:
        __import__("weakref").ref(self)


class Slotted:
    """As versions before 5.1 are, whose instances cannot be referred to weakly."""

    __slots__ = ()

    def add_function(self, function: Callable[[], None]) -> None:
        __import__("weakref").ref(self)


class Broken:
    """As none is known to be."""

    def add_function(self, function: Callable[[], None]) -> None:
        raise AttributeError("no such thing")


def test_a_version_that_works_is_taken_as_it_is() -> None:
    assert exact_lines._try_out(Working) is Working


def test_one_that_needs_a_subclass_gets_one() -> None:
    made: Any = exact_lines._try_out(Slotted)
    assert made is not Slotted
    assert issubclass(made, Slotted)
    made().add_function(lambda: None)


def test_one_that_does_not_work_is_told_and_not_used() -> None:
    with pytest.raises(ImportError, match="line_profiler does not work here: AttributeError: no such thing"):
        exact_lines._try_out(Broken)
