"""Places, and what each reference does with them."""

import ast

import pytest

from whet.engine.facts import Facts
from whet.engine.places import PlaceKind, Use, find_place, may_be_none, use_of


def the_function(facts):
    return next(scope for scope in facts.functions if scope.name == "f")


def place_of(code, name="X"):
    facts = Facts.of(code)
    function = the_function(facts)
    nodes = [n for kind in (ast.Name, ast.Attribute) for n in function.nodes.get(kind, ())]
    node = next(n for n in nodes if getattr(n, "id", getattr(n, "attr", "")) == name)
    return find_place(facts, node, function)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("def f():\n    X = 1\n    X", PlaceKind.LOCAL),
        ("def f(X):\n    X", PlaceKind.PARAMETER),
        ("X = 1\ndef f():\n    X", PlaceKind.GLOBAL),
        ("def f():\n    global X\n    X = 1", PlaceKind.GLOBAL),
        ("def g():\n    X = 1\n    def f():\n        nonlocal X\n        X += 1", PlaceKind.ENCLOSING),
        ("def f():\n    X = 1\n    return lambda: X", PlaceKind.ENCLOSING),
        ("class A:\n    def f(self):\n        self.X = 1", PlaceKind.ATTRIBUTE),
        ("class A:\n    def f(me):\n        me.X = 1", PlaceKind.ATTRIBUTE),
    ],
)
def test_kinds(code, kind):
    assert place_of(code).kind is kind


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    X",
        "from a import *\nX = 1\ndef f():\n    X",
        "def f():\n    return [X for X in y]",
        "def f(other):\n    other.X = 1",
        "class A:\n    @classmethod\n    def f(self):\n        self.X = 1",
        "class A:\n    def f(self):\n        self = other()\n        self.X = 1",
        "def f(self):\n    self.X = 1",
    ],
)
def test_no_places(code):
    assert place_of(code) is None


def test_attribute_knows_its_class_and_strangers():
    place = place_of(
        "class A:\n    X = []\n    def __init__(self):\n        self.X = []\n    def f(self):\n        self.X\n"
        "class B(A):\n    def g(self):\n        self.X.pop()\ndef h(a):\n    a.X = 1\n"
    )
    assert place.name == "self.X"
    assert len(place.references) == 2
    assert len(place.strangers) == 2
    assert len(place.bindings) == 2


@pytest.mark.parametrize(
    ("line", "use"),
    [
        ("y in X", Use.TEST),
        ("X in y", Use.READ),
        ("X == y", Use.READ),
        ("len(X)", Use.READ),
        ("X[0]", Use.READ),
        ("X[0] = 1", Use.MUTATE),
        ("del X[0]", Use.MUTATE),
        ("del X", Use.DELETE),
        ("X.append(y)", Use.APPEND),
        ("X.pop()", Use.MUTATE),
        ("X.add(y)", Use.MUTATE),
        ("X.sort()", Use.ORDER),
        ("X.clear()", Use.BIND),
        ("X += y", Use.EXTEND),
        ("X *= y", Use.MUTATE),
        ("X = y", Use.BIND),
        ("y = X", Use.ESCAPE),
        ("g(X)", Use.ESCAPE),
        ("g(a=X)", Use.ESCAPE),
        ("g(*X)", Use.READ),
        ("return X", Use.RETURN),
        ("yield X", Use.ESCAPE),
        ("a = (X, 1)", Use.ESCAPE),
        ("a = X.append", Use.ESCAPE),
        ("', '.join(X)", Use.READ),
        ("f'{X}'", Use.READ),
        ("assert X and y", Use.READ),
        ("a = not X", Use.READ),
        ("a = X or y", Use.ESCAPE),
        ("a = b if X else c", Use.READ),
        ("a = X if b else c", Use.ESCAPE),
        ("[a for a in X]", Use.ITERATE),
        ("[a for a in b if X]", Use.READ),
        ("heapq.heappush(X, y)", Use.ESCAPE),
        ("sorted(X)", Use.READ),
    ],
)
def test_uses(line, use):
    facts = Facts.of(f"X = []\ndef f():\n    global X\n    {line}\n")
    reference = [n for n in ast.walk(facts.tree) if isinstance(n, ast.Name) and n.id == "X"][-1]
    assert use_of(facts, reference) is use


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f(it, y): it", False),
        ("def f(it=None): it", True),
        ("def f(*, it=None): it", True),
        ("def f(it: 'list | None'): it", True),
        ("def f(it: Optional[list]): it", True),
        ("def f(it):\n    if it is not None and 1 in it: pass", True),
        ("def f(it):\n    if not it: return", True),
        ("def f(it):\n    if it: return", True),
        ("def f(x=None):\n    it = []\n    if it: it", False),
    ],
)
def test_parameters_that_may_be_none(code, expected):
    facts = Facts.of(code)
    name = [node for node in ast.walk(facts.tree) if isinstance(node, ast.Name) and node.id == "it"][-1]
    assert may_be_none(facts, find_place(facts, name, facts.functions[-1])) is expected


def test_an_attribute_set_from_a_parameter_may_be_none_as_that_one():
    text = "class A:\n    def __init__(self, x{}):\n        self.it = x\n    def f(self):\n        return self.it\n"
    for default, expected in (("=None", True), ("=()", False)):
        facts = Facts.of(text.format(default))
        node = [node for node in ast.walk(facts.tree) if isinstance(node, ast.Attribute)][-1]
        assert may_be_none(facts, find_place(facts, node, facts.functions[-1])) is expected
