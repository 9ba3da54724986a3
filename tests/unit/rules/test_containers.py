"""Traps for the rules about containers and text: found, but rewritten with care or not at all."""

import pytest

from whet.engine.check import examine, run_side
from whet.engine.loading import load_rules
from whet.fix.edits import apply_edits
from whet.fix.select import select
from whet.model.finding import Safety

RULES = {module.rule.slug: module for module in load_rules()}


def rewrite(slug, code, *, hot=False):
    return apply_edits(code, select(examine(RULES[slug], code, hot=hot)).edits)


def assert_same(slug, code, call, *inputs, hot=False):
    after = rewrite(slug, code, hot=hot)
    assert after != code
    for given in inputs:
        assert run_side(code, call, given) == run_side(after, call, given)
    return after


PUBLIC = """class Queue:
    def __init__(self):
        self.{name} = []
    def add(self, x):
        self.{name}.append(x)
    def drain(self):
        while self.{name}:
            print(self.{name}.pop(0))
"""


@pytest.mark.parametrize(("name", "safety"), [("items", Safety.OFFER), ("_items", Safety.OBSERVED)])
def test_what_other_modules_may_use_becomes_a_deque_only_when_asked_for(name, safety):
    (finding,) = examine(RULES["pop0-deque"], PUBLIC.format(name=name), hot=False)
    assert finding.safety is safety
    assert ("other code that uses" in finding.message) is (safety is Safety.OFFER)


def test_an_annotation_that_no_deque_fits_stays_and_so_does_the_list():
    code = "def f(x):\n    q: 'list[int]' = [x]\n    while q:\n        q.append(q.pop(0))\n"
    (finding,) = examine(RULES["pop0-deque"], code, hot=False)
    assert finding.safety is Safety.ADVICE
    assert not finding.edits
    assert "annotation" in finding.message


def test_a_list_that_is_only_put_in_front_is_worth_a_word_only_when_hot():
    code = (
        "def f(path):\n    parts = []\n    while path:\n        parts.insert(0, path.pop())\n"
        "    return '/'.join(parts)\n"
    )
    assert not examine(RULES["pop0-deque"], code, hot=False)
    used = code.replace("'/'.join(parts)", "list(parts)")
    assert not examine(RULES["pop0-deque"], used, hot=False)
    assert_same("pop0-deque", used, "f", "([1, 2, 3],)", "([],)", hot=True)


def test_a_comment_beside_what_goes_keeps_the_code_as_it_is():
    code = "def f(xs):\n    a = []\n    for x in xs:\n        a.append(x)  # here\n        a.sort()\n    return a\n"
    (finding,) = examine(RULES["sort-in-loop"], code, hot=False)
    assert finding.safety is Safety.ADVICE
    assert "a comment would be lost" in finding.message


@pytest.mark.parametrize(
    "body",
    [
        "items = items + [x, *items[:1]]",
        "items = items + list(range(len(items)))",
        "items = items + [x] if x else items",
        "items = items + [[x]]",
    ],
)
def test_what_is_added_is_read_before_it_grows(body):
    code = f"def f(xs):\n    items = []\n    for x in xs:\n        {body}\n    return items\n"
    after = rewrite("accumulate-concat", code)
    for given in ("([1, 2, 0],)", "([],)"):
        assert run_side(code, "f", given) == run_side(after, "f", given)


def test_the_order_of_evaluation_in_a_dict_is_kept():
    code = (
        "def show(x):\n    print(x)\n    return x\n"
        "def f(xs):\n    table = {}\n    for x in xs:\n        table = {**table, show(x): show(-x)}\n    return table\n"
    )
    assert_same("accumulate-concat", code, "f", "([1, 2, 1],)")


def test_duplicates_and_order_survive_a_join():
    code = (
        "def f(xs, ys):\n    out = []\n    for x in xs:\n        for y in ys:\n            if y[0] == x:\n"
        "                if y[1] > 5:\n                    break\n                out.append(y)\n    return out\n"
    )
    rows = "[(1, 1), (2, 9), (1, 2), (2, 1), (1, 7), (1, 3)]"
    after = assert_same("nested-join", code, "f", f"([1, 2, 1, 3], {rows})", "([], [])", f"([True, 1.0], {rows})")
    assert ".setdefault(y[0], []).append(y)" in after


def test_of_several_with_one_key_a_look_up_finds_the_first():
    code = (
        "class Box:\n    def __init__(self, rows):\n        self.rows = list(rows)\n"
        "    def find(self, key):\n        for row in self.rows:\n            if row[0] == key:\n"
        "                return row\n        return None\n"
        "def f(rows, keys):\n    box = Box(rows)\n    return [box.find(key) for key in keys]\n"
    )
    after = assert_same("nested-join", code, "f", "([(1, 'a'), (1, 'b'), (2, 'c')], [1, 2, 3])", hot=True)
    assert "reversed(self.rows)" in after
    assert not examine(RULES["nested-join"], code, hot=False)


def test_the_first_position_is_the_one_that_index_gives():
    code = "def f(xs, ys):\n    names = [str(x) for x in xs]\n    return [names.index(y) for y in ys]\n"
    assert_same("list-remove-index-count", code, "f", "([1, 2, 1, 2], ['2', '1'])")


def test_a_probe_of_known_type_needs_no_question_and_another_is_asked_for():
    known = "def f(xs):\n    return [str(x) in ['a', 'b', 'c', 'd', 'e'] for x in xs]\n"
    (finding,) = examine(RULES["literal-membership"], known, hot=False)
    assert finding.safety is Safety.OBSERVED
    (finding,) = examine(RULES["literal-membership"], known.replace("str(x)", "x"), hot=False)
    assert finding.safety is Safety.OFFER


@pytest.mark.parametrize("text", ["'aaa'", "''", "'a,b,c'", "',a,'", "'  a b '"])
@pytest.mark.parametrize("piece", ["split(',')[0]", "split(',')[-1]", "split()[0]", "split()[-1]", "split(',')[1]"])
def test_pieces_are_the_same_from_either_end(text, piece):
    code = f"def f(xs):\n    return [str(x).{piece} for x in xs]\n"
    assert_same("maxsplit", code, "f", f"([{text}],)")


@pytest.mark.parametrize("pattern", ["a-b", "a b", "#a", "é", "a&~b", "A_1"])
def test_signs_that_are_escaped_but_not_special_are_plain(pattern):
    code = (
        "import re\n"
        f"def f(xs):\n    return [re.sub({pattern!r}, '<>', str(x)) for x in xs if re.search({pattern!r}, str(x))]\n"
    )
    assert_same("re-to-str", code, "f", f"(['x{pattern}y', '{pattern}' * 2, 'z', ''],)")


@pytest.mark.parametrize(
    "pattern", ["a.b", "a|b", "(a)", "[a]", "a?", "a{2}", "\\\\d", "a\\\\.b", "^a", "a$", "a*", "a+"]
)
def test_what_is_special_in_a_pattern_is_left_alone(pattern):
    code = f"import re\ndef f(xs):\n    return [x for x in xs if re.search('{pattern}', x)]\n"
    assert not examine(RULES["re-to-str"], code, hot=True)


def test_what_is_put_in_front_once_after_the_loop_is_copied_once():
    code = "def f(xs):\n    s = ''\n    for x in xs:\n        s = s + 'x'\n    s = 'a' + s + 'b'\n    return s\n"
    assert not examine(RULES["str-concat"], code, hot=False)
    (finding,) = examine(RULES["str-concat"], code, hot=True)
    assert finding.line == 4
    assert finding.safety is Safety.ADVICE
    (finding,) = examine(RULES["str-concat"], code.replace("s + 'x'", "'x' + s"), hot=False)
    assert finding.line == 4
    assert "added in front" in finding.message


@pytest.mark.parametrize(
    ("slug", "code"),
    [
        ("lazy-import", "import json\ndef f(x):\n    return json.dumps(x)\n"),
        ("slots", "class P:\n    def __init__(self, a, b):\n        self.a = a\n        self.b = b\n"),
        ("numba-candidate", "def f(n, h):\n    s = 0\n    for i in range(n):\n        s += i * h\n    return s\n"),
        ("generator-peak", "def f(xs):\n    return max([x * x for x in xs])\n"),
    ],
)
def test_what_only_a_run_can_say_is_not_said_without_an_answer(slug, code):
    (finding,) = examine(RULES[slug], code, hot=True)
    assert any(question.needed for question in finding.questions)


def test_pieces_that_an_f_string_puts_in_front_are_said_to_be():
    code = "def f(xs):\n    s = ''\n    for x in xs:\n        s = f'/{x}{s}'\n    return s\n"
    (finding,) = examine(RULES["str-concat"], code, hot=False)
    assert "added in front" in finding.message
    assert "in reverse order" in finding.message
