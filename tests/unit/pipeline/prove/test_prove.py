"""What is proven of a saved run, and what becomes of it; nothing is run here."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.pipeline.workbench import SOURCE, Workbench

from whet.cli.main import run_command_line
from whet.errors import UsageError
from whet.model.run import Purpose
from whet.model.trial import Gain, Total, Verdict
from whet.pipeline.advise import advise
from whet.pipeline.prove import prove as proving
from whet.pipeline.prove.prove import ProvingRequest, plan_proof, save_proof
from whet.prove.options import Aim, ProveOptions
from whet.store import load_run, save_run


@pytest.fixture
def unsampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proving, "can_sample", lambda: False)


@pytest.mark.usefixtures("unsampled")
def test_offers_are_tried_too_unless_they_are_left_out(bench: Workbench) -> None:
    plan = plan_proof(bench.run, ProvingRequest())
    assert [(rewrite.ref.id, rewrite.is_offer) for rewrite in plan.rewrites] == [("id0", False), ("id1", True)]
    assert (plan.notes, plan.versions, plan.seconds) == ((), 4, 2.0)
    assert plan.rewrites[0].ref.place == "app.py:2"
    for request in (ProvingRequest(offers=False), ProvingRequest(allow=("rule",))):
        plan = plan_proof(bench.run, request)
        assert [rewrite.ref.id for rewrite in plan.rewrites] == ["id0"]
        assert plan.versions == 2
        assert plan.notes == ("offers not tried, as requested: offer",)
    for allow in (("offer",), ("words,offer",), ("ALL",)):
        assert len(plan_proof(bench.run, ProvingRequest(allow=allow)).rewrites) == 2


def test_samples_need_two_versions_of_the_program_however_many_rewrites(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "can_sample", lambda: True)
    assert plan_proof(bench.run, ProvingRequest()).versions == 2
    assert plan_proof(bench.run, ProvingRequest(ProveOptions(aim=Aim.MEMORY))).versions == 4
    monkeypatch.setattr(proving, "LEAST_SECONDS", 3.0)
    assert plan_proof(bench.run, ProvingRequest()).versions == 4


@pytest.mark.usefixtures("unsampled")
def test_the_plan_counts_the_runs_that_are_asked_for(bench: Workbench) -> None:
    few, many = (plan_proof(bench.run, ProvingRequest(ProveOptions(runs=runs))) for runs in (2, 50))
    assert many.least_runs - few.least_runs == 48 * 4 + 48 * 3
    # A run takes 2 s; each of the two rewrites can win 0.3 of it, and one is an offer.
    assert many.least_seconds - few.least_seconds == pytest.approx(
        48 * 2 * (1 + 0.4 + 2 * 0.7) + 48 * 2 * (1 + 0.4 + 0.7)
    )


def test_a_source_that_was_changed_since_is_not_proven(bench: Workbench) -> None:
    bench.file.write_text(SOURCE + "# more\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"changed since they were measured: app\.py"):
        plan_proof(bench.run, ProvingRequest())


def test_nothing_to_prove_is_told(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    for advice, words in (
        (bench.advice[2:], "has a rewrite to try"),
        ((), "no suggestions"),
        (bench.advice[1:], "you excluded"),
    ):
        advised = advise.Advised(bench.run, None, advice)  # type: ignore[arg-type]
        monkeypatch.setattr(proving, "advise_run", lambda _run, advised=advised: advised)
        with pytest.raises(UsageError, match=words):
            plan_proof(bench.run, ProvingRequest(offers=False))


def test_verdicts_are_kept_with_the_run(bench: Workbench) -> None:
    saved = save_run(bench.run, bench.folder)
    plan = plan_proof(bench.run, ProvingRequest())
    proof = bench.prove(Verdict.FASTER).proof
    proven = save_proof(bench.run, saved.path, plan, proof)
    assert load_run(saved.path) == proven
    assert proven.proof == proof
    proof = replace(proof, without_offers=Total(Gain(1.1, 1.0, 1.2, 9, 0.99), Verdict.FASTER, ("id0",)))
    proven = save_proof(bench.run, saved.path, plan, proof)
    assert load_run(saved.path).proof.without_offers == proof.without_offers


def test_a_session_that_settled_nothing_does_not_take_the_place_of_one_that_did(bench: Workbench) -> None:
    saved = save_run(bench.run, bench.folder)
    plan = plan_proof(bench.run, ProvingRequest())
    proven = save_proof(bench.run, saved.path, plan, bench.prove(Verdict.FASTER).proof)
    nothing = bench.prove(Verdict.NOT_RUN).proof
    assert save_proof(proven, saved.path, plan, nothing).proof == nothing
    assert load_run(saved.path) == proven


def test_allowing_what_is_no_rule_is_told(bench: Workbench) -> None:
    with pytest.raises(UsageError, match="unknown rule or family 'ofer'") as caught:
        plan_proof(bench.run, ProvingRequest(allow=("ofer",)))
    assert caught.value.hint == "did you mean offer?"


@pytest.mark.parametrize("words", [["--workload", "app.py 'x"], []])
def test_what_cannot_be_run_again_is_refused_before_anything_is_announced(
    words: list[str], bench: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (first,) = bench.run.executions
    attached = replace(bench.run, executions=(replace(first, purpose=Purpose.ATTACH),))
    save_run(attached, bench.folder)
    (bench.folder / "change.diff").write_text("--- a/app.py\n+++ b/app.py\n@@ -5 +5 @@\n-def g(x):\n+def g(y):\n")
    monkeypatch.chdir(bench.folder)
    for change in ([], ["--patch", "change.diff"], ["--against", "HEAD"]):
        assert run_command_line(["prove", *words, *change]) == 2
        error, hint = capsys.readouterr().err.splitlines()
        assert ("--workload cannot be read" if words else "does not know how to start it") in error
        assert hint
