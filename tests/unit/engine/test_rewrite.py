"""Rewrites: what they change, and everything around it that stays as it was."""

import ast
import sys

import pytest

from whet.engine.facts import Facts
from whet.engine.rewrite import Rewrite
from whet.fix.edits import apply_edits


def opened(text):
    facts = Facts.of(text)
    return facts, Rewrite(facts, facts.functions[-1])


def nodes(facts, kind):
    return [node for node in ast.walk(facts.tree) if isinstance(node, kind)]


def named(facts, name):
    return next(node for node in nodes(facts, ast.Name) if node.id == name)


def made(text, rewrite):
    assert rewrite.refusal == ""
    result = apply_edits(text, rewrite.edits)
    ast.parse(result)
    return result


@pytest.mark.parametrize(
    ("before", "new", "after"),
    [
        ("y = x * 2\n", "a + b", "y = (a + b) * 2\n"),
        ("y = x\n", "a + b", "y = a + b\n"),
        ("y = f(x)\n", "a if b else c", "y = f(a if b else c)\n"),
        ("y = x.z\n", "a + b", "y = (a + b).z\n"),
        ("y = x.z\n", "a()", "y = a().z\n"),
        ("y = x[0]\n", "a or b", "y = (a or b)[0]\n"),
        ("y = z[x]\n", "a or b", "y = z[a or b]\n"),
        ("y = not x\n", "a or b", "y = not (a or b)\n"),
        ("y = -x\n", "1", "y = -(1)\n"),
        ("y = (x)  # why\n", "a, b", "y = (a, b)  # why\n"),
        ("y = [z for z in x if z]\n", "a if b else c", "y = [z for z in (a if b else c) if z]\n"),
        ("é = 'ü' + x\n", "a", "é = 'ü' + a\n"),
    ],
)
def test_an_expression_is_put_in_parentheses_where_it_must(before, new, after):
    facts, rewrite = opened(before)
    rewrite.replace(named(facts, "x"), new)
    assert made(before, rewrite) == after


def test_a_generator_that_shares_the_calls_parentheses_keeps_the_call_a_call():
    text = "y = any(z for z in x)\n"
    facts, rewrite = opened(text)
    rewrite.replace(nodes(facts, ast.GeneratorExp)[0], "w")
    assert made(text, rewrite) == "y = any(w)\n"
    facts, rewrite = opened(text)
    rewrite.wrap(nodes(facts, ast.GeneratorExp)[0], "set(", ")")
    assert eval(made(text, rewrite)[4:], {"x": [0, 1]}) is True


def test_a_lifted_expression_over_lines_gets_parentheses():
    text = "f(a +  # one\n  b)\n"
    facts, rewrite = opened(text)
    assert rewrite.text(nodes(facts, ast.BinOp)[0]) == "(a +  # one\n  b)"
    assert rewrite.operand(nodes(facts, ast.BinOp)[0]) == "(a +  # one\n  b)"
    assert rewrite.text(nodes(facts, ast.Call)[0]) == "f(a +  # one\n  b)"


def test_moved_lines_take_on_the_indentation_of_their_new_place():
    text = "def f():\n        x(a,\n          '''\n  b''')\nif c:\n    if d:\n        y = 1\n"
    facts, rewrite = opened(text)
    call = facts.statement(named(facts, "x")).value
    assert rewrite.text(call) == "x(a,\n  '''\n  b''')"
    rewrite.insert_before(facts.tree.body[1].body[0], f"z = {rewrite.text(call)}")
    rewrite.replace(facts.tree.body[1].body[0].body[0].value, rewrite.text(call))
    after = "    z = x(a,\n      '''\n  b''')\n    if d:\n        y = x(a,\n          '''\n  b''')\n"
    assert made(text, rewrite) == text[: text.index("    if d")] + after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f():\n    a()\n    x()\n    b()\n", "def f():\n    a()\n    b()\n"),
        ("def f():\n    x()\n", "def f():\n    pass\n"),
        ("def f():\n    a(); x(); b()\n", "def f():\n    a(); b()\n"),
        ("def f():\n    a(); x()  # why\n", "def f():\n    a()  # why\n"),
        ("def f(): x()\n", "def f(): pass\n"),
        ("def f():\n    a()\n    x()", "def f():\n    a()"),
        ("def f():\r\n    x(1,\r\n      2)\r\n    b()\r\n", "def f():\r\n    b()\r\n"),
        ("def f():\n\t# about b\n\tx()\n\tb()\n", "def f():\n\t# about b\n\tb()\n"),
    ],
)
def test_a_statement_is_deleted_with_its_line(before, after):
    facts, rewrite = opened(before)
    rewrite.delete(facts.statement(named(facts, "x")))
    assert made(before, rewrite) == after


def test_all_statements_of_a_block_are_deleted():
    text = "if a:\n    x()\n    y()\nelse:\n    z()\n"
    facts, rewrite = opened(text)
    for name in "xyz":
        rewrite.delete(facts.statement(named(facts, name)))
    assert made(text, rewrite) == "if a:\n    pass\nelse:\n    pass\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f():\n    x()\n", "def f():\n    new = 1\n    x()\n    old = 2\n"),
        ("def f():\n\tx()  # why", "def f():\n\tnew = 1\n\tx()  # why\n\told = 2"),
        ("def f(): x()\n", "def f(): new = 1; x(); old = 2\n"),
        ("def f():\n    a(); x(); b()\n", "def f():\n    a(); new = 1; x(); old = 2; b()\n"),
        ("def f():\r\n    x('''\r\n''')\r\n", "def f():\r\n    new = 1\r\n    x('''\r\n''')\r\n    old = 2\r\n"),
    ],
)
def test_statements_are_inserted_at_the_right_indentation(before, after):
    facts, rewrite = opened(before)
    statement = facts.statement(named(facts, "x"))
    rewrite.insert_before(statement, "new = 1")
    rewrite.insert_after(statement, "old = 2")
    assert made(before, rewrite) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a()\n# both lines\n# of it\nx()\n", "a()\nnew = 1\n# both lines\n# of it\nx()\n"),
        ("def f():\n    # why\n    x()\n", "def f():\n    new = 1\n    # why\n    x()\n"),
        ("def f(\n    a,\n):\n    # why\n    x()\n", "def f(\n    a,\n):\n    new = 1\n    # why\n    x()\n"),
        ("if a:\n    b\nelse:\n    # why\n    x()\n", "if a:\n    b\nelse:\n    new = 1\n    # why\n    x()\n"),
        ("a()  # its own\nx()\n", "a()  # its own\nnew = 1\nx()\n"),
        ("a()\n# of both\n\nx()\n", "a()\n# of both\n\nnew = 1\nx()\n"),
        ("if a:\n    b()\n    # its own\nx()\n", "if a:\n    b()\n    # its own\nnew = 1\nx()\n"),
        ("#!/usr/bin/python\nx()\n", "#!/usr/bin/python\nnew = 1\nx()\n"),
        ("a('''\n# text''')\nx()\n", "a('''\n# text''')\nnew = 1\nx()\n"),
        ("match a:\n  case '''\n    # b''':\n    x()\n", "match a:\n  case '''\n    # b''':\n    new = 1\n    x()\n"),
        ("def f(a):\n    # type: (A) -> B\n    x()\n", "def f(a):\n    # type: (A) -> B\n    new = 1\n    x()\n"),
        ("a()\n# %%\n# why\nx()\n", "a()\n# %%\nnew = 1\n# why\nx()\n"),
    ],
)
def test_comments_right_above_a_statement_stay_there(before, after):
    facts, rewrite = opened(before)
    rewrite.insert_before(facts.statement(named(facts, "x")), "new = 1")
    assert made(before, rewrite) == after


def test_a_decorator_comes_after_the_comments_of_its_function():
    text = "a = 1\n# what f does\ndef f(): x\n"
    facts, rewrite = opened(text)
    rewrite.insert_before(facts.tree.body[1], "@b")
    assert made(text, rewrite) == "a = 1\n# what f does\n@b\ndef f(): x\n"


def test_blocks_take_on_the_files_indentation_and_strings_stay():
    text = "def f():\n  if a:\n    x()\n"
    facts, rewrite = opened(text)
    rewrite.replace(facts.statement(named(facts, "x")), "for y in z:\n    g('''\n    a''', y)")
    assert made(text, rewrite) == "def f():\n  if a:\n    for y in z:\n      g('''\n    a''', y)\n"


def test_an_insertion_before_a_decorated_function_comes_before_its_decorators():
    text = "if a:\n    @b\n    @c\n    def f(): x\n"
    facts, rewrite = opened(text)
    rewrite.insert_before(nodes(facts, ast.FunctionDef)[0], "n = 1")
    assert made(text, rewrite) == "if a:\n    n = 1\n    @b\n    @c\n    def f(): x\n"


def test_consecutive_statements_are_replaced_together():
    text = "def f():\n    x = []\n    for y in z:\n        x.append(y)\n    return x\n"
    facts, rewrite = opened(text)
    rewrite.replace(nodes(facts, ast.FunctionDef)[0].body[:2], "x = list(z)")
    assert made(text, rewrite) == "def f():\n    x = list(z)\n    return x\n"


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    x = []  # why\n    for y in z:\n        x.append(y)\n",
        "def f():\n    x = []\n    # why\n    for y in z:\n        x.append(y)\n",
        "def f():\n    x = []\n    for y in z:  # why\n        x.append(y)\n",
    ],
)
def test_a_comment_that_would_be_lost_refuses_all(text):
    facts, rewrite = opened(text)
    rewrite.replace(nodes(facts, ast.FunctionDef)[0].body[:2], "x = list(z)")
    rewrite.add_import("itertools", "chain")
    assert rewrite.edits == ()
    assert rewrite.refusal == "a comment would be lost"


def test_a_hash_in_a_string_is_no_comment():
    text = "x = '#'\ny = 1\n"
    facts, rewrite = opened(text)
    rewrite.replace(facts.tree.body[0], "x = 2")
    assert made(text, rewrite) == "x = 2\ny = 1\n"


def test_a_deleted_statement_with_a_comment_refuses():
    for text in ("x()  # why\ny()\n", "x(1,  # why\n  2)\ny()\n"):
        facts, rewrite = opened(text)
        rewrite.delete(facts.tree.body[0])
        assert rewrite.edits == ()
        assert rewrite.refusal


def test_edits_of_one_rewrite_that_overlap_refuse():
    facts, rewrite = opened("y = f(x)\n")
    rewrite.replace(named(facts, "x"), "z")
    rewrite.replace(nodes(facts, ast.Call)[0], "g")
    assert rewrite.edits == ()
    assert "same text" in rewrite.refusal


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1\n", "from itertools import chain\n\nx = 1\n"),
        (
            "#!/usr/bin/python\n# licence\nx = 1\n",
            "#!/usr/bin/python\n# licence\nfrom itertools import chain\n\nx = 1\n",
        ),
        ('"""Doc."""\nx = 1\n', '"""Doc."""\n\nfrom itertools import chain\nx = 1\n'),
        (
            '"""Doc."""\n\nfrom __future__ import annotations\n\nx = 1\n',
            '"""Doc."""\n\nfrom __future__ import annotations\nfrom itertools import chain\n\nx = 1\n',
        ),
        (
            "import a; import b  # why\n\nx = 1\nimport c\n",
            "import a; import b  # why\nfrom itertools import chain\n\nx = 1\nimport c\n",
        ),
        ("from a import (\n    b,\n)\nx = 1\n", "from a import (\n    b,\n)\nfrom itertools import chain\nx = 1\n"),
    ],
)
def test_an_import_comes_behind_docstring_future_and_imports(before, after):
    _, rewrite = opened(before)
    assert rewrite.add_import("itertools", "chain") == "chain"
    assert made(before, rewrite) == after


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from itertools import chain as c\n", "c"),
        ("import itertools as it\n", "it.chain"),
        ("import itertools\n", "itertools.chain"),
        ("import itertools\ndef f(itertools): pass\n", "chain"),
        ("import itertools\nitertools = None\n", "chain"),
        ("if x:\n    import itertools\n", "chain"),
        ("def chain(): pass\n", "chain_2"),
    ],
)
def test_an_import_that_is_there_is_used_if_it_means_the_same_here(text, expected):
    facts = Facts.of(text)
    rewrite = Rewrite(facts, facts.functions[-1])
    assert rewrite.add_import("itertools", "chain") == expected
    result = apply_edits(text, rewrite.edits)
    assert ("." in expected or "import chain as c" in text) == (result == text)


def test_two_rewrites_share_an_import_and_not_a_name():
    text = "known = 1\n"
    facts = Facts.of(text)
    one, other = Rewrite(facts, facts.module), Rewrite(facts, facts.module)
    assert one.add_import("bisect", "insort") == other.add_import("bisect", "insort") == "insort"
    assert [one.fresh("known"), other.fresh("known")] == ["known_2", "known_3"]
    assert apply_edits(text, one.edits + other.edits) == "from bisect import insort\n\nknown = 1\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import re\n\ndef f(): x\n", "import re\n\n_W = re.compile('a' + P)\n\ndef f(): x\n"),
        ("import re\nP = 'b'\n\ndef f(): x\n", "import re\nP = 'b'\n_W = re.compile('a' + P)\n\ndef f(): x\n"),
        ("import re\n\ndef f(): x\n\nP = 1", "import re\n\ndef f(): x\n\nP = 1\n_W = re.compile('a' + P)"),
    ],
)
def test_a_global_comes_behind_what_it_needs(before, after):
    _, rewrite = opened(before)
    assert rewrite.add_global("_W", "re.compile('a' + P)") == "_W"
    assert made(before, rewrite) == after


@pytest.mark.parametrize("text", ["if x:\n    P = 1\n", "P = 1\nP = 2\n", "def f():\n    global P\n    P = 1\n"])
def test_a_global_whose_needs_are_not_settled_refuses(text):
    _, rewrite = opened(text)
    rewrite.add_global("_W", "g(P)")
    assert rewrite.edits == ()
    assert rewrite.refusal


def test_concrete_syntax_of_a_statement_keeps_comments():
    import libcst

    text = "class A:\n\tdef f(self):\n\t\t# why\n\t\treturn  1  # this\n"
    facts = Facts.of(text)
    from whet.engine.cst import parse_statement

    function = parse_statement(facts, nodes(facts, ast.FunctionDef)[0])
    assert isinstance(function, libcst.FunctionDef)
    assert "# this" in libcst.Module([function]).code
    assert isinstance(parse_statement(facts, facts.tree.body[0]), libcst.ClassDef)


@pytest.mark.parametrize(
    ("text", "position", "after"),
    [
        ("f(a, b, c)\n", 0, "f(b, c)\n"),
        ("f(a, b, c)\n", 1, "f(a, c)\n"),
        ("f(a, b, c)\n", 2, "f(a, b)\n"),
        ("f(a, b, c,)\n", 2, "f(a, b)\n"),
        ("f((a), (b), (c))\n", 0, "f((b), (c))\n"),
        ("f((a), (b), (c))\n", 1, "f((a), (c))\n"),
        ("f((a), (b), (c))\n", 2, "f((a), (b))\n"),
        ("f(a)\n", 0, "f()\n"),
        ("f((a),)\n", 0, "f()\n"),
        ("f(\n    a,\n    b,\n)\n", 0, "f(\n    b,\n)\n"),
        ("f(\n    a,\n    b,\n)\n", 1, "f(\n    a\n)\n"),
        ("f(g(a, 1), h[b, 2], k=(c, 3))\n", 2, "f(g(a, 1), h[b, 2])\n"),
        ("f(a, *b, **c)\n", 2, "f(a, *b)\n"),
    ],
)
def test_an_argument_is_taken_out_with_its_comma(text, position, after):
    facts, rewrite = opened(text)
    call = facts.tree.body[0].value
    rewrite.delete_argument(call, [*call.args, *call.keywords][position])
    assert made(text, rewrite) == after


def test_an_argument_with_a_comment_stays():
    text = "f(\n    a,  # why\n    b,\n)\n"
    facts, rewrite = opened(text)
    call = facts.tree.body[0].value
    rewrite.delete_argument(call, call.args[0])
    assert rewrite.edits == ()
    facts, rewrite = opened("f(a for a in b)\n")
    call = facts.tree.body[0].value
    rewrite.delete_argument(call, call.args[0])
    assert rewrite.refusal


def test_a_loop_is_enclosed_with_its_comments_and_strings():
    text = (
        "def f():\n    for x in y:  # why\n        # in\n\n        g('''\n a''', 1)\n        h(x,\n          2)  # last"
    )
    facts, rewrite = opened(text)
    rewrite.enclose(nodes(facts, ast.For)[0], "try:", "finally:\n    z()")
    assert made(text, rewrite) == (
        "def f():\n    try:\n        for x in y:  # why\n            # in\n\n"
        "            g('''\n a''', 1)\n            h(x,\n              2)  # last\n    finally:\n        z()"
    )


@pytest.mark.parametrize("change", ["replace", "delete", "insert_before", "insert_after", "enclose"])
def test_an_elif_is_left_where_it_is(change):
    text = "if a:\n    b\nelif x:\n    c\n"
    facts, rewrite = opened(text)
    arguments = {"delete": (), "enclose": ("try:", "finally:\n    d")}.get(change, ("d",))
    getattr(rewrite, change)(facts.tree.body[0].orelse[0], *arguments)
    assert rewrite.edits == ()
    assert rewrite.refusal


def test_a_fresh_name_is_fresh_where_it_is_used():
    text = (
        "known = 1\ndef f():\n    def g(): return taken, known\n    x = 1\ndef h():\n    seen = 1\nclass A:\n    pass\n"
    )
    facts = Facts.of(text)
    scopes = {scope.name: scope for scope in facts.functions}
    wanted = [
        ("f", "seen", "seen"),
        ("g", "seen", "seen_2"),
        ("f", "taken", "taken_2"),
        ("h", "known", "known_2"),
        ("h", "list", "list_2"),
        ("h", "seen", "seen_2"),
        ("<module>", "seen", "seen_3"),
    ]
    for function, name, fresh in wanted:
        assert Rewrite(facts, scopes[function]).fresh(name) == fresh
    rewrite = Rewrite(facts, scopes["h"])
    assert [rewrite.fresh("x", "one"), rewrite.fresh("y", "one"), rewrite.fresh("seen_2", "two")] == [
        "x_2",
        "x_2",
        "seen_2_2",
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("for i in x:\n    if i:\n        f(i)\n        g(i)\n", "for i in x:\n    f(i)\n    g(i)\n"),
        ("if x:\n  if y:\n      f()\nz\n", "if y:\n    f()\nz\n"),
        ("if x:\n\tf(\n\t\t1,\n\t)\n", "f(\n\t1,\n)\n"),
    ],
)
def test_an_if_gives_way_to_its_body(before, after):
    facts, rewrite = opened(before)
    rewrite.unwrap(nodes(facts, ast.If)[0])
    assert made(before, rewrite) == after


@pytest.mark.parametrize("before", ['if x:\n    f("""a\n    b""")\n', "if x: f()\n"])
def test_a_body_that_is_hard_to_move_stays(before):
    facts, rewrite = opened(before)
    rewrite.unwrap(nodes(facts, ast.If)[0])
    assert rewrite.edits == ()
    assert rewrite.refusal == "its body cannot be moved"


FIELDS = [
    ("f'{list(x)}'", "{y for y in x}", "f'{ {y for y in x}}'"),
    ("f'{a}{list(x)!r:>{w}}'", "[1]", "f'{a}{[1]!r:>{w}}'"),
    ("f'{list(x)=}'", "[1]", None),
    ("f'{ [list(x), 1] = }'", "[1]", None),
    ("f'a={list(x)}'", "[1]", "f'a={[1]}'"),
    ('f"{list(x)}"', "'a' + \"b\"", None),
    ("f'{list(x)}'", "['\\n']", None),
]


@pytest.mark.parametrize(("text", "new", "after"), FIELDS)
def test_an_expression_in_an_f_string_is_replaced_where_that_keeps_the_text(text, new, after):
    made = replace_call(text, new)
    assert made == after


def replace_call(text, new):
    facts = Facts.of(text)
    rewrite = Rewrite(facts, facts.module)
    call = next(node for node in ast.walk(facts.tree) if isinstance(node, ast.Call))
    rewrite.replace(call, new)
    return apply_edits(text, rewrite.edits) if rewrite.edits else None


def test_nothing_in_an_annotation_is_changed():
    assert replace_call("def f(x: list(y)): pass", "[1]") is None
    assert replace_call("def f() -> {list(y)}: pass", "[1]") is None
    assert replace_call("x: list(y) = 1", "[1]") is None
    assert replace_call("x: int = list(y)", "[1]") == "x: int = [1]"
    assert replace_call("def f(x: int = list(y)): pass", "[1]") == "def f(x: int = [1]): pass"


@pytest.mark.skipif(sys.version_info < (3, 14), reason="t-strings are new in 3.14")
def test_nothing_in_a_t_string_is_changed():
    assert replace_call("t'{list(x)}'", "[1]") is None
    assert replace_call("f'{t'{list(x)}'}'", "[1]") is None


@pytest.mark.parametrize(
    ("text", "new", "after"),
    [
        ("for i in(list)(x): pass", "x", "for i in x: pass"),
        ("y = [1if(list)(x)else 2]", "x", "y = [1if x else 2]"),
        ("y = not(list)(x)or z", "x", "y = not x or z"),
        ("def f():\n    return(list)(x)", "'a'", "def f():\n    return 'a'"),
    ],
)
def test_new_code_does_not_run_into_the_words_around_it(text, new, after):
    assert replace_call(text, new) == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("f(a)", "f(a, b)"),
        ("f((a), k=1)", "f((a), b, k=1)"),
        ("f(\n    (a),  # why\n)", "f(\n    (a), b,  # why\n)"),
        ("f( ( a ) )", "f( ( a ), b )"),
        ("f(a for a in c)", None),
    ],
)
def test_an_argument_is_added_behind_the_parentheses_of_the_last(text, after):
    facts = Facts.of(text)
    rewrite = Rewrite(facts, facts.module)
    call = facts.tree.body[0].value
    rewrite.add_argument(call, call.args[0], "b")
    assert (apply_edits(text, rewrite.edits) if rewrite.edits else None) == after
