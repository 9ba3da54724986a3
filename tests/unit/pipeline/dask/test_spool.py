from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from whet.pipeline.dask.spool import Spool
from whet.scratch import remove_left_behind

TOKEN = "0123456789abcdef" * 2


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spool:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return Spool(TOKEN)


def test_captures_are_handed_over_once_oldest_first_and_the_folder_goes(spool: Spool) -> None:
    lock = spool.open()
    for number in (2, 0, 1):
        spool.put(number, 77, bytes([number]) * 10)
    (spool.folder / "other").write_text("not a capture")
    assert spool.take(15) == [b"\0" * 10, b"\1" * 10]
    assert not spool.is_empty()
    assert spool.take(15) == [b"\2" * 10]
    assert spool.is_empty()
    assert spool.take(15) == []
    (spool.folder / "other").unlink()
    spool.remove()
    assert spool.folder.exists()  # a sampler holds it
    os.close(lock)
    spool.remove()
    assert not spool.folder.exists()


def test_nobody_removes_what_a_sampler_uses(spool: Spool, tmp_path: Path) -> None:
    lock = spool.open()
    spool.put(0, 1, b"x")
    assert remove_left_behind(tmp_path) == []
    os.close(lock)
    assert remove_left_behind(tmp_path) == [spool.folder]


def test_a_folder_that_is_a_link_is_refused(spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    spool.folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises((PermissionError, FileExistsError)):
        spool.open()


@pytest.mark.parametrize("token", ["", "../../etc", "0" * 31, "G" * 32])
def test_a_token_is_no_path(token: str) -> None:
    with pytest.raises(ValueError, match="not a token"):
        Spool(token)
