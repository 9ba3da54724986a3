"""Any version of line_profiler leaves the program alone: it works, or there are no hits."""

from __future__ import annotations

import weakref
from collections.abc import Callable

import pytest

from whet._target import windows


class Working:
    """As newer versions are."""

    def add_function(self, function: Callable[[], None]) -> None:
        weakref.ref(self)


class Slotted:
    """As versions before 5.1 are, whose instances cannot be referred to weakly."""

    __slots__ = ()

    def add_function(self, function: Callable[[], None]) -> None:
        weakref.ref(self)


class Broken:
    """As none is known to be."""

    def add_function(self, function: Callable[[], None]) -> None:
        raise AttributeError("no such thing")


def test_a_version_that_works_is_taken_as_it_is() -> None:
    assert windows._try_out(Working) is Working


def test_one_that_needs_a_subclass_gets_one() -> None:
    made = windows._try_out(Slotted)
    assert made is not Slotted
    assert issubclass(made, Slotted)
    made().add_function(lambda: None)


def test_one_that_does_not_work_is_told_and_not_used() -> None:
    with pytest.raises(ImportError, match="line_profiler does not work here: AttributeError: no such thing"):
        windows._try_out(Broken)
