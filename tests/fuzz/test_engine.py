"""The engine on programs that nobody wrote: rules do not fail, rewrites parse, and fixing again changes nothing."""

from __future__ import annotations

import ast
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from tests.fuzz.mutations import change_bytes, changes

from whet.engine.limits import UnreadableError
from whet.engine.loading import load_rules
from whet.engine.run import find_findings
from whet.fix.apply import fix_text
from whet.model.finding import Finding, Safety
from whet.model.source import SourceFile

pytestmark = pytest.mark.slow

LONGEST = 30_000
"""Bytes of a source: it is examined a dozen times."""
RULES = load_rules()
CASES = [case.before for rule in RULES for case in rule.cases]
REFUSED = [refusal.code for rule in RULES for refusal in rule.refusals]
OWN = [path.read_text("utf-8") for path in sorted(Path(__file__).parents[2].glob("src/whet/engine/*.py"))]
AROUND = (
    "{0}",
    "def outer(x, *args, **kwargs):\n{1}\n    return x\n",
    "async def outer(x):\n    async with x as y:\n{2}\n",
    "class Outer:\n    limit = 5\n{1}\n",
    "for number in range(9):\n    try:\n{2}\n    finally:\n        pass\n",
    "if True:\n{1}\nelse:\n{1}\n",
    "while (n := next(it, None)) is not None:\n{1}\n",
    "with open('x') as f, open('y') as g:\n{1}\n",
    "def outer():\n    global x, out\n{1}\n",
    "def outer():\n    out = x = rows = None\n    def inner():\n        nonlocal out, x, rows\n{2}\n    return inner\n",
    "match rows:\n    case [x, *rest] if x:\n{2}\n    case {{'a': y, **more}} | None:\n        pass\n",
    "@decorate\ndef outer(f=lambda x: x):\n    yield from x\n{1}\n",
    "try:\n{1}\nexcept* ValueError as e:\n    raise\n",
)
SWAPS = (
    ("\n", "\r\n"), ("    ", "\t"), (" ", "  "), (": ", ":"), ("(", "(\n"), ("'", '"'), ("for ", "async for "),
    ("rows", "self.rows"), ("out", "out[0]"), ("=", ":="), ("x", "é"), ("return ", "yield "), ("def ", "async def "),
    ("list", "*list"), (" in ", " not in "), ("append", "__class__"), ("i", "_"), ("+=", "-="), ("\n", "; pass\n"),
    ("\n", "  # whet: ignore\n"), ("self", "cls"), ("1", "1j"), ("result", "None"), ("row", "len"), ("(", "(*"),
    ("[", "[*"), (", ", ",\\\n"), ("import ", "import os, "), ("\n", "\n\f"),
)  # fmt: skip


def examine(text: str) -> tuple[Finding, ...]:
    """Return the findings; a rule that fails is an error here."""
    source = SourceFile("case.py", "case.py", "", text)
    found: list[Finding] = []
    for hot in ({"case.py": frozenset(range(1, text.count("\n") + 3))}, None):
        findings, notices = find_findings({"case.py": source}, RULES, hot)
        failures = [notice.message for notice in notices if notice.message.startswith("failed")]
        assert not failures, failures
        found += findings
    return tuple(found)


def hold(text: str) -> None:
    """Hold the engine to its promises for one source."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the compiler says of odd programs
        examine(text)
        try:
            compile(text, "case.py", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
            return
        for wanted in ({Safety.SAFE}, {Safety.SAFE, Safety.OFFER}):
            fixed = fix_text(text, lambda now, wanted=wanted: [each for each in examine(now) if each.safety in wanted])
            assert not fixed.broken, [(each.rule, each.line) for each in fixed.broken]
            assert not fixed.unfinished, [each.rule for each in fixed.applied][:6]
            if fixed.applied:
                compile(fixed.text, "case.py", "exec", dont_inherit=True)


def put_around(text: str, way: int) -> str:
    """Return ``text`` within another construct."""
    around = AROUND[way % len(AROUND)]
    return around.format(text, textwrap.indent(text, "    "), textwrap.indent(text, "        "))


def test_combined_programs(fuzz: Callable[..., None]) -> None:
    texts = [*CASES, *REFUSED]

    def check(given: tuple[list[tuple[int, int]], list[tuple[int, int]]]) -> None:
        pieces, swaps = given
        text = "\n".join(put_around(texts[number % len(texts)], way) for number, way in pieces)
        for number, count in swaps:
            old, new = SWAPS[number % len(SWAPS)]
            parts = text.split(old)
            at = count % len(parts)
            text = old.join(parts[:at]) + (new if at else "") + old.join(parts[at:])
        hold(text)

    numbers = st.integers(0, 10_000)
    fuzz(
        st.tuples(
            st.lists(st.tuples(numbers, numbers), min_size=1, max_size=3),
            st.lists(st.tuples(numbers, numbers), max_size=5),
        ),
        check,
    )


def test_statements_moved(fuzz: Callable[..., None]) -> None:
    """Expressions and statements of one program stand where those of another stood."""
    trees = [ast.parse(text) for text in [*CASES, *REFUSED]]
    statements = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    values = [
        node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.expr) and hasattr(node, "ctx") is False
    ]

    class Replace(ast.NodeTransformer):
        def __init__(self, made: list[tuple[int, int]]) -> None:
            self.made = dict(made)
            self.met = 0

        def generic_visit(self, node: ast.AST) -> Any:
            super().generic_visit(node)
            self.met += 1
            if self.met not in self.made:
                return node
            if isinstance(node, ast.stmt):
                return statements[self.made[self.met] % len(statements)]
            return values[self.made[self.met] % len(values)] if type(node) in VALUE_TYPES else node

    def check(given: tuple[int, list[tuple[int, int]]]) -> None:
        number, made = given
        tree = Replace(made).visit(ast.parse([*CASES, *REFUSED][number % len(trees)]))
        try:
            text = ast.unparse(tree)
        except Exception:  # the tree is no program
            return
        hold(text)

    numbers = st.integers(0, 1_000_000)
    places = st.tuples(st.integers(1, 60), numbers)
    fuzz(st.tuples(numbers, st.lists(places, min_size=1, max_size=5)), check)


VALUE_TYPES = (
    ast.Call,
    ast.BinOp,
    ast.Compare,
    ast.Constant,
    ast.BoolOp,
    ast.JoinedStr,
    ast.ListComp,
    ast.Dict,
    ast.Lambda,
)


def test_damaged_sources(fuzz: Callable[..., None]) -> None:
    texts = [text.encode() for text in [*CASES, *REFUSED, *OWN]]

    def check(given: tuple[int, list[Any]]) -> None:
        data = change_bytes(texts[given[0] % len(texts)], texts, given[1], LONGEST)
        try:
            hold(data.decode("utf-8", "surrogatepass"))
        except (UnicodeDecodeError, UnreadableError):
            return

    fuzz(st.tuples(st.integers(0, 100_000), changes(3)), check)
