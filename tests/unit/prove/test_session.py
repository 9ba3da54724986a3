"""The order of a session: what is compared with what, and what becomes of each rewrite."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.prove.made_up import Bench, MadeUp, find_trial, list_verdicts

from whet.errors import TargetError
from whet.model.trial import Verdict
from whet.prove import totals
from whet.prove.options import ProveOptions
from whet.prove.run import Limits, Observed, RunSampler, Workload


def test_each_rewrite_and_all_together_are_measured(bench: Bench) -> None:
    proof = bench.prove("abc", gains={"a": 2.0, "b": 1.3, "c": 1.1}, noise=0.01)
    assert list_verdicts(proof) == dict.fromkeys("abc", Verdict.FASTER)
    assert proof.total is not None
    assert proof.total_verdict is Verdict.FASTER
    assert proof.total.low <= 2.86 <= proof.total.high
    assert proof.total.pairs == totals.EARLY_PAIRS
    assert proof.total.confidence == 0.99
    assert proof.applied == ("a", "b", "c")
    for letter, gain in (("a", 2.0), ("b", 1.3), ("c", 1.1)):
        won = find_trial(proof, letter).gain
        assert won is not None
        assert won.low <= gain <= won.high
    assert proof.checked.is_checked
    assert proof.checked.stdout_bytes == 10
    assert proof.checked.candidates == ("out.txt",)
    assert proof.runs == bench.program.runs


def test_what_wins_without_offers_is_a_total_of_its_own(bench: Bench) -> None:
    proof = bench.prove("abc", gains={"a": 2.0, "b": 1.3, "c": 1.1}, offers="a")
    assert proof.total is not None
    assert proof.total.low <= 2.86 <= proof.total.high
    assert proof.offers == ("a",)
    assert proof.without_offers is not None
    assert (proof.without_offers.verdict, proof.without_offers.applied) == (Verdict.FASTER, ("b", "c"))
    assert proof.without_offers.gain is not None
    assert proof.without_offers.gain.low <= 1.43 <= proof.without_offers.gain.high
    assert bench.prove("ab", gains={"a": 2.0, "b": 1.3}).without_offers is None
    only = bench.prove("ab", gains={"a": 2.0, "b": 1.0}, offers="a").without_offers
    assert only is not None
    assert (only.gain, only.applied) == (None, ())


def test_an_offer_gives_way_where_two_cannot_be_had(bench: Bench) -> None:
    """Two that only fail together: of these the offer goes, though it comes first."""
    proof = bench.prove("ab", gains={"a": 1.5, "b": 1.5}, quirks={"ab": "differs"}, offers="a")
    assert list_verdicts(proof) == {"a": Verdict.DIFFERENT_OUTPUT, "b": Verdict.FASTER}
    assert proof.without_offers is None


def test_small_offers_are_judged_apart_from_other_small_ones(bench: Bench) -> None:
    shares = dict.fromkeys("bcde", 0.01)
    proof = bench.prove("abcde", shares, gains=dict.fromkeys("abcde", 1.1), offers="be")
    assert find_trial(proof, "b").group == find_trial(proof, "e").group == ("b", "e")
    assert find_trial(proof, "c").group == ("c", "d")


def test_one_rewrite_needs_no_leaving_out(bench: Bench) -> None:
    proof = bench.prove("a", gains={"a": 1.5})
    assert list_verdicts(proof) == {"a": Verdict.FASTER}
    assert set(bench.program.contents) == {"watch", "baseline", "all", "won"}


@pytest.mark.parametrize(
    ("quirk", "verdict", "why"),
    [
        ("differs", Verdict.DIFFERENT_OUTPUT, "stdout, line 1: 'result 42' became 'result 43'"),
        ("fails", Verdict.FAILED, "exit 1 instead of exit 0: KeyError: 7"),
        ("hangs", Verdict.FAILED, "it did not end within"),
        ("no syntax", Verdict.FAILED, "it does not compile: SyntaxError: no"),
    ],
)
@pytest.mark.parametrize("letters", ["b", "abc"])
def test_what_does_something_else_is_refuted_and_spoils_nothing(
    bench: Bench, letters: str, quirk: str, verdict: Verdict, why: str
) -> None:
    proof = bench.prove(letters, gains=dict.fromkeys("abc", 1.5), quirks={"b": quirk})
    assert find_trial(proof, "b").verdict is verdict
    assert why in find_trial(proof, "b").why
    assert proof.applied == tuple(letter for letter in letters if letter != "b")
    assert (proof.total_verdict is Verdict.FASTER) == (letters == "abc")


def test_two_that_only_fail_together_are_not_both_kept(bench: Bench) -> None:
    proof = bench.prove("abc", gains=dict.fromkeys("abc", 1.5), quirks={"ac": "differs"})
    assert list_verdicts(proof) == {"a": Verdict.FASTER, "b": Verdict.FASTER, "c": Verdict.DIFFERENT_OUTPUT}
    assert find_trial(proof, "c").why.startswith("together with the others: stdout")
    assert proof.applied == ("a", "b")


def test_what_is_slower_is_refuted_and_left_out(bench: Bench) -> None:
    proof = bench.prove("ab", gains={"a": 1.5, "b": 0.8})
    assert list_verdicts(proof) == {"a": Verdict.FASTER, "b": Verdict.SLOWER}
    assert proof.applied == ("a",)
    assert proof.total is not None
    assert proof.total.low <= 1.5 <= proof.total.high


def test_of_two_that_win_the_same_one_is_kept(bench: Bench) -> None:
    """Leaving either out changes nothing, for the other one is there; yet together they win."""
    proof = bench.prove("abc", gains={"c": 1.3}, twins="ab")
    assert list_verdicts(proof) == {"a": Verdict.FASTER, "b": Verdict.NO_DIFFERENCE, "c": Verdict.FASTER}
    assert set(proof.applied) == {"a", "c"}
    assert proof.total is not None
    assert proof.total.low <= 2.6 <= proof.total.high


def test_many_small_gains_are_kept_as_one_where_they_are_seen_together_only(bench: Bench) -> None:
    gains = {"a": 1.5} | dict.fromkeys("bcdefgh", 1.07)
    proof = bench.prove("abcdefgh", gains=gains, noise=0.05, seconds=4.0)
    assert find_trial(proof, "a").verdict is Verdict.FASTER
    group = find_trial(proof, "h").group
    assert len(group) > 3
    assert {find_trial(proof, letter).verdict for letter in group} == {Verdict.FASTER}
    assert proof.total is not None
    assert proof.total.low > 1.5


def test_what_wins_nothing_is_not_called_faster(bench: Bench) -> None:
    """Four rewrites without any effect, often: a false call is as rare as promised for the whole command."""
    wrong = 0
    for seed in range(20):
        proof = bench.prove("abcd", seed=seed, noise=0.035, options=ProveOptions(seed=seed))
        wrong += any(trial.verdict in {Verdict.FASTER, Verdict.SLOWER} for trial in proof.trials)
        wrong += proof.total_verdict is Verdict.FASTER
    assert wrong <= 1  # 0.2 are expected


def test_small_ones_are_judged_as_one(bench: Bench) -> None:
    proof = bench.prove("abc", {"a": 0.5, "b": 0.01, "c": 0.012}, gains={"a": 1.5, "b": 1.06, "c": 1.05})
    assert list_verdicts(proof) == dict.fromkeys("abc", Verdict.FASTER)
    assert find_trial(proof, "b").group == find_trial(proof, "c").group == ("b", "c")
    assert find_trial(proof, "b").gain == find_trial(proof, "c").gain
    assert find_trial(proof, "a").group == ()


def test_of_those_judged_as_one_each_must_be_sound(bench: Bench) -> None:
    shares = dict.fromkeys("abc", 0.01)
    proof = bench.prove("abc", shares, gains=dict.fromkeys("abc", 1.1), quirks={"b": "differs"})
    assert list_verdicts(proof) == {"a": Verdict.FASTER, "b": Verdict.DIFFERENT_OUTPUT, "c": Verdict.FASTER}
    assert find_trial(proof, "a").group == ("a", "c")
    assert find_trial(proof, "b").group == ()


def test_a_program_that_does_not_agree_with_itself_is_timed_but_not_called_checked(bench: Bench) -> None:
    proof = bench.prove("ab", gains={"a": 2.0, "b": 1.3}, is_unstable=True)
    assert set(list_verdicts(proof).values()) == {Verdict.FASTER}
    assert not proof.checked.is_checked
    assert "is not reproducible: stdout, line 2" in proof.checked.unchecked


def test_a_difference_that_the_baseline_shows_too_refutes_nothing(bench: Bench) -> None:
    """It agreed with itself twice, by chance; from the first run of the candidate on it does not."""
    proof = bench.prove("ab", gains={"a": 2.0, "b": 1.3}, unstable_from=3)
    assert set(list_verdicts(proof).values()) == {Verdict.FASTER}
    assert "is not reproducible" in proof.checked.unchecked


def test_a_program_that_prints_nothing_is_not_called_checked(bench: Bench) -> None:
    proof = bench.prove("a", gains={"a": 2.0}, prints=b"")
    assert not proof.checked.is_checked
    assert "it printed nothing" in proof.checked.unchecked


def test_tests_refute_what_they_fail_on(bench: Bench) -> None:
    options = ProveOptions(tests="pytest -q", seed=1)
    proof = bench.prove("ab", gains={"a": 2.0, "b": 2.0}, quirks={"b": "breaks tests"}, prints=b"", options=options)
    assert list_verdicts(proof) == {"a": Verdict.FASTER, "b": Verdict.DIFFERENT_OUTPUT}
    assert find_trial(proof, "b").why == "tests fail: 1 failed"
    assert proof.checked.is_checked


def test_a_program_that_ends_otherwise_the_second_time_is_no_baseline(bench: Bench) -> None:
    plain_run = MadeUp.run

    def run(self: MadeUp, workload: Workload, limits: Limits, out: Path, _: RunSampler | None = None) -> Observed:
        self.quirks[""] = "fails" if self.runs == 1 else ""
        return plain_run(self, workload, limits, out)

    bench.monkeypatch.setattr(MadeUp, "run", run)
    with pytest.raises(TargetError, match="ended with status 1, then with 0"):
        bench.prove("a", gains={"a": 2.0})


def test_what_does_not_reach_the_program_is_not_compared(bench: Bench) -> None:
    proof = bench.prove("ab", gains={"a": 2.0}, why_not_exchanged="the program did not import a.py")
    assert set(list_verdicts(proof).values()) == {Verdict.NOT_RUN}
    assert find_trial(proof, "a").why == "the program did not import a.py"
    assert proof.runs == 2, "the unmodified program only"
