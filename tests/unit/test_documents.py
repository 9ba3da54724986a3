"""What the README and the documentation refer to is there."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

import whet

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _ask_for_help(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "from whet.cli.main import main; main()", *words, "--help"],
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "PYTHONUTF8": "1"},
    )
    return done.stdout + done.stderr


def _slug(text: str) -> str:
    """Return the anchor that GitHub, and the site, give a heading."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def list_anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings."""
    tokens = MarkdownIt().parse(document.read_text(encoding="utf-8"))
    anchors: set[str] = set()
    for before, token in itertools.pairwise(tokens):
        if before.type == "heading_open":
            parts = token.children or []
            slug = _slug("".join(part.content for part in parts if part.type in ("text", "code_inline")))
            number = 0
            while (anchor := f"{slug}-{number}" if number else slug) in anchors:
                number += 1
            anchors.add(anchor)
    return anchors


def list_links(document: Path) -> Iterator[str]:
    """Yield what a document's links and images, those in HTML too, lead to."""
    for token in MarkdownIt().parse(document.read_text(encoding="utf-8")):
        for part in (token, *(token.children or ())):
            if part.type in ("link_open", "image"):
                yield str(part.attrs.get("href") or part.attrs.get("src"))
            elif part.type in ("html_block", "html_inline"):
                yield from re.findall(r'(?:href|src)="([^"]+)"', part.content)


def find_broken_links(document: Path) -> list[str]:
    """Return the links inside the repository that lead nowhere."""
    broken = []
    for link in list_links(document):
        name, _, anchor = unquote(link).partition("#")
        if "://" in link or link.startswith("mailto:"):
            continue
        target = document.parent / name if name else document
        is_there = target.exists() and (not anchor or anchor in list_anchors(target))
        # The site is built from docs/ alone.
        is_on_site = document.parent == ROOT or target.resolve().is_relative_to(ROOT / "docs")
        if not is_there or not is_on_site:
            broken.append(link)
    return broken


def test_links_and_anchors_lead_somewhere() -> None:
    broken = {document.name: find_broken_links(document) for document in DOCUMENTS}
    assert not {name: links for name, links in broken.items() if links}


@pytest.mark.parametrize(
    "text",
    ["[a](no-such.md)", "[a](check.md#no-such)", "[a](#no-such)", "![a](images/no.png)", '<img src="images/no.png">'],
)
def test_broken_links_are_found(text: str, tmp_path: Path) -> None:
    (tmp_path / "check.md").write_text("# Which rules\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{text}\n", encoding="utf-8")
    assert len(find_broken_links(page)) == 1


def test_anchors_are_those_of_github(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# `whet bench`: many runs\n\n## A *b* [c](d.md)\n\n## Same\n\n## Same\n", encoding="utf-8")
    assert list_anchors(page) == {"whet-bench-many-runs", "a-b-c", "same", "same-1"}


def test_every_page_is_in_the_navigation() -> None:
    text = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    named = re.findall(r'= "([\w/.-]+\.md)" \}', text)
    assert len(named) == len(set(named))
    assert set(named) == {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}


def test_make_commands_are_targets() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for document in DOCUMENTS:
        named = set(re.findall(r"(?:^\$ |`)make ([a-z-]+)", document.read_text(encoding="utf-8"), re.MULTILINE))
        assert named <= targets, document


def test_readme_starts_with_the_two_commands() -> None:
    assert re.findall(r"^\$ (\S+ \S+)", README, re.MULTILINE)[:2] == ["make demo", "make test"]


def test_readme_names_commands_that_exist() -> None:
    named = re.findall(r"^\| \[`whet ([a-z]+)`\]", README, re.MULTILINE)
    assert {"run", "attach", "report", "rules", "doctor"} <= set(named)
    told = _ask_for_help()
    assert not [name for name in named if not re.search(rf"\b{name}\b", told)]


def test_supported_pythons_are_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    classified = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert f"python: {classified}".replace("'", '"') in workflow
    assert f"PYTHONS = {classified}".replace("'", '"') in (ROOT / "noxfile.py").read_text(encoding="utf-8")
    assert project["requires-python"] == f">={classified[0]}"
    assert f"CPython {classified[0]} to {classified[-1]}" in README


def test_changelog_tells_of_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[(Unreleased\] )?{re.escape(whet.__version__)}", text, re.MULTILINE)
