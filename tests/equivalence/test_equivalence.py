"""Each rule on programs made from its cases: a safe rewrite changes nothing that anyone can notice.

Result, exception with its message, output, order of calls, and what becomes of everything that the program reaches are
compared. Rewrites that are observed or offered may differ in what their page names: of those only that they compile.
"""

import ast
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.equivalence.outcome import Way, run
from tests.equivalence.programs import programs
from tests.equivalence.values import KINDS, RAISED, list_paths

from whet.engine.check import examine
from whet.engine.loading import load_rules
from whet.fix.edits import apply_edits
from whet.fix.select import rank, select
from whet.model.finding import Safety

RULES = load_rules()
BASE = settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate,),  # programs are short: making a failing one shorter takes minutes
    suppress_health_check=list(HealthCheck),
)


def safe_findings(module, code, *, hot):
    return [found for found in examine(module, code, hot=hot) if found.safety is Safety.SAFE and found.edits]


def safe_cases(module):
    return [case for case in module.cases if safe_findings(module, case.before, hot=case.hot)]


SAFE = [module for module in RULES if safe_cases(module)]


def rewrite(code, findings):
    after = apply_edits(code, select(sorted(findings, key=rank), code).edits)
    compile(after, "after.py", "exec", dont_inherit=True)
    return after


def paths_of(expression):
    """Return the places in the arguments where another value may stand."""
    try:
        return list_paths(ast.literal_eval(expression))
    except ValueError:  # made by the program's own code
        tree = ast.parse(expression, mode="eval").body
        return [(number,) for number in range(len(tree.elts))] if isinstance(tree, ast.Tuple) else []


EVENTS = (*RAISED, StopIteration, "look", "odd", "add", "drop", "clear")
WHATS = sorted(KINDS)


def make_way(case, number):
    """Return one of the ways to run a case's program: ``number`` says which."""
    chance = random.Random(number)
    expression = chance.choice(case.inputs or ("()",))
    paths = paths_of(expression)
    return Way(
        given=expression,
        changes=tuple((chance.choice(paths), chance.choice(WHATS)) for _ in range(chance.randrange(4) if paths else 0)),
        plan=tuple((chance.randint(1, 4), chance.choice(EVENTS)) for _ in range(chance.randrange(4))),
        times=chance.choice([1, 2, 3]),
        same=bool(paths) and chance.random() < 0.2,
        reached=chance.random() < 0.5,
        patched=chance.random() < 0.2,
    )


def ends_the_same(code, call, way, before):
    """Return whether a program does each time what it did ``before``, wherever in memory its objects are.

    The order of a set of objects goes by their addresses, which are often the same from run to run.
    """
    for count in range(12):
        held = [bytes(size) for size in range(0, 480, 16) for _ in range(count)]
        if run(code, call, way) != before:
            return False
        del held
    return True


def check_program(module, cases, data, tally):
    case = data.draw(st.sampled_from(cases), label="case")
    code = data.draw(programs(case), label="program")
    if code is None:
        return
    hot = case.hot or data.draw(st.booleans(), label="hot")
    findings = [found for found in examine(module, code, hot=hot) if found.edits]
    tally["programs"] += 1
    if not findings:
        return
    rewrite(code, findings)
    safe = [found for found in findings if found.safety is Safety.SAFE]
    if not safe:
        return
    after = rewrite(code, safe)
    tally["rewritten"] += 1
    first = data.draw(st.integers(0, 2**40), label="ways")
    for number in range(first, first + 12):
        way = make_way(case, number)
        before = run(code, case.call, way)
        if before is None:
            continue
        then = run(after, case.call, way)
        if before != then and ends_the_same(code, case.call, way, before):
            pytest.fail(f"{code}\n--- becomes\n{after}\n--- with {way}\n{before}\n--- becomes\n{then}")


def check_rule(module, examples):
    tally = Counter()
    cases = (*safe_cases(module), *module.cases)  # those whose rewrites are run, twice as often

    @settings(BASE, max_examples=examples)
    @given(data=st.data())
    def check(data):
        check_program(module, cases, data, tally)

    check()
    return tally


@pytest.mark.parametrize("module", SAFE, ids=lambda module: module.rule.slug)
def test_safe_rewrites_change_nothing(module):
    assert check_rule(module, 30)["rewritten"] > 0


def test_rewrites_of_other_rules_compile():
    for module in RULES:
        if module not in SAFE:
            check_rule(module, 2)


def test_each_rule_that_is_called_safe_has_a_case_that_is():
    assert [module.rule.slug for module in RULES if module.rule.safety is Safety.SAFE and module not in SAFE] == []


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("module", RULES, ids=lambda module: module.rule.slug)
def test_safe_rewrites_change_nothing_in_many_programs(module):
    tally = check_rule(module, 2000)
    assert module not in SAFE or tally["rewritten"] > 100


@pytest.mark.parametrize("slug", ["map-lambda", "list-copy"])
def test_a_rule_that_is_wrong_is_found_out(slug):
    """Each claims to be safe wherever it looks, as a rule does that forgot to ask."""
    module = next(module for module in RULES if module.rule.slug == slug)

    def detect(context):
        return [replace(found, safety=Safety.SAFE) for found in module.detect(context)]

    with pytest.raises(pytest.fail.Exception, match="--- becomes"):
        check_rule(replace(module, detect=detect), 400)
