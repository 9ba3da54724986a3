"""From a saved run to what is proven, remembered and written; nothing is run here."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from whet.errors import UsageError
from whet.model.advice import Advice, Estimate
from whet.model.finding import Edit, Finding, Safety, Speed
from whet.model.run import Execution, Interpreter, Purpose, Run, SourceFile, StandardInput
from whet.model.trial import Checked, FileEdits, Gain, Proof, Total, Trial, Verdict
from whet.pipeline import advising, allowing, applying, proving
from whet.pipeline.applying import plan_apply
from whet.pipeline.proving import ProvingRequest, plan_proof, save_proof
from whet.pipeline.refuted import load_refutations, remember_refuted
from whet.pipeline.standard_input import record_input
from whet.pipeline.telling import name_next_command, tell_notes, tell_total, tell_trials
from whet.pipeline.workload import make_program
from whet.prove.options import ProveOptions
from whet.report.places import Places
from whet.report.proof import order_advice
from whet.report.suggestions import list_suggestions
from whet.store import load_run, save_run
from whet.target.spec import TargetKind, TargetSpec

SOURCE = "def f(x):\n    return x in [1, 2]\n\n\ndef g(x):\n    return x + 1\n"


def _finding(file: Path, line: int, edit: Edit | None, safety: Safety = Safety.SAFE, rule: str = "rule") -> Finding:
    return Finding(
        rule, str(file), line, line, 4, "f", line - 1, f"Title {line}", "Message", safety, Speed.FACTOR, (line,),
        edits=(edit,) if edit else (), snippet=f"line {line}",
    )  # fmt: skip


class Bench:
    """A project with one file, a run of it, and advice on it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        (folder / "pyproject.toml").write_text("")
        self.file = folder / "app.py"
        self.file.write_text(SOURCE, encoding="utf-8")
        digest = hashlib.sha256(self.file.read_bytes()).hexdigest()
        self.run = Run(
            "1.0", ("app.py", "x"), "2024-01-01T00:00:00+00:00", str(folder), str(folder),
            Interpreter("/usr/bin/python3", "3.13.0"),
            executions=(Execution(Purpose.TIME, (), 2_000_000_000, 2_000_000_000, 0),),
            sources={str(self.file): SourceFile(str(self.file), "app.py", digest, SOURCE)},
        )  # fmt: skip
        findings = (
            _finding(self.file, 2, Edit(2, 16, 2, 22, "(1, 2)")),
            _finding(self.file, 6, Edit(6, 11, 6, 16, "1 + x"), Safety.OFFER, "offer"),
            _finding(self.file, 5, None, Safety.ADVICE, "words"),
        )
        self.advice = tuple(
            Advice(f"id{number}", finding, 0.3, 0.01, Estimate(1, 1.5)) for number, finding in enumerate(findings)
        )
        advised = advising.Advised(self.run, None, self.advice)  # type: ignore[arg-type]
        for module in (proving, applying):
            monkeypatch.setattr(module, "advise_run", lambda _run: advised)
        rules = [SimpleNamespace(rule=SimpleNamespace(slug=slug, family="kind")) for slug in ("rule", "offer", "words")]
        self.config = SimpleNamespace(allow=())
        monkeypatch.setattr(
            allowing, "load_rulebook", lambda _start: SimpleNamespace(config=self.config, rules=tuple(rules))
        )

    def prove(self, *verdicts: Verdict, checked: Checked | None = None, whole: bool = True) -> Run:
        gain = Gain(1.5, 1.4, 1.6, 20, 0.99)
        trials = tuple(
            Trial(
                item.id, item.finding.rule, verdict, gain, "because", (),
                (FileEdits(str(self.file), self.run.sources[str(self.file)].sha256, item.finding.edits),),
                item.finding.safety, f"app.py:{item.finding.line}", item.finding.title,
            )
            for item, verdict in zip(self.advice, verdicts, strict=False)
        )  # fmt: skip
        applied = tuple(trial.advice for trial in trials if trial.verdict is Verdict.FASTER)
        proof = Proof(
            started="2024-01-01T00:10:00+00:00",
            trials=trials,
            total=gain if applied and whole else None,
            total_verdict=Verdict.FASTER if applied and whole else Verdict.NOT_RUN,
            applied=applied,
            checked=checked or Checked(stdout_bytes=10),
        )
        return replace(self.run, proof=proof)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


# -- planning -------------------------------------------------------------------------------------------------------


def test_offers_are_tried_too_unless_they_are_left_out(bench: Bench) -> None:
    plan = plan_proof(bench.run, ProvingRequest())
    assert [(rewrite.id, rewrite.is_offer) for rewrite in plan.rewrites] == [("id0", False), ("id1", True)]
    assert (plan.notes, plan.versions, plan.seconds) == ((), 4, 2.0)
    assert plan.rewrites[0].place == "app.py:2"
    for request in (ProvingRequest(offers=False), ProvingRequest(allow=("rule",))):
        plan = plan_proof(bench.run, request)
        assert [rewrite.id for rewrite in plan.rewrites] == ["id0"]
        assert plan.versions == 2
        assert plan.notes == ("offers that are not tried, as you say: offer",)
    for allow in (("offer",), ("words,offer",), ("ALL",)):
        assert len(plan_proof(bench.run, ProvingRequest(allow=allow)).rewrites) == 2


def test_the_plan_counts_the_runs_that_are_asked_for(bench: Bench) -> None:
    few, many = (plan_proof(bench.run, ProvingRequest(ProveOptions(runs=runs))) for runs in (2, 50))
    assert many.least_runs - few.least_runs == 48 * 4 + 48 * 3
    # A run takes 2 s; each of the two rewrites can win 0.3 of it, and one is an offer.
    assert many.least_seconds - few.least_seconds == pytest.approx(
        48 * 2 * (1 + 0.4 + 2 * 0.7) + 48 * 2 * (1 + 0.4 + 0.7)
    )


def test_a_source_that_was_changed_since_is_not_proven(bench: Bench) -> None:
    bench.file.write_text(SOURCE + "# more\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"not what was measured any more: app\.py"):
        plan_proof(bench.run, ProvingRequest())


def test_nothing_to_prove_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for advice, words in ((bench.advice[2:], "for you to act on"), ((), "no advice"), (bench.advice[1:], "left out")):
        advised = advising.Advised(bench.run, None, advice)  # type: ignore[arg-type]
        monkeypatch.setattr(proving, "advise_run", lambda _run, advised=advised: advised)
        with pytest.raises(UsageError, match=words):
            plan_proof(bench.run, ProvingRequest(offers=False))


def test_verdicts_are_kept_with_the_run(bench: Bench) -> None:
    saved = save_run(bench.run, bench.folder)
    plan = plan_proof(bench.run, ProvingRequest())
    proof = bench.prove(Verdict.FASTER).proof
    proven = save_proof(bench.run, saved.path, plan, proof)
    assert load_run(saved.path) == proven
    assert proven.proof == proof
    proof = replace(proof, unasked=Total(Gain(1.1, 1.0, 1.2, 9, 0.99), Verdict.FASTER, ("id0",)))
    proven = save_proof(bench.run, saved.path, plan, proof)
    assert load_run(saved.path).proof.unasked == proof.unasked


def test_a_session_that_settled_nothing_does_not_take_the_place_of_one_that_did(bench: Bench) -> None:
    saved = save_run(bench.run, bench.folder)
    plan = plan_proof(bench.run, ProvingRequest())
    proven = save_proof(bench.run, saved.path, plan, bench.prove(Verdict.FASTER).proof)
    nothing = bench.prove(Verdict.NOT_RUN).proof
    assert save_proof(proven, saved.path, plan, nothing).proof == nothing
    assert load_run(saved.path) == proven


# -- what was refuted -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", [Verdict.SLOWER, Verdict.DIFFERENT_OUTPUT, Verdict.FAILED])
def test_what_was_refuted_is_remembered_while_the_code_is_the_same(bench: Bench, verdict: Verdict) -> None:
    proof = bench.prove(verdict).proof
    remember_refuted(bench.folder, bench.run, bench.advice, proof.trials, "now")
    known = load_refutations(bench.folder)
    assert known.holds(bench.advice[0], bench.run)
    assert not known.holds(bench.advice[1], bench.run)
    (source,) = bench.run.sources.values()
    elsewhere = replace(bench.run, sources={source.file: replace(source, text=SOURCE + "# more\n")})
    assert known.holds(bench.advice[0], elsewhere)
    edited = replace(bench.run, sources={source.file: replace(source, text=SOURCE.replace("[1, 2]", "[1, 2, 3]"))})
    assert not known.holds(bench.advice[0], edited)


@pytest.mark.parametrize("verdict", [Verdict.FASTER, Verdict.NO_DIFFERENCE, Verdict.NOT_RUN])
def test_what_was_not_refuted_is_forgotten(bench: Bench, verdict: Verdict) -> None:
    remember_refuted(bench.folder, bench.run, bench.advice, bench.prove(Verdict.FAILED).proof.trials, "then")
    remember_refuted(bench.folder, bench.run, bench.advice, bench.prove(verdict).proof.trials, "now")
    assert not load_refutations(bench.folder).holds(bench.advice[0], bench.run)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema": 1}', '{"schema": 1, "refuted": [3]}', '{"schema": 2}'])
def test_a_memory_that_cannot_be_read_is_none(bench: Bench, text: str) -> None:
    (bench.folder / ".whet").mkdir()
    (bench.folder / ".whet" / "refuted.json").write_text(text, encoding="utf-8")
    assert load_refutations(bench.folder).records == {}


# -- what is run ----------------------------------------------------------------------------------------------------


def test_the_run_s_own_command_is_run(bench: Bench, tmp_path: Path) -> None:
    program, notes = make_program(bench.run, tmp_path)
    assert program.spec is not None
    assert (program.spec.kind, program.spec.name, program.spec.args) == (TargetKind.SCRIPT, "app.py", ("x",))
    assert (program.python, program.status, notes) == ("/usr/bin/python3", 0, ())
    for command, kind in ((("-m", "pkg", "-v"), TargetKind.MODULE), (("-O", "-c", "pass"), TargetKind.CODE)):
        spec = make_program(replace(bench.run, command=command), tmp_path)[0].spec
        assert spec is not None
        assert spec.kind is kind


@pytest.mark.parametrize(
    ("line", "kind", "args", "python", "stdin"),
    [
        ("app.py one two", TargetKind.SCRIPT, ("one", "two"), "/usr/bin/python3", None),
        ("python -X dev app.py 'one two'", TargetKind.SCRIPT, ("one two",), "/usr/bin/python3", None),
        ("/opt/py/bin/python -m app", TargetKind.MODULE, (), "/opt/py/bin/python", None),
        ("python app.py < in.txt", TargetKind.SCRIPT, (), "/usr/bin/python3", "in.txt"),
        ("make bench", None, (), "/usr/bin/python3", None),
        ("python app.py | sort", None, (), "/usr/bin/python3", None),
        ("X=1 python app.py", None, (), "/usr/bin/python3", None),
    ],
)
def test_a_workload_is_read_as_python_where_it_is_that(
    bench: Bench,
    tmp_path: Path,
    line: str,
    kind: TargetKind | None,
    args: tuple[str, ...],
    python: str,
    stdin: str | None,
) -> None:
    program, _ = make_program(bench.run, tmp_path, workload=line)
    assert (program.spec.kind if program.spec else None) is kind
    assert program.python == python
    assert program.status is None
    if program.spec is None:
        assert program.line == line
    else:
        assert program.spec.args == args
        assert program.stdin == (bench.folder / stdin if stdin else None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stopped": "ended by --duration after 5 s"}, "does not end by itself"),
        ({"purpose": Purpose.ATTACH}, "does not know how to start it"),
        ({"signal": 11, "exit_status": 139}, "was interrupted"),
    ],
)
def test_what_cannot_be_repeated_needs_a_workload(
    bench: Bench, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    first = replace(bench.run.executions[0], **change)  # type: ignore[arg-type]
    run = replace(bench.run, executions=(first,))
    with pytest.raises(UsageError, match=words) as caught:
        make_program(run, tmp_path)
    assert "--workload" in caught.value.hint
    assert make_program(run, tmp_path, workload="app.py")[0].spec is not None


def test_a_masked_command_is_not_run(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="held a secret"):
        make_program(replace(bench.run, command=("app.py", "--token=***")), tmp_path)


def test_a_secret_is_there_still_right_after_the_run(bench: Bench, tmp_path: Path) -> None:
    spec = TargetSpec(TargetKind.SCRIPT, "app.py", ("--token=abc",), str(bench.folder))
    program, _ = make_program(replace(bench.run, command=("app.py", "--token=***")), tmp_path, spec=spec)
    assert program.spec is spec


def test_a_small_standard_input_is_kept_and_given_again(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes(b"some \xff input")
    with (tmp_path / "in.txt").open("rb") as file:
        file.seek(4)
        kept = record_input(file.fileno())
        assert file.tell() == 4
    program, notes = make_program(replace(bench.run, stdin=kept), tmp_path)
    assert program.stdin is not None
    assert program.stdin.read_bytes() == b"some \xff input"
    assert notes == ()


def test_a_pipe_cannot_be_given_again_and_that_is_told(bench: Bench, tmp_path: Path) -> None:
    read, write = os.pipe()
    kept = record_input(read)
    os.close(read)
    os.close(write)
    assert kept.kind == "stream"
    program, notes = make_program(replace(bench.run, stdin=kept), tmp_path)
    assert program.stdin is None
    assert "a pipe" in notes[0]
    assert record_input(read) == StandardInput()


# -- what is written ------------------------------------------------------------------------------------------------


def test_what_was_measured_faster_is_written(bench: Bench) -> None:
    run = bench.prove(Verdict.FASTER, Verdict.NO_DIFFERENCE)
    plan = plan_apply(run)
    assert plan.total == Total(run.proof.total, Verdict.FASTER, ("id0",))
    assert [change.after for change in plan.changes] == [SOURCE.replace("[1, 2]", "(1, 2)").encode()]
    assert "--- a/app.py\n+++ b/app.py\n" in plan.diff
    assert "-    return x in [1, 2]\n+    return x in (1, 2)\n" in plan.diff
    applying.carry_out(run, plan)
    assert "(1, 2)" in bench.file.read_text(encoding="utf-8")
    assert applying.undo(run) == [bench.file]
    assert bench.file.read_text(encoding="utf-8") == SOURCE


@pytest.mark.parametrize("word", ["1", "rule", "id0"])
def test_rewrites_are_named_by_number_rule_or_id(bench: Bench, word: str) -> None:
    run = bench.prove(Verdict.FASTER, Verdict.FASTER)
    plan = plan_apply(run, [word])
    assert [trial.advice for trial in plan.trials] == ["id0"]
    assert plan.total is None


def test_numbers_are_those_of_the_report_after_proving(bench: Bench) -> None:
    """What was measured faster comes first there."""
    run = bench.prove(Verdict.NO_DIFFERENCE, Verdict.FASTER)
    assert [trial.advice for trial in plan_apply(run, ["1"]).trials] == ["id1"]
    told = [line.split()[0] for line in tell_trials(run.proof, bench.advice) if not line.startswith("    ")]
    assert told == ["1.", "3."], "the second is advice that was not tried"
    judged = [
        replace(item, verdict=trial.verdict if (trial := run.proof.trial_of(item.id)) else item.verdict)
        for item in bench.advice
    ]
    cards = list_suggestions(judged, Places(run), run.proof)
    assert [card.id for card in cards] == [item.id for item in order_advice(bench.advice, run.proof)]


@pytest.mark.parametrize("verdict", [Verdict.NO_DIFFERENCE, Verdict.SLOWER, Verdict.NOT_RUN, Verdict.FAILED])
def test_what_was_not_measured_faster_is_refused_with_the_reason(bench: Bench, verdict: Verdict) -> None:
    with pytest.raises(UsageError, match=f"not measured faster, but {verdict.value}: because"):
        plan_apply(bench.prove(verdict), ["id0"])
    with pytest.raises(UsageError, match="no rewrite was measured faster"):
        plan_apply(bench.prove(verdict))


def test_offers_are_written_only_when_allowed_by_name(bench: Bench) -> None:
    run = bench.prove(Verdict.FASTER, Verdict.FASTER)
    assert [trial.advice for trial in plan_apply(run).trials] == ["id0"]
    assert [trial.advice for trial in plan_apply(run, allow=["offer"]).trials] == ["id0", "id1"]
    untested = bench.prove(Verdict.FASTER)
    assert [trial.advice for trial in plan_apply(untested, allow=["offer"]).trials] == ["id0", "id1"]
    refuted = bench.prove(Verdict.FASTER, Verdict.DIFFERENT_OUTPUT)
    assert [trial.advice for trial in plan_apply(refuted, allow=["offer"]).trials] == ["id0"]


def test_offers_that_the_settings_allow_are_tried_and_written_when_faster(bench: Bench) -> None:
    bench.config.allow = ("kind",)
    assert [rewrite.id for rewrite in plan_proof(bench.run, ProvingRequest()).rewrites] == ["id0", "id1"]
    run = bench.prove(Verdict.FASTER, Verdict.FASTER)
    assert [trial.advice for trial in plan_apply(run).trials] == ["id0", "id1"]
    assert [trial.advice for trial in plan_apply(bench.prove(Verdict.FASTER)).trials] == ["id0"], "untried ones are not"


def _with_offers(run: Run, verdict: Verdict = Verdict.FASTER) -> Run:
    """Return a run whose second rewrite is an offer, with the total of what is written without it."""
    unasked = Total(Gain(1.2, 1.1, 1.3, 20, 0.99), verdict, ("id0",))
    return replace(run, proof=replace(run.proof, unasked=unasked))


@pytest.mark.parametrize(
    ("change", "command"),
    [
        ({}, "whet prove"),
        ({"stopped": "interrupted"}, "whet prove --workload COMMAND"),
        ({"stopped": "ended by --duration after 3 s"}, "whet prove --workload COMMAND"),
        ({"signal": 15, "exit_status": 143}, "whet prove --workload COMMAND"),
    ],
)
def test_the_next_command_is_one_that_works(bench: Bench, change: dict[str, object], command: str) -> None:
    first = replace(bench.run.executions[0], **change)  # type: ignore[arg-type]
    assert name_next_command(replace(bench.run, executions=(first,)), bench.advice) == command


def test_offers_that_were_measured_faster_are_named_apart(bench: Bench) -> None:
    run = _with_offers(bench.prove(Verdict.FASTER, Verdict.FASTER))
    assert run.proof.offers == ("id1",)
    plan = plan_apply(run)
    assert [trial.advice for trial in plan.offers] == ["id1"]
    assert plan.total == run.proof.unasked
    whole = plan_apply(run, allow=["offer"])
    assert whole.total == Total(run.proof.total, Verdict.FASTER, ("id0", "id1"))
    assert whole.offers == ()
    first, second = tell_total(run.proof)
    assert first.startswith("2 rewrites, measured 1.50× faster [1.40, 1.60] on this workload, output identical")
    assert first.endswith(": whet apply --allow offer")
    assert second.startswith("1 of them is an offer, which changes something small")
    assert second.endswith("the other 1, measured 1.20× faster [1.10, 1.30]: whet apply")
    assert name_next_command(run, bench.advice) == "whet apply --allow offer"


def test_where_only_offers_win_nothing_is_written_unasked(bench: Bench) -> None:
    run = _with_offers(bench.prove(Verdict.FASTER, Verdict.FASTER), Verdict.NO_DIFFERENCE)
    with pytest.raises(UsageError, match="only with offers was the program measured faster") as caught:
        plan_apply(run)
    assert caught.value.hint == "whet apply --allow offer"
    assert "of the other 1 together no difference was shown" in tell_total(run.proof)[1]
    alone = bench.prove(Verdict.NO_DIFFERENCE, Verdict.FASTER)
    alone = replace(alone, proof=replace(alone.proof, unasked=Total()))
    with pytest.raises(UsageError, match="all that was measured faster are offers"):
        plan_apply(alone)
    assert len(plan_apply(alone, allow=["offer"]).trials) == 1
    assert tell_total(alone.proof)[1].startswith("it is an offer, which changes something small")


def test_what_was_written_before_stays_when_more_is_written(bench: Bench) -> None:
    run = bench.prove(Verdict.FASTER, Verdict.FASTER)
    applying.carry_out(run, plan_apply(run))
    with pytest.raises(UsageError, match="written already"):
        plan_apply(run)
    plan = plan_apply(run, allow=["offer"])
    assert ([trial.advice for trial in plan.trials], plan.earlier) == (["id0", "id1"], ("id0",))
    assert "-    return x + 1" in plan.diff
    assert "x in [1, 2]" not in plan.diff
    applying.carry_out(run, plan)
    assert bench.file.read_text(encoding="utf-8") == SOURCE.replace("[1, 2]", "(1, 2)").replace("x + 1", "1 + x")
    applying.undo(run)
    assert bench.file.read_text(encoding="utf-8") == SOURCE


def test_what_was_edited_since_it_was_written_is_refused(bench: Bench) -> None:
    run = bench.prove(Verdict.FASTER, Verdict.FASTER)
    applying.carry_out(run, plan_apply(run))
    bench.file.write_text(bench.file.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    with pytest.raises(UsageError, match="not what was proven any more"):
        plan_apply(run, allow=["offer"])


def test_allowing_what_is_no_rule_is_told(bench: Bench) -> None:
    with pytest.raises(UsageError, match="no rule or family 'ofer'") as caught:
        plan_proof(bench.run, ProvingRequest(allow=("ofer",)))
    assert caught.value.hint == "did you mean offer?"


def test_an_output_that_was_not_checked_is_accepted_only_when_that_is_said(bench: Bench) -> None:
    run = bench.prove(Verdict.FASTER, checked=Checked(unchecked="it printed nothing"))
    with pytest.raises(UsageError, match="not checked: it printed nothing") as caught:
        plan_apply(run)
    assert "--accept-unchecked" in caught.value.hint
    assert plan_apply(run, accept_unchecked=True).changes


def test_a_source_that_is_not_what_was_proven_is_refused(bench: Bench) -> None:
    bench.file.write_text(SOURCE + "# more\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"app\.py is not what was proven any more"):
        plan_apply(bench.prove(Verdict.FASTER))
    bench.file.unlink()
    with pytest.raises(UsageError, match=r"app\.py cannot be read"):
        plan_apply(bench.prove(Verdict.FASTER))


@pytest.mark.parametrize("word", ["0", "4", "none", "3"])
def test_a_name_of_nothing_is_told(bench: Bench, word: str) -> None:
    with pytest.raises(UsageError, match=r"no suggestion|no rewrite called"):
        plan_apply(bench.prove(Verdict.FASTER), [word])


def test_nothing_is_written_before_anything_is_proven(bench: Bench) -> None:
    with pytest.raises(UsageError, match="nothing is proven yet"):
        plan_apply(bench.run)


# -- what is told ---------------------------------------------------------------------------------------------------


def test_the_total_is_one_sentence_that_names_the_next_command(bench: Bench) -> None:
    (said,) = tell_total(bench.prove(Verdict.FASTER).proof)
    assert said.startswith("1 rewrite, measured 1.50× faster [1.40, 1.60] on this workload, output identical")
    assert said.endswith(": whet apply")
    unchecked = bench.prove(Verdict.FASTER, checked=Checked(unchecked="it printed nothing"))
    (said,) = tell_total(unchecked.proof)
    assert said.endswith("output not checked: it printed nothing: whet apply --accept-unchecked")


def test_a_failure_to_measure_is_never_told_as_a_success(bench: Bench) -> None:
    assert tell_total(bench.prove(Verdict.NOT_RUN).proof) == ["nothing could be measured"]
    assert tell_total(bench.prove(Verdict.SLOWER).proof) == ["no rewrite was measured faster; 1 tried, 1 refuted"]
    cut = bench.prove(Verdict.FASTER, whole=False)
    assert "1 of 1 rewrite measured faster, the total of them was not measured" in tell_total(cut.proof)[0]
    gain = Gain(1.0, 0.9, 1.1, 20, 0.99)
    even = replace(cut, proof=replace(cut.proof, total=gain, total_verdict=Verdict.NO_DIFFERENCE))
    assert "no difference was shown" in tell_total(even.proof)[0]


def test_each_trial_is_told_under_the_number_that_the_report_has(bench: Bench) -> None:
    proof = bench.prove(Verdict.FASTER, Verdict.DIFFERENT_OUTPUT).proof
    assert tell_trials(proof, bench.advice) == [
        " 1. measured faster 1.50× [1.40, 1.60], 20 pairs of runs, CPU time: Title 2  app.py:2",
        "    because",
        " 3. refuted, different output: Title 6, an offer  app.py:6",
        "    because",
    ]


def test_the_gain_of_those_judged_as_one_is_told_once(bench: Bench) -> None:
    proof = bench.prove(Verdict.FASTER, Verdict.FASTER).proof
    proof = replace(proof, trials=tuple(replace(trial, group=("id0", "id1"), why="") for trial in proof.trials))
    assert tell_trials(proof, bench.advice) == [
        " 1. measured faster 1.50× [1.40, 1.60], 20 pairs of runs, CPU time: Title 2  app.py:2",
        "    judged together with 1 more, each too little to be told apart",
        " 2. measured faster, with 1: Title 6, an offer  app.py:6",
    ]


def test_files_that_were_written_and_not_compared_are_named(bench: Bench) -> None:
    checked = Checked(stdout_bytes=1, candidates=("a", "b", "c", "d"))
    said = tell_notes(bench.prove(Verdict.FASTER, checked=checked).proof)
    assert said == ["written and not compared: a, b, c and 1 more (--compare 'a')"]
