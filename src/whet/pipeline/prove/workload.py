"""What is run to prove a rewrite: the saved run's command, or the one that the user gives instead."""

from __future__ import annotations

import base64
import os
import re
import shlex
from dataclasses import replace
from pathlib import Path

from whet.errors import TargetError, UsageError, WhetError
from whet.model.masking import MASK
from whet.model.run import ENDED_BY_DURATION, INTERRUPTED, Purpose, Run
from whet.pipeline.serve.port import place_port
from whet.program.program import is_program
from whet.program.python_words import names_python, read_python_command
from whet.program.spec import TargetKind, TargetSpec
from whet.prove.sandbox import Program
from whet.prove.serving import PORT

NAME_ONE = "give a command that terminates: whet prove --workload 'python app.py --once'"
SERVE = "of a server: whet prove --load FILE, with requests to send; else " + NAME_ONE
_FOR_THE_SHELL = re.compile(r"[|&;<>$`*?~(){}\[\]#\n]")


def make_program(
    run: Run,
    folder: Path,
    *,
    workload: str = "",
    setup: str = "",
    cleanup: str = "",
    spec: TargetSpec | None = None,
    is_served: bool = False,
) -> tuple[Program, tuple[str, ...]]:
    """Return what to run, and notes on what the runs lack.

    ``spec`` is the program as it was given, if still known; ``folder`` takes the
    recorded standard input. Raises ``UsageError`` where the run cannot be repeated as it was.
    """
    if workload:
        return _read_workload(run, workload, setup, cleanup), ()
    _refuse_unrepeatable(run, spec, is_served)
    if spec is None:
        spec = _read_spec(run)
    stdin, notes = _find_input(run, folder)
    # How a server ends is up to whoever ends it.
    status = run.executions[0].exit_status if run.executions and not is_served else None
    program = Program(run.interpreter.path, run.directory, spec, "", stdin, setup, cleanup, status)
    return program, notes


def add_port(program: Program) -> Program:
    """Return a server that takes the port of each run. Raises ``UsageError`` where that has no place."""
    spec = program.spec
    if spec is not None:
        return replace(program, spec=replace(spec, args=place_port((spec.name, *spec.args))[1:]))
    if PORT not in program.line:
        return replace(program, line=shlex.join(place_port(shlex.split(program.line))))
    return program


def refuse_unrepeatable(
    run: Run, *, workload: str = "", spec: TargetSpec | None = None, is_served: bool = False
) -> None:
    """Raise the error of :func:`make_program` for a program that cannot be run, before anything is announced.

    ``is_served``: it is a server, which whet sends requests and ends.
    """
    if workload:
        _read_workload(run, workload, "", "")
    else:
        _refuse_unrepeatable(run, spec, is_served)


def can_be_repeated(run: Run) -> bool:
    """Return whether the run's own command can be run again, as far as the run shows."""
    try:
        _refuse_unrepeatable(run)
    except WhetError as error:
        return not isinstance(error, UsageError)
    return True


def _refuse_unrepeatable(run: Run, spec: TargetSpec | None = None, is_served: bool = False) -> None:
    first = run.executions[0] if run.executions else None
    if first is None and spec is not None:
        return  # never measured, but known as it was given
    if first is None or first.purpose is Purpose.ATTACH:
        raise UsageError("whet attached to this program and does not know how to start it", NAME_ONE)
    if not is_served and first.stopped.startswith(ENDED_BY_DURATION):
        raise UsageError("the program does not end by itself: it was stopped by --duration", SERVE)
    if not is_served and (first.signal or first.stopped == INTERRUPTED):
        raise UsageError("the measured run was interrupted, so it cannot serve as a baseline", SERVE)
    if run.stdin.kind == "stream":
        raise UsageError(
            "the program read a pipe or a terminal, which cannot be read twice",
            "put the input into a file: whet run … < FILE, or whet prove --workload 'python app.py < FILE'",
        )
    if spec is None and run.has_hidden_arguments and not run.arguments:
        raise UsageError(
            "the command contained a secret, which is not saved with the run",
            f"give the command again, with the secret for {MASK}: whet prove --workload {_quote_command(run)}; "
            "or measure again with `whet run --keep-arguments`, which saves the arguments as they are",
        )
    if not Path(run.directory).is_dir():
        raise TargetError(f"the run's folder no longer exists: {run.directory}", "re-run `whet run` in its new place")


def _quote_command(run: Run) -> str:
    return shlex.quote(shlex.join(["python", *run.command]))


def _read_spec(run: Run) -> TargetSpec:
    command = read_python_command(["python", *(run.arguments or run.command)])
    if command.module is not None:
        return TargetSpec(TargetKind.MODULE, command.module, command.args, run.directory, command.options)
    if command.code is not None:
        return TargetSpec(TargetKind.CODE, command.code, command.args, run.directory, command.options)
    kind = TargetKind.INPUT if command.script == "-" else TargetKind.SCRIPT
    return TargetSpec(kind, command.script or "", command.args, run.directory, command.options)


def _find_input(run: Run, folder: Path) -> tuple[Path | None, tuple[str, ...]]:
    kept = run.stdin
    if kept.kind != "file":
        return None, ()
    if kept.sha256:
        path = folder / "stdin"
        try:
            path.write_bytes(base64.b64decode(kept.data, validate=True))
        except ValueError as error:
            raise UsageError("the run's standard input was not saved completely", "re-run `whet run`") from error
        return path, ()
    if kept.file and Path(kept.file).is_file():
        return Path(kept.file), ()
    return None, ("standard input was a file that no longer exists: the runs got an empty one",)


def _read_workload(run: Run, workload: str, setup: str, cleanup: str) -> Program:
    """Parse a line as the shell would; if it starts Python, the program's own script can be a rewritten one."""
    directory = run.directory if Path(run.directory).is_dir() else str(Path.cwd())
    program = Program(run.interpreter.path, directory, None, workload, None, setup, cleanup)
    line, stdin = _split_redirection(workload)
    if os.name == "nt" or _FOR_THE_SHELL.search(line.replace(PORT, "")):
        return program
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"--workload cannot be read: {error}", "quote it as for a shell") from error
    if not words:
        raise UsageError("--workload is empty", NAME_ONE)
    python = run.interpreter.path
    if (named := names_python(words)) is not None:
        python = named if Path(named).name != named else python
    elif is_program(Path(directory, words[0])):
        words = ["python", *words]
    else:
        return program
    command = read_python_command(words)
    kind, name = TargetKind.SCRIPT, command.script or ""
    if command.module is not None:
        kind, name = TargetKind.MODULE, command.module
    elif command.code is not None:
        kind, name = TargetKind.CODE, command.code
    spec = TargetSpec(kind, name, command.args, directory, command.options)
    return Program(python, directory, spec, "", Path(directory, stdin) if stdin else None, setup, cleanup)


def _split_redirection(line: str) -> tuple[str, str]:
    """Split ``< FILE`` off the end of a line."""
    match = re.fullmatch(r"([^<]*[^<\s])\s*<\s*([^\s<>|&;$`*?]+)\s*", line)
    return (match[1], match[2]) if match else (line, "")
