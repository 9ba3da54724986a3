from __future__ import annotations

import sys
from pathlib import Path

import pytest

from whet.cli.main import run_command_line
from whet.errors import StoreError, UsageError
from whet.model.run import Execution, Interpreter, Purpose, Run
from whet.pipeline.foreign.inputs import Inputs
from whet.pipeline.foreign.merge import merge_runs
from whet.store import list_runs, load_run, save_run


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "app.py").write_text("def solve():\n    pass\n\n\ndef load():\n    pass\n")
    for name, solve in (("web1", 500), ("web2", 510), ("web3", 900)):
        stacks = (
            f"thread (1): Main;solve ({tmp_path}/app.py:2) {solve}\nthread (1): Main;load ({tmp_path}/app.py:6) 100\n"
        )
        (tmp_path / "profiles").mkdir(exist_ok=True)
        (tmp_path / "profiles" / f"{name}.raw").write_text(stacks)
    (tmp_path / "profiles" / "notes.md").write_text("# notes\n")
    return tmp_path


def labels(run: Run) -> list[str]:
    return [part.label for part in run.parts]


@pytest.mark.parametrize(
    "references",
    [["profiles"], ["profiles/*.raw"], ["prof*/web?.raw"], ["profiles/web1.raw", "profiles/*"], ["**/*.raw"]],
)
def test_files_folders_and_globs(job: Path, references: list[str]) -> None:
    run = merge_runs(references, [], job)
    assert labels(run) == ["web1", "web2", "web3"]
    assert {thread.label for thread in run.profiles[0].threads} == {"web1", "web2", "web3"}
    assert run.parts[2].functions[0].name == "solve"
    assert not run.executions


def test_what_leads_to_nothing_is_an_error(job: Path) -> None:
    for reference in ("profiles/*.nothing", "absent", "empty"):
        (job / "empty").mkdir(exist_ok=True)
        with pytest.raises((UsageError, StoreError), match=r"\w"):
            merge_runs([reference], [], job)


def test_one_broken_file_costs_itself_only(job: Path) -> None:
    (job / "broken.json").write_text('{"traceEvents": [1, 2')
    run = merge_runs(["profiles", "broken.json"], [], job)
    assert labels(run) == ["web1", "web2", "web3"]
    assert any("broken.json is left out" in notice.message for notice in run.notices)


def test_a_merged_run_is_not_merged_again_with_its_parts_unless_it_is_named(job: Path) -> None:
    merged = merge_runs(["profiles"], [], job)
    saved = save_run(merged, job).path
    again = merge_runs(["profiles", ".whet/runs"], [], job)
    assert labels(again) == ["web1", "web2", "web3"]
    assert sum(sum(samples.value) for samples in again.profiles[0].samples) == sum(
        sum(samples.value) for samples in merged.profiles[0].samples
    )
    assert any("merged already" in notice.message for notice in again.notices)
    assert len(merge_runs([str(saved)], [], job).parts) == 3
    with pytest.raises(UsageError, match="merged already"):
        merge_runs([".whet/runs/*"], [], job)


def test_runs_keep_their_labels_and_their_project(job: Path) -> None:
    for rank in range(2):
        execution = Execution(Purpose.TIME, ("py-spy",), 10, 10, 0)
        base = merge_runs([f"profiles/web{rank + 1}.raw"], [], job)
        run = Run("0", ("job.py",), "", str(job), str(job), Interpreter("", "3.12.0"), executions=(execution,),
                  profiles=base.profiles, sources=base.sources, labels=(("rank", str(rank)),))  # fmt: skip
        save_run(run, job)
    names = [folder.name.partition("-job")[2] for folder in list_runs(job)]
    assert sorted(names) == ["+rank-0", "+rank-1"]
    merged = merge_runs([".whet"], [], job)
    assert len(merged.parts) == 2
    assert len(merged.executions) == 1


def test_the_command_saves_shows_and_writes(
    job: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(job)
    assert run_command_line(["merge", "profiles", "--source-root", f"{job}=."]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "web3 is the slowest" in " ".join(said.err.split())
    assert "solve (app.py:1)" in " ".join(said.err.split())
    assert "load imbalance 1.36 (max over mean)" in " ".join(said.err.split())
    assert "web3" in (job / "whet-report.html").read_text()
    assert len(load_run(list_runs(job)[-1]).parts) == 3
    assert run_command_line(["merge"]) == 2
    assert "there is nothing to merge" in capsys.readouterr().err


def test_urls_need_fsspec(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="needs fsspec"), Inputs(["s3://bucket/*.raw"], job) as inputs:
        list(inputs.find())


def test_urls_are_copied_and_removed(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Memory:
        """As much of fsspec's interface as is used."""

        def glob(self, path: str) -> list[str]:
            return [str(each) for each in sorted(job.glob(path))]

        def isdir(self, path: str) -> bool:
            return False

        def open(self, path: str, mode: str) -> object:
            return Path(path).open(mode)

        def unstrip_protocol(self, path: str) -> str:
            return f"memory://{path}"

    module = type(sys)("fsspec")
    module.core = type(sys)("fsspec.core")  # type: ignore[attr-defined]
    module.core.url_to_fs = lambda url: (Memory(), url.partition("://")[2])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fsspec", module)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    with Inputs(["memory://profiles/*"], job) as inputs:
        found = list(inputs.find())
        assert [each.name for each in found] == ["web1", "web2", "web3"]
        assert found[0].shown.startswith("memory://")
    assert not found[0].path.exists()
