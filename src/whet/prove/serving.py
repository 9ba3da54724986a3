"""A run of a server: it is started on a port of its own, driven by a load, and ended when that is over.

What a run costs is what its load says: a server's own duration and CPU time hold its start, and it does not end.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from time import monotonic, sleep
from typing import Protocol

from whet.errors import TargetError
from whet.prove.tree import ProcessTree
from whet.records import dataclass

PORT = "{port}"
"""What stands for the port in a server's words, and in those of a command that sends load."""
READY_SECONDS = 60
_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Served:
    """What a load found out about a server in one run; durations are in nanoseconds.

    ``cost_ns`` is what versions are compared by. ``quantiles`` holds those of each route, as ``p95 GET /users/{}``.
    ``failure`` says why the load failed; nothing else counts then.
    """

    cost_ns: int = 1
    requests: int = 0
    elapsed_ns: int = 0
    p50_ns: int = 0
    p95_ns: int = 0
    quantiles: Mapping[str, int] = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    """The status that each request was answered with, where the load knows."""
    failure: str = ""


class Driving(Protocol):
    """A load that is being sent."""

    pid: int
    """The process that sends it; 0 for whet's own."""

    def wait(self, seconds: float) -> bool:
        """Wait for its end, up to a limit; return whether it has ended."""

    def finish(self) -> Served:
        """Return what was found out. Raises :class:`TargetError` where requests failed."""

    def stop(self) -> None:
        """End it at once."""


class Load(Protocol):
    """Sends requests to a server."""

    def prepare(self) -> None:
        """Forget what the last run left, before the server is started."""

    def start(self, port: int, responses: Path) -> Driving:
        """Begin to send requests to a port of 127.0.0.1. What is answered goes to ``responses``, where it is known."""


class Service:
    """A server that was just started, until its load is over."""

    def __init__(self, load: Load, tree: ProcessTree, port: int, responses: Path) -> None:
        self._load, self._tree, self._port, self._responses = load, tree, port, responses
        self._driving: Driving | None = None
        self._deadline = monotonic() + READY_SECONDS
        self._failure = ""
        self.has_ended = False
        """Whether the server has ended by itself."""

    def wait(self, seconds: float) -> bool:
        """Wait up to a limit, and return whether the load is over, or can never be."""
        if self._driving is not None:
            if self._driving.wait(seconds):
                return True
            if self._tree.wait(0):
                self.has_ended = True
                self._failure = "the server ended before it had answered everything"
            return self.has_ended
        if self._tree.wait(0):
            self.has_ended = True
            self._failure = "the server ended before it accepted a connection"
        elif _is_listening(self._port):
            self._driving = self._load.start(self._port, self._responses)
            if self._driving.pid:
                self._tree.spare(self._driving.pid)
        elif monotonic() > self._deadline:
            self._failure = f"the server did not listen on port {self._port} of 127.0.0.1 within {READY_SECONDS} s"
        else:
            sleep(min(seconds, _PAUSE))
        return bool(self._failure)

    def finish(self) -> Served:
        """Return what the load found out; a failure where it did not come to its end."""
        if self._failure or self._driving is None:
            return Served(failure=self._failure or "the load was not over")
        if not self._driving.wait(0):
            return Served(failure="the load was not over")
        try:
            return self._driving.finish()
        except TargetError as error:
            return Served(failure=error.message)

    def stop(self) -> None:
        """End the load at once, if it is still being sent."""
        if self._driving is not None:
            self._driving.stop()


def find_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
