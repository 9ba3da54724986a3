"""Decides where anchors stand, by what the code around them costs at least, and writes them into the tree."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable
from typing import NamedTuple

from .anchors import COUNTED, COUNTER_COST_NS, HIDDEN_BY, Anchor, Check, make_mark
from .claims import (
    LEAVES,
    LOOPS,
    REPEATS,
    SCOPES,
    has_no_code,
    list_claims,
    removes,
    walk_scope,
)
from .counts import turn_counts
from .gates import GateError, make_gate, turn_gates
from .insertions import insert_counting, make_call, make_counting, place_at_start
from .loop_lengths import cannot_fail, choose_check, has_whole_header, may_have_length
from .readers import Definition, Readers

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


def _cost_of_straight_code(body: list[ast.stmt]) -> int:
    """Estimate in nanoseconds what one pass through ``body`` costs at least, branches left out."""
    cost = 0
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        cost += _COSTS.get(type(node), 2)
        if isinstance(node, (ast.If, ast.IfExp)):
            todo.append(node.test)
        elif isinstance(node, LOOPS):
            todo.append(node.test if isinstance(node, ast.While) else node.iter)
        elif not isinstance(node, (*SCOPES, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            todo.extend(ast.iter_child_nodes(node))
    return cost


class Placer:
    """Places anchors in a module's tree, at most ``budget`` of them.

    With ``togglable``, counters stand wherever they tell something, since those that
    cost too much are switched off while the program runs; else only where the
    code around them hides them.
    """

    def __init__(
        self, file: str, budget: int, *, is_main: bool = False, togglable: bool = False, asks_lengths: bool = True
    ) -> None:
        self.file = file
        self.anchors: list[Anchor] = []
        self.budget = budget
        self.is_main = is_main
        self.togglable = togglable
        self.asks_lengths = asks_lengths

    def place(self, tree: ast.Module, readers: Readers) -> None:
        """Change ``tree``, and append to :attr:`anchors` in the order of their marks."""
        # An explicit stack: sources may be nested deeper than the interpreter's recursion limit.
        todo: list[tuple[ast.AST, _Scope]] = [(tree, _Scope("<module>", 1, is_module=True))]
        self._count_module(tree)
        while todo:
            node, scope = todo.pop()
            if isinstance(node, Definition) and readers.may_read(node):
                continue
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                scope = _Scope(node.name, _first_line(node), function=node)
                self._place_in_function(node, scope)
            elif isinstance(node, LOOPS):
                self._place_in_loop(node, scope)
            elif isinstance(node, ast.ClassDef):
                scope = _Scope(node.name, _first_line(node))
            todo.extend((child, scope) for child in ast.iter_child_nodes(node))

    def _count_module(self, tree: ast.Module) -> None:
        """Count the passes through a module and the classes in it: one each, but not all come to their end."""
        module = _Scope("<module>", 1)
        for statement in tree.body:
            if isinstance(statement, ast.ClassDef):
                self._count_block(statement.body, _Scope(statement.name, _first_line(statement)), statement)
            elif self.is_main and _asks_for_main(statement):
                self._count_block(statement.body, module, statement)  # type: ignore[attr-defined]
        self._count_block(tree.body, module)

    def _count_block(self, body: list[ast.stmt], scope: _Scope, of: ast.stmt | None = None) -> None:
        at = _first_worth_counting(body)
        if at < len(body) and not (of is not None and _is_on_line_of(of, body[at])):
            self._count_in(body, at, "once", scope, to_the_end=True)

    def _new(self, kind: str, scope: _Scope, line: int, worth: int = 0) -> tuple[Anchor, int] | None:
        """Make an anchor; its marks are made of the number that is returned."""
        if len(self.anchors) >= self.budget:
            return None
        anchor = Anchor(kind, self.file, scope.name, scope.first, line, worth=worth)
        self.anchors.append(anchor)
        return anchor, len(self.anchors) - 1

    def _count_in(
        self, body: list[ast.stmt], at: int, kind: str, scope: _Scope, *, to_the_end: bool = False
    ) -> Anchor | None:
        """Count the passes through ``body`` from statement ``at`` on; ``to_the_end`` also those that get through."""
        made = self._new(kind, scope, body[at].lineno)
        if made is None:
            return None
        anchor, number = made
        anchor.end_line = body[-1].end_lineno or body[-1].lineno
        claims = list_claims(body[at:])
        anchor.lines, anchor.likely = claims.sure, sorted(claims.likely + claims.checked)
        if to_the_end and claims.checked:
            anchor.checked = claims.checked
            insert_counting(body, at + claims.last, make_mark(number, "passed"))
        insert_counting(body, at, make_mark(number, "n"))
        return anchor

    def _place_in_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope) -> None:
        body = node.body
        at = _first_worth_counting(body)
        if at >= len(body) or _is_on_line_of(node, body[at]):
            return
        inner = walk_scope(body)
        repeats = any(isinstance(each, REPEATS) for each in inner)
        has_loop = any(isinstance(each, LOOPS) for each in inner)
        cost = _cost_of_straight_code(body)
        if repeats or cost >= COUNTER_COST_NS * HIDDEN_BY or (self.togglable and cost >= LEAST_COST_NS):
            self._count_in(body, at, "entry", scope, to_the_end=has_loop)

    def _place_in_loop(self, node: ast.For | ast.AsyncFor | ast.While, scope: _Scope) -> None:
        at = next((index for index, each in enumerate(node.body) if not has_no_code(each)), None)
        if at is None or _is_on_line_of(node, node.body[at]):
            return
        inner = walk_scope(node.body)
        leaves = any(isinstance(child, LEAVES) for child in inner)
        has_loop = any(isinstance(child, LOOPS) for child in inner)
        cost = _cost_of_straight_code(node.body)
        length: Anchor | None = None
        if self.asks_lengths and isinstance(node, ast.For) and not leaves and may_have_length(node.iter):
            length = self._measure_length(node, scope, max(cost, 10), node.body[at].lineno)
        if self.togglable or (length is None and (has_loop or cost >= COUNTER_COST_NS * HIDDEN_BY)):
            anchor = self._count_in(node.body, at, "loop", scope)
            if anchor is not None:
                anchor.header = node.lineno
                anchor.twin = length

    def _measure_length(self, node: ast.For, scope: _Scope, worth: int, line: int) -> Anchor | None:
        """Ask for the length of what is iterated over, and note each loop that comes to its end."""
        made = self._new("sized", scope, line, worth)
        if made is None:
            return None
        anchor, number = made
        claims = list_claims(node.body)
        # What raises leaves the loop, and then not all of its loops come to their end.
        anchor.lines, anchor.likely = sorted(claims.sure + claims.checked), claims.likely
        anchor.end_line = node.body[-1].end_lineno or node.body[-1].lineno
        anchor.header = node.lineno if has_whole_header(node) else 0
        anchor.header_is_sure = anchor.header > 0 and cannot_fail(node.iter)
        anchor.check, anchor.removes = choose_check(node, scope.function, in_module=scope.is_module), removes(node)
        if anchor.check in (Check.LOCAL, Check.GLOBAL):
            assert isinstance(node.iter, ast.Name)  # see there
            named = node.iter.id
            what = ast.Name(named, ast.Load()) if anchor.check is Check.LOCAL else ast.Constant(named)
            ended: ast.stmt = ast.Expr(make_call(make_mark(number), "leave", what))
            for part in ast.walk(ended):
                place_at_start(part, node.iter)
            node.orelse.insert(0, ended)
        else:
            node.orelse.insert(0, make_counting(make_mark(number, "passed"), node.iter))
        if isinstance(node.iter, ast.List) and not any(isinstance(each, ast.Starred) for each in node.iter.elts):
            # What the compiler makes of it where it stands right behind "in".
            node.iter = ast.copy_location(ast.Tuple(node.iter.elts, ast.Load()), node.iter)
        node.iter = make_gate(node.iter, ast.Constant(make_mark(number)))
        return anchor


class _Scope(NamedTuple):
    """What a function, class or module is called, where its code starts, and what is known of its names."""

    name: str
    first: int
    function: ast.FunctionDef | ast.AsyncFunctionDef | None = None
    is_module: bool = False


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    """Return where the code object of a definition starts."""
    return min([decorator.lineno for decorator in node.decorator_list] + [node.lineno])


def _first_worth_counting(body: list[ast.stmt]) -> int:
    """Return the index of the first statement that may have a counter before it, and that is not for the compiler."""
    at = 0
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        at = 1
    while at < len(body) and (has_no_code(body[at]) or isinstance(body[at], ast.Pass) or _is_future(body[at])):
        at += 1
    return at


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _asks_for_main(statement: ast.stmt) -> bool:
    """Tell whether this is ``if __name__ == "__main__":``."""
    if not isinstance(statement, ast.If) or not isinstance(statement.test, ast.Compare):
        return False
    sides = [statement.test.left, *statement.test.comparators]
    named = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
    valued = any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)
    return named and valued and len(sides) == 2 and isinstance(statement.test.ops[0], ast.Eq)


def _is_on_line_of(outer: ast.stmt, inner: ast.stmt) -> bool:
    """Tell whether a suite stands on the last line of its header, as in ``while x: step()``."""
    if isinstance(outer, (ast.For, ast.AsyncFor)):
        header: list[ast.AST | None] = [outer.iter]
    elif isinstance(outer, ast.While):
        header = [outer.test]
    elif isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef)):
        header = [outer.returns, *ast.walk(outer.args)]
    elif isinstance(outer, ast.ClassDef):
        header = [*outer.bases, *outer.keywords]
    elif isinstance(outer, ast.If):
        header = [outer.test]
    else:
        header = []
    ends = [getattr(part, "end_lineno", None) or outer.lineno for part in header]
    return inner.lineno <= max(ends, default=outer.lineno)


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

    def place(*, asks_lengths: bool) -> Placed:
        tree = compile(text, file, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        assert isinstance(tree, ast.Module)  # what this mode gives
        placer = Placer(file, budget, is_main=is_main, togglable=togglable, asks_lengths=asks_lengths)
        placer.place(tree, Readers(tree, text))
        if change is not None:
            change(tree)
        code = compile(tree, file, "exec", dont_inherit=True)
        numbered = list(enumerate(placer.anchors))
        gates = frozenset(make_mark(number) for number, anchor in numbered if anchor.kind == "sized")
        counts = frozenset(make_mark(number, does) for number, _ in numbered for does in COUNTED)
        code = turn_gates(code, gates) if gates else code
        return Placed(turn_counts(code, counts) if counts else code, placer.anchors)

    try:
        return place(asks_lengths=True)
    except GateError:
        return place(asks_lengths=False)
