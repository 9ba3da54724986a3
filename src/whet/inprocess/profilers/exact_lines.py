"""line_profiler on chosen functions throughout: exact hits and times, in an execution of its own.

Functions are found as their modules begin to run: the interpreter announces the code of each (``exec``, an auditing
event), that of the program itself included, before its first line. The chosen ones are registered by what they are,
so that what runs is what CPython compiled.
"""

from __future__ import annotations

import os
import sys
from importlib import util
from types import CellType, CodeType, FunctionType, ModuleType

from ..captures import write_capture
from . import borrow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_OPTIMIZED = 0x1
"""The flag of a function's code, which that of a module or class lacks."""
MAX_BYTES = 40_000
"""Bytecode of a function that is registered, at most: line_profiler looks up the line of every byte, each time from
the start."""


class ExactLines:
    """Registers the chosen functions and counts until the end."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.capture: str = settings["capture"]
        self.chosen = {(file, line) for file, line in settings["functions"]}
        """``(file, first line of the code object)``."""
        self.files = {file for file, _ in self.chosen}
        self.profiler = borrow.load_from(settings.get("folder"), _load_line_profiler)()
        self.known: dict[tuple[bytes, int], CodeType] = {}
        """Registered code by what line_profiler tells functions apart by, bytecode and line."""
        self.too_large: set[tuple[str, int]] = set()
        self.alike: set[tuple[str, int]] = set()
        """Functions whose hits cannot be told from those of a twin."""
        self.pid = os.getpid()
        self.is_on = True
        self.follow: Callable[[CodeType], object] = type
        """Turns the events on of a function that is registered, where not those of all code are on."""

    def start(self) -> Callable[[], None]:
        """Begin counting; the returned function ends it."""
        sys.addaudithook(self._on_event)
        self.profiler.enable()
        self.follow = _narrow_events()
        return self.stop

    def _on_event(self, event: str, words: tuple[Any, ...]) -> None:
        if event == "exec" and self.is_on and type(words[0]) is CodeType:
            self._take_module(words[0])

    def _take_module(self, module: CodeType) -> None:
        has_chosen = _place(module)[0] in self.files
        for code in _walk_code(module):
            key = (code.co_code, code.co_firstlineno)
            if has_chosen and code.co_flags & _OPTIMIZED and _place(code) in self.chosen:
                self._register(code, key)
            elif key in self.known and _place(self.known[key]) != _place(code):
                self.alike.add(_place(self.known[key]))

    def _register(self, code: CodeType, key: tuple[bytes, int]) -> None:
        if len(code.co_code) > MAX_BYTES:
            self.too_large.add(_place(code))
            return
        twin = self.known.setdefault(key, code)
        if twin is not code and _place(twin) != _place(code):
            self.alike |= {_place(twin), _place(code)}
            return
        # It would give the function a tail of NOPs to tell it from others like it: what runs has none.
        paddings = getattr(self.profiler, "_all_paddings", None)
        if type(paddings) is dict:
            paddings[code.co_code] = 0
        else:
            self.profiler.dupes_map.pop(code.co_code, None)
        self.follow(code)
        self.profiler.add_function(FunctionType(code, {}, closure=tuple(CellType() for _ in code.co_freevars)))

    def stop(self) -> None:
        """Stop counting and write what was counted."""
        was_on, self.is_on = self.is_on, False
        if not was_on or os.getpid() != self.pid:
            return
        self.profiler.disable()
        by_hash = self.profiler.c_code_map
        lines = [
            [code.co_filename, code.co_firstlineno, line, entry["nhits"]]
            for code, hashes in self.profiler.code_hash_map.items()
            if _place(code) not in self.alike
            for one in hashes
            for line, entry in by_hash[one].items()
        ]
        left_out = {"too_large": sorted(self.too_large), "alike": sorted(self.alike)}
        write_capture(self.capture, {"schema": 2, "lines": lines, **left_out})


def _narrow_events() -> Callable[[CodeType], object]:
    """Have line_profiler see the lines of those functions only that the returned function is called with.

    It turns the events of all code on. In a module of many thousands of lines the interpreter looks for each line's
    number from the first one on, so that its table takes minutes; and the program is slow where nothing is counted.
    """
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is None or monitoring.get_tool(monitoring.PROFILER_ID) != "line_profiler":
        return type
    events, tool = monitoring.events, monitoring.PROFILER_ID
    local = events.LINE | events.PY_RETURN | events.PY_YIELD
    monitoring.set_events(tool, monitoring.get_events(tool) & ~local)
    return lambda code: monitoring.set_local_events(tool, code, local)


def _place(code: CodeType) -> tuple[str, int]:
    file = code.co_filename
    return (file if file.startswith("<") else os.path.abspath(file), code.co_firstlineno)


def _walk_code(code: CodeType) -> Iterator[CodeType]:
    """Yield all code objects below ``code``, which is a module's and not one of them."""
    todo = [code]
    while todo:
        for each in todo.pop().co_consts:
            if type(each) is CodeType:
                todo.append(each)
                yield each


def _load_line_profiler() -> Any:
    """Import line_profiler's tracing core without the package around it, which is slow to import.

    Raises ``ImportError``.
    """
    try:
        spec = util.find_spec("line_profiler")
        if spec is None or not spec.submodule_search_locations:
            raise ImportError("line_profiler is not installed for this interpreter")
        package = ModuleType("line_profiler")
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = spec
        sys.modules["line_profiler"] = package
        import line_profiler._line_profiler as core  # type: ignore[import-not-found,unused-ignore]

        return _try_out(core.LineProfiler)
    finally:
        # The program finds its own line_profiler, whole, should it import one.
        for name in [name for name in sys.modules if name.split(".")[0] == "line_profiler"]:
            del sys.modules[name]


def _try_out(profiler_class: Any) -> Any:
    """Return a profiler class that works: a version that is too old or too new must not fail within the program."""
    # Registering refers to profilers weakly, which before 5.1 only a subclass allows.
    for candidate in (profiler_class, type("LineProfiler", (profiler_class,), {})):
        try:
            candidate().add_function(lambda: None)
        except Exception as error:
            why = f"line_profiler does not work here: {type(error).__name__}: {error}"
        else:
            return candidate
    raise ImportError(why)
