"""The order of a session, on a program that is made up: its cost and its output follow from its source and a seed.

The source is a row of letters, one a rewrite; a rewrite makes its letter a capital one.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from whet.errors import TargetError
from whet.fix.files import hash_bytes
from whet.model.finding import Edit
from whet.model.trial import GAINED, FileEdits, Proof, RewriteRef, Trial, Verdict
from whet.prove import session, totals, variants
from whet.prove.options import Aim, ProveOptions
from whet.prove.rewrites import Rewrite
from whet.prove.run import Ended, Limits, Observed, Printed, RunSampler, Workload
from whet.prove.sandbox import Program
from whet.prove.session import ProofSession
from whet.prove.variants import Step
from whet.report.proof_text import describe_hunks, describe_total

LETTERS = "abcdefgh"
FILE = "app.py"


@dataclass
class MadeUp:
    """A program: ``gains`` are factors of its speed by letter, ``quirks`` what else a rewrite does."""

    folder: Path
    gains: dict[str, float] = field(default_factory=dict)
    quirks: dict[str, str] = field(default_factory=dict)
    twins: str = ""
    """Letters that win twice the speed, whichever is there."""
    noise: float = 0.02
    seconds: float = 1.0
    seed: int = 1
    is_unstable: bool = False
    unstable_from: int = 10**9
    interrupt_at: int = 0
    prints: bytes = b"result 42\n"
    saves: Mapping[str, float] = field(default_factory=dict)
    """By letter, what is left of the memory: 0.7."""
    now: float = 0.0
    runs: int = 0
    current: str = ""
    contents: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)

    NEEDS = ("", "", "")
    """A letter that another one needs, and what happens without it."""

    def lacks(self, source: str) -> str:
        needed, by, quirk = self.NEEDS
        return quirk if by and by.upper() in source and needed.upper() not in source else ""

    def speed(self, source: str) -> float:
        factor = 1.0
        for letter, gain in self.gains.items():
            factor *= gain if letter.upper() in source else 1
        return factor * (2 if any(letter.upper() in source for letter in self.twins) else 1)

    def run(self, workload: Workload, limits: Limits, out: Path, sampler: RunSampler | None = None) -> Observed:
        self.runs += 1
        if self.runs == self.interrupt_at:
            raise KeyboardInterrupt
        source = self.contents[self.current]
        seconds = self.seconds / self.speed(source) * (1 + self.rng.gauss(0, self.noise))
        quirks = {self.quirks[letter] for letter in self.quirks if set(letter.upper()) <= set(source)}
        quirks.add(self.lacks(source))
        printed, status, ended, words = self.prints, 0, None, b""
        if self.is_unstable or self.runs >= self.unstable_from:
            printed += b"%d\n" % self.runs
        if "differs" in quirks:
            printed = printed.replace(b"42", b"43")
        if "fails" in quirks:
            printed, status, words = b"", 1, b"KeyError: 7\n"
        if "hangs" in quirks:
            seconds, ended = limits.seconds, Ended.TIME
        self.now += seconds
        nanoseconds = round(seconds * 1e9)
        return Observed(
            status,
            nanoseconds,
            nanoseconds,
            self.peak(source),
            self._print(printed, "stdout"),
            self._print(words, "stderr"),
            ended,
        )

    def peak(self, source: str) -> int:
        left = 1 + self.rng.gauss(0, 0.002)
        for letter, part in self.saves.items():
            left *= part if letter.upper() in source else 1
        return round(50_000_000 * left)

    def _print(self, data: bytes, name: str) -> Printed:
        file = self.folder / name
        file.write_bytes(data)
        return Printed(file, len(data), hashlib.sha256(data).hexdigest())

    def test(self, source: str) -> Observed:
        is_broken = any(quirk == "breaks tests" and letter.upper() in source for letter, quirk in self.quirks.items())
        self.now += 1
        return Observed(
            int(is_broken),
            1,
            1,
            0,
            self._print(b"1 failed\n" if is_broken else b"ok\n", "tests"),
            self._print(b"", "e"),
        )


class FakeStage:
    """Stands in for :class:`whet.prove.sandbox.Sandbox`."""

    program: MadeUp

    def __init__(self, program: object, originals: Mapping[str, bytes], *_: object, notes: list[str]) -> None:
        self.originals = originals
        self.notes = notes
        self.candidates = ("out.txt",)
        self.directory = self.program.folder
        self.is_copy = False

    def open(self, _seconds: float) -> Observed:
        self.define({"watch": self.originals})
        self.enter("watch")
        return self.program.run(Workload((), "", {}), Limits(seconds=60), self.program.folder)

    def define(self, variants: Mapping[str, Mapping[str, bytes]]) -> dict[str, str]:
        failed = {}
        for variant, files in variants.items():
            text = files[FILE].decode()
            self.program.contents[variant] = text
            broken = (letter for letter, quirk in self.program.quirks.items() if quirk == "no syntax")
            if self.program.lacks(text) == "no syntax" or any(letter.upper() in text for letter in broken):
                failed[variant] = "SyntaxError: no"
        return failed

    def enter(self, variant: str) -> Workload:
        self.program.current = variant
        return Workload((), "", {})

    def make_start(self) -> None:
        return None

    def reset(self) -> None:
        pass

    def run_tests(self, variant: str, _line: str, _seconds: float) -> Observed:
        return self.program.test(self.program.contents[variant])


@dataclass
class Bench:
    """Proves rewrites of a made-up program."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def prove(
        self,
        letters: str,
        shares: Mapping[str, float] | None = None,
        options: ProveOptions | None = None,
        offers: str = "",
        as_one: bool = False,
        gained: str = "",
        has_total: bool = True,
        **more: object,
    ) -> Proof:
        program = MadeUp(self.folder, **more)  # type: ignore[arg-type]
        fake = type("Sandbox", (FakeStage,), {"program": program})
        self.monkeypatch.setattr(session, "Sandbox", fake)
        self.monkeypatch.setattr(variants, "run_once", program.run)
        self.monkeypatch.setattr(variants, "monotonic", lambda: program.now)
        source = LETTERS.encode()
        rewrites = []
        for letter in letters + gained:
            at = LETTERS.index(letter)
            change = FileEdits(FILE, hash_bytes(source), (Edit(1, at, 1, at + 1, letter.upper()),))
            share = (shares or {}).get(letter, 0.5)
            rewrites.append(
                Rewrite(RewriteRef(letter, letter, letter, FILE), (change,), share, is_offer=letter in offers)
            )
        self.program = program
        hunks = []
        if as_one:
            hunks = rewrites
            changes = FileEdits(FILE, hash_bytes(source), tuple(each.changes[0].edits[0] for each in rewrites))
            rewrites = [Rewrite(RewriteRef("change", "change"), (changes,))]
        made = ProofSession(
            Program("python", str(self.folder)),
            {FILE: source},
            rewrites[: len(rewrites) - len(gained)],
            self.folder,
            {},
            options or ProveOptions(seed=1),
            hunks=hunks,
            gained=rewrites[len(rewrites) - len(gained) :],
            has_total=has_total,
        )
        return made.run()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def _verdicts(proof: Proof) -> dict[str, Verdict]:
    return {trial.ref.id: trial.verdict for trial in proof.trials}


def _trial(proof: Proof, letter: str) -> Trial:
    found = proof.trial_of(letter)
    assert found is not None
    return found


def test_each_rewrite_and_all_together_are_measured(bench: Bench) -> None:
    proof = bench.prove("abc", gains={"a": 2.0, "b": 1.3, "c": 1.1})
    assert _verdicts(proof) == dict.fromkeys("abc", Verdict.FASTER)
    assert proof.total is not None
    assert proof.total_verdict is Verdict.FASTER
    assert proof.total.low <= 2.86 <= proof.total.high
    assert proof.total.pairs == totals.EARLY_PAIRS
    assert proof.total.confidence == 0.99
    assert proof.applied == ("a", "b", "c")
    for letter, gain in (("a", 2.0), ("b", 1.3), ("c", 1.1)):
        won = _trial(proof, letter).gain
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
    assert _verdicts(proof) == {"a": Verdict.DIFFERENT_OUTPUT, "b": Verdict.FASTER}
    assert proof.without_offers is None


def test_small_offers_are_judged_apart_from_other_small_ones(bench: Bench) -> None:
    shares = dict.fromkeys("bcde", 0.01)
    proof = bench.prove("abcde", shares, gains=dict.fromkeys("abcde", 1.1), offers="be")
    assert _trial(proof, "b").group == _trial(proof, "e").group == ("b", "e")
    assert _trial(proof, "c").group == ("c", "d")


def test_one_rewrite_needs_no_leaving_out(bench: Bench) -> None:
    proof = bench.prove("a", gains={"a": 1.5})
    assert _verdicts(proof) == {"a": Verdict.FASTER}
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
    assert _trial(proof, "b").verdict is verdict
    assert why in _trial(proof, "b").why
    assert proof.applied == tuple(letter for letter in letters if letter != "b")
    assert (proof.total_verdict is Verdict.FASTER) == (letters == "abc")


def test_two_that_only_fail_together_are_not_both_kept(bench: Bench) -> None:
    proof = bench.prove("abc", gains=dict.fromkeys("abc", 1.5), quirks={"ac": "differs"})
    assert _verdicts(proof) == {"a": Verdict.FASTER, "b": Verdict.FASTER, "c": Verdict.DIFFERENT_OUTPUT}
    assert _trial(proof, "c").why.startswith("together with the others: stdout")
    assert proof.applied == ("a", "b")


def test_what_is_slower_is_refuted_and_left_out(bench: Bench) -> None:
    proof = bench.prove("ab", gains={"a": 1.5, "b": 0.8})
    assert _verdicts(proof) == {"a": Verdict.FASTER, "b": Verdict.SLOWER}
    assert proof.applied == ("a",)
    assert proof.total is not None
    assert proof.total.low <= 1.5 <= proof.total.high


def test_of_two_that_win_the_same_one_is_kept(bench: Bench) -> None:
    """Leaving either out changes nothing, for the other one is there; yet together they win."""
    proof = bench.prove("abc", gains={"c": 1.3}, twins="ab")
    assert _verdicts(proof) == {"a": Verdict.FASTER, "b": Verdict.NO_DIFFERENCE, "c": Verdict.FASTER}
    assert set(proof.applied) == {"a", "c"}
    assert proof.total is not None
    assert proof.total.low <= 2.6 <= proof.total.high


def test_many_small_gains_are_kept_as_one_where_they_are_seen_together_only(bench: Bench) -> None:
    gains = {"a": 1.5} | dict.fromkeys("bcdefgh", 1.07)
    proof = bench.prove("abcdefgh", gains=gains, noise=0.05, seconds=4.0)
    assert _trial(proof, "a").verdict is Verdict.FASTER
    group = _trial(proof, "h").group
    assert len(group) > 3
    assert {_trial(proof, letter).verdict for letter in group} == {Verdict.FASTER}
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
    assert _verdicts(proof) == dict.fromkeys("abc", Verdict.FASTER)
    assert _trial(proof, "b").group == _trial(proof, "c").group == ("b", "c")
    assert _trial(proof, "b").gain == _trial(proof, "c").gain
    assert _trial(proof, "a").group == ()


@pytest.mark.parametrize("budget", [40, 50])
def test_what_the_budget_does_not_hold_apart_is_judged_as_one(bench: Bench, budget: float) -> None:
    proof = bench.prove("abcdef", gains=dict.fromkeys("abcdef", 1.2), options=ProveOptions(budget=budget, seed=1))
    assert _trial(proof, "a").group == ()
    group = _trial(proof, "f").group
    assert 1 < len(group) < 6
    assert any(f"so {len(group)} were judged together" in note for note in proof.notes)
    assert {_trial(proof, letter).verdict for letter in group} == {Verdict.FASTER}
    assert bench.program.now < budget + 3


def test_of_those_judged_as_one_each_must_be_sound(bench: Bench) -> None:
    shares = dict.fromkeys("abc", 0.01)
    proof = bench.prove("abc", shares, gains=dict.fromkeys("abc", 1.1), quirks={"b": "differs"})
    assert _verdicts(proof) == {"a": Verdict.FASTER, "b": Verdict.DIFFERENT_OUTPUT, "c": Verdict.FASTER}
    assert _trial(proof, "a").group == ("a", "c")
    assert _trial(proof, "b").group == ()


def test_a_budget_for_nothing_proves_nothing(bench: Bench) -> None:
    proof = bench.prove("ab", gains={"a": 3.0, "b": 3.0}, options=ProveOptions(budget=3, seed=1))
    assert set(_verdicts(proof).values()) == {Verdict.NOT_RUN}
    assert (proof.total, proof.total_verdict, proof.applied) == (None, Verdict.NOT_RUN, ())


@pytest.mark.parametrize("budget", [7.2, 15.0])
def test_a_small_budget_gives_a_verdict_on_the_best_rewrite(bench: Bench, budget: float) -> None:
    """With 7 runs all but the first are pairs; with 15 the rewrites were run together before."""
    options = ProveOptions(budget=budget, seed=1)
    proof = bench.prove("abc", {"a": 0.3, "b": 0.6}, options, gains={"a": 2.0, "b": 2.0}, noise=0.005)
    assert _verdicts(proof) == {"a": Verdict.NOT_RUN, "b": Verdict.FASTER, "c": Verdict.NOT_RUN}
    assert "only enough for the most promising" in _trial(proof, "a").why
    gain = proof.total
    assert gain is not None and gain == _trial(proof, "b").gain
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
    assert _trial(proof, "a").verdict is verdict and why in _trial(proof, "a").why


def test_nothing_is_run_for_what_cannot_matter(bench: Bench) -> None:
    proof = bench.prove("abc", {"b": 0.003, "c": 0.004}, gains={"a": 2.0, "b": 1.5, "c": 1.5})
    assert _verdicts(proof) == {"a": Verdict.FASTER, "b": Verdict.NOT_RUN, "c": Verdict.NOT_RUN}
    assert _trial(proof, "c").why == (
        "it cannot matter: its lines take at most 0.4 % of the run, and a gain counts from 2 % on"
    )
    assert not any("C" in source for source in bench.program.contents.values())
    nothing = bench.prove("b", {"b": 0.003})
    assert bench.program.runs == 0 and nothing.total is None
    saving = bench.prove("b", {"b": 0.003}, ProveOptions(aim=Aim.MEMORY, seed=1), saves={"b": 0.5})
    assert _verdicts(saving) == {"b": Verdict.LESS_MEMORY}


def test_progress_says_what_is_known_so_far(bench: Bench) -> None:
    steps: list[Step] = []
    bench.prove("a", gains={"a": 1.03}, options=ProveOptions(seed=1, progress=steps.append))
    assert re.fullmatch(r"so far 1\.0\d× \[\d\.\d\d, 1\.\d\d\]", next(step.known for step in steps if step.known))
    steps.clear()
    bench.prove("ab", gains={"a": 2.0, "b": 1.01}, options=ProveOptions(seed=1, progress=steps.append))
    assert "2 of 3 decided" in {step.known for step in steps}


def test_what_was_shown_to_gain_before_is_part_of_the_total_only(bench: Bench) -> None:
    proof = bench.prove("a", gains={"a": 1.5, "b": 2.0}, gained="b")
    assert _verdicts(proof) == {"a": Verdict.FASTER}
    assert set(proof.applied) == {"a", "b"}
    assert proof.total is not None and proof.total.low <= 3.0 <= proof.total.high
    alone = _trial(proof, "a").gain
    assert alone is not None and alone.low <= 1.5 <= alone.high
    kept = bench.prove("a", gains={"b": 2.0}, gained="b")
    assert kept.total is None and kept.applied == ()
    measured = bench.prove("a", gains={"b": 2.0}, gained="b", has_total=False)
    assert measured.applied == ("b",) and measured.total is not None
    only_total = bench.prove("", gains={"b": 2.0}, gained="b", has_total=False)
    assert only_total.applied == ("b",) and only_total.total is not None and only_total.total.low <= 2.0


def test_ctrl_c_keeps_what_is_settled(bench: Bench) -> None:
    """The sixth round is the first that is looked at; the interrupt comes in the ninth."""
    proof = bench.prove("ab", gains={"a": 2.0, "b": 1.01}, interrupt_at=4 + 6 * 4 + 5)
    assert _trial(proof, "a").verdict is Verdict.FASTER
    assert _trial(proof, "b").verdict is not Verdict.FASTER
    assert proof.total is None
    assert "ended by Ctrl-C: earlier verdicts are kept" in proof.notes


def test_ctrl_c_before_anything_is_settled_proves_nothing(bench: Bench) -> None:
    proof = bench.prove("ab", gains={"a": 2.0}, interrupt_at=2)
    assert set(_verdicts(proof).values()) == {Verdict.NOT_RUN}


def test_a_program_that_does_not_agree_with_itself_is_timed_but_not_called_checked(bench: Bench) -> None:
    proof = bench.prove("ab", gains={"a": 2.0, "b": 1.3}, is_unstable=True)
    assert set(_verdicts(proof).values()) == {Verdict.FASTER}
    assert not proof.checked.is_checked
    assert "is not reproducible: stdout, line 2" in proof.checked.unchecked


def test_a_difference_that_the_baseline_shows_too_refutes_nothing(bench: Bench) -> None:
    """It agreed with itself twice, by chance; from the first run of the candidate on it does not."""
    proof = bench.prove("ab", gains={"a": 2.0, "b": 1.3}, unstable_from=3)
    assert set(_verdicts(proof).values()) == {Verdict.FASTER}
    assert "is not reproducible" in proof.checked.unchecked


def test_a_program_that_prints_nothing_is_not_called_checked(bench: Bench) -> None:
    proof = bench.prove("a", gains={"a": 2.0}, prints=b"")
    assert not proof.checked.is_checked
    assert "it printed nothing" in proof.checked.unchecked


def test_tests_refute_what_they_fail_on(bench: Bench) -> None:
    options = ProveOptions(tests="pytest -q", seed=1)
    proof = bench.prove("ab", gains={"a": 2.0, "b": 2.0}, quirks={"b": "breaks tests"}, prints=b"", options=options)
    assert _verdicts(proof) == {"a": Verdict.FASTER, "b": Verdict.DIFFERENT_OUTPUT}
    assert _trial(proof, "b").why == "tests fail: 1 failed"
    assert proof.checked.is_checked


def test_a_number_of_runs_is_kept_to(bench: Bench) -> None:
    proof = bench.prove("ab", gains={"a": 2.0, "b": 1.3}, options=ProveOptions(runs=9, seed=1))
    assert {trial.gain.pairs for trial in proof.trials if trial.gain is not None} == {9}
    assert proof.total is not None
    assert proof.total.pairs == 9


def test_a_program_that_ends_otherwise_the_second_time_is_no_baseline(bench: Bench) -> None:
    plain_run = MadeUp.run

    def run(self: MadeUp, workload: Workload, limits: Limits, out: Path, _: RunSampler | None = None) -> Observed:
        self.quirks[""] = "fails" if self.runs == 1 else ""
        return plain_run(self, workload, limits, out)

    bench.monkeypatch.setattr(MadeUp, "run", run)
    with pytest.raises(TargetError, match="ended with status 1, then with 0"):
        bench.prove("a", gains={"a": 2.0})


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
    assert _verdicts(proof) == verdicts
    kept = [letter for letter, verdict in verdicts.items() if verdict in GAINED]
    assert list(proof.applied) == kept
    for letter in "abc":
        gain = _trial(proof, letter).gain
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
    assert _verdicts(proof) == {"a": Verdict.FASTER}
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


def test_a_total_whose_size_is_not_clear_early_gets_the_pairs_planned(bench: Bench) -> None:
    proof = bench.prove("ab", gains={"a": 2.0, "b": 1.5}, noise=0.1, options=ProveOptions(seed=1, budget=9e4))
    assert proof.total is not None
    assert proof.total.pairs == totals.TOTAL_PAIRS
    assert proof.total.low <= 3 <= proof.total.high


def test_memory_that_is_clear_needs_no_more_pairs_for_the_time(bench: Bench) -> None:
    options = ProveOptions(seed=1, aim=Aim.MEMORY, budget=9e4)
    proof = bench.prove("a", gains={}, saves={"a": 0.5}, noise=0.1, options=options)
    assert proof.total is not None
    assert proof.total_verdict is Verdict.LESS_MEMORY
    assert proof.total.pairs == totals.EARLY_PAIRS


@pytest.mark.parametrize("seed", [3, 5, 8])
def test_a_total_that_shows_nothing_yet_gets_more_pairs(bench: Bench, seed: int) -> None:
    """What is left without the offer is small beside the noise, though it was shown where the offer was in place."""
    gains = {"a": 3.0, "b": 1.13}
    proof = bench.prove(
        "ab", gains=gains, offers="a", noise=0.1, seed=seed, options=ProveOptions(seed=seed, budget=9e4)
    )
    assert _verdicts(proof) == {"a": Verdict.FASTER, "b": Verdict.FASTER}
    rest = proof.without_offers
    assert rest is not None
    assert rest.gain is not None
    assert rest.verdict is Verdict.FASTER
    assert rest.gain.pairs == 2 * totals.TOTAL_PAIRS
    assert rest.gain.low <= 1.13 <= rest.gain.high
    assert proof.total is not None
    assert proof.total.pairs == totals.TOTAL_PAIRS
