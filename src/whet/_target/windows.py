"""line_profiler in short windows.

Between windows nothing is traced, so the cost is bounded by the duty cycle
whatever the code does. What a window yields are *ratios* of lines and anchors
to one another; ``whet.formats.line_windows`` turns them into hits.
"""

from __future__ import annotations

import importlib.util
import opcode
import sys
import types
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from .code_tree import walk_code
from .monitoring import name_other_tool

_NOP = opcode.opmap["NOP"].to_bytes(2, sys.byteorder)
"""As line_profiler spells it, so that it knows padded code as such."""
EAGER_CODES = 400
"""Code objects registered as soon as their module is compiled; later ones when they are seen on the stack."""
SNAPSHOT_SHARE = 0.005
"""Part of the CPU time that reading line_profiler's counters may cost."""


def load_line_profiler(folder: str | None) -> Any:
    """Import line_profiler's tracing core without the package around it, which is slow to import.

    ``folder`` is appended to ``sys.path`` for the search where the target's own
    environment does not have it. Raises ``ImportError``.
    """
    if "line_profiler" in sys.modules:
        raise ImportError("the program loaded line_profiler itself")
    if folder:
        sys.path.append(folder)
    try:
        spec = importlib.util.find_spec("line_profiler")
        if spec is None or not spec.submodule_search_locations:
            raise ImportError("line_profiler is not installed for this interpreter")
        package = types.ModuleType("line_profiler")
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = spec
        sys.modules["line_profiler"] = package
        import line_profiler._line_profiler as core  # type: ignore[import-not-found,unused-ignore]

        return _try_out(core.LineProfiler)
    finally:
        # The program finds its own line_profiler, whole, should it import one.
        for name in [name for name in sys.modules if name.split(".")[0] == "line_profiler"]:
            del sys.modules[name]
        if folder:
            sys.path.remove(folder)


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


def pad_code(
    code: types.CodeType, paddings: dict[bytes, int], taken: Callable[[types.CodeType], None] | None = None
) -> types.CodeType:
    """Return ``code`` with a tail of NOPs, and all code objects inside it, so that each has bytecode of its own.

    line_profiler tells functions apart by their bytecode and line. It would pad
    a function itself, but only one that exists; here code is padded before any
    function is made of it. ``paddings`` counts the tails given to like bytecode.
    """
    constants = tuple(
        pad_code(each, paddings, taken) if isinstance(each, types.CodeType) else each for each in code.co_consts
    )
    base = code.co_code
    count = paddings[base] = paddings.get(base, 0) + 1
    padded = code.replace(co_consts=constants, co_code=base + _NOP * count)
    if taken is not None:
        taken(padded)
    return padded


def _strip(bytecode: bytes) -> tuple[bytes, int]:
    """Return bytecode without its tail of NOPs, and how many there were."""
    count = 0
    while bytecode.endswith(_NOP):
        bytecode = bytecode[: -len(_NOP)]
        count += 1
    return bytecode, count


class LineWindows:
    """Line tracing that is switched on for windows."""

    def __init__(self, profiler_class: Any) -> None:
        self.profiler = profiler_class()
        self.paddings: dict[bytes, int] = {}
        self.waiting: dict[int, types.CodeType] = {}
        """Padded code objects that line_profiler does not know yet, by identity."""
        self.known = 0
        self.keep: list[types.CodeType] = []
        self.slots: dict[tuple[str, str, int, int], int] = {}
        """``(file, qualified name, first line, line)`` to a row of the reported table."""
        self.rows: list[tuple[str, str, int, int]] = []
        self.before: dict[int, int] = {}
        self.phases: list[dict[str, Any]] = []
        self.anchors: list[Any] = []
        self.anchor_before: list[int] = []
        self.anchor_in_windows: list[int] = []
        self.opened_at = 0
        self.on_ns = 0
        self.windows = 0
        self.pending = 0
        self.snapshot_ns = 0
        self.open = False

    # -- registering ------------------------------------------------------------------------------------------------

    def pad(self, code: types.CodeType) -> types.CodeType:
        """Return ``code`` padded, and register all code objects in it."""
        return pad_code(code, self.paddings, self._take)

    def take_running(self, code: types.CodeType) -> None:
        """Register code that was padded when its file was made, and all code inside it."""
        for one in walk_code(code):
            base, count = _strip(one.co_code)
            self.paddings[base] = max(self.paddings.get(base, 0), count)
            self._take(one)

    def _take(self, code: types.CodeType) -> None:
        self.keep.append(code)
        if self.known < EAGER_CODES:
            self.register(code)
        else:
            self.waiting[id(code)] = code

    def register(self, code: types.CodeType) -> None:
        """Hand a padded code object to line_profiler by a throw-away function."""
        closure = tuple(types.CellType() for _ in code.co_freevars)
        function = types.FunctionType(code, {}, closure=closure)
        self.known += 1
        self.profiler.add_function(function)

    def register_seen(self, frame: types.FrameType | None, depth: int = 100) -> None:
        """Register the functions on the stack that have been left aside."""
        if not self.waiting:
            return
        while frame is not None and depth:
            code = self.waiting.pop(id(frame.f_code), None)
            if code is not None:
                self.register(code)
            frame = frame.f_back
            depth -= 1

    def add_anchors(self, anchors: list[Any]) -> None:
        """Take note of the counters of a module."""
        self.anchors.extend(anchors)
        self.anchor_before.extend(0 for _ in anchors)
        self.anchor_in_windows.extend(0 for _ in anchors)

    # -- windows ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open a window."""
        self.anchor_before = [anchor.n for anchor in self.anchors]
        self.opened_at = perf_counter_ns()
        self.open = True
        self.profiler.enable()

    def stop(self, cpu_ns: int) -> None:
        """Close the window; ``cpu_ns`` is the process's CPU time so far."""
        self.close()
        self.on_ns += perf_counter_ns() - self.opened_at
        self.windows += 1
        self.pending += 1
        counts = self.anchor_in_windows
        for index, before in enumerate(self.anchor_before):
            counts[index] += self.anchors[index].n - before
        if self.snapshot_ns <= SNAPSHOT_SHARE * cpu_ns:
            self.take_phase(cpu_ns)

    def close(self) -> None:
        """Trace no more."""
        self.open = False
        self.profiler.disable()

    def take_phase(self, cpu_ns: int) -> None:
        """Read line_profiler's counters and keep what has been added since the last reading."""
        if not self.pending:
            return
        began = perf_counter_ns()
        lines: list[int] = []
        for (file, name, first), counted in self._count_lines().items():
            for line, hits in counted.items():
                row = self._row(file, name, first, line)
                added = hits - self.before.get(row, 0)
                if added > 0:
                    lines += (row, added)
                    self.before[row] = hits
        anchors: list[int] = []
        for index, count in enumerate(self.anchor_in_windows):
            if count:
                anchors += (index, count)
        self.anchor_in_windows = [0] * len(self.anchors)
        self.phases.append({"cpu_ns": cpu_ns, "windows": self.pending, "lines": lines, "anchors": anchors})
        self.pending = 0
        self.snapshot_ns += perf_counter_ns() - began

    def _row(self, file: str, name: str, first: int, line: int) -> int:
        key = (file, name, first, line)
        row = self.slots.get(key)
        if row is None:
            row = self.slots[key] = len(self.rows)
            self.rows.append(key)
        return row

    def _count_lines(self) -> dict[tuple[str, str, int], dict[int, int]]:
        by_hash = self.profiler.c_code_map
        counted: dict[tuple[str, str, int], dict[int, int]] = {}
        for code, hashes in self.profiler.code_hash_map.items():
            lines: dict[int, int] | None = None
            for one in hashes:
                for line, entry in by_hash[one].items():
                    if lines is None:
                        place = (code.co_filename, code.co_qualname, code.co_firstlineno)
                        lines = counted.setdefault(place, {})
                    lines[line] = lines.get(line, 0) + entry["nhits"]
        return counted

    def forget(self) -> None:
        """Start from nothing, in a forked child: what the parent saw is the parent's."""
        if self.open:
            self.close()
        self.before = {}
        for (file, name, first), counted in self._count_lines().items():
            for line, hits in counted.items():
                self.before[self._row(file, name, first, line)] = hits
        self.phases = []
        self.windows = self.pending = self.on_ns = 0
        for anchor in self.anchors:
            anchor.forget()
        self.anchor_in_windows = [0] * len(self.anchors)

    def report(self, cpu_ns: int, estimates: dict[int, tuple[int, float]]) -> dict[str, Any]:
        """Return everything that was counted, ready for JSON.

        ``estimates`` are count and error, by identity, of anchors that did not count throughout.
        """
        self.take_phase(cpu_ns)
        return {
            "windows": self.windows,
            "on_ns": self.on_ns,
            "rows": self.rows,
            "phases": self.phases,
            "anchors": [
                {
                    "kind": anchor.kind,
                    "file": anchor.file,
                    "function": anchor.function,
                    "code_line": anchor.code_line,
                    "line": anchor.line,
                    "end_line": anchor.end_line,
                    "header": anchor.header,
                    "header_is_sure": anchor.header_is_sure,
                    "entries": anchor.entries,
                    "lines": anchor.lines,
                    "likely": anchor.likely,
                    "checked": anchor.checked,
                    "passed": anchor.passed,
                    "count": estimates.get(id(anchor), (anchor.n, 0.0))[0],
                    "error": estimates.get(id(anchor), (anchor.n, 0.0))[1],
                    "partial": id(anchor) in estimates,
                    "exact": anchor.is_exact,
                    "near": anchor.is_near,
                }
                for anchor in self.anchors
                if anchor.n or id(anchor) in estimates
            ],
            "anchor_rows": [index for index, anchor in enumerate(self.anchors) if anchor.n or id(anchor) in estimates],
        }


def reason_to_stay_out(own_profile_function: Any = None) -> str:
    """Return why lines must not be traced in this process now; empty when they may be."""
    is_gil_enabled: Callable[[], bool] | None = getattr(sys, "_is_gil_enabled", None)
    if is_gil_enabled is not None and not is_gil_enabled():
        return "the interpreter runs without the GIL, which line_profiler does not support"
    if sys.gettrace() is not None:
        return "the program traces itself (a debugger, coverage or sys.settrace)"
    if sys.getprofile() is not own_profile_function:
        return "the program uses a profile function (sys.setprofile)"
    tool = name_other_tool()
    return f"the program uses sys.monitoring ({tool})" if tool else ""
