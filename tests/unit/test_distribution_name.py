"""``whet`` on the package index is another project's: whatever installs whet says ``whet-perf``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from whet.plugins import Group, find_plugins
from whet.program.distribution import NAME

ROOT = Path(__file__).parents[2]
FOLDERS = (".ci", ".github", "benchmarks", "docs", "findings", "rules", "src", "templates", "tests")
SUFFIXES = {"", ".cfg", ".j2", ".js", ".json", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml"}

_NAME = r"""(?<![\w./-])["']?whet(?:\[[^\]]*\])?(?![\w/.-]|'s)"""
"""The bare name as a requirement: not ``whet-perf``, a path, a file or an import."""
_WORDS = r"[^\n`;|&#]*?"
WRONG = re.compile(
    "|".join(
        (
            rf"\b(?:pip3?|uv\s+tool|pipx|conda|mamba)\s+(?:install|download|upgrade|inject)\b{_WORDS}{_NAME}",
            rf"\b(?:uv|poetry|pdm|hatch|rye)\s+add\b{_WORDS}{_NAME}",
            # These run what they install: the distribution must be named apart from the command.
            r"\b(?:uvx|uv\s+tool\s+run)\b(?!\s+--from\s+whet-perf(?:\[[^\]]*\])?\s+whet\b)[^\n`;|&#]*\bwhet\b",
            r"\bpipx\s+run\b(?!\s+--spec\s+whet-perf(?:\[[^\]]*\])?\s+whet\b)[^\n`;|&#]*\bwhet\b",
            r"""["'\s]whet(?:\[[^\]]*\])?\s*(?:[~<>!]=|==)\s*\d""",
            r"""\b(?:version|distribution|metadata|requires|files)\(\s*["']whet["']""",
            r"additional_dependencies:[^\n]*(?<![\w-])whet(?![\w-])",
        )
    )
)


def list_texts() -> Iterator[Path]:
    """Yield the text files of the project, this one aside."""
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.suffix in SUFFIXES)
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if (
                path.suffix in SUFFIXES
                and path.is_file()
                and path != Path(__file__)
                and "__pycache__" not in path.parts
            ):
                yield path


def test_every_line_that_installs_names_our_distribution() -> None:
    read = 0
    wrong = []
    for path in list_texts():
        text = path.read_text(encoding="utf-8", errors="replace")
        read += 1
        wrong += [f"{path.relative_to(ROOT)}: {found[0]}" for found in WRONG.finditer(text)]
    assert read > 500
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "line",
    [
        "pip install whet",
        "python -m pip install --upgrade whet",
        "pip install 'whet[test]'",
        'pip install "whet"',
        "pipx install whet",
        "pipx inject app whet",
        "uv tool install whet",
        "uv pip install whet",
        "uv add --dev whet",
        "uvx whet run app.py",
        "uvx --from whet whet run app.py",
        "pipx run whet check",
        "pipx run --spec whet whet check",
        "- whet>=0.1",
        "version('whet')",
        "additional_dependencies: [whet]",
    ],
)
def test_other_forms_are_found(line: str) -> None:
    assert WRONG.search(line)


@pytest.mark.parametrize(
    "line",
    [
        "pip install whet-perf",
        "pip install 'whet-perf[docs]'",
        "pip install .",
        "uvx --from whet-perf whet run app.py",
        "uv tool install whet-perf",
        "pipx run --spec whet-perf whet check",
        "pip install src/whet",
        "pip install whet-perf  # then: whet run app.py",
        "pip install whet-perf && whet run app.py",
        "version('whet-perf')",
    ],
)
def test_right_forms_pass(line: str) -> None:
    assert not WRONG.search(line)


def test_the_name_is_that_of_the_project_and_of_its_plugins() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == NAME
    assert set(project["scripts"]) == {"whet"}
    assert {plugin.distribution for plugin in find_plugins(Group.FORMATS).values()} == {NAME}
