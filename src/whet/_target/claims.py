"""Tells from the source how often lines run, compared with a counter at the head of their block.

Nothing here is a guess: what could go otherwise (an exception, a loop left
early, a list that grows while it is iterated over) is told apart, so that it can
be checked when the program runs.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
REPEATS = (*LOOPS, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LEAVES = (ast.Break, ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Await)
_COMPOUND = (
    *LOOPS,
    ast.If,
    ast.Try,
    ast.Match,
    *SCOPES,
    *([ast.TryStar] if hasattr(ast, "TryStar") else []),
)
_INNER_CODE = (
    ast.GeneratorExp,
    ast.Lambda,
    *((ast.ListComp, ast.SetComp, ast.DictComp) if sys.version_info < (3, 12) else ()),
)
"""These are functions of their own, whose line events count for the line that they stand on."""
_HARMLESS_CALLS = frozenset(
    (
        "abs", "bool", "bytes", "chr", "complex", "divmod", "float", "format", "frozenset", "hash", "id", "int",
        "isinstance", "issubclass", "len", "max", "min", "ord", "pow", "print", "range", "repr", "reversed",
        "round", "sorted", "str", "sum", "tuple", "type", "zip",
    )
)  # fmt: skip
_HARMLESS_METHODS = frozenset(
    (
        "decode", "encode", "endswith", "format", "isalnum", "isalpha", "isdigit", "isspace", "join", "lower",
        "lstrip", "replace", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper",
        "zfill",
    )
)  # fmt: skip


@dataclass(slots=True)
class Claims:
    """Lines of a block by what is known of their number of runs, compared with a counter at its head."""

    sure: list[int] = field(default_factory=list)
    """As often: nothing before them can go wrong."""
    likely: list[int] = field(default_factory=list)
    """As often, where no exception comes in between."""
    checked: list[int] = field(default_factory=list)
    """Those of ``likely`` that ran as often if whatever stands at ``last`` was reached as often."""
    last: int = 0
    """Where in the block the last of ``checked`` stands."""


def walk_scope(nodes: Iterable[ast.AST]) -> list[ast.AST]:
    """Return all nodes below ``nodes`` without entering nested scopes, iteratively."""
    found: list[ast.AST] = []
    todo: list[ast.AST] = list(nodes)
    while todo:
        node = todo.pop()
        found.append(node)
        if not isinstance(node, SCOPES):
            todo.extend(ast.iter_child_nodes(node))
    return found


def list_claims(body: list[ast.stmt]) -> Claims:
    """Return what is known of the lines of a block, up to the first statement that may leave it.

    Of loops and branches inside only what follows them is known, and that only where nothing in them leaves the block.
    """
    claims = Claims()
    sure: list[int] = []
    _add_lines(body, claims, sure, outermost=True)
    lines = [*sure, *claims.likely, *claims.checked]
    once = {line for line in lines if lines.count(line) == 1}
    claims.sure = [line for line in sure if line in once]
    claims.likely = [line for line in claims.likely if line in once]
    claims.checked = [line for line in claims.checked if line in once]
    return claims


def _add_lines(body: list[ast.stmt], claims: Claims, sure: list[int], *, outermost: bool) -> bool:
    """Add the lines of a block; return whether its end is surely reached, exceptions aside."""
    safe = outermost
    for index, statement in enumerate(body):
        if isinstance(statement, (ast.With, ast.AsyncWith)):
            # Its own line runs again when it is left, and what it does with exceptions nobody knows.
            safe = False
            if not _add_lines(statement.body, claims, sure, outermost=False) or _may_leave(statement):
                return False
            continue
        if _has_line_of_its_own(statement):
            line = statement.lineno
            if safe:
                sure.append(line)
            elif outermost:
                claims.checked.append(line)
                claims.last = index
            else:
                claims.likely.append(line)
        safe = safe and _cannot_fail(statement)
        if _may_leave(statement):
            return False
    return True


def _has_line_of_its_own(statement: ast.stmt) -> bool:
    """Tell whether the first line of a statement runs exactly when the statement does, and once."""
    if isinstance(statement, ast.If):
        test = statement.test
        whole = statement.end_lineno == statement.lineno or statement.body[0].lineno > statement.lineno
        if any(isinstance(node, (ast.Yield, ast.YieldFrom, ast.Await)) for node in walk_scope([test])):
            return False
        return test.end_lineno == statement.lineno and whole and not _has_inner_code(test)
    if isinstance(statement, (*_COMPOUND, ast.Global, ast.Nonlocal)):
        return False
    if has_no_code(statement):
        return False
    if any(isinstance(node, (ast.Yield, ast.YieldFrom, ast.Await)) for node in walk_scope([statement])):
        # What is thrown in there, be it only by closing, runs the line again.
        return False
    # A statement over several lines runs its lines back and forth.
    return statement.lineno == statement.end_lineno and not _has_inner_code(statement)


def has_no_code(statement: ast.stmt) -> bool:
    """Tell whether a statement has no code, at least in some versions."""
    if isinstance(statement, ast.AnnAssign):
        return statement.value is None
    return isinstance(statement, (ast.Global, ast.Nonlocal))


def _has_inner_code(node: ast.AST) -> bool:
    return any(isinstance(each, _INNER_CODE) for each in walk_scope([node]))


def _cannot_fail(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Pass, ast.Global, ast.Nonlocal)):
        return True
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.Assign):
        return all(isinstance(target, ast.Name) for target in statement.targets) and _is_display(statement.value)
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.simple:
        # The annotation of a function's variable is never asked for.
        return statement.value is not None and isinstance(statement.annotation, ast.Constant) and _is_display(
            statement.value
        )  # fmt: skip
    return False


def _is_display(value: ast.expr) -> bool:
    """Tell whether an expression is made of constants alone."""
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
        return isinstance(value.operand, ast.Constant)
    if isinstance(value, (ast.List, ast.Tuple)):
        return all(_is_display(element) for element in value.elts)
    if isinstance(value, ast.Dict):
        return not value.keys
    return isinstance(value, ast.Constant)


def _may_leave(statement: ast.stmt) -> bool:
    """Tell whether control can leave the block inside ``statement``, or come back to it later."""
    todo: list[tuple[ast.AST, bool]] = [(statement, False)]
    while todo:
        node, in_loop = todo.pop()
        if isinstance(node, (ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Await)):
            return True
        if isinstance(node, (ast.Break, ast.Continue)) and not in_loop:
            return True
        if isinstance(node, (ast.AsyncFor, ast.AsyncWith)):
            return True
        if isinstance(node, ast.comprehension) and node.is_async:
            return True
        if isinstance(node, ast.While) and isinstance(node.test, ast.Constant):
            return True
        if isinstance(node, LOOPS):
            todo.extend((child, in_loop) for child in node.orelse)
            inside = [*node.body, node.test] if isinstance(node, ast.While) else [*node.body, node.iter, node.target]
            todo.extend((child, True) for child in inside)
        elif not isinstance(node, SCOPES):
            todo.extend((child, in_loop) for child in ast.iter_child_nodes(node))
        else:
            # Decorators, default values and bases belong to the block; what the scope does is its own affair.
            todo.extend((child, in_loop) for child in _outer_parts(node))
    return False


def _outer_parts(scope: ast.AST) -> Iterator[ast.AST]:
    if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        yield from scope.args.defaults
        yield from (default for default in scope.args.kw_defaults if default is not None)
    if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield from scope.decorator_list
    if isinstance(scope, ast.ClassDef):
        yield from scope.bases
        yield from (keyword.value for keyword in scope.keywords)


def may_change(loop: ast.For, plain: set[str]) -> bool:
    """Tell whether the body of a loop might change what is iterated over, by whatever name it knows it.

    ``plain`` are names of which adding something makes a new value, since no list was ever bound to them.
    """
    for node in walk_scope(loop.body):
        if isinstance(node, ast.Call):
            function = node.func
            known = isinstance(function, ast.Name) and function.id in _HARMLESS_CALLS
            if not known and not (isinstance(function, ast.Attribute) and function.attr in _HARMLESS_METHODS):
                return True
        elif isinstance(node, ast.Delete):
            if any(not isinstance(target, ast.Name) for target in node.targets):
                return True
        elif isinstance(node, ast.Subscript):
            if isinstance(node.ctx, ast.Store) and isinstance(node.slice, ast.Slice):
                return True
        elif isinstance(node, ast.AugAssign):
            # Adding to a list changes it, whatever else refers to it.
            if not (isinstance(node.target, ast.Name) and node.target.id in plain):
                return True
        elif isinstance(node, (ast.With, *SCOPES)):
            return True
    return False


_REMOVERS = frozenset(
    (
        "clear", "discard", "pop", "popitem", "remove",
    )
)  # fmt: skip


def removes(loop: ast.For) -> bool:
    """Tell whether the body of a loop takes something out of a container.

    A dictionary or set that changes its size ends the loop by an error; one that loses and gains as much does not.
    """
    for node in walk_scope(loop.body):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _REMOVERS:
            return True
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Del):
            return True
    return False


def bound_names(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names that are bound or deleted in a scope."""
    names: set[str] = set()
    for node in walk_scope(nodes):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.MatchAs, ast.MatchStar, ast.ExceptHandler)):
            names.add(node.name or "")
        elif isinstance(node, ast.MatchMapping):
            names.add(node.rest or "")
    return names


def plain_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Return the function's own names that it binds to constants only, and then adds to."""
    constants: list[str] = []
    every: list[str] = []
    for node in walk_scope(function.body):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            constants += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            constants.append(node.target.id)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            every.append(node.id)
    every += bound_names([function.args, *function.body]) - set(every)
    names = {name for name in constants if constants.count(name) == every.count(name)}
    return names & local_names(function) - {argument.arg for argument in _list_arguments(function.args)}


def _list_arguments(arguments: ast.arguments) -> list[ast.arg]:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return [argument for argument in every if argument is not None]


def local_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Return the names that only the function's own code can bind anew."""
    names = {argument.arg for argument in _list_arguments(function.args)} | bound_names(function.body)
    for node in ast.walk(function):
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            names.difference_update(node.names)
    return names
