"""Constant regular expressions: which calls search with them, what characters they match, and where they backtrack."""

from __future__ import annotations

import ast
import importlib
import re
import warnings
from typing import Any

from whet.engine.context import Context
from whet.engine.targets import list_class_bindings
from whet.records import dataclass

FLAGS_AT = {"match": 2, "search": 2, "fullmatch": 2, "findall": 2, "finditer": 2, "split": 3, "sub": 4, "subn": 4}
"""Position of the flags among the arguments of the functions of ``re``."""
_TEXT_AT = {"sub": 1, "subn": 1}
"""Position of the text among the arguments of a method, where it is not the first."""
_MOST = 1000
"""Characters of a pattern up to which it is parsed."""
_DEEPEST = 8
"""Steps by which a pattern is put together of other constants."""

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
    module, _, name = _resolve(context, call.func).rpartition(".")
    if module == "re" and name in FLAGS_AT:
        at, compiled = 1 + _TEXT_AT.get(name, 0), call
    elif isinstance(call.func, ast.Attribute) and call.func.attr in FLAGS_AT:
        name, at = call.func.attr, _TEXT_AT.get(call.func.attr, 0)
        found = _find_compiled(context, call.func.value)
        if found is None:
            return None
        compiled = found
    else:
        return None
    pattern = _fold(context, compiled.args[0]) if compiled.args else None
    named = {keyword.arg: keyword.value for keyword in compiled.keywords}
    flags_at = 1 if compiled is not call else FLAGS_AT[name]
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
        case ast.Attribute(value=ast.Name() as base, attr=attribute) if _is_of_class(context, base):
            values = [binding.value for binding in list_class_bindings(context, attribute)]
        case _:
            return None
    match values:
        case [ast.Call(func=function, args=[_, *_]) as call] if _resolve(context, function) == "re.compile":
            return call
        case _:
            return None


def _resolve(context: Context, node: ast.expr) -> str:
    """Return what a name refers to; where a star import or ``exec`` may hide ``re``, what the file imports under it."""
    known = context.resolve(node)
    match node:
        case ast.Attribute(value=ast.Name(id=base) as module, attr=name) if known is None:
            owner = context.facts.lookup(module)
            bound = owner.bindings.get(base, ()) if owner is context.facts.module and owner is not None else ()
            return f"re.{name}" if [binding.origin for binding in bound] == ["re"] else ""
        case _:
            return known or ""


def _is_of_class(context: Context, base: ast.Name) -> bool:
    """Return whether a name is ``self``, ``cls``, or that of a class of the file."""
    binding = context.facts.only_binding(base)
    named = binding is not None and isinstance(binding.node, ast.ClassDef)
    return named or context.facts.class_of_self(base) is not None


def _fold(  # noqa: PLR0911 - one return a kind of node
    context: Context, node: ast.expr, deep: int = 0
) -> str | bytes | None:
    """Return the text that an expression of constants has: also one that is formatted, or joined."""
    known = context.constant(node)
    if isinstance(known, str | bytes) or deep > _DEEPEST:
        return known if isinstance(known, str | bytes) else None
    deep += 1
    match node:
        case ast.Name():
            binding = context.facts.only_binding(node)
            held = binding.value if binding is not None and context.facts.lookup(node) is context.facts.module else None
            return _fold(context, held, deep) if held is not None else None
        case ast.JoinedStr(values=parts):
            fields = [part.value if isinstance(part, ast.FormattedValue) else part for part in parts]
            plain = all(part.format_spec is None for part in parts if isinstance(part, ast.FormattedValue))
            texts = [_fold(context, field, deep) for field in fields]
            return "".join(map(str, texts)) if plain and all(isinstance(text, str) for text in texts) else None
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            match _fold(context, left, deep), _fold(context, right, deep):
                case (str() as first, str() as second):
                    return first + second
                case (bytes() as before, bytes() as after):
                    return before + after
            return None
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            items = right.elts if isinstance(right, ast.Tuple) else [right]
            return _format(_fold(context, left, deep), [_fold(context, item, deep) for item in items])
        case ast.Call(
            func=ast.Attribute(value=between, attr="join"), args=[ast.Call(func=function, args=[made, items])]
        ):
            escaped = ast.unparse(function) == "map" and _resolve(context, made) == "re.escape"
            signs = items.elts if isinstance(items, ast.Tuple | ast.List) else []
            texts, mark = [_fold(context, item, deep) for item in signs], _fold(context, between, deep)
            if not escaped or not texts or not isinstance(mark, str):
                return None
            return mark.join(re.escape(text) for text in texts if isinstance(text, str))
        case _:
            return None


def _format(text: str | bytes | None, values: list[str | bytes | None]) -> str | None:
    if not isinstance(text, str) or not all(isinstance(value, str) for value in values):
        return None
    try:
        return text % tuple(values)
    except (TypeError, ValueError):
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
