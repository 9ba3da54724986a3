"""Which of the proven rewrites are written, and which are refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.pipeline.workbench import SOURCE, Workbench

from whet.errors import UsageError
from whet.fix.files import hash_bytes
from whet.model.finding import Edit
from whet.model.run import Run
from whet.model.trial import Checked, FileEdits, Gain, Total, Verdict
from whet.pipeline.next_command import name_next_command
from whet.pipeline.prove import apply
from whet.pipeline.prove.apply import plan_apply
from whet.pipeline.prove.place import bring_here
from whet.pipeline.prove.prove import ProvingRequest, plan_proof
from whet.report.places import Places
from whet.report.proof_text import describe_total, describe_trials
from whet.report.suggestions import list_suggestions
from whet.store import load_run, save_run


def test_what_was_measured_faster_is_written(bench: Workbench) -> None:
    run = bench.prove(Verdict.FASTER, Verdict.NO_DIFFERENCE)
    plan = plan_apply(run)
    assert plan.total == Total(run.proof.total, Verdict.FASTER, ("id0",))
    assert [change.after for change in plan.changes] == [SOURCE.replace("[1, 2]", "(1, 2)").encode()]
    assert "--- a/app.py\n+++ b/app.py\n" in plan.diff
    assert "-    return x in [1, 2]\n+    return x in (1, 2)\n" in plan.diff
    apply.carry_out(run, plan)
    assert "(1, 2)" in bench.file.read_text(encoding="utf-8")
    assert apply.undo(bench.folder) == [bench.file]
    assert bench.file.read_text(encoding="utf-8") == SOURCE


@pytest.mark.parametrize("word", ["1", "rule", "id0"])
def test_rewrites_are_named_by_number_rule_or_id(bench: Workbench, word: str) -> None:
    run = bench.prove(Verdict.FASTER, Verdict.FASTER)
    plan = plan_apply(run, [word])
    assert [trial.ref.id for trial in plan.trials] == ["id0"]
    assert plan.total is None


def test_numbers_are_those_of_the_report_after_proving(bench: Workbench) -> None:
    """What was measured faster comes first there."""
    run = bench.prove(Verdict.NO_DIFFERENCE, Verdict.FASTER)
    assert [trial.ref.id for trial in plan_apply(run, ["1"]).trials] == ["id1"]
    told = [line.split()[0] for line in describe_trials(run.proof, bench.advice) if not line.startswith("    ")]
    assert told == ["1.", "3."], "the second is advice that was not tried"
    cards = list_suggestions(bench.advice, Places(run), run.proof)
    assert [(card.id, card.verdict) for card in cards] == [
        ("id1", "faster"),
        ("id2", "untested"),
        ("id0", "no difference"),
    ]


@pytest.mark.parametrize("verdict", [Verdict.NO_DIFFERENCE, Verdict.SLOWER, Verdict.NOT_RUN, Verdict.FAILED])
def test_what_was_not_measured_faster_is_refused_with_the_reason(bench: Workbench, verdict: Verdict) -> None:
    with pytest.raises(UsageError, match=f"not measured faster, but {verdict.value}: because"):
        plan_apply(bench.prove(verdict), ["id0"])
    with pytest.raises(UsageError, match="no rewrite was measured faster") as raised:
        plan_apply(bench.prove(verdict))
    assert ("--budget" in raised.value.hint) is (verdict is Verdict.NOT_RUN)


def test_offers_are_written_only_when_allowed_by_name(bench: Workbench) -> None:
    run = bench.prove(Verdict.FASTER, Verdict.FASTER)
    assert [trial.ref.id for trial in plan_apply(run).trials] == ["id0"]
    assert [trial.ref.id for trial in plan_apply(run, allow=["offer"]).trials] == ["id0", "id1"]
    untested = bench.prove(Verdict.FASTER)
    assert [trial.ref.id for trial in plan_apply(untested, allow=["offer"]).trials] == ["id0", "id1"]
    refuted = bench.prove(Verdict.FASTER, Verdict.DIFFERENT_OUTPUT)
    assert [trial.ref.id for trial in plan_apply(refuted, allow=["offer"]).trials] == ["id0"]


def test_offers_that_the_settings_allow_are_tried_and_written_when_faster(bench: Workbench) -> None:
    bench.config.allow = ("kind",)
    assert [rewrite.ref.id for rewrite in plan_proof(bench.run, ProvingRequest()).rewrites] == ["id0", "id1"]
    run = bench.prove(Verdict.FASTER, Verdict.FASTER)
    assert [trial.ref.id for trial in plan_apply(run).trials] == ["id0", "id1"]
    assert [trial.ref.id for trial in plan_apply(bench.prove(Verdict.FASTER)).trials] == ["id0"], "untried ones are not"


def _with_offers(run: Run, verdict: Verdict = Verdict.FASTER) -> Run:
    """Return a run whose second rewrite is an offer, with the total of what is written without it."""
    without_offers = Total(Gain(1.2, 1.1, 1.3, 20, 0.99), verdict, ("id0",))
    return replace(run, proof=replace(run.proof, without_offers=without_offers))


def test_offers_that_were_measured_faster_are_named_apart(bench: Workbench) -> None:
    run = _with_offers(bench.prove(Verdict.FASTER, Verdict.FASTER))
    assert run.proof.offers == ("id1",)
    plan = plan_apply(run)
    assert [trial.ref.id for trial in plan.offers] == ["id1"]
    assert plan.total == run.proof.without_offers
    whole = plan_apply(run, allow=["offer"])
    assert whole.total == Total(run.proof.total, Verdict.FASTER, ("id0", "id1"))
    assert whole.offers == ()
    first, second = describe_total(run.proof)
    assert first.startswith("2 rewrites, measured 1.50× faster [1.40, 1.60] on this workload, output identical")
    assert first.endswith(": whet apply --allow offer")
    assert second.startswith("1 of them is an offer (a minor behaviour change")
    assert second.endswith("the other 1, measured 1.20× faster [1.10, 1.30]: whet apply")
    assert name_next_command(run, bench.advice) == "whet apply --allow offer"


def test_where_only_offers_win_nothing_is_written_unasked(bench: Workbench) -> None:
    run = _with_offers(bench.prove(Verdict.FASTER, Verdict.FASTER), Verdict.NO_DIFFERENCE)
    with pytest.raises(UsageError, match="the program was measured faster only with offers") as caught:
        plan_apply(run)
    assert caught.value.hint == "write them with `whet apply --allow offer`"
    assert "the gain of the other 1 together was not significant" in describe_total(run.proof)[1]
    alone = bench.prove(Verdict.NO_DIFFERENCE, Verdict.FASTER)
    alone = replace(alone, proof=replace(alone.proof, without_offers=Total()))
    with pytest.raises(UsageError, match="only offers were measured faster"):
        plan_apply(alone)
    assert len(plan_apply(alone, allow=["offer"]).trials) == 1
    assert describe_total(alone.proof)[1].startswith("it is an offer (a minor behaviour change")


def test_what_was_written_before_stays_when_more_is_written(bench: Workbench) -> None:
    run = bench.prove(Verdict.FASTER, Verdict.FASTER)
    apply.carry_out(run, plan_apply(run))
    with pytest.raises(UsageError, match="already written"):
        plan_apply(run)
    plan = plan_apply(run, allow=["offer"])
    assert ([trial.ref.id for trial in plan.trials], plan.earlier) == (["id0", "id1"], ("id0",))
    assert "-    return x + 1" in plan.diff
    assert "x in [1, 2]" not in plan.diff
    apply.carry_out(run, plan)
    assert bench.file.read_text(encoding="utf-8") == SOURCE.replace("[1, 2]", "(1, 2)").replace("x + 1", "1 + x")
    apply.undo(bench.folder)
    assert bench.file.read_text(encoding="utf-8") == SOURCE


def test_what_a_checkout_has_taken_back_is_written_again(bench: Workbench) -> None:
    run = bench.prove(Verdict.FASTER, Verdict.FASTER)
    apply.carry_out(run, plan_apply(run))
    bench.file.write_text(SOURCE, encoding="utf-8")
    plan = plan_apply(run)
    assert (plan.earlier, [trial.ref.id for trial in plan.trials]) == ((), ["id0"])
    apply.carry_out(run, plan)
    assert "(1, 2)" in bench.file.read_text(encoding="utf-8")


def _copy(bench: Workbench, to: Path) -> Path:
    shutil.copytree(bench.folder, to)
    return to / "app.py"


def test_a_run_edits_the_copy_of_the_project_that_one_stands_in(
    bench: Workbench, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = bench.prove(Verdict.FASTER)
    saved = save_run(run, bench.folder).path
    file = _copy(bench, tmp_path_factory.mktemp("elsewhere") / "copy")
    for found in (load_run(file.parent / saved.relative_to(bench.folder)), run):
        brought = bring_here(found, file.parent)
        assert brought.project == str(file.parent)
        apply.carry_out(brought, plan_apply(brought))
        assert "(1, 2)" in file.read_text(encoding="utf-8")
        assert apply.undo(file.parent) == [file]
        assert bench.file.read_text(encoding="utf-8") == SOURCE


def test_a_run_from_elsewhere_whose_files_differ_is_refused_with_both_places(
    bench: Workbench, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = bench.prove(Verdict.FASTER)
    file = _copy(bench, tmp_path_factory.mktemp("elsewhere") / "copy")
    file.write_text(SOURCE + "# other\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        bring_here(run, file.parent)
    assert str(file) in caught.value.message and str(bench.file) in caught.value.message
    assert str(bench.folder) in caught.value.hint


def test_no_file_outside_the_project_is_written(bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "app.py"
    bench.file.rename(outside)
    bench.file.symlink_to(outside)
    run = bench.prove(Verdict.FASTER)
    with pytest.raises(UsageError, match="outside the project"):
        apply.carry_out(run, plan_apply(run))
    assert outside.read_text(encoding="utf-8") == SOURCE


def test_an_older_run_that_holds_a_proof_is_named(bench: Workbench) -> None:
    older = save_run(bench.prove(Verdict.FASTER), bench.folder).path
    latest = save_run(bench.run, bench.folder).path
    error = apply.name_proven(bench.folder, besides=latest)
    assert error is not None and error.hint.endswith(f"whet apply --run {older.parent.name}")
    assert apply.name_proven(bench.folder, besides=older) is None


def test_what_was_edited_since_it_was_written_is_refused(bench: Workbench) -> None:
    run = bench.prove(Verdict.FASTER, Verdict.FASTER)
    apply.carry_out(run, plan_apply(run))
    bench.file.write_text(bench.file.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    with pytest.raises(UsageError, match="has changed since it was proven"):
        plan_apply(run, allow=["offer"])


def test_an_output_that_was_not_checked_is_accepted_only_when_that_is_said(bench: Workbench) -> None:
    run = bench.prove(Verdict.FASTER, checked=Checked(unchecked="it printed nothing"))
    with pytest.raises(UsageError, match="not checked: it printed nothing") as caught:
        plan_apply(run)
    assert "--accept-unchecked" in caught.value.hint
    assert plan_apply(run, accept_unchecked=True).changes


def test_a_source_that_is_not_what_was_proven_is_refused(bench: Workbench) -> None:
    bench.file.write_text(SOURCE + "# more\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"app\.py has changed since it was proven"):
        plan_apply(bench.prove(Verdict.FASTER))
    bench.file.unlink()
    with pytest.raises(UsageError, match=r"app\.py cannot be read"):
        plan_apply(bench.prove(Verdict.FASTER))


@pytest.mark.parametrize("word", ["0", "4", "none", "3"])
def test_a_name_of_nothing_is_told(bench: Workbench, word: str) -> None:
    with pytest.raises(UsageError, match=r"no suggestion|no rewrite named"):
        plan_apply(bench.prove(Verdict.FASTER), [word])


def test_nothing_is_written_before_anything_is_proven(bench: Workbench) -> None:
    with pytest.raises(UsageError, match="nothing is proven yet"):
        plan_apply(bench.run)


def test_a_patch_names_files_from_this_folder_where_they_are_in_it(
    bench: Workbench, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bench.prove(Verdict.FASTER)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for folder, project, base, name in (
        (bench.folder, bench.folder, bench.folder, "app.py"),
        (bench.folder.parent, bench.folder, bench.folder.parent, f"{bench.folder.name}/app.py"),
        (elsewhere, bench.folder, bench.folder, "app.py"),
        (elsewhere, elsewhere, Path(bench.folder.anchor), bench.file.relative_to(bench.folder.anchor).as_posix()),
    ):
        monkeypatch.chdir(folder)
        plan = plan_apply(replace(run, project=str(project), directory=str(bench.folder)), ["id0"])
        assert plan.folder == base
        assert plan.diff.startswith(f"--- a/{name}\n+++ b/{name}\n")


def test_a_patch_is_in_the_bytes_of_its_file(bench: Workbench) -> None:
    data = f"# coding: latin-1\n#\n# \xe4\n{SOURCE}".encode("latin-1")
    bench.file.write_bytes(data)
    run = bench.prove(Verdict.FASTER)
    (trial,) = run.proof.trials
    changes = (FileEdits(str(bench.file), hash_bytes(data), (Edit(5, 16, 5, 22, "(1, 2)"),)),)
    run = replace(run, proof=replace(run.proof, trials=(replace(trial, changes=changes),)))
    assert b" # \xe4\n" in plan_apply(run, ["id0"]).diff.encode("utf-8", "surrogateescape")
