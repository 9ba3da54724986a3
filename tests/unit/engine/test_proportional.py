"""Checking and fixing a file take work in proportion to its functions: counted, not timed."""

import sys

import pytest

from whet.engine.loading import load_rules
from whet.engine.run import examine_source
from whet.fix.apply import fix_text
from whet.fix.select import select
from whet.model.finding import Edit, Finding, Safety, Speed
from whet.model.source import SourceFile

RULES = load_rules()

FUNCTION = """
def function_{n}(items, text, count):
    seen = []
    for index in range(len(items)):
        item = items[index]
        if item not in seen:
            seen.append(item)
    return sorted(seen)[0], re.search(r"a+ {n}", text), [x for x in seen if x in [1, 2, 3]], function_{n}
"""
CLASS = """
class Thing{n}:
    def __init__(self, name):
        self.name = name
        self.seen = []

    def run(self, rows):
        for row in rows:
            if row.name not in self.seen:  # new
                self.seen.append(row.name)
            Thing{n}(re.sub(r"a+ {n}", "", row.name))
"""
SCRIPT = """
NAME_{n} = ["x{n}", "y"]
for i in NAME_{n}:
    total = total + i
"""
LOOP = """
    for i in rows:
        table[i] = rows[i] + {n}.0
    for i, row in enumerate(rows):
        if row in [1, {n}]:
            found.append(row)
    seen = {{}}
    for row in rows:
        seen[row] = seen.get(row, 0) + 1
    text = b""
    total = 0
    for row in rows:
        text += row
        total += row
"""


def count_work(examine):
    """Return how many lines run, each iteration of a loop counted: a number that no machine changes."""
    count = 0

    def trace(frame, event, _):
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        examine()
    finally:
        sys.settrace(before)
    return count


def check(part, count, head="import re\n"):
    text = head + "".join(part.format(n=n) for n in range(count))
    every_line = frozenset(range(1, text.count("\n") + 2))
    return examine_source(SourceFile("a.py", "a.py", "", text), RULES, every_line)


@pytest.mark.parametrize("part", [FUNCTION, CLASS, SCRIPT], ids=["functions", "classes", "script"])
def test_more_code_takes_more_work_in_proportion(part):
    check(part, 2)  # imports and caches
    assert_proportional(lambda count: check(part, count))


def test_more_loops_in_one_function_take_more_work_in_proportion():
    """Each of them binds the same variables: whether one is used after its loop takes no look at all the others."""
    head = "def f(rows, table, found):\n    pass\n"
    check(LOOP, 2, head)
    assert_proportional(lambda count: check(LOOP, count, head), (60, 80, 100))  # up to 50 bindings are followed each


def assert_proportional(examine, counts=(5, 10, 15)):
    """Of work that is proportional, or less, the second five parts take no more than the first five did."""
    works = [count_work(lambda count=count: examine(count)) for count in counts]
    assert works[2] - works[1] <= 1.01 * (works[1] - works[0])


def make_finding(line, text):
    edit = Edit(line, 0, line, 1, text)
    return Finding(
        "r", "a.py", line, line, 0, f"f{line}", line, "", "", Safety.SAFE, Speed.CONSTANT, (line,), edits=(edit,)
    )


def test_more_edits_take_more_work_in_proportion():
    def choose(count):
        return select([make_finding(line, "b") for line in range(1, count + 1)])

    assert_proportional(choose)


def test_one_broken_rewrite_among_many_is_found_without_trying_each():
    tried = []

    def examine(text):
        tried.append(text)
        lines = text.split("\n")
        return [make_finding(n, "(" if n == 40 else "b") for n, line in enumerate(lines, 1) if line == "a"]

    fixed = fix_text("a\n" * 60, examine)
    assert fixed.text == "b\n" * 39 + "a\n" + "b\n" * 20
    assert [found.line for found in fixed.broken] == [40]
