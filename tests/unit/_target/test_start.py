"""What runs ahead of the program's first statement."""

from __future__ import annotations

import sys
from pathlib import Path
from types import CodeType, ModuleType

import pytest

import whet

START = Path(whet.__file__).parent / "_target" / "start.py"


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, CodeType, set[str]]]:
    """What the runner was given."""
    found: list[tuple[str, CodeType, set[str]]] = []
    fake = ModuleType("_whet_target.runner")
    fake.start = lambda *words: found.append(words)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "_whet_target.runner", fake)
    # So that what is put there goes again after the test.
    monkeypatch.setitem(sys.modules, "_whet_target", ModuleType("_whet_target"))
    return found


def test_the_runner_gets_the_programs_code_and_what_was_loaded(begun: list[tuple[str, CodeType, set[str]]]) -> None:
    before = set(sys.modules)
    names = {"__name__": "_whet_start", "__file__": str(START), "SETTINGS": "/tmp/x/settings.json"}
    program: dict[str, object] = {"text": START.read_text(), "names": names}
    code = compile("exec(compile(text, 'start.py', 'exec'), names)", "prog.py", "exec")
    exec(code, program)
    ((settings, passed, loaded),) = begun
    assert settings == "/tmp/x/settings.json"
    assert passed is code
    assert loaded <= before | {"_whet_target"}
    assert set(program) == {"text", "names", "__builtins__"}
    package = sys.modules["_whet_target"]
    assert list(package.__path__) == [str(START.parent)]
    assert package.__file__ == str(START.with_name("__init__.py"))
