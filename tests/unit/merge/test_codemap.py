"""The code map against the truth: what the running interpreter's compiler says about the same source."""

import sys
import textwrap
import types
import warnings

import pytest

from whet.merge.codemap import CodeKind, code_map, is_folded, strip_comprehensions

SOURCE = textwrap.dedent(
    '''\
    import functools

    @functools.cache
    @functools.wraps(
        print)
    def decorated(a, b=lambda: 1):
        """Doc."""
        c = [x for x in a]
        return c

    class Outer:
        field = [n for n in range(3)]

        class Inner:
            def method(self): return (lambda q: q)(1)

        async def work(self):
            def inner():
                return {k: (lambda: k) for k in range(3)}
            return sum(
                v
                for v in inner()
            )

    def one(): return [i for i in (j for j in range(3))]
    big = sorted(
        [3, 1],
        key=lambda v: (
            -v))
    '''
)


def codes_of(code):
    """Yield all code objects of the compiler that are code objects for us too."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes_of(constant)


def test_names_and_first_lines_are_the_compilers():
    compiled = compile(SOURCE, "x.py", "exec")
    truth = {
        (strip_comprehensions(code.co_qualname), code.co_firstlineno)
        for code in codes_of(compiled)
        if not is_folded(code.co_qualname) and code.co_name not in ("<module>", "__annotate__")
    }
    ours = {(span.name, span.start) for span in code_map(SOURCE).spans if span.kind is not CodeKind.MODULE}
    assert ours == truth


def test_every_line_that_runs_belongs_to_the_code_object_that_runs_it():
    found = code_map(SOURCE)
    for code in codes_of(compile(SOURCE, "x.py", "exec")):
        expected = strip_comprehensions(code.co_qualname)
        for _, _, line in code.co_lines():
            if line and not code.co_name.startswith(("<listcomp", "<dictcomp", "<setcomp", "__annotate__")):
                assert found.at(line, code.co_qualname, code.co_firstlineno).name == expected
                assert found.at(line, code.co_qualname).name == expected
                assert found.at(line, code.co_name, code.co_firstlineno).name == expected


@pytest.mark.parametrize(
    ("line", "hint", "name"),
    [
        (8, "decorated", "decorated"),
        (8, "<listcomp>", "decorated"),
        (8, "decorated.<locals>.<listcomp>", "decorated"),
        (12, "<listcomp>", "Outer"),
        (15, "method", "Outer.Inner.method"),
        (15, "Inner", "Outer.Inner"),
        (15, "<lambda>", "Outer.Inner.method.<locals>.<lambda>"),
        (15, "", "Outer.Inner.method"),
        (19, "<lambda>", "Outer.work.<locals>.inner.<locals>.<lambda>"),
        (19, "Outer.work.<locals>.inner.<locals>.<dictcomp>.<lambda>", "Outer.work.<locals>.inner.<locals>.<lambda>"),
        (19, "Outer.work.<locals>.inner.<locals>.<dictcomp>", "Outer.work.<locals>.inner"),
        (21, "<genexpr>", "Outer.work.<locals>.<genexpr>"),
        (21, "", "Outer.work"),
        (6, "<lambda>", "<lambda>"),
        (6, "<module>", "<module>"),
        (6, "decorated", "decorated"),
        (3, "decorated", "decorated"),
        (28, "<lambda>", "<lambda>"),
        (28, "", "<module>"),
        (8, "renamed_by_code_replace", "decorated"),
        (9999, "whatever", "<module>"),
        (-5, "", "<module>"),
        (0, "<module>", "<module>"),
    ],
)
def test_hints_settle_what_a_line_cannot(line, hint, name):
    assert code_map(SOURCE).at(line, hint).name == name


def test_definition_lines_and_spans():
    spans = {span.name: span for span in code_map(SOURCE).spans}
    decorated = spans["decorated"]
    assert (decorated.start, decorated.line, decorated.end_line, decorated.body_line) == (3, 6, 9, 8)
    assert not decorated.body_repeats
    assert not spans["Outer.Inner.method"].body_repeats
    assert (spans["<module>"].line, spans["<module>"].end_line) == (1, SOURCE.count("\n"))


@pytest.mark.parametrize(
    ("body", "repeats"),
    [
        ("    return [a for a in x]\n", False),
        ("    return [a for a in x\n            if a]\n", True),
        ("    for a in x:\n        pass\n", True),
        ("    while x:\n        pass\n", True),
        ("    if x:\n        return [a for a in x]\n", False),
    ],
)
def test_a_first_line_that_repeats_does_not_count_calls(body, repeats):
    assert code_map(f"def f(x):\n{body}").spans[1].body_repeats is repeats
    assert code_map("def f(x): return [a for a in x]\n").spans[1].body_repeats


def test_same_bare_name_is_told_apart_by_the_first_line():
    text = "def f():\n    def f():\n        return 1\n    return f\n"
    found = code_map(text)
    assert found.at(2, "f", 1).name == "f"
    assert found.at(2, "f", 2).name == "f.<locals>.f"
    assert found.at(3, "f.<locals>.f").name == "f.<locals>.f"


@pytest.mark.parametrize(
    "text",
    [
        "def broken(:\n",
        "x = '\0'\n",
        "x = " + "(" * 1000 + ")" * 1000,
        "x = " + "-" * 100_000 + "1",
        pytest.param(
            "x = a" + ".b" * 100_000, marks=pytest.mark.skipif(sys.version_info >= (3, 15), reason="it is parsed there")
        ),
        "x = " + "[" * 1000 + "]" * 1000,
        "".join(" " * depth + "if x:\n" for depth in range(1000)) + " " * 1000 + "pass\n",
        "\udcff = 1\n",
    ],
)
def test_sources_that_cannot_be_parsed_give_nothing(text):
    assert code_map(text) is None
    assert code_map(text) is None


def test_deep_but_valid_sources_are_read_without_recursion():
    depth = 90  # the parser's own limit for blocks is 100
    text = "".join(" " * d + f"def f{d}():\n" for d in range(depth)) + " " * depth + "pass\n"
    assert len(code_map(text).spans) == depth + 1
    long_chain = "x = " + " + ".join(["y"] * 900) + " + (lambda: 1)()\n"
    limit = sys.getrecursionlimit()
    assert [span.name for span in code_map(long_chain).spans] == ["<module>", "<lambda>"]
    assert sys.getrecursionlimit() == limit


def test_huge_sources_are_left_alone():
    assert code_map("x = 1\n" * 1_100_000) is None


def test_parsing_foreign_code_warns_nobody():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert code_map("x = '\\d'\ny = 1 is 1\n")


def test_windows_line_ends_and_empty_sources():
    assert [span.name for span in code_map("").spans] == ["<module>"]
    text = "def a():\r\n    return [\r\n        lambda: 1]\r\n"
    assert code_map(text).at(3, "<lambda>").name == "a.<locals>.<lambda>"


@pytest.mark.parametrize(
    ("name", "stripped"),
    [
        ("<listcomp>", "<module>"),
        ("f.<locals>.<dictcomp>.<listcomp>", "f"),
        ("f.<locals>.<listcomp>.<lambda>.<locals>.<genexpr>", "f.<locals>.<lambda>.<locals>.<genexpr>"),
        ("L.<setcomp>.<lambda>", "L.<lambda>"),
        ("<generic parameters of f>", "<module>"),
        ("f", "f"),
    ],
)
def test_names_without_comprehensions(name, stripped):
    assert strip_comprehensions(name) == stripped
