from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from tests.integration.test_run_failures import make_whet_without

from whet.program.checkup import check_package, check_sampler
from whet.program.probe import probe
from whet.program.ptrace import ptrace_trouble


def doctor(
    *words: str, cwd: Path, whet: Path = Path(sys.executable), **variables: str
) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "CONDA_PREFIX")}
    return subprocess.run(
        [str(whet), "-c", "from whet.cli.main import main; main()", "doctor", *words],
        cwd=cwd,
        env={**environ, "XDG_CACHE_HOME": str(cwd / "cache"), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def make_environment(folder: Path) -> Path:
    venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt").create(folder)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def test_environment_like_ours_works_in_full(tmp_path):
    if ptrace_trouble() is not None:
        pytest.skip("this system lets no process read another")
    python = make_environment(tmp_path / ".venv")
    done = doctor(cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert str(python) in done.stdout
    assert "chosen by: the project's .venv" in done.stdout
    for about in ("py-spy", "line_profiler", "pyinstrument", "saved runs"):
        assert f"  ok  {about}" in done.stdout
    assert "whet's own environment" in done.stdout
    assert not (tmp_path / ".whet").exists()  # looked at, not made


def test_what_does_not_work_has_the_line_that_mends_it(tmp_path):
    make_environment(tmp_path / ".venv")
    shadow = tmp_path / "shadow" / "line_profiler"
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").write_text("raise ImportError('it is broken')")
    done = doctor(cwd=tmp_path, PYTHONPATH=str(tmp_path / "shadow"))
    assert "  no  line_profiler" in done.stdout
    assert "it is broken" in done.stdout.replace("\n      ", " ")
    assert "      whet doctor --install --python " in done.stdout
    # It is for --lines: a plain run does without.
    assert "works without: line_profiler" not in done.stdout
    assert done.returncode == (0 if ptrace_trouble() is None else 1)


@pytest.mark.skipif(os.name == "nt", reason="an environment of links")
def test_what_a_plain_run_needs_is_named(tmp_path):
    make_environment(tmp_path / ".venv")
    python = make_whet_without(tmp_path, "py-spy", "py_spy")
    done = doctor(cwd=tmp_path, whet=python, PATH="/usr/bin:/bin")
    assert done.returncode == 1
    assert "  no  py-spy: not found" in done.stdout
    assert f"      {python} -m pip install py-spy" in done.stdout
    assert "works without: py-spy" in done.stdout


@pytest.mark.skipif(os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="root may write anywhere")
def test_folder_that_cannot_be_written(tmp_path):
    python = make_environment(tmp_path / "env")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    done = doctor("--python", str(python), cwd=closed, XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "  no  saved runs" in done.stdout


def test_narrow_terminal(tmp_path):
    python = make_environment(tmp_path / "env")
    done = doctor("--python", str(python), cwd=tmp_path, COLUMNS="40")
    for line in done.stdout.splitlines():
        # Only a word that would have to be broken, such as a path, may stand out, and a command to be copied.
        is_command = any(words in line for words in ("whet doctor", "--cap-add", "pip install"))
        assert len(line) <= 40 or len(line.split()) == 1 or is_command, line
    assert "\x1b" not in done.stdout


def test_wrong_interpreter_is_an_error(tmp_path):
    done = doctor("--python", str(tmp_path / "nowhere"), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("whet: error: ")


def test_stdout_that_knows_ascii_only(tmp_path):
    folder = tmp_path / "ünï"
    folder.mkdir()
    python = make_environment(folder / "env")
    done = doctor("--python", str(python), cwd=folder, PYTHONIOENCODING="ascii")
    assert "Traceback" not in done.stderr
    assert "\\xfcn\\xef" in done.stdout


def test_sampler_that_is_absent_or_broken(tmp_path, monkeypatch):
    host = probe(Path(sys.executable), "")
    monkeypatch.setattr("whet.program.checkup.find_tool", lambda _name: None)
    check = check_sampler(host, refused=False)
    assert (check.works, check.needed) == (False, True)
    assert "pip install py-spy" in check.remedy
    monkeypatch.setattr("whet.program.checkup.find_tool", lambda _name: tmp_path / "absent")
    assert "does not start" in check_sampler(host, refused=False).says


def test_old_profiler_of_the_target(tmp_path):
    import dataclasses

    host = probe(Path(sys.executable), "")
    host = dataclasses.replace(host, versions={**host.versions, "line_profiler": "4.9.9"})
    check = check_package("line_profiler", host, needed=True)
    assert not check.works
    assert "too old" in check.says
    assert "--upgrade line_profiler" in check.remedy
