"""The ways out of a process that skip everything: what was counted is saved before."""

from __future__ import annotations

import os
from typing import Any, Protocol


class Finisher(Protocol):
    """What has something to save, and a timer that must not outlive it."""

    pid: int

    @property
    def is_on(self) -> bool:
        """Whether the timer runs in this process."""

    def finish(self) -> None:
        """Stop the timer, and save."""

    def resume(self) -> None:
        """Start it again."""


def wrap_exits(agent: Finisher) -> None:
    """Save before the exits that skip everything, and take the timer away before another program takes over.

    ``ITIMER_PROF`` survives ``exec`` while its handler does not, so the new
    program would be killed by it.
    """
    exit_now = os._exit

    def _exit(status: int) -> None:
        try:
            if agent.pid == os.getpid():
                agent.finish()
        finally:
            exit_now(status)

    os._exit = _exit  # type: ignore[assignment]
    for name in ("execv", "execve"):
        if hasattr(os, name):
            setattr(os, name, _leave_by(getattr(os, name), agent))


def _leave_by(execute: Any, agent: Finisher) -> Any:
    def leave(*words: Any, **more: Any) -> Any:
        was_on = agent.is_on
        if was_on:
            agent.finish()
        try:
            return execute(*words, **more)
        finally:
            # Only reached when there is no such program.
            if was_on:
                agent.resume()

    leave.__name__ = leave.__qualname__ = execute.__name__
    return leave
