"""What earlier proofs know: kept with all that figures depend on, taken over as it was, and nothing else."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from whet.fix.files import hash_bytes
from whet.model.finding import Edit
from whet.model.run import Interpreter, Run
from whet.model.source import SourceFile
from whet.model.trial import Checked, FileEdits, Gain, Proof, RewriteRef, Trial, Verdict
from whet.pipeline.prove import earlier
from whet.pipeline.prove.earlier import Earlier, find_earlier, find_state, remember_proof
from whet.pipeline.prove.prove import ProvingRequest
from whet.prove.options import ProveOptions
from whet.prove.rewrites import Rewrite

CODE = b"print(1)\n"
WHEN = "2026-03-01T10:15:30+01:00"
GAIN = Gain(2.0, 1.9, 2.1, 8, 0.99)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / ".whet").mkdir()
    (tmp_path / "a.py").write_bytes(CODE)
    source = SourceFile("a.py", "a.py", hash_bytes(CODE), CODE.decode())
    interpreter = Interpreter(sys.executable, "3.13.0")
    return Run("1", ("a.py",), "", str(tmp_path), str(tmp_path), interpreter, sources={"a.py": source})


def make_rewrite(name: str, text: str = "2") -> Rewrite:
    return Rewrite(RewriteRef(name, name), (FileEdits("a.py", hash_bytes(CODE), (Edit(1, 6, 1, 7, text),)),))


def make_trial(name: str, verdict: Verdict = Verdict.FASTER, why: str = "", group: tuple[str, ...] = ()) -> Trial:
    rewrite = make_rewrite(name)
    return Trial(rewrite.ref, verdict, GAIN, why, group, rewrite.changes)


def make_proof(*trials: Trial, applied: tuple[str, ...] = ()) -> Proof:
    total = GAIN if applied else None
    verdict = Verdict.FASTER if applied else Verdict.UNTESTED
    return Proof(("a.py",), WHEN, trials, (), total, verdict, applied, checked=Checked(9), notes=("other",))


def test_the_state_is_that_of_all_that_figures_depend_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    request = ProvingRequest()
    state = find_state(run, request.list_conditions())
    assert state and state == find_state(run, ProvingRequest(ProveOptions(budget=5, seed=3)).list_conditions())
    others = [
        find_state(run, ProvingRequest(ProveOptions(threshold=0.05)).list_conditions()),
        find_state(run, ProvingRequest(workload="python a.py 2").list_conditions()),
        find_state(replace(run, command=("a.py", "2")), request.list_conditions()),
        find_state(replace(run, interpreter=Interpreter(sys.executable, "3.13.1")), request.list_conditions()),
    ]
    monkeypatch.setattr(earlier, "identify_machine", lambda: "another")
    others.append(find_state(run, request.list_conditions()))
    monkeypatch.undo()
    monkeypatch.setattr(earlier, "_list_packages", lambda _: "[('a', '2')]")
    others.append(find_state(run, request.list_conditions()))
    monkeypatch.undo()
    Path(run.directory, "a.py").write_bytes(b"print(3)\n")
    others.append(find_state(run, request.list_conditions()))
    assert len({state, *others}) == 1 + len(others)


def test_of_what_is_not_known_there_is_no_state(run: Run) -> None:
    assert not find_state(replace(run, interpreter=Interpreter("/nowhere", "3")), ())
    Path(run.directory, "a.py").unlink()
    assert not find_state(run, ())


def test_what_was_settled_is_found_again(run: Run) -> None:
    start = Path(run.directory)
    proof = make_proof(
        make_trial("a"),
        make_trial("b", Verdict.NO_DIFFERENCE),
        make_trial("c", Verdict.NO_DIFFERENCE, "no difference was shown with that many runs"),
        make_trial("d", Verdict.NOT_RUN, "no time"),
        make_trial("e"),
        make_trial("f", group=("f", "g")),
        applied=("a",),
    )
    remember_proof(start, "one", proof)
    rewrites = [make_rewrite(name, "3" if name == "e" else "2") for name in "abcdefh"]
    found = find_earlier(start, "one", rewrites)
    assert found is not None
    assert set(found.trials) == {"a", "b"}
    assert found.trials["a"] == replace(make_trial("a"), measured=WHEN)
    assert found.has_total
    assert find_earlier(start, "two", rewrites) is None
    assert find_earlier(start, "", rewrites) is None
    assert find_earlier(start, "one", [make_rewrite("z")]) is None


@pytest.mark.parametrize(
    "text", ["", "[]", '{"schema": 2}', '{"schema": 1, "proofs": [{"state": "one", "proof": {"trials": 3}}]}']
)
def test_a_file_that_is_not_ones_own_is_ignored(run: Run, text: str) -> None:
    start = Path(run.directory)
    (start / ".whet" / "proven.json").write_text(text)
    assert find_earlier(start, "one", [make_rewrite("a")]) is None
    remember_proof(start, "one", make_proof(make_trial("a")))
    assert find_earlier(start, "one", [make_rewrite("a")]) is not None


def test_the_newest_proofs_are_kept(run: Run) -> None:
    start = Path(run.directory)
    for number in range(earlier.MOST + 2):
        remember_proof(start, f"s{number}", make_proof(make_trial("a")))
    remember_proof(start, "empty", make_proof(make_trial("a", Verdict.NOT_RUN)))
    known = [n for n in range(earlier.MOST + 2) if find_earlier(start, f"s{n}", [make_rewrite("a")])]
    assert known == list(range(2, earlier.MOST + 2))


def test_what_is_known_is_joined_to_what_was_run_and_says_when(run: Run) -> None:
    known = Earlier(make_proof(make_trial("a"), applied=("a",)), {"a": replace(make_trial("a"), measured=WHEN)})
    order = [make_rewrite("b"), make_rewrite("a")]
    joined = known.join(Proof(trials=(make_trial("b", Verdict.NO_DIFFERENCE),), checked=Checked(9)), order)
    assert [trial.ref.id for trial in joined.trials] == ["b", "a"]
    assert (joined.total, joined.applied) == (GAIN, ("a",))
    assert "1 of 2 verdicts are kept from 2026-03-01 10:15" in joined.notes[-1]
    # A total of another set than what gained now is none of it.
    more = known.join(Proof(trials=(make_trial("b"),), checked=Checked(9)), order)
    assert (more.total, more.applied) == (None, ())


def test_where_all_is_known_it_is_as_it_was_without_its_notes(run: Run) -> None:
    trials = {"b": replace(make_trial("b", Verdict.NO_DIFFERENCE), measured=WHEN)}
    known = Earlier(make_proof(make_trial("a"), make_trial("b"), applied=("a",)), trials)
    taken = known.take_over([make_rewrite("b")])
    assert (taken.started, taken.total, len(taken.trials), len(taken.notes)) == (WHEN, None, 1, 1)
