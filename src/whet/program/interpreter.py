"""Which interpreter runs the target: what was asked for, else what the user's shell and project mean by ``python``."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from whet.errors import TargetError
from whet.program.ask import Answer, ask_interpreter, name_unsuitable
from whet.program.environments import (
    find_environment,
    find_python,
    is_own_folder,
    is_same_path,
    is_same_python,
    is_trusted_environment,
    lives_in_tool,
    python_of_environment,
)
from whet.records import dataclass
from whet.trust import HINT

_VERSION = re.compile(r"\d(\.\d+)?t?")
_ACTIVE = ("VIRTUAL_ENV", "CONDA_PREFIX")
_ON_PATH = "the first Python on PATH"


@dataclass(frozen=True, slots=True)
class Choice:
    """An interpreter that works, why it was chosen, and what it said about itself.

    ``obvious`` is false where it may not be the one that the user means: neither
    asked for, nor of the activated environment, nor what ``python`` starts here.
    """

    path: Path
    why: str
    answer: Answer
    obvious: bool = True


def choose_interpreter(explicit: str | None, environ: Mapping[str, str], cwd: Path, *, timed: bool = False) -> Choice:
    """Return the target's interpreter, why it is that one, and the answer that it gave on the way.

    The order: ``explicit`` (``--python``), ``VIRTUAL_ENV``, ``CONDA_PREFIX``, the
    project's ``.venv``, whet's own. Where whet lives in an environment that a tool
    made for it alone (pipx, uv, pre-commit), that environment is none of the
    program's: it does not count as the activated one, which pre-commit makes it,
    and comes last, behind the first Python on PATH.

    Raises ``TargetError``: ``explicit`` is not there, does not work, or is no
    CPython 3.11 or newer; for programs that are only ``timed``, no CPython or
    PyPy 3.8 or newer. Other candidates that do not work are passed over, and
    the reason says so.
    """
    if explicit is not None:
        path, answer = _locate(explicit, environ, cwd)
        return check_interpreter(path, "--python", environ, answer, timed=timed)
    skipped: list[str] = []
    environment = find_environment(cwd)
    if environment is not None and not is_trusted_environment(environment):
        hint = HINT.format(shlex.quote(str(environment.parent)))
        skipped.append(f"the project's .venv: it belongs to another user; {hint}")
    for path, why, optional in _list_candidates(environ, cwd):
        if optional and is_own_folder(path):
            continue
        try:
            choice = check_interpreter(path, why, environ)
        except TargetError as error:
            skipped.append(f"{why}: {error.message}")
            continue
        if optional and is_same_path(choice.answer.prefix, sys.prefix):
            continue
        obvious = why in _ACTIVE or _is_meant_by_python((path, choice.path), environ)
        return _with_skipped(replace(choice, obvious=obvious), skipped)
    last = check_interpreter(Path(sys.executable), "whet's own", environ)
    return _with_skipped(replace(last, obvious=False), skipped)


def check_interpreter(
    path: Path,
    why: str,
    environ: Mapping[str, str] | None = None,
    answer: Answer | None = None,
    *,
    timed: bool = False,
) -> Choice:
    """Ask ``path`` what it is, unless it has answered already, and see that whet can measure on it.

    A shim is replaced by what it starts. Raises ``TargetError`` when whet cannot.
    """
    answer = answer or ask_interpreter(path, environ)
    unsuitable = name_unsuitable(answer, timed=timed)
    if unsuitable:
        raise TargetError(f"{path} cannot be used: {unsuitable}", "name another interpreter with --python")
    return Choice(see_through(path, answer), why, answer)


def locate_interpreter(name: str, environ: Mapping[str, str], cwd: Path) -> Path:
    """Return the interpreter that ``name`` means: a path, an environment's folder, ``3.12``, or a name on PATH.

    Raises ``TargetError`` when there is none.
    """
    return _locate(name, environ, cwd)[0]


def _locate(name: str, environ: Mapping[str, str], cwd: Path) -> tuple[Path, Answer | None]:
    """Do so; where it had to be asked to find out whether it works, its answer comes with it."""
    if not name.strip():
        raise TargetError("--python names nothing", "give a path, or a version such as 3.13")
    path = (cwd / Path(name).expanduser()).absolute()
    if path.is_dir():
        inside = find_python(path)
        if inside is None:
            raise TargetError(f"the folder {name} holds no Python", "give an environment's folder or an interpreter")
        return inside, None
    if path.is_file() or path.is_symlink() or Path(name).name != name:
        return path, None
    wanted = f"python{name}" if _VERSION.fullmatch(name) else name
    for found in walk_path(environ, (wanted,)):
        # A shim of a version that is installed but not selected only says so.
        with suppress(TargetError):
            return found, ask_interpreter(found, environ)
    for found in _list_managed(wanted, environ):
        return found, None
    launched = _ask_launcher(wanted, environ)
    if launched is not None:
        return launched, None
    raise TargetError(f"there is no {wanted} on PATH", "give the path of an interpreter: --python /path/to/python")


def _list_candidates(environ: Mapping[str, str], cwd: Path) -> Iterator[tuple[Path, str, bool]]:
    """Yield (path, why, whether whet's own environment does not count)."""
    in_tool = lives_in_tool()
    for variable in _ACTIVE:
        prefix = environ.get(variable)
        if prefix and not (in_tool and is_same_path(prefix, sys.prefix)):
            yield python_of_environment(Path(prefix)), variable, False
    environment = find_environment(cwd)
    if environment is not None and is_trusted_environment(environment):
        yield python_of_environment(environment), "the project's .venv", False
    if not in_tool:
        yield Path(sys.executable), "the environment that whet is installed in", False
    for path in walk_path(environ):
        yield path, _ON_PATH, True


def _is_meant_by_python(paths: tuple[Path, ...], environ: Mapping[str, str]) -> bool:
    """Whether ``python``, typed in the user's shell, starts one of ``paths``: told without starting any."""
    first = next(walk_path(environ), None)
    return first is not None and any(is_same_python(first, path) for path in paths)


def walk_path(environ: Mapping[str, str], names: tuple[str, ...] = ("python", "python3")) -> Iterator[Path]:
    """Yield the programs on PATH that are called ``names``, in the order in which a shell would take them."""
    for folder in dict.fromkeys(environ.get("PATH", os.defpath).split(os.pathsep)):
        # A relative entry would make the choice depend on the current folder.
        if not folder or not Path(folder).is_absolute():
            continue
        for name in names:
            found = shutil.which(name, path=folder)
            if found:
                yield Path(found)


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


def see_through(path: Path, answer: Answer) -> Path:
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


def _with_skipped(choice: Choice, skipped: list[str]) -> Choice:
    if not skipped:
        return choice
    return replace(choice, why=f"{choice.why} (passed over {'; '.join(skipped)})", obvious=False)
