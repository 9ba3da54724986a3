from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import whet
from whet.errors import TargetError
from whet.program import interpreter
from whet.program.environments import find_environment, is_tool_environment
from whet.program.interpreter import choose_interpreter, locate_interpreter

POSIX = pytest.mark.skipif(os.name == "nt", reason="made of shell scripts and links")


def environ_with(*folders: Path, **variables: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "HOME") if name in os.environ}
    return {**kept, "PATH": os.pathsep.join(map(str, folders)), **variables}


def find_interpreter(explicit: str | None, environ: dict[str, str], cwd: Path) -> tuple[Path, str]:
    choice = choose_interpreter(explicit, environ, cwd)
    return choice.path, choice.why


@pytest.fixture
def whet_in(monkeypatch, python_of):
    """Let whet live in an environment, which one of ``marks`` makes a tool's own."""

    def move(environment: Path, *marks: str) -> Path:
        for mark in marks:
            (environment / mark).touch()
        monkeypatch.setattr(sys, "prefix", str(environment))
        monkeypatch.setattr(sys, "executable", str(python_of(environment)))
        return python_of(environment)

    return move


def test_order(make_environment, python_of, whet_in, tmp_path):
    named, active, conda, project, on_path, home = (
        make_environment(name) for name in ("named", "active", "conda", "p/.venv", "path", "home")
    )
    own = whet_in(home)
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
    assert find_interpreter(None, environ, tmp_path) == (own, "the environment that whet is installed in")


@pytest.mark.parametrize("mark", ["uv-receipt.toml", "pipx_metadata.json", ".install_state_v2", ".prek-hook.json"])
def test_environment_of_a_tool_is_not_the_programs(make_environment, python_of, whet_in, tmp_path, mark):
    own, other = whet_in(make_environment("tool"), mark), python_of(make_environment("other"))
    environ = environ_with(own.parent, other.parent)
    assert find_interpreter(None, environ, tmp_path) == (other, "the first Python on PATH")
    assert find_interpreter(None, environ_with(own.parent), tmp_path) == (own, "whet's own")
    # As pre-commit and prek do, which say that the hook's environment is the activated one.
    environ["VIRTUAL_ENV"] = str(tmp_path / "tool")
    assert find_interpreter(None, environ, tmp_path) == (other, "the first Python on PATH")
    project = make_environment(".venv")
    assert find_interpreter(None, environ, tmp_path) == (python_of(project), "the project's .venv")
    environ["VIRTUAL_ENV"] = str(tmp_path / "other")
    assert find_interpreter(None, environ, tmp_path) == (other, "VIRTUAL_ENV")


@POSIX
def test_link_to_the_environment_of_a_tool_is_no_other(make_environment, python_of, whet_in, tmp_path):
    whet_in(make_environment("tool"), "uv-receipt.toml")
    other, link = python_of(make_environment("other")), tmp_path / "link"
    link.symlink_to(tmp_path / "tool")
    environ = environ_with(python_of(link).parent, other.parent, VIRTUAL_ENV=str(link))
    assert find_interpreter(None, environ, tmp_path) == (other, "the first Python on PATH")


def test_active_environment_counts_where_whet_is_installed_in_it(make_environment, whet_in, tmp_path):
    environment = make_environment("active")
    own = whet_in(environment)
    assert find_interpreter(None, environ_with(VIRTUAL_ENV=str(environment)), tmp_path) == (own, "VIRTUAL_ENV")


@pytest.mark.parametrize(
    ("folder", "settings", "is_tool"),
    [
        ("cache/archive-v0/SnDWgbrE8wASx2MX", "uv = 0.9.1\nrelocatable = true\n", True),
        ("cache/archive-v12/SnDWgbrE8wASx2MX", "uv=0.9.1\n", True),
        ("cache/archive-v0/SnDWgbrE8wASx2MX", "", False),
        ("cache/builds-v0/.tmpyibSy6", "uv = 0.9.1\nextends-environment = /srv/project/.venv\n", False),
        ("project/.venv", "uv = 0.9.1\nrelocatable = true\n", False),
    ],
)
def test_environments_of_uvx_are_told_by_where_they_lie(make_environment, tmp_path, folder, settings, is_tool):
    environment = make_environment(folder)
    with (environment / "pyvenv.cfg").open("a") as file:
        file.write(settings)
    assert is_tool_environment(environment) is is_tool


@pytest.mark.parametrize("mark", [None, "pipx_metadata.json"])
def test_whet_that_is_called_by_path(make_environment, python_of, tmp_path, mark):
    """Really started in an environment that is not activated."""
    environment, other = make_environment("env"), make_environment("other")
    (site_packages,) = environment.glob("[Ll]ib/**/site-packages")
    (site_packages / "whet.pth").write_text(str(Path(whet.__file__).parents[1]))
    if mark:
        (environment / mark).touch()
    code = """
import os, pathlib
from whet.program.interpreter import choose_interpreter
choice = choose_interpreter(None, os.environ, pathlib.Path.cwd())
print(choice.path, choice.obvious)
"""
    environ = environ_with(python_of(other).parent)
    done = subprocess.run(
        [python_of(environment), "-c", code], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
    )
    expected = (python_of(other), True) if mark else (python_of(environment), False)
    assert done.stdout.split() == list(map(str, expected))


def test_obvious_is_what_was_asked_for_or_activated_or_what_python_means(
    make_environment, python_of, fake_python, whet_in, tmp_path
):
    own, other = whet_in(make_environment("home")), python_of(make_environment("other"))
    project = python_of(make_environment("p/.venv"))

    def is_obvious(environ: dict[str, str], cwd: Path = tmp_path, explicit: str | None = None) -> bool:
        return choose_interpreter(explicit, environ, cwd).obvious

    assert is_obvious(environ_with(), explicit=str(other))
    assert is_obvious(environ_with(VIRTUAL_ENV=str(tmp_path / "other")))
    assert is_obvious(environ_with(own.parent, other.parent))
    assert not is_obvious(environ_with(other.parent, own.parent))
    assert not is_obvious(environ_with())
    assert is_obvious(environ_with(project.parent), tmp_path / "p")
    assert not is_obvious(environ_with(other.parent), tmp_path / "p")
    old = fake_python("old/python", version=[3, 9, 18])
    (tmp_path / "old" / "bin").symlink_to(old.parent)
    assert not is_obvious(environ_with(own.parent, VIRTUAL_ENV=str(tmp_path / "old"))), "another was passed over"
    whet_in(tmp_path / "home", "uv-receipt.toml")
    assert is_obvious(environ_with(other.parent, own.parent))
    assert not is_obvious(environ_with(own.parent, other.parent)), "there python means whet's own"
    assert not is_obvious(environ_with())


def test_version_that_was_asked_for_is_asked_once(fake_python, tmp_path, monkeypatch):
    program = fake_python("some/python3.47", version=[3, 47, 0])
    asked = []
    ask = interpreter.ask_interpreter
    monkeypatch.setattr(interpreter, "ask_interpreter", lambda path, *rest: asked.append(path) or ask(path, *rest))
    assert find_interpreter("3.47", environ_with(program.parent), tmp_path)[1] == "--python"
    assert asked == [program]


@POSIX
def test_broken_candidates_are_passed_over_with_the_reason(make_environment, python_of, fake_python, whet_in, tmp_path):
    whet_in(make_environment("tool"), "uv-receipt.toml")
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
    assert "a link to an interpreter that no longer exists" in why
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
    with pytest.raises(TargetError, match="no longer exists"):
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
def test_shim_is_seen_through(make_environment, python_of, whet_in, tmp_path):
    whet_in(make_environment("tool"), "uv-receipt.toml")
    real = python_of(make_environment())
    shim = tmp_path / "shims" / "python"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{real}" "$@"\n')
    shim.chmod(0o755)
    choice = choose_interpreter(None, environ_with(shim.parent), tmp_path)
    assert choice.path == real
    assert choice.why == "the first Python on PATH"
    assert choice.obvious


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
