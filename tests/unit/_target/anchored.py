"""Runs programs plainly and with anchors, under the very events that line_profiler counts, and compares the two."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType

from whet._target import placing
from whet._target.anchors import Anchor, install_anchors

FILE = "/user/program.py"
_TOOL = 4


@dataclass
class Run:
    """What a program did: line events by (first line of the code object, line), log, how it failed and where."""

    events: Counter[tuple[int, int]] = field(default_factory=Counter)
    log: list[object] = field(default_factory=list)
    failed: str = ""
    where: list[tuple[object, ...]] = field(default_factory=list)
    anchors: list[Anchor] = field(default_factory=list)
    names: dict[str, object] = field(default_factory=dict)


def run(code: CodeType, given: dict[str, object] | None = None) -> Run:
    """Run a program under the very events that line_profiler counts."""
    result = Run()
    result.names = {"__name__": "__main__", "log": result.log.append, **(given or {})}
    stop = _count_by_monitoring(result.events) if sys.version_info >= (3, 12) else _count_by_tracing(result.events)
    try:
        exec(code, result.names)
    except BaseException as error:
        result.failed = repr(error)
        result.where = _list_places(error)
    finally:
        stop()
    return result


def _count_by_tracing(events: Counter[tuple[int, int]]) -> Callable[[], None]:
    def trace(frame: object, event: str, _argument: object) -> object:
        code = frame.f_code  # type: ignore[attr-defined]
        if code.co_filename != FILE:
            return None
        if event == "line":
            events[code.co_firstlineno, frame.f_lineno] += 1  # type: ignore[attr-defined]
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    return lambda: sys.settrace(before)


def _count_by_monitoring(events: Counter[tuple[int, int]]) -> Callable[[], None]:
    monitoring = sys.monitoring  # type: ignore[attr-defined,unused-ignore]

    def count(code: CodeType, line: int) -> None:
        if code.co_filename == FILE:
            events[code.co_firstlineno, line] += 1

    def stop() -> None:
        monitoring.set_events(_TOOL, 0)
        monitoring.register_callback(_TOOL, monitoring.events.LINE, None)
        monitoring.free_tool_id(_TOOL)

    monitoring.use_tool_id(_TOOL, "tests")
    monitoring.register_callback(_TOOL, monitoring.events.LINE, count)
    monitoring.set_events(_TOOL, monitoring.events.LINE)
    return stop


def _list_places(error: BaseException) -> list[tuple[object, ...]]:
    """Return function, line and columns of all frames of a traceback."""
    places: list[tuple[object, ...]] = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if code.co_filename == FILE:
            places.append((code.co_qualname, step.tb_lineno, list(code.co_positions())[step.tb_lasti // 2]))
        step = step.tb_next
    return places


def run_plainly(text: str, **given: object) -> Run:
    return run(compile(textwrap.dedent(text), FILE, "exec", dont_inherit=True), given)


def run_with_anchors(text: str, *, togglable: bool = True, budget: int = 1000, **given: object) -> Run:
    """Run a program with anchors: wherever they tell something, or only where they cost nothing in comparison."""
    code, anchors = placing.compile_with_anchors(
        textwrap.dedent(text).encode(), FILE, budget, togglable=togglable, is_main=True
    )
    result = run(install_anchors(code, anchors), given)
    result.anchors = anchors
    return result


def list_wrong_claims(anchors: list[Anchor], events: Counter[tuple[int, int]]) -> list[str]:
    """Return the claims that line events refute."""
    wrong = []

    def check(anchor: Anchor, line: int, least: int, most: int) -> None:
        true = events[anchor.code_line, line]
        if not least <= true <= most:
            wrong.append(f"{anchor.kind} in {anchor.function}: line {line} ran {true} times, not {least} to {most}")

    for anchor in anchors:
        if not anchor.is_exact:
            continue
        for line in anchor.lines:
            check(anchor, line, anchor.n, anchor.n)
        if anchor.kind == "sized":
            if anchor.header:
                least = anchor.n + anchor.entries
                check(anchor, anchor.header, least, least if anchor.header_is_sure else events.total())
        else:
            for line in anchor.checked:
                check(anchor, line, anchor.passed, anchor.n)
            for line in anchor.likely:
                check(anchor, line, 0, anchor.n)
    return wrong


def compare(text: str, **given: object) -> list[Run]:
    """Run a program plainly and with anchors in both ways; check that nothing differs, and that claims are true."""
    plain = run_plainly(text, **given)
    runs = [run_with_anchors(text, togglable=togglable, **given) for togglable in (False, True)]
    for seen in runs:
        assert seen.log == plain.log
        assert seen.failed == plain.failed
        assert seen.where == plain.where
        assert seen.events == plain.events
        assert list_wrong_claims(seen.anchors, plain.events) == []
    return runs
