"""What a look at a running program's values sees: names, types, lengths, elements."""

from __future__ import annotations

import textwrap
import types
from collections import deque
from collections.abc import Callable
from itertools import pairwise

import pytest
from tests.unit.inprocess.agent.looking import HERE, named, run

from whet.inprocess.agent import values

pytestmark = pytest.mark.usefixtures("no_collection")


def test_locals_are_seen_with_types_lengths_and_elements():
    rows, _ = run("""
        def work(given, *more, flag=None):
            numbers = [1, 2.5, 3]
            table = {"a": 1}
            late = "text"
            look()
            return given
        work((1, 2), 3)
    """)
    numbers = named(rows, "numbers")
    assert numbers["types"] == {"builtins.list": 1}
    assert numbers["elements"] == {"builtins.int": 1, "builtins.float": 1}
    assert numbers["lengths"] == [3, 3, 3]
    assert (numbers["file"], numbers["function"], numbers["line"], numbers["samples"]) == (HERE, "work", 2, 1)
    assert named(rows, "given")["elements"] == {"builtins.int": 1}
    assert named(rows, "more")["lengths"] == [1, 1, 1]
    assert named(rows, "flag")["types"] == {"builtins.NoneType": 1}
    assert named(rows, "table")["elements"] == {"builtins.str": 1}
    assert named(rows, "late")["lengths"] == [4, 4, 4]


def test_names_that_are_not_bound_yet_are_passed_over():
    rows, _ = run("""
        def work():
            early = 1
            look()
            later = 2
            del early
            look()
        work()
    """)
    assert named(rows, "early")["samples"] == 1
    assert named(rows, "later")["samples"] == 1


def test_closures_attributes_of_self_and_globals_that_a_function_names_are_seen():
    rows, _ = run("""
        KNOWN = {1, 2}
        LIMIT = 3
        class Keeper:
            def __init__(self):
                self.items = [1]
                self.unnamed = [2]
                self.nothing = None
            def keep(self):
                captured = b"abc"
                def inside():
                    look()
                    return captured
                inside()
                return self.items, self.nothing, KNOWN, LIMIT
        Keeper().keep()
    """)
    names = {(row["function"], row["name"]) for row in rows}
    assert ("Keeper.keep.<locals>.inside", "captured") in names
    assert ("Keeper.keep", "captured") in names
    assert ("Keeper.keep", "self.items") in names
    assert ("Keeper.keep", "KNOWN") in names
    assert not {"self.unnamed", "self.nothing"} & {name for _, name in names}
    # Of globals that a function names only containers are worth a look.
    assert [function for function, name in names if name == "LIMIT"] == ["<module>"]
    assert named(rows, "self")["types"] == {"__main__.Keeper": 1}


METHODS = """
    class Keeper:
        def __init__(self):
            self.text, self.items, self.number = "abc", [1], 5
        def add(self):
            self.text += "d"
            self.number += 1
            self.note()
        def note(this):
            this.items
        def other(self):
            self.items
        @property
        def last(self):
            self.items
"""


@pytest.mark.parametrize(
    "caller",
    [
        "def work(keeper):\n    look()\n    keeper.add()\nwork(Keeper())",
        "KEEPER = Keeper()\ndef work():\n    look()\n    KEEPER.add()\nwork()",
        "keeper = Keeper()\nlook()\nkeeper.add()",
    ],
    ids=["local", "global", "module"],
)
def test_attributes_are_seen_in_the_methods_that_a_frame_calls(caller: str) -> None:
    # A thread rarely gives way within a method whose one line takes all of the time, but in its caller.
    rows, _ = run(f"{textwrap.dedent(METHODS)}\n{caller}\n")
    seen = {(row["function"], row["name"]): row for row in rows if "." in str(row["name"])}
    assert set(seen) == {("Keeper.add", "self.text"), ("Keeper.add", "self.number"), ("Keeper.note", "this.items")}
    assert seen["Keeper.add", "self.text"]["lengths"] == [3, 3, 3]
    assert {row["samples"] for row in seen.values()} == {1}


def test_attributes_of_others_are_seen_where_a_function_names_them() -> None:
    rows, _ = run(f"{textwrap.dedent(METHODS)}\ndef work(one):\n    look()\n    one.text, one.number\nwork(Keeper())\n")
    assert {row["name"] for row in rows if "." in str(row["name"])} == {"one.text"}


def test_a_modules_own_names_are_seen_but_neither_functions_nor_modules_nor_classes():
    rows, _ = run("""
        import os
        def function(): return os
        class Kind: pass
        unused_elsewhere = [1]
        bound = unused_elsewhere.append
        look()
    """)
    assert {row["name"] for row in rows} == {"unused_elsewhere"}
    assert named(rows, "unused_elsewhere")["function"] == "<module>"


def test_of_a_recursive_function_the_innermost_frame_is_enough():
    rows, _ = run("""
        def down(n):
            local = [0] * n
            down(n - 1) if n else look()
        down(30)
    """)
    assert named(rows, "local")["samples"] == 1
    assert named(rows, "local")["lengths"] == [0, 0, 0]


def test_frames_of_others_are_walked_through_and_not_looked_at():
    foreign: dict[str, Callable[..., object]] = {}
    exec(compile("def call(f):\n    theirs = [1]\n    return f()\n", "/lib/other.py", "exec"), foreign)
    rows, _ = run("""
        def work():
            mine = [1]
            call(look_here)
        def look_here():
            look()
        work()
    """, call=foreign["call"])  # fmt: skip
    assert named(rows, "mine")["samples"] == 1
    assert not [row for row in rows if row["name"] == "theirs"]


@pytest.mark.parametrize(
    ("value", "elements"),
    [(deque([1, "a"]), {"builtins.int": 1}), (range(5), {}), (frozenset(("a",)), {"builtins.str": 1}), ([], {})],
)
def test_elements_of_containers(value: object, elements: dict[str, int]):
    rows, _ = run("def work(value):\n    look()\nwork(given)\n", given=value)
    row = named(rows, "value")
    assert row["elements"] == elements
    assert row["lengths"] == [len(value)] * 3  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "name"),
    [
        ("zeros(3)", "float64"),
        ("zeros(3, dtype=int8)", "int8"),
        ("array([True])", "bool"),
        ("array([1j])", "complex128"),
        ("array(['a', None], dtype=object)", "object"),
        ("array(['abc'])", "str"),
        ("array([], dtype='M8[s]')", "M"),
    ],
)
def test_arrays_have_the_dtype_as_the_type_of_their_elements(made: str, name: str):
    numpy = pytest.importorskip("numpy")
    array = eval(made, vars(numpy))
    rows, _ = run("def work(value):\n    look()\nwork(given)\n", given=array)
    row = named(rows, "value")
    assert row["elements"] == {name: 1}
    assert row["lengths"] == [len(array)] * 3


@pytest.mark.parametrize("value", [int, type(None), types.FunctionType, dict, type])
def test_types_are_named_as_people_know_them(value: type):
    assert values.name_of_type(value) == f"{value.__module__}.{value.__qualname__}"


def test_attributes_of_things_without_a_dictionary():
    class Slots:
        __slots__ = ("a",)

    class Plain:
        pass

    plain = Plain()
    plain.a = 1  # type: ignore[attr-defined]
    assert values.plain_attributes(Slots()) is None
    error = ValueError("made in C")
    error.a = 1  # type: ignore[attr-defined]
    assert values.plain_attributes(error) == {"a": 1}
    assert values.plain_attributes(error, of_class=True) is None
    assert values.plain_attributes(plain, of_class=True) == {"a": 1}
    assert values.plain_attributes(1) is None
    assert values.plain_attributes(plain) == {"a": 1}


def test_a_length_that_rises_is_tracked_and_a_steady_one_is_not():
    rows, _ = run("""
        def work():
            rising, steady = [0], [0] * 9
            for _ in range(6):
                look()
                rising.extend(rising)
        work()
    """)
    track = named(rows, "rising")["track"]
    assert track[::2] == [1, 2, 4, 8, 16, 32]
    assert track[1::2] == sorted(track[1::2])
    assert named(rows, "steady")["track"] == []


def test_a_long_track_is_thinned_evenly():
    pooled = values._Pooled()
    for number in range(5_000):
        pooled.samples += 1
        pooled.follow(number, 10 * number)
    lengths, moments = pooled.track[::2], pooled.track[1::2]
    assert len(pooled.track) <= 2 * values.MAX_TRACK
    assert len(lengths) > values.MAX_TRACK // 3
    assert moments == [10 * length for length in lengths]
    assert lengths == sorted(lengths)
    assert lengths[0] < 50
    assert lengths[-1] > 4_900
    gaps = [after - before for before, after in pairwise(lengths)]
    assert max(gaps[1:-1]) <= 2 * min(gaps[1:-1])


def test_calls_are_told_apart_by_their_arguments():
    rows, _ = run("""
        def work(number, *, name="x"):
            look()
            look()
        def other(items):
            look()
        def variadic(*numbers):
            look()
        for number in (1, 2, 1, 1.0, 3):
            work(number)
            other([number])
            variadic(number)
        work(1, name="y")
    """)
    (calls,) = [row for row in rows if row["name"] == values.ARGUMENTS]
    # Two looks at one call are one; 1 and 1.0 are equal, but not the same.
    assert (calls["function"], calls["distinct"]) == ("work", 5)
    assert 5 <= calls["samples"] <= 6


def test_arguments_that_would_run_code_to_be_hashed_are_left_alone():
    rows, _ = run("""
        class Number(int):
            def __hash__(self):
                raise RuntimeError("hashed")
        def work(number):
            look()
        for number in (Number(1), Number(2), (Number(1),), [1]):
            work(number)
    """)
    assert not [row for row in rows if row["name"] == values.ARGUMENTS]
