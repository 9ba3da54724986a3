"""What a line does with a variable, by its source."""

from __future__ import annotations

import re

import pytest

from whet.advise.line_uses import Use, changes_as_often, find_use, list_arguments, name_parameter

LIST, TEXT, DICT, SET = "builtins.list", "builtins.str", "builtins.dict", "builtins.set"
DEQUE, TUPLE = "collections.deque", "builtins.tuple"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("if x in v: pass", LIST),
        ("if x not in v: pass", TEXT),
        ("v = v + [x]", LIST),
        ("v += x", TEXT),
        ("v += x,", TUPLE),
        ("v = [*v, x]", LIST),
        ("v = {**v, x: 1}", DICT),
        ("v.insert(0, x)", LIST),
        ("v.pop(0)", LIST),
        ("del v[0]", LIST),
        ("x = v[1:]", TEXT),
        ("x = sum(v)", LIST),
        ("for y in v: pass", SET),
        ("for y in v.items(): pass", DICT),
        ("x = [y for i, y in enumerate(v)]", LIST),
        ("x = ''.join(v)", LIST),
        ("x = v.find('a')", TEXT),
        ("x = f'{v}.'", TEXT),
        ("x = sorted(v.values())", DICT),
        ("x = v | {x}", SET),
        ("x = json.dumps(v)", LIST),
        ("x = pattern.search(v)", TEXT),
        ("f(*v)", LIST),
        ("x = any(y == 1 for y in v)", LIST),
    ],
)
def test_what_looks_at_all_of_it(line: str, kind: str) -> None:
    assert find_use(line, 1, "v", [kind]) is Use.WHOLE
    assert find_use(re.sub(r"\bv\b", "self.v", line), 1, "self.v", [kind]) is Use.WHOLE


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("x = v[i]", LIST),
        ("x = v[-1]", LIST),
        ("x = sum(v[-3:])", LIST),
        ("v[i] = x", LIST),
        ("v.append(x)", LIST),
        ("v += [x]", LIST),
        ("v.pop()", LIST),
        ("v.pop(-1)", LIST),
        ("v.pop(x)", DICT),
        ("if x in v: pass", DICT),
        ("if x in v: pass", SET),
        ("v.add(x)", SET),
        ("v.popleft()", DEQUE),
        ("x = len(v)", LIST),
        ("x = v", LIST),
        ("if v: pass", LIST),
        ("x = (v, 1)", LIST),
        ("x = {1: v}", LIST),
        ("x = v.startswith('a')", TEXT),
        ("del v[x]", DICT),
        ("x = enumerate(v)", LIST),
    ],
)
def test_what_does_not(line: str, kind: str) -> None:
    assert find_use(line, 1, "v", [kind]) is Use.CONSTANT


def test_what_is_passed_on_may_be_either() -> None:
    assert find_use("x = choose(v)", 1, "v", [LIST]) is Use.UNKNOWN
    assert find_use("x = choose(of=v)", 1, "v", [LIST]) is Use.UNKNOWN
    assert find_use("x = choose(v) + sum(v)", 1, "v", [LIST]) is Use.WHOLE


def test_other_variables_and_sources_that_do_not_parse_have_no_use() -> None:
    assert find_use("x = self.v + 1", 1, "v", [LIST]) is None
    assert find_use("x = v + 1", 1, "self.v", [LIST]) is None
    assert find_use("x = other.self.v + 1", 1, "self.v", [LIST]) is None
    assert find_use("x = v +", 1, "v", [LIST]) is None
    assert find_use("x = v + 1", 2, "v", [LIST]) is None


def test_a_line_in_an_inner_loop_runs_more_often_than_what_adds_elements() -> None:
    text = "def f(n):\n    for i in n:\n        for j in i:\n            use(v)\n        use(v)\n        v.append(i)\n"
    assert not changes_as_often(text, 4, "v")
    assert changes_as_often(text, 5, "v")
    method = "class C:\n    def f(self, x):\n        self.v[x] = 1\n"
    method += "        use(self.v)\n    def g(self):\n        use(self.v)\n"
    assert changes_as_often(method, 4, "self.v")
    assert not changes_as_often(method, 6, "self.v")


def test_arguments_are_followed_to_parameters() -> None:
    text = "def f(n):\n    add(1, v)\n    c.put(of=v)\ndef g():\n    add(v)\n"
    assert list(list_arguments(text, 1, "v")) == [("add", 1), ("put", "of")]
    assert list(list_arguments(f"{text}add(v, 2)\n", 0, "v")) == [("add", 0)]
    text = "class C:\n    @cached\n    def put(self, x, *, of): pass\ndef add(x, rows): pass\n"
    assert name_parameter(text, 2, 0) == "x"
    assert name_parameter(text, 2, "of") == "of"
    assert name_parameter(text, 2, "others") == ""
    assert name_parameter(text, 4, 1) == "rows"
    assert name_parameter(text, 4, 2) == ""
