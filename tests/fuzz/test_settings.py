"""Settings, patterns of files and comments that a project brings, as odd as they come."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from tests.fuzz.mutations import change_bytes, changes
from tests.fuzz.test_readers import command

from whet.config import SETTINGS, load_config
from whet.errors import UsageError
from whet.pipeline.patterns import read_pattern

pytestmark = pytest.mark.slow

SOUND = b"""[project]
name = "x"
requires-python = ">=3.11"
[tool.whet]
select = ["ALL"]
ignore = ["str-concat"]
exclude = ["build", "**/gen/*.py"]
include = ["vendored/**"]
min-share = 0.02
rules = ["rules"]
source-roots = ["/srv=."]
[tool.whet.per-file-ignores]
"tests/**" = ["ALL"]
"""
SOURCE = (
    "def f(rows):\n    out = ''\n    for row in rows:\n        out += row  # whet: ignore[str-concat]\n    return out\n"
)
TEXTS = st.one_of(
    st.text(max_size=30), st.sampled_from(["**" * 60, "a*" * 200 + "b", "[" * 100, "[!a-", "/", "..", "\\", "~"])
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


def to_toml(value: Any) -> str:
    """Return a value as TOML writes it, which has no null: there it is an empty table."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(to_toml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)} = {to_toml(each)}' for key, each in value.items())}}}"
    return "{}" if value is None else json.dumps(value) if isinstance(value, str) else repr(value)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(SOURCE, "utf-8")
    return tmp_path


def use(project: Path, settings: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """Check with these settings."""
    (project / "pyproject.toml").write_bytes(settings)
    try:
        load_config(project)
    except UsageError as error:
        assert error.message
    command(["check", "-n", "1", "--no-cache", "."], capsys)


def test_values_of_settings(fuzz: Callable[..., None], project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def check(values: dict[str, Any]) -> None:
        lines = "".join(f"{json.dumps(key)} = {to_toml(value)}\n" for key, value in values.items())
        use(project, f"[tool.whet]\n{lines}".encode("utf-8", "replace"), capsys)

    fuzz(st.dictionaries(st.one_of(st.sampled_from(sorted(SETTINGS)), TEXTS), VALUES, max_size=4), check)


def test_damaged_settings(fuzz: Callable[..., None], project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fuzz(changes(), lambda made: use(project, change_bytes(SOUND, [SOUND], made), capsys))


def test_patterns(fuzz: Callable[..., None], project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alphabet = st.sampled_from(
        ["*", "**", "?", "[", "]", "!", "/", "\\", "a", "b", ".py", "{", "}", "\0", "-", "^", "\n"]
    )
    lines = st.lists(alphabet, max_size=60).map("".join)

    def check(patterns: str) -> None:
        (project / ".gitignore").write_bytes(patterns.encode())
        try:
            read_pattern(patterns)
        except UsageError as error:
            assert error.message
        command(["check", "-n", "1", "--no-cache", ".", "--exclude", patterns], capsys)

    fuzz(lines, check)
