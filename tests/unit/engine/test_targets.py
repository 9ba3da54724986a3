"""What code meets again and again, in whatever form it is written."""

import ast

import pytest

from whet.engine.api import (
    Context,
    Rule,
    Safety,
    Speed,
    Triggers,
    keeping_loops,
    outlives_call,
    read_target,
    shown_types,
)
from whet.engine.facts import Facts

RULE = Rule("r", "t", "f", Safety.ADVICE, Speed.CONSTANT, Triggers(frozenset({ast.Pass})))
CLASS = "class A:\n    def __init__(self):\n        self.names = []\n        self.by_key = {}\n"


def find(body, before="", *, measured=True):
    """Return the context of a method with this body, and the argument of its call of `use`."""
    lines = "".join(f"        {line}\n" for line in body.split("\n"))
    facts = Facts.of(f"{before}{CLASS}    def f(self, rows, other):\n{lines}")
    function = next(scope for scope in facts.functions if scope.qualified_name == "A.f")
    context = Context(RULE, "a.py", facts, function, measured)
    return context, next(call.args[0] for call in context.nodes(ast.Call) if getattr(call.func, "id", "") == "use")


@pytest.mark.parametrize(
    ("node", "is_one"),
    [
        ("rows", True),
        ("self.names", True),
        ("self.by_key[other][-1].text", True),
        ("self.by_key.setdefault(other, [])", True),
        ("rows[1:]", False),
        ("make(rows)", False),
        ("'abc'", False),
        ("os.environ", False),
    ],
)
def test_what_is_a_target(node, is_one):
    context, used = find(f"use({node})", "import os\n")
    assert (read_target(context, used) is not None) is is_one


@pytest.mark.parametrize(
    ("body", "lasts"),
    [
        ("use(self.names)", True),
        ("use(other.names)", True),
        ("use(other)", False),  # what a call gets is its caller's
        ("last = self.names[-1]\nuse(last.text)", True),
        ("last = self.by_key[other]\nuse(last)", True),
        ("made = []\nuse(made)", False),
        ("self.names = []\nuse(self.names)", False),
    ],
)
def test_what_outlives_a_call(body, lasts):
    context, used = find(body)
    assert outlives_call(context, read_target(context, used)) is lasts
    context, used = find(body, measured=False)
    assert not outlives_call(context, read_target(context, used))


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("for row in rows:\n    use(self.names)", 1),
        ("for row in rows:\n    use(row.names)", 0),
        ("for row in rows:\n    self.names = []\n    use(self.names)", 0),
        ("for row in rows:\n    self.names = self.names + [row]\n    use(self.names)", 1),
        ("for row in rows:\n    for x in row:\n        use(row.names)", 1),
        ("while rows:\n    other = rows.pop()\n    use(other.names)", 0),
    ],
)
def test_loops_that_keep_a_value(body, count):
    context, used = find(body)
    assert len(keeping_loops(context, used, read_target(context, used))) == count


@pytest.mark.parametrize(
    ("node", "types"),
    [
        ("self.names", {"builtins.list"}),
        ("other.names", {"builtins.list"}),  # the file gives such attributes lists
        ("self.by_key[rows]", {"builtins.tuple"}),
        ("other.text", {"builtins.bytes", "builtins.str"}),  # split is called on it
        ("other.unknown", set()),
    ],
)
def test_types_that_the_file_shows(node, types):
    context, used = find(f"self.by_key[rows] = ()\nother.text.split()\nuse({node})")
    assert shown_types(context, used) == types
