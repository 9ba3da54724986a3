"""Interpreters on which whet only times programs, and those on which it measures them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from whet.errors import TargetError
from whet.program.ask import ask_interpreter, name_unsuitable
from whet.program.interpreter import check_interpreter


@pytest.mark.parametrize(
    ("implementation", "version", "measured", "timed"),
    [
        ("cpython", (3, 11, 0), True, True),
        ("cpython", (3, 10, 13), False, True),
        ("cpython", (3, 8, 18), False, True),
        ("cpython", (3, 7, 16), False, False),
        ("cpython", (2, 7, 18), False, False),
        ("pypy", (3, 11, 0), False, True),
        ("pypy", (3, 7, 0), False, False),
        ("graalpy", (3, 11, 0), False, False),
    ],
)
def test_older_ones_and_pypy_are_timed_and_not_measured(implementation, version, measured, timed):
    path = Path(sys.executable)
    answer = replace(ask_interpreter(path), implementation=implementation, version=version)
    assert (not name_unsuitable(answer, timed=False)) == measured
    assert (not name_unsuitable(answer, timed=True)) == timed
    for is_timed, is_taken in ((False, measured), (True, timed)):
        if is_taken:
            assert check_interpreter(path, "--python", None, answer, timed=is_timed).answer == answer
        else:
            with pytest.raises(TargetError, match="cannot be used"):
                check_interpreter(path, "--python", None, answer, timed=is_timed)
