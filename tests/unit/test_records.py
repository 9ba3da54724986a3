"""Records behave as frozen dataclasses with slots do, but that nothing stops an assignment."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
from dataclasses import field, replace

import pytest

from whet.records import dataclass


def define(decorator):
    class Inner:
        """What a record may hold."""

        name: str
        size: int = 3

    class Outer:
        """A record."""

        inner: object
        values: tuple[float, ...] = ()
        note: str = field(default="", compare=False)
        text: str = field(default="", repr=False)

        @property
        def total(self) -> float:
            return sum(self.values)

    make = decorator(frozen=True, slots=True)
    return make(Inner), make(Outer)


@dataclass(frozen=True, slots=True)
class Place:
    file: str
    line: int = 0


@pytest.fixture(params=[dataclass, dataclasses.dataclass], ids=["ours", "the library's"])
def classes(request):
    return define(request.param)


def test_fields_make_equality_hash_and_text(classes):
    inner, outer = classes
    one, same = outer(inner("a"), (1.0, 2.0), "x"), outer(inner("a"), (1.0, 2.0), note="y", text="")
    assert one == same and hash(one) == hash(same)
    assert one != replace(one, values=(1.0,)) and one != replace(one, text="t")
    assert one != (inner("a"), (1.0, 2.0)) and inner("a") != Place("a", 3)
    assert repr(replace(one, text="hidden")).endswith(
        "Outer(inner=" + repr(inner("a")) + ", values=(1.0, 2.0), note='x')"
    )
    assert len({one, same}) == 1
    assert one.total == 3.0


def test_two_not_a_numbers_are_equal_where_they_are_one_object():
    """As in a tuple; the library's compare field by field from 3.13 on."""
    _, outer = define(dataclass)
    assert outer(math.nan) == outer(math.nan)
    assert outer(math.nan) != outer(-math.nan)


def test_there_is_no_room_for_other_names(classes):
    inner, _ = classes
    assert not hasattr(inner("a"), "__dict__")
    with pytest.raises((AttributeError, TypeError)):
        inner("a").other = 1
    with pytest.raises(TypeError):
        inner("a", 1, 2)
    assert [each.name for each in dataclasses.fields(inner)] == ["name", "size"]
    assert inner.__match_args__ == ("name", "size")


def test_copies_and_pickles_are_equal():
    place = Place("a.py", 3)
    for again in (copy.deepcopy(place), pickle.loads(pickle.dumps(place)), dataclasses.replace(place)):
        assert again == place and type(again) is Place


def test_other_options_are_the_librarys():
    @dataclass(slots=True)
    class Count:
        value: int = 0

    count = Count()
    count.value += 1
    assert count == Count(1) and Count.__hash__ is None
    assert dataclass(type("Plain", (), {"__annotations__": {"x": "int"}}))(1).x == 1
