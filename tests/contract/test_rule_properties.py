"""Each rule on variations of its own cases: what it rewrites means the same, or it stays silent.

Varied are names, nesting, comments, newlines, indentation, the code around, and how large the inputs are. The
variations know nothing of any rule: they are made from the text of a case.
"""

import ast
import builtins
import io
import keyword
import re
import tokenize
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whet.engine.api import Safety
from whet.engine.check import examine, run_side
from whet.engine.facts import Facts
from whet.engine.limits import UnreadableError
from whet.engine.loading import load_rules
from whet.fix.edits import apply_edits
from whet.fix.select import rank, select


def has_edits(module, case):
    """Tell whether the case is rewritten; a rule that raises is told by other tests."""
    try:
        return any(finding.edits for finding in examine(module, case.before, hot=case.hot))
    except ValueError:
        return True


CASES = [
    pytest.param(module, case, id=f"{module.rule.slug}: {case.name}")
    for module in load_rules()
    for case in module.cases
    if has_edits(module, case)
]
QUICK = settings(max_examples=3, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=60)
FIXED = frozenset((*dir(builtins), *keyword.kwlist, *keyword.softkwlist))


def tokens_of(text):
    return list(tokenize.generate_tokens(io.StringIO(text).readline))


def inside_strings(text):
    """Lines that start inside a string, and so must not be touched."""
    spans = [(node.lineno + 1, node.end_lineno) for node in ast.walk(ast.parse(text)) if is_text(node)]
    return {line for first, last in spans for line in range(first, last + 1)}


def is_text(node):
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def rename(text, call, suffix):
    """Give the names that are bound here, and are not asked for by text, another ending."""
    facts = Facts.of(text)
    tokens = [token for token in tokens_of(text) if token.type == tokenize.NAME]
    texts = " ".join(token.string for token in tokens_of(text) if token.type not in (tokenize.NAME, tokenize.OP))
    called = {
        node.arg for node in ast.walk(facts.tree) if isinstance(node, ast.keyword) and node.arg is not None
    }  # fmt: skip
    attributes = {node.attr for node in ast.walk(facts.tree) if isinstance(node, ast.Attribute)}
    imported = {
        part
        for node in ast.walk(facts.tree)
        if isinstance(node, ast.alias)
        for part in re.findall(r"\w+", f"{node.name} {node.asname or ''}")
    }
    kept = FIXED | called | attributes | imported | set(re.findall(r"\w+", texts)) | {call, "self"}
    names = {token.string for token in tokens if token.string not in kept and token.string in facts.all_names}
    lines = text.split("\n")
    for token in sorted(tokens, key=lambda token: token.start, reverse=True):
        if token.string in names:
            row, column = token.start
            line = lines[row - 1]
            lines[row - 1] = f"{line[:column]}{token.string}{suffix}{line[column + len(token.string) :]}"
    return "\n".join(lines)


def indent(text, unit="    "):
    inside = inside_strings(text)
    lines = text.split("\n")
    return "\n".join(unit + line if line.strip() and n not in inside else line for n, line in enumerate(lines, start=1))


def nest(text, call, how):
    if how == "if":
        return f"if True:\n{indent(text)}"
    if how == "try":
        return f"try:\n{indent(text)}\nfinally:\n    pass\n"
    if how == "function":
        return f"def make():\n{indent(text)}\n    return {call}\n{call} = make()\n"
    return text


def surround(text, how):
    if how == "code":
        before = (
            "def other(items, text, seen):\n    for item in items:\n        seen.append(text)\n    return seen\n\n\n"
        )
        return f"{before}{text}\n\nclass Last:\n    items = seen = text = out = None\n"
    if how == "docstring":
        return (
            f'"""What it does."""\n\nfrom __future__ import annotations\n\nimport os, sys\n{text}\nassert os and sys\n'
        )
    if how == "licence":
        return f"#!/usr/bin/env python\n# A licence.\n{text}"
    return text


def comment(text, lines):
    """Put a comment before or behind some of the lines where one may stand."""
    result, open_brackets, inside = [], {}, inside_strings(text)
    depth = 0
    for token in tokens_of(text):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.string, 0)
        open_brackets[token.end[0]] = depth
    for number, line in enumerate(text.split("\n"), start=1):
        free = number not in inside and number + 1 not in inside and line.strip() and not line.endswith("\\")
        where = lines.get(number) if free else None
        if where == "before" and not open_brackets.get(number - 1):
            result.append(f"{line[: len(line) - len(line.lstrip())]}# note {number}")
        result.append(f"{line}  # note {number}" if where == "behind" and "#" not in line else line)
    return "\n".join(result)


def use_tabs(text):
    inside = inside_strings(text)
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        spaces = len(line) - len(line.lstrip(" "))
        if number not in inside and spaces % 4 == 0:
            lines[number - 1] = "\t" * (spaces // 4) + line[spaces:]
    return "\n".join(lines)


def set_newlines(text, how):
    if how == "mixed":
        parts = text.split("\n")
        return "".join(part + ("\r\n" if n % 2 else "\n") for n, part in enumerate(parts[:-1])) + parts[-1]
    return text.replace("\n", how)


@st.composite
def variations(draw, case):
    text = case.before
    if draw(st.booleans()):
        text = rename(text, case.call, draw(st.sampled_from(["_", "2", "_x", "é"])))
    text = nest(text, case.call, draw(st.sampled_from(["", "", "if", "try", "function"])))
    places = st.integers(1, text.count("\n") + 1)
    text = comment(text, draw(st.dictionaries(places, st.sampled_from(["before", "behind"]), max_size=4)))
    text = surround(text, draw(st.sampled_from(["", "code", "docstring", "licence"])))
    if draw(st.booleans()):
        text = use_tabs(text)
    text = text.rstrip("\n") + draw(st.sampled_from(["", "\n", "\n\n"]))
    text = set_newlines(text, draw(st.sampled_from(["\n", "\n", "\r\n", "mixed"])))
    return draw(st.sampled_from(["", "", "\ufeff"])) + text


@st.composite
def inputs(draw, case, safety):
    """One of the case's inputs; where no value may matter, its lists made longer, shorter or turned round too."""
    expression = draw(st.sampled_from(case.inputs)) if case.inputs else "()"
    if safety not in (Safety.SAFE, Safety.OBSERVED):
        return expression
    change = draw(st.sampled_from(["v", "v * 3", "v[::-1]", "v[:1]", "v[1:] + v", "v[:0]"]))
    return f"(lambda *given: tuple({change} if type(v) is list else v for v in given))(*{expression})"


def comments_of(text):
    """All comments, with how often each is there: read from a source of any newlines."""
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n")
    return sorted(token.string for token in tokens_of(plain) if token.type == tokenize.COMMENT)


def check_one(module, case, data):
    before = data.draw(variations(case), label="source")
    try:
        Facts.of(before)
    except UnreadableError:
        return  # a variation that is no Python: a name of a class that became another
    findings = sorted(examine(module, before, hot=case.hot), key=rank)
    chosen = select(findings)
    if not chosen.edits:
        return
    after = apply_edits(before, chosen.edits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ast.parse(after.removeprefix("\ufeff"))
    assert comments_of(after) == comments_of(before)
    assert after.startswith("\ufeff") == before.startswith("\ufeff")
    if not re.search(r"(?<!\r)\n", before):
        assert not re.search(r"(?<!\r)\n", after)
    worst = max((finding.safety for finding in chosen.taken), key=list(Safety).index)
    for _ in range(2):
        given_ = data.draw(inputs(case, worst), label="input")
        sides = [run_side(code.removeprefix("\ufeff"), case.call, given_) for code in (before, after)]
        assert sides[0] == sides[1]


@pytest.mark.parametrize(("module", "case"), CASES)
def test_variations_mean_the_same_or_are_left_alone(module, case):
    @QUICK
    @given(data=st.data())
    def check(data):
        check_one(module, case, data)

    check()


@pytest.mark.slow
@pytest.mark.parametrize(("module", "case"), CASES)
def test_many_variations_mean_the_same_or_are_left_alone(module, case):
    @LONG
    @given(data=st.data())
    def check(data):
        check_one(module, case, data)

    check()


@pytest.mark.parametrize(("module", "case"), CASES)
def test_most_variations_are_still_found(module, case):
    """A rule that stayed silent on each variation would pass the others without being tested."""
    found = 0
    variants = [
        surround(case.before, "code"),
        use_tabs(case.before),
        set_newlines(case.before, "\r\n"),
        "\ufeff" + case.before,
        rename(case.before, case.call, "_x"),
    ]
    for text in variants:
        found += any(finding.edits for finding in examine(module, text, hot=case.hot))
    assert found >= len(variants) - 2
