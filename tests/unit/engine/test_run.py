"""Running rules over sources: order, hot lines, and what must not end the run."""

import ast
import gc
import random
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whet.engine.api import Rule, Safety, Speed, Triggers
from whet.engine.check import examine
from whet.engine.loading import RuleModule, load_rules
from whet.engine.run import find_findings
from whet.fix.edits import apply_edits
from whet.model.frame import Owner
from whet.model.run import SourceFile

RULES = load_rules()
BY_SLUG = {module.rule.slug: module for module in RULES}
MEMBERS = "def f(xs, ys):\n    known = list(ys)\n    return [x for x in xs if x in known]\n"
PATTERN = "import re\ndef g(s):\n    return re.match('a', s)\n"


def source(name, text, owner=Owner.USER):
    return SourceFile(f"/p/{name}", name, "", text, owner)


def sources(*given):
    return {item.file: item for item in given}


def places(findings):
    return [(f.file, f.line, f.rule) for f in findings]


def test_order_does_not_depend_on_the_order_of_arguments():
    files = [source(f"{letter}.py", MEMBERS + PATTERN) for letter in "cab"]
    expected = places(find_findings(sources(*files), RULES)[0])
    assert len(expected) == 6
    assert expected == sorted(expected)
    for seed in range(5):
        shuffled, rules = files[:], list(RULES)
        random.Random(seed).shuffle(shuffled)
        random.Random(seed).shuffle(rules)
        assert places(find_findings(sources(*shuffled), rules)[0]) == expected


def test_only_functions_with_hot_lines_are_examined():
    file = source("a.py", MEMBERS + PATTERN)
    assert places(find_findings(sources(file), RULES, {"/p/a.py": frozenset({3})})[0]) == [
        ("/p/a.py", 3, "list-membership")
    ]
    assert places(find_findings(sources(file), RULES, {"/p/a.py": frozenset({6})})[0]) == [
        ("/p/a.py", 6, "regex-compile")
    ]
    elsewhere = find_findings(sources(file), RULES, {"/p/a.py": frozenset({4})})[0]
    assert not {"list-membership", "regex-compile"} & {finding.rule for finding in elsewhere}
    assert find_findings(sources(file), RULES, {"/p/b.py": frozenset({3})}) == ((), ())


def test_only_the_users_own_sources_are_examined():
    for owner in (Owner.DEPENDENCY, Owner.STDLIB):
        assert find_findings(sources(source("a.py", MEMBERS, owner)), RULES) == ((), ())


def test_a_cold_file_that_does_not_parse_is_not_worth_a_word():
    broken = source("broken.py", "def f(:\n")
    assert find_findings(sources(broken), RULES, {})[1] == ()


COMPILED = """import numba
from numba import cuda, njit
import torch
def plain(make):
    return make
{decorator}
def f(xs):
    def inner():
        out = []
        for x in xs:
            out.append(x + 1)
        return out
    return inner()
"""


@pytest.mark.parametrize(
    ("decorator", "left_alone"),
    [("njit", True), ("numba.njit(cache=True)", True), ("cuda.jit", True), ("torch.jit.script", True),
     ("plain", False), ("torch.no_grad()", False)],
)  # fmt: skip
def test_functions_that_another_compiler_translates_are_left_alone(decorator, left_alone):
    code = COMPILED.format(decorator=f"@{decorator}")
    findings, _ = find_findings(sources(source("a.py", code)), RULES)
    assert ("append-comprehension" not in {finding.rule for finding in findings}) is left_alone
    assert not (left_alone and findings)


def test_a_file_that_does_not_parse_is_a_notice_and_the_rest_goes_on():
    findings, notices = find_findings(sources(source("bad.py", "def f(:\n"), source("good.py", MEMBERS)), RULES)
    assert places(findings) == [("/p/good.py", 3, "list-membership")]
    assert len(notices) == 1
    assert notices[0].message.startswith("bad.py does not parse")


NEW_IN_3_15 = """
lazy import json
lazy from os import path, sep

def f(many, d):
    merged = {**each for each in many}
    every = [*each for each in many]
    values = {k: v for k, v in {**each for each in many}.items()}, {**v for k, v in d.items()}
    for k in d:
        if k in d.keys():
            every.append(json.dumps(k))
    return merged, values, list(*each for each in many), {*each for each in many}, [*v for k, v in d.items()]
"""


@pytest.mark.skipif(sys.version_info < (3, 15), reason="syntax of 3.15")
def test_what_is_new_in_3_15_is_read_by_every_rule():
    every_line = {"/p/new.py": frozenset(range(1, NEW_IN_3_15.count("\n") + 2))}
    findings, notices = find_findings(sources(source("new.py", NEW_IN_3_15)), RULES, every_line)
    assert not notices
    assert "lazy-import" not in {finding.rule for finding in findings}
    assert findings


@pytest.mark.parametrize(
    ("needed", "code"),
    [
        ((3, 15), NEW_IN_3_15),
        ((3, 15), "lazy import json\ntype Pair[T] = tuple[T, T]\n"),
        ((3, 14), "try:\n    pass\nexcept OSError, ValueError:\n    pass\n"),
        ((3, 14), "def f(x):\n    return t'{x}'\n"),
        ((3, 13), "class Bag[T = int]:\n    pass\n"),
        ((3, 12), "type Pair = tuple[int, int]\ndef f[T: (int, str)](x: T) -> T:\n    return x\n"),
        ((3, 12), "def f(d):\n    return f'{d['a']}'\n"),
    ],
)
def test_a_source_for_a_newer_python_names_the_version(needed, code):
    findings, notices = find_findings(sources(source("new.py", code)), RULES)
    if sys.version_info >= needed:
        assert not notices
        return
    assert not findings
    version = f"{needed[0]}.{needed[1]}"
    assert notices[0].message.startswith(f"new.py needs Python {version}, and whet runs on 3.")
    assert notices[0].hint == f"install whet for Python {version}"


@pytest.mark.parametrize("code", ["def f(:\n", "lazy import\n", "lazy import json\ndef f(:\n", "except A, B:\n"])
def test_what_no_python_parses_needs_no_newer_one(code):
    (notice,) = find_findings(sources(source("bad.py", code)), RULES)[1]
    assert "does not parse as Python" in notice.message


SLOW_TO_IMPORT = "import json\n" + "".join(f"def f{n}(x):\n    return json.dumps(x)\n" for n in range(5))


def test_an_import_becomes_lazy_where_the_language_has_a_word_for_it():
    lazy = [module for module in RULES if module.rule.slug == "lazy-import"]
    every_line = {"/p/a.py": frozenset(range(1, 20))}
    assert not find_findings(sources(source("a.py", SLOW_TO_IMPORT)), lazy, every_line, (3, 14))[0]
    (finding,), _ = find_findings(sources(source("a.py", SLOW_TO_IMPORT)), lazy, every_line, (3, 15))
    assert "`lazy`" in finding.message
    if sys.version_info < (3, 15):  # nothing here could tell whether the result parses
        assert finding.safety is Safety.ADVICE
    else:
        assert apply_edits(SLOW_TO_IMPORT, finding.edits) == f"lazy {SLOW_TO_IMPORT}"


def test_a_rule_that_raises_is_a_notice_naming_rule_and_place():
    def detect(context):
        if context.function.name == "f":
            raise ZeroDivisionError("oops")
        return ()

    import ast

    rule = Rule("bad-rule", "t", "f", Safety.SAFE, Speed.FACTOR, Triggers(frozenset({ast.Return})))
    bad = RuleModule(rule, detect, (), (), None, "", "/somewhere/bad_rule.py")
    findings, notices = find_findings(sources(source("a.py", PATTERN + MEMBERS)), [bad, *RULES])
    assert len(findings) == 2
    assert [n.about for n in notices] == ["rule bad-rule"]
    assert "a.py:4 (f)" in notices[0].message
    assert "ZeroDivisionError: oops" in notices[0].message
    assert "/somewhere/bad_rule.py" in notices[0].hint


def test_rules_stay_silent_on_versions_that_they_do_not_help():
    import ast

    def detect(context):
        yield context.finding(next(context.nodes(ast.Return)), "m")

    rule = Rule("old", "t", "f", Safety.SAFE, Speed.FACTOR, Triggers(frozenset({ast.Return})), pythons=">=3.11,<3.13")
    old = RuleModule(rule, detect, (), (), None, "", "x")
    given = sources(source("a.py", PATTERN))
    assert len(find_findings(given, [old])[0]) == 1
    assert len(find_findings(given, [old], python=(3, 12))[0]) == 1
    assert find_findings(given, [old], python=(3, 13))[0] == ()
    assert find_findings(given, [old], python=(3, 10))[0] == ()


def test_finding_says_where_the_function_is_and_asks_by_its_code_object():
    text = "@decorate\ndef f(xs, ys):\n    known = list(ys)\n    return [x for x in xs if x in known]\n"
    (finding,) = find_findings(sources(source("a.py", text)), RULES)[0]
    assert (finding.function, finding.function_line, finding.line, finding.column) == ("f", 2, 4, 29)
    assert finding.snippet == "x in known"
    assert {(q.file, q.function, q.function_line) for q in finding.questions} == {("/p/a.py", "f", 1)}
    assert {q.name for q in finding.questions} == {"known", "x"}


def test_unannotated_parameters_need_values_and_annotated_ones_a_length():
    loop = "    for x in xs:\n        if x in ys:\n            return x\n"
    (bare,) = examine(BY_SLUG["list-membership"], f"def f(xs, ys):\n{loop}", hot=False)
    assert {q.ask.value: q.needed for q in bare.questions if q.name == "ys"} == {
        "types": True, "length": True, "elements": False,
    }  # fmt: skip
    (annotated,) = examine(BY_SLUG["list-membership"], f"def f(xs, ys: list[int] | None):\n{loop}", hot=False)
    assert {q.ask.value: q.needed for q in annotated.questions if q.name == "ys"} == {
        "types": False, "length": True, "elements": False,
    }  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_no_text_is_a_traceback(text):
    findings, notices = find_findings(sources(source("a.py", text)), RULES)
    assert all(n.message for n in notices)
    assert isinstance(findings, tuple)


names = st.from_regex(r"[a-z_]{3,8}", fullmatch=True).filter(lambda n: n.isidentifier() and n not in KEYWORDS)
KEYWORDS = {"and", "for", "not", "def", "with", "while", "pass", "from", "import", "list", "set", "del", "try", "else",
            "elif", "lambda", "yield", "raise", "return", "global", "assert", "async", "await", "class", "break",
            "except", "locals", "vars", "eval", "exec", "finally", "is_", "nonlocal", "continue"}  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(names, min_size=3, max_size=3, unique=True),
    st.integers(0, 4),
    st.lists(st.text(" ab#é", max_size=9), max_size=4),
)
def test_a_growing_list_is_found_whatever_its_names_nesting_and_comments(words, depth, comments):
    bag, item, stream = words
    lines = [f"def work({stream}):", f"    {bag} = []"]
    lines += ["    " * (level + 1) + f"for outer{level} in range(100):" for level in range(depth)]
    pad = "    " * (depth + 1)
    lines += [f"{pad}# {comment}" for comment in comments]
    lines += [
        f"{pad}for {item} in {stream}:",
        f"{pad}    if {item} not in {bag}:",
        f"{pad}        {bag}.append({item})",
    ]
    (finding,) = examine(BY_SLUG["list-membership"], "\n".join(lines), hot=False)
    assert finding.line == len(lines) - 1
    shadowed = "\n".join([*lines, f"    {bag} = {{}}"])
    assert examine(BY_SLUG["list-membership"], shadowed, hot=False) == ()


def test_form_of_growth_decides_how_safe_and_where():
    def one(body, hot=False):
        (finding,) = examine(
            BY_SLUG["str-concat"], f"def f(xs):\n    s = ''\n    for x in xs:\n{body}    return s\n", hot=hot
        )
        return finding

    fast = one("        s += x\n", hot=True)
    assert (fast.safety, fast.speed, fast.speedups) == (Safety.ADVICE, Speed.CONSTANT, ())
    copied = one("        s += x\n        s = s + x + ','\n")
    assert (copied.safety, copied.line, copied.lines) == (Safety.OBSERVED, 5, (4, 5))
    assert copied.speedups
    assert (
        examine(BY_SLUG["str-concat"], "def f(xs):\n    s = ''\n    for x in xs:\n        s = s + x\n", hot=False) == ()
    )


def test_a_rule_that_recurses_too_deep_says_so_without_blame():
    def detect(context):
        return detect(context)

    import ast

    rule = Rule("deep", "t", "f", Safety.SAFE, Speed.FACTOR, Triggers(nodes=frozenset({ast.Return})))
    broken = RuleModule(rule, detect, (), (), None, "", "here")
    _, notices = find_findings(sources(source("a.py", MEMBERS)), [broken])
    assert [notice.message for notice in notices] == ["did not check a.py:1 (f): it is nested too deeply"]


def test_rules_know_which_libraries_the_interpreter_has():
    asked = []

    def detect(context):
        asked.append((context.has_package("numpy"), context.has_package("numba")))
        return ()

    rule = Rule("asks", "t", "f", Safety.ADVICE, Speed.CONSTANT, Triggers(frozenset({ast.Pass})))
    module = RuleModule(rule, detect, (), (), None, "", "test")
    plain, using = source("a.py", "pass\n"), source("a.py", "import numba\npass\n")
    find_findings(sources(plain), [module])
    find_findings(sources(plain), [module], libraries=("numpy",))
    find_findings(sources(using), [module], libraries=())
    assert asked == [(None, None), (True, False), (False, True)]


def test_a_class_may_be_seen_under_the_names_of_its_module():
    seen = []
    rule = Rule("asks", "t", "f", Safety.ADVICE, Speed.CONSTANT, Triggers(frozenset({ast.Pass})))
    module = RuleModule(rule, lambda context: seen.append(context.seen_as("Bag")) or (), (), (), None, "", "test")
    find_findings(sources(source("shop/__init__.py", "pass\n"), source("shop/till.py", "pass\n")), [module])
    assert {"__main__.Bag", "shop.Bag", "p.shop.Bag"} <= set(seen[0])
    assert {"__main__.Bag", "till.Bag", "shop.till.Bag"} <= set(seen[1])


def test_trees_are_freed_without_the_collector():
    text = MEMBERS + PATTERN + "class A:\n    def f(self):\n        return [x for x in self.y if (lambda: x)()]\n"

    def count_nodes():
        # By its type: objects that other tests left may lie about their class, or raise.
        return sum(issubclass(type(each), ast.expr) for each in gc.get_objects())

    find_findings(sources(source("a.py", text)), RULES)
    gc.collect()
    gc.disable()
    try:
        before = count_nodes()
        find_findings(sources(source("a.py", text)), RULES, {"/p/a.py": frozenset(range(9))})
        assert count_nodes() == before
    finally:
        gc.enable()


NAMED = """from re import compile as make
import re


def attribute(s): return re.match("a", s)
def comprehension(many): return [match(s) for s in many]
def decorated():
    @match
    def inner(): pass
def default(s=match): pass
def renamed(s): return make(s)
def other(s): return s.split(), "match"
class Record:
    match = 1
    def method(self): self.match = 2
"""


def record_visits(rule, visited):
    """Return a rule that finds nothing and notes which functions it was given."""
    return RuleModule(rule, lambda context: visited.append(context.function.qualified_name) or (), (), (), None, "", "")


@pytest.mark.parametrize(
    ("names", "functions"),
    [
        ({"match"}, ["<module>", "attribute", "comprehension", "decorated", "Record", "Record.method"]),
        ({"*tch"}, ["<module>", "attribute", "comprehension", "decorated", "Record", "Record.method"]),
        ({"split"}, ["other"]),
        ({"absent"}, []),
        ({"compile"}, None),  # any function may use it
        ({"*pile"}, None),
    ],
)
def test_a_rule_that_names_what_it_is_about_sees_only_functions_that_use_it(names, functions):
    visited = []
    rule = Rule("r", "t", "f", Safety.ADVICE, Speed.FACTOR, Triggers(names=frozenset(names)))
    find_findings(sources(source("a.py", NAMED)), [record_visits(rule, visited)])
    every = ["<module>", "attribute", "comprehension", "decorated", "decorated.<locals>.inner", "default", "renamed"]
    assert visited == ([*every, "other", "Record", "Record.method"] if functions is None else functions)


def test_a_rule_sees_functions_with_one_of_its_nodes_or_names_once_and_in_order():
    visited = []
    triggers = Triggers(nodes=frozenset({ast.Return, ast.ClassDef}), names=frozenset({"match"}))
    rule = Rule("r", "t", "f", Safety.ADVICE, Speed.FACTOR, triggers)
    find_findings(sources(source("a.py", NAMED)), [record_visits(rule, visited)])
    named = ["<module>", "attribute", "comprehension", "decorated", "renamed", "other", "Record", "Record.method"]
    assert visited == named
