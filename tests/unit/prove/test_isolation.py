"""The copy of a working folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from whet.prove import isolation
from whet.prove.isolation import WorkingCopy, why_not_copied


@pytest.fixture
def original(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "in.txt").write_text("in")
    (folder / "app.py").write_text("app")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("head")
    (folder / ".whet").mkdir()
    (folder / "__pycache__").mkdir()
    return folder


def _read(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_the_copy_holds_what_a_program_works_on_and_links_to_the_rest(original: Path, tmp_path: Path) -> None:
    copy = WorkingCopy(original, tmp_path / "copy")
    assert sorted(entry.name for entry in copy.folder.iterdir()) == [".git", "app.py", "data"]
    assert (copy.folder / ".git").is_symlink()
    assert (copy.folder / ".git" / "HEAD").read_text() == "head"
    assert copy.find_changes() == []


def test_what_a_run_does_is_seen_and_undone(original: Path, tmp_path: Path) -> None:
    before = _read(original)
    copy = WorkingCopy(original, tmp_path / "copy")
    first = _read(copy.folder)
    for _ in range(2):
        (copy.folder / "data" / "in.txt").write_text("changed and longer")
        (copy.folder / "app.py").unlink()
        (copy.folder / "out" / "deep").mkdir(parents=True)
        (copy.folder / "out" / "deep" / "new.txt").write_text("new")
        changes = [Path(name).as_posix() for name in copy.find_changes()]
        assert changes == ["app.py", "data/in.txt", "out", "out/deep", "out/deep/new.txt"]
        copy.reset()
        assert copy.find_changes() == []
        assert _read(copy.folder) == first
        assert not (copy.folder / "out").exists()
    assert _read(original) == before


def test_a_folder_that_was_removed_comes_back(original: Path, tmp_path: Path) -> None:
    copy = WorkingCopy(original, tmp_path / "copy")
    (copy.folder / "data" / "in.txt").unlink()
    (copy.folder / "data").rmdir()
    copy.reset()
    assert (copy.folder / "data" / "in.txt").read_text() == "in"


def test_links_and_what_is_no_file_are_left_as_they_are(original: Path, tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("POSIX files")
    (original / "link").symlink_to("app.py")
    (original / "gone").symlink_to("nowhere")
    os.mkfifo(original / "pipe")
    copy = WorkingCopy(original, tmp_path / "copy")
    assert (copy.folder / "link").readlink() == Path("app.py")
    assert (copy.folder / "gone").is_symlink()
    assert not (copy.folder / "pipe").exists()


def test_large_folders_and_homes_are_not_copied(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert why_not_copied(original) == ""
    monkeypatch.setattr(isolation, "MOST_FILES", 2)
    assert "more than 2 files" in why_not_copied(original)
    monkeypatch.undo()
    monkeypatch.setattr(isolation, "MOST_BYTES", 3)
    assert "more than 0 MB" in why_not_copied(original)
    monkeypatch.undo()
    monkeypatch.setattr(Path, "home", lambda: original)
    assert "not a single project's folder" in why_not_copied(original)
    assert "not a single project's folder" in why_not_copied(Path(original.anchor))
