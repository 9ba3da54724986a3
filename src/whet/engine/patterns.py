"""Constant regular expressions: which calls search with them, what characters they match, and where they backtrack."""

from __future__ import annotations

import ast
import importlib
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from whet.engine.context import Context
from whet.engine.targets import list_class_bindings
from whet.records import dataclass

_FLAGS_AT = {"match": 2, "search": 2, "fullmatch": 2, "findall": 2, "finditer": 2, "split": 3, "sub": 4, "subn": 4}
"""Position of the flags among the arguments of the functions of ``re``."""
_TEXT_AT = {"sub": 1, "subn": 1}
"""Position of the text among the arguments of a method, where it is not the first."""
_SIGNS = frozenset(range(256))
_MOST = 1000
"""Characters of a pattern up to which it is examined."""
_NEGATED = {"NOT_DIGIT": "DIGIT", "NOT_SPACE": "SPACE", "NOT_WORD": "WORD"}
_KINDS: dict[str, Callable[[str], bool]] = {
    "DIGIT": str.isdigit,
    "SPACE": str.isspace,
    "WORD": lambda sign: sign.isalnum() or sign == "_",
}

Item = tuple[Any, Any]
"""One element of a parsed pattern: what it is, and its arguments."""


@dataclass(frozen=True, slots=True)
class Matching:
    """A call that matches a constant pattern: ``method`` of it on ``text``, compiled before or not."""

    pattern: str | bytes
    method: str
    text: ast.expr
    flags: int


def read_matching(context: Context, call: ast.Call) -> Matching | None:
    """Return what a call of ``re``, or of a pattern that the file compiles once, matches; ``None`` for other calls."""
    if not isinstance(call.func, ast.Attribute | ast.Name) or any(isinstance(arg, ast.Starred) for arg in call.args):
        return None
    module, _, name = (context.resolve(call.func) or "").rpartition(".")
    if module == "re" and name in _FLAGS_AT:
        at, compiled = 1 + _TEXT_AT.get(name, 0), call
    elif isinstance(call.func, ast.Attribute) and call.func.attr in _FLAGS_AT:
        name, at = call.func.attr, _TEXT_AT.get(call.func.attr, 0)
        found = _find_compiled(context, call.func.value)
        if found is None:
            return None
        compiled = found
    else:
        return None
    pattern = context.constant(compiled.args[0]) if compiled.args else None
    named = {keyword.arg: keyword.value for keyword in compiled.keywords}
    flags_at = 1 if compiled is not call else _FLAGS_AT[name]
    given = compiled.args[flags_at] if len(compiled.args) > flags_at else named.get("flags")
    flags = read_flags(context, given) if given is not None else re.RegexFlag(0)
    if not isinstance(pattern, str | bytes) or flags is None or len(call.args) <= at:
        return None
    return Matching(pattern, name, call.args[at], int(flags))


def _find_compiled(context: Context, node: ast.expr) -> ast.Call | None:
    """Return the call of ``re.compile`` whose result a name of the module or an attribute of a class holds."""
    match node:
        case ast.Name():
            binding = context.facts.only_binding(node)
            values = [binding.value] if binding is not None else []
        case ast.Attribute(value=ast.Name() as base, attr=attribute) if context.facts.class_of_self(base) is not None:
            values = [binding.value for binding in list_class_bindings(context, attribute)]
        case _:
            return None
    match values:
        case [ast.Call(func=function, args=[_, *_]) as call] if context.resolve(function) == "re.compile":
            return call
        case _:
            return None


def read_flags(context: Context, node: ast.expr) -> re.RegexFlag | None:
    """Return the flags that an expression means; ``None`` where the source does not show it."""
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            first, second = read_flags(context, left), read_flags(context, right)
            return None if first is None or second is None else first | second
        case ast.Constant(value=int() as value):
            return re.RegexFlag(value)
        case _:
            module, _, name = (context.resolve(node) or "").rpartition(".")
            flag = getattr(re, name, None) if module in ("re", "re.RegexFlag") else None
            return flag if isinstance(flag, re.RegexFlag) else None


def parse_pattern(pattern: str | bytes, flags: int = 0) -> list[Item]:
    """Return the elements of a pattern; none if it is not one, or is too long to examine."""
    if len(pattern) > _MOST:
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return list(importlib.import_module("re._parser").parse(pattern, flags))
    except (re.error, Warning, ValueError, OverflowError, RecursionError):
        return []


def read_class(pattern: str | bytes, flags: int = 0) -> tuple[str, bool] | None:
    """Return the characters of a pattern that is one class of listed characters, and whether it takes runs of them."""
    match parse_pattern(pattern, flags):
        case [(operator, (1, _, body))] if str(operator) == "MAX_REPEAT" and len(body) == 1:
            item, repeated = body[0], True
        case [item]:
            repeated = False
        case _:
            return None
    name, argument = str(item[0]), item[1]
    if name != "IN" or flags & (re.IGNORECASE | re.LOCALE) or any(str(kind) != "LITERAL" for kind, _ in argument):
        return None
    return "".join(chr(code) for _, code in argument), repeated


def is_one_sign(pattern: str | bytes) -> bool:
    """Return whether a pattern matches one character of a class, and nothing else."""
    match parse_pattern(pattern):
        case [item]:
            return str(item[0]) == "IN"
        case _:
            return False


def find_backtracking(pattern: str | bytes, flags: int, *, anchored: bool) -> str:
    """Return why a match that fails takes more than linear time in the length of a text; nothing if it does not.

    ``anchored``: it is tried at one position only, as by ``match``. Characters above 255 are not looked at.
    """
    items = parse_pattern(pattern, flags)
    if any(_list_nested(items)):
        return "a repeated group is itself a repeat, and every way to divide a text between them is tried"
    start = list(_flatten(items))
    first = start[0] if start else None
    if not anchored and first is not None and _is_endless(first):
        rest = start[1:]
        if _can_fail_after(_signs_of(first), rest):
            return "the repeat that it begins with is tried again from each character of a run that does not match"
    for at, item in enumerate(start[1:-1] if start else [], 1):
        before, other = start[at - 1], item
        if _is_endless(before) and _is_endless(other) and _signs_of(before) & _signs_of(other):
            rest = start[at + 1 :]
            if _can_fail_after(_signs_of(before) & _signs_of(other), rest):
                return "two repeats in a row take the same characters, and every way to divide them is tried"
    return ""


def _flatten(items: Sequence[Item]) -> Iterator[Item]:
    """Yield the elements in order, those of plain groups in their place."""
    for item in items:
        name, argument = str(item[0]), item[1]
        if name == "SUBPATTERN" and not argument[1] and not argument[2]:
            yield from _flatten(argument[3])
        else:
            yield item


def _is_endless(item: Item) -> bool:
    """Return whether an element is a character that repeats without limit, and gives back what it took."""
    name, argument = str(item[0]), item[1]
    if name not in ("MAX_REPEAT", "MIN_REPEAT"):
        return False
    _, most, body = argument
    return str(most) == "MAXREPEAT" and len(body) == 1 and bool(_signs_of(body[0]))


def _list_nested(items: Sequence[Item]) -> Iterator[Item]:
    """Yield each endless repeat whose body is another one, apart from what may be empty."""
    for item in items:
        name, argument = str(item[0]), item[1]
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            _, most, body = argument
            inner = list(_flatten(body))
            needed = [one for one in inner if not _may_be_empty(one)]
            alone = _is_endless(needed[0]) if len(needed) == 1 else not needed and any(map(_is_endless, inner))
            if str(most) == "MAXREPEAT" and alone:
                yield item
            yield from _list_nested(body)
        elif name == "SUBPATTERN":
            yield from _list_nested(argument[3])
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _list_nested(branch)


def _may_be_empty(item: Item) -> bool:
    name, argument = str(item[0]), item[1]
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return bool(argument[0] == 0) or all(map(_may_be_empty, argument[2]))
    if name == "SUBPATTERN":
        return all(map(_may_be_empty, argument[3]))
    if name == "BRANCH":
        return any(all(map(_may_be_empty, branch)) for branch in argument[1])
    return name in ("AT", "ASSERT", "ASSERT_NOT", "GROUPREF_EXISTS")


def _can_fail_after(signs: frozenset[int], rest: Sequence[Item]) -> bool:
    """Return whether what follows a run of ``signs`` need not match: it is the end, or not any of them."""
    for item in rest:
        name = str(item[0])
        if name == "AT":
            return str(item[1]) in ("AT_END", "AT_END_STRING")
        if not _may_be_empty(item):
            first = _first_signs(item)
            return bool(first) and not signs <= first
    return False


def _first_signs(item: Item) -> frozenset[int]:
    """Return the characters that an element can begin with; none if that is not known."""
    name, argument = str(item[0]), item[1]
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return _first_signs(argument[2][0]) if argument[2] else frozenset()
    if name == "SUBPATTERN":
        return _first_signs(argument[3][0]) if argument[3] and not _may_be_empty(argument[3][0]) else frozenset()
    if name == "BRANCH":
        starts = [_first_signs(branch[0]) if branch else frozenset() for branch in argument[1]]
        return frozenset().union(*starts) if all(starts) else frozenset()
    return _signs_of(item)


def _signs_of(item: Item) -> frozenset[int]:
    """Return the characters up to 255 that an element, or what it repeats, is one of; none for other elements."""
    name, argument = str(item[0]), item[1]
    if name in ("MAX_REPEAT", "MIN_REPEAT"):
        return _signs_of(argument[2][0]) if len(argument[2]) == 1 else frozenset()
    if name == "SUBPATTERN":
        return _signs_of(argument[3][0]) if len(argument[3]) == 1 else frozenset()
    if name == "LITERAL":
        return frozenset({argument})
    if name == "NOT_LITERAL":
        return _SIGNS - {argument}
    if name == "ANY":
        return _SIGNS - {ord("\n")}
    return _signs_of_class(argument) if name == "IN" else frozenset()


def _signs_of_class(parts: Sequence[Item]) -> frozenset[int]:
    found: set[int] = set()
    negated = False
    for kind, argument in parts:
        match str(kind):
            case "NEGATE":
                negated = True
            case "LITERAL":
                found.add(argument)
            case "RANGE":
                found.update(range(argument[0], min(argument[1], 255) + 1))
            case "CATEGORY":
                found |= _signs_of_category(str(argument).removeprefix("CATEGORY_"))
    return _SIGNS - found if negated else frozenset(found)


def _signs_of_category(name: str) -> frozenset[int]:
    holds = _KINDS[_NEGATED.get(name, name)]
    signs = frozenset(code for code in _SIGNS if holds(chr(code)))
    return _SIGNS - signs if name in _NEGATED else signs
