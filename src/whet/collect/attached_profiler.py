"""A profiler that runs beside the target and is attached to it by pid."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Sequence
from time import monotonic, perf_counter_ns

from whet.program.leash import end_with_parent
from whet.program.refusal import is_refused

START_SECONDS = 20.0
SILENT_SECONDS = 0.5
END_SECONDS = 2.0
"""How long one may take to end by itself once the program has, before it is asked to."""
STOP_SECONDS = 30.0
MAX_SAID = 200
_BEHIND = "behind in sampling"
_COUNTED = re.compile(r"Samples: (\d+) Errors: (\d+)")


class AttachedProfiler:
    """One attached profiler. What it prints is kept for the message should it fail.

    It ends when whet does, however that ends (on Linux).
    ``says_ready`` is what it prints once it has attached; empty: nothing. Where it prints ``Samples: 90 Errors: 2`` at
    its end, that is taken for what it counted, and ``behind in sampling`` for that it cannot keep up.
    """

    def __init__(self, command: Sequence[str], pid: int, *, says_ready: str = "") -> None:
        self.pid = pid
        self.says_ready = says_ready
        words = [word.replace("{pid}", str(pid)) for word in command]
        self.sampling_since = 0
        """When it said that it samples, as ``perf_counter_ns`` counts; 0 before."""
        # In a session or group of its own: Ctrl-C is for the target, and the profiler has to outlive it by a moment.
        self.process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=os.name != "nt",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            preexec_fn=end_with_parent(),  # noqa: PLW1509  one call of the kernel's
            text=True,
            errors="replace",
            env={**os.environ, "NO_COLOR": "1", "RUST_LOG": "error", "RUST_BACKTRACE": "0"},
        )
        self.said: list[str] = []
        self._is_asked = False
        self.is_behind = False
        """Whether it has said that it is a second late or more."""
        self._started = threading.Event()
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                if len(self.said) >= MAX_SAID:  # the first lines say why it failed, the last ones what it counted
                    del self.said[MAX_SAID // 2]
                self.said.append(line.rstrip())
                self.is_behind = self.is_behind or _BEHIND in line
                if self.says_ready and self.says_ready in line and not self.sampling_since:
                    self.sampling_since = perf_counter_ns()
                    self._started.set()
        self._started.set()
        self.process.wait()
        self._ended.set()

    def wait_until_sampling(self, seconds: float = START_SECONDS) -> bool:
        """Wait until the profiler has attached; ``False`` when it failed or took too long."""
        # One that says nothing is taken to sample unless it ends at once.
        ended = self._started.wait(seconds if self.says_ready else SILENT_SECONDS)
        if not self.says_ready and not ended:
            self.sampling_since = perf_counter_ns()
        return self.sampling_since > 0

    @property
    def is_running(self) -> bool:
        """Whether the profiler still runs."""
        return self.process.poll() is None

    def stop(self) -> None:
        """Ask the profiler to end and to write what it has."""
        if self.is_running:
            self._is_asked = True
            # On Windows Ctrl-C cannot be sent to one group of processes alone, Ctrl-Break can.
            with contextlib.suppress(OSError):
                self.process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT))

    def finish(self, seconds: float = STOP_SECONDS) -> int:
        """Wait for the profiler, which ends by itself soon after the target, and return its exit status.

        One that was asked to end before it had begun, and had not set up its handling of signals either, did not fail.
        """
        deadline = monotonic() + seconds
        if not self._has_ended(END_SECONDS):
            self.stop()
            if not self._has_ended(max(0.1, deadline - monotonic())):
                self.process.kill()
        # Something that it started may hold the other end of what it says: then the reader goes on.
        self._reader.join(1.0)
        status = self.process.wait()
        return 0 if status == -signal.SIGINT and self._is_asked and not self.sampling_since else status

    def _has_ended(self, seconds: float) -> bool:
        """Wait for the profiler's end so long; unlike ``Popen.wait``, without looking every 50 ms."""
        return self._ended.wait(seconds) or not self.is_running

    def kill(self) -> None:
        """End the profiler at once."""
        if self.is_running:
            self.process.kill()
        self.finish()

    @property
    def counted(self) -> tuple[int, int]:
        """How many samples it says it took, and how many failed; zeros before it has ended."""
        found = _COUNTED.search(" ".join(self.said[-5:]))
        return (int(found[1]), int(found[2])) if found else (0, 0)

    @property
    def complaint(self) -> str:
        """What the profiler said when it failed, in one line."""
        told = [line.removeprefix("Error: ").strip() for line in self.said if line.strip() and "py-spy>" not in line]
        status = self.process.poll()
        silent = "it did not begin to sample in time" if status is None else f"it ended with status {status}"
        return " ".join(told)[:300] or silent

    @property
    def was_refused(self) -> bool:
        """Whether the kernel did not let the profiler read the target."""
        return is_refused(self.pid, " ".join(self.said))
