"""Constant regular expressions: which calls search with them, what characters they match, and where they backtrack."""

from __future__ import annotations

import ast
import functools
import importlib
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from whet.engine.context import Context
from whet.engine.growing import flatten_sum
from whet.engine.scopes import BindingKind
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
_MOST_CHOICES = 4
"""Values of a name that one pattern may be chosen from."""
_DEEPEST_CHOICE = 4
"""Steps from a name to such a value."""
_MOST_STEPS = 500
"""Expressions that are looked at for one pattern."""
_PERCENT = re.compile(r"%(?:%|(?:\((?P<name>\w+)\))?(?P<plain>s)|)")
_BRACES = re.compile(r"\{\{|\}\}|(?P<plain>\{)(?P<name>\w*)\}|[{}]")
"""The fields of a text that is formatted, escaped signs, and whatever else begins like one."""

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
    found = list_matchings(context, call)
    return found[0] if len(found) == 1 else None


def list_matchings(context: Context, call: ast.Call) -> list[Matching]:
    """Return what a call may match: several where the file chooses between patterns, none if it does not show them."""
    if not isinstance(call.func, ast.Attribute | ast.Name) or any(isinstance(arg, ast.Starred) for arg in call.args):
        return []
    made: list[ast.expr]
    name = next((name for name in FLAGS_AT if f"re.{name}" in context.origins(call.func)), "")
    if name:
        at, made = 1 + _TEXT_AT.get(name, 0), [call]
    elif isinstance(call.func, ast.Attribute) and call.func.attr in FLAGS_AT:
        name, at = call.func.attr, _TEXT_AT.get(call.func.attr, 0)
        made = _list_values(context, call.func.value)
    else:
        return []
    found: list[Matching] = []
    for compiled in made:
        is_compiled = isinstance(compiled, ast.Call) and "re.compile" in context.origins(compiled.func)
        if not isinstance(compiled, ast.Call) or not (is_compiled or compiled is call) or not compiled.args:
            return []
        named = {keyword.arg: keyword.value for keyword in compiled.keywords}
        flags_at = 1 if compiled is not call else FLAGS_AT[name]
        given = compiled.args[flags_at] if len(compiled.args) > flags_at else named.get("flags")
        flags = read_flags(context, given) if given is not None else re.RegexFlag(0)
        for value in _list_values(context, compiled.args[0]):
            pattern = _Folder(context).fold(value)
            if pattern is None or flags is None or len(call.args) <= at:
                return []
            found.append(Matching(pattern, name, call.args[at], int(flags)))
    return found


def read_compiled(context: Context, call: ast.Call) -> Matching | None:
    """Return the constant pattern that ``re.compile`` gets; its method and text are those of ``match`` on itself."""
    if "re.compile" not in context.origins(call.func) or not call.args:
        return None
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    given = call.args[1] if len(call.args) > 1 else named.get("flags")
    flags = read_flags(context, given) if given is not None else re.RegexFlag(0)
    pattern = fold_text(context, call.args[0])
    if pattern is None or flags is None:
        return None
    return Matching(pattern, "match", call.args[0], int(flags))


def fold_text(context: Context, node: ast.expr) -> str | bytes | None:
    """Return the text that an expression has; ``None`` where the source does not show it."""
    return _Folder(context).fold(node)


def _list_values(context: Context, node: ast.expr, deep: int = 0) -> list[ast.expr]:
    """Return what ``node`` may be: the branches of a choice, the values of a name or of an attribute of a class."""
    values: list[ast.expr | None] = []
    match node:
        case ast.IfExp(body=one, orelse=other):
            values = [one, other]
        case ast.BoolOp(op=ast.Or(), values=operands):
            values = [*operands]
        case ast.BoolOp(op=ast.And(), values=[*_, last]):
            values = [last]
        case ast.Name():
            owner, binding = context.facts.lookup(node), context.facts.only_binding(node)
            bindings = [binding] if binding is not None else []
            if owner is not None and owner is context.facts.module:
                bindings = list(owner.bindings[node.id])
            values = [each.value if each.kind is BindingKind.VALUE else None for each in bindings]
        case ast.Attribute(value=ast.Name() as base, attr=attribute) if _is_of_class(context, base):
            bindings = list_class_bindings(context, attribute)
            values = [each.value if each.kind is BindingKind.VALUE else None for each in bindings]
    if not 0 < len(values) <= _MOST_CHOICES or deep == _DEEPEST_CHOICE or None in values:
        return [node]
    return [each for value in values if value is not None for each in _list_values(context, value, deep + 1)]


def _is_of_class(context: Context, base: ast.Name) -> bool:
    """Return whether a name is ``self``, ``cls``, or that of a class of the file."""
    binding = context.facts.only_binding(base)
    named = binding is not None and isinstance(binding.node, ast.ClassDef)
    return named or context.facts.class_of_self(base) is not None


class _Folder:
    """Puts texts together of constants: formatted and joined ones too, each up to the length that is parsed.

    A source may name one constant in another thousands of times, so the steps are counted.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._steps = _MOST_STEPS

    def fold(self, node: ast.expr, deep: int = 0) -> str | bytes | None:
        """Return the text that an expression has; ``None`` where the source does not show it."""
        self._steps -= 1
        if self._steps < 0 or deep > _DEEPEST:
            return None
        known = self._context.constant(node)
        text = known if isinstance(known, str | bytes) else self._fold(node, deep + 1)
        return text if text is not None and len(text) <= _MOST else None

    def _fold(  # noqa: PLR0911 - one return a kind of node
        self, node: ast.expr, deep: int
    ) -> str | bytes | None:
        match node:
            case ast.Name() | ast.Attribute():
                values = _list_values(self._context, node)
                return self.fold(values[0], deep) if len(values) == 1 and values[0] is not node else None
            case ast.JoinedStr(values=parts):
                fields = [part for part in parts if isinstance(part, ast.FormattedValue)]
                plain = all(field.format_spec is None and field.conversion in (-1, ord("s")) for field in fields)
                shown = [part.value if isinstance(part, ast.FormattedValue) else part for part in parts]
                texts = self._fold_all(shown, deep) if plain else None
                return "".join(texts) if texts is not None else None
            case ast.BinOp(op=ast.Add()):
                first, *others = (self.fold(operand, deep) for operand in flatten_sum(node))
                return functools.reduce(_add, others, first)
            case ast.BinOp(left=left, op=ast.Mod(), right=ast.Dict(keys=keys, values=items)):
                names = {getattr(key, "value", None): item for key, item in zip(keys, items, strict=True)}
                return self._fill(_PERCENT, left, [], names, deep)
            case ast.BinOp(left=left, op=ast.Mod(), right=right):
                return self._fill(_PERCENT, left, right.elts if isinstance(right, ast.Tuple) else [right], {}, deep)
            case ast.Call(func=ast.Attribute(value=form, attr="format"), args=items, keywords=keywords):
                return self._fill(_BRACES, form, items, {each.arg: each.value for each in keywords}, deep)
            case ast.Call(
                func=ast.Attribute(value=between, attr="join"), args=[ast.Call(func=function, args=[made, items])]
            ):
                escaped = ast.unparse(function) == "map" and "re.escape" in self._context.origins(made)
                signs = items.elts if escaped and isinstance(items, ast.Tuple | ast.List) else []
                signed, mark = self._fold_all(signs, deep), self.fold(between, deep)
                return mark.join(map(re.escape, signed)) if signed and isinstance(mark, str) else None
            case _:
                return None

    def _fold_all(self, nodes: Sequence[ast.expr], deep: int) -> list[str] | None:
        """Return the texts of several expressions; ``None`` unless the source shows all of them."""
        texts = [text for node in nodes if isinstance(text := self.fold(node, deep), str)]
        return texts if len(texts) == len(nodes) else None

    def _fill(
        self,
        fields: re.Pattern[str],
        form: ast.expr,
        items: Sequence[ast.expr],
        names: Mapping[object, ast.expr],
        deep: int,
    ) -> str | None:
        """Return a text with values for its plain ``fields``; ``None`` if it has others, or they are not all known."""
        text, values = self.fold(form, deep), self._fold_all([*items, *names.values()], deep)
        if not isinstance(text, str) or values is None:
            return None
        named = dict(zip([*map(str, range(len(items))), *names], values, strict=True))
        left, parts, end = iter(values[: len(items)]), [], 0
        for field in fields.finditer(text):
            value: str | None = field[0][0]
            if field[0] not in ("%%", "{{", "}}"):
                value = named.get(field["name"]) if field["name"] else next(left, None) if field["plain"] else None
            if value is None:
                return None
            parts += [text[end : field.start()], value]
            end = field.end()
        return "".join([*parts, text[end:]])


def _add(one: str | bytes | None, other: str | bytes | None) -> str | bytes | None:
    match one, other:
        case (str() as first, str() as second):
            return first + second
        case (bytes() as before, bytes() as after):
            return before + after
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
