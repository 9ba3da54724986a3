"""Changes to several files: all, or made up for later; and the way back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from whet.errors import StoreError
from whet.fix import journal as journal_module
from whet.fix.journal import Change, finish_changes, take_back, write_changes


@pytest.fixture
def changes(tmp_path: Path) -> list[Change]:
    made = []
    for name in ("a.py", "b.py", "c.py"):
        path = tmp_path / name
        path.write_bytes(b"old " + name.encode())
        made.append(Change(path, b"old " + name.encode(), b"new " + name.encode()))
    return made


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / ".whet" / "applied.json"


def _read(changes: list[Change]) -> list[bytes]:
    return [change.path.read_bytes() for change in changes]


def _known(changes: list[Change]) -> Callable[[Path], bool]:
    return {change.path for change in changes}.__contains__


def test_all_files_are_written_and_taken_back(changes: list[Change], journal: Path) -> None:
    write_changes(changes, journal)
    assert _read(changes) == [change.after for change in changes]
    assert finish_changes(journal, _known(changes)) == []
    assert take_back(journal, _known(changes)) == [change.path for change in changes]
    assert _read(changes) == [change.before for change in changes]
    with pytest.raises(StoreError, match="nothing to undo"):
        take_back(journal, _known(changes))


def test_a_file_that_is_not_as_it_was_stops_all(changes: list[Change], journal: Path) -> None:
    changes[2].path.write_bytes(b"edited")
    with pytest.raises(StoreError, match=r"c\.py has changed"):
        write_changes(changes, journal)
    assert _read(changes) == [b"old a.py", b"old b.py", b"edited"]
    assert not journal.exists()


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_file_that_cannot_be_written_takes_the_others_back(
    changes: list[Change], journal: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = journal_module.replace_file

    def fail(path: Path, sha256: str, data: bytes) -> None:
        if path == changes[at].path and data == changes[at].after:
            raise StoreError(f"{path} cannot be written: no space left", "free some space")
        plain(path, sha256, data)

    monkeypatch.setattr(journal_module, "replace_file", fail)
    with pytest.raises(StoreError, match="no space left; nothing was changed"):
        write_changes(changes, journal)
    assert _read(changes) == [change.before for change in changes]
    assert not journal.exists()


@pytest.mark.parametrize("at", [0, 1, 2])
def test_what_was_cut_off_is_finished(
    changes: list[Change], journal: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = journal_module.replace_file

    def die(path: Path, sha256: str, data: bytes) -> None:
        if path == changes[at].path:
            raise SystemExit  # as if killed: nothing is taken back
        plain(path, sha256, data)

    monkeypatch.setattr(journal_module, "replace_file", die)
    with pytest.raises(SystemExit):
        write_changes(changes, journal)
    monkeypatch.undo()
    assert _read(changes) == [c.after for c in changes[:at]] + [c.before for c in changes[at:]]
    assert finish_changes(journal, _known(changes)) == [change.path for change in changes[at:]]
    assert _read(changes) == [change.after for change in changes]
    assert finish_changes(journal, _known(changes)) == []


def test_what_was_edited_since_is_not_taken_back(changes: list[Change], journal: Path) -> None:
    write_changes(changes, journal)
    changes[1].path.write_bytes(b"edited")
    with pytest.raises(StoreError, match=r"b\.py was edited since"):
        take_back(journal, _known(changes))
    assert _read(changes) == [b"new a.py", b"edited", b"new c.py"]


def test_a_journal_from_elsewhere_touches_no_other_files(changes: list[Change], journal: Path) -> None:
    """It may have come with a project: files that are not the run's own are let be."""
    write_changes(changes, journal)
    document = json.loads(journal.read_bytes())
    document["done"] = False
    journal.write_text(json.dumps(document), encoding="utf-8")
    for change in changes:
        change.path.write_bytes(change.before)
    assert finish_changes(journal, _known(changes[:1])) == [changes[0].path]
    assert _read(changes) == [b"new a.py", b"old b.py", b"old c.py"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema": 1}', '{"schema": 1, "done": false, "files": [{"path": 3}]}', '{"schema": 9}']
)
def test_what_is_no_journal_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "applied.json"
    path.write_text(text, encoding="utf-8")
    assert finish_changes(path, lambda _path: True) == []


def test_without_a_journal_nothing_is_changed(changes: list[Change], tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("a file in a folder's place says so otherwise there")
    (tmp_path / "blocked").write_text("a file")
    with pytest.raises(StoreError, match="so nothing was changed"):
        write_changes(changes, tmp_path / "blocked" / "applied.json")
    assert _read(changes) == [change.before for change in changes]
