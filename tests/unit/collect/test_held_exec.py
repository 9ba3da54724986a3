"""A program and a sampler that wait for each other are told from those that only take turns."""

from __future__ import annotations

import pytest

from whet.collect import held_exec
from whet.collect.held_exec import LOOKS, HeldExec

PROGRAM, SAMPLER = 10, 20


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> dict[int, list[bytes]]:
    """The threads of both; time passes with each look."""
    made: dict[int, list[bytes]] = {PROGRAM: [b"S", b"t"], SAMPLER: [b"S", b"S"]}
    clock = iter(range(1_000_000))
    monkeypatch.setattr(held_exec, "_list_states", lambda pid: iter(made[pid]))
    monkeypatch.setattr(held_exec, "monotonic", lambda: next(clock))
    monkeypatch.setattr(held_exec.sys, "platform", "linux")
    return made


def test_both_wait(states: dict[int, list[bytes]]) -> None:
    held = HeldExec(PROGRAM)
    assert [held.is_held(SAMPLER) for _ in range(LOOKS)] == [False] * (LOOKS - 1) + [True]


@pytest.mark.parametrize(
    ("who", "threads"), [(SAMPLER, [b"S", b"R"]), (SAMPLER, [b"D"]), (PROGRAM, [b"S", b"R"]), (PROGRAM, [])]
)
def test_one_of_them_goes_on(states: dict[int, list[bytes]], who: int, threads: list[bytes]) -> None:
    held = HeldExec(PROGRAM)
    for _ in range(LOOKS - 1):
        assert not held.is_held(SAMPLER)
    before, states[who] = states[who], threads
    assert not held.is_held(SAMPLER)
    states[who] = before
    assert not held.is_held(SAMPLER)


def test_it_is_looked_for_now_and_then(states: dict[int, list[bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_exec, "monotonic", lambda: 1.0)
    states[PROGRAM] = [b"S"]
    held = HeldExec(PROGRAM)
    assert not held.is_held(SAMPLER)
    states[PROGRAM] = [b"t"]
    assert not any(held.is_held(SAMPLER) for _ in range(3 * LOOKS))
