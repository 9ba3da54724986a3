"""Loops that search for the elements with one key, and the edits that look them up in a dict built once."""

from __future__ import annotations

import ast
import re

from whet.engine.context import Context
from whet.engine.hashing import may_be_hashable
from whet.engine.places import Place, PlaceKind
from whet.engine.rewrite import Rewrite
from whet.engine.scopes import BindingKind
from whet.records import dataclass

_Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


@dataclass(frozen=True, slots=True)
class Search:
    """A loop over ``place`` that does something only for elements whose ``key`` equals ``probe``."""

    loop: ast.For | ast.comprehension
    place: Place
    element: str
    key: ast.expr
    probe: ast.expr
    test: ast.Compare
    rest: tuple[ast.expr, ...]
    """Further conditions, all of which must hold."""
    field: str
    """The key of an element, as the source after its name."""


def find_search(context: Context, loop: ast.For | ast.comprehension) -> Search | None:
    """Return what ``loop`` searches for, if it does nothing for other elements; ``None`` for other loops."""
    match loop:
        case ast.For(target=ast.Name(id=element), iter=iterable, body=[ast.If(test=test, orelse=[])], orelse=[]):
            if not context.keeps_its_variables(loop):
                return None
            conditions = [test]
        case ast.comprehension(target=ast.Name(id=element), iter=iterable, ifs=[_, *_] as conditions, is_async=0):
            pass
        case _:
            return None
    place = context.place(iterable)
    both = (
        test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test] for test in conditions
    )
    parts = [part for tests in both for part in tests]
    if place is None or not isinstance(parts[0], ast.Compare):
        return None
    match parts[0]:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            pass
        case _:
            return None
    for key, probe in ((left, right), (right, left)):
        if _is_key(key, element) and element not in context.names_in(probe) and _may_be_probe(context, probe):
            written = context.source_of(key)
            field = (written if written.startswith(element) else ast.unparse(key))[len(element) :]
            return Search(loop, place, element, key, probe, parts[0], tuple(parts[1:]), field)
    return None


def _is_key(node: ast.expr, element: str) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id=name)):
            return name == element
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str() | int())):
            return name == element
        case _:
            return False


def _may_be_probe(context: Context, probe: ast.expr) -> bool:
    """Return whether ``probe`` can be evaluated earlier or later, and may be hashable."""
    if isinstance(probe, ast.Constant) or "builtins.float" in context.type_of(probe):
        return False
    if not may_be_hashable(context, probe) or context.falls_back(probe, TypeError):
        return False
    plain = ast.Name | ast.Attribute | ast.Subscript | ast.Constant | ast.Tuple | ast.expr_context | ast.UnaryOp
    return all(isinstance(part, plain | ast.USub) for part in ast.walk(probe))


def _name_index(search: Search, rewrite: Rewrite, *, lasting: bool) -> str:
    field = re.sub(r"\W+", "_", search.field).strip("_")
    name = search.place.name.rpartition(".")[2]
    wanted = f"{name}_BY_{field.upper()}" if name.isupper() else f"{name.strip('_')}_by_{field}"
    private = lasting and search.place.kind in (PlaceKind.ATTRIBUTE, PlaceKind.GLOBAL)
    return rewrite.fresh(f"_{wanted.lstrip('_')}" if private else wanted)


def index_before(context: Context, search: Search, statement: ast.stmt) -> Rewrite:
    """Return the edits that build a dict of lists before ``statement``, and let the loop iterate over one of them."""
    rewrite = context.rewrite()
    statement = context.whole_if(statement)
    index = _name_index(search, rewrite, lasting=False)
    place = rewrite.text(search.loop.iter)
    element = search.element if isinstance(search.loop, ast.For) else rewrite.fresh(search.element)
    rewrite.insert_before(statement, _fill(index, place, element, search))
    if none := context.find_possible_none(search.loop.iter):
        rewrite.refuse(f"{none} may be None in a run that never searches it")
    _go_through(context, search, f"{index}.get({rewrite.text(search.probe)}, ())", rewrite)
    return rewrite


def _fill(index: str, place: str, element: str, search: Search) -> str:
    key = f"{element}{search.field}"
    return f"{index} = {{}}\nfor {element} in {place}:\n    {index}.setdefault({key}, []).append({element})"


def _go_through(context: Context, search: Search, found: str, rewrite: Rewrite) -> None:
    """Let the loop iterate over the elements ``found``, whose key need not be compared any more."""
    if isinstance(search.loop, ast.For):
        rewrite.replace(search.loop.iter, found)
        _drop_condition(context, search, rewrite)
    else:
        _change_comprehension(context, search, found, rewrite)


def _drop_condition(context: Context, search: Search, rewrite: Rewrite) -> None:
    condition = context.facts.statement(search.test)
    if not isinstance(condition, ast.If):
        return
    if search.rest:
        rewrite.replace(condition.test, " and ".join(rewrite.condition(part) for part in search.rest))
        return
    rewrite.unwrap(condition)


def _change_comprehension(context: Context, search: Search, found: str, rewrite: Rewrite) -> None:
    whole, joined = context.facts.parent(search.loop), context.facts.parent(search.test)
    if not isinstance(whole, _Comprehension) or not isinstance(search.loop, ast.comprehension):
        return
    if isinstance(joined, ast.BoolOp):
        remaining = [part for part in search.rest if context.is_inside(part, joined)]
        rewrite.replace(search.loop.iter, found)
        rewrite.replace(joined, " and ".join(rewrite.condition(part) for part in remaining))
        return
    rewrite.replace(whole, rewrite.comprehension(whole, search.loop, found, search.rest))


def index_beside(context: Context, search: Search) -> Rewrite:
    """Return the edits that build a dict where the elements are built, and look up in it on each call."""
    rewrite = context.rewrite()
    start = next(b.node for b in search.place.bindings if b.kind is not BindingKind.DECLARED)
    if not isinstance(start, ast.Assign | ast.AnnAssign) or (isinstance(start, ast.Assign) and len(start.targets) > 1):
        rewrite.refuse(f"there is no single place where {search.place.name} is built")
        return rewrite
    name = _name_index(search, rewrite, lasting=True)
    target = start.target if isinstance(start, ast.AnnAssign) else start.targets[0]
    owner, dot, _ = rewrite.text(target).rpartition(".")
    made = f"{owner}{dot}{name}"
    owner, dot, _ = rewrite.text(search.loop.iter).rpartition(".")
    index, probe = f"{owner}{dot}{name}", rewrite.text(search.probe)
    match search.loop:
        case ast.For(body=[ast.If(body=[ast.Return(value=ast.Name(id=element))])]) if (
            element == search.element and not search.rest and context.has_builtin("reversed")
        ):
            # Of several with one key the first must be found: it is stored last.
            key = f"{element}{search.field}"
            values = f"reversed({rewrite.text(target)})"
            rewrite.insert_after(start, f"{made} = {{{key}: {element} for {element} in {values}}}")
            rewrite.replace(search.loop, f"if {probe} in {index}:\n    return {index}[{probe}]")
        case _:
            rewrite.insert_after(start, _fill(made, rewrite.text(target), rewrite.fresh(search.element), search))
            _go_through(context, search, f"{index}.get({probe}, ())", rewrite)
    return rewrite
