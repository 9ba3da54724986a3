"""Diffs are held to what ``patch`` and ``git apply`` make of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from whet.fix.diff import choose_base, diff_texts, relate

BEFORE = "a = 1\nb = '\x0c'\n\x0c\nc = '\u2028'\nd = 4"
AFTER = "a = 1\nb = 2\n\x0c\nc = '\u2028'\nd = 5"
TOOLS = {"patch": ["patch", "-s", "-p1"], "git": ["git", "apply", "--whitespace=nowarn"]}


def head(shown: str) -> list[str]:
    return diff_texts("a\n", "b\n", shown).splitlines()[:2]


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("pkg/app.py", "pkg/app.py"),
        ("/abs/path/app.py", "abs/path/app.py"),
        ("//server/app.py", "server/app.py"),
        ("C:\\work\\app.py", "C:/work/app.py"),
        ("\\\\server\\share\\app.py", "server/share/app.py"),
        ("my app.py", "my app.py\t"),
        ("ä/b.py", "ä/b.py"),
    ],
)
def test_a_file_is_named_as_git_names_it(shown: str, name: str) -> None:
    assert head(shown) == [f"--- a/{name}", f"+++ b/{name}"]


def test_a_name_adds_no_line() -> None:
    assert head('a\n+++ b/"x\\y\x1b')[1] == '+++ "b/a\\n+++ b/\\"x\\\\y\\033"'


def test_no_change_is_no_diff() -> None:
    assert diff_texts("a\n", "a\n", "a.py") == ""


@pytest.mark.skipif(sys.platform == "win32", reason="such names and tools are rare there")
@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", ["app.py", "my app.py", 'a"b\\c.py', "sub/ä.py"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_tools_take_it(tool: str, name: str, newline: str, tmp_path: Path) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"no {tool} here")
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    before, after = (text.replace("\n", newline) for text in (BEFORE, AFTER))
    file.write_bytes(before.encode())
    diff = diff_texts(before, after, name)
    environ = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    words = [*TOOLS[tool], *(["--binary"] if tool == "patch" else [])]
    done = subprocess.run(words, input=diff.encode(), cwd=tmp_path, env=environ, capture_output=True, check=False)
    assert done.returncode == 0, done
    assert file.read_bytes() == after.encode()


def test_the_base_is_the_first_folder_that_holds_all(tmp_path: Path) -> None:
    inner, outer = tmp_path / "project" / "inner", tmp_path / "project"
    inner.mkdir(parents=True)
    one, other, foreign = inner / "a.py", outer / "b.py", tmp_path / "c.py"
    assert choose_base([one], inner, outer) == inner
    assert choose_base([one, other], inner, outer) == outer
    root = choose_base([one, foreign], inner, outer)
    assert root == Path(tmp_path.anchor)
    assert relate(one, root) == one.relative_to(root).as_posix()
    assert relate(foreign, inner) == str(foreign)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_folder_named_through_a_link_holds_its_files(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    assert relate(link / "a.py", real) == relate(real / "a.py", link) == "a.py"
    assert choose_base([link / "a.py"], real) == real
