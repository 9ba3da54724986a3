from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from whet.model.run import Interpreter
from whet.program import checkup
from whet.program.checkup import check_package, examine_collectors, list_notes, name_origin
from whet.program.host import TargetHost

HOST = TargetHost(Interpreter("/py", "3.13.0"), (3, 13, 0), "cpython-313-x86_64-linux-gnu")


def note(host: TargetHost = HOST, **environ: str) -> str:
    return "\n".join(list_notes(host, environ))


@pytest.fixture(autouse=True)
def _quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    if hasattr(os, "getloadavg"):
        monkeypatch.setattr(os, "getloadavg", lambda: (0.5, 0.5, 0.5))


def test_an_ordinary_interpreter_on_a_quiet_machine_gets_no_notes() -> None:
    assert "Python" not in note()
    assert "interpreter" not in note()
    assert "processor only" not in note()


@pytest.mark.parametrize("version", [(3, 13, 0), (3, 14, 0)])
def test_a_free_threaded_interpreter_lacks_what_does_not_run_on_it(version: tuple[int, int, int]) -> None:
    said = note(replace(HOST, version=version, interpreter=replace(HOST.interpreter, free_threaded=True)))
    assert "values cannot be sampled, and line_profiler does not run on it" in said
    assert ("--memory measures nothing" in said) is (version < (3, 14))


def test_what_slows_programs_down_is_told() -> None:
    assert "debug build" in note(replace(HOST, debug=True))
    assert "quadratic" in note(replace(HOST, version=(3, 11, 7)))
    assert "PYTHONTRACEMALLOC is set" in note(PYTHONTRACEMALLOC="1")
    assert "PYTHONTRACEMALLOC" not in note(PYTHONTRACEMALLOC="")


def test_a_busy_machine_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert "one processor only" in note()
    monkeypatch.setattr(os, "getloadavg", lambda: (3.2, 0.0, 0.0), raising=False)
    assert "load 3.2 on 1 processors" in note()


def test_a_package_that_is_not_there_comes_with_the_line_that_brings_it() -> None:
    check = check_package("line_profiler", HOST, needed=True)
    assert (check.works, check.needed) == (False, True)
    assert check.says == "not there for this interpreter (hits, with --lines)"
    assert check.remedy == "whet doctor --install --python /py"


def test_a_package_that_does_not_exist_for_an_interpreter_is_not_needed() -> None:
    check = check_package("pyinstrument", replace(HOST, version=(3, 15, 0)), needed=False)
    assert (check.works, check.needed, check.remedy) == (False, False, "")
    assert check.says == "does not exist for Python 3.15 yet"


@pytest.mark.parametrize("version", [(3, 14, 9), (3, 15, 0)])
def test_the_interpreters_own_sampler_is_tried_from_3_15_on(
    version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def read(words: list[str], _host: TargetHost) -> str:
        asked.append(words)
        return "it is a teapot" if "profiling.sampling" in words else ""

    monkeypatch.setattr(checkup, "_read_a_child", read)
    monkeypatch.setattr(checkup, "ptrace_trouble", lambda **_: None)
    found = {check.about: check for check in examine_collectors(replace(HOST, version=version))}
    assert ("tachyon" in found) is (version >= (3, 15))
    if version >= (3, 15):
        assert asked[-1][0] == "/py"
        assert found["tachyon"].says == "cannot read it: it is a teapot"
        assert not found["tachyon"].needed


def test_a_package_that_is_too_old_is_named_with_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    host = replace(HOST, packages={"memray": "/site"}, versions={"memray": "1.5.0"})
    check = check_package("memray", host, needed=False)
    assert not check.works
    assert "too old, 1.19.1 is needed (/site)" in check.says
    assert check.remedy == "/py -m pip install --upgrade memray"


@pytest.mark.parametrize(
    ("status", "said", "works", "words"),
    [
        (0, "", True, "memory, with --memory; from the target's environment"),
        (1, "Traceback\nImportError: libunwind.so.8\n", False, "cannot be imported from /site: ImportError: libunwind"),
        (1, "", False, "it failed without output"),
    ],
)
def test_a_package_is_really_imported(
    status: int, said: str, works: bool, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkup, "run_quietly", lambda _words, _seconds, cwd=None: (status, said))
    host = replace(HOST, packages={"memray": "/site"}, versions={"memray": "1.20.0"})
    check = check_package("memray", host, needed=False)
    assert check.works is works
    assert words in check.says


def test_where_a_package_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "cache_folder", lambda: tmp_path)
    host = replace(HOST, packages={"a": "/site", "b": str(tmp_path / "wheels" / "b"), "c": "/whet"})
    borrowed = replace(host, borrowed=frozenset(("b", "c")))
    origins = [name_origin(name, borrowed) for name in "abc"]
    assert origins == ["the target's environment", "whet's cache", "whet's own environment"]
