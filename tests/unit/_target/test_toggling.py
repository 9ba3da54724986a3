"""Counters that are switched in the bytecode of live code."""

from __future__ import annotations

import itertools
import pickle
import types
from collections.abc import Callable
from typing import Any

import pytest

from whet._target import counting
from whet._target.anchors import Anchor, install_anchors
from whet._target.counting import Toggles
from whet._target.placing import compile_with_anchors
from whet._target.toggling import Toggle, can_toggle, find_toggles, measure_cost


class Module:
    """A module compiled with anchors, its namespace and its counters."""

    def __init__(self, text: str) -> None:
        code, self.anchors = compile_with_anchors(text, "made_up.py", 100, togglable=True)
        self.code = install_anchors(code, self.anchors)
        self.toggles = list(find_toggles(self.code))
        self.namespace: dict[str, Any] = {}
        exec(self.code, self.namespace)

    def find(self, kind: str, does: str) -> Toggle:
        return next(each for each in self.toggles if each.anchor.kind == kind and each.does == does)

    def set(self, on: bool) -> None:
        for each in self.toggles:
            each.set(on)


def test_this_interpreter_lets_counters_be_switched() -> None:
    assert can_toggle()
    assert 2.0 <= measure_cost() <= 60.0  # held there, however slow the machine is


LOOPS = """
def visit(items, seen):
    for item in items:
        seen.append(item)
    else:
        seen.append("end")
    return seen
"""


def test_a_loop_runs_alike_with_its_counters_on_and_off() -> None:
    module = Module(LOOPS)
    gate, loop = module.find("sized", "gate"), module.find("loop", "n")
    for on in (True, False, True, False):
        module.set(on)
        asked, counted = gate.anchor.n, loop.anchor.n
        for items in ([1, 2], (3,), "ab", {4: 5}, range(3), iter([6]), b"\1"):
            expected = [*items, "end"] if not hasattr(items, "__next__") else [6, "end"]
            assert module.namespace["visit"](items, []) == expected
        if not on:
            assert (gate.anchor.n, loop.anchor.n) == (asked, counted)
        else:
            assert loop.anchor.n == counted + 11


def test_what_cannot_be_iterated_over_says_so_in_its_own_words() -> None:
    module = Module(LOOPS)
    with pytest.raises(TypeError, match="'int' object is not iterable"):
        module.namespace["visit"](5, [])


def test_no_operator_of_what_is_iterated_over_is_called() -> None:
    class Jealous(list[int]):
        def __neg__(self) -> None:
            raise AssertionError

        __add__ = __radd__ = __iadd__ = __neg__  # type: ignore[assignment]

    assert Module(LOOPS).namespace["visit"](Jealous([1, 2]), []) == [1, 2, "end"]


def test_counters_are_switched_under_a_frame_that_is_running() -> None:
    module = Module("def walk(rows):\n    for row in rows:\n        for item in row:\n            yield item\n")
    walking = module.namespace["walk"]([[1, 2], [3, 4], [5]])
    seen = [next(walking)]
    for on in (False, True, False, True):
        module.set(on)
        seen.append(next(walking))
    assert seen == [1, 2, 3, 4, 5]


def test_counters_are_switched_while_the_iterable_is_made() -> None:
    module = Module("def visit(make, seen):\n    for item in make():\n        seen.append(item)\n    return seen\n")

    def make(on: bool) -> list[int]:
        module.set(on)
        return [1, 2]

    for on in (False, True, False):
        assert module.namespace["visit"](lambda on=on: make(on), []) == [1, 2]


def test_a_loop_that_the_compiler_doubles_has_all_its_counters_found() -> None:
    text = (
        "def visit(seen, fail):\n    try:\n        fail()\n"
        "    finally:\n        for item in (1, 2):\n            seen.append(item)\n"
    )
    module = Module(text)
    for on in (True, False):
        module.set(on)
        seen: list[int] = []
        with pytest.raises(ZeroDivisionError):
            module.namespace["visit"](seen, lambda: 1 / 0)
        module.namespace["visit"](seen, lambda: None)
        assert seen == [1, 2, 1, 2]
    assert module.find("sized", "gate").anchor.n == 4


def test_loops_over_what_is_written_out_stay_what_they_are() -> None:
    sources = ("[1, 2]", "'ab'", "{3}", "{n for n in (4,)}")
    text = "seen = []\n" + "".join(f"for item in {each}:\n    seen.append(item)\n" for each in sources)
    assert Module(text).namespace["seen"] == [1, 2, "a", "b", 3, 4]


def test_many_constants_make_long_instructions() -> None:
    lines = "".join(f"    seen.append({number}.5)\n" for number in range(400))
    module = Module(
        f"def visit(items, seen):\n{lines}    for item in items:\n        seen.append(item)\n    return seen\n"
    )
    for on in (True, False, True):
        module.set(on)
        assert module.namespace["visit"]([1], [])[-2:] == [399.5, 1]
    assert module.find("sized", "gate").anchor.n == 2


def test_an_anchor_that_travels_counts_for_nobody_and_disturbs_nobody() -> None:
    anchor = Anchor("sized", "a.py", "f", 1, 2)
    twin = pickle.loads(pickle.dumps(anchor))
    items = [1]
    assert type(twin) is not Anchor
    assert twin + items is items
    twin.leave(items)


class Clock:
    """A machine that runs nothing else."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now

    def run(self, drive: Callable[[int], object], passes: int, pass_ns: int = 300) -> None:
        drive(passes)
        self.now += passes * pass_ns

    def tick(self, toggles: Toggles, drive: Callable[[int], object], passes: int) -> None:
        """Let the program run for a while between two looks of the agent."""
        toggles.begin_gap(self.now)
        self.run(drive, passes)
        toggles.end_gap(self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(counting, "perf_counter_ns", made)
    monkeypatch.setattr(counting, "_count_switches", lambda: 0)
    monkeypatch.setattr(counting, "measure_cost", lambda: 0.0)
    return made


def test_short_loops_are_asked_for_their_lengths_no_longer(clock: Clock) -> None:
    module = Module(LOOPS)
    toggles = Toggles()
    toggles.add(module.code)

    def run(passes: int) -> None:
        for _ in range(passes):
            module.namespace["visit"]([1], [])

    clock.tick(toggles, run, 300)
    gate = next(each for each in find_toggles(module.code) if each.does == "gate")
    asked = gate.anchor.entries
    run(300)
    assert not gate.anchor.exact
    assert gate.anchor.entries == asked


def test_what_is_mostly_off_is_scaled_by_the_loop_that_calls_it(clock: Clock) -> None:
    module = Module(
        "def step(value):\n    value = value * 3 + len(str(value))\n    return sum((value, len(str(value))))\n\n"
        "def drive(values):\n    for value in values:\n        step(value)\n"
    )
    toggles = Toggles()
    toggles.add(module.code)
    calls = 0
    lengths = [30_000, 25_000, 1_000, 7_000, 12_000, 300, 9_000, 4_000, 15_000, 2_500, 600, 11_000, 3_000, 8_000]

    def run(count: int) -> None:
        nonlocal calls
        calls += count
        module.namespace["drive"](range(5, 5 + count))

    for _ in range(20):
        clock.tick(toggles, run, 25_000)
    for length, pass_ns in zip(lengths, itertools.cycle((150, 600))):
        clock.tick(toggles, run, 3 * length)
        toggles.begin_counting()
        toggles.time_counting(clock.now)
        clock.run(run, length, pass_ns)
        toggles.end_counting(clock.now)
    step = next(each for each in module.anchors if each.kind == "entry" and each.function == "step")
    count, error = toggles.estimates()[id(step)]
    assert count == pytest.approx(calls, rel=0.03)
    assert error < 0.1
    by_time, _ = toggles.estimates(thoroughly=False)[id(step)]
    assert by_time != pytest.approx(calls, rel=0.03), "time alone tells this less well"
    assert isinstance(module.code, types.CodeType)
