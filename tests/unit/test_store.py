from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet import store
from whet.errors import FormatError, StoreError
from whet.model.run import Interpreter, Run
from whet.store import find_home, find_run, list_runs, load_run, save_run


def make_run(*command: str) -> Run:
    return Run(
        "0.1", command or ("orders.py",), "2025-01-31T14:25:01+01:00", "/srv", "/srv", Interpreter("/py", "3.13.0")
    )


@pytest.fixture(autouse=True)
def spare(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the temporary folder that runs fall back to away from the machine's."""
    folder = tmp_path_factory.mktemp("spare")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def list_files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize("marker", ["pyproject.toml", ".git"])
def test_home_stands_beside_the_nearest_marker(tmp_path: Path, marker: str):
    (tmp_path / marker).touch()
    deep = tmp_path / "a/b"
    deep.mkdir(parents=True)
    assert find_home(deep) == tmp_path / ".whet"
    (tmp_path / "a/pyproject.toml").touch()
    assert find_home(deep) == tmp_path / "a/.whet"


def test_without_a_marker_home_is_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "_MARKERS", ("no-such-marker",))
    assert find_home(tmp_path) == tmp_path / ".whet"
    monkeypatch.chdir(tmp_path)
    assert find_home(Path()) == tmp_path / ".whet"


def test_a_saved_run_is_found_and_read(tmp_path: Path):
    (tmp_path / "pyproject.toml").touch()
    run = make_run("python", "src/orders.py", "--fast")
    saved = save_run(run, tmp_path)
    assert saved.notice is None
    assert saved.path.parent.name.endswith("-orders")
    assert (tmp_path / ".whet/.gitignore").read_text() == "/*\n!/rules/\n__pycache__/\n"
    assert load_run(saved.path) == load_run(saved.path.parent) == load_run(find_run(None, tmp_path))
    assert load_run(saved.path) == replace(run, saved_in=str(find_home(tmp_path).parent))
    assert list_files(tmp_path / ".whet") == {".gitignore", "latest", f"runs/{saved.path.parent.name}/run.json.gz"}


def test_runs_of_one_second_get_folders_of_their_own_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(store.time, "strftime", lambda form: "20250131-142501")
    saved = [save_run(make_run(), tmp_path, name=f"n{number}").path for number in (2, 1, 3)]
    assert [folder / "run.json.gz" for folder in list_runs(tmp_path)] == saved
    assert find_run("latest", tmp_path) == saved[-1]


def test_references(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / ".git").mkdir()
    saved = []
    for second, name in enumerate(("a", "ab", "b")):
        monkeypatch.setattr(store.time, "strftime", lambda form, second=second: f"20250131-14250{second}")
        saved.append(save_run(make_run(), tmp_path, name=name).path)
    first = saved[0].parent.name
    assert find_run(first, tmp_path) == saved[0]
    assert find_run("20250131-142501", tmp_path) == saved[1]
    assert find_run(str(saved[2]), tmp_path) == saved[2]
    assert find_run(str(saved[2].parent), tmp_path) == saved[2]
    assert find_run(saved[2].relative_to(tmp_path).as_posix(), tmp_path) == saved[2]
    with pytest.raises(StoreError, match="3 runs start with"):
        find_run("20250131", tmp_path)
    for reference in ("2024", "../x", "", "\0", "x" * 5000, "\udcff"):
        with pytest.raises(StoreError, match="no saved run"):
            find_run(reference, tmp_path)


def test_latest_survives_a_lost_or_hostile_pointer(tmp_path: Path):
    (tmp_path / ".git").mkdir()
    with pytest.raises(StoreError, match="no run is saved"):
        find_run(None, tmp_path)
    saved = save_run(make_run(), tmp_path).path
    pointer = tmp_path / ".whet/latest"
    for text in (b"", b"../../etc", b"\xff", b"20250131-142501-gone\n"):
        pointer.write_bytes(text)
        assert find_run(None, tmp_path) == saved
    pointer.unlink()
    assert find_run(None, tmp_path) == saved


def test_the_last_twenty_stay_and_only_ours_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / ".git").mkdir()
    runs = tmp_path / ".whet/runs"
    saved = []
    for second in range(25):
        monkeypatch.setattr(store.time, "strftime", lambda form, second=second: f"20250131-1425{second:02}")
        saved.append(save_run(make_run(), tmp_path).path.parent)
        if second == 0:
            (saved[0] / "notes.txt").write_text("mine")
        if second == 1:
            (saved[1] / "raw").mkdir()
            (saved[1] / "raw/pyspy.raw").write_text("x")
            (runs / "20240101-000000-mine").mkdir()
            (runs / "mine").mkdir()
    assert list_runs(tmp_path) == saved[-20:]
    assert list_files(saved[0]) == {"notes.txt"}
    assert not saved[1].exists()
    assert (runs / "mine").is_dir()
    assert (runs / "20240101-000000-mine").is_dir()


@given(st.text())
def test_any_name_becomes_a_plain_folder_name(name: str):
    safe = store._sanitise(name)
    assert 0 < len(safe.encode()) <= 64
    assert not set(safe) & set('/\\:*?"<>|\0\n ')
    assert safe.strip(". ") == safe
    assert store._NAME.fullmatch(f"20250131-142501-{safe}"), safe


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("CON", "run-CON"),
        ("nul.txt", "run-nul.txt"),
        ("", "run"),
        ("...", "run"),
        ("\u202eevil", "evil"),
        ("größe", "größe"),
        ("x" * 500, "x" * 60),
        ("a b\tc", "a-b-c"),
    ],
)
def test_hostile_names(name: str, safe: str):
    assert store._sanitise(name) == safe


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("orders.py",), "orders"),
        (("python3.13", "-m", "pkg.tool", "x"), "pkg.tool"),
        (("/usr/bin/python", "C:\\x\\y.py"), "y"),
        (("python", "-c", "print(1)"), "code"),
        ((), "run"),
        (("--", "-x"), "run"),
    ],
)
def test_a_run_is_called_after_its_program(command: tuple[str, ...], name: str, tmp_path: Path):
    (tmp_path / ".git").mkdir()
    run = Run("0.1", command, "", "/", "/", Interpreter("/py", "3.13.0"))
    assert save_run(run, tmp_path).path.parent.name.split("-", 2)[2] == name


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, spare: Path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".whet").write_text("a file where the folder should be")
    saved = save_run(make_run(), tmp_path)
    assert saved.path.is_relative_to(spare)
    assert saved.notice is not None
    assert str(saved.path) in saved.notice.message
    assert saved.notice.hint == f"whet report {saved.path}"
    assert load_run(find_run(str(saved.path), tmp_path)) == make_run()
    assert (tmp_path / ".whet").read_text() == "a file where the folder should be"


def fill_disk(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let every write of a run under ``folder`` fail as on a full disk, after half of it."""
    real = os.fsync

    def fail(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if path.is_relative_to(folder) and path.stat().st_size > 100:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    monkeypatch.setattr(store.os, "fsync", fail)


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which file is written")
def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, spare: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / ".git").mkdir()
    fill_disk(monkeypatch, tmp_path / ".whet")
    saved = save_run(make_run(), tmp_path)
    assert saved.path.is_relative_to(spare)
    assert "No space left" in saved.notice.message
    assert list_files(tmp_path / ".whet") == {".gitignore"}
    assert list_runs(tmp_path) == []
    assert list((tmp_path / ".whet/runs").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which file is written")
def test_when_all_is_full_the_error_names_both_and_the_remedy(
    tmp_path: Path, spare: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / ".git").mkdir()
    fill_disk(monkeypatch, Path("/"))
    with pytest.raises(StoreError, match="No space left") as caught:
        save_run(make_run(), tmp_path)
    assert str(tmp_path / ".whet") in caught.value.message
    assert str(spare) in caught.value.message
    assert "TMPDIR" in caught.value.hint
    assert not [name for folder in (tmp_path, spare) for name in list_files(folder) if "run.json" in name]


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root writes everywhere")
def test_a_read_only_project_is_left_alone(tmp_path: Path, spare: Path):
    (tmp_path / ".git").mkdir()
    tmp_path.chmod(0o500)
    try:
        assert save_run(make_run(), tmp_path).path.is_relative_to(spare)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="POSIX owners and links")
def test_the_temporary_folder_must_be_ours(tmp_path: Path, spare: Path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".whet").touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (spare / f"whet-{os.getuid()}").symlink_to(elsewhere)
    with pytest.raises(StoreError, match="somebody else's"):
        save_run(make_run(), tmp_path)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="POSIX modes")
def test_runs_are_for_their_owner_only(tmp_path: Path):
    (tmp_path / ".git").mkdir()
    assert stat.S_IMODE(save_run(make_run(), tmp_path).path.stat().st_mode) == 0o600


def test_what_cannot_be_read_is_told(tmp_path: Path):
    with pytest.raises(StoreError, match="cannot be read"):
        load_run(tmp_path / "gone.json.gz")
    (tmp_path / "run.json.gz").write_bytes(b"x")
    with pytest.raises(FormatError):
        load_run(tmp_path)


@pytest.mark.skipif(shutil.which("git") is None, reason="asks git")
@pytest.mark.parametrize("before", [None, "*\n"])
def test_git_sees_the_projects_own_rules_and_nothing_else_in_the_folder(tmp_path: Path, before: str | None):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    rules = tmp_path / ".whet" / "rules"
    (rules / "__pycache__").mkdir(parents=True)
    (rules / "mine.py").touch()
    (rules / "__pycache__" / "mine.pyc").touch()
    if before is not None:
        (tmp_path / ".whet/.gitignore").write_text(before)
    save_run(make_run(), tmp_path)
    listed = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert listed.stdout.split() == ["??", ".whet/rules/mine.py"]
