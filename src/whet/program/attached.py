"""The interpreter that a running process is, and what lies around it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from whet.errors import UsageError, WhetError
from whet.model.run import Interpreter
from whet.program.ask import ask_interpreter
from whet.program.host import TargetHost
from whet.program.naming import parse_target
from whet.program.probe import describe_bare_host
from whet.program.process import RunningProcess, read_environment
from whet.program.python_words import names_python, read_python_command
from whet.program.roots import find_program_roots
from whet.program.spec import TargetKind, TargetSpec
from whet.program.tools import find_tool

_SAID = re.compile(r"^Python v(\d+)\.(\d+)\.(\d+)", re.MULTILINE)
_IN_PATH = re.compile(r"python(\d)\.(\d+)")
_DUMP_SECONDS = 20


def find_host(process: RunningProcess) -> TargetHost:
    """Describe the interpreter that ``process`` is.

    It is asked itself where whet sees the same file and the process belongs to
    the same user: what another user calls Python must not be run with our
    rights. Else only its path and version are known, and the folders of its
    libraries are told by their names. Never fails: what is unknown stays empty.
    """
    why = f"process {process.pid} runs on it"
    for path in _list_candidates(process) if process.is_ours else ():
        with contextlib.suppress(WhetError):
            return describe_bare_host(path, why, ask_interpreter(path, _plain_environment()))
    version = _ask_sampler(process.pid) or _guess_version(process.executable)
    # The words that started it tell the environment where the file's own path tells the base installation.
    named = process.command[0] if process.command else ""
    path_shown = named if Path(named).is_absolute() and names_python([named]) else process.executable
    whole = (*version, 0, 0, 0)
    interpreter = Interpreter(path_shown, ".".join(map(str, version)), why=why)
    return TargetHost(interpreter, (whole[0], whole[1], whole[2]), "")


def find_spec(process: RunningProcess) -> TargetSpec:
    """Return the program that ``process`` was started as; an empty script where its words do not tell."""
    words = process.command
    if names_python(words):
        with contextlib.suppress(WhetError):
            said = read_python_command(words)
            if said.module is not None:
                return TargetSpec(TargetKind.MODULE, said.module, said.args, process.directory, said.options)
            if said.code is not None:
                return TargetSpec(TargetKind.CODE, said.code, said.args, process.directory, said.options)
            return TargetSpec(TargetKind.SCRIPT, said.script or "", said.args, process.directory, said.options)
    return TargetSpec(TargetKind.SCRIPT, "", (), process.directory)


_STARTS_WORKER = ("from multiprocessing.", "from billiard.", "from multiprocess.", "from loky.", "from joblib.")
"""How the code begins that starts a process of a pool: it is the library's, not the user's."""


def find_own_program(process: RunningProcess, spec: TargetSpec, host: TargetHost) -> tuple[str, ...]:
    """Return what is the program itself although it lies where dependencies do; see ``find_program_roots``."""
    if spec.kind is TargetKind.CODE and spec.name.startswith(_STARTS_WORKER):
        return ()
    if process.root is not None or not process.directory:
        return ("<string>",) if spec.kind is TargetKind.CODE else ()
    if spec.kind is TargetKind.SCRIPT and spec.name:
        with contextlib.suppress(WhetError, UsageError):
            spec = parse_target([spec.name, *spec.args], None, None, host, Path(process.directory))
    return find_program_roots(spec, host)


def _list_candidates(process: RunningProcess) -> Iterator[Path]:
    """Yield paths of the interpreter, those that belong to an environment first; all are the file that runs."""
    running = Path(f"/proc/{process.pid}/exe")
    named = process.command[0] if process.command else ""
    guesses: list[str | None] = []
    if named and names_python([named]):
        if "/" in named:
            guesses.append(str(Path(process.directory) / named))
        else:
            guesses.append(shutil.which(named, path=read_environment(process.pid).get("PATH")))
    if process.is_python:
        guesses.append(process.executable)
    for guess in guesses:
        with contextlib.suppress(OSError):
            if guess and Path(guess).is_absolute() and Path(guess).samefile(running):
                yield Path(guess)


def _plain_environment() -> dict[str, str]:
    """Return our environment without what would change the answer of an interpreter that is not ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def _ask_sampler(pid: int) -> tuple[int, ...]:
    """Let py-spy read the version from the process's memory, without stopping it."""
    tool = find_tool("py-spy")
    if tool is None:
        return ()
    try:
        done = subprocess.run(
            [str(tool), "dump", "--nonblocking", "--pid", str(pid)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_DUMP_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = _SAID.search(done.stdout.decode("utf-8", "replace"))
    return (int(found[1]), int(found[2]), int(found[3])) if found else ()


def _guess_version(executable: str) -> tuple[int, ...]:
    found = _IN_PATH.search(executable.rpartition("/")[2])
    return (int(found[1]), int(found[2])) if found else ()
