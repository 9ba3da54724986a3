"""Cells of notebooks are found by the names that Jupyter's kernel gives to their code."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from whet.merge.ownership import Ownership
from whet.model.frame import Frame
from whet.model.profile import Profile, StackTable
from whet.pipeline.run.cells import comment_out_magics, find_cells, hash_cell
from whet.pipeline.run.sources import gather_sources

FOLDER = "/tmp/ipykernel_4711"


def name_file(text: str) -> str:
    return f"{FOLDER}/{hash_cell(text)}.py"


def write_book(path: Path, *cells: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "nbformat": 4}), "utf-8")


def code(text: object, count: object = None) -> dict[str, object]:
    return {"cell_type": "code", "source": text, "execution_count": count}


@pytest.mark.parametrize(
    ("text", "number"),
    # As ipykernel 7.4 names them.
    [
        ("", 3990065800),
        ("a", 2167009006),
        ("ab", 2805137849),
        ("abc", 3350977461),
        ("abcd", 804720481),
        ("x=1\ny=2", None),
    ],
)
def test_hash_is_that_of_the_kernel(text: str, number: int | None) -> None:
    assert hash_cell(text) == number if number else 0 <= hash_cell(text) < 2**32


def test_cells_have_number_and_text(tmp_path: Path) -> None:
    write_book(
        tmp_path / "deep/book.ipynb",
        {"cell_type": "markdown", "source": "x = 1"},
        code(["x = 1\n", "y = 2"], 7),
        code("%%time\nwork()"),
    )
    found = find_cells([name_file("x = 1\ny = 2"), name_file("%%time\nwork()"), "/a.py", name_file("gone")], tmp_path)
    assert {cell.shown: cell.text for cell in found.values()} == {
        "deep/book.ipynb In[7]": "x = 1\ny = 2",
        "deep/book.ipynb cell 2": "# %%time\nwork()",
    }


def test_a_cell_is_a_source_of_its_run(tmp_path: Path) -> None:
    write_book(tmp_path / "book.ipynb", code("def f():\n    return 1", 3))
    frames = [Frame(name_file("def f():\n    return 1"), "f", 2, 1)]
    profile = Profile("py-spy", frames, StackTable([-1], [0]), (), ())
    sources, notices = gather_sources([profile], Ownership(), tmp_path)
    assert [(each.shown, each.text) for each in sources.values()] == [("book.ipynb In[3]", "def f():\n    return 1")]
    assert not notices


def test_notebooks_are_hostile_text(tmp_path: Path) -> None:
    wanted = name_file("x")
    for number, text in enumerate(
        ("", "[" * 100_000, "{}", '{"cells": 5}', "\0", '{"cells": [1, null, {"cell_type": "code"}]}')
    ):
        (tmp_path / f"{number}.ipynb").write_text(text)
    write_book(
        tmp_path / "odd.ipynb", code(5), code([1]), code({}), code(None, "x"), code("\ud800", True), code("x", 10**30)
    )
    (tmp_path / "pipe.ipynb").symlink_to("/dev/zero")
    (tmp_path / "self.ipynb").symlink_to("self.ipynb")
    write_book(tmp_path / ".ipynb_checkpoints/old.ipynb", code("x"))
    (cell,) = find_cells([wanted], tmp_path).values()
    assert cell.text == "x"


@pytest.mark.parametrize(
    "text",
    [
        "%time f()",
        "!ls -l",
        "x = !ls",
        "for a in b:\n    %matplotlib inline\n    !ls {a}",
        "f?",
        "%%bash\nls -l $HOME",
        "a, b = %timeit -o f()",
    ],
)
def test_commands_become_comments_line_by_line(text: str) -> None:
    made = comment_out_magics(text)
    assert made.count("\n") == text.count("\n")
    if "bash" not in text:
        ast.parse(made)
    assert comment_out_magics("'''\n%time\n'''\nx = 1 % 2") == "'''\n%time\n'''\nx = 1 % 2"
