from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

import whet


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder that is the test's own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture
def make_environment(tmp_path: Path) -> Callable[[str], Path]:
    """Make an empty virtual environment of the interpreter that runs the tests."""

    def make(name: str = "env") -> Path:
        folder = tmp_path / name
        venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt").create(folder)
        return folder

    return make


def python_in(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@pytest.fixture
def python_of() -> Callable[[Path], Path]:
    return python_in


@pytest.fixture
def fake_python(tmp_path: Path) -> Callable[..., Path]:
    """Make a program that answers as an interpreter of another version or implementation would."""
    if os.name == "nt":
        pytest.skip("made of shell scripts")
    script = Path(whet.__file__).parent / "inprocess" / "launch" / "probe_host.py"
    plain = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True).stdout

    def make(path: str = "bin/python", **changes: object) -> Path:
        import ast

        answer = {**ast.literal_eval(plain.removeprefix("whet-host ")), **changes}
        program = tmp_path / path
        program.parent.mkdir(parents=True, exist_ok=True)
        # Words that the shell knows itself: the PATH of a test may be empty.
        text = f"#!/bin/sh\nIFS= read -r line <<'END'\nwhet-host {answer!r}\nEND\nprintf '%s\\n' \"$line\"\n"
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)
        return program

    return make
