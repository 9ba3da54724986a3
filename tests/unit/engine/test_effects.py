"""Purity, and what a loop leaves as it is."""

import ast

import pytest

from whet.engine.effects import Effects
from whet.engine.facts import Facts
from whet.engine.places import find_place
from whet.engine.types import Typing


def opened(text):
    facts = Facts.of(text)
    functions = [scope for scope in facts.functions if scope.kind == "function"]
    function = next((scope for scope in functions if scope.name == "f"), functions[-1])
    return facts, Effects(facts, Typing(facts), function), function


@pytest.mark.parametrize(
    ("expression", "trusting", "exact"),
    [
        ("1 + 2", True, True),
        ("x", True, True),
        ("x + 1", True, False),
        ("x.y", True, False),
        ("x[0]", True, False),
        ("[1, 2][0]", True, True),
        ("len('a')", True, True),
        ("len(x)", False, False),
        ("'a'.upper()", True, True),
        ("x.upper()", False, False),
        ("f()", False, False),
        ("(y := 1)", False, False),
        ("[a for a in (1, 2)]", True, True),
        ("[f(a) for a in (1, 2)]", False, False),
        ("lambda: f()", True, True),
        ("sorted([2, 1])", True, True),
        ("list(x for x in 'a')", False, False),
        ("sorted([2, 1], key=f)", False, False),
        ("print('a')", False, False),
        ("f'{1}'", True, True),
        ("1 if x else 2", True, True),
    ],
)
def test_purity(expression, trusting, exact):
    facts, effects, _ = opened(f"def g(x, f):\n    return {expression}\n")
    node = facts.tree.body[0].body[0].value
    assert effects.is_pure(node) is trusting
    assert effects.is_pure(node, exact=True) is exact


def test_await_and_yield_are_effects():
    facts, effects, _ = opened("async def g(x):\n    return [await x]\n")
    assert not effects.is_pure(facts.tree.body[0].body[0].value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(n, xs):\n    n: int\n    for x in xs:\n        IT(n + 1)\n", True),
        ("def f(xs):\n    n = 1\n    for x in xs:\n        IT(n + 1)\n", True),
        ("def f(xs):\n    n = 1\n    for x in xs:\n        IT(n + 1)\n        n += 1\n", False),
        ("def f(xs):\n    for x in xs:\n        IT(x + 1)\n", False),
        ("def f(xs):\n    d = [1]\n    for x in xs:\n        IT(d[0])\n", True),
        ("def f(xs):\n    d = [1]\n    for x in xs:\n        IT(d[0])\n        d.append(x)\n", False),
        ("def f(xs):\n    d = [1]\n    e = d\n    for x in xs:\n        IT(d[0])\n        e.append(x)\n", False),
        ("def f(xs):\n    d = [1]\n    for x in xs:\n        IT(d[0])\n        g(d)\n", False),
        ("def f(xs, g):\n    d = 'ab'\n    for x in xs:\n        IT(d.upper())\n        g(d)\n", True),
        ("def f(xs, d):\n    for x in xs:\n        IT(d[0])\n        x.go()\n", False),
        ("def f(xs):\n    for x in xs:\n        IT(len)\n", True),
        ("import re\ndef f(xs):\n    for x in xs:\n        IT(re.I | re.M)\n        x.go()\n", True),
        ("N = 1\ndef f(xs):\n    for x in xs:\n        IT(N + 1)\n        x.go()\n", True),
        ("N = 1\ndef g():\n    global N\n    N = 2\ndef f(xs):\n    for x in xs:\n        IT(N)\n        g()", False),
        ("class A:\n    def __init__(self):\n        self.n = 1\n    def f(self, xs):\n"
         "        for x in xs:\n            IT(self.n + 1)\n            x.go()\n", True),
        ("class A:\n    def __init__(self):\n        self.n = 1\n    def f(self, xs):\n        for x in xs:\n"
         "            IT(self.n + 1)\n            x.go()\n    def g(self):\n        self.n = 2\n", False),
        ("class A:\n    def f(self, xs, o):\n        for x in xs:\n            IT(self.n + 1)\n"
         "            o.n = 2\n", False),
        ("def f(xs, o):\n    for x in xs:\n        IT(o.n.m)\n", True),
        ("def f(xs, o):\n    for x in xs:\n        IT(o.n.m)\n        o.n = x\n", False),
        ("def f(xs, o):\n    for x in xs:\n        IT([y + o for y in (1, 2)])\n", True),
        ("class A:\n    def __init__(self):\n        self.n = 1\n    def f(self, xs):\n"
         "        for x in xs:\n            IT(self.n + 1)\n", True),
    ],
)  # fmt: skip
def test_invariance(text, expected):
    facts, effects, _ = opened(text)
    call = next(n for n in ast.walk(facts.tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "IT")
    loop = next(n for n in ast.walk(facts.tree) if isinstance(n, ast.For))
    # The marker itself would be a call of what is not known.
    call.func, call.args, inner = ast.Name("len", ast.Load()), [], call.args[0]
    facts._scopes.parents[call.func] = call
    assert effects.is_invariant(inner, loop) is expected


def test_writes_and_escapes():
    facts, effects, function = opened("def f(a):\n    b = []\n    for a.x, c in b:\n        d[0] = c\n    g(b)\n")
    assert effects.written_in(facts.tree) == {"b", "a.x", "c", "d[0]"}
    loop = facts.tree.body[0].body[1]
    place = find_place(facts, loop.iter, function)
    assert effects.escapes(place)
    assert not effects.escapes(place, loop)
    assert not effects.runs_unknown_code(loop)
    assert effects.runs_unknown_code(facts.tree)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("it = [1]", True),
        ("it = [1]\nit += x\nreturn it", True),
        ("it = sorted(x)", True),
        ("it = list(x)\nfor y in it:\n    x(y)", True),
        ("it = x", False),
        ("it = x or []", False),
        ("it = self.things", False),
        ("it = rows[0]", False),
        ("for it in rows:\n    pass", False),
        ("it = other = []", False),
        ("other = (it := [])", False),
        ("it = []\nx(it)", False),
        ("it = []\nother = it", False),
        ("it = []\nother = max(it, x)", False),
        ("it = []\nother = max(it)", True),
        ("it = []\nother = sum(x, it)", False),
        ("it = []\nother = sum(it)", True),
        ("it = []\nrows.append(it)", False),
        ("it = []\ndef g():\n    it.append(1)", False),
        ("it = []\nyield it", False),
    ],
)
def test_which_containers_have_one_name(lines, expected):
    body = "\n".join(f"    {line}" for line in lines.split("\n"))
    facts, effects, function = opened(f"def f(self, x, rows):\n{body}\n    it\n")
    node = next(n for n in ast.walk(facts.tree) if isinstance(n, ast.Name) and n.id == "it")
    assert effects.is_only_name(find_place(facts, node, function)) is expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("x + 1", False), ("x[0]", False), ("len(x)", False), ("'a'.upper()", False), ("math.pi", False),
        ("math.sqrt(x)", False), ("f'{x}'", False),
        ("x()", True), ("x.head", True), ("x.pop()", True), ("next(x)", True), ("sorted(x, key=y)", True),
    ],
)  # fmt: skip
def test_what_may_raise_stop_iteration(expression, expected):
    facts, effects, _ = opened(f"import math\ndef f(x, y):\n    return {expression}\n")
    assert effects.may_raise_stop(facts.tree.body[1].body[0].value) is expected
