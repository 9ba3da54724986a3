"""The state that the program finds is that of a plain run, and what observes it is ended whatever happens."""

from __future__ import annotations

import atexit
import json
import linecache
import os
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

from whet._target import runner
from whet._target.runner import Program

Make = Callable[..., Program]


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A ``__main__`` as the interpreter leaves it for a compiled file."""
    module = ModuleType("__main__")
    module.__file__ = "/tmp/whet/main.pyc"
    module.__cached__ = "x"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "__main__", module)
    return module


@pytest.fixture
def make(tmp_path: Path, main: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make a program that is about to begin, as if started by ``python [options] main.pyc a b``."""
    out = str(tmp_path / "main.pyc")
    monkeypatch.setattr(sys, "argv", [out, "a", "b"])
    monkeypatch.setattr(sys, "orig_argv", ["python", "-X", "dev", out, "a", "b"])
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def make(kind: str, name: str, *, warned: list[Any] | None = None, **more: object) -> Program:
        (tmp_path / "main.pyc.json").write_text(json.dumps({"anchors": [], "warnings": warned or []}))
        code = compile("", name if kind == "script" else "<string>", "exec")
        return Program({"kind": kind, "name": name, "main": out, **more}, code)

    return make


@pytest.mark.parametrize(
    ("kind", "name", "argv", "words"),
    [
        ("script", "dir/app.py", ["dir/app.py", "a", "b"], ["dir/app.py", "a", "b"]),
        ("module", "pkg.mod", ["-m", "a", "b"], ["-m", "pkg.mod", "a", "b"]),
        ("code", "print(1)", ["-c", "a", "b"], ["-c", "print(1)", "a", "b"]),
    ],
)
def test_the_words_are_those_that_start_it_plainly(
    kind: str, name: str, argv: list[str], words: list[str], make: Make
) -> None:
    make(kind, name).set_up()
    assert sys.argv == argv
    assert sys.orig_argv == ["python", "-X", "dev", *words]


def test_the_main_module_of_a_script_has_its_file_and_loader(make: Make, main: ModuleType, tmp_path: Path) -> None:
    path = str(tmp_path / "app.py")
    Path(path).write_text("x = 1\n")
    make("script", path).set_up()
    assert main.__file__ == path
    assert type(main.__loader__).__name__ == "SourceFileLoader"
    assert main.__loader__.get_source("__main__") == "x = 1\n"  # type: ignore[union-attr]
    assert getattr(main, "__cached__", None) is None


@pytest.mark.parametrize(("kind", "name"), [("module", "pkg"), ("code", "pass")])
def test_the_main_module_of_anything_else_has_no_file_yet(kind: str, name: str, make: Make, main: ModuleType) -> None:
    make(kind, name).set_up()
    assert not hasattr(main, "__file__")
    assert not hasattr(main, "__cached__")


@pytest.mark.skipif(sys.version_info < (3, 13), reason="older interpreters show no lines of -c")
def test_tracebacks_show_the_lines_of_code_on_the_command_line(make: Make) -> None:
    program = make("code", "x = 1\ny = 2")
    program.set_up()
    if sys.version_info >= (3, 14):
        assert linecache._getlines_from_code(program.code) == ["x = 1\n", "y = 2\n"]  # type: ignore[attr-defined]
    else:
        assert linecache.getline("<string>", 2) == "y = 2\n"
        linecache.clearcache()


def test_warnings_of_the_compiler_are_shown_again(make: Make, tmp_path: Path) -> None:
    path = str(tmp_path / "app.py")
    Path(path).touch()
    program = make("script", path, warned=[["is with a literal", "SyntaxWarning", 7]])
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        program.set_up()
    assert [(str(w.message), w.category, w.filename, w.lineno) for w in shown] == [
        ("is with a literal", SyntaxWarning, path, 7)
    ]


# -- sys.path ---------------------------------------------------------------------------------------------------------


def test_a_script_finds_what_lies_beside_it(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "app.py").touch()
    monkeypatch.chdir(tmp_path)
    before = sys.path[1:]
    make("script", "dir/app.py").restore_path()
    assert sys.path == [os.path.realpath(tmp_path / "dir"), *before]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_linked_script_finds_what_lies_beside_the_real_one(make: Make, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "app.py").touch()
    (tmp_path / "link.py").symlink_to(tmp_path / "real" / "app.py")
    make("script", str(tmp_path / "link.py")).restore_path()
    assert sys.path[0] == os.path.realpath(tmp_path / "real")


def test_modules_and_code_find_what_lies_in_the_working_folder(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make("module", "pkg").restore_path()
    assert sys.path[0] == str(Path.cwd())
    make("code", "pass").restore_path()
    assert sys.path[0] == ""


def test_a_folder_is_itself_where_its_modules_are(make: Make, tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    make("script", str(tmp_path / "bundle")).restore_path()
    assert sys.path[0] == str(tmp_path / "bundle")


def test_modules_that_the_program_brings_its_own_of_are_forgotten(make: Make, tmp_path: Path) -> None:
    program = make("script", str(tmp_path / "app.py"))
    before = set(sys.modules)
    for name in ("whet_own", "whet_own.part", "whet_other", "_whet_target"):
        sys.modules[name] = ModuleType(name)
    for file in ("whet_own.py", "_whet_target.py"):
        (tmp_path / file).touch()
    sys.path[0] = str(tmp_path)
    try:
        program.forget_shadowed(before)
        assert set(sys.modules) - before == {"whet_other", "_whet_target"}
    finally:
        for name in set(sys.modules) - before:
            del sys.modules[name]


def test_a_folder_that_is_gone_shadows_nothing(make: Make, tmp_path: Path) -> None:
    program = make("script", str(tmp_path / "app.py"))
    sys.path[0] = str(tmp_path / "gone")
    before = set(sys.modules)
    program.forget_shadowed(before - {"json"})
    assert set(sys.modules) == before


# -- beginning and ending ---------------------------------------------------------------------------------------------


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """What is to be done when the program ends."""
    found: list[Callable[[], None]] = []
    monkeypatch.setattr(atexit, "register", found.append)
    return found


class Handshake:
    """The other side: waits for the word that all is ready, answers, and tells what it was told."""

    def __init__(self, answer: bytes) -> None:
        self._ready_read, self.ready = os.pipe()
        self.go, self._go_write = os.pipe()
        self._answer = answer
        self.told = b""
        self.thread = threading.Thread(target=self._speak, daemon=True)
        self.thread.start()

    def _speak(self) -> None:
        self.told = os.read(self._ready_read, 10)
        os.write(self._go_write, self._answer)
        os.close(self._go_write)
        os.close(self._ready_read)


posix = pytest.mark.skipif(os.name == "nt", reason="pipes are handles there")


@posix
def test_it_says_that_it_is_ready_and_waits_for_the_word_to_go(
    make: Make, registered: list[Callable[[], None]]
) -> None:
    other = Handshake(b"G")
    make("code", "pass", ready=other.ready, go=other.go).begin()
    other.thread.join(10)
    assert other.told == b"R%d\n" % os.getpid()
    assert len(registered) == 1
    for descriptor in (other.ready, other.go):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


@posix
def test_a_whet_that_is_gone_stops_no_program(make: Make, registered: list[Callable[[], None]]) -> None:
    other = Handshake(b"")
    make("code", "pass", ready=other.ready, go=other.go).begin()
    assert len(registered) == 1


@posix
def test_the_sampler_inside_starts_when_it_is_told_to(
    make: Make, registered: list[Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from whet._target import sampling

    began: list[object] = []
    ended: list[object] = []

    def start(settings: object) -> Callable[[], None]:
        began.append(settings)
        return lambda: ended.append(settings)

    monkeypatch.setattr(sampling, "start", start)
    fallback = {"pyinstrument": {"capture": "x"}}
    for answer, expected in ((b"G", []), (b"P", [{"capture": "x"}])):
        other = Handshake(answer)
        make("code", "pass", ready=other.ready, go=other.go, fallback=fallback).begin()
        assert began == expected
    assert ended == []
    registered[-1]()
    assert ended == began


def test_a_sampler_that_cannot_begin_costs_its_figures_and_leaves_the_reason(
    make: Make, registered: list[Callable[[], None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from whet._target import sampling

    def refuse(_settings: object) -> Callable[[], None]:
        raise ImportError("made for another Python \udcff")

    monkeypatch.setattr(sampling, "start", refuse)
    make("code", "pass", pyinstrument={"capture": str(tmp_path / "session.json")}).begin()
    registered[0]()
    assert (tmp_path / "session.json.why").read_text() == r"ImportError: made for another Python \udcff"


class Observer:
    """An agent that notes what is asked of it; one that ``fails`` does so at the end."""

    own_profile_function: object = "none was told"

    def __init__(self, log: list[str], fails: bool = False) -> None:
        self.log = log
        self.fails = fails

    def start(self) -> None:
        self.log.append("start")

    def finish(self) -> None:
        self.log.append("finish")
        if self.fails:
            raise RuntimeError("cannot")


def test_whoever_fails_at_the_end_keeps_nobody_else_from_it(
    make: Make, registered: list[Callable[[], None]], capsys: pytest.CaptureFixture[str]
) -> None:
    log: list[str] = []
    program = make("code", "pass")
    program.agent = Observer(log, fails=True)
    program.stops = [lambda: log.append("first begun"), lambda: 1 / 0, lambda: log.append("last begun")]
    program.begin()
    registered[0]()
    assert log == ["start", "finish", "last begun", "first begun"]
    assert capsys.readouterr() == ("", "")


def test_settings_are_read_and_everything_is_done_in_order(
    make: Make, main: ModuleType, registered: list[Callable[[], None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths come last, so that nothing of the program's is found in place of what whet imports."""
    make("code", "pass")
    log: list[str] = []
    for name in ("set_up", "begin", "restore_path", "forget_shadowed"):
        monkeypatch.setattr(Program, name, lambda _self, *_words, name=name: log.append(name))
    monkeypatch.setattr(runner.whole_writes, "keep_writes_whole", lambda: log.append("keep_writes_whole"))
    settings = {"kind": "script", "name": "na\udcffme.py", "main": "x"}
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    code: CodeType = compile("", "x", "exec")
    runner.start(str(path), code, set())
    assert log == ["set_up", "keep_writes_whole", "begin", "restore_path", "forget_shadowed"]
