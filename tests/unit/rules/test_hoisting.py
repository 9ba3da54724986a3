"""Traps for the rules about hoisting, caching and objects: found, but rewritten with care or not at all."""

import pytest

from whet.engine.check import examine, run_side
from whet.engine.loading import load_rules
from whet.fix.edits import apply_edits
from whet.fix.select import select
from whet.model.finding import Safety

RULES = {module.rule.slug: module for module in load_rules()}


def rewrite(slug, code, *, hot=True):
    return apply_edits(code, select(examine(RULES[slug], code, hot=hot)).edits)


def test_a_template_that_two_functions_copy_is_made_by_one_function():
    code = (
        "import copy\nT = {'a': []}\ndef f(xs):\n    return [copy.deepcopy(T) for x in xs]\n"
        "def g(xs):\n    return [copy.deepcopy(T) for x in xs]\n"
    )
    after = rewrite("deepcopy", code)
    assert after.count("def _make_t():") == 1
    assert "deepcopy(T)" not in after
    assert run_side(code, "g", "([1],)") == run_side(after, "g", "([1],)")


@pytest.mark.parametrize(
    "code",
    [
        "import copy\nT = {'a': []}\nT['b'] = 1\ndef f(xs):\n    return [copy.deepcopy(T) for x in xs]\n",
        "import copy\nA = []\nT = {'a': A, 'b': A}\ndef f(xs):\n    return [copy.deepcopy(T) for x in xs]\n",
        "import copy\nT = {'a': []}\ndef f(xs):\n    T.update(xs)\n    return [copy.deepcopy(T) for x in xs]\n",
        "import copy\nT = {\n    'a': [],  # why\n}\ndef f(xs):\n    return [copy.deepcopy(T) for x in xs]\n",
    ],
    ids=["written", "shared inside", "changed by a method", "comment"],
)
def test_a_template_that_is_no_plain_display_stays(code):
    assert all(finding.safety is Safety.ADVICE for finding in examine(RULES["deepcopy"], code, hot=True))
    assert rewrite("deepcopy", code) == code


@pytest.mark.parametrize(
    "lines",
    [
        "    d = asdict(x)\n    d['n'] = 1\n    return json.dumps(d)\n",
        "    d = asdict(x)\n    return json.dumps(d), d\n",
        "    d = asdict(x)\n    return change(x), json.dumps(d)\n",
        "    d = asdict(x)\n    x.n += 1\n    return json.dumps(d)\n",
        "    return json.dumps(asdict(x), default=str)\n",
        "    return json.dumps(asdict(x), **options)\n",
        "    return yaml.dumps(asdict(x))\n",
    ],
)
def test_a_dict_that_does_more_than_go_into_json_is_copied_flatly(lines):
    code = f"import json\nimport yaml\nfrom dataclasses import asdict\ndef f(x, change, options):\n{lines}"
    (finding,) = examine(RULES["asdict"], code, hot=True)
    assert finding.safety is Safety.OFFER
    assert rewrite("asdict", code) == code.replace("asdict(x)", "vars(x).copy()")


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%SZ", "%H:%M", "%d.%m.%Y", "%y-%m-%d"])
def test_formats_that_fromisoformat_reads_otherwise_are_left_alone(form):
    code = f"from datetime import datetime\ndef f(xs):\n    return [datetime.strptime(x, '{form}') for x in xs]\n"
    assert examine(RULES["strptime"], code, hot=False) == ()
    assert rewrite("strptime", code) == code


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%Y-%m-%d", "2024-02-29"),
        ("%Y-%m-%d %H:%M", "2024-02-29 23:59"),
        ("%Y-%m-%dT%H:%M:%S", "0001-01-01T00:00:00"),
        ("%Y-%m-%d %H:%M:%S.%f", "9999-12-31 23:59:59.123456"),
        ("%Y-%m-%dT%H:%M:%S%z", "2024-02-29T01:02:03-03:30"),
        ("%Y-%m-%dT%H:%M:%S.%f%z", "2024-02-29T01:02:03.5+00:00"),
    ],
)
def test_the_formats_that_are_rewritten_give_the_same(form, text):
    code = f"from datetime import datetime\ndef f(xs):\n    return [datetime.strptime(x, '{form}') for x in xs]\n"
    after = rewrite("strptime", code)
    assert "fromisoformat" in after
    assert run_side(code, "f", f"(['{text}'],)") == run_side(after, "f", f"(['{text}'],)")


def test_slots_are_put_below_the_docstring_and_hold_each_name_once():
    code = (
        "class A:\n    '''Doc.'''\n    kind: int\n\n    def __init__(self, x):\n        self.x = self._y = x\n\n"
        "    def grow(self):\n        self.x += 1\n        self.z, self.x = 1, 2\n"
    )
    assert '    __slots__ = ("x", "_y", "z")\n' in rewrite("slots", code)


def test_a_call_in_a_loop_that_may_make_no_turn_is_only_an_offer():
    code = "def f(xs, limits: list[int]):\n    t = 0\n    for x in xs:\n        t += max(limits)\n    return t\n"
    (finding,) = examine(RULES["loop-invariant-call"], code, hot=False)
    assert finding.safety is Safety.OFFER


def test_a_class_elsewhere_is_named_only_where_many_objects_were_seen():
    code = "from shop import Move\ndef f(xs):\n    out = []\n    for x in xs:\n        out.append(Move(x))\n"
    (finding,) = examine(RULES["slots"], code, hot=True)
    assert finding.safety is Safety.ADVICE
    assert all(question.needed for question in finding.questions)
    assert {question.at_least for question in finding.questions} == {0, 10_000}


@pytest.mark.parametrize(
    ("slug", "kind", "loop"),
    [
        ("len-recompute", "Bag", "    for row in rows:\n        while row < len(known):\n            row += 1\n"),
        ("list-remove-index-count", "list", "    for row in rows:\n        print(known.index(row))\n"),
        (
            "loop-invariant-call",
            "list",
            "    n = 0\n    for row in rows:\n        n += row in set(known)\n    return n\n",
        ),
        ("bind-local", "Bag", "    n = 0\n    for row in rows:\n        n += known.a.b.c\n    return n\n"),
        ("nested-join", "list", "    return [(a, b) for a in rows for b in known if b.key == a.key]\n"),
        ("str-concat", "str", "    for row in rows:\n        known = known + row + ','\n    return known\n"),
        ("list-membership", "list", "    for row in rows:\n        if row in known:\n            print(row)\n"),
    ],
)
def test_what_may_be_none_is_not_asked_before_a_loop_that_may_never_run(slug, kind, loop):
    assert rewrite(slug, f"def f(rows, known: {kind}):\n{loop}") != f"def f(rows, known: {kind}):\n{loop}"
    for given in (f"{kind} = None", f"{kind} | None"):
        code = f"def f(rows, known: {given}):\n{loop}"
        assert rewrite(slug, code) == code
