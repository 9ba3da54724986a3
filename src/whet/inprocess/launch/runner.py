"""Starts what observes the program, and lets it begin."""

from __future__ import annotations

import atexit
import marshal
import os
import sys

from . import hide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Observers:
    """What observes the program, which is about to begin. ``settings``: see ``whet.collect.execute``."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.stops: list[Callable[[], object]] = []
        self.agent: Any = None
        self.exact_lines: Any = None
        self.servers: Any = None
        self.fell_back = False

    def load(self) -> None:
        """Import what will be needed: that takes its time, which is not the program's."""
        if self.settings.get("values"):
            from ..agent import agent

            self.agent = agent.Agent(self.settings["values"])
        if self.settings.get("requests"):
            from ..requests import servers

            self.servers = servers
        if self.settings.get("exact_lines"):
            from ..profilers import exact_lines

            self.exact_lines = _try(exact_lines.ExactLines, self.settings["exact_lines"])

    def begin(self) -> None:
        """Start all of them once those outside have attached."""
        if self.settings.get("memray"):
            from ..profilers import memory

            self._stop_at_exit(memory.start(self.settings["memray"]))
        sampler = self.settings.get("pyinstrument")
        self.fell_back = "ready" in self.settings and self._shake_hands() == b"P"
        if self.fell_back:
            sampler = self.settings["fallback"]["pyinstrument"]
        if sampler:
            from ..profilers import pyinstrument_sampler

            self._stop_at_exit(_try(pyinstrument_sampler.start, sampler))
        if self.exact_lines is not None:
            self._stop_at_exit(self.exact_lines.start())
        if self.agent is not None:
            atexit.register(self.agent.finish)
            self.agent.start()
        if self.servers is not None:
            self.servers.start(self.settings["requests"], self.settings.get("children"))

    def _stop_at_exit(self, stop: Callable[[], object] | None) -> None:
        if stop is None:
            return
        if not self.stops:
            # First in, last out: the program's own exit functions are part of what is measured.
            atexit.register(self._finish)
        self.stops.append(stop)

    def _shake_hands(self) -> bytes:
        """Say that this process is ready to be attached to, and return what is to happen next."""
        ready, go = _open(self.settings["ready"], os.O_WRONLY), _open(self.settings["go"], os.O_RDONLY)
        os.write(ready, b"R%d\n" % os.getpid())
        os.close(ready)
        answer = os.read(go, 1)
        os.close(go)
        return answer

    def _finish(self) -> None:
        for stop in reversed(self.stops):
            try:
                stop()
            except Exception:  # noqa: S112
                # A program may have changed anything. The capture is missing then, which whet says; stderr is not ours.
                continue


def start(settings_path: str, loaded_before: set[str]) -> None:
    """Start what the settings ask for and return; the program comes next."""
    with open(settings_path, "rb") as file:
        settings = marshal.load(file)  # noqa: S302  what whet wrote, in a folder of its own
    _restore_environment(settings["pythonpath"])
    observers = Observers(settings)
    try:
        observers.load()
        observers.begin()
    finally:
        # Also where one of them could not begin: the program is to find nothing of whet's all the same.
        hide.rename_own_code()
        heavy = settings.keys() & {"exact_lines", "memray", "pyinstrument"} or observers.fell_back
        # Patterns of files bring the regular expressions with them.
        heavy = heavy or any(settings.get("values", {}).get(key) for key in ("include", "exclude"))
        hide.forget_modules(loaded_before, settings["folder"], light=not heavy)


def _restore_environment(path: str | None) -> None:
    """Give ``PYTHONPATH`` back the value that the user gave it."""
    if path is None:
        os.environ.pop("PYTHONPATH", None)
    else:
        os.environ["PYTHONPATH"] = path


def _try(begin: Callable[[dict[str, Any]], Any], settings: dict[str, Any]) -> Any:
    """Return what ``begin`` returns. Where it fails the program runs all the same, and whet reads why."""
    try:
        return begin(settings)
    except Exception as error:
        with open(f"{settings['capture']}.why", "w", encoding="utf-8", errors="backslashreplace") as sink:
            sink.write(f"{type(error).__name__}: {error}")
        return None


def _open(number: int, flags: int) -> int:
    """Return the descriptor of an inherited end of a pipe, which on Windows is named by its handle."""
    if sys.platform == "win32":
        import msvcrt

        return msvcrt.open_osfhandle(number, flags)
    return number
