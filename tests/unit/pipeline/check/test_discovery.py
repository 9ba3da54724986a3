"""Which files are looked at."""

import os
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whet.errors import UsageError
from whet.pipeline.check.discovery import FileFinder
from whet.pipeline.patterns import PathPatterns


def make(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def find(root, *paths, force=False, **settings):
    found = FileFinder(root, **settings).find([root / path for path in paths] or [root], force_exclude=force)
    return [path.relative_to(root).as_posix() for path in found]


def test_python_files_in_order_without_what_others_wrote(tmp_path):
    make(tmp_path, "b.py", "a/z.py", "a/b.pyw", "a/data.txt", ".venv/x.py", "node_modules/n.py", "build/c.py")
    make(tmp_path, "dist/d.py", "a/__pycache__/e.py", "odd/pyvenv.cfg", "odd/lib/f.py", "w.egg-info/g.py", ".git/h.py")
    assert find(tmp_path) == ["a/b.pyw", "a/z.py", "b.py"]


def test_what_is_named_is_taken_and_only_once(tmp_path):
    make(tmp_path, "build/c.py", "script", "a.py")
    assert find(tmp_path, "build/c.py", "script", ".", "a.py") == ["a.py", "build/c.py", "script"]
    assert find(tmp_path, "build") == ["build/c.py"]
    with pytest.raises(UsageError, match="there is no file or folder"):
        find(tmp_path, "none.py")


def test_a_hook_names_files_and_the_settings_hold_all_the_same(tmp_path):
    make(tmp_path, "build/c.py", "vendored/d/e.py", "a.py", "venv1/pyvenv.cfg", "venv1/b.py", "ignored/f.py")
    (tmp_path / ".gitignore").write_text("ignored/\n")
    names = ["build/c.py", "vendored/d/e.py", "a.py", "venv1/b.py", "ignored/f.py", "vendored"]
    assert find(tmp_path, *names, force=True, exclude=["vendored"]) == ["a.py"]
    assert len(find(tmp_path, *names, exclude=["vendored"])) == 5


def test_include_takes_back_and_exclude_has_the_last_word(tmp_path):
    make(tmp_path, "build/tools/a.py", "build/other.py", "build/tools/old/b.py", "c.py", "site-packages/mine/d.py")
    settings = {"include": ["build/tools", "site-packages/mine/"], "exclude": ["old"]}
    assert find(tmp_path, **settings) == ["build/tools/a.py", "c.py", "site-packages/mine/d.py"]
    assert find(tmp_path, "build/tools/a.py", "build/other.py", force=True, **settings) == ["build/tools/a.py"]


def test_gitignore_of_every_level_counts_until_told_otherwise(tmp_path):
    make(tmp_path, "gen/a.py", "src/gen/b.py", "src/keep_pb2.py", "src/x_pb2.py", "src/local.py")
    (tmp_path / ".gitignore").write_text("/gen\n*_pb2.py\n!keep_pb2.py\n")
    (tmp_path / "src" / ".gitignore").write_text("# mine\nlocal.py\n")
    (tmp_path / ".git").mkdir()
    assert find(tmp_path) == ["src/gen/b.py", "src/keep_pb2.py"]
    assert find(tmp_path, "src") == ["src/gen/b.py", "src/keep_pb2.py"]
    assert find(tmp_path, "gen") == ["gen/a.py"]
    assert len(find(tmp_path, respect_gitignore=False)) == 5


def test_links_lead_nowhere(tmp_path):
    make(tmp_path, "a/b.py")
    try:
        (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
        (tmp_path / "dangling.py").symlink_to(tmp_path / "none")
    except OSError:
        pytest.skip("no links here")
    assert find(tmp_path) == ["a/b.py"]


def test_a_link_to_a_file_that_is_looked_at_is_not_another_one(tmp_path):
    make(tmp_path, "a/b.py", "other/c.py")
    try:
        (tmp_path / "d.py").symlink_to(tmp_path / "a" / "b.py")
        (tmp_path / "a" / "e.py").symlink_to(tmp_path / "other" / "c.py")
    except OSError:
        pytest.skip("no links here")
    assert find(tmp_path) == ["a/b.py", "other/c.py"]
    assert find(tmp_path, "a", "d.py") == ["a/b.py", "a/e.py"]


def test_folders_that_cannot_be_looked_into_are_told(tmp_path, monkeypatch):
    make(tmp_path, "a/b.py", "shut/c.py")
    scan = os.scandir

    def refuse(folder):
        if os.fspath(folder).endswith("shut"):
            raise PermissionError(13, "Permission denied")
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    finder = FileFinder(tmp_path)
    assert [path.name for path in finder.find([tmp_path])] == ["b.py"]
    assert finder.unreadable == [(str(tmp_path / "shut"), "Permission denied")]


@pytest.mark.skipif(os.name == "nt" or shutil.which("git") is None, reason="asks git")
@pytest.mark.parametrize(
    "lines",
    [
        ["*.py"], ["/a.py"], ["a"], ["a/"], ["a/b"], ["**/b.py"], ["a/**"], ["a/**/c.py"], ["*.py", "!b.py"],
        ["a/*", "!a/b"], ["[ab].py"], ["[!a].py"], ["?.py"], ["a/*/c.py"], ["# a.py"], ["\\#x.py"], ["a.py  "],
        ["b/c.py"], ["/b"], ["*/b.py"], ["**"], ["b/**/"], ["a?b"], ["[]a].py"], ["[a"], [""], ["./a.py"],
        ["[^a].py"], ["[c-a].py"], ["[!c-a].py"], ["[*--]x.py"], ["[a&&b].py"], ["[!--b].py"], ["[a-].py"],
    ],
)  # fmt: skip
def test_patterns_mean_what_git_takes_them_for(tmp_path, lines):
    make(tmp_path, "a.py", "b.py", "c.py", "#x.py", "a/b.py", "a/b/c.py", "a/c.py", "b/c.py", "b/a/b.py", "].py")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("\n".join(lines) + "\n")
    listed = subprocess.run(
        ["git", "ls-files", "-o", "--exclude-per-directory=.gitignore", "-z", "*.py"],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert find(tmp_path) == sorted(name for name in listed.split("\0") if name)


@pytest.mark.filterwarnings("error")
@given(st.lists(st.text("ab/*?[]!\\^-. #&|~", max_size=8)), st.text("ab/.[]", min_size=1, max_size=8))
def test_no_pattern_raises(patterns, path):
    found = PathPatterns.of(patterns)
    assert found.judge(path) in (True, False, None)
    assert PathPatterns.of(["["]).match(path) is (path == "[" or path.split("/")[-1] == "[" or "[" in path.split("/"))
