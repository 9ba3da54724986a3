"""line_profiler throughout: its counts are the truth, for the functions that were chosen and no others."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from whet._target import all_lines, importer, windows
from whet._target.all_lines import AllLines
from whet.formats.line_windows import read_agent_report

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
    def get(self): return (lambda: 7)()
"""
FILE = "/app/prog.py"
Count = Callable[..., dict[tuple[int, int], int]]


def free_to_trace() -> bool:
    if sys.version_info >= (3, 12):
        return sys.monitoring.get_tool(sys.monitoring.PROFILER_ID) is None and sys.gettrace() is None
    return sys.gettrace() is None


pytestmark = pytest.mark.skipif(not free_to_trace(), reason="somebody else traces these tests")


# Its tracing core can be loaded once in a process, which is once more often than a program needs.
_load = cache(windows.load_line_profiler)


@pytest.fixture(autouse=True)
def _loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "load_line_profiler", _load)


def make(folder: Path, functions: list[list[object]], **more: Any) -> AllLines:
    settings = {
        "capture": str(folder / "exact.json"),
        "functions": functions,
        "foreign": ["/lib"],
        "program": [],
        "include": [],
        "exclude": [],
        **more,
    }
    return AllLines(settings)


@pytest.fixture
def count(tmp_path: Path) -> Count:
    """Compile the source, count while ``action`` runs in it; return hits by (first line of the function, line)."""

    def count(
        action: Callable[[Any], object], functions: list[list[object]], *, is_main: bool = False
    ) -> dict[tuple[int, int], int]:
        counter = make(tmp_path, functions)
        if is_main:
            # As it is made beforehand: padded, registered when the program is about to begin.
            code = windows.pad_code(compile(SOURCE, FILE, "exec"), {})
            counter.take_main(code, [], SOURCE.encode())
        else:
            compiled = counter.compiler.compile(SOURCE.encode(), FILE)
            assert compiled is not None
            code = compiled
        names: dict[str, Any] = {}
        exec(code, names)
        stop = counter.start()
        try:
            action(SimpleNamespace(**names))
        finally:
            stop()
        with (tmp_path / "exact.json").open("rb") as file:
            lines = read_agent_report(file).lines
        assert all(line.exact and line.file == FILE and line.error == 0 for line in lines)
        counts: dict[tuple[int, int], int] = {}
        for line in lines:
            # Functions that begin on one line are counted one by one.
            place = (line.function_line, line.line)
            counts[place] = counts.get(place, 0) + (line.hits or 0)
        return counts

    return count


@pytest.mark.parametrize("is_main", [False, True], ids=["imported", "the program itself"])
def test_counts_of_the_chosen_functions_are_exact(is_main: bool, count: Count) -> None:
    counts = count(lambda m: m.outer(10), [[FILE, 1]], is_main=is_main)
    assert counts == {(1, 2): 1, (1, 3): 11, (1, 4): 10, (1, 5): 1}


def test_without_a_choice_all_functions_are_counted(count: Count) -> None:
    counts = count(lambda m: (m.outer(4), m.Box().get()), [])
    assert counts[1, 4] == 4
    assert counts[8, 9] == 4
    # The method, and the lambda on its line. From 3.13 on there is no event for the line that a function begins on.
    assert counts.get((18, 18)) == (2 if sys.version_info < (3, 13) else None)


def test_nothing_is_counted_before_and_after(count: Count, tmp_path: Path) -> None:
    counts = count(lambda m: m.inner(4), [[FILE, 1]])
    assert counts == {}


def test_there_are_no_anchors_beside_it(tmp_path: Path) -> None:
    counter = make(tmp_path, [])
    plain = compile(SOURCE, FILE, "exec")
    padded = counter.compiler.compile(SOURCE.encode(), FILE)
    assert padded is not None
    assert padded.co_names == plain.co_names
    assert padded.co_code.startswith(plain.co_code)


def test_no_time_limit_keeps_a_module_from_being_counted(tmp_path: Path) -> None:
    counter = make(tmp_path, [])
    counter.compiler.spent = 1e9
    assert counter.compiler.wants(FILE)
    assert not counter.compiler.wants("/lib/os.py")


def test_a_forked_child_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = make(tmp_path, [])
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    counter.stop()
    assert list(tmp_path.iterdir()) == []


def test_preparing_hooks_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooked: list[object] = []
    monkeypatch.setattr(importer, "hook_imports", hooked.append)
    settings = {"functions": [], "foreign": [], "program": [], "include": [], "exclude": []}
    counter = all_lines.prepare({"capture": str(tmp_path / "exact.json"), **settings})
    assert hooked == [counter.compiler]


def test_without_line_profiler_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "load_line_profiler", _load.__wrapped__)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ImportError, match="line_profiler"):
        make(tmp_path, [])
