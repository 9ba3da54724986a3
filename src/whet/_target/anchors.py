"""Exact counters, compiled into user code where they cost little.

A window of line tracing tells how often lines ran *relative to each other*;
anchors tell how often some of them ran *in all*. There are three kinds:

``entry``
    a counter in a function's first line,
``loop``
    a counter in the first line of a loop's body, where an iteration is long
    enough to hide it,
``sized``
    the length of what an innermost ``for`` loop iterates over, added up once
    a loop, where an iteration is too short for a counter.

A counter is an object placed among the constants of the code object, so no name
appears in any namespace of the program. Its increment is three bytecodes
without a point where the interpreter could switch threads.
"""

from __future__ import annotations

import ast
import sys
import types
from typing import Any

COUNTER_COST_NS = 25
"""Roughly what one increment costs."""
SIZED_COST_NS = 130
"""Roughly what asking for a length costs, once a loop."""
HIDDEN_BY = 25
"""A counter is placed where the code around it costs at least this many times more."""

_MARK = "\0whet anchor %d\0"
_SIZED_TYPES = frozenset({list, tuple, dict, set, frozenset, str, bytes, bytearray, range})
_CHECK_EVERY = 128


class Anchor:
    """A counter. Pickled by value (as cloudpickle does with functions) it becomes a plain namespace."""

    __slots__ = (
        "code_line",
        "end_line",
        "entries",
        "exact",
        "file",
        "function",
        "gate",
        "header",
        "kind",
        "line",
        "lines",
        "n",
        "worth",
    )

    def __init__(self, kind: str, file: str, function: str, code_line: int, line: int, *, worth: int = 0) -> None:
        self.kind = kind
        self.file = file
        self.function = function
        self.code_line = code_line
        """Where the owning code object starts (its ``co_firstlineno``)."""
        self.line = line
        """The first line of what is counted."""
        self.end_line = line
        """The last line of the loop or function that it counts for."""
        self.header = 0
        """The line of the loop's own statement; 0 for a function."""
        self.lines: list[int] = []
        """Lines that run exactly once for each count, barring exceptions."""
        self.n = 0
        self.entries = 0
        self.exact = True
        self.worth = worth
        self.gate: Any = self._measure if kind == "sized" else None

    def _measure(self, iterable: Any) -> Any:
        """Add the length of ``iterable`` and return it; step aside where loops turn out to be short."""
        if type(iterable) in _SIZED_TYPES:
            self.n += len(iterable)
        else:
            self.exact = False
            self.gate = iter
            return iterable
        self.entries += 1
        if self.entries % _CHECK_EVERY == 0 and self.n * self.worth < self.entries * SIZED_COST_NS * HIDDEN_BY:
            self.exact = False
            self.gate = iter
        return iterable

    def describe(self) -> dict[str, Any]:
        """Return what :meth:`of` needs to make this anchor again in another process."""
        fields = ("kind", "file", "function", "code_line", "line", "end_line", "header", "lines", "worth")
        return {field: getattr(self, field) for field in fields}

    @classmethod
    def of(cls, described: dict[str, Any]) -> Anchor:
        """Make an anchor of its description."""
        fields = dict(described)
        kind, file, function, code_line, line = (
            fields.pop(name) for name in ("kind", "file", "function", "code_line", "line")
        )
        anchor = cls(kind, file, function, code_line, line, worth=fields.pop("worth"))
        for name, value in fields.items():
            setattr(anchor, name, value)
        return anchor

    def __reduce__(self) -> tuple[Any, ...]:
        return (types.SimpleNamespace, (), {"n": 0, "gate": iter})


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
    ast.Yield: 40,
    ast.YieldFrom: 100,
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
    """Return the first lines of the statements of ``body`` that run once a pass, up to the first that may leave it."""
    lines: list[int] = []
    for statement in body:
        compound = isinstance(statement, (*_LOOPS, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.Match, *_SCOPES)) or (
            hasattr(ast, "TryStar") and isinstance(statement, ast.TryStar)
        )
        if compound:
            if isinstance(statement, ast.If) and statement.lineno == getattr(statement.test, "end_lineno", 0):
                lines.append(statement.lineno)
            break
        # A statement over several lines gets several line events; its count cannot be told from the source.
        if statement.lineno == statement.end_lineno and not isinstance(statement, (ast.Global, ast.Nonlocal)):
            lines.append(statement.lineno)
        if any(isinstance(node, (*_LEAVES, ast.Continue)) for node in _walk_scope([statement])):
            break
        if any(isinstance(node, _REPEATS) for node in _walk_scope([statement])):
            lines.pop() if lines and lines[-1] == statement.lineno else None
    return [line for line in lines if lines.count(line) == 1]


class Placer:
    """Places anchors in a module's tree, at most ``budget`` of them."""

    def __init__(self, file: str, budget: int) -> None:
        self.file = file
        self.anchors: list[Anchor] = []
        self.budget = budget

    def place(self, tree: ast.Module) -> None:
        """Change ``tree``, and append to :attr:`anchors` in the order of their marks."""
        # An explicit stack: sources may be nested deeper than the interpreter's recursion limit.
        todo: list[tuple[ast.AST, str, int]] = [(tree, "", 1)]
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

    def _new(self, kind: str, owner: str, first: int, line: int, worth: int = 0) -> tuple[Anchor, ast.Constant] | None:
        if len(self.anchors) >= self.budget:
            return None
        anchor = Anchor(kind, self.file, owner, first, line, worth=worth)
        self.anchors.append(anchor)
        return anchor, ast.Constant(value=_MARK % (len(self.anchors) - 1))

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
        if repeats or _cost_of_straight_code(body) >= COUNTER_COST_NS * HIDDEN_BY:
            self._count_in(body, at, "entry", owner, first)

    def _place_in_loop(self, node: ast.For | ast.AsyncFor | ast.While, owner: str, first: int) -> None:
        if _is_on_line_of(node, node.body[0]):
            return
        inner = _walk_scope(node.body)
        has_loop = any(isinstance(child, _LOOPS) for child in inner)
        cost = _cost_of_straight_code(node.body)
        if has_loop or cost >= COUNTER_COST_NS * HIDDEN_BY:
            anchor = self._count_in(node.body, 0, "loop", owner, first)
            if anchor is not None:
                anchor.header = node.lineno
        elif isinstance(node, ast.For) and not any(isinstance(child, _LEAVES) for child in inner):
            made = self._new("sized", owner, first, node.body[0].lineno, max(cost, 10))
            if made is not None:
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


def _is_on_line_of(outer: ast.stmt, inner: ast.stmt) -> bool:
    """Tell whether a suite stands on the line of its header, as in ``while x: step()``."""
    return inner.lineno == outer.lineno


def compile_with_anchors(text: str | bytes, file: str, budget: int) -> tuple[types.CodeType, list[Anchor]]:
    """Compile a module's source with anchors in it.

    Raises whatever ``compile`` raises for such a source, with the same
    positions; the caller then compiles it plainly.
    """
    tree = compile(text, file, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    assert isinstance(tree, ast.Module)  # what PyCF_ONLY_AST with "exec" gives
    placer = Placer(file, budget)
    placer.place(tree)
    code = compile(tree, file, "exec", dont_inherit=True)
    return code, placer.anchors


def install_anchors(code: types.CodeType, anchors: list[Anchor]) -> types.CodeType:
    """Return ``code`` with the marks among its constants replaced by the anchors themselves."""
    marks = {_MARK % index: anchor for index, anchor in enumerate(anchors)}

    def install(one: types.CodeType) -> types.CodeType:
        constants = tuple(
            install(constant)
            if isinstance(constant, types.CodeType)
            else marks.get(constant, constant)
            if type(constant) is str
            else constant
            for constant in one.co_consts
        )
        return one.replace(co_consts=constants)

    return install(code)


_kept: list[Any] = []
"""Anchors that stand in tuples which do not know that they own them."""


def can_patch() -> bool:
    """Tell whether the constants of existing code can be exchanged here: whether tuples lie as :func:`patch` thinks."""
    try:
        import ctypes
    except ImportError:
        return False
    gil = getattr(sys, "_is_gil_enabled", None)
    if gil is not None and not gil():
        return False
    probe = (object(), "a mark", 3.5)
    words = (ctypes.c_size_t * len(probe)).from_address(id(probe) + tuple.__basicsize__)
    return list(words) == [id(each) for each in probe]


def patch(code: types.CodeType, anchors: list[Anchor]) -> None:
    """Replace the marks among the constants of ``code``, which may be running already, in place.

    The interpreter has read this code from a file, where only its own constants
    can stand. Only where :func:`can_patch` holds.
    """
    import ctypes

    marks = {_MARK % index: anchor for index, anchor in enumerate(anchors)}
    todo = [code]
    while todo:
        one = todo.pop()
        constants = one.co_consts
        for index, constant in enumerate(constants):
            if isinstance(constant, types.CodeType):
                todo.append(constant)
            elif type(constant) is str and constant in marks:
                anchor = marks[constant]
                # Kept, and the mark with it: the tuple's own counting of references knows nothing of the exchange.
                _kept.append((anchor, constant, anchor))
                slot = ctypes.c_size_t.from_address(
                    id(constants) + tuple.__basicsize__ + index * ctypes.sizeof(ctypes.c_size_t)
                )
                slot.value = id(anchor)
