"""Build a template again instead of deep-copying it.

## What
`copy.deepcopy(TEMPLATE)` in a loop or in a hot function, where `TEMPLATE` is a literal of constants bound once in the
module: let a function return the literal. `copy.deepcopy(numbers)` of a list or set of immutable values: a plain
`numbers.copy()`. Elsewhere, on hot lines, advice only: copy just the parts that are changed.

## Why
`deepcopy` is Python code that asks every object how it is to be copied and keeps a memo of the copies. A literal is
built by a few bytecode instructions.

## When not
If other modules, or code that uses another name, change the template at run time, the literal is no longer equal to it.
Objects that are shared inside the template (the same list twice) are shared in a deep copy too: literals that contain
names are left alone.

## Source
The documentation of `copy`: a deep copy copies everything, and may copy too much. The figures in `RULE` are measured
with `BENCH`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Ask,
    Bench,
    Binding,
    BindingKind,
    Case,
    Context,
    Finding,
    Place,
    PlaceKind,
    Refuse,
    Rewrite,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="deepcopy",
    title="copy.deepcopy() inside a loop",
    family="hoisting",
    safety=Safety.OFFER,
    speed=Speed.FACTOR,
    triggers=Triggers(
        nodes=frozenset({ast.Call}), imports=frozenset({"copy", "copy.deepcopy"}), words=frozenset({"deepcopy"})
    ),
    asks=frozenset({Ask.SHARE}),
    figures={
        "3.11": {2: 23.0, 10: 23.0, 100: 16.0},
        "3.12": {2: 20.0, 10: 19.0, 100: 13.0},
        "3.13": {2: 21.0, 10: 20.0, 100: 13.0},
        "3.14": {2: 17.0, 10: 17.0, 100: 11.0},
    },
)

_IMMUTABLE = frozenset(f"builtins.{name}" for name in ("str", "bytes", "int", "float", "bool", "NoneType", "complex"))
_SEQUENCES = frozenset({"builtins.list", "builtins.set"})


def detect(context: Context) -> Iterator[Finding]:
    """Yield each repeated deep copy: with edits where a literal or a shallow copy is equivalent."""
    seen: set[str] = set()
    for call in context.nodes(ast.Call):
        copied = _copied(context, call)
        if copied is None or not (context.loops(call) or _is_hot(context)):
            continue
        place = context.place(copied) if isinstance(copied, ast.Name) else None
        binding = _template(context, place) if place is not None else None
        types = context.type_of(copied)
        if place is not None and binding is not None:
            if place.name not in seen:
                seen.add(place.name)
                yield context.finding(
                    call,
                    f"{place.name} is deep-copied in every iteration or call: let a function return the literal, which "
                    "builds it directly. Changes that other modules make to it are then not in the copies.",
                    lines=_lines_of(context, place),
                    rewrite=_make_anew(context, place, binding),
                )
        elif len(types) == 1 and types <= _SEQUENCES and _holds_immutables(context, copied):
            rewrite = context.rewrite()
            rewrite.replace(call, f"{rewrite.operand(copied)}.copy()")
            yield context.finding(
                call,
                f"The elements of {context.source_of(copied)} are immutable: a shallow copy is enough. If it is not a "
                "plain list or set, despite its annotation, its own copy() is used.",
                rewrite=rewrite,
                measured_gain=False,
            )
        elif context.measured:
            yield context.finding(
                call,
                "deepcopy asks every nested object how it is to be copied: copy only what is changed afterwards, "
                "or build the object again.",
                safety=Safety.ADVICE,
                questions=() if context.loops(call) else (context.ask_cost(call),),
                measured_gain=False,
            )


def _copied(context: Context, call: ast.Call) -> ast.expr | None:
    match call:
        case ast.Call(args=[copied], keywords=[]) if not isinstance(copied, ast.Starred):
            return copied if context.resolve(call.func) == "copy.deepcopy" else None
        case _:
            return None


def _is_hot(context: Context) -> bool:
    node = context.function.node
    special = isinstance(node, ast.FunctionDef) and node.name in ("__deepcopy__", "__copy__")
    return context.measured and context.function.kind is ScopeKind.FUNCTION and not special


def _holds_immutables(context: Context, node: ast.expr) -> bool:
    held = context.element_of(node)
    return bool(held) and held <= _IMMUTABLE


def _template(context: Context, place: Place) -> Binding | None:  # noqa: PLR0911 - one return a reason
    """Return the one binding of a global to a literal of constants whose only use is to be copied."""
    if place.kind is not PlaceKind.GLOBAL or len(place.bindings) != 1:
        return None
    binding = place.bindings[0]
    if binding.kind is not BindingKind.VALUE or context.facts.parent(binding.node) is not context.tree:
        return None
    match binding.node:
        case ast.Assign(targets=[ast.Name()], value=(ast.Dict() | ast.List() | ast.Set()) as value):
            pass
        case _:
            return None
    if not _is_constant(value):
        return None
    copies = [reference for reference in place.references if isinstance(reference.ctx, ast.Load)]  # type: ignore[attr-defined]
    for reference in copies:
        call = context.facts.parent(reference)
        if not isinstance(call, ast.Call) or _copied(context, call) is not reference:
            return None
        if context.scope_of(call.func).kind is ScopeKind.MODULE and not context.loops(call):
            return None
    return binding


def _is_constant(node: ast.expr | None) -> bool:
    match node:
        case ast.Constant():
            return node.end_lineno == node.lineno
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            return True
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return all(_is_constant(item) for item in items)
        case ast.Dict(keys=keys, values=values):
            return all(_is_constant(item) for item in (*keys, *values))
        case _:
            return False


def _lines_of(context: Context, place: Place) -> tuple[int, ...]:
    here = [r.lineno for r in place.references if context.scope_of(r) is context.function]
    return tuple(sorted({line for line in here if line != place.bindings[0].node.lineno}))  # type: ignore[attr-defined]


def _make_anew(context: Context, place: Place, binding: Binding) -> Rewrite:
    """Return the edits that move the literal into a function, and call that where the copies are made."""
    rewrite = context.rewrite()
    statement, value = binding.node, binding.value
    if not isinstance(statement, ast.Assign) or value is None:
        raise TypeError("a template is assigned")
    make = rewrite.fresh(f"_make_{place.name.strip('_').lower() or 'template'}", f"{RULE.slug} {place.name}")
    display = rewrite.text(value).replace("\n", "\n    ")
    rewrite.replace(statement, f"def {make}():\n    return {display}\n\n{place.name} = {make}()")
    for reference in place.references:
        call = context.facts.parent(reference)
        if isinstance(call, ast.Call):
            rewrite.replace(call, f"{make}()")
    return rewrite


CASES = (
    Case(
        name="a template of the module",
        before="""
import copy

SLIP = {
    "marks": {"value": 0, "codes": ["3004"]},
    "size": (1, -2.5),
}

def pack(numbers):
    slips = []
    for number in numbers:
        slip = copy.deepcopy(SLIP)
        slip["marks"]["codes"].append(number)
        slips.append(slip)
    return slips
""",
        after="""
import copy

def _make_slip():
    return {
        "marks": {"value": 0, "codes": ["3004"]},
        "size": (1, -2.5),
    }

SLIP = _make_slip()

def pack(numbers):
    slips = []
    for number in numbers:
        slip = _make_slip()
        slip["marks"]["codes"].append(number)
        slips.append(slip)
    return slips
""",
        call="pack",
        inputs=("([1, 2],)", "([],)", "(None,)"),
    ),
    Case(
        name="a list of numbers, in a function that is hot",
        before="""
from copy import deepcopy

def split(text: str):
    words = text.split(",")
    kept = deepcopy(words)
    words.clear()
    return kept, words
""",
        after="""
from copy import deepcopy

def split(text: str):
    words = text.split(",")
    kept = words.copy()
    words.clear()
    return kept, words
""",
        call="split",
        inputs=("('a,b',)", "('',)"),
        hot=True,
    ),
    Case(
        name="an object that is not known, on a hot line",
        before="""
import copy

def stamp(record, number):
    record = copy.deepcopy(record)
    record["number"] = number
    return record
""",
        after="""
def stamp(record, number):
    record = {**record, "number": number}
    return record
""",
        call="stamp",
        inputs=("({'a': 1}, 2)",),
        hot=True,
    ),
)

REFUSE = (
    Refuse("copied once, at import", "import copy\nA = {'a': []}\nB = copy.deepcopy(A)\n"),
    Refuse("a shallow copy", "import copy\nA = {'a': []}\ndef f(xs):\n    return [copy.copy(A) for x in xs]\n"),
    Refuse("another `deepcopy`",
           "import copy\nfrom tools import deepcopy\nA = {}\ndef f(xs):\n    return [deepcopy(A) for x in xs]\n"),
    Refuse("a method that copies deeply hands on what was copied",
           "import copy\nclass A:\n    def __init__(self, x):\n        self.x = x\n"
           "    def __deepcopy__(self, memo):\n        return A(copy.deepcopy(self.x, memo))\n"),
)  # fmt: skip

BENCH = Bench(
    setup="import copy\nbody = '{' + ', '.join(f'\"k{i}\": [1, \"a\"]' for i in range(n)) + '}'\n"
    "template = eval(body)\nmake = eval('lambda: ' + body)",
    before="copy.deepcopy(template)",
    after="make()",
    sizes=(2, 10, 100),
    size_is="lists in the template",
)
