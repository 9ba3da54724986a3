"""Counts every line event of a script and of the modules beside it, exactly; run inside the target's interpreter.

    python count_lines.py COUNTS.json SCRIPT [ARG ...]

By ``sys.monitoring``, on 3.11 by ``sys.settrace``: the events that line_profiler counts too, without its
wrappers (those of kernprof lose what a generator returns), and independent of what whet itself uses.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

COUNTS: Counter[tuple[str, int]] = Counter()
CALLS: Counter[tuple[str, int]] = Counter()
"""By a function's first line, which whet shows with its calls: its own events are those of the definition."""


def start(folder: str) -> None:
    """Count from now on, in files below ``folder``."""
    if sys.version_info < (3, 12):
        start_by_trace(folder)
        return
    monitoring = sys.monitoring

    def on_line(code: CodeType, line: int) -> object:
        if not code.co_filename.startswith(folder):
            return monitoring.DISABLE
        COUNTS[code.co_filename, line] += 1
        return None

    monitoring.use_tool_id(monitoring.COVERAGE_ID, "count_lines")

    def on_start(code: CodeType, _offset: int) -> object:
        if not code.co_filename.startswith(folder) or code.co_name.startswith("<"):
            return monitoring.DISABLE
        CALLS[code.co_filename, code.co_firstlineno] += 1
        return None

    events = monitoring.events
    monitoring.register_callback(monitoring.COVERAGE_ID, events.LINE, on_line)
    monitoring.register_callback(monitoring.COVERAGE_ID, events.PY_START, on_start)
    monitoring.set_events(monitoring.COVERAGE_ID, events.LINE | events.PY_START)


def start_by_trace(folder: str) -> None:
    """Do the same where there is no ``sys.monitoring``."""

    def trace(frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ANN401 -- as sys.settrace has it
        if not frame.f_code.co_filename.startswith(folder):
            return None
        if event == "line":
            COUNTS[frame.f_code.co_filename, frame.f_lineno] += 1
        elif event == "call" and not frame.f_code.co_name.startswith("<"):
            CALLS[frame.f_code.co_filename, frame.f_code.co_firstlineno] += 1
        return trace

    threading.settrace(trace)
    sys.settrace(trace)


def stop() -> None:
    """Count no more."""
    if sys.version_info < (3, 12):
        sys.settrace(None)
    else:
        sys.monitoring.set_events(sys.monitoring.COVERAGE_ID, 0)
        sys.monitoring.free_tool_id(sys.monitoring.COVERAGE_ID)


def main(sink: str, script: str, args: list[str]) -> None:
    """Run the script as ``__main__``, then write its counts."""
    path = Path(script).resolve()
    sys.argv = [str(path), *args]
    sys.path[0] = str(path.parent)
    module = type(sys)("__main__")
    module.__file__ = str(path)
    sys.modules["__main__"] = module
    code = compile(path.read_bytes(), str(path), "exec")
    start(str(path.parent))
    try:
        exec(code, vars(module))
    finally:
        stop()
        rows = [[file, line, count] for (file, line), count in {**COUNTS, **CALLS}.items()]
        Path(sink).write_text(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
