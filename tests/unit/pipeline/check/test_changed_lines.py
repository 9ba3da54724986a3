"""Which lines a pull request changes."""

import shutil
import subprocess

import pytest

from whet.pipeline.check.changed_lines import find_changes

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="asks git")


def git(folder, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "-q", "-b", "work")
    (tmp_path / "a b.py").write_text("".join(f"x{number} = 1\n" for number in range(1, 11)))
    (tmp_path / "gone.py").write_text("x = 1\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    git(tmp_path, "update-ref", "refs/remotes/origin/main", "HEAD")
    lines = (tmp_path / "a b.py").read_text().splitlines()
    lines[2] = "changed = 1"
    lines[6:8] = ["new = 1", "new = 2", "new = 3"]
    (tmp_path / "a b.py").write_text("\n".join(lines) + "\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "ü.py").write_text("y = 1\ny = 2\n")
    (tmp_path / "gone.py").unlink()
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "two")
    return tmp_path


def test_lines_that_differ_from_the_base_branch(repository):
    changes = find_changes(repository, {"GITHUB_BASE_REF": "main"})
    assert {
        path: [line for part in parts for line in part] for path, parts in changes.items() if path != "/dev/null"
    } == {
        "a b.py": [3, 7, 8, 9],
        "sub/ü.py": [1, 2],
    }


@pytest.mark.parametrize("environ", [{}, {"GITHUB_BASE_REF": "none"}, {"GITHUB_BASE_REF": "--output=x"}])
def test_outside_of_a_pull_request_there_are_none(repository, environ):
    assert find_changes(repository, environ) == {}
    assert not (repository / "x").exists()
