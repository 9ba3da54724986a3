"""What a proof says on the terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.pipeline.workbench import Workbench

from whet.model.trial import Checked, Gain, Verdict
from whet.pipeline.next_command import name_next_command
from whet.report.proof_text import describe_notes, describe_total, describe_trials


def test_the_total_is_one_sentence_that_names_the_next_command(bench: Workbench) -> None:
    (said,) = describe_total(bench.prove(Verdict.FASTER).proof)
    assert said.startswith("1 rewrite, measured 1.50× faster [1.40, 1.60] on this workload, output identical")
    assert said.endswith(": whet apply")
    unchecked = bench.prove(Verdict.FASTER, checked=Checked(unchecked="it printed nothing"))
    (said,) = describe_total(unchecked.proof)
    assert said.endswith("output not checked: it printed nothing: whet apply --accept-unchecked")


def test_a_failure_to_measure_is_never_told_as_a_success(bench: Workbench) -> None:
    assert describe_total(bench.prove(Verdict.NOT_RUN).proof) == ["nothing could be measured"]
    assert describe_total(bench.prove(Verdict.SLOWER).proof) == ["no rewrite was measured faster; 1 tried, 1 refuted"]
    cut = bench.prove(Verdict.FASTER, whole=False)
    assert "1 of 1 rewrite measured faster; their total was not measured" in describe_total(cut.proof)[0]
    gain = Gain(1.0, 0.9, 1.1, 20, 0.99)
    even = replace(cut, proof=replace(cut.proof, total=gain, total_verdict=Verdict.NO_DIFFERENCE))
    assert "no difference was shown" in describe_total(even.proof)[0]


def test_each_trial_is_told_under_the_number_that_the_report_has(bench: Workbench) -> None:
    proof = bench.prove(Verdict.FASTER, Verdict.DIFFERENT_OUTPUT).proof
    assert describe_trials(proof, bench.advice) == [
        " 1. measured faster 1.50× [1.40, 1.60], 20 pairs of runs, CPU time: Title 2  app.py:2",
        "    because",
        " 3. refuted, different output: Title 6, an offer  app.py:6",
        "    because",
    ]


def test_the_gain_of_those_judged_as_one_is_told_once(bench: Workbench) -> None:
    proof = bench.prove(Verdict.FASTER, Verdict.FASTER).proof
    proof = replace(proof, trials=tuple(replace(trial, group=("id0", "id1"), why="") for trial in proof.trials))
    assert describe_trials(proof, bench.advice) == [
        " 1. measured faster 1.50× [1.40, 1.60], 20 pairs of runs, CPU time: Title 2  app.py:2",
        "    judged together with 2, each too small to measure separately",
        " 2. measured faster, with 1: Title 6, an offer  app.py:6",
    ]


def test_files_that_were_written_and_not_compared_are_named(bench: Workbench) -> None:
    checked = Checked(stdout_bytes=1, candidates=("a", "b", "c", "d"))
    said = describe_notes(bench.prove(Verdict.FASTER, checked=checked).proof)
    assert said == ["written and not compared: a, b, c and 1 more (--compare 'a')"]


@pytest.mark.parametrize(
    ("change", "command"),
    [
        ({}, "whet prove"),
        ({"stopped": "interrupted"}, ""),
        ({"stopped": "ended by --duration after 3 s"}, ""),
        (
            {"stopped": "ended by --duration after 3 s", "signal": 2, "exit_status": 130},
            "",
        ),
        ({"signal": 15, "exit_status": 143}, ""),
        ({"exit_status": 1}, ""),
    ],
)
def test_the_next_command_is_one_that_works(bench: Workbench, change: dict[str, object], command: str) -> None:
    first = replace(bench.run.executions[0], **change)  # type: ignore[arg-type]
    run = replace(bench.run, executions=(first,))
    assert name_next_command(run, bench.advice) == command
    other = name_next_command(run, bench.advice, "./older runs/one")
    assert other == (command and f"{command} './older runs/one'")


def test_all_that_were_judged_as_one_are_named(bench: Workbench) -> None:
    proof = bench.prove(Verdict.FASTER).proof
    (trial,) = proof.trials
    ids = [f"id{number}" for number in range(9)]
    advice = [replace(bench.advice[0], id=id_) for id_ in ids]
    for group, said in (
        ((0, 1), "2"),
        ((0, 1, 2), "2 to 3"),
        ((0, 2, 4), "3 and 5"),
        ((0, 1, 2, 4, 6, 7, 8), "2 to 3, 5 and 7 to 9"),
    ):
        whole = tuple(
            replace(trial, ref=replace(trial.ref, id=ids[at]), group=tuple(ids[at] for at in group)) for at in range(9)
        )
        told = describe_trials(replace(proof, trials=whole), advice)
        assert f"    judged together with {said}, each too small to measure separately" in told
    gone = replace(trial, group=("id0", "gone"))
    assert "together with 1 more" in describe_trials(replace(proof, trials=(gone,)), advice)[-1]
