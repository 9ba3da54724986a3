"""How much a session runs: budgets, interruptions, what is known already, and totals that need more or fewer pairs."""

from __future__ import annotations

import math
import re

import pytest
from tests.unit.prove.made_up import Bench, find_trial, list_verdicts

from whet.model.trial import Verdict
from whet.prove import totals
from whet.prove.options import Aim, ProveOptions
from whet.prove.variants import Step


@pytest.mark.parametrize("budget", [40, 50])
def test_what_the_budget_does_not_hold_apart_is_judged_as_one(bench: Bench, budget: float) -> None:
    proof = bench.prove("abcdef", gains=dict.fromkeys("abcdef", 1.2), options=ProveOptions(budget=budget, seed=1))
    assert find_trial(proof, "a").group == ()
    group = find_trial(proof, "f").group
    assert 1 < len(group) < 6
    assert any(f"so {len(group)} were judged together" in note for note in proof.notes)
    assert {find_trial(proof, letter).verdict for letter in group} == {Verdict.FASTER}
    assert bench.program.now < budget + 3


def test_a_budget_for_nothing_proves_nothing(bench: Bench) -> None:
    proof = bench.prove("ab", gains={"a": 3.0, "b": 3.0}, options=ProveOptions(budget=3, seed=1))
    assert set(list_verdicts(proof).values()) == {Verdict.NOT_RUN}
    assert (proof.total, proof.total_verdict, proof.applied) == (None, Verdict.NOT_RUN, ())


@pytest.mark.parametrize("budget", [7.2, 15.0])
def test_a_small_budget_gives_a_verdict_on_the_best_rewrite(bench: Bench, budget: float) -> None:
    """With 7 runs all but the first are pairs; with 15 the rewrites were run together before."""
    options = ProveOptions(budget=budget, seed=1)
    proof = bench.prove("abc", {"a": 0.3, "b": 0.6}, options, gains={"a": 2.0, "b": 2.0}, noise=0.005)
    assert list_verdicts(proof) == {"a": Verdict.NOT_RUN, "b": Verdict.FASTER, "c": Verdict.NOT_RUN}
    assert "only enough for the most promising" in find_trial(proof, "a").why
    gain = proof.total
    assert gain is not None and gain == find_trial(proof, "b").gain
    assert 3 <= gain.pairs <= 9 and gain.low <= 2.0 <= gain.high
    assert (proof.total_verdict, proof.applied) == (Verdict.FASTER, ("b",))
    assert bench.program.now <= budget + 2


@pytest.mark.parametrize(
    ("more", "verdict", "why"),
    [
        ({"quirks": {"a": "differs"}}, Verdict.DIFFERENT_OUTPUT, "became 'result 43'"),
        ({"quirks": {"a": "fails"}}, Verdict.FAILED, "KeyError"),
        ({"quirks": {"a": "no syntax"}}, Verdict.NOT_RUN, "too small"),
        ({"is_unstable": True}, Verdict.FASTER, ""),
    ],
)
def test_a_small_budget_refutes_too(bench: Bench, more: dict[str, object], verdict: Verdict, why: str) -> None:
    proof = bench.prove("a", options=ProveOptions(budget=7.2, seed=1), gains={"a": 2.5}, noise=0.005, **more)
    assert find_trial(proof, "a").verdict is verdict and why in find_trial(proof, "a").why


def test_nothing_is_run_for_what_cannot_matter(bench: Bench) -> None:
    proof = bench.prove("abc", {"b": 0.003, "c": 0.004}, gains={"a": 2.0, "b": 1.5, "c": 1.5})
    assert list_verdicts(proof) == {"a": Verdict.FASTER, "b": Verdict.NOT_RUN, "c": Verdict.NOT_RUN}
    assert find_trial(proof, "c").why == (
        "it cannot matter: its lines take at most 0.4 % of the run, and a gain counts from 2 % on"
    )
    assert not any("C" in source for source in bench.program.contents.values())
    nothing = bench.prove("b", {"b": 0.003})
    assert bench.program.runs == 0 and nothing.total is None
    saving = bench.prove("b", {"b": 0.003}, ProveOptions(aim=Aim.MEMORY, seed=1), saves={"b": 0.5})
    assert list_verdicts(saving) == {"b": Verdict.LESS_MEMORY}


def test_progress_says_what_is_known_so_far(bench: Bench) -> None:
    steps: list[Step] = []
    bench.prove("a", gains={"a": 1.03}, options=ProveOptions(seed=1, progress=steps.append))
    assert re.fullmatch(r"so far 1\.0\d× \[\d\.\d\d, 1\.\d\d\]", next(step.known for step in steps if step.known))
    steps.clear()
    bench.prove("ab", gains={"a": 2.0, "b": 1.01}, options=ProveOptions(seed=1, progress=steps.append))
    assert "1 of 2 decided" in {step.known for step in steps}


def test_what_was_shown_to_gain_before_is_part_of_the_total_only(bench: Bench) -> None:
    proof = bench.prove("a", gains={"a": 1.5, "b": 2.0}, gained="b")
    assert list_verdicts(proof) == {"a": Verdict.FASTER}
    assert set(proof.applied) == {"a", "b"}
    assert proof.total is not None and proof.total.low <= 3.0 <= proof.total.high
    alone = find_trial(proof, "a").gain
    assert alone is not None and alone.low <= 1.5 <= alone.high
    kept = bench.prove("a", gains={"b": 2.0}, gained="b")
    assert kept.total is None and kept.applied == ()
    measured = bench.prove("a", gains={"b": 2.0}, gained="b", has_total=False)
    assert measured.applied == ("b",) and measured.total is not None
    only_total = bench.prove("", gains={"b": 2.0}, gained="b", has_total=False)
    assert only_total.applied == ("b",) and only_total.total is not None and only_total.total.low <= 2.0


def test_ctrl_c_keeps_what_is_settled(bench: Bench) -> None:
    """The sixth round is the first that is looked at; the interrupt comes in the ninth."""
    proof = bench.prove("ab", gains={"a": 2.0, "b": 1.01}, interrupt_at=4 + 8 * 3 + 2)
    assert find_trial(proof, "a").verdict is Verdict.FASTER
    assert find_trial(proof, "b").verdict is not Verdict.FASTER
    assert proof.total is None
    assert "ended by Ctrl-C: earlier verdicts are kept" in proof.notes


def test_ctrl_c_before_anything_is_settled_proves_nothing(bench: Bench) -> None:
    proof = bench.prove("ab", gains={"a": 2.0}, interrupt_at=2)
    assert set(list_verdicts(proof).values()) == {Verdict.NOT_RUN}


def test_a_number_of_runs_is_kept_to(bench: Bench) -> None:
    proof = bench.prove("ab", gains={"a": 2.0, "b": 1.3}, options=ProveOptions(runs=9, seed=1))
    assert {trial.gain.pairs for trial in proof.trials if trial.gain is not None} == {9}
    assert proof.total is not None
    assert proof.total.pairs == 9


def test_a_total_whose_size_is_not_clear_early_gets_the_pairs_planned(bench: Bench) -> None:
    proof = bench.prove("ab", gains={"a": 2.0, "b": 1.5}, noise=0.1, options=ProveOptions(seed=1, budget=9e4))
    assert proof.total is not None
    assert proof.total.pairs == totals.TOTAL_PAIRS
    assert proof.total.low <= 3 <= proof.total.high


@pytest.mark.parametrize(
    ("noise", "pairs"), [(0.01, totals.EARLY_PAIRS), (0.02, totals.MIDDLE_PAIRS), (0.05, totals.TOTAL_PAIRS)]
)
def test_a_large_gain_gets_pairs_until_it_is_told_within_a_twentieth(bench: Bench, noise: float, pairs: int) -> None:
    proof = bench.prove("a", gains={"a": 4.0}, noise=noise, seed=3, options=ProveOptions(seed=3, budget=9e4))
    assert proof.total is not None
    assert proof.total.pairs == pairs
    assert proof.total.low <= 4.0 <= proof.total.high
    assert pairs == totals.TOTAL_PAIRS or proof.total.high <= proof.total.low * math.exp(2 * totals.WIDEST)


def test_memory_that_is_clear_needs_no_more_pairs_for_the_time(bench: Bench) -> None:
    options = ProveOptions(seed=1, aim=Aim.MEMORY, budget=9e4)
    proof = bench.prove("a", gains={}, saves={"a": 0.5}, noise=0.1, options=options)
    assert proof.total is not None
    assert proof.total_verdict is Verdict.LESS_MEMORY
    assert proof.total.pairs == totals.EARLY_PAIRS


@pytest.mark.parametrize("seed", [5, 8, 10])
def test_a_total_that_shows_nothing_yet_gets_more_pairs(bench: Bench, seed: int) -> None:
    """What is left without the offer is small beside the noise, though it was shown where the offer was in place."""
    gains = {"a": 3.0, "b": 1.13}
    proof = bench.prove(
        "ab", gains=gains, offers="a", noise=0.1, seed=seed, options=ProveOptions(seed=seed, budget=9e4)
    )
    assert list_verdicts(proof) == {"a": Verdict.FASTER, "b": Verdict.FASTER}
    rest = proof.without_offers
    assert rest is not None
    assert rest.gain is not None
    assert rest.verdict is Verdict.FASTER
    assert rest.gain.pairs == 2 * totals.TOTAL_PAIRS
    assert rest.gain.low <= 1.13 <= rest.gain.high
    assert proof.total is not None
    assert proof.total.pairs == totals.TOTAL_PAIRS
