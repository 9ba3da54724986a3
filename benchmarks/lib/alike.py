"""Runs an odd program plainly and under whet, in the same folder, and names every difference."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lib.odd.program import Program

WHETS_OWN = {".whet", "whet-report.html"}
"""What whet leaves in a program's folder."""
ERRORS = "errors"
"""A program on a terminal has stderr in this file, where it is not there too."""
SECONDS = 120
MOST_SHOWN = 6
REFUSED = 125
"""Whet's exit status where it does not run a program."""
LIVE_LINE = re.compile(rb"\r?\n\x1b7\x1b\[1;\d+r\x1b8\x1b\[1A|\x1b7.*?\x1b8")
"""How whet draws its line below the program's, and takes it away."""
ADDRESS = r"0x[0-9a-f]{6,}"


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a command: exit status as the shell has it, streams, files by path, seconds."""

    status: int
    stdout: bytes
    stderr: bytes
    files: Mapping[str, bytes]
    seconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a program fared: ``same``, ``refused`` or ``said`` (both in words), ``different`` or ``absent``, and why."""

    program: Program
    kind: str
    why: str = ""
    was_measured: bool = False


def judge(program: Program, python: str, whet: Sequence[str], folder: Path, cache: Path) -> Verdict:
    """Run a program plainly and under whet, and compare."""
    environ = make_environment(program, cache, Path(python).parent)
    try:
        plain = run(program, [python, *program.words], folder, environ)
    except OSError as error:  # no terminals, as in a bare chroot
        return Verdict(program, "absent", f"cannot be run here: {error}")
    under = run(program, put_under_whet(program, python, whet), folder, environ)
    was_measured = (folder / ".whet" / "runs").is_dir()
    differences = list(find_differences(program, plain, under))
    # On a terminal that has all streams, whet's words are among the program's.
    words = (under.stdout * bool(program.typed) + under.stderr).decode("utf-8", "replace")
    refusal = re.search(r"^whet: error: .*", words, re.MULTILINE)
    if not differences:
        return Verdict(program, "same", was_measured=was_measured)
    if (
        under.status == REFUSED
        and refusal
        and "a bug in whet" not in refusal[0]
        and (program.typed or not under.stdout)
    ):
        return Verdict(program, "refused", refusal[0], was_measured)
    if program.says and re.search(program.says, " ".join(words.split())):
        return Verdict(program, "said", program.says, was_measured)
    return Verdict(program, "different", "\n".join(differences[:MOST_SHOWN]), was_measured)


def make_environment(program: Program, cache: Path, scripts: Path) -> dict[str, str]:
    """Return the environment of both runs: nothing that traces, warns or colours but what the program has set."""
    dropped = ("PYTHON", "COV_", "COVERAGE", "VIRTUAL_ENV", "CONDA_PREFIX", "FORCE_COLOR", "TTY_", "MAKE", "NO_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    path = f"{scripts}{os.pathsep}{kept.get('PATH', '')}"
    changed = {**kept, "XDG_CACHE_HOME": str(cache), "TERM": "xterm", "PATH": path, **program.env}
    return {name: value for name, value in changed.items() if value is not None}


def put_under_whet(program: Program, python: str, whet: Sequence[str]) -> list[str]:
    """Return the command that runs the program under whet as a person would write it."""
    words = program.words
    # What the program's interpreter is told by variables is not for the one that whet runs on.
    own = [sys.executable, "-E"] if any(name.startswith("PYTHON") for name in program.env) else []
    start = [*own, *whet, "run", "--python", python]
    is_bare = not words and "<(" not in program.shell and " pipe" not in program.shell
    if is_bare or (words and words[0].startswith("-") and words[0] not in ("-m", "-c", "-")):
        return [*start, "--", python, *words]
    return [*start, *words]


def run(program: Program, command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Ran:
    """Run a command in ``folder`` as it is written new."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in program.list_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    words = ["bash", "-c", program.shell, "bash", *command] if program.shell else list(command)
    began = time.monotonic()
    start = run_on_terminal if program.typed else run_on_pipes
    status, stdout, stderr = start(program, words, folder, environ)
    seconds = time.monotonic() - began
    files = read_files(folder)
    stderr += files.pop(ERRORS, b"")
    return Ran(128 - status if status < 0 else status, stdout, stderr, files, seconds)


def run_on_pipes(
    program: Program, words: Sequence[str], folder: Path, environ: Mapping[str, str]
) -> tuple[int, bytes, bytes]:
    """Run a command whose streams are pipes; its output may go on after its end, in a child of its own."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    start = {"cwd": folder, "env": environ, "process_group": 0, "preexec_fn": heed_hangup}
    with subprocess.Popen(words, **start, **pipes) as process:
        try:
            said = b""
            if program.send:
                while b"ready" not in said and (piece := os.read(process.stdout.fileno(), 1000)):
                    said += piece
                time.sleep(0.2)  # that it waits already
                os.kill(process.pid, program.send)
            stdout, stderr = process.communicate(program.stdin, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            end_group(process.pid)
            stdout, stderr = process.communicate()
            return -999, said + stdout, stderr
        return process.returncode, said + stdout, stderr


def run_on_terminal(
    program: Program, words: Sequence[str], folder: Path, environ: Mapping[str, str]
) -> tuple[int, bytes, bytes]:
    """Run a command on a terminal of its own, typing what the program waits for."""
    ours, its = os.openpty()
    process = subprocess.Popen(
        words,
        cwd=folder,
        env=environ,
        start_new_session=True,
        preexec_fn=lambda: (heed_hangup(), os.login_tty(its)),  # noqa: PLW1509
        pass_fds=[its],
    )
    os.close(its)
    said, seen, deadline = b"", 0, time.monotonic() + SECONDS
    typed = [(awaited.encode(), keys.encode()) for awaited, keys in program.typed if awaited]
    with contextlib.suppress(OSError):  # the last one has closed it
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.1)[0]:
                if not (piece := os.read(ours, 10_000)):
                    break
                said += piece
            if typed and (at := said.find(typed[0][0], seen)) >= 0:
                seen = at + len(typed[0][0])
                time.sleep(0.1)  # that it reads already
                os.write(ours, typed.pop(0)[1])
    if time.monotonic() >= deadline:
        end_group(process.pid)
    os.close(ours)
    return process.wait(), said, b""


def heed_hangup() -> None:
    """Undo what ``nohup`` does to a process: the benchmark may run for hours, and programs wait for this signal."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def end_group(pid: int) -> None:
    """End a command and what it started, unless that left its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the files in ``folder`` by path, but for whet's; of compiled code only the names."""
    found = {}
    for path in sorted(Path(os.fsdecode(each)) for each in folder.rglob("*")):
        name = path.relative_to(folder)
        if name.parts[0] in WHETS_OWN or path.is_dir() or path.is_fifo() or path.is_symlink():
            continue
        found[str(name)] = b"" if path.suffix == ".pyc" or name.parts[0] in ("out", "C") else path.read_bytes()
    return found


def find_differences(program: Program, plain: Ran, under: Ran) -> Iterator[str]:
    """Yield what a program did under whet that it does not do plainly, or the other way round."""

    def normalize(text: bytes) -> list[str]:
        lines = re.sub(rf"{program.vary}|{ADDRESS}", "*", text.decode("utf-8", "replace")).split("\n")
        return lines if program.ordered else sorted(lines)

    if under.status != plain.status:
        yield f"exit status {under.status}, plainly {plain.status}"
    said, expected = normalize(under.stdout), normalize(plain.stdout)
    if program.typed:
        said = normalize(LIVE_LINE.sub(b"", under.stdout))
    if "2>&1" in program.shell or (program.typed and "2>" not in program.shell):
        # Whet's own report comes after what the program has written.
        expected = expected[:-1]
        said = said[: len(expected)]
    if said != expected:
        yield f"stdout {show_first(said, expected)}"
    own = under.stderr.splitlines(keepends=True)
    count = len(plain.stderr.splitlines())
    said, expected = normalize(b"".join(own[:count])), normalize(plain.stderr)
    if said != expected and [line.strip() for line in said] != [line.strip() for line in expected]:
        yield f"stderr {show_first(said, expected)}"
    if b"Traceback" in b"".join(own[count:]):
        yield f"a traceback of whet's: {b''.join(own[count:])[-600:].decode(errors='replace')}"
    for name in sorted(plain.files.keys() | under.files.keys()):
        ours, theirs = under.files.get(name), plain.files.get(name)
        if ours is None or theirs is None or normalize(ours) != normalize(theirs):
            how = "is missing" if ours is None else "is left" if theirs is None else "differs"
            yield f"file {name} {how}"


def show_first(said: Sequence[str], expected: Sequence[str]) -> str:
    """Return the first line that differs, both ways."""
    for number in range(max(len(said), len(expected))):
        one = said[number] if number < len(said) else "(end)"
        other = expected[number] if number < len(expected) else "(end)"
        if one != other:
            at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
            start = max(0, at - 60)
            return f"line {number + 1}: {one[start : start + 200]!r}, plainly {other[start : start + 200]!r}"
    return "the same"
