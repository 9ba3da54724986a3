"""line_profiler throughout, on chosen functions: exact hits at their full price."""

from __future__ import annotations

import os
import types
from collections.abc import Callable
from typing import Any

from . import importer, placing, windows
from .captures import write_capture


class AllLines:
    """Registers the chosen functions as their modules are compiled, and counts until the end."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.capture: str = settings["capture"]
        self.functions = {(file, line) for file, line in settings["functions"]}
        """``(file, first line of the code object)``; empty means all user functions."""
        self.lines = windows.LineWindows(windows.load_line_profiler(settings.get("folder")))
        # Registering is what chooses; padding must not.
        self.lines.known = windows.EAGER_CODES
        user = importer.UserCode(settings["foreign"], settings["program"], settings["include"], settings["exclude"])
        self.compiler = importer.Compiler(user, self._take)
        self.compiler.budget = float("inf")
        self.compiler.with_anchors = False
        self.pid = os.getpid()
        self.is_user = user

    def _take(self, placed: placing.Placed, _source: bytes) -> types.CodeType:
        padded = self.lines.pad(placed.code)
        self._register_chosen()
        return padded

    def _register_chosen(self) -> None:
        for one in list(self.lines.waiting.values()):
            place = (os.path.abspath(one.co_filename), one.co_firstlineno)
            if not self.functions or place in self.functions:
                self.lines.register(one)
        self.lines.waiting.clear()

    def take_main(self, code: types.CodeType, _anchors: list[Any], _source: bytes) -> None:
        """Register the chosen functions of the program's own code."""
        self.lines.take_running(code)
        self._register_chosen()

    def start(self) -> Callable[[], None]:
        """Begin counting; the returned function ends it."""
        self.lines.profiler.enable()
        return self.stop

    def stop(self) -> None:
        """Stop counting and write what was counted."""
        if os.getpid() != self.pid:
            return
        self.lines.profiler.disable()
        counted = [
            [file, name, first, line, hits]
            for (file, name, first), lines in self.lines._count_lines().items()
            for line, hits in lines.items()
        ]
        write_capture(self.capture, {"schema": 1, "exact": counted})


def prepare(settings: dict[str, Any]) -> AllLines:
    """Load line_profiler and hook imports. Raises ``ImportError``."""
    counter = AllLines(settings)
    importer.hook_imports(counter.compiler)
    return counter
