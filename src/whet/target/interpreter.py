"""Which interpreter runs the target: what was asked for, else what the user's shell and project mean by ``python``."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from whet.errors import TargetError
from whet.target.ask import Answer, ask_interpreter

_VERSION = re.compile(r"\d(\.\d+)?t?")
_PROJECT_MARKS = ("pyproject.toml", "setup.py", "setup.cfg")


@dataclass(frozen=True, slots=True)
class Choice:
    """An interpreter that works, why it was chosen, and what it said about itself."""

    path: Path
    why: str
    answer: Answer


def choose_interpreter(explicit: str | None, environ: Mapping[str, str], cwd: Path) -> Choice:
    """Return the target's interpreter, why it is that one, and the answer that it gave on the way.

    The order: ``explicit`` (``--python``), ``VIRTUAL_ENV``, ``CONDA_PREFIX``, the
    project's ``.venv``, the first Python on PATH that is not whet's own
    environment, whet's own.

    Raises ``TargetError``: ``explicit`` is not there, does not work, or is no
    CPython 3.11 or newer. Other candidates that do not work are passed over, and
    the reason says so.
    """
    if explicit is not None:
        return check_interpreter(locate_interpreter(explicit, environ, cwd), "--python", environ)
    skipped: list[str] = []
    for path, why, optional in _list_candidates(environ, cwd):
        if optional and _is_own(path):
            continue
        try:
            choice = check_interpreter(path, why, environ)
        except TargetError as error:
            skipped.append(f"{why}: {error.message}")
            continue
        if optional and _same_folder(choice.answer.prefix, sys.prefix):
            continue
        return _with_skipped(choice, skipped)
    return _with_skipped(check_interpreter(Path(sys.executable), "whet's own", environ), skipped)


def check_interpreter(path: Path, why: str, environ: Mapping[str, str] | None = None) -> Choice:
    """Ask ``path`` what it is, and see that whet can measure on it; a shim is replaced by what it starts.

    Raises ``TargetError`` when it cannot.
    """
    answer = ask_interpreter(path, environ)
    if answer.unsuitable:
        raise TargetError(f"{path} will not do: {answer.unsuitable}", "name another interpreter with --python")
    return Choice(_see_through(path, answer), why, answer)


def locate_interpreter(name: str, environ: Mapping[str, str], cwd: Path) -> Path:
    """Return the interpreter that ``name`` means: a path, an environment's folder, ``3.12``, or a name on PATH.

    Raises ``TargetError`` when there is none.
    """
    if not name.strip():
        raise TargetError("--python names nothing", "give a path, or a version such as 3.13")
    path = (cwd / Path(name).expanduser()).absolute()
    if path.is_dir():
        inside = _python_in(path)
        if inside is None:
            raise TargetError(f"the folder {name} holds no Python", "give an environment's folder or an interpreter")
        return inside
    if path.is_file() or path.is_symlink() or Path(name).name != name:
        return path
    wanted = f"python{name}" if _VERSION.fullmatch(name) else name
    for found in _walk_path(environ, (wanted,)):
        # A shim of a version that is installed but not selected only says so.
        if _starts(found, environ):
            return found
    for found in _list_managed(wanted, environ):
        return found
    launched = _ask_launcher(wanted, environ)
    if launched is not None:
        return launched
    raise TargetError(f"there is no {wanted} on PATH", "give the path of an interpreter: --python /path/to/python")


def python_of_environment(prefix: Path) -> Path:
    """Return where an environment at ``prefix`` has its interpreter, whether or not it is there."""
    found = _python_in(prefix)
    if found is not None:
        return found
    return prefix / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def find_environment(cwd: Path) -> Path | None:
    """Return the project's ``.venv``, looked for from ``cwd`` upwards to the project's root.

    The root is the folder with ``.git``; without one, the nearest folder with a
    ``pyproject.toml`` or ``setup.py``; without that, ``cwd`` itself.
    """
    folders = [cwd, *cwd.parents]
    root = next((folder for folder in folders if (folder / ".git").exists()), None)
    if root is None:
        root = next((folder for folder in folders if any((folder / mark).is_file() for mark in _PROJECT_MARKS)), cwd)
    for folder in folders:
        if (folder / ".venv" / "pyvenv.cfg").is_file():
            return folder / ".venv"
        if folder == root:
            return None
    return None


def _list_candidates(environ: Mapping[str, str], cwd: Path) -> Iterator[tuple[Path, str, bool]]:
    """Yield (path, why, whether whet's own environment does not count)."""
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = environ.get(variable)
        if prefix:
            yield python_of_environment(Path(prefix)), variable, False
    environment = find_environment(cwd)
    if environment is not None:
        yield python_of_environment(environment), "the project's .venv", False
    for path in _walk_path(environ, ("python", "python3")):
        yield path, "the first Python on PATH", True


def _walk_path(environ: Mapping[str, str], names: tuple[str, ...]) -> Iterator[Path]:
    for folder in dict.fromkeys(environ.get("PATH", os.defpath).split(os.pathsep)):
        # A relative entry would make the choice depend on the current folder.
        if not folder or not Path(folder).is_absolute():
            continue
        for name in names:
            found = shutil.which(name, path=folder)
            if found:
                yield Path(found)


def _python_in(prefix: Path) -> Path | None:
    inside = (
        ("Scripts/python.exe", "python.exe", "bin/python.exe") if os.name == "nt" else ("bin/python", "bin/python3")
    )
    for name in inside:
        candidate = prefix / name
        if candidate.is_file() or candidate.is_symlink():
            return candidate
    return None


def _starts(path: Path, environ: Mapping[str, str]) -> bool:
    try:
        ask_interpreter(path, environ)
    except TargetError:
        return False
    return True


def _list_managed(name: str, environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield interpreters called ``name`` that pyenv keeps, the newest first."""
    home = environ.get("PYENV_ROOT") or str(Path(environ.get("HOME") or Path.home()) / ".pyenv")
    versions = Path(home) / "versions"
    if not versions.is_dir():
        return
    for version in sorted(versions.iterdir(), key=lambda folder: _sort_key(folder.name), reverse=True):
        candidate = version / "bin" / name
        if candidate.is_file():
            yield candidate


def _sort_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _ask_launcher(name: str, environ: Mapping[str, str]) -> Path | None:
    """Ask the Windows launcher (``py``) for a version."""
    if os.name != "nt" or not name.startswith("python"):
        return None
    launcher = shutil.which("py", path=environ.get("PATH"))
    if launcher is None:
        return None
    import subprocess

    done = subprocess.run(
        [launcher, f"-{name.removeprefix('python')}", "-c", "import sys; print(sys.executable)"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout.strip()
    return Path(said) if done.returncode == 0 and said else None


def _see_through(path: Path, answer: Answer) -> Path:
    """Return what is really started: a shim is a script that starts something else."""
    real = Path(answer.executable)
    if real == path or not real.is_file():
        return path.absolute()
    try:
        with path.open("rb") as file:
            is_script = file.read(2) == b"#!"
        same = real.resolve() == path.resolve()
    except OSError:
        return path.absolute()
    return real if is_script or not same else path.absolute()


def _is_own(path: Path) -> bool:
    """Whether ``path`` lies in whet's own environment (told without starting it)."""
    if sys.prefix == sys.base_prefix:
        return False
    return _same_folder(str(path.parent), str(Path(sys.executable).parent))


def _same_folder(one: str, other: str) -> bool:
    return os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other))


def _with_skipped(choice: Choice, skipped: list[str]) -> Choice:
    if not skipped:
        return choice
    return Choice(choice.path, f"{choice.why} (passed over {'; '.join(skipped)})", choice.answer)
