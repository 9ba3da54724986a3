"""Files of others: bounded, and whatever goes wrong has a name."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import re
from pathlib import Path

import pytest

from whet.config import load_config
from whet.engine.files import examine_files
from whet.engine.loading import load_rule_file
from whet.errors import FormatError, PluginError, UsageError
from whet.model.codec import MAX_MEMORY, read_run
from whet.pipeline.check.discovery import FileFinder
from whet.pipeline.check.hot_lines import HotFiles
from whet.pipeline.patterns import PathPatterns
from whet.reading import named_errors, read_file

posix = pytest.mark.skipif(os.name == "nt", reason="needs links, pipes and devices")


@posix
def test_only_a_regular_file_of_limited_size_is_read(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/zero"), tmp_path / "pipe", tmp_path):
        with pytest.raises(OSError, match=r"not a regular file|directory"):
            read_file(path, 10)
    (tmp_path / "file").write_bytes(b"0123456789")
    assert read_file(tmp_path / "file", 10) == b"0123456789"
    with pytest.raises(OSError, match="longer than 9 bytes") as caught:
        read_file(tmp_path / "file", 9)
    assert caught.value.errno == errno.EFBIG


class _UnspeakableError(Exception):
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OverflowError("int too large"), r"what whet cannot use (OverflowError: int too large, at test_reading.py:"),
        (ZeroDivisionError(), "(ZeroDivisionError, at "),
        (OSError(errno.ENAMETOOLONG, "File name too long"), "the run x: File name too long"),
        (RecursionError(), "nested too deeply"),
        (MemoryError(), "more memory than there is"),
        (_UnspeakableError(), "(_UnspeakableError, at "),
    ],
)
def test_whatever_happens_at_the_door_has_a_name(error: Exception, words: str):
    with pytest.raises(FormatError, match=re.escape(words)), named_errors("the run x", "measure again"):
        raise error


def test_what_is_not_the_file_s_fault_passes_the_door():
    for error in (KeyboardInterrupt(), UsageError("x"), BrokenPipeError(errno.EPIPE, "x"), OSError(errno.ENOSPC, "x")):
        with pytest.raises(type(error)), named_errors("the run x", "measure again"):
            raise error


def test_a_run_of_few_bytes_and_many_objects_is_refused():
    text = json.dumps({"schema": 3, "run": {"profiles": []}}).replace("[]", f"[{'[],' * (MAX_MEMORY // 100)}[]]")
    packed = gzip.compress(text.encode(), 1)
    with pytest.raises(FormatError, match=r"needs about .* MB, more than 400"):
        read_run(io.BytesIO(packed))


def test_brackets_without_end_in_the_settings_are_an_error(tmp_path: Path):
    path = tmp_path / "pyproject.toml"
    path.write_text(f"[tool.whet]\nselect = {'[' * 50_000}", encoding="utf-8")
    with pytest.raises(UsageError, match="is not TOML: it is nested too deeply"):
        load_config(tmp_path)


@pytest.mark.parametrize("line", ["{key} = 1", "[{key}]", "x = 1\n[tool.{key}]\ny.{key} = 2"])
def test_a_key_of_many_thousand_parts_is_refused_before_it_is_read(tmp_path, line):
    """Reading it would take the square of them: minutes for 200 kB."""
    (tmp_path / "pyproject.toml").write_text("[tool.whet]\n" + line.format(key=".".join(["a"] * 100_000)))
    with pytest.raises(UsageError, match="is not TOML: a key has too many parts"):
        load_config(tmp_path)


@posix
def test_devices_in_place_of_settings_and_profiles_are_errors(tmp_path: Path):
    (tmp_path / "pyproject.toml").symlink_to("/dev/zero")
    with pytest.raises(UsageError, match="not a regular file"):
        load_config(tmp_path, Path("pyproject.toml"))
    with pytest.raises(UsageError, match="not a regular file"):
        HotFiles.read(Path("/dev/zero"), "hot.json", "--profile")
    (result,) = examine_files([Path("/dev/zero")], (), root=tmp_path)
    assert "not a regular file" in result.unreadable


@posix
def test_a_link_to_itself_is_no_file(tmp_path: Path):
    (tmp_path / "loop.py").symlink_to("loop.py")
    (tmp_path / "real.py").write_text("x = 1\n", encoding="utf-8")
    assert FileFinder(tmp_path).find([tmp_path]) == (tmp_path / "real.py",)


@pytest.mark.parametrize(
    "text",
    [
        "def __getattr__(name):\n    raise ValueError(name)\n",
        "class Odd:\n    def __getattribute__(self, name):\n        raise SystemExit\nRULE = Odd()\n",
        "import sys\nsys.modules.pop(__name__)\nraise ValueError\n",
    ],
)
def test_a_rule_file_whose_attributes_raise_is_named(tmp_path: Path, text: str):
    path = tmp_path / "odd.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PluginError, match=re.escape(str(path))):
        load_rule_file(path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 60 + "*b", "a" * 200),
        ("**/a" * 30 + "/b", "a/" * 200 + "c"),
        ("/" + "**/" * 60 + "x", "a/" * 200),
        ("[ab]*" * 40 + "c", "ab" * 100),
    ],
)
def test_patterns_with_many_stars_take_no_exponential_time(pattern: str, path: str):
    # With an exponent, none of these would end.
    assert PathPatterns.of([pattern]).judge(path.rstrip("/")) is None


@pytest.mark.parametrize(
    ("pattern", "path", "verdict"),
    [
        ("*a*b*", "xaxbx", True),
        ("*a*b", "abab", True),
        ("a*a", "a", None),
        ("**/a/**/b", "x/a/y/a/b", True),
        ("a/**/b/c", "a/b/b/c", True),
        ("a/**/b/c", "a/b/c/d", True),
        ("a/**", "a/b/c", True),
        ("a/**", "a", None),
        ("b", "a/b/c", True),
        ("/b", "a/b", None),
        ("*.py", "a/b.py", True),
        ("a/*/c", "a/b/b/c", None),
    ],
)
def test_stars_match_as_git_s_do(pattern: str, path: str, verdict: bool | None):
    assert PathPatterns.of([pattern]).judge(path) is verdict
