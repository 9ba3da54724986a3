"""Types that the source shows: each asked of the name `it` at its last use."""

import ast

import pytest

from whet.engine.facts import Facts
from whet.engine.types import UNKNOWN, Typing, join


def last(facts, name="it"):
    return [node for node in ast.walk(facts.tree) if isinstance(node, ast.Name) and node.id == name][-1]


def types_of(text):
    facts = Facts.of(text)
    return {name.removeprefix("builtins.") for name in Typing(facts).type_of(last(facts))}


def elements_of(text):
    facts = Facts.of(text)
    return {name.removeprefix("builtins.") for name in Typing(facts).element_of(last(facts))}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", "int"), ("1.5", "float"), ("'a'", "str"), ("b'a'", "bytes"), ("None", "NoneType"), ("True", "bool"),
        ("f'{x}'", "str"), ("[]", "list"), ("[x for x in y]", "list"), ("{}", "dict"), ("{1}", "set"),
        ("(1,)", "tuple"),
        ("(x for x in y)", "generator"), ("lambda: 0", "function"), ("not x", "bool"), ("x in y", "bool"),
        ("x is y", "bool"), ("x == y", ""), ("1 == 2", "bool"), ("-1", "int"), ("1 + 1", "int"), ("1 + 1.5", "float"),
        ("1 / 2", "float"), ("True + True", "int"), ("2 ** x", ""), ("'a' + 'b'", "str"), ("'a' + x", ""),
        ("'%s' % x", ""), ("'%s' % 'a'", "str"), ("[0] * 3", "list"), ("3 * 'a'", "str"), ("{1} | {2}", "set"),
        ("1 if x else 'a'", "int str"), ("1 if x else y", ""), ("[] or ()", "list tuple"), ("list(x)", "list"),
        ("sorted(x)", "list"), ("len(x)", "int"), ("str(x)", "str"), ("range(3)", "range"), ("unknown(x)", ""),
        ("'a'.join(x)", "str"), ("'a b'.split()", "list"), ("'a'.encode().decode()", "str"), ("'a'[0]", "str"),
        ("'abc'[1:]", "str"), ("[1][0]", ""), ("b'a'[0]", "int"), ("{}.keys()", "dict_keys"), ("x.join(y)", ""),
        ("min([1, 2])", "int"), ("open('f')", "io.TextIOWrapper"), ("open('f', 'rb')", "io.BufferedReader"),
        ("(y := 1)", "int"),
    ],
)  # fmt: skip
def test_expressions(value, expected):
    assert types_of(f"it = {value}\nit\n") == set(expected.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import re\nit = re.compile('a')\nit\n", "re.Pattern"),
        ("from collections import deque as d\nit = d()\nit\n", "collections.deque"),
        ("class A: pass\nit = A()\nit\n", ".A"),
        ("@wrap\nclass A: pass\nit = A()\nit\n", ""),
        ("def f(it: list[int]): it\n", "list"),
        ("def f(it: 'dict[str, int]'): it\n", "dict"),
        ("def f(it: str | None): it\n", "str NoneType"),
        ("def f(it: int = None): it\n", "int NoneType"),
        ("from typing import Optional\ndef f(it: Optional[str]): it\n", "str NoneType"),
        ("from typing import Sequence\ndef f(it: Sequence[str]): it\n", ""),
        ("def f(it): it\n", ""),
        ("def f(it, list): it = list(it)\n", ""),
        ("from x import *\nit = list()\nit\n", ""),
        ("it = 1\nit = 'a'\nit\n", "int str"),
        ("it = 1\nit = x()\nit\n", ""),
        ("it = 1\nit += 1.5\nit\n", "int float"),
        ("it = ''\nit += x\nit\n", ""),
        ("it = []\nit += x\nit\n", "list"),
        ("for it in range(3): it\n", "int"),
        ("for it in 'abc': it\n", "str"),
        ("for it in x: it\n", ""),
        ("it, y = 1, 2\nit\n", "int"),
        ("x, [it, y] = '', (b'', 2)\nit\n", ""),
        ("it, *y = 1, 2\nit\n", ""),
        ("it, y = x\nit\n", ""),
        ("[it for it in [1, 2]]\n", "int"),
        ("with x as it: it\n", ""),
        ("it = 1\ndef f():\n    global it\n    it = None\nit\n", "int NoneType"),
        ("it = it2 = 1\nit\n", "int"),
        ("def f():\n    it = g = it\n    it\n", ""),
        ("a = 1\nb = a\nit = b\nit\n", "int"),
    ],
)
def test_names(text, expected):
    assert types_of(text) == set(expected.split())


def test_attributes_of_self_join_all_their_bindings():
    text = "class A:\n    def __init__(self):\n        self.x = []\n        it = self.x\n        it\n{}"
    assert types_of(text.format("")) == {"list"}
    assert types_of(text.format("    def g(self):\n        self.x = None\n")) == {"list", "NoneType"}
    assert types_of(text.format("def g(a):\n    a.x = 1\n")) == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it = [1, 2]\nit\n", "int"),
        ("it = [1, 'a']\nit\n", "int str"),
        ("it = [1, *'a']\nit\n", "int str"),
        ("it = []\nit.append(1)\nit.append('a')\nit\n", "int str"),
        ("it = []\nit.append(x)\nit\n", ""),
        ("it = []\nit.extend(x)\nit\n", ""),
        ("it = []\ng(it)\nit.append(1)\nit\n", ""),
        ("it = [x.lower() for x in 'abc']\nit\n", "str"),
        ("def f(it: list[int]): it\n", "int"),
        ("def f(it: list): it\n", ""),
        ("it = {'a': 1}\nit\n", "str"),
        ("it = 'a b'\nit\n", "str"),
        ("it = sorted([1])\nit\n", "int"),
        ("it = [0] * 9\nit\n", "int"),
        ("it = enumerate(x)\nit\n", "tuple"),
    ],
)
def test_elements(text, expected):
    assert elements_of(text) == set(expected.split())


def test_what_is_joined_with_the_unknown_is_unknown():
    assert join([frozenset("a"), UNKNOWN]) == UNKNOWN
    assert join([]) == UNKNOWN
    assert join([frozenset("a"), frozenset("b")]) == {"a", "b"}
    assert join(frozenset(letter) for letter in "abcdef") == UNKNOWN


def test_long_chains_and_circles_end():
    chain = "".join(f"a{n} = a{n + 1}\n" for n in range(500)) + "a500 = 1\nit = a0\nit\n"
    assert types_of(chain) == set()
    assert types_of("it = a\na = b\nb = a\nit\n") == set()
    assert types_of("it = []\nfor it in it: it\n") == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(it: list[int]):\n    it", ""),
        ("it: dict = make()\nit", ""),
        ("it: dict = {}\nit", ""),
        ("def f():\n    it: dict = {}\n    it", "dict"),
        ("def f(x: str):\n    it = x.split()\n    it", ""),
        ("def f(x):\n    it = f'{x} '.split()\n    it", "list"),
        ("def f(x):\n    it = str(x)\n    it", ""),
        ("def f(x):\n    it = f'{x}'\n    it", ""),
        ("def f(x):\n    it = '{}'.format(x)\n    it", ""),
        ("def f(x):\n    it = '%s' % x\n    it", ""),
        ("def f(x):\n    it = '%s' % (x,)\n    it", ""),
        ("def f(x):\n    it = '%s' % (len(x),)\n    it", "str"),
        ("def f(x):\n    it = str(len(x))\n    it", "str"),
        (
            "class A:\n    def g(self):\n        self._a = []\n    def f(self):\n        it = self._a\n        it",
            "",
        ),
        ("def f(p):\n    with open(p) as it:\n        it", "io.TextIOWrapper"),
        ("def f(p, x):\n    with open(p) as it:\n        it = x\n    it", ""),
        ("def f(p):\n    with p.open() as it:\n        it", ""),
        ("def f(p):\n    with open(p) as g:\n        for it in g.readlines():\n            it", "str"),
    ],
)
def test_types_without_trust_in_annotations_globals_and_attributes(text, expected):
    facts = Facts.of(text)
    found = Typing(facts, trusting=False).type_of(last(facts))
    assert " ".join(sorted(name.removeprefix("builtins.") for name in found)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(it: list[int]):\n    it", ""),
        ("def f():\n    it = [1]\n    it.append(2)\n    return it", "int"),
        ("_it = [1]\ndef f():\n    it = _it\n    it", ""),
        ("it = [1]\ndef f():\n    it", ""),
    ],
)
def test_elements_that_no_other_code_adds(text, expected):
    facts = Facts.of(text)
    found = Typing(facts, trusting=False).element_of(last(facts))
    assert " ".join(sorted(name.removeprefix("builtins.") for name in found)) == expected
