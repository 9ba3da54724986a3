"""Modules compiled with anchors as they are imported: they load, warn and fail as in a plain run."""

from __future__ import annotations

import importlib
import linecache
import os
import py_compile
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from whet._target import importer
from whet._target.importer import Compiler, UserCode
from whet._target.placing import Placed

WARNING = 'def f(x):\n    "\\d"\n    assert (x, "always true")\n    return x is 3\n'
"""The compiler warns of three lines: one while it reads, two while it makes code."""


class Taken:
    """What was handed over to whoever counts lines."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.anchors: list[int] = []

    def __call__(self, placed: Placed, _source: bytes) -> CodeType:
        self.files.append(placed.code.co_filename)
        self.anchors.append(len(placed.anchors))
        return placed.code


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that modules are imported from, and nothing that is left of them."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Iterator[Callable[..., ModuleType]]:
    """Write a module and import it."""
    before = set(sys.modules)

    def load(text: str, name: str = "whet_case", *, write: bool = True) -> ModuleType:
        if write:
            (folder / f"{name}.py").write_text(text, encoding="utf-8")
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        linecache.clearcache()
        return importlib.import_module(name)

    yield load
    for name in set(sys.modules) - before:
        del sys.modules[name]


def make_compiler(taken: Taken, foreign: list[str] | None = None) -> Compiler:
    return Compiler(UserCode(foreign or [], [], [], []), taken)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch, taken: Taken, folder: Path) -> Callable[[], Compiler]:
    """Hook imports until the test ends; only what lies in the folder is the user's."""
    for name in ("path_stats", "source_to_code"):
        monkeypatch.setattr(SourceFileLoader, name, getattr(SourceFileLoader, name))

    def hook() -> Compiler:
        compiler = Compiler(UserCode(["/"], [str(folder)], [], []), taken)
        importer.hook_imports(compiler)
        return compiler

    return hook


# -- whose code --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="paths as POSIX has them")
@pytest.mark.parametrize(
    ("file", "is_user"),
    [
        ("/home/me/app.py", True),
        ("/usr/lib/python3.13/json/__init__.py", False),
        ("/usr/lib/python3.13-extra/mod.py", True),  # a folder whose name only begins alike
        ("/venv/site-packages/numpy/core.py", False),
        ("/venv/site-packages/black/__init__.py", True),  # the program itself
        ("/venv/site-packages/blackened/__init__.py", False),
        ("/venv/site-packages/one.py", True),
        ("/venv/site-packages/mine/a.py", True),  # included
        ("/home/me/generated/parser.py", False),  # excluded
        ("<string>", False),
        ("<frozen importlib._bootstrap>", False),
        (importer.__file__, False),
    ],
)
def test_whose_code_a_file_is(file: str, is_user: bool) -> None:
    user = UserCode(
        ["/usr/lib/python3.13", "/venv/site-packages", ""],
        ["/venv/site-packages/black", "/venv/site-packages/one.py", ""],
        ["*/site-packages/mine/*"],
        ["*/generated/*"],
    )
    assert user(file) is is_user
    assert user(file) is is_user  # as it was remembered


def test_a_relative_file_is_taken_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    user = UserCode([str(tmp_path / "lib")], [], [], [])
    assert user("app.py")
    assert not user("lib/mod.py")


# -- compiling ---------------------------------------------------------------------------------------------------------


def test_code_is_handed_over_with_its_anchors_and_its_source_is_kept(taken: Taken) -> None:
    compiler = make_compiler(taken)
    source = b"def total(rows):\n    s = 0\n    for row in rows:\n        s += row\n    return s\n"
    code = compiler.compile(source, "/app/m.py")
    assert code is not None
    names: dict[str, object] = {}
    exec(code, names)
    assert names["total"]([1, 2, 3]) == 6  # type: ignore[operator]
    assert taken.files == ["/app/m.py"]
    assert taken.anchors[0] > 0
    assert compiler.sources == {"/app/m.py": source}
    assert compiler.trouble == ""


def test_without_anchors_the_code_is_handed_over_as_it_is(taken: Taken) -> None:
    compiler = make_compiler(taken)
    compiler.with_anchors = False
    assert compiler.compile(b"def f(n):\n    for i in range(n): pass\n", "/app/m.py") is not None
    assert taken.anchors == [0]


@pytest.mark.parametrize("source", [b"def (", b"x = '\xff'\n", b"\0", b"return 3\n"])
def test_what_does_not_compile_is_left_to_the_plain_path(source: bytes, taken: Taken) -> None:
    compiler = make_compiler(taken)
    assert compiler.compile(source, "/app/m.py") is None
    assert compiler.trouble.startswith("/app/m.py: ")
    assert compiler.sources == {}


def test_who_counts_may_fail_without_the_program_noticing() -> None:
    def refuse(_placed: Placed, _source: bytes) -> CodeType:
        raise RuntimeError("no")

    compiler = Compiler(UserCode([], [], [], []), refuse)
    assert compiler.compile(b"x = 1\n", "/app/m.py") is None
    assert compiler.trouble == "/app/m.py: RuntimeError"


def test_a_huge_source_loads_as_in_a_plain_run(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "MAX_SOURCE_BYTES", 10)
    compiler = make_compiler(taken)
    assert compiler.compile(b"x = 1234567\n", "/app/m.py") is None
    assert compiler.other_files == {"/app/m.py"}
    assert taken.files == []


def test_when_the_time_is_spent_the_other_modules_are_named(taken: Taken) -> None:
    compiler = make_compiler(taken, ["/lib"])
    assert compiler.wants("/app/m.py")
    compiler.spent = compiler.budget + 1
    assert not compiler.wants("/app/m.py")
    assert not compiler.wants("/lib/n.py")
    assert compiler.other_files == {"/app/m.py"}


def test_compiling_takes_from_the_time_even_where_it_fails(taken: Taken) -> None:
    compiler = make_compiler(taken)
    compiler.compile(b"def (", "/app/m.py")
    assert compiler.spent > 0


@pytest.mark.parametrize("word", ["signal.SIGPROF", "signal.setitimer(signal.ITIMER_PROF, 1)"])
def test_a_program_that_names_the_timer_is_known(word: str, taken: Taken) -> None:
    compiler = make_compiler(taken)
    compiler.compile(b"x = 1\n", "/app/a.py")
    assert compiler.claim == ""
    compiler.compile(f"def f(signal):\n    {word}\n".encode(), "/app/b.py")
    compiler.compile(b"x = 1\n", "/app/c.py")
    assert "SIGPROF" in compiler.claim


def test_a_profiler_that_the_program_loads_is_known_at_once(taken: Taken) -> None:
    left: list[str] = []
    compiler = make_compiler(taken)
    compiler.left_alone = lambda: left.append(compiler.claim)
    library = Path(os.__file__).parent
    for path in (Path("/app/cProfile.py"), library / "pstats.py", library / "json" / "profile.py"):
        compiler.note_library(str(path))
    assert not left
    for _ in range(2):
        compiler.note_library(str(library / "cProfile.py"))
    assert left == [compiler.claim]
    assert "a profiler of its own" in compiler.claim
    # What is loaded after that has no loop that is asked for its length.
    compiler.compile(b"for x in [1, 2]:\n    print(x)\n", "/app/a.py")
    assert taken.anchors == [0]


def test_the_programs_own_source_is_noted_unless_it_is_no_file(taken: Taken) -> None:
    compiler = make_compiler(taken)
    compiler.note_source("<string>", b"import signal; signal.SIGPROF")
    assert "SIGPROF" in compiler.claim
    compiler.note_source("/app/main.py", b"x")
    assert compiler.sources == {"/app/main.py": b"x"}


# -- importing ---------------------------------------------------------------------------------------------------------


def test_user_modules_are_compiled_anew_and_leave_no_bytecode(
    hook: Callable[[], Compiler], load: Callable[..., ModuleType], folder: Path, taken: Taken
) -> None:
    hook()
    module = load("def f(n):\n    return [i for i in range(n)]\n")
    assert module.f(3) == [0, 1, 2]
    assert taken.files == [str(folder / "whet_case.py")]
    assert not (folder / "__pycache__").exists()


def test_other_modules_load_as_ever_bytecode_included(
    hook: Callable[[], Compiler], load: Callable[..., ModuleType], folder: Path, taken: Taken
) -> None:
    compiler = hook()
    compiler.is_user.cache[str(folder / "whet_case.py")] = False
    assert load("X = 1\n").X == 1
    assert taken.files == []
    assert list((folder / "__pycache__").iterdir())


def test_a_module_that_cannot_be_compiled_here_loads_plainly(
    hook: Callable[[], Compiler], load: Callable[..., ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    hook()
    monkeypatch.setattr(importer.placing, "compile_with_anchors", lambda *_words, **_more: 1 / 0)
    assert load("X = 1\n").X == 1


@pytest.mark.parametrize("text", ["def (\n", "import whet_missing_module\n", "def f():\n    1 / 0\n\nf()\n"])
def test_a_failing_import_shows_the_traceback_of_a_plain_one(
    text: str, hook: Callable[[], Compiler], load: Callable[..., ModuleType]
) -> None:
    def fail() -> list[str]:
        with pytest.raises(Exception) as caught:
            load(text)
        return traceback.format_exception(caught.value)

    plain = fail()
    hook()
    # From the test's own call on, which stands on one line for both.
    assert fail() == plain


def show_warnings(action: Callable[[], object]) -> list[tuple[str, str, int]]:
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        action()
    return [(each.category.__name__, each.filename, each.lineno) for each in shown]


def test_the_compilers_warnings_are_those_of_a_plain_run(
    hook: Callable[[], Compiler], load: Callable[..., ModuleType], folder: Path
) -> None:
    plain = show_warnings(lambda: load(WARNING))
    assert [line for _, _, line in plain] == [2, 3, 4]
    for each in (folder / "__pycache__").iterdir():
        each.unlink()
    hook()
    assert show_warnings(lambda: load(WARNING)) == plain


def test_where_a_plain_run_takes_bytecode_the_compiler_does_not_warn(
    hook: Callable[[], Compiler], load: Callable[..., ModuleType], folder: Path
) -> None:
    show_warnings(lambda: load(WARNING))
    hook()
    assert show_warnings(lambda: load(WARNING, write=False)) == []
    # Bytecode of an older source counts for nothing.
    assert show_warnings(lambda: load(WARNING + "# changed\n")) != []


@pytest.mark.parametrize("mode", list(py_compile.PycInvalidationMode))
def test_bytecode_told_by_its_hash_is_bytecode_too(
    mode: py_compile.PycInvalidationMode, hook: Callable[[], Compiler], load: Callable[..., ModuleType], folder: Path
) -> None:
    (folder / "whet_case.py").write_text(WARNING)
    show_warnings(lambda: py_compile.compile(str(folder / "whet_case.py"), invalidation_mode=mode))
    hook()
    assert show_warnings(lambda: load(WARNING, write=False)) == []


@pytest.mark.parametrize("junk", [b"", b"junk", b"\0" * 40])
def test_a_broken_bytecode_file_counts_for_nothing(
    junk: bytes, hook: Callable[[], Compiler], load: Callable[..., ModuleType], folder: Path
) -> None:
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / f"whet_case.{sys.implementation.cache_tag}.pyc").write_bytes(junk)
    hook()
    assert show_warnings(lambda: load(WARNING)) != []


def test_a_warning_made_an_error_stops_the_import_as_in_a_plain_run(
    hook: Callable[[], Compiler], load: Callable[..., ModuleType]
) -> None:
    hook()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SyntaxError, match="always true"):
            load('def f(x):\n    assert (x, "always true")\n')


def test_importing_lets_no_module_forget_which_warnings_it_has_shown(
    hook: Callable[[], Compiler], load: Callable[..., ModuleType]
) -> None:
    """A plain run shows a warning of a loop once, whatever is imported between two passes."""
    hook()
    names: dict[str, object] = {"__name__": "whet_loop"}

    def loop() -> None:
        for name in ("whet_a", "whet_b", "whet_a"):
            exec("import warnings\nwarnings.warn('old', stacklevel=1)\n", names)
            load("X = 1\n", name)

    assert len(show_warnings(loop)) == 1
