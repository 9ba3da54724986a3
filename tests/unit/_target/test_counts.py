"""Counters that are iterators: how they count, and what becomes of the code that asks them."""

from __future__ import annotations

import copy
import dis
import pickle
import sys
from collections.abc import Iterator
from itertools import islice, repeat
from types import CodeType, FrameType
from typing import Any

import pytest
from tests.unit._target.anchored import FILE
from tests.unit._target.kinds_of_source import SOURCES

from whet._target import counts
from whet._target.anchors import Anchor, install_anchors
from whet._target.code_tree import walk_code
from whet._target.counts import Count
from whet._target.placing import compile_with_anchors
from whet._target.toggling import find_toggles

turning = pytest.mark.skipif(sys.version_info >= (3, 15), reason="the search stays on interpreters that are not known")
monitored = pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no sys.monitoring")

# So many constants that instructions which load one need prefixes, of the counter and of None.
MANY = "\n".join(f"    seen.append({number}.5)" for number in range(300))
LONG = f"def visit(items):\n    seen = []\n{MANY}\n    for item in items:\n        seen.append(None)\n    return seen\n"


def compile_counting(text: str) -> tuple[CodeType, list[Anchor]]:
    code, found = compile_with_anchors(text, FILE, 1000, togglable=True)
    return install_anchors(code, found), found


def list_instructions_after_counters(code: CodeType) -> Iterator[list[str]]:
    """Yield for each counter what follows it: what counts, up to the first value that is dropped."""
    for one in walk_code(code):
        instructions = list(dis.get_instructions(one))
        for at, each in enumerate(instructions):
            if type(each.argval) is Count:
                names = [after.opname for after in instructions[at + 1 : at + 6]]
                yield names[: names.index("POP_TOP")]


def test_taking_and_searching_count():
    count = Count(None, "n")
    assert count.taken == 0
    assert list(islice(count, 3)) == [None] * 3
    assert None in count
    assert count.taken == 4
    count.begin_anew()
    next(count)
    assert count.taken == 1


@pytest.mark.parametrize("travel", [lambda count: pickle.loads(pickle.dumps(count)), copy.copy, copy.deepcopy])
def test_a_counter_that_travels_counts_for_nobody(travel):
    count = Count(None, "n")
    stand_in = travel(count)
    assert type(stand_in) is repeat
    assert None in stand_in
    assert next(stand_in) is None
    assert count.taken == 0


@turning
@pytest.mark.parametrize("text", [*SOURCES.values(), LONG], ids=[*SOURCES, "many constants"])
def test_no_search_is_left(text: str):
    code, found = compile_counting(text)
    asked = list(list_instructions_after_counters(code))
    assert all("FOR_ITER" in each and "CONTAINS_OP" not in each for each in asked)
    assert len(asked) >= sum(anchor.kind != "sized" for anchor in found)
    assert len(asked) == sum(each.does in ("n", "passed") for each in find_toggles(code))


@pytest.mark.parametrize("turned", [True, False])
def test_counters_count_whether_turned_or_not(turned: bool, monkeypatch: pytest.MonkeyPatch):
    if not turned:
        monkeypatch.setattr(counts, "_CAN_TURN", False)
    code, found = compile_counting(LONG)
    assert any("CONTAINS_OP" in each for each in list_instructions_after_counters(code)) is not (
        turned and counts._CAN_TURN
    )
    names: dict[str, object] = {}
    exec(code, names)
    toggles = list(find_toggles(code))
    (inner,) = (anchor for anchor in found if anchor.kind == "loop")
    for on, expected in ((True, 2), (False, 2), (True, 4)):
        for each in toggles:
            each.set(on)
            assert each.is_on is on
        assert names["visit"]("ab") == [number + 0.5 for number in range(300)] + [None, None]  # type: ignore[operator]
        assert inner.n == expected


def test_what_the_program_searches_stays_a_search():
    text = "def f(items):\n    None in items\n    return next(items)\n"
    names: dict[str, object] = {}
    exec(compile_counting(text)[0], names)
    assert names["f"](iter((1, 2, None, 3))) == 3  # type: ignore[operator]


JUMPS = """\
def f(items):
    seen = []
    for item in items:
        if item > 1:
            seen.append(item)
        while item > 0:
            item -= 1
            seen.append("w")
    seen.append("end")
    return seen
"""


@pytest.mark.filterwarnings("ignore:assigning None")
def test_a_debugger_moves_frames_as_in_a_plain_run():
    def run(code: CodeType, begin: int, to: int) -> tuple[object, str]:
        names: dict[str, Any] = {}
        exec(code, names)
        said = ""

        def trace(frame: FrameType, event: str, _argument: object) -> object:
            nonlocal said
            if event == "line" and frame.f_lineno == begin and not said:
                said = "moved"
                try:
                    frame.f_lineno = to
                except ValueError as error:
                    said = str(error)
            return trace if frame.f_code.co_filename == FILE else None

        before = sys.gettrace()
        sys.settrace(trace)  # type: ignore[arg-type]
        try:
            return names["f"]([1, 2]), said
        except (AttributeError, NameError, TypeError) as error:
            return repr(error), said
        finally:
            sys.settrace(before)

    plain, counting = compile(JUMPS, FILE, "exec"), compile_counting(JUMPS)[0]
    lines = range(2, JUMPS.count("\n") + 1)
    moves = [(begin, to) for begin in lines for to in lines]
    assert [run(counting, *move) for move in moves] == [run(plain, *move) for move in moves]


@monitored
def test_who_watches_branches_sees_those_of_the_source_only():
    monitoring = sys.monitoring
    text = "def f(items):\n    n = 0\n    for item in items:\n        if item:\n            n += item\n    return n\n"
    branches = (
        (monitoring.events.BRANCH_LEFT, monitoring.events.BRANCH_RIGHT)
        if sys.version_info >= (3, 14)
        else (monitoring.events.BRANCH,)
    )
    seen: list[int] = []

    def watch(code: CodeType, at: int, _to: int) -> None:
        if code.co_filename == FILE:
            seen.append(next(line for begin, end, line in code.co_lines() if begin <= at < end and line))

    monitoring.use_tool_id(1, "branches")
    try:
        for event in branches:
            monitoring.register_callback(1, event, watch)
        monitoring.set_events(1, sum(branches))
        runs = []
        for code in (compile(text, FILE, "exec"), compile_counting(text)[0]):
            names: dict[str, object] = {}
            exec(code, names)
            seen.clear()
            assert names["f"]((1, 0, 2)) == 3  # type: ignore[operator]
            runs.append(list(seen))
    finally:
        monitoring.set_events(1, 0)
        for event in branches:
            monitoring.register_callback(1, event, None)
        monitoring.free_tool_id(1)
    assert runs[0] == runs[1]
    assert len(runs[0]) >= 6
