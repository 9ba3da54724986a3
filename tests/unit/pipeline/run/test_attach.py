from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, StackTable, Thread
from whet.model.run import Execution, Interpreter, Purpose, Run
from whet.pipeline.advise.show import show
from whet.pipeline.run.attach import find_project_of
from whet.program.process import RunningProcess

posix = pytest.mark.skipif(os.name == "nt", reason="paths and links as POSIX has them")


def test_the_project_is_found_from_the_working_folder(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "src" / "pkg").mkdir(parents=True)
    assert find_project_of(RunningProcess(7, directory=str(tmp_path / "src" / "pkg"))) == str(tmp_path)


@pytest.mark.parametrize("directory", ["", "/"])
def test_a_service_that_works_nowhere_has_no_project(directory):
    if Path("/pyproject.toml").exists() or Path("/.git").exists():
        pytest.skip("this machine's root is a project")
    assert find_project_of(RunningProcess(7, directory=directory)) == ""


@posix
def test_the_project_of_a_container_is_looked_for_inside_it(tmp_path):
    (tmp_path / "srv" / "app" / "deep").mkdir(parents=True)
    (tmp_path / "srv" / "app" / "pyproject.toml").touch()
    (tmp_path / "app").symlink_to("/srv/app")
    (tmp_path / "pyproject.toml").symlink_to("/nowhere")
    process = RunningProcess(7, directory="/app/deep", root=tmp_path)
    assert find_project_of(process) == "/app"
    assert find_project_of(replace(process, directory="/srv")) == "/srv"


def test_rules_of_the_processs_own_folder_are_not_run(tmp_path, monkeypatch):
    """That folder may be anybody's; whet's own working folder is the user's."""
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    for folder in (theirs, ours):
        (folder / ".whet" / "rules").mkdir(parents=True)
        marker = folder / "ran"
        (folder / ".whet" / "rules" / "evil.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    monkeypatch.chdir(ours)
    hot = Profile(
        collector="py-spy",
        frames=(Frame("/app/x.py", "main", 1, 1, Owner.USER),),
        stacks=StackTable((ROOT,), (0,)),
        threads=(Thread(7, 7),),
        samples=(Samples(Metric.CPU, 0, [0], [10**9], 100),),
    )
    run = Run(
        whet_version="1",
        profiles=(hot,),
        command=("python", "x.py"),
        started="2025-01-01T00:00:00+00:00",
        directory=str(theirs),
        project=str(theirs),
        interpreter=Interpreter("/usr/bin/python3", "3.13.0"),
        executions=(Execution(Purpose.ATTACH, ("py-spy",), 10**9, 10**9, None, pid=7),),
    )
    show(run)
    assert not (theirs / "ran").exists()
    assert (ours / "ran").exists()
