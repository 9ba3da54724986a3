"""Which loop of a function repeats what one of its lines calls, read from the source."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection
from functools import lru_cache

from whet.records import dataclass

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FRAMES = ("<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>")
"""How the code objects of comprehensions are called; what the first ``for`` goes over is evaluated outside of them."""
_ITERATES = frozenset({"__next__", "__iter__", "__anext__", "__aiter__", "_iter_impl"})


@dataclass(frozen=True, slots=True)
class SourceLoop:
    """A loop. ``line`` is where it begins; ``is_counted`` says that it goes over something: no ``while``."""

    line: int
    is_counted: bool


def find_loop(text: str, line: int, called: Collection[str], function: str = "") -> SourceLoop | None:
    """Return the innermost loop of ``function`` around ``line`` (from 1) that repeats the call of ``called`` there.

    ``called`` are plain names of what the line may call, one of which its source has; empty: any call. ``function`` is
    the name of the code object, which tells a comprehension with a frame of its own. ``None`` where no loop does, and
    for a source that does not parse. What a loop goes over is evaluated once, so it is no part of it.
    """
    tree = parse_source(text)
    return _search(tree, line, called, function, None) if tree is not None else None


def is_in_class(text: str, line: int) -> bool:
    """Return whether a line is of a class, but not of one of its methods."""
    scope: ast.AST | None = parse_source(text)
    innermost: ast.AST | None = None
    while scope is not None:
        innermost = scope if isinstance(scope, _FUNCTIONS) else innermost
        scope = next((node for node in ast.iter_child_nodes(scope) if _spans(node, line)), None)
    return isinstance(innermost, ast.ClassDef)


@lru_cache(maxsize=32)
def parse_source(text: str) -> ast.Module | None:
    """Return the tree of a source; ``None`` where it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the user's string escapes
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _search(
    node: ast.AST, line: int, called: Collection[str], function: str, loop: SourceLoop | None
) -> SourceLoop | None:
    """Go down to the line; ``loop`` is the one that repeats ``node``."""
    while True:
        if isinstance(node, _FUNCTIONS):
            loop = None
        parts = [(part, inner) for part, inner in _parts(node, loop) if _spans(part, line)]
        if isinstance(node, _COMPREHENSIONS) and _ITERATES.isdisjoint(called) and function.endswith(_FRAMES):
            parts = [(part, inner) for part, inner in parts if part is not node.generators[0].iter]
        if not parts:
            return loop
        if len(parts) > 1:
            # All on one line: the part that calls it, if just one does.
            callers = [each for each in parts if _calls(each[0], called)]
            if not callers and function.endswith(_FRAMES):
                callers = [each for each in parts if any(isinstance(n, _COMPREHENSIONS) for n in ast.walk(each[0]))]
            if len(callers) != 1:
                loops = {inner for _, inner in callers or parts}
                return loops.pop() if len(loops) == 1 else loop
            parts = callers
        node, loop = parts[0]


def _parts(node: ast.AST, loop: SourceLoop | None) -> list[tuple[ast.AST, SourceLoop | None]]:
    """Return the children of a node, each with the loop that repeats it."""
    if isinstance(node, _LOOPS):
        own = SourceLoop(node.lineno, not isinstance(node, ast.While))
        once = [node.iter, node.target] if not isinstance(node, ast.While) else []
        again = [*([node.test] if isinstance(node, ast.While) else []), *node.body]
        return [*((each, loop) for each in (*once, *node.orelse)), *((each, own) for each in again)]
    if isinstance(node, _COMPREHENSIONS):
        own = SourceLoop(node.lineno, is_counted=True)
        first, *others = node.generators
        made = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        again = [*made, *first.ifs, *(each for other in others for each in (other.iter, *other.ifs))]
        return [(first.iter, loop), *((each, own) for each in again)]
    return [(each, loop) for each in _with_places(node)]


def _with_places(node: ast.AST) -> list[ast.AST]:
    """Return the nearest nodes below that have a line; ``arguments`` and such have none."""
    found: list[ast.AST] = []
    for child in ast.iter_child_nodes(node):
        found += [child] if hasattr(child, "lineno") else _with_places(child)
    return found


def _spans(node: ast.AST, line: int) -> bool:
    first: int = getattr(node, "lineno", 0)
    last: int = getattr(node, "end_lineno", 0) or 0
    decorators = getattr(node, "decorator_list", [])
    begin: int = min([first, *(each.lineno for each in decorators)])
    return begin <= line <= last


def _calls(node: ast.AST, called: Collection[str]) -> bool:
    """Whether it calls one of ``called``, or reads an attribute of that name: a property."""
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and each.attr in called:
            return True
        if isinstance(each, ast.Call) and (not called or (isinstance(each.func, ast.Name) and each.func.id in called)):
            return True
    return False
