"""Lines whose time a pass rises with what they hold, seen within one run of a real program."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.integration.conftest import WHET, Ran, make_environment

pytestmark = pytest.mark.slow
PROGRAM = """\
import sys

class Holder:
    def __init__(self):
        self.text, self.data, self.rows, self.table = "", b"", [], {}
    def add_text(self, n):
        self.text += "x" * 200
    def add_bytes(self, n):
        self.data += b"x" * 200
    def add_row(self, n):
        self.rows = self.rows + [n]
    def add_key(self, n):
        self.table = {**self.table, n: 1}
    def find(self, n):
        if n not in self.rows:
            self.rows.append(n)
    def pick(self, n):
        total = 0
        for i in range(n): total += self.rows[i]
        self.rows.append(n)
    def put(self, n):
        for i in range(n): self.table[i] = self.table.get(i, 0) + 1
        self.table[n] = 0

def add(rows, n):
    if n not in rows:
        rows.append(n)

def passed(n):
    rows = []
    for i in range(n):
        add(rows, i)

def local(n):
    text = ""
    for i in range(n):
        for _ in range(i):
            text += "x"

def main(name, n):
    if name in globals():
        return globals()[name](n)
    holder = Holder()
    if name == "add_text":
        for i in range(n): holder.add_text(i)
    elif name == "add_bytes":
        for i in range(n): holder.add_bytes(i)
    elif name == "add_row":
        for i in range(n): holder.add_row(i)
    elif name == "add_key":
        for i in range(n): holder.add_key(i)
    elif name == "find":
        for i in range(n): holder.find(i)
    elif name == "pick":
        for i in range(n): holder.pick(i)
    elif name == "put":
        for i in range(n): holder.put(i)

main(sys.argv[1], int(sys.argv[2]))
"""


def find_growing(folder: Path, name: str, size: int) -> dict[str, str]:
    """Return the source lines that are said to grow, with what is said."""
    (folder / "app.py").write_text(PROGRAM)
    done = subprocess.run(
        [*WHET, "run", "app.py", name, str(size)], cwd=folder, capture_output=True, env=make_environment(), check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    ran = Ran(done.returncode, done.stdout, done.stderr, folder)
    lines = PROGRAM.splitlines()
    return {lines[each["line"] - 1].strip(): each["grows"] for each in ran.report["lines"] if each["grows"]}


@pytest.mark.parametrize(
    ("name", "size", "line", "variable"),
    [
        ("add_text", 6000, 'self.text += "x" * 200', "self.text"),
        ("add_bytes", 6000, 'self.data += b"x" * 200', "self.data"),
        ("add_row", 40_000, "self.rows = self.rows + [n]", "self.rows"),
        ("add_key", 24_000, "self.table = {**self.table, n: 1}", "self.table"),
        ("find", 20_000, "if n not in self.rows:", "self.rows"),
        ("passed", 20_000, "if n not in rows:", "rows"),
    ],
)
def test_lines_that_look_at_all_of_what_grows_are_named(
    tmp_path: Path, name: str, size: int, line: str, variable: str
) -> None:
    found = find_growing(tmp_path, name, size)
    assert list(found) == [line]
    assert f"-fold as {variable} grew to " in found[line]


@pytest.mark.parametrize(("name", "size"), [("pick", 7000), ("put", 4000), ("local", 7000)])
def test_lines_that_run_more_and_more_often_are_not(tmp_path: Path, name: str, size: int) -> None:
    assert find_growing(tmp_path, name, size) == {}
