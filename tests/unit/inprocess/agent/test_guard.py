"""Code of whet's runs inside the program only while nobody watches, and a watcher sees nothing of it."""

from __future__ import annotations

import gc
import inspect
import os
import sys
import tracemalloc
from collections.abc import Iterator
from functools import partial

import pytest

from whet.inprocess.agent import guard

has_monitoring = pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is of 3.12")


@pytest.fixture(autouse=True)
def _unwatched() -> Iterator[None]:
    """Nobody watches unless a test says so: under `make coverage` somebody does."""
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)


@pytest.fixture
def calls() -> list[int]:
    return []


def test_a_guarded_function_is_called_each_time_and_its_argument_left_out(calls: list[int]) -> None:
    guarded = guard.guard(lambda: calls.append(1))
    assert [guarded(), guarded(None)] == [False, False]
    assert calls == [1, 1]


def test_under_a_profile_function_it_is_not_called_and_comes_back_after(calls: list[int]) -> None:
    def step() -> None:
        calls.append(1)

    guarded = guard.guard(step)
    seen: list[str] = []
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, _arg: seen.append(frame.f_code.co_name) if event == "call" else None)
    guarded()
    sys.setprofile(before)
    assert (calls, seen) == ([], [])
    guarded()
    assert calls == [1]


def test_while_a_profiler_watches_all_threads_behind_the_interpreters_back_it_is_not_called(
    calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded = guard.guard(lambda: calls.append(1))
    monkeypatch.setitem(sys.modules, "_yappi", type(sys)("_yappi"))
    guarded()
    assert not calls
    monkeypatch.delitem(sys.modules, "_yappi")
    guarded()
    assert calls == [1]


def test_while_memory_is_traced_it_is_not_called(calls: list[int]) -> None:
    guarded = guard.guard(lambda: calls.append(1))
    tracemalloc.start()
    try:
        guarded()
        assert not calls
    finally:
        tracemalloc.stop()
    guarded()
    assert calls == [1]


@has_monitoring
def test_a_tool_of_sys_monitoring_sees_nothing_of_it(calls: list[int]) -> None:
    def step() -> None:
        calls.append(1)

    guarded = guard.guard(step)
    monitoring, tool = sys.monitoring, 4
    seen: list[str] = []
    monitoring.use_tool_id(tool, "watcher")
    try:
        monitoring.register_callback(tool, monitoring.events.PY_START, lambda code, _at: seen.append(code.co_name))
        monitoring.set_events(tool, monitoring.events.PY_START)
        guarded()
        monitoring.set_events(tool, 0)
    finally:
        monitoring.register_callback(tool, monitoring.events.PY_START, None)
        monitoring.free_tool_id(tool)
    assert (calls, seen) == ([], [])
    guarded()
    assert calls == [1]


def test_steps_are_called_in_turn_up_to_one_that_is_true(calls: list[int]) -> None:
    add = [partial(calls.append, number) for number in range(4)]
    both = guard.in_turn(add[0], add[1], partial(bool, 1), add[2])
    assert [both(), both()] == [True, True]
    assert calls == [0, 1, 0, 1]
    assert guard.in_turn(add[3])() is False


@pytest.mark.parametrize(("holds", "called"), [(True, [1]), (False, [])])
def test_a_step_is_called_where_its_condition_holds(holds: bool, called: list[int], calls: list[int]) -> None:
    guard.when(partial(bool, holds), partial(calls.append, 1))()
    assert calls == called


def test_a_loop_ends_by_a_step_that_is_true_and_then_calls_the_last(calls: list[int]) -> None:
    steps = [partial(calls.append, 1), lambda: len(calls) > 5]
    all(guard.loop((partial(calls.append, 0),), steps, partial(calls.append, 9)))
    assert calls == [0, 1, 1, 1, 1, 1, 9]


@pytest.fixture
def _collector() -> Iterator[None]:
    """Leave the garbage collector as it was."""
    was_on, thresholds = gc.isenabled(), gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    (gc.enable if was_on else gc.disable)()


@pytest.mark.usefixtures("_collector")
def test_a_step_is_called_only_where_no_collection_is_near(calls: list[int]) -> None:
    step = guard.where_there_is_room(100, partial(calls.append, 1), partial(calls.append, 0))
    gc.enable()
    gc.set_threshold(100_000)
    step()
    gc.set_threshold(50)
    step()
    gc.set_threshold(0)
    step()
    gc.set_threshold(50)
    gc.disable()
    step()
    assert calls == [1, 0, 1, 1]


@pytest.mark.usefixtures("_collector")
def test_going_on_allocates_nothing_that_is_collected() -> None:
    counts: list[int] = []
    box: list[object] = [bool]
    took = iter(range(1_000))
    steps = [
        guard.call_item(box, 0),
        guard.where_there_is_room(10**9, partial(bool, 1), partial(bool, 0)),
        lambda: next(took) > 900,
    ]
    gc.set_threshold(100_000)
    gc.enable()
    before = gc.get_count()[0]
    all(guard.loop((), steps, lambda: counts.append(gc.get_count()[0])))
    assert counts[0] - before < 50


def test_a_builtin_that_calls_something_first_looks_like_the_builtin(calls: list[int]) -> None:
    step = guard.in_turn(lambda: calls.append(1))
    found = guard.call_before(step, os.strerror)
    assert (found(2), calls) == (os.strerror(2), [1])
    assert isinstance(found, type(os.strerror))
    for look in (repr, inspect.signature, inspect.getmodule, inspect.isbuiltin, inspect.getdoc):
        assert look(found) == look(os.strerror)
    assert (found.__name__, found.__qualname__) == ("strerror", "strerror")
