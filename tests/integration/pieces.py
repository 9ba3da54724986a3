"""Pieces that several test programs are made of, and what is known of those under ``fixtures``."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.integration.conftest import Ran

TARGETS = Path(__file__).parents[2] / "fixtures" / "targets"

BUSY = """
import time

def burn(seconds):
    numbers = list(range(500))
    until = time.process_time() + seconds
    while time.process_time() < until:
        sum(number * number for number in numbers)
"""
"""A module ``busy`` whose function computes for so many seconds of CPU time of the process."""

CRUNCH = """
def crunch(rounds=20_000):
    total = 0
    for number in range(rounds):
        total += number * number % 7
    return total
"""
"""Some milliseconds of computing, again and again, for a service."""


def mark_slow(values: Iterable[Any], quick: Collection[Any]) -> list[Any]:
    """Return the parameters of a test of which only the ``quick`` ones run by ``make test``."""
    return [value if value in quick else pytest.param(value, marks=pytest.mark.slow) for value in values]


def read_expected(name: str) -> Any:
    return json.loads((TARGETS / name).read_text("utf-8"))


def needs_py_spy(ran: Ran) -> None:
    """Skip where pyinstrument took its place; other warnings, as of a busy machine, do not matter."""
    if told := [each for each in ran.warnings_about("py-spy") if "instead" in each]:
        pytest.skip(f"py-spy may not read other processes here: {told}")
