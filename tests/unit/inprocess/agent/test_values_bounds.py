"""A look at values is short, whatever the program: how much of it is looked at, and when it ends."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable

import pytest
from tests.unit.inprocess.agent.looking import FAR, HERE, is_user, named, run

from whet.inprocess.agent import values

pytestmark = pytest.mark.usefixtures("no_collection")


def test_frames_and_their_search_are_bounded():
    text = "\n".join(f"def f{n}():\n    here = [{n}]\n    return f{n + 1}()" for n in range(60))
    rows, _ = run(f"{text}\ndef f60():\n    look()\nf0()\n")
    # The innermost has no variables.
    assert {row["function"] for row in rows} == {f"f{n}" for n in range(61 - values.MAX_FRAMES, 60)}
    rows, _ = run("""
        def outermost():
            here = [1]
            down(500)
        outermost()
    """, down=make_deep_foreign())  # fmt: skip
    assert rows == []


def make_deep_foreign() -> Callable[[int], object]:
    glance = values.Values(is_user)
    namespace: dict[str, object] = {"look": lambda: glance.look(sys._getframe(1), FAR)}
    exec(compile("def down(n):\n    return down(n - 1) if n else look()\n", "/lib/o.py", "exec"), namespace)
    return namespace["down"]  # type: ignore[return-value]


def test_names_attributes_places_kinds_and_lengths_are_bounded():
    many = "\n    ".join(f"n{number} = [{number}]" for number in range(60))
    rows, _ = run(f"def work():\n    {many}\n    look()\nwork()\n")
    assert len(rows) == values.MAX_NAMES
    stores = "\n        ".join(f"self.a{number} = [{number}]" for number in range(60))
    rows, _ = run(f"class C:\n    def work(self):\n        {stores}\n        look()\nC().work()\n")
    assert len(rows) == values.MAX_ATTRIBUTES + 1
    kinds = "[type(f'K{n}', (), {})() for n in range(30)]"
    rows, _ = run(f"def work(x, y):\n    look()\nfor k in {kinds}: work(k, [k])\n")
    assert len(named(rows, "x")["types"]) == len(named(rows, "y")["elements"]) == values.MAX_KINDS  # type: ignore[arg-type]
    glance = values.Values(is_user)
    for number in range(400):
        code = compile(f"def f{number}():\n  a = b = c = d = e = g = h = i = j = k = l = 1\n  look()", HERE, "exec")
        namespace: dict[str, object] = {"look": lambda: glance.look(sys._getframe(1), FAR)}
        exec(code, namespace)
        namespace[f"f{number}"]()  # type: ignore[operator]
    assert glance.places == len(list(glance.rows())) == values.MAX_PLACES


def test_of_many_lengths_some_are_kept_evenly():
    rows, _ = run("""
        def work(value):
            look()
        for n in range(1000):
            work("x" * n)
    """)
    row = named(rows, "value")
    # After the first it is looked at more seldom.
    looks = values.ENOUGH_SAMPLES + (1000 - values.ENOUGH_SAMPLES) // values.LATER_PART
    assert row["samples"] == looks
    low, middle, high = row["lengths"]  # type: ignore[misc]
    assert 890 - values.MAX_LENGTHS * values.LATER_PART <= low < middle < high == 999


def test_a_look_ends_at_its_deadline():
    glance = values.Values(is_user)
    namespace = {"look": lambda: glance.look(sys._getframe(1), time.perf_counter_ns() - 1)}
    exec(compile("def work(x):\n    look()\nwork([1])", HERE, "exec"), namespace)
    assert list(glance.rows()) == []


def test_a_look_ends_before_a_garbage_collection() -> None:
    seen = []
    for threshold, is_on in ((gc.get_count()[0] + values.ROOM // 2, True), (0, True), (1, False)):
        before = gc.get_threshold()
        gc.set_threshold(threshold, *before[1:])
        try:
            if is_on:
                gc.enable()
            rows, _ = run("def work(x):\n    look()\nwork([1])")
        finally:
            gc.disable()
            gc.set_threshold(*before)
        seen.append(bool(rows))
    assert seen == [False, True, True]
