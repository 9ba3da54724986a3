"""Runs whet's own commands for agents and editors: with progress, ended with all they started.

What measures runs alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import anyio

import whet
from whet.records import dataclass

if TYPE_CHECKING:
    from anyio.abc import ByteReceiveStream, ByteSendStream, Process

Tell = Callable[[float, float | None, str], Awaitable[None]]
"""Takes the progress, the whole if it is known, and what is being done."""
TICK_SECONDS = 1.0
END_SECONDS = 5.0
MOST_BYTES = 64_000_000
_COMMAND = (
    f"import sys; sys.path.append({str(Path(whet.__file__).parents[1])!r}); from whet.cli.main import main; main()"
)


class CommandError(Exception):
    """A command that failed, with what it said."""


@dataclass(slots=True)
class Output:
    """The end of what came from a stream, and the size of all of it in bytes."""

    data: bytearray
    size: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """A command that ended: its exit status, negative after a signal, and what it printed."""

    status: int
    stdout: Output
    stderr: Output


class Commands:
    """Runs commands in a project. What measures runs alone: two at once would measure one another."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._alone = anyio.Lock()
        self._running: set[Process] = set()

    async def measure(self, words: Sequence[str], tell: Tell, *, doing: str, seconds: float) -> Done:
        """Run a command that measures, when no other one does. ``seconds`` is its expected time."""
        if self._alone.locked():
            await tell(0.0, None, "waiting for another measurement to end")
        async with self._alone:
            return await self.run(words, tell, doing=doing, seconds=seconds)

    async def run(self, words: Sequence[str], tell: Tell, *, doing: str, seconds: float, stdin: bytes = b"") -> Done:
        """Run a command of whet's. It is ended, with all that it started, when it is cancelled."""
        process = await anyio.open_process(
            [sys.executable, "-P", "-c", _COMMAND, *words],
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.root,
            env={**os.environ, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
            start_new_session=True,
        )
        self._running.add(process)
        stdout, stderr = Output(bytearray()), Output(bytearray())
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_show_time, tell, doing, seconds)
                async with anyio.create_task_group() as readers:
                    assert process.stdout is not None
                    assert process.stderr is not None
                    readers.start_soon(_read, process.stdout, stdout)
                    readers.start_soon(_read, process.stderr, stderr)
                    if process.stdin is not None:
                        readers.start_soon(_write, process.stdin, stdin)
                status = await process.wait()
                group.cancel_scope.cancel()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await _end(process)
            raise
        finally:
            self._running.discard(process)
        return Done(status, stdout, stderr)

    def end_all(self) -> None:
        """End what runs, where there is no time to wait: on a signal."""
        for process in self._running:
            _send(process, signal.SIGTERM)


async def _show_time(tell: Tell, doing: str, seconds: float) -> None:
    began = monotonic()
    while True:
        await anyio.sleep(TICK_SECONDS)
        spent = monotonic() - began
        # The whole is a guess: progress must not pass it.
        await tell(spent, max(seconds, spent + 1), f"{doing}, {spent:.0f} s")


async def _read(stream: ByteReceiveStream, output: Output) -> None:
    async for chunk in stream:
        output.size += len(chunk)
        output.data += chunk
        if len(output.data) > MOST_BYTES:
            del output.data[: len(output.data) - MOST_BYTES // 2]


async def _write(stream: ByteSendStream, data: bytes) -> None:
    # A command that refuses to start reads nothing.
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        await stream.send(data)
    with contextlib.suppress(OSError):
        await stream.aclose()


async def _end(process: Process) -> None:
    """End a command: whet ends its programs when it is asked to, and where it does not, all of its group is killed."""
    _send(process, signal.SIGTERM)
    with anyio.move_on_after(END_SECONDS):
        await process.wait()
    _send(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    await process.aclose()


def _send(process: Process, number: int) -> None:
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)
        else:
            process.terminate()
