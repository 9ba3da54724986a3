from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from whet.errors import TargetError
from whet.program import ask, kept_answers
from whet.program.ask import Answer, ask_interpreter

POSIX = pytest.mark.skipif(os.name == "nt", reason="made of shell scripts and links")
LONG_AGO = 1_600_000_000


@pytest.fixture
def starts(monkeypatch):
    """The programs that were started to be asked."""
    started: list[str] = []
    run = subprocess.run

    def note(words, **options):
        started.append(words[0])
        return run(words, **options)

    monkeypatch.setattr(ask.subprocess, "run", note)
    return started


@pytest.fixture
def environment(make_environment, tmp_path) -> Path:
    """An environment that was made long ago."""
    folder = make_environment()
    settle(folder)
    return folder


def settle(folder: Path, at: float = LONG_AGO) -> None:
    """Let everything in ``folder`` look as if it had been changed last at a time long past."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            os.utime(path, (at, at))


def site_packages_of(environment: Path) -> Path:
    (found,) = environment.glob("[Ll]ib/**/site-packages")
    return found


def kept(own_cache: Path) -> list[Path]:
    return sorted((own_cache / "whet" / "interpreters").glob("*"))


def test_interpreter_is_asked_once(environment, python_of, own_cache, starts):
    first = ask_interpreter(python_of(environment))
    assert starts == [str(python_of(environment))]
    assert ask_interpreter(python_of(environment)) == first
    assert len(starts) == 1
    (file,) = kept(own_cache)
    if os.name == "posix":
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700


def test_fresh_environment_is_asked_until_it_has_settled(make_environment, python_of, own_cache, starts):
    """What is installed a moment later may leave the folder with the same time of change."""
    environment = make_environment()
    for _ in range(2):
        ask_interpreter(python_of(environment))
    assert len(starts) == 2
    assert kept(own_cache) == []


def install(environment: Path) -> None:
    package = site_packages_of(environment) / "numba"
    package.mkdir()
    (package / "__init__.py").touch()


def link_folder(environment: Path) -> None:
    package = environment.parent / "src" / "numba"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (site_packages_of(environment) / "numba.pth").write_text(str(package.parent))


def hide_site_packages(environment: Path) -> None:
    site_packages_of(environment).rename(environment / "aside")


def share_system_packages(environment: Path) -> None:
    settings = environment / "pyvenv.cfg"
    settings.write_text(settings.read_text().replace("system-site-packages = false", "system-site-packages = true"))


@pytest.mark.parametrize("change", [install, link_folder, hide_site_packages, share_system_packages])
def test_change_of_the_environment_is_seen(environment, python_of, starts, change):
    ask_interpreter(python_of(environment))
    change(environment)
    answer = ask_interpreter(python_of(environment))
    assert len(starts) == 2
    assert answer == ask_anew(python_of(environment))


def ask_anew(path: Path) -> Answer:
    """Ask with an environment in which nothing was asked before."""
    return ask_interpreter(path, {**os.environ, "PYTHON_NOTHING": os.urandom(8).hex()})


def test_edited_path_file_is_seen(environment, python_of, starts, tmp_path):
    """Editing a file leaves its folder as it is."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "other" / "numba.py").touch()
    (tmp_path / "other" / "numba").mkdir()
    (tmp_path / "other" / "numba" / "__init__.py").touch()
    file = site_packages_of(environment) / "own.pth"
    file.write_text(str(tmp_path / "one"))
    settle(tmp_path)
    assert ask_interpreter(python_of(environment)).libraries == ()
    file.write_text(str(tmp_path / "other"))
    os.utime(site_packages_of(environment), (LONG_AGO, LONG_AGO))
    assert ask_interpreter(python_of(environment)).libraries == ("numba",)
    assert len(starts) == 2


def test_package_that_went_from_where_a_hook_had_found_it_is_seen(
    environment, python_of, starts, tmp_path, monkeypatch
):
    """As an editable install, whose files lie in a folder that is on no path."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # the hook's bytecode would be a change too
    package = tmp_path / "src" / "numba"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    hook = f"""
import importlib.machinery, os, sys
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "numba" and os.path.exists({str(package)!r}):
            return importlib.machinery.PathFinder.find_spec(name, [{str(package.parent)!r}])
sys.meta_path.append(Finder)
"""
    (site_packages_of(environment) / "sitecustomize.py").write_text(hook)
    settle(tmp_path)
    for _ in range(2):
        assert ask_interpreter(python_of(environment)).libraries == ("numba",)
    assert len(starts) == 1
    package.rename(tmp_path / "gone")
    assert ask_interpreter(python_of(environment)).libraries == ()


def test_other_variables_are_another_question(environment, python_of, starts, tmp_path):
    package = tmp_path / "lib" / "numba"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    settle(tmp_path)
    plain, extended = dict(os.environ), {**os.environ, "PYTHONPATH": str(tmp_path / "lib")}
    for _ in range(2):
        assert ask_interpreter(python_of(environment), plain).libraries == ()
        assert ask_interpreter(python_of(environment), extended).libraries == ("numba",)
        assert ask_interpreter(python_of(environment), {**plain, "UNRELATED": "1"}).libraries == ()
    assert len(starts) == 2


def test_relative_path_is_another_question_in_another_folder(environment, python_of, starts, tmp_path, monkeypatch):
    package = tmp_path / "here" / "numba"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (tmp_path / "there").mkdir()
    settle(tmp_path)
    environ = {**os.environ, "PYTHONPATH": "."}
    for _ in range(2):
        for folder, libraries in (("here", ("numba",)), ("there", ())):
            monkeypatch.chdir(tmp_path / folder)
            assert ask_interpreter(python_of(environment), environ).libraries == libraries
    assert len(starts) == 2


def test_another_whet_asks_anew(environment, python_of, starts, monkeypatch):
    ask_interpreter(python_of(environment))
    monkeypatch.setattr(kept_answers, "__version__", "0.0.0")
    ask_interpreter(python_of(environment))
    assert len(starts) == 2


@POSIX
def test_exchanged_interpreter_is_asked_anew(environment, python_of, starts):
    python = python_of(environment)
    ask_interpreter(python)
    python.unlink()
    python.write_text("#!/bin/sh\nexit 3\n")
    python.chmod(0o755)
    with pytest.raises(TargetError, match="exit status 3"):
        ask_interpreter(python)


NESTED = "(" * 5_000
DAMAGE = {
    "nothing": b"",
    "cut": b'{"format": 1, "said": "{',
    "no text": b"\xff\xfe\x00",
    "nested": b"[" * 100_000,
    "other shape": b'{"format": 1, "said": 7, "looks": []}',
    "other format": b'{"format": 2, "said": "{}", "looks": {}}',
    "no answer": b'{"format": 1, "said": "__import__(\'os\')", "looks": {}}',
    "nested answer": json.dumps({"format": 1, "said": NESTED, "looks": {}}).encode(),
    "odd answer": b'{"format": 1, "said": "{\'executable\': []}", "looks": {}}',
    "odd paths": b'{"format": 1, "said": "{}", "looks": {"\\u0000": null, "": [1, 2], "/": "x"}}',
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_answer_is_asked_for_anew_and_replaced(environment, python_of, own_cache, starts, damage):
    expected = ask_interpreter(python_of(environment))
    (file,) = kept(own_cache)
    whole = file.read_bytes()
    file.write_bytes(damage)
    assert ask_interpreter(python_of(environment)) == expected
    assert len(starts) == 2
    assert file.read_bytes() == whole


def test_answer_of_another_program_is_not_believed(environment, python_of, own_cache, starts, tmp_path):
    ask_interpreter(python_of(environment))
    (file,) = kept(own_cache)
    entry = json.loads(file.read_text())
    evil = tmp_path / "evil"
    evil.write_text("#!/bin/sh\n")
    entry["said"] = entry["said"].replace(repr(str(python_of(environment))), repr(str(evil)))
    assert str(evil) in entry["said"]
    file.write_text(json.dumps(entry))
    assert ask_interpreter(python_of(environment)).executable == str(python_of(environment))
    assert len(starts) == 2


@POSIX
@pytest.mark.parametrize("kind", ["pipe", "folder", "link"])
def test_odd_thing_in_the_place_of_an_answer_is_no_matter(environment, python_of, own_cache, starts, kind):
    expected = ask_interpreter(python_of(environment))
    (file,) = kept(own_cache)
    file.unlink()
    make = {"pipe": os.mkfifo, "folder": os.mkdir, "link": lambda path: path.symlink_to("/nowhere")}
    make[kind](file)
    assert ask_interpreter(python_of(environment)) == expected
    assert len(starts) == 2


def test_cache_that_cannot_be_written_is_no_matter(environment, python_of, own_cache, starts):
    (own_cache / "whet").touch()
    for _ in range(2):
        ask_interpreter(python_of(environment))
    assert len(starts) == 2


def test_the_oldest_answers_go(environment, python_of, own_cache, monkeypatch):
    monkeypatch.setattr(kept_answers, "MOST_KEPT", 3)
    files: list[Path] = []
    for number in range(5):
        ask_interpreter(python_of(environment), {**os.environ, "PYTHON_NUMBER": str(number)})
        (new,) = set(kept(own_cache)) - set(files)
        os.utime(new, (LONG_AGO + number, LONG_AGO + number))
        files.append(new)
    assert kept(own_cache) == sorted(files[-3:])


@POSIX
@pytest.mark.parametrize("start", ["exec", 'exec -a "$0"'], ids=["under its own name", "under the script's name"])
def test_script_that_starts_an_interpreter_is_asked_each_time(make_environment, python_of, starts, tmp_path, start):
    """As pyenv's, which start what the folder and the environment say."""
    shell = shutil.which("bash")
    if shell is None:
        pytest.skip("no bash")
    pythons = {name: python_of(make_environment(name)) for name in ("one", "other")}
    settle(tmp_path)
    shim = tmp_path / "shims" / "python"
    shim.parent.mkdir()
    shim.write_text(f'#!{shell}\n{start} "{tmp_path}/$CHOSEN/bin/python" "$@"\n')
    shim.chmod(0o755)
    settle(shim.parent)
    for name in ("one", "other", "one"):
        answer = ask_interpreter(shim, {**os.environ, "CHOSEN": name})
        assert answer.executable == str(shim if "-a" in start else pythons[name])
    assert len(starts) == 3


@POSIX
def test_program_that_starts_another_interpreter_is_asked_each_time(python_of, own_cache, starts, tmp_path):
    """As the launchers of some version managers: no scripts, but what answers calls itself otherwise."""
    environment = tmp_path / "copied"
    venv.EnvBuilder(symlinks=False).create(environment)
    text = "import os, sys\nsys.executable = os.environ['CHOSEN']\n"
    (site_packages_of(environment) / "sitecustomize.py").write_text(text)
    settle(tmp_path)
    for name in ("/opt/one/python", "/opt/other/python"):
        answer = ask_interpreter(python_of(environment), {**os.environ, "CHOSEN": name})
        assert answer.executable == name
    assert len(starts) == 2
    assert kept(own_cache) == []


@pytest.mark.skipif(sys.platform == "win32", reason="options cannot be given by links")
def test_flags_of_the_start_are_told(environment, python_of, tmp_path):
    plain = ask_interpreter(python_of(environment))
    assert (plain.ignores_environment, plain.no_site) == (False, False)
    for options, flags in (("-I", (True, False)), ("-S", (False, True)), ("-ES", (True, True))):
        program = tmp_path / options
        program.write_text(f'#!/bin/sh\nexec "{python_of(environment)}" {options} "$@"\n')
        program.chmod(0o755)
        answer = ask_interpreter(program)
        assert (answer.ignores_environment, answer.no_site) == flags
