"""Which code object owns a line: the identity of a function, whatever a profiler calls it.

Rules, the same for all profilers and Python versions:

- A code object is a module, class body, function, lambda or generator expression.
  Names are qualified as CPython 3.12+ does: ``Class.method``,
  ``outer.<locals>.inner``, ``outer.<locals>.<lambda>``, ``outer.<locals>.<genexpr>``.
- List, set and dict comprehensions belong to the code around them: 3.12+ inlines
  them, and the frames that 3.11 has for them are folded into their caller.
- Generator expressions stay code objects of their own: in every version they are
  frames of their own, and what resumes them need not be the function that made them.
- ``line`` is where ``def``, ``class`` or ``lambda`` stands; the span starts at the
  first decorator, where the code object's own first line (``co_firstlineno``) is.
- Decorators, defaults, annotations and base classes run in the code around.
"""

from __future__ import annotations

import ast
import warnings
from array import array
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache

from whet.model.source import split_lines
from whet.records import dataclass

MODULE_NAME = "<module>"
COMPREHENSIONS = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>"})
_LARGEST_TEXT = 6_000_000
"""Characters of a source that is still parsed: syntax trees take about 60 times their text."""

_COMPREHENSION_NAMES: dict[type[ast.AST], str] = {
    ast.ListComp: "<listcomp>",
    ast.SetComp: "<setcomp>",
    ast.DictComp: "<dictcomp>",
}


_Opening = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda | ast.GeneratorExp


class CodeKind(StrEnum):
    """What kind of source a code object is made from."""

    MODULE = "module"
    CLASS = "class"
    FUNCTION = "function"
    LAMBDA = "lambda"
    GENERATOR = "generator expression"


_PLACED = (ast.expr, ast.stmt)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_LEAVES = frozenset({ast.Name, ast.Constant})
_STATEMENTS = (CodeKind.MODULE, CodeKind.CLASS, CodeKind.FUNCTION)


@dataclass(frozen=True, slots=True)
class CodeSpan:
    """One code object. Lines count from 1; ``start`` is the first decorator's, ``end_line`` is part of the span."""

    name: str
    kind: CodeKind
    start: int
    line: int
    end_line: int
    body_line: int = 0
    """Where the first statement after the docstring starts."""
    body_repeats: bool = False
    """Whether that statement's first line may run more than once for each call (a loop stands there)."""
    parent: int = -1
    """The index of the code object around this one."""


class CodeMap:
    """The code objects of one source, found by line."""

    def __init__(self, spans: tuple[CodeSpan, ...], folded: tuple[tuple[str, int, int, int], ...], lines: int) -> None:
        self.spans = spans
        self._owner = array("i", bytes(4 * (lines + 2)))
        self._expressions: dict[int, list[int]] = {}
        self._folded: dict[tuple[str, int], int] = {}
        self._known: dict[tuple[int, str, int], CodeSpan] = {}
        for index, span in enumerate(spans):
            if span.kind in _STATEMENTS:
                end = min(span.end_line, lines + 1)
                self._owner[span.start : end + 1] = array("i", [index]) * (end + 1 - span.start)
            else:
                for line in range(span.start, span.end_line + 1):
                    self._expressions.setdefault(line, []).append(index)
        for name, start, end, owner in folded:
            for line in range(start, end + 1):
                self._folded.setdefault((name, line), owner)

    def at(self, line: int, hint_name: str = "", first_line: int = 0) -> CodeSpan:
        """Return the code object that owns ``line``.

        Several may share a line (a lambda, a one-line function, a ``def`` line that
        its surroundings run). Then ``hint_name``, what a profiler calls the
        function, bare or qualified, and ``first_line``, where its code starts (0
        unknown), decide. Without a hint the innermost ``def``, ``class`` or module
        owns the line, never a lambda. Unknown lines are the module's.
        """
        key = (line, hint_name, first_line)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self.spans[self._find(line, hint_name, first_line)]
        return known

    def _find(self, line: int, hint: str, first_line: int) -> int:
        spans = self.spans
        owner = self._owner[line] if 0 <= line < len(self._owner) else 0
        inner = list(reversed(self._expressions.get(line, ())))
        outer = list(self._outwards(owner))
        if not hint:
            return next((i for i in outer + inner if first_line and spans[i].start == first_line), owner)
        if hint in COMPREHENSIONS:
            return self._folded.get((hint, line), owner)
        name = strip_comprehensions(hint)
        candidates = inner + outer
        bare = last_part(name)
        same = [i for i in candidates if last_part(spans[i].name) == bare]
        if first_line:
            for i in same:
                if first_line in (spans[i].start, spans[i].line):
                    return i
        for i in same:
            if spans[i].name == name:
                return i
        return same[0] if same else owner

    def _outwards(self, index: int) -> Iterator[int]:
        while index >= 0:
            yield index
            index = self.spans[index].parent


def last_part(name: str) -> str:
    """Return the bare name of a qualified one."""
    return name.rpartition(".")[2]


def is_folded(name: str) -> bool:
    """Tell whether a frame of this name is part of the code around it: a comprehension or a type parameter scope."""
    return last_part(name) in COMPREHENSIONS or "<generic parameters of " in name


def strip_comprehensions(name: str) -> str:
    """Return a qualified name without the comprehensions in it: the name that 3.12+ gives."""
    if "comp>" not in name and "<generic parameters of " not in name:
        return name
    parts = [p for p in name.split(".") if p not in COMPREHENSIONS and not p.startswith("<generic parameters of ")]
    while parts and parts[-1] == "<locals>":
        parts.pop()
    return ".".join(parts) or MODULE_NAME


@lru_cache(maxsize=256)
def code_map(text: str) -> CodeMap | None:
    """Parse a source; ``None`` where it has errors, is nested too deep for the parser, or is huge."""
    if len(text) > _LARGEST_TEXT:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    lines = split_lines(text)
    scan = _Scan(lines)
    scan.read(tree)
    return CodeMap(tuple(scan.spans), tuple(scan.folded), len(lines))


class _Scan:
    """Collects code objects in source order with a stack of its own: nesting is bounded by memory only."""

    def __init__(self, lines: list[str]) -> None:
        self.spans = [CodeSpan(MODULE_NAME, CodeKind.MODULE, 0, 1, max(1, len(lines)))]
        self.folded: list[tuple[str, int, int, int]] = []
        self._todo: list[tuple[ast.AST, int]] = []
        # Only lines with these words can hold lambdas and comprehensions; all other expressions are skipped unseen.
        count = 0
        self._words = array("l", [0])
        for line in lines:
            count += "lambda" in line or "for" in line
            self._words.append(count)

    def read(self, tree: ast.Module) -> None:
        self._push(tree.body, 0)
        while self._todo:
            node, scope = self._todo.pop()
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    inner = self._open(node, scope, node.name, CodeKind.FUNCTION)
                    self._push(node.body, inner)
                    self._push([*node.decorator_list, node.args, *([node.returns] if node.returns else [])], scope)
                case ast.ClassDef():
                    inner = self._open(node, scope, node.name, CodeKind.CLASS)
                    self._push(node.body, inner)
                    self._push([*node.decorator_list, *node.bases, *node.keywords], scope)
                case ast.Lambda():
                    inner = self._open(node, scope, "<lambda>", CodeKind.LAMBDA)
                    self._push([node.body], inner)
                    self._push([node.args], scope)
                case ast.GeneratorExp():
                    inner = self._open(node, scope, "<genexpr>", CodeKind.GENERATOR)
                    first = node.generators[0]
                    self._push([node.elt, first.target, *first.ifs, *node.generators[1:]], inner)
                    self._push([first.iter], scope)
                case _:
                    name = _COMPREHENSION_NAMES.get(type(node))
                    if name and isinstance(node, ast.expr):
                        self.folded.append((name, node.lineno, node.end_lineno or node.lineno, scope))
                    self._push_parts(node, scope)

    def _push_parts(self, node: ast.AST, scope: int) -> None:
        for field in reversed(node._fields):
            value = getattr(node, field, None)
            if type(value) is list:
                self._push(value, scope)
            elif isinstance(value, ast.AST):
                self._push((value,), scope)

    def _push(self, nodes: Sequence[object], scope: int) -> None:
        for node in reversed(nodes):
            if isinstance(node, _PLACED):
                if self._may_hold_code(node):
                    self._todo.append((node, scope))
            elif isinstance(node, ast.AST) and node._fields:
                self._todo.append((node, scope))

    def _may_hold_code(self, node: ast.expr | ast.stmt) -> bool:
        if type(node) in _LEAVES:
            return False
        if isinstance(node, ast.stmt) and ("body" in node._fields or "cases" in node._fields):
            return True
        last = min(node.end_lineno or node.lineno, len(self._words) - 1)
        return self._words[last] > self._words[max(0, node.lineno - 1)]

    def _open(self, node: _Opening, scope: int, name: str, kind: CodeKind) -> int:
        around = self.spans[scope]
        if around.kind in (CodeKind.FUNCTION, CodeKind.LAMBDA):
            name = f"{around.name}.<locals>.{name}"
        elif around.kind is not CodeKind.MODULE:
            name = f"{around.name}.{name}"
        start, body_line, repeats = node.lineno, node.lineno, False
        if not isinstance(node, ast.Lambda | ast.GeneratorExp):
            start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            first = _first_statement(node.body)
            body_line = first.lineno
            repeats = isinstance(first, _LOOPS) or (not hasattr(first, "body") and self._repeats(first, node.lineno))
        end = node.end_lineno or node.lineno
        self.spans.append(CodeSpan(name, kind, start, node.lineno, end, body_line, repeats, scope))
        return len(self.spans) - 1

    def _repeats(self, node: ast.stmt, definition_line: int) -> bool:
        """Tell whether a comprehension comes back to the line: not where it is all on it, below the ``def``."""
        if node.lineno == node.end_lineno != definition_line:
            return False
        return self._may_hold_code(node) and any(type(inner) in _COMPREHENSION_NAMES for inner in ast.walk(node))


def _first_statement(body: list[ast.stmt]) -> ast.stmt:
    """Return the first statement that runs: a docstring has no line event of its own."""
    for statement in body:
        if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            return statement
    return body[0]
