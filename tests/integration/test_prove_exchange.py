"""Whether a rewritten file reaches the program at all: where it does not, no comparison could tell anything."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from whet.program.spec import TargetKind, TargetSpec
from whet.prove.sandbox import Program, Sandbox

PYTHON = shlex.quote(sys.executable)
FILES = {
    "app.py": "print(1)\n",
    "imports.py": "import app\n",
    "starts.py": "import subprocess, sys\nsubprocess.run([sys.executable, 'app.py'], check=True)\n",
    "runs.py": "import runpy\nrunpy.run_path('app.py')\n",
    "copies.py": "import shutil\nshutil.copy('app.py', 'copy.py')\nimport copy\nimport app\n",
    "idle.py": "print(2)\n",
    "spawns.py": (
        "import multiprocessing\nimport app\n\n"
        "if __name__ == '__main__':\n    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.map(abs, [-1]))\n"
    ),
}


def ask(folder: Path, *, script: str = "", line: str = "", edited: str = "app.py") -> str:
    """Run the program once, as it is, and return why an edited file would not reach it."""
    project = folder / "project"
    project.mkdir()
    for name, text in FILES.items():
        (project / name).write_text(text)
    spec = TargetSpec(TargetKind.SCRIPT, script, (), str(project)) if script else None
    originals = {str(project / edited): (project / edited).read_bytes()}
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    sandbox = Sandbox(Program(sys.executable, str(project), spec, line), originals, folder / "session", environ)
    (folder / "session").mkdir()
    assert sandbox.open(120).status == 0
    return sandbox.why_not_exchanged(originals.keys())


@pytest.mark.parametrize("script", ["app.py", "imports.py", "runs.py", "copies.py"])
def test_what_a_script_imports_and_the_script_itself_are_exchanged(tmp_path: Path, script: str) -> None:
    assert ask(tmp_path, script=script) == ""


@pytest.mark.skipif(os.name == "nt", reason="a line for a POSIX shell")
def test_a_module_is_exchanged_whatever_starts_the_interpreter(tmp_path: Path) -> None:
    assert ask(tmp_path, line=f"{PYTHON} -m app | cat") == ""


def test_a_script_that_starts_itself_in_children_is_exchanged_where_it_can_be(tmp_path: Path) -> None:
    assert ask(tmp_path, script="spawns.py", edited="spawns.py") == ""


def test_a_script_that_the_program_starts_is_not(tmp_path: Path) -> None:
    why = ask(tmp_path, script="starts.py")
    assert why.startswith("app.py is started by the shell or by another program, where it cannot be exchanged")
    assert "--workload 'python app.py'" in why


@pytest.mark.skipif(os.name == "nt", reason="a line for a POSIX shell")
def test_a_script_that_the_shell_starts_is_not(tmp_path: Path) -> None:
    assert ask(tmp_path, line=f"{PYTHON} app.py | cat").startswith("app.py is started by the shell")


def test_a_file_that_nothing_imports_is_not(tmp_path: Path) -> None:
    why = "Python's import system did not load app.py: the program does not run it, or loads it in its own way, as "
    assert ask(tmp_path, script="idle.py") == f"{why}pytest does with tests"
