"""Verdicts as people read them: what is claimed, and what is not."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO

import pytest

from whet.model.trial import Checked, Clock, Gain, Proof, RewriteRef, Trial, Verdict
from whet.report.fakes import make_advice, make_flames, make_hotspots, make_proof, make_proven, make_run
from whet.report.html import HtmlRenderer
from whet.report.markdown import MarkdownRenderer
from whet.report.proof import describe_checked, describe_session, describe_trial, format_gain, head_proof
from whet.report.terminal import TerminalRenderer
from whet.report.view import build_view

GAIN = Gain(3.08, 2.94, 3.31, 20, 0.99, Clock.CPU, 3_120_000_000, 1_010_000_000)


@pytest.mark.parametrize(
    ("checked", "said"),
    [
        (Checked(stdout_bytes=512), "output identical (512 B printed)"),
        (Checked(files=("a", "b", "c"), file_bytes=41_000), "output identical (3 files, 41.0 kB)"),
        (Checked(stdout_bytes=5, tolerance=1e-6), "output alike within 1e-06 (5 B printed)"),
        (Checked(tests="pytest -q"), "tests passed (pytest -q)"),
        (Checked(), "output not checked"),
        (Checked(stdout_bytes=5, unchecked="two plain runs differ"), "output not checked: two plain runs differ"),
    ],
)
def test_what_was_compared_is_said_and_nothing_is_called_identical_that_was_not(checked, said):
    assert describe_checked(checked) == said


def test_the_headline_has_seconds_factor_interval_runs_and_what_was_compared():
    proof = Proof(started="x", total=GAIN, total_verdict=Verdict.FASTER, checked=Checked(files=("a",), file_bytes=100))
    assert head_proof("orders.py", proof) == (
        "orders.py: 3.12 → 1.01 s CPU, 3.1× [2.9, 3.3], n=20, output identical (1 file, 100 B), on this input"
    )
    even = replace(proof, total=replace(GAIN, estimate=1.004, low=0.98, high=1.03), total_verdict=Verdict.NO_DIFFERENCE)
    assert "no significant change, 1.00× [0.98, 1.03]" in head_proof("orders.py", even)


@pytest.mark.parametrize(
    "verdict", [Verdict.NOT_RUN, Verdict.FAILED, Verdict.DIFFERENT_OUTPUT, Verdict.SLOWER, Verdict.UNTESTED]
)
def test_a_session_that_did_not_end_well_is_no_headline(verdict):
    assert head_proof("orders.py", Proof(started="x", total=GAIN, total_verdict=verdict)) == ""
    assert head_proof("orders.py", Proof()) == ""


@pytest.mark.parametrize(
    ("factor", "text"),
    [(1.004, "1.00×"), (1.04, "1.04×"), (2.31, "2.3×"), (12.3, "12×"), (9e9, "over 1,000×"), (1e-9, "under 0.01×")],
)
def test_factors_show_how_far_they_are_from_one(factor, text):
    assert format_gain(factor) == text


def test_a_trial_says_its_interval_its_group_and_why():
    trial = Trial(RewriteRef("a", "r"), Verdict.NOT_RUN, why="the budget was used up", group=("a", "b", "c"))
    told = describe_trial(trial, Proof(checked=Checked(stdout_bytes=1)))
    assert told.sentence == "Not tried" and told.gain is None and told.checked == ""
    assert told.notes == (
        "The budget was used up.",
        "Their individual gains are too small to measure separately within the budget.",
    )
    faster = describe_trial(Trial(RewriteRef("a", "r"), Verdict.FASTER, GAIN), Proof(checked=Checked(stdout_bytes=1)))
    assert faster.sentence == "Measured faster on this workload: 3.1× [2.9, 3.3]"
    assert faster.checked == "output identical (1 B printed)"
    assert faster.gain is not None and faster.gain.left == pytest.approx(1.01 / 3.12)


def test_a_gain_of_several_rewrites_is_never_told_as_that_of_one():
    run, (best, *others) = make_proven()
    assert best.trial is not None
    best = replace(best, trial=replace(best.trial, group=(best.id, "b", "c")))
    view = build_view(run, make_hotspots(), [best, *others], make_flames())
    (shown,) = (item for item in view.suggestions if item.id == best.id)
    assert shown.is_proven and shown.together == "with 2 others"
    assert shown.proof is not None and shown.proof.gain is not None
    assert "together with 2 other rewrites: " in shown.proof.sentence
    for renderer in (HtmlRenderer(), MarkdownRenderer(), TerminalRenderer(120)):
        sink = BytesIO()
        renderer.render(view, sink)
        text = sink.getvalue().decode("utf-8")
        assert re.search(rf"{re.escape(shown.proof.gain.interval)}[^\n]{{0,24}} with 2 others", text)


@pytest.mark.parametrize(("high", "said"), [(1.03, "no gain"), (1.97, "unclear")])
def test_no_gain_is_said_only_where_the_interval_leaves_room_for_none(high, said):
    run, advice = make_proven()
    even = next(item for item in advice if item.trial and item.trial.verdict is Verdict.NO_DIFFERENCE)
    assert even.trial is not None and even.trial.gain is not None
    trial = replace(even.trial, gain=replace(even.trial.gain, high=high))
    (shown,) = build_view(run, make_hotspots(), [replace(even, trial=trial)], make_flames()).suggestions
    assert shown.is_refuted and shown.outcome == said
    sink = BytesIO()
    HtmlRenderer().render(build_view(run, make_hotspots(), [replace(even, trial=trial)], make_flames()), sink)
    assert f'<p class="big">{said}</p>' in sink.getvalue().decode()


def test_suggestions_stand_by_what_is_known_of_them():
    run, advice = make_proven()
    view = build_view(run, make_hotspots(), advice[::-1], make_flames())
    assert [(group.id, [item.rule for item in group.items]) for group in view.suggestion_groups] == [
        ("proven", ["list-membership"]),
        ("advice", ["list-membership"]),
        ("refuted", ["str-concat"]),
    ]
    assert [item.rule for item in view.top_suggestions] == ["list-membership", "list-membership"]
    assert view.top_suggestions[0].gain.text == "2.4×"
    assert view.summary.verdict.startswith("orders.py: 3.06 → ")
    assert view.summary.spent.startswith("orders.py spends 41 %")
    assert any("88 executions" in sentence for sentence in view.method.sentences)


def test_proven_ones_stand_by_what_they_save():
    run, advice = make_proven()
    more = replace(
        advice[2],
        verdict=Verdict.FASTER,
        trial=Trial(RewriteRef("c0ffee0001", "list-membership"), Verdict.FASTER, GAIN),
    )
    view = build_view(run, make_hotspots(), (advice[0], more), make_flames())
    assert [item.id for item in view.suggestions] == ["c0ffee0001", "3f2a9c1b7d"]


def test_without_proving_nothing_is_said_of_it():
    assert describe_session(Proof()) == ()
    view = build_view(make_run(), make_hotspots(), make_advice(), make_flames())
    assert [group.id for group in view.suggestion_groups] == ["untested", "advice"]
    assert view.summary.spent == ""
    assert "day.log" not in " ".join(describe_session(make_proof())[1:2])
