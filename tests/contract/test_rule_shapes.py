"""Each rule on its own cases written in other shapes: edits fit into any text, or the rule stays silent."""

import ast

import pytest
from tests.contract.shapes import put_in_fields, put_in_parentheses, tighten

from whet.engine.check import examine, run_side
from whet.engine.loading import load_rules
from whet.fix.edits import apply_edits
from whet.fix.select import rank, select

SHAPES = {
    "tight": tighten,
    "in parentheses": put_in_parentheses,
    "tight, in parentheses": lambda text: tighten(put_in_parentheses(text)),
    "in fields": put_in_fields,
    "in fields that show their source": lambda text: put_in_fields(text, "="),
}


def test_shapes_are_what_they_say():
    text = "def f(x):\n    for i in list(x):\n        pass\n    return [g(i) for i in x]\n"
    assert "for i in(list)((x)):" in tighten(put_in_parentheses(text))
    assert 'return f"""{[g(i) for i in x]=}"""' in put_in_fields(text, "=")


def check_shape(shape, is_run):
    edited = 0
    for module in load_rules():
        for case in module.cases:
            text = SHAPES[shape](case.before)
            if text == case.before:
                continue
            chosen = select(sorted(examine(module, text, hot=case.hot), key=rank))
            if not chosen.edits:
                continue
            after = apply_edits(text, chosen.edits)
            ast.parse(after)
            edited += 1
            for given in case.inputs if is_run(text) else ():
                sides = [run_side(code, case.call, given) for code in (text, after)]
                assert sides[0] == sides[1], (module.rule.slug, case.name, after)
    assert edited > 60


@pytest.mark.parametrize("shape", ["tight, in parentheses", "in fields", "in fields that show their source"])
def test_edits_fit_into_any_shape(shape):
    check_shape(shape, is_run=lambda text: "import" not in text)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_edits_in_any_shape_keep_every_result(shape):
    check_shape(shape, is_run=lambda text: True)
