"""Compiled templates are kept, and never trusted where they are damaged or of something else."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from whet.report import html
from whet.report.template_cache import TemplateCache


class Compiled(Environment):
    """An environment that counts what it compiles."""

    count = 0

    def compile(self, *words, **more):
        type(self).count += 1
        return super().compile(*words, **more)


@pytest.fixture(autouse=True)
def nothing_compiled() -> None:
    Compiled.count = 0


def render(folder: Path, text: str = "{{ 6 * 7 }}") -> tuple[str, int]:
    """Return what a new environment makes of a template, and how many it has compiled for that."""
    before = Compiled.count
    made = Compiled(loader=DictLoader({"a": text}), bytecode_cache=TemplateCache(folder)).get_template("a").render()
    return made, Compiled.count - before


def test_a_template_is_compiled_once(tmp_path: Path) -> None:
    assert [render(tmp_path) for _ in range(3)] == [("42", 1), ("42", 0), ("42", 0)]
    assert render(tmp_path, "{{ 7 * 7 }}") == ("49", 1)


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: b"", lambda data: data[:40] + b"x" + data[41:]]
)
def test_what_is_damaged_is_compiled_again(damage, tmp_path: Path) -> None:
    render(tmp_path)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_bytes(damage(file.read_bytes()))
    assert [render(tmp_path) for _ in range(2)] == [("42", 1), ("42", 0)]


@pytest.mark.skipif(os.name == "nt", reason="a file where a folder should be, as POSIX tells of it")
def test_a_folder_that_cannot_be_made_costs_only_the_cache(tmp_path: Path) -> None:
    (tmp_path / "templates").touch()
    assert [render(tmp_path) for _ in range(2)] == [("42", 1), ("42", 1)]


def test_all_templates_are_loaded_ahead() -> None:
    """By those names; what the report includes and imports is among them."""
    folder = files(html.PACKAGE)
    assert isinstance(folder, Path)
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*.j2")}
    assert there == {"report.html.j2", *(f"sections/{name}.html.j2" for name in html.SECTIONS)}
    html.load_templates()
