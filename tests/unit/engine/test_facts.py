"""Scopes, names and loops, held against what Python's own compiler says."""

import ast
import inspect
import symtable
import sys
import types
from pathlib import Path

import pytest

from whet.engine.facts import Facts
from whet.engine.limits import SIZE_LIMIT, UnreadableError
from whet.engine.scopes import ScopeKind

FOLDER = Path(ast.__file__).parent
MODULES = ["argparse.py", "dataclasses.py", "inspect.py", "logging/__init__.py", "enum.py", "asyncio/base_events.py"]


def first_name(facts, name):
    return next(node for node in ast.walk(facts.tree) if isinstance(node, ast.Name) and node.id == name)


def last_call(facts):
    return [node for node in ast.walk(facts.tree) if isinstance(node, ast.Call)][-1].func


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def f(:\n", "does not parse"),
        ("x = 1\0", r"does not parse( as Python 3\.\d+)?: [a-z ]+( \(line \d+\))?$"),
        ("(" * 1000 + ")" * 1000, "does not parse|nested too deep"),
        ("".join(" " * i + "if x:\n" for i in range(1000)) + " " * 1000 + "pass\n", "does not parse"),
        ("x = '\udc80'\n", "encoding"),
        ("#" * (SIZE_LIMIT + 1), "longer than"),
    ],
)
def test_unreadable_sources_say_why(text, why):
    with pytest.raises(UnreadableError, match=why):
        Facts.of(text)


@pytest.mark.parametrize(
    "text", ["-" * 20_000 + "1", "x = " + "+".join(["1"] * 50_000), "a" + ".b" * 20_000, "f" + "()" * 9_000]
)
def test_deep_expressions_are_facts_or_a_reason(text):
    try:
        facts = Facts.of(text)
    except UnreadableError as error:
        assert "deep" in str(error) or "parse" in str(error)
    else:
        assert facts.functions[0].name == "<module>"


def test_a_thousand_nested_comprehensions_and_functions():
    lambdas = "f = " + "lambda: " * 90 + "0\n"
    functions = "".join(" " * i + f"def f{i}():\n" for i in range(90)) + " " * 90 + "x = 1\n"
    facts = Facts.of(lambdas + functions)
    assert len(facts.functions) == 181


def test_warnings_of_the_users_strings_stay_silent():
    Facts.of("x = '\\d'\n")


def test_byte_order_mark_and_form_feed_keep_columns():
    facts = Facts.of("\ufeffx = 1\n\x0cdef f():\n    é = 'ü'; name = 2\n")
    name = first_name(facts, "name")
    assert (name.lineno, facts.source.column(name.lineno, name.col_offset)) == (3, 13)
    assert facts.source.segment(name) == "name"


def test_segment_over_lines_of_every_newline():
    for newline in ("\n", "\r\n", "\r"):
        facts = Facts.of(newline.join(["x = (1 +", "     2 +", "   3)", ""]))
        assert facts.source.snippet(facts.tree.body[0]) == "x = (1 + 2 + 3)"


def code_objects(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from code_objects(constant)


def plain(qualified_name):
    """The name without what versions of CPython disagree on: whether an expression's own scope is in it, and how."""
    return qualified_name.replace("<listcomp>.<locals>.", "").replace("<genexpr>.<locals>.", "<genexpr>.")


@pytest.mark.parametrize("module", MODULES)
def test_functions_are_the_compilers_code_objects(module):
    text = (FOLDER / module).read_text("utf-8")
    facts = Facts.of(text)
    # What newer versions compile on their own beside these: annotations, type parameters, type aliases.
    written = {scope.name for scope in facts.functions}
    own = {(plain(scope.qualified_name), scope.line) for scope in facts.functions}
    compiled = {
        (plain(code.co_qualname), code.co_firstlineno)
        for code in code_objects(compile(text, module, "exec", dont_inherit=True))
        if code.co_name in written
    }
    assert own == compiled


@pytest.mark.parametrize("module", MODULES)
def test_bound_names_are_the_compilers_locals(module):
    text = (FOLDER / module).read_text("utf-8")
    facts = Facts.of(text)
    ours = {}
    inner = set()
    for scope in facts._scopes.scopes:
        if scope.kind is ScopeKind.FUNCTION:
            ours.setdefault((scope.name, scope.definition_line), set()).update(scope.bindings)
        if scope.kind is ScopeKind.COMPREHENSION:
            inner.update(scope.bindings)

    def tables(table):
        yield table
        for child in table.get_children():
            yield from tables(child)

    checked = 0
    for table in tables(symtable.symtable(text, module, "exec")):
        key = (table.get_name(), table.get_lineno())
        if table.get_type() == "function" and key in ours:
            theirs = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_local()}
            assert {n for n in ours[key] - inner if not n.startswith("__")} == {
                n for n in theirs - inner if not n.startswith(("__", "."))
            }
            checked += 1
    assert checked > 20


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("sorted(x)", "builtins.sorted"),
        ("import re\nre.compile(x)", "re.compile"),
        ("import re as r\nr.compile(x)", "re.compile"),
        ("from re import compile as c\nc(x)", "re.compile"),
        ("import os.path\nos.path.join(x)", "os.path.join"),
        ("import os.path as p\np.join(x)", "os.path.join"),
        ("def f():\n    import re\n    re.compile(x)", "re.compile"),
        ("from . import re\nre.compile(x)", "..re.compile"),
        ("from tools import *\nsorted(x)", None),
        ("import re\nfrom tools import *\nre.compile(x)", None),
        ("def f(sorted):\n    sorted(x)", None),
        ("def f():\n    global sorted\n    sorted = 1\ndef g():\n    sorted(x)", None),
        ("def sorted(y): ...\nsorted(x)", None),
        ("try:\n    import re2 as re\nexcept ImportError:\n    import re\nre.compile(x)", None),
        ("import re\nre = re or None\nre.compile(x)", None),
        ("[sorted(x) for sorted in y]", None),
        ("def f():\n    [sorted := 1 for _ in y]\n    return sorted(x)", None),
        ("class A:\n    sorted = 1\n    sorted(x)", None),
        ("class A:\n    sorted = 1\n    def f(self):\n        sorted(x)", "builtins.sorted"),
        ("class A:\n    sorted = 1\n    y = [sorted(x) for _ in z]", "builtins.sorted"),
        ("class A:\n    sorted = 1\n    y = [z for z in sorted(x)]", None),
        ("def f():\n    try: ...\n    except E as sorted: ...\n    sorted(x)", None),
        ("match v:\n    case [sorted, *_]: ...\nsorted(x)", None),
        ("match v:\n    case {**sorted}: ...\nsorted(x)", None),
        ("def f():\n    sorted = 1\n    def g():\n        nonlocal sorted\n        sorted(x)", None),
        ("unknown(x)", None),
        ("y.sorted(x)", None),
    ],
)
def test_resolve(code, meaning):
    facts = Facts.of(code)
    assert facts.resolve(last_call(facts)) == meaning


@pytest.mark.parametrize(
    ("code", "loops"),
    [
        ("for a in b:\n    X", 1),
        ("for a in X:\n    pass", 0),
        ("for a in b:\n    pass\nelse:\n    X", 0),
        ("while X:\n    pass", 1),
        ("while a:\n    for b in c:\n        X", 2),
        ("[X for a in b]", 1),
        ("[a for a in X]", 0),
        ("[a for a in b for c in X]", 1),
        ("[a for a in b for c in d if X]", 2),
        ("[a for a in b if X for c in d]", 1),
        ("{X: 1 for a in b}", 1),
        ("for a in b:\n    def f():\n        X", 0),
        ("for a in b:\n    def f(c=X): ...", 1),
        ("for a in b:\n    @X\n    def f(): ...", 1),
        ("for a in b:\n    f = lambda: X", 0),
        ("for a in b:\n    class C:\n        X", 0),
        ("async def f():\n    async for a in b:\n        X", 1),
    ],
)
def test_loops_are_those_that_repeat(code, loops):
    facts = Facts.of(code)
    assert len(facts.loops(first_name(facts, "X"))) == loops


def test_hot_lines_belong_to_the_function_that_runs_them():
    code = inspect.cleandoc(
        """
        x = 1
        class A:
            y = 2
            @decorate
            def f(self):
                z = 3
                def g(): return 4
                return [lambda: 5]
        """
    )
    facts = Facts.of(code)

    def owners(line):
        return {scope.qualified_name for scope in facts.hot_functions([line])}

    assert owners(1) == {"<module>"}
    assert owners(3) == {"A"}
    assert owners(4) == {"A", "A.f"}  # a code object starts at its first decorator
    assert owners(6) == {"A.f"}
    assert owners(7) == {"A.f", "A.f.<locals>.g"}
    assert owners(8) == {"A.f", "A.f.<locals>.<lambda>"}
    assert owners(99) == set()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters are new in 3.12")
def test_type_parameters_are_names_of_their_function():
    facts = Facts.of("def f[sorted: int](x):\n    return sorted(x)\ndef g(x):\n    return sorted(x)\n")
    calls = [node.func for node in ast.walk(facts.tree) if isinstance(node, ast.Call)]
    assert [facts.resolve(call) for call in calls] == [None, "builtins.sorted"]


def test_a_class_body_may_read_the_module_s_name_before_its_own():
    facts = Facts.of("import token\nclass A:\n    first = token.NAME\n    def token(self):\n        return token\n")
    owner = facts.module.bindings["A"][0].node
    inside = next(scope for scope in facts.functions if scope.node is owner)
    assert [node.lineno for node in facts.references("token", facts.module)] == [3, 5]
    assert [node.lineno for node in facts.references("token", inside)] == [3]
    assert facts.only_binding(facts.references("token", inside)[0]) is None
