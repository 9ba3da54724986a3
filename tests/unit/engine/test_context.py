"""What a rule can ask about the function that it is given."""

import ast

import pytest

from whet.engine.api import Context, Rule, Safety, Speed, Triggers
from whet.engine.facts import Facts

RULE = Rule("r", "t", "f", Safety.ADVICE, Speed.CONSTANT, Triggers(frozenset({ast.Pass})))


def opened(text, *, measured=False):
    facts = Facts.of(text)
    functions = [scope for scope in facts.functions if scope.kind == "function"]
    return Context(RULE, "a.py", facts, functions[-1] if functions else facts.module, measured)


def last_name(context, name):
    return [node for node in ast.walk(context.tree) if isinstance(node, ast.Name) and node.id == name][-1]


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("[]", "builtins.list"),
        ("[0] * 9", "builtins.list"),
        ("sorted(a)", "builtins.list"),
        ("{}", "builtins.dict"),
        ("{1}", "builtins.set"),
        ("b''", "builtins.bytes"),
        ("(1, 2)", "builtins.tuple"),
        ("'a b'.split()", "builtins.list"),
        ("a", ""),
        ("a.split()", ""),
        ("make()", ""),
        ("''", ""),
        ("9", ""),
    ],
)
def test_what_makes_a_new_container(value, made):
    context = opened(f"def f(a, make):\n    x = {value}\n")
    assert context.makes_new(context.function.node.body[0].value) == made


@pytest.mark.parametrize(
    ("before", "inside", "loops"),
    [
        ("x = []", "", 1),
        ("pass", "x = []", 0),
        ("x = []", "x += [1]", 1),
        ("x = []", "for i in y:\n            x = []", 0),
    ],
)
def test_loops_that_repeat_something_on_one_value(before, inside, loops):
    context = opened(f"def f(y):\n    {before}\n    for _ in y:\n        {inside or 'pass'}\n        x.append(1)\n")
    name = last_name(context, "x")
    assert len(context.loops_over(name, context.place(name))) == loops


def test_a_step_that_binds_is_no_new_start():
    context = opened("def f(y):\n    x = ''\n    for _ in y:\n        x = x + 'a'\n")
    name = last_name(context, "x")
    step = context.function.node.body[1].body[0]
    assert context.loops_over(name, context.place(name)) == ()
    assert len(context.loops_over(name, context.place(name), [step])) == 1


@pytest.mark.parametrize(
    ("text", "lasts"),
    [
        ("X = []\ndef f():\n    X.append(1)\n", True),
        ("def f(X):\n    X.append(1)\n", True),
        ("def f():\n    X = []\n    X.append(1)\n", False),
        ("X = []\ndef f():\n    global X\n    X = []\n    X.append(1)\n", False),
        ("X = []\nX.append(1)\n", False),
    ],
)
def test_values_that_the_next_call_meets_again(text, lasts):
    context = opened(text, measured=True)
    place = context.place(last_name(context, "X"))
    assert context.outlives_calls(place) is lasts
    cold = opened(text)
    assert not cold.outlives_calls(cold.place(last_name(cold, "X")))


def test_lines_of_several_nodes():
    context = opened("x = [\n    1,\n]\ny = 2\nz = 3\n")
    first, _, last = context.tree.body
    assert context.lines_of(last, first) == (1, 2, 3, 5)
    assert context.lines_of() == ()


def test_an_elif_gives_way_to_its_whole_if():
    context = opened("if a:\n    b\nelif c:\n    d\nelse:\n    e\n")
    outer = context.tree.body[0]
    assert context.whole_if(outer.orelse[0]) is outer
    assert context.whole_if(outer.orelse[0].body[0]) is outer.orelse[0].body[0]


def test_a_question_about_lines_names_them():
    context = opened("def f():\n    pass\n")
    question = context.ask_lines("runs", [3], of=[2], least=0.5, needed=True)
    assert (question.lines, question.of, question.least, question.needed) == ((3,), (2,), 0.5, True)
    assert (question.file, question.function) == ("a.py", "f")
