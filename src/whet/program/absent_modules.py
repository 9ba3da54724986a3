"""Which modules a program imports that its interpreter does not have, and which interpreter has them.

The program's last words are its own: whet does not read them. So it looks at what the program's source imports when
it starts, and asks the interpreter, once the program has failed, whether it finds that.
"""

from __future__ import annotations

import ast
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from whet.errors import TargetError
from whet.model.source import Notice
from whet.program.ask import ask_for_modules
from whet.program.environments import find_environment, is_trusted_environment, python_of_environment
from whet.program.host import TargetHost
from whet.program.interpreter import see_through, walk_path
from whet.program.newer_python import list_installed
from whet.program.spec import TargetKind, TargetSpec

_MOST_BYTES = 1_000_000
_MOST_NAMES = 200
_MOST_NAMED = 3
_MODULES = frozenset({".py", ".pyc", ".so", ".pyd"})
_SECONDS = 5.0
_MOST_SECONDS = 10.0
"""For one interpreter, and for all of them: the user waits for their prompt."""


def explain_absent_modules(spec: TargetSpec, host: TargetHost, environ: Mapping[str, str], cwd: Path) -> Notice | None:
    """Return which modules the interpreter lacks and another has, with the command that runs the program on that one.

    ``None`` where it lacks none, or no other has them all. Starts the interpreters that it asks.
    """
    chosen = Path(host.interpreter.path)
    try:
        absent = _list_absent(chosen, list_imports(spec), environ)
        owners = list(_find_owners(absent, host, environ, cwd)) if absent else []
    except OSError:  # a folder that may not be looked into
        return None
    if not owners:
        return None
    modules, has = ", ".join(absent), "has" if len(owners) == 1 else "have"
    it = "it" if len(absent) == 1 else "them"
    named = ", ".join(map(str, owners[:_MOST_NAMED]))
    return Notice("interpreter", f"{chosen} has no module {modules}; {named} {has} {it}", _repeat(spec, owners[0]))


def list_imports(spec: TargetSpec) -> list[str]:
    """Return the modules from elsewhere that a program imports in any case when it starts, by their first names.

    Followed are the program's own modules, those beside it. Imports in ``try``, ``if`` and functions do not count:
    the program may do without.
    """
    directory = Path(spec.directory)
    file = directory / spec.name
    match spec.kind:
        case TargetKind.CODE:
            return _follow(spec.name, directory)
        case TargetKind.MODULE if all(part.isidentifier() for part in spec.name.split(".")):
            return _follow(f"import {spec.name}, {spec.name}.__main__", directory)
        case TargetKind.SCRIPT if file.is_dir():
            return _follow(_read(file / "__main__.py"), file)
        case TargetKind.SCRIPT:
            return _follow(_read(file), file.resolve().parent)
        case _:  # the first line of a console script names the interpreter that has its modules
            return []


def _follow(source: str, root: Path) -> list[str]:
    """Collect imports from ``source``, and from the modules under ``root`` that it imports in turn."""
    absent: dict[str, None] = {}
    seen: set[Path] = set()
    waiting = [(source, root)]
    left = _MOST_BYTES
    while waiting and left > 0:
        text, package = waiting.pop()
        left -= len(text)
        for name, level in _list_statements(text):
            parts = name.split(".")
            if not level and not _is_own(parts[0], root):
                absent[parts[0]] = None
                continue
            for end in range(1, len(parts) + 1):
                found = _find_source(Path(package if level else root, *parts[:end]))
                if found is not None and found not in seen:
                    seen.add(found)
                    waiting.append((_read(found), found.parent))
    return list(absent)[:_MOST_NAMES]


def _list_statements(source: str) -> Iterator[tuple[str, int]]:
    """Yield ``(module, level)`` of the imports among the statements of a module itself, level 0 or 1."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for statement in body:
        match statement:
            case ast.Import(names=names):
                yield from ((alias.name, 0) for alias in names)
            case ast.ImportFrom(module=None, names=names, level=1):
                yield from ((alias.name, 1) for alias in names)
            case ast.ImportFrom(module=str(module), level=0 | 1 as level):
                yield module, level


def _find_source(module: Path) -> Path | None:
    for file in (module / "__init__.py", module.with_name(f"{module.name}.py")):
        if file.is_file():
            return file
    return None


def _is_own(name: str, root: Path) -> bool:
    """Whether the program's own folder has such a module: source or compiled, or a package without ``__init__.py``."""
    suffixes = {file.suffix for file in root.glob(f"{name}.*")}
    return not suffixes.isdisjoint(_MODULES) or any((root / name).glob("*.py"))


def _read(file: Path) -> str:
    if not file.is_file():  # a pipe has been read by the program
        return ""
    with file.open("rb") as opened:
        return opened.read(_MOST_BYTES).decode("utf-8-sig", "replace")


def _list_absent(python: Path, names: list[str], environ: Mapping[str, str]) -> list[str]:
    if not names:
        return []
    try:
        known = ask_for_modules(python, names, environ, _SECONDS).known
    except TargetError:
        return []
    return [name for name in names if name not in known]


def _find_owners(absent: list[str], host: TargetHost, environ: Mapping[str, str], cwd: Path) -> Iterator[Path]:
    """Yield the interpreters that have all of ``absent``, each environment once."""
    prefixes = {host.prefix}
    asked: set[Path] = set()
    end = time.monotonic() + _MOST_SECONDS
    for path in _list_candidates(environ, cwd):
        place = path.parent.resolve() / path.resolve().name
        if place in asked or not path.is_file() or time.monotonic() > end:
            continue
        asked.add(place)
        with suppress(TargetError):
            answer = ask_for_modules(path, absent, environ, _SECONDS)
            if answer.prefix not in prefixes and not answer.unsuitable:
                prefixes.add(answer.prefix)
                if answer.known.issuperset(absent):
                    yield see_through(path, answer)


def _list_candidates(environ: Mapping[str, str], cwd: Path) -> Iterator[Path]:
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if environ.get(variable):
            yield python_of_environment(Path(environ[variable]))
    for name in (".venv", "venv", "env"):
        environment = find_environment(cwd, name)
        if environment is not None and is_trusted_environment(environment):
            yield python_of_environment(environment)
    yield Path(sys.executable)
    yield from walk_path(environ)
    yield from (file for _, file in sorted(list_installed(environ), reverse=True))


def _repeat(spec: TargetSpec, python: Path) -> str:
    named = ["--", str(python)] if spec.options else ["--python", str(python)]
    return shlex.join(["whet", "run", *named, *spec.words])
