"""What is proved is the file on disk, of the run's project, and nothing of another user's."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("anyio")
from whet.editors.issues import Issue
from whet.editors.measured import Measured
from whet.editors.project import Project
from whet.editors.proving import make_patch, refuse_untrusted
from whet.errors import UsageError
from whet.model.finding import Edit

ISSUE = Issue("a", "rule", "T", "M", "safe", 2, 2, edits=(Edit(2, 4, 2, 5, "3"),))


def make_measured(project: Path) -> Measured:
    return Measured(project / "run.json.gz", 1, "app.py", "2026-11-30T18:00:00+00:00", "python", str(project), {})


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_patch_is_of_the_file_with_its_bytes(tmp_path, ends, mark):
    path = tmp_path / "app.py"
    data = mark + ends.join([b"a = '\xc3\xa9'", b"b = 1", b""])
    path.write_bytes(data)
    patch = make_patch(make_measured(tmp_path), path, "a = 'é'\nb = 1\n", ISSUE)
    assert patch.startswith(b"--- a/app.py\n+++ b/app.py\n")
    assert b"\n-b = 1" + ends.rstrip(b"\n") + b"\n+b = 3" + ends in patch
    assert path.read_bytes() == data


def test_a_text_that_is_not_saved_is_refused(tmp_path):
    path = tmp_path / "app.py"
    path.write_text("a = 1\nb = 1\n")
    with pytest.raises(UsageError, match="is not saved"):
        make_patch(make_measured(tmp_path), path, "a = 1\nb = 2\n", ISSUE)
    path.unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        make_patch(make_measured(tmp_path), path, "a = 1\nb = 1\n", ISSUE)


def test_a_file_outside_the_runs_project_is_refused(tmp_path):
    path = tmp_path / "app.py"
    path.write_text("a = 1\nb = 1\n")
    with pytest.raises(UsageError, match="outside"):
        make_patch(make_measured(tmp_path / "project"), path, "a = 1\nb = 1\n", ISSUE)


def test_what_is_another_users_is_not_run(tmp_path, monkeypatch):
    measured = make_measured(tmp_path)
    measured.path.write_bytes(b"")
    refuse_untrusted(Project(tmp_path), measured)
    monkeypatch.setattr("whet.trust._list_own_users", set)
    with pytest.raises(UsageError, match="belongs to another user"):
        refuse_untrusted(Project(tmp_path), measured)
