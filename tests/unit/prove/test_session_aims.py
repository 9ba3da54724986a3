"""What a session proves besides time: memory, and which hunk of a change carries the gain."""

from __future__ import annotations

import math
import re

import pytest
from tests.unit.prove.made_up import Bench, MadeUp, find_trial, list_verdicts

from whet.model.trial import GAINED, Verdict
from whet.prove.options import Aim, ProveOptions
from whet.report.proof_text import describe_hunks, describe_total

SAVING = {"a": 0.73, "b": 0.5, "c": 1.0}
SPEEDS = {"a": 1.0, "b": 0.8, "c": 1.5}


@pytest.mark.parametrize(
    ("aim", "verdicts"),
    [
        (Aim.TIME, {"a": Verdict.NO_DIFFERENCE, "b": Verdict.SLOWER, "c": Verdict.FASTER}),
        (Aim.BOTH, {"a": Verdict.LESS_MEMORY, "b": Verdict.SLOWER, "c": Verdict.FASTER}),
        (Aim.MEMORY, {"a": Verdict.LESS_MEMORY, "b": Verdict.LESS_MEMORY, "c": Verdict.NO_DIFFERENCE}),
    ],
)
def test_what_is_kept_depends_on_what_is_to_be_saved(bench: Bench, aim: Aim, verdicts: dict[str, Verdict]) -> None:
    proof = bench.prove("abc", gains=SPEEDS, saves=SAVING, options=ProveOptions(seed=1, aim=aim))
    assert list_verdicts(proof) == verdicts
    kept = [letter for letter, verdict in verdicts.items() if verdict in GAINED]
    assert list(proof.applied) == kept
    for letter in "abc":
        gain = find_trial(proof, letter).gain
        assert gain is not None
        assert gain.memory is not None
        assert gain.memory.low <= SAVING[letter] <= gain.memory.high
    assert proof.total is not None
    assert proof.total.memory is not None
    left = math.prod(SAVING[letter] for letter in kept)
    assert proof.total.memory.low <= left <= proof.total.memory.high
    assert proof.total_verdict is (Verdict.LESS_MEMORY if aim is Aim.MEMORY else Verdict.FASTER)


def test_memory_that_a_rewrite_costs_is_told_beside_its_speed(bench: Bench) -> None:
    proof = bench.prove("a", gains={"a": 2.0}, saves={"a": 1.4})
    assert list_verdicts(proof) == {"a": Verdict.FASTER}
    assert "40 % more memory [" in describe_total(proof)[0]


def test_same_speed_with_less_memory_is_a_total(bench: Bench) -> None:
    proof = bench.prove("a", saves={"a": 0.73}, options=ProveOptions(seed=1, aim=Aim.BOTH))
    assert re.search(
        r"1 rewrite, measured same speed \[.*\], 27 % less memory \[2\d, 2\d\] on", describe_total(proof)[0]
    )
    slower = bench.prove("a", gains={"a": 0.5}, saves={"a": 0.73}, options=ProveOptions(seed=1, aim=Aim.MEMORY))
    assert "measured 0.50× as fast" in describe_total(slower)[0]


def test_hunks_of_one_change_are_told_apart(bench: Bench) -> None:
    proof = bench.prove("abcd", gains={"a": 1.5, "b": 0.8}, quirks={"d": "fails"}, as_one=True)
    assert [trial.verdict for trial in proof.trials] == [Verdict.FAILED]
    assert proof.parts == ()
    proof = bench.prove("abc", gains={"a": 1.5, "b": 0.8}, as_one=True)
    assert proof.total is not None
    assert proof.total.low < 1.2 < proof.total.high
    assert [part.verdict for part in proof.parts] == [Verdict.FASTER, Verdict.SLOWER, Verdict.NO_DIFFERENCE]
    gains = [part.gain for part in proof.parts]
    assert gains[0] is not None and gains[0].low < 1.5 < gains[0].high
    assert gains[1] is not None and gains[1].low < 0.8 < gains[1].high
    said = describe_hunks(proof)
    assert said[0].startswith("a, app.py: measured faster 1.5") and "pairs of runs" in said[0]
    assert said[1].startswith("b, app.py: slower 0.")


def test_a_hunk_that_cannot_be_left_out_is_told_so(bench: Bench) -> None:
    """The rest of the change needs it: without it the program fails, or does not compile."""
    for quirk, words in (
        ("fails", "without it: exit 1 instead of exit 0"),
        ("no syntax", "does not compile without it"),
    ):
        bench.monkeypatch.setattr(MadeUp, "NEEDS", ("a", "b", quirk))
        proof = bench.prove("ab", gains={"a": 1.5}, as_one=True)
        assert proof.total_verdict is Verdict.FASTER
        assert [part.verdict for part in proof.parts] == [Verdict.NOT_RUN, Verdict.NO_DIFFERENCE]
        assert words in proof.parts[0].why
        assert words in describe_hunks(proof)[0]


def test_hunks_are_left_untold_where_no_time_is_left(bench: Bench) -> None:
    options = ProveOptions(seed=1, budget=40)
    proof = bench.prove("ab", gains={"a": 1.5}, as_one=True, options=options)
    assert proof.total is not None
    assert {part.verdict for part in proof.parts} == {Verdict.NOT_RUN}
    assert "the budget was used up" in describe_hunks(proof)[0]
