"""A change of the user's own, as something to prove: patches and commits are read, and what cannot be tried is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.cli.main import run_command_line
from whet.errors import UsageError
from whet.fix.edits import apply_edits
from whet.model.run import Execution, Interpreter, Purpose, Run
from whet.model.trial import Proof, Verdict
from whet.pipeline.prove import own_change
from whet.pipeline.prove.own_change import (
    apply_patch,
    find_edits,
    plan_against,
    plan_patch,
    read_changes,
    tell_change,
)
from whet.pipeline.prove.prove import ProvingRequest
from whet.prove.rewrites import Unit, apply_rewrites
from whet.store import save_run

OLD = "# one\nprint(sum(i for i in range(9)))\n"
NEW = "# one\nprint(sum(range(9)))\n"
PATCH = "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n # one\n-print(sum(i for i in range(9)))\n+print(sum(range(9)))\n"


def git(folder: Path, *words: str) -> None:
    own = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *own, *words], check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "project"
    folder.mkdir()
    (folder / "a.py").write_bytes(OLD.encode())
    (folder / "data.txt").write_bytes(b"1\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    return folder


def make_run(project: Path) -> Run:
    python = Interpreter(sys.executable, "3.13.0")
    execution = Execution(Purpose.TIME, (), 10**8, 10**8, 0)
    return Run("1", ("a.py",), "", str(project), str(project), python, executions=(execution,))


def test_a_patch_is_read_and_the_tree_stays(project: Path) -> None:
    assert apply_patch(PATCH.encode(), (project,)) == {str(project / "a.py"): (OLD.encode(), NEW.encode())}
    assert (project / "a.py").read_bytes() == OLD.encode()


@pytest.mark.parametrize(
    ("patch", "word"),
    [
        ("nothing", "git cannot read the patch"),
        (PATCH.replace("# one", "# two"), "does not apply"),
        (PATCH.replace("a.py", "b.py"), "b.py"),
        (PATCH.replace("a.py", "../a.py"), r"outside|git cannot read"),
        (PATCH.replace("a.py", "data.txt"), "data.txt"),
        ("--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+x = 1\n", "new.py"),
    ],
)
def test_what_cannot_be_tried_is_told(project: Path, patch: str, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        apply_patch(patch.encode(), (project,))


def test_the_working_tree_is_the_candidate_and_the_commit_the_baseline(project: Path) -> None:
    (project / "a.py").write_bytes(NEW.encode())
    (project / "data.txt").write_bytes(b"2\n")
    (project / "new.py").write_bytes(b"")
    versions, notes = read_changes(project, "HEAD")
    assert versions == {str(project / "a.py"): (OLD.encode(), NEW.encode())}
    assert "data.txt" in notes[0]
    plan = plan_against(make_run(project), ProvingRequest(), "HEAD")
    assert apply_rewrites(plan.originals, [Unit(plan.rewrites)]) == {str(project / "a.py"): NEW.encode()}


@pytest.mark.parametrize("ref", ["HEAD", "nowhere", "--help"])
def test_nothing_to_compare_is_an_error(project: Path, ref: str) -> None:
    with pytest.raises(UsageError):
        read_changes(project, ref)


@pytest.mark.parametrize("text", ["x = 1\r\ny = 2", "", "\ufeffx = 1\n", "# -*- coding: latin-1 -*-\nx = 'é'\n"])
def test_whole_files_are_replaced_in_their_encoding(project: Path, text: str) -> None:
    coding = "latin-1" if "latin" in text else "utf-8"
    (project / "a.py").write_bytes(text.encode(coding))
    git(project, "commit", "-qam", "two")
    after = (text + ("\r\n" if "\r" in text else "\n") + "z = 3").encode(coding)
    (project / "a.py").write_bytes(after)
    plan = plan_against(make_run(project), ProvingRequest(), "HEAD")
    assert apply_rewrites(plan.originals, [Unit(plan.rewrites)])[str(project / "a.py")] == after


LONG = "import sys\n\n\ndef one():\n    a = 1\n    return a\n" + "\n" * 8 + "def two():\n    return 2\n" + "# end\n" * 9


def test_hunks_are_those_of_git_and_know_their_functions(project: Path) -> None:
    (project / "a.py").write_text(LONG)
    git(project, "commit", "-qam", "two")
    after = LONG.replace("a = 1", "a = 1  # x\n    b = 2").replace("return 2", "return 3").replace("# end\n", "", 1)
    (project / "a.py").write_text(after)
    plan = plan_against(make_run(project), ProvingRequest(), "HEAD")
    assert [hunk.ref.place for hunk in plan.hunks] == ["a.py:5", "a.py:16", "a.py:25"]
    assert [{line for _, line in hunk.lines} for hunk in plan.hunks] == [{4, 5, 6}, {15, 16}, set()]
    made = apply_rewrites(plan.originals, [Unit((hunk,)) for hunk in plan.hunks])
    assert made == {str(project / "a.py"): after.encode()}


def test_one_hunk_is_the_change(project: Path) -> None:
    (project / "a.py").write_text(NEW)
    assert plan_against(make_run(project), ProvingRequest(), "HEAD").hunks == ()


def test_many_hunks_are_told_by_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_change, "MOST_HUNKS", 4)
    text = "".join(f"x{number} = {number}\n" + "\n" * 9 for number in range(20, 30))
    for name in ("a.py", "b.py"):
        (project / name).write_text(text)
    git(project, "add", ".")
    git(project, "commit", "-qm", "two")
    for name in ("a.py", "b.py"):
        (project / name).write_text(text.replace(" = 2", " += 2"))
    hunks = plan_against(make_run(project), ProvingRequest(), "HEAD").hunks
    assert [(hunk.ref.id, hunk.ref.place) for hunk in hunks] == [("hunk 1", "a.py:1"), ("hunk 2", "b.py:1")]


_TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "c\x0c\n", "\n", "d\u2028e\n"]), max_size=30).map("".join)


@given(_TEXTS, _TEXTS, st.sampled_from(["", "x = 1"]), st.sampled_from(["", "x = 1"]))
def test_edits_make_one_text_the_other(old: str, new: str, last: str, new_last: str) -> None:
    before, after = old + last, new + new_last
    hunks = find_edits("a.py", before.encode(), after.encode())
    assert apply_edits(before, [edit for hunk in hunks for edit in hunk]) == after
    assert (before == after) == (not hunks)


def test_line_ends_alone_are_no_change(project: Path) -> None:
    (project / "a.py").write_bytes(OLD.replace("\n", "\r\n").encode())
    with pytest.raises(UsageError, match="nothing but line ends differs"):
        plan_against(make_run(project), ProvingRequest(), "HEAD")


def test_a_missing_patch_file_is_told(project: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        plan_patch(make_run(project), ProvingRequest(), project / "nowhere.diff")


def test_nothing_measured_is_said() -> None:
    assert tell_change(Proof()) == "nothing could be measured"


@pytest.mark.parametrize(("after", "refuted"), [("print(sum(range(9)))", False), ("print(37)", True)])
def test_a_patch_is_tried_from_the_command_line(
    project: Path, after: str, refuted: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    save_run(make_run(project), project)
    Path("p.diff").write_bytes(PATCH.replace("print(sum(range(9)))", after).encode())
    assert run_command_line(["prove", "--patch", "p.diff", "--runs", "2", "-f", "json"]) == 0
    said = capsys.readouterr()
    assert "whet: at least 11 executions, 1.1 s; at most 10 min (--budget)" in said.err
    verdict = json.loads(said.out)["rewrites"][0]["verdict"]
    assert (verdict == Verdict.DIFFERENT_OUTPUT) == refuted
    assert ("the change is refuted" in said.err) == refuted
    assert (project / "a.py").read_bytes() == OLD.encode()
    run_command_line(["prove", "--patch", "p.diff", "--runs", "2", "--budget", "0.5s"])
    assert "11 executions take 1.1 s, and --budget is 0.5 s: fewer show only large gains" in capsys.readouterr().err
    assert run_command_line(["prove", "--patch", "p.diff", "--against", "HEAD"]) == 2
    for choice in (["--no-offers"], ["--allow", "regex-compile"]):
        assert run_command_line(["prove", "--patch", "p.diff", *choice]) == 2
        assert f"{choice[0]} selects among the suggestions" in capsys.readouterr().err


def test_without_a_repository_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a git repository") as caught:
        read_changes(tmp_path, "HEAD")
    assert "--patch" in caught.value.hint


def test_a_program_after_dashes_needs_no_run(project: Path, monkeypatch, capsys) -> None:
    (project / "a.py").write_bytes(b"import sys\nprint(sum(i for i in range(int(sys.argv[1]))))\nsys.exit(3)\n")
    git(project, "commit", "-qam", "two")
    (project / "a.py").write_bytes(b"import sys\nprint(sum(range(int(sys.argv[1]))))\nsys.exit(3)\n")
    monkeypatch.chdir(project)
    change = ["prove", "--against", "HEAD", "--runs", "2", "--format", "json", "--", sys.executable, "a.py", "9"]
    assert run_command_line(change) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert found["command"] == ["a.py", "9"]
    assert found["rewrites"][0]["verdict"] in ("no difference", "faster", "slower")
    assert f"what runs is `{Path(sys.executable).name} a.py 9` in {project}" in printed.err
    assert "the unmodified program ends with exit 3" in printed.err
    assert not (project / ".whet").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--", "a.py"], "a change of your own, but none is given"),
        (["--against", "HEAD", "a.json", "--", "a.py"], "the run 'a.json' and the program after --"),
        (["--against", "HEAD", "--workload", "a.py", "--", "a.py"], "--workload and the program after --"),
    ],
)
def test_a_program_after_dashes_goes_with_a_change_and_no_run(
    project: Path, monkeypatch, capsys, words, message
) -> None:
    monkeypatch.chdir(project)
    assert run_command_line(["prove", *words]) == 2
    assert message in capsys.readouterr().err
