"""What the words after ``whet run`` name: a script, a module, code, or a console script of the environment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from whet.errors import TargetError, UsageError
from whet.program.environments import is_same_python
from whet.program.explain import WAYS, explain_refusal
from whet.program.host import TargetHost
from whet.program.interpreter import check_interpreter, choose_interpreter
from whet.program.probe import describe_choice
from whet.program.program import SOURCE_SUFFIXES, is_program
from whet.program.python_words import names_python, read_python_command
from whet.program.shebang import interpreter_of_script
from whet.program.spec import TargetKind, TargetSpec


def choose_target(
    words: Sequence[str],
    module: str | None,
    code: str | None,
    *,
    python: str | None,
    environ: Mapping[str, str],
    cwd: Path,
    timed: bool = False,
) -> tuple[TargetHost, TargetSpec]:
    """Decide which program runs on which interpreter. One that is only ``timed`` may run on an older one.

    ``python`` (``--python``) wins. Else an interpreter that the words name
    (``-- python3 x.py``), else the one that a console script was installed for,
    else the one of ``choose_interpreter``.

    Raises ``UsageError`` and ``TargetError``.
    """
    named = names_python(words) if module is None and code is None else None
    if python is None and named is not None:
        return _host_of(named, f"named on the command line ({named})", environ, cwd), parse_words(words, cwd)
    choice = choose_interpreter(python, environ, cwd, timed=timed)
    host = describe_choice(choice)
    spec = parse_target(words, module, code, host, cwd, environ=environ)
    if python is None and spec.kind is TargetKind.CONSOLE_SCRIPT:
        installed_for = interpreter_of_script(cwd / spec.name)
        if installed_for is not None and not is_same_python(installed_for, Path(host.interpreter.path)):
            why = f"{Path(spec.name).name} was installed for it"
            host = describe_choice(replace(check_interpreter(installed_for, why, environ), obvious=False))
    return host, spec


def parse_target(
    words: Sequence[str],
    module: str | None,
    code: str | None,
    host: TargetHost,
    cwd: Path,
    *,
    environ: Mapping[str, str] | None = None,
) -> TargetSpec:
    """Return the program that ``words`` name; with ``module`` or ``code``, all of them are its arguments.

    Raises ``UsageError`` when nothing is named, ``TargetError`` when what is named is not there or is no Python
    program.
    """
    directory = str(cwd)
    if module is not None and code is not None:
        raise UsageError("-m and -c do not go together")
    if module is not None:
        if not module.strip():
            raise UsageError("-m needs the name of a module")
        return TargetSpec(TargetKind.MODULE, module, tuple(words), directory)
    if code is not None:
        return TargetSpec(TargetKind.CODE, code, tuple(words), directory)
    if not words:
        raise UsageError("nothing to run is named", WAYS)
    if names_python(words):
        return parse_words(words, cwd)
    name, args = words[0], tuple(words[1:])
    if name == "-":
        return TargetSpec(TargetKind.INPUT, name, args, directory)
    if is_program(cwd / name):
        return TargetSpec(_kind_of(cwd / name, host), name, args, directory)
    variables = os.environ if environ is None else environ
    if Path(name).name == name and not name.endswith(SOURCE_SUFFIXES):
        found = find_console_script(name, host, variables)
        if found is not None:
            return TargetSpec(TargetKind.CONSOLE_SCRIPT, str(found), args, directory)
    raise explain_refusal(name, host, cwd, variables.get("PATH"))


def parse_words(words: Sequence[str], cwd: Path) -> TargetSpec:
    """Return the program named by a command that starts Python, as ``python -X dev x.py``.

    Raises ``TargetError`` when it names none, or a script that is not there.
    """
    command = read_python_command(words)
    if command.module is not None:
        return TargetSpec(TargetKind.MODULE, command.module, command.args, str(cwd), command.options)
    if command.code is not None:
        return TargetSpec(TargetKind.CODE, command.code, command.args, str(cwd), command.options)
    script = command.script or ""
    if script == "-":
        return TargetSpec(TargetKind.INPUT, script, command.args, str(cwd), command.options)
    if not is_program(cwd / script, heed_shebang=False):
        raise explain_refusal(script, None, cwd)
    return TargetSpec(TargetKind.SCRIPT, script, command.args, str(cwd), command.options)


def find_console_script(name: str, host: TargetHost, environ: Mapping[str, str]) -> Path | None:
    """Return the Python console script called ``name``: of the host's environment first, then on PATH."""
    folders = [host.scripts, environ.get("PATH", os.defpath)]
    for candidate in _list_commands(name, folders):
        if interpreter_of_script(candidate) is not None:
            return candidate
        real = _see_through_pyenv(candidate, name, environ)
        if real is not None and interpreter_of_script(real) is not None:
            return real
    return None


def _list_commands(name: str, paths: Sequence[str]) -> Iterator[Path]:
    for path in paths:
        found = shutil.which(name, path=path) if path else None
        if found:
            yield Path(found)


def _see_through_pyenv(shim: Path, name: str, environ: Mapping[str, str]) -> Path | None:
    """Return what a pyenv shim starts, by asking pyenv; ``None`` if it is no shim or pyenv knows no such command."""
    if shim.parent.name != "shims" or not (shim.parent.parent / "versions").is_dir():
        return None
    import subprocess

    pyenv = shutil.which("pyenv", path=environ.get("PATH")) or str(shim.parent.parent / "bin" / "pyenv")
    try:
        done = subprocess.run(
            [pyenv, "which", name],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=dict(environ),
            check=False,
        )
    except OSError:
        return None
    said = done.stdout.strip()
    return Path(said) if done.returncode == 0 and said else None


def _kind_of(path: Path, host: TargetHost) -> TargetKind:
    """Tell a console script that is named by its path: it lies beside the Python that it names."""
    if path.suffix in SOURCE_SUFFIXES or not path.is_file():
        return TargetKind.SCRIPT
    installed_for = interpreter_of_script(path)
    if installed_for is not None and installed_for.parent.resolve() == path.absolute().parent.resolve():
        return TargetKind.CONSOLE_SCRIPT
    if host.scripts and path.absolute().parent == Path(host.scripts) and installed_for is not None:
        return TargetKind.CONSOLE_SCRIPT
    return TargetKind.SCRIPT


def _host_of(name: str, why: str, environ: Mapping[str, str], cwd: Path) -> TargetHost:
    path = cwd / name if Path(name).name != name else shutil.which(name, path=environ.get("PATH"))
    if path is None:
        raise TargetError(f"there is no {name} on PATH", "name the interpreter with --python, and the script alone")
    return describe_choice(check_interpreter(Path(path), why, environ))
