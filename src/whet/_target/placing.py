"""Decides where anchors stand, by what the code around them costs at least, and writes them into the tree."""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Callable
from typing import NamedTuple

from .anchors import COUNTER_COST_NS, HIDDEN_BY, MARK, Anchor

_WITHOUT_LENGTH = frozenset(
    ("enumerate", "zip", "map", "filter", "reversed", "iter", "chain", "islice", "count", "cycle", "open", "finditer")
)
LEAST_COST_NS = 90
"""A function that does less than that would feel even the jump over its counter."""

_COSTS: dict[type, int] = {
    ast.Call: 60,
    ast.BinOp: 15,
    ast.Compare: 15,
    ast.Subscript: 15,
    ast.Attribute: 8,
    ast.FormattedValue: 60,
    ast.JoinedStr: 30,
    ast.List: 20,
    ast.Dict: 40,
    ast.Tuple: 10,
    ast.Set: 60,
    ast.ListComp: 300,
    ast.SetComp: 300,
    ast.DictComp: 300,
    ast.GeneratorExp: 400,
    ast.For: 300,
    ast.While: 300,
    ast.With: 100,
    ast.Try: 10,
    ast.Await: 100,
    ast.Yield: 250,
    ast.YieldFrom: 250,
    ast.Import: 200,
    ast.ImportFrom: 300,
    ast.FunctionDef: 80,
    ast.AsyncFunctionDef: 80,
    ast.ClassDef: 5000,
    ast.Assign: 5,
    ast.AugAssign: 15,
    ast.Delete: 20,
    ast.Raise: 200,
}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_REPEATS = (*_LOOPS, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_COMPOUND = (
    *_LOOPS,
    ast.If,
    ast.Try,
    ast.Match,
    *_SCOPES,
    *([ast.TryStar] if hasattr(ast, "TryStar") else []),
)
_INNER_CODE = (ast.ListComp, ast.SetComp, ast.DictComp) if sys.version_info < (3, 12) else ()
"""Before 3.12 these are functions whose line events count for the line that they stand on."""
_LEAVES = (ast.Break, ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Await)


def _walk_scope(nodes: list[ast.stmt]) -> list[ast.AST]:
    """Return all nodes below ``nodes`` without entering nested scopes, iteratively."""
    found: list[ast.AST] = []
    todo: list[ast.AST] = list(nodes)
    while todo:
        node = todo.pop()
        found.append(node)
        if not isinstance(node, _SCOPES):
            todo.extend(ast.iter_child_nodes(node))
    return found


def _cost_of_straight_code(body: list[ast.stmt]) -> int:
    """Estimate in nanoseconds what one pass through ``body`` costs at least, branches left out."""
    cost = 0
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        cost += _COSTS.get(type(node), 2)
        if isinstance(node, (ast.If, ast.IfExp)):
            todo.append(node.test)
        elif isinstance(node, _LOOPS):
            todo.append(node.test if isinstance(node, ast.While) else node.iter)
        elif not isinstance(node, (*_SCOPES, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            todo.extend(ast.iter_child_nodes(node))
    return cost


def _lines_run_once(body: list[ast.stmt]) -> list[int]:
    """Return the first lines of the statements of ``body`` that run once a pass, up to the first that may leave it.

    Of loops and branches only what follows them is known, and that only where nothing in them leaves the pass.
    """
    lines: list[int] = []
    _add_lines_run_once(body, lines)
    return [line for line in lines if lines.count(line) == 1]


def _add_lines_run_once(body: list[ast.stmt], lines: list[int]) -> bool:
    """Append to ``lines``; return whether the pass surely reaches the end of ``body``, barring exceptions."""
    for statement in body:
        if isinstance(statement, (ast.With, ast.AsyncWith)):
            # Its own line runs again when it is left.
            if not _add_lines_run_once(statement.body, lines) or _may_leave(statement):
                return False
            continue
        if isinstance(statement, _COMPOUND):
            if isinstance(statement, ast.If) and statement.lineno == statement.test.end_lineno:
                lines.append(statement.lineno)
            if _may_leave(statement):
                return False
            continue
        # A statement over several lines gets several line events; its count cannot be told from the source.
        if statement.lineno == statement.end_lineno and not isinstance(statement, (ast.Global, ast.Nonlocal)):
            has_inner_code = any(isinstance(node, _INNER_CODE) for node in _walk_scope([statement]))
            if not has_inner_code:
                lines.append(statement.lineno)
        if _may_leave(statement):
            return False
    return True


def _may_leave(statement: ast.stmt) -> bool:
    """Tell whether control can leave the pass inside ``statement``, or come back to it later."""
    todo: list[tuple[ast.AST, bool]] = [(statement, False)]
    while todo:
        node, in_loop = todo.pop()
        if isinstance(node, (ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Await)):
            return True
        if isinstance(node, (ast.Break, ast.Continue)) and not in_loop:
            return True
        if isinstance(node, (ast.AsyncFor, ast.AsyncWith)):
            return True
        if isinstance(node, ast.While) and isinstance(node.test, ast.Constant):
            return True
        inner = in_loop or isinstance(node, _LOOPS)
        if not isinstance(node, _SCOPES) or node is statement:
            todo.extend((child, inner) for child in ast.iter_child_nodes(node))
    return False


class Placer:
    """Places anchors in a module's tree, at most ``budget`` of them.

    With ``togglable``, counters stand wherever they tell something, since those that
    cost too much are switched off while the program runs; else only where the
    code around them hides them.
    """

    def __init__(self, file: str, budget: int, *, is_main: bool = False, togglable: bool = False) -> None:
        self.file = file
        self.anchors: list[Anchor] = []
        self.budget = budget
        self.is_main = is_main
        self.togglable = togglable

    def place(self, tree: ast.Module) -> None:
        """Change ``tree``, and append to :attr:`anchors` in the order of their marks."""
        # An explicit stack: sources may be nested deeper than the interpreter's recursion limit.
        todo: list[tuple[ast.AST, str, int]] = [(tree, "", 1)]
        self._note_module(tree)
        while todo:
            node, owner, first = todo.pop()
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                owner, first = node.name, min([d.lineno for d in node.decorator_list] + [node.lineno])
                self._place_in_function(node, owner, first)
            elif isinstance(node, (ast.For, ast.While, ast.AsyncFor)):
                self._place_in_loop(node, owner or "<module>", first)
            elif isinstance(node, ast.ClassDef):
                owner, first = node.name, min([d.lineno for d in node.decorator_list] + [node.lineno])
            todo.extend((child, owner, first) for child in ast.iter_child_nodes(node))

    def _note_module(self, tree: ast.Module) -> None:
        """Note what is known without a counter: statements of a module, and of classes in it, run once."""
        self._note_once(tree.body, "<module>", 1)
        for statement in tree.body:
            if isinstance(statement, ast.ClassDef):
                first = min([d.lineno for d in statement.decorator_list] + [statement.lineno])
                self._note_once(statement.body, statement.name, first)

    def _note_once(self, body: list[ast.stmt], owner: str, first: int) -> None:
        made = self._new("once", owner, first, body[0].lineno) if body else None
        if made is None:
            return
        anchor, _ = made
        anchor.lines = _lines_run_once(body)
        for statement in body:
            if self.is_main and _asks_for_main(statement):
                anchor.lines += _lines_run_once(statement.body)  # type: ignore[attr-defined]
        anchor.end_line = body[-1].end_lineno or body[-1].lineno
        anchor.n = 1

    def _new(self, kind: str, owner: str, first: int, line: int, worth: int = 0) -> tuple[Anchor, ast.Constant] | None:
        if len(self.anchors) >= self.budget:
            return None
        anchor = Anchor(kind, self.file, owner, first, line, worth=worth)
        self.anchors.append(anchor)
        return anchor, ast.Constant(value=MARK % (len(self.anchors) - 1))

    def _count_in(self, body: list[ast.stmt], at: int, kind: str, owner: str, first: int) -> Anchor | None:
        made = self._new(kind, owner, first, body[at].lineno)
        if made is None:
            return None
        anchor, constant = made
        anchor.end_line = body[-1].end_lineno or body[-1].lineno
        anchor.lines = _lines_run_once(body[at:])
        increment = ast.AugAssign(
            target=ast.Attribute(value=constant, attr="n", ctx=ast.Store()), op=ast.Add(), value=ast.Constant(value=1)
        )
        # The position of the statement that follows: tracing sees one line, not two.
        ast.copy_location(increment, body[at])
        increment.end_lineno, increment.end_col_offset = body[at].lineno, body[at].col_offset
        ast.fix_missing_locations(increment)
        body.insert(at, increment)
        return anchor

    def _place_in_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, owner: str, first: int) -> None:
        body = node.body
        at = 0
        if (
            isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
            and isinstance(body[0].value.value, str)
        ):
            at = 1
        while at < len(body) and isinstance(body[at], (ast.Global, ast.Nonlocal, ast.Pass)):
            at += 1
        if at >= len(body) or _is_on_line_of(node, body[at]):
            return
        repeats = any(isinstance(inner, _REPEATS) for inner in _walk_scope(body))
        cost = _cost_of_straight_code(body)
        if repeats or cost >= COUNTER_COST_NS * HIDDEN_BY or (self.togglable and cost >= LEAST_COST_NS):
            self._count_in(body, at, "entry", owner, first)

    def _place_in_loop(self, node: ast.For | ast.AsyncFor | ast.While, owner: str, first: int) -> None:
        if _is_on_line_of(node, node.body[0]):
            return
        inner = _walk_scope(node.body)
        leaves = any(isinstance(child, _LEAVES) for child in inner)
        has_loop = any(isinstance(child, _LOOPS) for child in inner)
        cost = _cost_of_straight_code(node.body)
        length: Anchor | None = None
        if isinstance(node, ast.For) and not leaves and _may_have_length(node.iter):
            length = self._measure_length(node, owner, first, cost)
        if self.togglable or (length is None and (has_loop or cost >= COUNTER_COST_NS * HIDDEN_BY)):
            anchor = self._count_in(node.body, 0, "loop", owner, first)
            if anchor is not None:
                anchor.header = node.lineno
                anchor.twin = length

    def _measure_length(self, node: ast.For, owner: str, first: int, cost: int) -> Anchor | None:
        made = self._new("sized", owner, first, node.body[0].lineno, max(cost, 10))
        if made is None:
            return None
        anchor, constant = made
        anchor.lines = _lines_run_once(node.body)
        anchor.end_line = node.body[-1].end_lineno or node.body[-1].lineno
        # A header over several lines gets line events of its parts, which the length does not tell.
        anchor.header = node.lineno if node.iter.end_lineno == node.lineno else 0
        gate = ast.Attribute(value=constant, attr="gate", ctx=ast.Load())
        call = ast.Call(func=gate, args=[node.iter], keywords=[])
        for part in (constant, gate, call):
            ast.copy_location(part, node.iter)
        node.iter = call
        return anchor


def _may_have_length(iterable: ast.expr) -> bool:
    """Tell whether the source leaves it possible that this has a length."""
    if isinstance(iterable, ast.Call):
        name = iterable.func.id if isinstance(iterable.func, ast.Name) else getattr(iterable.func, "attr", "")
        return name not in _WITHOUT_LENGTH
    return not isinstance(iterable, ast.GeneratorExp)


def _asks_for_main(statement: ast.stmt) -> bool:
    """Tell whether this is ``if __name__ == "__main__":``."""
    if not isinstance(statement, ast.If) or not isinstance(statement.test, ast.Compare):
        return False
    sides = [statement.test.left, *statement.test.comparators]
    named = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
    valued = any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)
    return named and valued and len(sides) == 2 and isinstance(statement.test.ops[0], ast.Eq)


def _is_on_line_of(outer: ast.stmt, inner: ast.stmt) -> bool:
    """Tell whether a suite stands on the line of its header, as in ``while x: step()``."""
    return inner.lineno == outer.lineno


class Placed(NamedTuple):
    """A module compiled with anchors."""

    code: types.CodeType
    anchors: list[Anchor]


def compile_with_anchors(
    text: str | bytes,
    file: str,
    budget: int,
    *,
    togglable: bool,
    is_main: bool = False,
    change: Callable[[ast.Module], None] | None = None,
) -> Placed:
    """Compile a module's source with anchors in it; ``change`` may change the tree before it is compiled.

    Raises whatever ``compile`` raises for such a source, with the same
    positions; the caller then compiles it plainly.
    """
    tree = compile(text, file, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    assert isinstance(tree, ast.Module)  # what this mode gives
    placer = Placer(file, budget, is_main=is_main, togglable=togglable)
    placer.place(tree)
    if change is not None:
        change(tree)
    return Placed(compile(tree, file, "exec", dont_inherit=True), placer.anchors)
