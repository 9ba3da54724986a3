"""What a line does with a variable: whether that takes time in proportion to the variable's length."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from enum import Enum, auto
from functools import lru_cache

from whet.advise.source_loops import parse_source

_MOVING = frozenset({"builtins.list", "builtins.bytearray", "collections.deque"})
"""Types in which what is behind a deleted element moves."""
_KEYED = frozenset({"builtins.dict", "builtins.set", "builtins.frozenset"})
_IMMUTABLE = frozenset({"builtins.str", "builtins.bytes", "builtins.tuple", "builtins.frozenset"})

_TYPES = ["list", "tuple", "set", "dict", "frozenset", "str", "bytes", "bytearray", "deque", "Counter"]
_BUILTINS = ["sum", "min", "max", "sorted", "any", "all", "repr", "print"]
_LIBRARY = ["copy", "deepcopy", "dumps", "dump", "loads", "crc32", "adler32", "compress"]
_TRAVERSES = frozenset([*_TYPES, *_BUILTINS, *_LIBRARY])
"""Functions, of Python and of its library, that look at all that they are given."""
_SEARCHES = frozenset(
    ["search", "match", "fullmatch", "findall", "finditer", "split", "sub", "subn", "join", "extend", "update"]
)
"""Methods that look at all that they are given."""
_LAZY = frozenset(
    ["iter", "enumerate", "reversed", "zip", "map", "filter", "chain", "islice", "items", "keys", "values"]
)
"""What they return goes over the variable when it is gone over itself."""
_CONSTANT_CALLS = frozenset(
    ["len", "isinstance", "issubclass", "id", "type", "bool", "next", "getattr", "hasattr", "callable", "range"]
)
_CONSTANT_METHODS: Mapping[str, frozenset[str]] = {
    "builtins.list": frozenset(["append", "extend"]),
    "builtins.bytearray": frozenset(["append", "extend"]),
    "builtins.dict": frozenset(["get", "setdefault", "pop", "popitem", "update", "__contains__", "__getitem__"]),
    "builtins.set": frozenset(["add", "discard", "remove", "pop", "update"]),
    "builtins.frozenset": frozenset(),
    "collections.deque": frozenset(["append", "appendleft", "pop", "popleft", "extend", "extendleft"]),
    "builtins.str": frozenset(["startswith", "endswith"]),
    "builtins.bytes": frozenset(["startswith", "endswith"]),
    "builtins.tuple": frozenset(),
}
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Use(Enum):
    """How long it takes to use a variable, ascending."""

    CONSTANT = auto()
    UNKNOWN = auto()
    """It is passed to a function that may look at all of it."""
    WHOLE = auto()
    """All of it is looked at or copied, or may have to be."""


def find_use(text: str, line: int, name: str, types: Collection[str]) -> Use | None:
    """Return the longest use of ``name`` (``seen`` or ``self.seen``) at ``line``; ``None`` where there is none.

    ``types`` are those of the variable.
    """
    parents = _find_parents(text)
    uses = [_judge(node, parents, types) for node in parents if _is_named(node, name) and _line_of(node) == line]
    return max(uses, key=lambda each: each.value, default=None)


def changes_as_often(text: str, line: int, name: str) -> bool:
    """Return whether what makes ``name`` longer is repeated by the same loop as ``line``, or by no other in a function.

    Otherwise the line may run more and more often for each element that is added.
    """
    parents = _find_parents(text)
    around = {_find_repeater(node, parents) for node in parents if _is_named(node, name) and _line_of(node) == line}
    return any(
        _find_repeater(node, parents) in around for node in parents if _is_named(node, name) and _changes(node, parents)
    )


def list_arguments(text: str, caller_line: int, name: str) -> Iterator[tuple[str, int | str]]:
    """Yield where the function that begins at ``caller_line`` passes ``name``: the called name, and which argument.

    An argument is a position or a keyword. ``caller_line`` is 0 for the module.
    """
    parents = _find_parents(text)
    for node in parents:
        call = parents[node]
        if not _is_named(node, name) or _begin_of(_find_function(node, parents)) != caller_line:
            continue
        if isinstance(call, ast.keyword) and call.arg is not None:
            outer = parents.get(call)
            if isinstance(outer, ast.Call):
                yield _name_called(outer), call.arg
        elif isinstance(call, ast.Call) and node in call.args:
            yield _name_called(call), call.args.index(node)


def name_parameter(text: str, function_line: int, argument: int | str) -> str:
    """Return the name that an argument has in the function that begins at a line; empty where it has none there."""
    for node in _find_parents(text):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _begin_of(node) == function_line:
            given = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
            if isinstance(argument, str):
                return argument if argument in (*given, *(each.arg for each in node.args.kwonlyargs)) else ""
            given = given[1:] if given[:1] in (["self"], ["cls"]) else given
            return given[argument] if argument < len(given) else ""
    return ""


@lru_cache(maxsize=16)
def _find_parents(text: str) -> dict[ast.AST, ast.AST]:
    """Return the node above each node of a source; nothing for one that does not parse."""
    tree = parse_source(text)
    if tree is None:
        return {}
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def _is_named(node: ast.AST, name: str) -> bool:
    owner, _, attribute = name.rpartition(".")
    if not owner:
        return isinstance(node, ast.Name) and node.id == attribute
    if not isinstance(node, ast.Attribute) or node.attr != attribute:
        return False
    return isinstance(node.value, ast.Name) and node.value.id == owner


def _line_of(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 0))


def _judge(node: ast.AST, parents: Mapping[ast.AST, ast.AST], types: Collection[str]) -> Use:
    above = parents[node]
    takes_all = False
    match above:
        case ast.Attribute():
            call = parents[above]
            if isinstance(call, ast.Call) and call.func is above:
                return _judge_method(call, parents, types)
        case ast.Call(args=args) if node in args:
            return _judge_argument(above, parents, types)
        case ast.keyword() if above.arg:
            return Use.UNKNOWN
        case ast.Subscript(value=value) if value is node:
            takes_all = _takes_items(above, types)
        case ast.Compare(ops=ops, comparators=others) if not _KEYED.issuperset(types):
            found = zip(ops, others, strict=True)
            takes_all = any(other is node and isinstance(op, ast.In | ast.NotIn) for op, other in found)
        case ast.AugAssign(target=target):
            takes_all = target is not node or not _IMMUTABLE.isdisjoint(types)
        case ast.For(iter=gone_over) | ast.AsyncFor(iter=gone_over) | ast.comprehension(iter=gone_over):
            takes_all = gone_over is node
        case ast.Dict(keys=keys, values=values):
            takes_all = any(value is node and key is None for key, value in zip(keys, values, strict=True))
        case ast.BinOp() | ast.Starred() | ast.FormattedValue() | ast.YieldFrom() | ast.keyword():
            takes_all = True
    return Use.WHOLE if takes_all else Use.CONSTANT


def _judge_method(call: ast.Call, parents: Mapping[ast.AST, ast.AST], types: Collection[str]) -> Use:
    """Judge ``variable.method(…)``."""
    assert isinstance(call.func, ast.Attribute)
    method = call.func.attr
    if method in _LAZY:
        return _judge(call, parents, types)
    if method == "pop" and call.args and not _KEYED.issuperset(types):
        return Use.CONSTANT if ast.unparse(call.args[0]) == "-1" else Use.WHOLE
    if method == "pop":
        return Use.CONSTANT
    constant = all(method in _CONSTANT_METHODS.get(each, frozenset({method})) for each in types)
    return Use.CONSTANT if constant else Use.WHOLE


def _takes_items(item: ast.Subscript, types: Collection[str]) -> bool:
    """Whether ``variable[…]`` takes long: a slice is copied, and behind what is deleted all moves."""
    if isinstance(item.ctx, ast.Del):
        return not _MOVING.isdisjoint(types) and ast.unparse(item.slice) != "-1"
    return isinstance(item.slice, ast.Slice) and _is_long(item.slice)


def _is_long(part: ast.Slice) -> bool:
    """Whether a slice may be most of what is sliced: not so where both ends are known, or just a few last are meant."""
    if part.lower is None or part.upper is None:
        negative = isinstance(part.lower, ast.UnaryOp) and isinstance(part.lower.op, ast.USub)
        short = isinstance(part.upper, ast.Constant)
        return not negative and not short
    return False


def _judge_argument(call: ast.Call, parents: Mapping[ast.AST, ast.AST], types: Collection[str]) -> Use:
    called = _name_called(call)
    if called in _LAZY:
        return _judge(call, parents, types)
    if called in _CONSTANT_CALLS:
        return Use.CONSTANT
    if called in _TRAVERSES or (isinstance(call.func, ast.Attribute) and called in _SEARCHES):
        return Use.WHOLE
    return Use.UNKNOWN


def _name_called(call: ast.Call) -> str:
    """Return the last part of the name of what is called."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _changes(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """Whether a variable is made longer here, or set."""
    above = parents[node]
    if isinstance(getattr(node, "ctx", None), ast.Store):
        return True
    if isinstance(above, ast.Subscript) and above.value is node:
        return isinstance(above.ctx, ast.Store)
    grows = ("append", "add", "extend", "insert", "update", "setdefault", "appendleft")
    return isinstance(above, ast.Attribute) and above.attr in grows and isinstance(parents[above], ast.Call)


def _find_repeater(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> ast.AST | None:
    """Return the loop, comprehension or function that repeats a node; ``None`` at the module's own level."""
    below: ast.AST = node
    above = parents.get(node)
    while above is not None:
        if isinstance(above, (*_FUNCTIONS, *_COMPREHENSIONS)):
            return above
        # What a loop goes over is evaluated once.
        if isinstance(above, _LOOPS) and below is not getattr(above, "iter", None) and below not in above.orelse:
            return above
        below, above = above, parents.get(above)
    return None


def _find_function(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> ast.AST | None:
    above = parents.get(node)
    while above is not None and not isinstance(above, _FUNCTIONS):
        above = parents.get(above)
    return above


def _begin_of(function: ast.AST | None) -> int:
    """Return the first line of a function, decorators included; 0 for a module."""
    if function is None:
        return 0
    return min(_line_of(each) for each in (function, *getattr(function, "decorator_list", ())))
