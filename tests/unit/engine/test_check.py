"""The checker of rules finds what is wrong with a rule, and the bench measures what it says."""

import ast
from dataclasses import replace

import pytest

from whet.engine.api import Bench, Case, Refuse, Rule, Safety, Speed, Triggers
from whet.engine.bench import measure_bench
from whet.engine.check import SECTIONS, check_rule, compare_sides, run_side
from whet.engine.loading import RuleModule

RETURN = "def f(x):\n    return x\n"
PASS = "def f(x):\n    pass\n"


def detect(context):
    for node in context.nodes(ast.Return):
        rewrite = context.rewrite()
        rewrite.delete(node)
        yield context.finding(node, "returns", rewrite=rewrite)


def promise(context):
    for node in context.nodes(ast.Return):
        yield context.finding(node, "returns")


SOUND = RuleModule(
    Rule("sound", "t", "f", Safety.SAFE, Speed.FACTOR, Triggers(frozenset({ast.Return}))),
    detect,
    (Case("none", RETURN, PASS, "f", ("(None,)",)),),
    (Refuse("nothing to return", PASS),),
    None,
    "\n".join(SECTIONS),
    "here",
)


def test_a_sound_rule_has_nothing_wrong():
    assert check_rule(SOUND) == ()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (replace(SOUND, page="## What"), "no section '## Why'"),
        (replace(SOUND, cases=(Case("c", PASS, PASS, "f", ("(None,)",)),)), "c: not found in its `before`"),
        (replace(SOUND, cases=(Case("c", RETURN, RETURN, "f", ("(None,)",)),)), "c: found in its `after`"),
        (replace(SOUND, cases=(Case("c", RETURN, PASS, "f", ("(1,)",)),)), "c: with (1,), `before` gives"),
        (replace(SOUND, refusals=(Refuse("because", RETURN),)), "not left alone: because"),
        (replace(SOUND, detect=promise), "none: safe at line 2, but without an edit"),
        (replace(SOUND, cases=(Case("c", RETURN, "def f(x):\n    0\n", "f", ("(None,)",)),)), "c: the edits give\n"),
        (replace(SOUND, cases=(Case("c", RETURN, PASS, "f", ("('1',)",), rewritten="f = int"),)), "`rewritten` gives"),
    ],
)
def test_what_is_wrong_is_said(wrong, says):
    assert any(says in line for line in check_rule(wrong))


def test_code_that_does_not_parse_is_not_taken_for_silence():
    with pytest.raises(ValueError, match="does not parse"):
        check_rule(replace(SOUND, refusals=(Refuse("broken", "def f(:"),)))


@pytest.mark.parametrize(
    ("before", "after", "given"),
    [
        ("def f(x): return 1", "def f(x): return True", "(0,)"),
        ("def f(x): return x", "def f(x): raise ValueError", "(0,)"),
        ("def f(x): raise KeyError(1)", "def f(x): raise KeyError(2)", "(0,)"),
        ("def f(x): raise KeyError(1)", "def f(x): raise LookupError(1)", "(0,)"),
        ("def f(x): x.append(1)", "def f(x): pass", "([],)"),
        ("def f(x): print(1)", "def f(x): pass", "([],)"),
        ("def f(x): yield 1", "def f(x): yield 2", "([],)"),
    ],
)
def test_sides_that_differ_are_told_apart(before, after, given):
    assert len(compare_sides(Case("c", before, after, "f", (given,)))) == 1
    assert compare_sides(Case("c", before, before, "f", (given,))) == ()


def test_the_interpreters_own_words_do_not_count():
    assert compare_sides(Case("c", "def f(x): return x + ''", "def f(x): return '' + x", "f", ("(1,)",))) == ()


def test_each_side_gets_arguments_of_its_own():
    assert run_side("def f(x): x.append(1); return x", "f", "([],)") == run_side(
        "def f(x): x.append(1); return x", "f", "([],)"
    )


def test_bench_measures_each_size_and_tells_slow_from_fast():
    slow = Bench("d = list(range(n))", "sum(d)", "d[0]", (10, 10_000), "elements")
    factors = measure_bench(slow, repeat=2)
    assert set(factors) == {10, 10_000}
    assert factors[10_000] > 5 * factors[10] > 0
    back = measure_bench(replace(slow, before=slow.after, after=slow.before), repeat=2)
    assert back[10_000] < 1


def test_a_case_stands_in_a_file_that_inspect_finds():
    code = "import inspect\ndef f(x):\n    return inspect.getsource(f).count('return'), x\n"
    assert run_side(code, "f", "('é',)").result == "tuple: (2, 'é')"
