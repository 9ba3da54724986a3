"""Which lines a pull request changes."""

import shutil
import subprocess

import pytest

from whet.errors import UsageError
from whet.pipeline.check.changed_lines import find_changes, find_changes_since, overlaps
from whet.pipeline.check.check import CheckRequest, check

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


def test_lines_of_the_working_tree_that_differ_from_a_commit(repository):
    (repository / "sub" / "ü.py").write_text("y = 1\ny = 3\ny = 4\n")
    (repository / "new.py").write_text("z = 1\n")
    changes = find_changes_since(repository, "origin/main")
    assert set(changes) == {"a b.py", "sub/ü.py", "new.py"}
    assert overlaps(changes["a b.py"], 3, 3)
    assert not overlaps(changes["a b.py"], 4, 5)
    assert overlaps(changes["a b.py"], 4, 7)
    assert overlaps(changes["new.py"], 900, 900)
    assert set(find_changes_since(repository, "HEAD")) == {"sub/ü.py", "new.py"}


def test_changes_of_the_base_branch_itself_do_not_count(repository):
    git(repository, "checkout", "-q", "-b", "base", "origin/main")
    (repository / "gone.py").write_text("x = 2\n")
    git(repository, "commit", "-qam", "three")
    git(repository, "checkout", "-q", "work")
    assert "gone.py" not in find_changes_since(repository, "base")


@pytest.mark.parametrize("ref", ["nowhere", "--output=x", "HEAD:a"])
def test_what_is_no_commit_is_refused(repository, ref):
    with pytest.raises(UsageError):
        find_changes_since(repository, ref)


def test_without_a_repository_it_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is in no git repository"):
        find_changes_since(tmp_path, "HEAD")


def test_a_file_that_was_moved_has_changed_only_where_it_was_edited(repository):
    git(repository, "mv", "a b.py", "sub/moved.py")
    assert find_changes_since(repository, "HEAD") == {}
    text = (repository / "sub" / "moved.py").read_text()
    (repository / "sub" / "moved.py").write_text(f"first = 1\n{text}")
    changes = find_changes_since(repository, "HEAD")
    assert changes == {"sub/moved.py": (range(1, 2),)}


@pytest.mark.parametrize("setting", ["diff.mnemonicPrefix=true", "diff.noprefix=true", "diff.renames=false"])
def test_a_users_settings_of_git_change_nothing(repository, setting):
    (repository / "b").mkdir()
    (repository / "b" / "x.py").write_text("x = 1\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "three")
    (repository / "b" / "x.py").write_text("x = 2\n")
    git(repository, "config", *setting.split("="))
    assert set(find_changes_since(repository, "HEAD")) == {"b/x.py"}


def test_lines_that_look_like_those_of_a_diff_name_no_file(repository):
    (repository / "a b.py").write_text("++ b/other.py\n@@ -1 +900 @@\nx = 1\n")
    changes = find_changes_since(repository, "HEAD")
    assert set(changes) == {"a b.py"}
    assert not overlaps(changes["a b.py"], 900, 900)


def test_a_shallow_clone_without_the_common_commit_says_so(repository, tmp_path_factory):
    clone = tmp_path_factory.mktemp("shallow")
    git(clone, "clone", "-q", "--depth", "1", repository.as_uri(), ".")
    git(clone, "fetch", "-q", "--depth", "1", "origin", "refs/remotes/origin/main:refs/remotes/origin/main")
    with pytest.raises(UsageError, match="no common commit") as raised:
        find_changes_since(clone, "origin/main")
    assert "--unshallow" in raised.value.hint
    with pytest.raises(UsageError, match="'nowhere' is not a git commit"):
        find_changes_since(clone, "nowhere")


SLOW = "def join(parts):\n    text = ''\n    for part in parts:\n        text += str(part)\n    return text\n"


def test_a_check_reports_changed_lines_only(repository):
    (repository / "old.py").write_text(SLOW)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "old")
    (repository / "old.py").write_text(f"{SLOW}\n\n{SLOW.replace('join', 'other')}")
    (repository / "new.py").write_text(SLOW)
    places = {
        base: [
            (each.shown, each.finding.function)
            for each in check(make_request(base), repository).findings
            if each.finding.rule == "str-concat"
        ]
        for base in ("", "HEAD")
    }
    assert places[""] == [("new.py", "join"), ("old.py", "join"), ("old.py", "other")]
    assert places["HEAD"] == [("new.py", "join"), ("old.py", "other")]


def make_request(base):
    from whet.pipeline.rules.selection import Asked

    return CheckRequest(asked=Asked(("ALL",)), diff_base=base, workers=1)
