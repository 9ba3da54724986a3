from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from whet.errors import TargetError
from whet.target.interpreter import choose_interpreter, find_environment, locate_interpreter

POSIX = pytest.mark.skipif(os.name == "nt", reason="made of shell scripts and links")


def environ_with(*folders: Path, **variables: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "HOME") if name in os.environ}
    return {**kept, "PATH": os.pathsep.join(map(str, folders)), **variables}


def find_interpreter(explicit: str | None, environ: dict[str, str], cwd: Path) -> tuple[Path, str]:
    choice = choose_interpreter(explicit, environ, cwd)
    return choice.path, choice.why


def test_order(make_environment, python_of, tmp_path):
    named, active, conda, project, on_path = (
        make_environment(name) for name in ("named", "active", "conda", "p/.venv", "path")
    )
    cwd = tmp_path / "p" / "deep"
    cwd.mkdir()
    (tmp_path / "p" / "pyproject.toml").touch()
    environ = environ_with(python_of(on_path).parent, VIRTUAL_ENV=str(active), CONDA_PREFIX=str(conda))

    assert find_interpreter(str(named), environ, cwd) == (python_of(named), "--python")
    assert find_interpreter(None, environ, cwd) == (python_of(active), "VIRTUAL_ENV")
    del environ["VIRTUAL_ENV"]
    assert find_interpreter(None, environ, cwd) == (python_of(conda), "CONDA_PREFIX")
    del environ["CONDA_PREFIX"]
    assert find_interpreter(None, environ, cwd) == (python_of(project), "the project's .venv")
    assert find_interpreter(None, environ, tmp_path) == (python_of(on_path), "the first Python on PATH")
    assert find_interpreter(None, environ_with(), tmp_path) == (Path(sys.executable), "whet's own")


def test_own_environment_on_path_does_not_count(make_environment, python_of, tmp_path):
    if sys.prefix == sys.base_prefix:
        pytest.skip("the tests do not run in a virtual environment")
    other = make_environment("other")
    environ = environ_with(Path(sys.executable).parent, python_of(other).parent)
    assert find_interpreter(None, environ, tmp_path)[0] == python_of(other)


@POSIX
def test_broken_candidates_are_passed_over_with_the_reason(make_environment, python_of, fake_python, tmp_path):
    gone = tmp_path / "gone"
    (gone / "bin").mkdir(parents=True)
    (gone / "bin" / "python").symlink_to(tmp_path / "nowhere")
    old = fake_python("old/python", version=[3, 9, 18])
    other = fake_python("pypy/python", implementation="pypy")
    good = make_environment("good")
    environ = environ_with(old.parent, other.parent, python_of(good).parent, VIRTUAL_ENV=str(gone))

    path, why = find_interpreter(None, environ, tmp_path)

    assert path == python_of(good)
    assert why.startswith("the first Python on PATH (passed over VIRTUAL_ENV: ")
    assert "a link to an interpreter that is gone" in why
    assert "Python 3.9.18" in why
    assert "pypy" in why


@POSIX
@pytest.mark.parametrize(
    ("changes", "says"),
    [({"version": [3, 10, 0]}, "3.11 or newer"), ({"implementation": "pypy"}, "CPython only")],
)
def test_named_interpreter_that_will_not_do_is_an_error(fake_python, tmp_path, changes, says):
    with pytest.raises(TargetError, match=says):
        find_interpreter(str(fake_python(**changes)), environ_with(), tmp_path)


@POSIX
def test_named_interpreter_that_is_broken_is_an_error(tmp_path):
    program = tmp_path / "python"
    program.symlink_to(tmp_path / "nowhere")
    with pytest.raises(TargetError, match="gone"):
        find_interpreter(str(program), environ_with(), tmp_path)
    program.unlink()
    program.write_text("#!/bin/sh\necho no use >&2\nexit 3\n")
    with pytest.raises(TargetError, match="may not be executed"):
        find_interpreter(str(program), environ_with(), tmp_path)
    program.chmod(0o755)
    with pytest.raises(TargetError, match=r"exit status 3: no use"):
        find_interpreter(str(program), environ_with(), tmp_path)


@POSIX
def test_hostile_answer_is_an_error(tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho 'whet-host {\"version\": __import__}'\n")
    program.chmod(0o755)
    with pytest.raises(TargetError, match="no description"):
        find_interpreter(str(program), environ_with(), tmp_path)


@pytest.mark.parametrize("name", ["", "3.99", "no-such-python", "./nowhere/python"])
def test_name_that_is_nowhere_is_an_error(tmp_path, name):
    with pytest.raises(TargetError):
        find_interpreter(name, environ_with(), tmp_path)


def test_folder_without_python_is_an_error(tmp_path):
    with pytest.raises(TargetError, match="holds no Python"):
        locate_interpreter(str(tmp_path), environ_with(), tmp_path)


@POSIX
def test_version_and_name_are_looked_up_on_path(fake_python, tmp_path):
    program = fake_python("some/python3.47", version=[3, 47, 0])
    environ = environ_with(program.parent)
    assert locate_interpreter("3.47", environ, tmp_path) == program
    assert locate_interpreter("python3.47", environ, tmp_path) == program


@POSIX
def test_version_that_pyenv_keeps_unselected_is_found(make_environment, python_of, tmp_path):
    shims, version = tmp_path / "pyenv" / "shims", make_environment("pyenv/versions/3.47.2")
    (version / "bin" / "python3.47").symlink_to("python")
    shims.mkdir()
    shim = shims / "python3.47"
    shim.write_text("#!/bin/sh\necho 'pyenv: python3.47: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    environ = environ_with(shims, PYENV_ROOT=str(tmp_path / "pyenv"))
    assert locate_interpreter("3.47", environ, tmp_path) == version / "bin" / "python3.47"


@POSIX
def test_shim_is_seen_through(make_environment, python_of, tmp_path):
    real = python_of(make_environment())
    shim = tmp_path / "shims" / "python"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{real}" "$@"\n')
    shim.chmod(0o755)
    choice = choose_interpreter(None, environ_with(shim.parent), tmp_path)
    assert choice.path == real
    assert choice.why == "the first Python on PATH"


def test_environment_is_looked_for_up_to_the_root(make_environment, tmp_path):
    make_environment(".venv")
    project = tmp_path / "project"
    member = project / "packages" / "one"
    member.mkdir(parents=True)
    (project / ".git").mkdir()
    (member / "pyproject.toml").touch()
    assert find_environment(member) is None  # the one above lies outside the project
    inside = make_environment("project/.venv")
    assert find_environment(member) == inside  # a workspace: past the member's own pyproject.toml
    assert find_environment(tmp_path) == tmp_path / ".venv"


def test_no_environment_without_its_mark(tmp_path):
    (tmp_path / ".venv").mkdir()
    assert find_environment(tmp_path) is None
