"""Parts told by samples: a made-up program whose lines take known times, sampled with the error that samples have."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from whet.model.finding import Edit
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, StackTable
from whet.model.trial import Clock, FileEdits, RewriteRef
from whet.prove.behaviour_filter import ALL
from whet.prove.parts import judge_parts
from whet.prove.regions import Regions
from whet.prove.rewrites import Rewrite, Unit
from whet.prove.rounds import play
from whet.prove.run import Observed, Printed
from whet.prove.stats import Call, Design, plan_looks
from whet.prove.variants import BASELINE

FILE = "/p/a.py"
NOTHING = Printed(Path("/nowhere"), 0, "")
RATE = 200


def make_unit(line, *, text="x\n", end=None, hot=()):
    edit = Edit(line, 0, end or line + 1, 0, text)
    change = FileEdits(FILE, "", (edit,))
    lines = tuple((FILE, each) for each in hot)
    return Unit((Rewrite(RewriteRef(f"r{line}", "rule"), (change,), lines=lines),))


def make_profile(stacks: Mapping[tuple[int, ...], int]) -> Profile:
    """Return a profile: stacks are lines of the file, the outermost first, with their numbers of samples."""
    frames, parents, rows, values = [], [], [], []
    for lines, count in stacks.items():
        row = ROOT
        for line in lines:
            frames.append(Frame(FILE, f"f{line}", line, 1))
            parents.append(row)
            row = len(parents) - 1
        rows.append(row)
        values.append(count * 5_000_000)
    table = StackTable(tuple(parents), tuple(range(len(frames))))
    return Profile(
        "py-spy", tuple(frames), table, samples=(Samples(Metric.CPU, 0, rows, values, sum(stacks.values())),)
    )


class Sampled:
    """Stands for the runner. ``seconds`` are what stacks take before and after."""

    clock = Clock.CPU
    failures: Mapping[str, object] = {}
    interrupted = False

    def __init__(self, before, after, *, noise=0.03, seed=1, rate=RATE):
        self.seconds = {BASELINE: before, ALL: after}
        self.noise, self.rate = noise, rate
        self.rng = random.Random(seed)

    def left(self):
        return 1e9

    def expect(self, _):
        return 1.0

    def try_variant(self, variant):
        slow = 1 + self.rng.gauss(0, self.noise)
        seconds = {stack: each * slow for stack, each in self.seconds[variant].items()}
        whole = sum(seconds.values())
        stacks = self.rng.choices(list(seconds), list(seconds.values()), k=round(whole * self.rate))
        counts = {stack: stacks.count(stack) for stack in seconds}
        profiles = (make_profile(counts),) if self.rate else ()
        return Observed(0, round(whole * 1e9), round(whole * 1e9), 1000, NOTHING, NOTHING, profiles=profiles)


def tell(units, runner, design: Design | None = None, is_dear=lambda _: False):
    """Return the calls of units by their line, and of those that are unclear ``None``."""
    rng = random.Random(2)
    design = design or plan_looks(40, error=0.001)
    regions = Regions(units, {FILE: FILE})
    told, unclear = judge_parts(units, regions, runner, design, partial(play, runner, rng=rng), is_dear)
    calls = {unit.ids[0]: (match.call, gain) for unit, match, gain in told}
    return calls | {unit.ids[0]: (None, None) for unit in unclear}


UNITS = [make_unit(line) for line in (10, 20, 30)]
PLAIN = {(1, 10): 1.0, (1, 20): 0.5, (1, 30): 0.4, (1, 40): 2.0}


def test_each_part_is_found_at_its_size():
    runner = Sampled(PLAIN, {**PLAIN, (1, 10): 0.2, (1, 20): 0.25}, rate=1000)
    calls = tell(UNITS, runner)
    (ten, gain), (twenty, less), (thirty, _) = (calls[f"r{line}"] for line in (10, 20, 30))
    assert (ten, twenty) == (Call.FASTER, Call.FASTER) and thirty is not Call.FASTER
    assert gain.low < 1 + 0.8 / 2.85 < gain.high and less.low < 1 + 0.25 / 2.85 < less.high
    assert gain.by_samples and gain.baseline_ns > gain.candidate_ns
    assert gain.memory is None and not gain.baseline_peak_bytes


def test_nothing_is_found_where_nothing_is():
    """Neither of three parts nor of the rest of the program, in 150 sessions with an error of a hundredth each."""
    called = 0
    for seed in range(150):
        calls = tell(UNITS, Sampled(PLAIN, PLAIN, seed=seed), plan_looks(20, error=0.01 / 4))
        called += any(call in {Call.FASTER, None} for call, _ in calls.values())
    assert called <= 5


def test_a_part_of_five_per_cent_is_found():
    found = 0
    for seed in range(40):
        runner = Sampled(PLAIN, {**PLAIN, (1, 20): 0.3}, seed=seed)
        found += tell(UNITS, runner, plan_looks(60, error=0.01 / 4))["r20"][0] is Call.FASTER
    assert found >= 38


def test_rewrites_of_which_one_calls_the_other_are_not_told_apart():
    plain = {(1, 10): 1.0, (1, 10, 20): 0.5, (1, 30): 0.4, (1, 40): 2.0}
    calls = tell(UNITS, Sampled(plain, {**plain, (1, 10, 20): 0.1, (1, 30): 0.1}))
    assert calls["r10"][0] is calls["r20"][0] is None
    assert calls["r30"][0] is Call.FASTER


def test_a_gain_elsewhere_leaves_what_gained_nothing_unclear():
    calls = tell(UNITS, Sampled(PLAIN, {**PLAIN, (1, 40): 0.5, (1, 10): 0.2}))
    assert calls["r10"][0] is Call.FASTER
    assert calls["r20"][0] is calls["r30"][0] is None


def test_work_that_only_moved_is_left_to_runs_without_it():
    calls = tell(UNITS, Sampled(PLAIN, {**PLAIN, (1, 10): 0.1, (1, 40): 2.9}))
    assert {call for call, _ in calls.values()} == {None}


def test_a_part_that_got_slower_is_left_to_runs_without_it():
    assert tell(UNITS, Sampled(PLAIN, {**PLAIN, (1, 20): 1.5}))["r20"][0] is None


def test_what_pairs_do_not_decide_soon_is_left_to_shorter_runs():
    """From the first look on: what it decides is told, and pairs end once the others take less without each."""
    asked: list[list[str]] = []

    def is_dear(units):
        asked.append([unit.ids[0] for unit in units])
        return len(units) < 2

    runner = Sampled(PLAIN, {**PLAIN, (1, 10): 0.2, (1, 20): 0.3}, seed=3)
    calls = tell(UNITS, runner, plan_looks(400, error=0.001), is_dear)
    assert calls["r10"][0] is calls["r20"][0] is Call.FASTER
    assert calls["r30"] == (None, None)
    assert len(asked) > 1 and asked[-1] == ["r30"]


def test_runs_that_cannot_be_sampled_tell_nothing():
    assert {call for call, _ in tell(UNITS, Sampled(PLAIN, PLAIN, rate=0)).values()} == {None}


@pytest.mark.parametrize("text", ["x\n", "x\ny\nz\n", ""])
def test_lines_below_an_edit_move(text):
    units = [make_unit(10, text=text, hot=(14,)), make_unit(20, hot=(20, 25))]
    regions = Regions(units, {FILE: FILE})
    shift = text.count("\n") - 1
    assert {line for (_, line), unit in regions.before.items() if unit == 0} == {10, 14}
    assert {line for (_, line), unit in regions.after.items() if unit == 0} == {*range(10, 11 + shift), 14 + shift}
    assert {line for (_, line), unit in regions.after.items() if unit == 1} == {20 + shift, 25 + shift}
    assert not regions.shared


def test_an_import_that_two_need_belongs_to_none_and_a_shared_line_to_both():
    importing = FileEdits(FILE, "", (Edit(1, 0, 1, 0, "import re\n"),))
    units = [
        Unit((Rewrite(each.rewrites[0].ref, (importing, *each.rewrites[0].changes), lines=each.rewrites[0].lines),))
        for each in (make_unit(10, hot=(12,)), make_unit(20, hot=(12,)), make_unit(30))
    ]
    regions = Regions(units, {FILE: FILE})
    assert (FILE, 1) not in regions.before and (FILE, 1) not in regions.after
    assert regions.after[FILE, 11] == 0
    assert regions.shared == {0, 1}


def test_part_of_a_line_is_the_whole_line():
    edit = FileEdits(FILE, "", (Edit(7, 4, 7, 9, "set()"), Edit(9, 0, 10, 3, "a\nb\nc")))
    regions = Regions([Unit((Rewrite(RewriteRef("r", "rule"), (edit,)),))], {FILE: FILE})
    assert {line for _, line in regions.before} == {7, 9, 10}
    assert {line for _, line in regions.after} == {7, 9, 10, 11}
