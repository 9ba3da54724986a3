"""Patterns that a file puts together of constants."""

from __future__ import annotations

import ast

import pytest
from tests.unit.engine.test_context import opened

from whet.engine.patterns import list_matchings

PUT_TOGETHER = {
    "'%s-%%%s' % ('a', X)": ["a-%b"],
    "'%(x)s%(y)s' % {'x': X, 'y': 'c'}": ["bc"],
    "'{}{}{{2}}'.format('a', X)": ["ab{2}"],
    "'{1}{0}{end}'.format('a', X, end='$')": ["ba$"],
    "f'{X}{X!s}+'": ["bb+"],
    "'a' + X if X else X": ["ab", "b"],
    "C": ["b", "bc"],
    "Y and X or 'd'": ["b", "d"],
    # Not what the text of a constant alone tells.
    "'%d' % X": [],
    "'%s%s' % X": [],
    "'%(z)s' % {'x': X}": [],
    "'%(x)s' % {**X}": [],
    "'{:>3}'.format(X)": [],
    "'{0.real}'.format(X)": [],
    "'{x}'.format(**X)": [],
    "'{}'.format(*X)": [],
    "f'{X!r}'": [],
    "X if X else Y": [],
    "D": [],
}


@pytest.mark.parametrize("pattern", PUT_TOGETHER)
def test_a_pattern_is_read_where_the_source_shows_all_of_it(pattern):
    given = "X = 'b'\nif X:\n    C = X\nelse:\n    C = X + 'c'\nD = X\nD += 'd'\n"
    context = opened(f"import re\n{given}def f(s, Y):\n    return re.search({pattern}, s)\n")
    (call,) = (node for node in context.nodes(ast.Call) if ast.unparse(node.func) == "re.search")
    assert [each.pattern for each in list_matchings(context, call)] == PUT_TOGETHER[pattern]


@pytest.mark.parametrize("first", ["", "x" * 200])
def test_constants_that_name_one_another_too_often_are_given_up(first):
    """Each names the one before it forty times: put together without bounds, these would take years, or all memory."""
    named = "".join(f'a{at} = f"{f"{{a{at - 1}}}" * 40}"\n' for at in range(1, 8))
    context = opened(f"import re\na0 = {first!r}\n{named}def f(s):\n    return re.search(a7, s)\n")
    (call,) = context.nodes(ast.Call)
    assert list_matchings(context, call) == []
