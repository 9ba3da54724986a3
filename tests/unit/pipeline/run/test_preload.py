"""What is imported while the program runs, and what is not imported before or without need."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from whet.pipeline.run import preload
from whet.pipeline.run.preload import preloading

ROOT = Path(__file__).parents[4]
SAVED = ROOT / "fixtures" / "captures" / "whet-schema-1" / "run.json.gz"
AFTERWARDS = {"jinja2", "libcst", "line_profiler", "memray", "pyinstrument", "pygments", "rich", "whet_rules"} | {
    *("argparse", "importlib.metadata", "typer", "whet.advise", "whet.engine", "whet.formats", "whet.merge"),
    *("whet.prove", "whet.report.view", "whet.store"),
}


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preload, "count_processors", lambda: 2)


def run_code(code: str, *words: str, cwd: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_is_loaded_before_the_program_that_is_needed_after_it(tmp_path: Path) -> None:
    (tmp_path / "x.py").touch()
    code = """
import sys
import whet.pipeline.run.measure as measuring
from whet.cli.main import run_command_line
from whet.errors import TargetError
def execute(plan):
    print(*sys.modules)
    raise TargetError("it is not started")
measuring.execute = execute
assert run_command_line(["run", "--python", sys.executable, "x.py"]) == 125
"""
    loaded = set(run_code(code, cwd=tmp_path).split())
    assert "whet.pipeline.run.measure" in loaded
    assert not loaded & AFTERWARDS


def test_all_that_showing_a_run_imports_is_preloaded(tmp_path: Path) -> None:
    code = """
import io, sys
from pathlib import Path
from whet.pipeline.run.preload import load_pieces
for _ in load_pieces(): pass
before = set(sys.modules)
from whet.pipeline.advise.show import print_terminal, show, write_html
from whet.store import load_run
shown = show(load_run(Path(sys.argv[1])))
write_html(shown, Path("report.html"))
print_terminal(shown, io.StringIO(), None)
assert shown.view.suggestions and "libcst" in before
print(*(name for name in set(sys.modules) - before if not name.startswith("rich._unicode_data.")))
"""
    assert run_code(code, str(SAVED), cwd=tmp_path).split() == []


def test_a_run_in_which_nothing_was_seen_needs_neither_rules_nor_what_they_need(tmp_path: Path) -> None:
    code = """
import io, sys
from dataclasses import replace
from pathlib import Path
from whet.pipeline.advise.show import print_terminal, show, write_html
from whet.store import load_run
shown = show(replace(load_run(Path(sys.argv[1])), profiles=()))
write_html(shown, Path("report.html"))
print_terminal(shown, io.StringIO(), None)
print(*sys.modules)
"""
    loaded = set(run_code(code, str(SAVED), cwd=tmp_path).split())
    assert {"jinja2", "rich", "whet.merge"} <= loaded
    assert not loaded & {"libcst", "pygments", "whet.advise", "whet.engine", "whet.prove", "whet_rules"}


def test_it_ends_with_the_piece_at_hand() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []

    def pieces() -> Iterator[float]:
        begun.set()
        assert go_on.wait(60)
        done.append(1)
        yield 0.0
        done.append(2)

    with preloading(pieces) as work:
        work.begin()
        assert begun.wait(60)
        work._is_over.set()
        go_on.set()
    assert done == [1]


def test_what_is_for_later_is_left_where_the_block_ends_before() -> None:
    waiting, done = threading.Event(), []

    def pieces() -> Iterator[float]:
        yield 0.0
        done.append(1)
        waiting.set()
        yield 3600.0
        done.append(2)

    with preloading(pieces) as work:
        work.begin()
        assert waiting.wait(60)
    assert done == [1]


def test_a_busy_machine_is_left_to_the_program() -> None:
    """One on which work takes more than twice as long as it computes; here it sleeps."""
    done = []

    def pieces() -> Iterator[float]:
        yield 0.0
        done.append(1)
        time.sleep(2 * preload.BUSY_SECONDS)
        yield 0.0
        done.append(2)

    with preloading(pieces) as work:
        work.begin()
        work._thread.join(60)
    assert done == [1]


def test_what_fails_there_disturbs_nobody() -> None:
    begun = threading.Event()

    def pieces() -> Iterator[float]:
        begun.set()
        raise ImportError("broken")
        yield 0.0

    with preloading(pieces) as work:
        work.begin()
        assert begun.wait(60)


def test_the_block_may_end_without_a_beginning_and_by_an_error() -> None:
    before = sys.getswitchinterval()
    with pytest.raises(KeyboardInterrupt), preloading() as work:
        assert sys.getswitchinterval() < before
        raise KeyboardInterrupt
    assert not work._thread.is_alive()
    assert sys.getswitchinterval() == before


def test_a_program_is_left_its_only_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preload, "count_processors", lambda: 1)
    with preloading() as work:
        work.begin()
        assert work._thread.ident is None
