"""Tests and fixtures are found by the frames that call them."""

from __future__ import annotations

import pytest

from whet.merge.units import find_units
from whet.model.frame import Frame, Owner
from whet.model.hotspot import UnitKind
from whet.model.metric import Metric
from whet.model.profile import Profile, Samples, StackTable, Thread
from whet.model.run import Interpreter, Run

SITE = "/venv/lib/python3.13/site-packages"
PYTEST = f"pytest_pyfunc_call@{SITE}/_pytest/python.py"
FIXTURE = f"call_fixture_func@{SITE}/_pytest/fixtures.py"
END = f"_teardown_yield_fixture@{SITE}/_pytest/fixtures.py"
CASE = "TestCase._callTestMethod@/usr/lib/python3.13/unittest/case.py"
UP = "TestCase._callSetUp@/usr/lib/python3.13/unittest/case.py"


def read_frame(text: str) -> Frame:
    """``name@file:line``; without a file it is the user's."""
    name, _, file = text.partition("@")
    name, _, line = name.partition(":")
    owner = Owner.DEPENDENCY if "packages" in file else Owner.STDLIB if file else Owner.USER
    return Frame(file or "/app/test_app.py", name, int(line or 1), 1 if file else sum(map(ord, name)), owner)


def make_run(*stacks: tuple[str, int], metric: Metric = Metric.CPU) -> Run:
    parent, frame_of, frames, rows, values = [], [], [], [], []
    for text, value in stacks:
        above = -1
        for part in text.split(" > "):
            frames.append(read_frame(part))
            parent.append(above)
            frame_of.append(len(frames) - 1)
            above = len(parent) - 1
        rows.append(above)
        values.append(value)
    profile = Profile(
        "py-spy", tuple(frames), StackTable(parent, frame_of), (Thread(1, 1),), (Samples(metric, 0, rows, values, 1),)
    )
    return Run("0", ("-m", "pytest"), "", "/app", "/app", Interpreter("python", "3.13.0"), profiles=(profile,))


def found(*stacks: tuple[str, int]) -> dict[str, tuple[UnitKind, int]]:
    return {unit.name: (unit.kind, unit.spent_ns) for unit in find_units(make_run(*stacks), 100, 100)}


@pytest.mark.parametrize(
    ("stack", "name", "kind"),
    [
        (f"{PYTEST} > test_a > work", "test_a", UnitKind.TEST),
        (f"{PYTEST} > run@{SITE}/hypothesis/core.py > test_a", "test_a", UnitKind.TEST),
        (f"{PYTEST} > wrapper > TestA.test_a > work", "TestA.test_a", UnitKind.TEST),
        (f"{CASE} > TestA.testOld > work", "TestA.testOld", UnitKind.TEST),
        (f"{UP} > TestA.setUp > work", "TestA.setUp", UnitKind.FIXTURE),
        (f"{FIXTURE} > database > connect@{SITE}/db/core.py", "database", UnitKind.FIXTURE),
        (f"{END} > database", "database", UnitKind.FIXTURE),
        (f"{PYTEST} > test_a > {FIXTURE} > database", "database", UnitKind.FIXTURE),
    ],
)
def test_the_unit_is_the_users_first_frame_below_what_calls_it(stack, name, kind):
    assert found((stack, 7)) == {name: (kind, 7)}


def test_what_no_test_calls_belongs_to_none():
    assert found(("work", 5), (f"pytest_collection@{SITE}/_pytest/main.py > helper", 6)) == {}


def test_times_add_up_over_stacks_and_lines_are_where_the_users_code_spent_them():
    run = make_run(
        (f"{PYTEST} > test_a:3 > work:12", 60),
        (f"{PYTEST} > test_a:4 > dumps@{SITE}/json/__init__.py", 30),
        (f"{PYTEST} > test_b:9", 10),
    )
    first, second = find_units(run, 200, 100)
    assert (first.name, first.spent_ns, first.share) == ("test_a", 90, 0.45)
    assert [(line.line, line.spent_ns) for line in first.lines] == [(12, 60), (4, 30)]
    assert sum(line.share for line in first.lines) == pytest.approx(1)
    assert (second.name, second.cpu_ns) == ("test_b", 10)


def test_waiting_is_part_of_a_tests_time():
    (unit,) = find_units(make_run((f"{PYTEST} > test_a", 40), metric=Metric.WAITING), 40, 10)
    assert (unit.cpu_ns, unit.waiting_ns, unit.share) == (0, 40, 1.0)
