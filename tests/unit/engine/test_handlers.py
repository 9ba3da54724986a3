"""What may catch an exception, of which kinds, and whether code is there because of one."""

import ast

import pytest

from whet.engine.facts import Facts
from whet.engine.handlers import falls_back, may_catch, tells_apart


def marked(text):
    """Return the facts of a function with the lines ``text``, the function, and the call ``HERE()`` in it."""
    body = "\n".join(f"    {line}" for line in text.split("\n"))
    facts = Facts.of(f"import contextlib, pytest\nfrom errors import Own, BOTH\ndef f(x, kinds):\n{body}\n")
    calls = (node for node in ast.walk(facts.tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    return facts, facts.tree.body[-1], next(call for call in calls if call.func.id == "HERE")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HERE()", False),
        ("try:\n    HERE()\nexcept IndexError:\n    pass", True),
        ("try:\n    HERE()\nexcept* ValueError:\n    pass", True),
        ("try:\n    HERE()\nexcept (IndexError, ValueError):\n    pass", False),
        ("try:\n    HERE()\nexcept LookupError:\n    pass", True),
        ("try:\n    HERE()\nexcept Exception:\n    pass", False),
        ("try:\n    HERE()\nexcept:\n    pass", False),
        ("try:\n    HERE()\nexcept Own:\n    pass", True),
        ("try:\n    HERE()\nexcept BOTH:\n    pass", True),
        ("try:\n    HERE()\nexcept KeyError:\n    pass", False),
        ("try:\n    HERE()\nfinally:\n    pass", False),
        ("try:\n    pass\nexcept IndexError:\n    HERE()", False),
        ("try:\n    pass\nexcept IndexError:\n    pass\nelse:\n    HERE()", False),
        ("with contextlib.suppress(IndexError):\n    HERE()", True),
        ("with contextlib.suppress(Exception):\n    HERE()", False),
        ("with contextlib.suppress(*kinds):\n    HERE()", True),
        ("with pytest.raises(ValueError):\n    HERE()", True),
        ("with x.assertRaises(IndexError):\n    HERE()", True),
        ("with x.lock:\n    HERE()", False),
        ("with open(x) as file:\n    HERE()", False),
        ("with HERE() as file:\n    pass", False),
    ],
)
def test_which_of_two_exceptions_is_caught(text, expected):
    facts, function, here = marked(text)
    assert tells_apart(facts, here, function, IndexError, ValueError) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HERE()", False),
        ("try:\n    HERE()\nexcept TypeError:\n    pass", True),
        ("try:\n    pass\nexcept (ValueError, TypeError):\n    HERE()", True),
        ("try:\n    pass\nexcept* TypeError:\n    HERE()", True),
        ("try:\n    pass\nexcept Exception:\n    HERE()", False),
        ("try:\n    pass\nexcept ValueError:\n    HERE()", False),
    ],
)
def test_code_that_is_there_because_of_an_exception(text, expected):
    facts, function, here = marked(text)
    assert falls_back(facts, here, function, TypeError) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("try:\n    HERE()\nfinally:\n    pass", True),
        ("try:\n    HERE()\nexcept* OSError:\n    pass", True),
        ("with x:\n    HERE()", True),
        ("with open(x), open(kinds):\n    HERE()", False),
        ("with open(x), x.lock:\n    HERE()", True),
        ("for x in kinds:\n    HERE()", False),
    ],
)
def test_what_may_catch(text, expected):
    facts, function, _ = marked(text)
    assert may_catch(facts, function.body[0]) is expected
