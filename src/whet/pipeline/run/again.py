"""Whether a program can be run again as it was: what it read from, what it changed, what became of it later."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from whet.collect.plan import Outcome
from whet.collect.standard_input import look_at_input, open_again, was_read
from whet.model.run import Execution, Notice, StandardInput, describe_exit
from whet.pipeline.run.notices import MUCH_WORK_NS
from whet.pipeline.run.standard_input import record_input
from whet.program.spec import TargetKind, TargetSpec

LESS_WORK = 0.5
"""A later execution with less than so much of the first one's CPU time was not the same work."""

_TWO_TOOLS = (
    "the program starts a profiler or tracer of its own, and the interpreter lets one at a time watch what runs"
)
_CLOSED = (
    "memray could not write its capture: the program closes file descriptors that it has not opened (as "
    "os.closerange does, and daemons do), or the disk is full"
)
_CAUSES = {
    "Another profiling tool is already active": _TWO_TOOLS,
    "is already in use": _TWO_TOOLS,
    "basic_filebuf": _CLOSED,
    "Failed to grow output file": _CLOSED,
}
"""What executions with a profiler inside say where the program and the profiler get into each other's way."""


class Inputs:
    """What the program is given: standard input, and files that its command names. Made before it begins."""

    def __init__(self, spec: TargetSpec) -> None:
        self.stdin: StandardInput = record_input()
        self.why_gone = ""
        """Why what the program read cannot be read again; empty where it can, or was not read."""
        self.hint = "put it into a file: whet run … < FILE"
        self.changed: tuple[str, ...] = ()
        """The files of the command that the program changed."""
        self._before = look_at_input()
        self._files = {word: state for word in _list_words(spec) if (state := _read_state(spec, word))}
        self._spec = spec
        self._is_script_gone = _is_pipe(spec)

    def judge(self) -> None:
        """See what the program has done with them; call it when the first execution has ended."""
        if self._is_script_gone:
            self.why_gone = f"the program came through {self._spec.name}, a pipe, which cannot be read twice"
            self.hint = "save it in a file, and name that"
            self.stdin = replace(self.stdin, kind="stream")
            return
        self.changed = tuple(word for word, state in self._files.items() if _read_state(self._spec, word) != state)
        file = open_again()
        if file is not None:
            file.close()
            return
        after = look_at_input()
        if was_read(self._before, after):
            kind = self._before.kind
            self.why_gone = f"standard input was {kind} and cannot be read twice"
            self.stdin = replace(self.stdin, kind="stream")
        elif self.stdin.kind == "stream":
            self.stdin = StandardInput()


def _is_pipe(spec: TargetSpec) -> bool:
    """Whether a script is no file but a pipe: a FIFO, ``<(…)``, or ``/dev/stdin`` with one behind it."""
    if spec.kind is not TargetKind.SCRIPT:
        return False
    try:
        mode = Path(spec.directory, spec.name).stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)


def ended_alike(first: Execution, later: Outcome) -> bool:
    """Whether ``later`` ended as the first execution did, as far as nobody ended it."""
    ends = (later.status, later.signal) == (first.exit_status, first.signal)
    return ends or bool(later.stopped) or later.interrupted


def explain_other_end(first: Execution, later: Outcome, said: Sequence[str]) -> str:
    """Return how ``later`` ended where the first execution did not, and why. ``said`` are its last lines on stderr."""
    ended = describe_exit(later.status, later.signal)
    for words, why in _CAUSES.items():
        if any(words in line for line in said):
            return f"{ended}: {why}"
    last = f'; its last words: "{said[-1].strip()[:200]}"' if said else ""
    return f"{ended}, the first {describe_exit(first.exit_status or 0, first.signal)}{last}"


def explain_not_again(first: Outcome) -> str:
    """Return why nothing runs again after a first execution that ended like that."""
    if first.interrupted and not first.status:
        return "was interrupted"
    return describe_exit(first.status, first.signal)


def compare_work(first: Execution, later: Outcome, name: str) -> Notice | None:
    """Return what is to be reported where ``later`` found its work done."""
    if later.stopped or later.interrupted:
        return None
    if first.cpu_ns > MUCH_WORK_NS and later.cpu_ns < LESS_WORK * first.cpu_ns:
        # Profilers only make an execution slower.
        return Notice(
            "executions",
            f"{name} took {later.cpu_ns / 1e9:.1f} s of CPU time, the first one {first.cpu_ns / 1e9:.1f} s: the "
            "program did less, and what was measured there is of less work",
            "let it start from the same state: files that it changes, caches that it fills, input that it reads",
        )
    return None


def _list_words(spec: TargetSpec) -> list[str]:
    """Return the words of the command that may name files, ``--name=FILE`` too."""
    return [part for word in spec.args for part in (word, word.partition("=")[2]) if part]


def _read_state(spec: TargetSpec, word: str) -> tuple[int, ...]:
    """Return what changes with a file; nothing for what is none."""
    try:
        info = (Path(spec.directory) / word).stat()
    except (OSError, ValueError):
        return ()
    return (info.st_mtime_ns, info.st_size, info.st_ino) if stat.S_ISREG(info.st_mode) else ()
