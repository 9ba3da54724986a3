"""Traps for the rules about loops: what is written shorter does the same, or stays."""

import pytest

from whet.engine.check import examine, run_side
from whet.engine.loading import load_rules
from whet.fix.edits import apply_edits
from whet.fix.select import select

RULES = {module.rule.slug: module for module in load_rules()}


def rewrite(slug, code):
    return apply_edits(code, select(examine(RULES[slug], code, hot=True)).edits)


@pytest.mark.parametrize(
    "code",
    [
        "def f(xs):\n    out = []\n    for x in xs:  # each\n        out.append(x + 1)\n    return out\n",
        "def f(xs):\n    out = []\n    for x in xs:\n        out.append(x + 1)\n    del x\n    return out\n",
        "def f(xs, x):\n    out = []\n    for x in xs:\n        out.append(x + 1)\n    return out\n",
        "def f(xs, o):\n    out = []\n    for o.x in xs:\n        out.append(o.x + 1)\n    return out\n",
        "def f(xs):\n    out = []\n    for x in xs:\n        out.append((y := x))\n    return out, y\n",
        "out = []\nfor x in (1, 2):\n    out.append(x + 1)\n",
        "class A:\n    k = 2\n    out = []\n    for x in (1, 2):\n        out.append(x + k)\n",
        "def f(xs):\n    for x in [1]:\n        a = []\n        for x in xs:\n            a.append(-x)\n        g(x)\n",
    ],
    ids=["comment", "del", "parameter", "attribute", "walrus", "module", "class", "outer loop's variable"],
)
def test_a_loop_that_says_more_than_a_comprehension_stays(code):
    assert rewrite("append-comprehension", code) == code


def test_loops_that_use_one_variable_one_after_the_other():
    code = (
        "def f(xs):\n    out = []\n    for x in xs:\n        out.append(x + 1)\n"
        "    for x in xs:\n        out.append(x)\n    return out\n"
    )
    after = rewrite("append-comprehension", code)
    assert "[x + 1 for x in xs]" in after
    assert run_side(code, "f", "([1, 2],)") == run_side(after, "f", "([1, 2],)")


def test_a_bare_tuple_is_gone_through_in_parentheses():
    code = "def f():\n    out = []\n    for x in 1, 2:\n        out.append(x + 1)\n    return out\n"
    after = rewrite("append-comprehension", code)
    assert "for x in (1, 2)]" in after
    assert run_side(code, "f", "()") == run_side(after, "f", "()")


@pytest.mark.parametrize("slug", ["list-copy", "append-extend"])
def test_one_rule_names_a_loop_that_copies(slug):
    code = "def f(text: str):\n    out = []\n    for x in text.split():\n        out.append(x)\n    return out\n"
    assert bool(examine(RULES[slug], code, hot=True)) == (slug == "list-copy")


@pytest.mark.parametrize(
    "code",
    [
        "def f(xs):\n    return list(a.send(x) for a, x in xs)\n",
        "def f(xs):\n    return tuple(x for x in xs)\n",
        "async def f(xs):\n    return list(x async for x in xs)\n",
    ],
)
def test_generators_that_a_comprehension_is_not(code):
    assert rewrite("gen-in-ctor", code) == code


def test_a_dict_of_pairs_keeps_what_a_choice_chooses():
    code = "def f(xs):\n    return dict((x if x else -1, lambda: x) for x in xs if x != 3).keys()\n"
    after = rewrite("gen-in-ctor", code)
    assert "dict(" not in after
    assert run_side(code, "f", "([0, 2, 3],)") == run_side(after, "f", "([0, 2, 3],)")


def test_the_pairs_of_a_subclass_of_dict_stay():
    code = (
        "class D(dict):\n    pass\ndef f(xs):\n    d = D(xs)\n    for k, v in d.items():\n        print(k)\n"
        "def g(d: 'D'):\n    return [k for k, v in d.items()]\n"
    )
    assert rewrite("items-unused", code) == code


@pytest.mark.parametrize(
    ("slug", "loop"),
    [
        ("db-in-loop", "    for row in rows:\n        db.execute('insert into t values (?)', row)\n"),
        ("append-comprehension", "    out = []\n    for row in rows:\n        out.append(-row)\n    db.write(out)\n"),
        ("list-copy", "    out = []\n    for row in rows:\n        out.append(row)\n    db.write(out)\n"),
    ],
)
def test_a_loop_stays_whose_variable_a_function_declares(slug, loop):
    start = "import sqlite3\ndef f(rows: list):\n    db = sqlite3.connect('file')\n"
    inner = "    def set_row():\n        nonlocal row\n"
    assert rewrite(slug, start + loop) != start + loop
    assert rewrite(slug, start + inner + loop) == start + inner + loop
