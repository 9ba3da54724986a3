"""Do not copy an object by serializing and parsing it.

## What
`json.loads(json.dumps(x))` and `pickle.loads(pickle.dumps(x))` in a loop or in a hot function. On hot lines also
`Version(str(version))`, where a class parses the text of an object of its own, of a base, or of a class of its module.

## Why
The serialized form is built only to be parsed again. Most such copies are for one change: a new dict with the changed
part, `{**x, "part": new}`, shares everything else.

## When not
A round trip through JSON is sometimes intended: it turns tuples into lists, keys into strings, and rejects what JSON
cannot represent. And one through pickle is faster than `copy.deepcopy`, which would gain nothing.

## Source
The documentation of `copy`, and of `json` on what a round trip changes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import (
    Advise,
    Ask,
    BindingKind,
    Case,
    Context,
    Finding,
    Refuse,
    Rule,
    Safety,
    ScopeKind,
    Speed,
    Triggers,
)

RULE = Rule(
    slug="serialize-round-trip",
    title="Object copied by serializing and parsing",
    family="hoisting",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(names=frozenset({"loads", "str"})),
    asks=frozenset({Ask.SHARE}),
)

_PAIRS = {f"{name}.loads": f"{name}.dumps" for name in ("json", "pickle", "marshal")}


def detect(context: Context) -> Iterator[Finding]:
    """Yield each object that is serialized and parsed at once, repeatedly."""
    hot = context.measured and context.function.kind is ScopeKind.FUNCTION
    for call in context.nodes(ast.Call):
        match call:
            case ast.Call(args=[ast.Call() as inner]):
                pass
            case _:
                continue
        back, out = context.resolve(call.func) or "", context.resolve(inner.func) or ""
        if hot and out == "builtins.str" and _is_own_text(context, call.func, inner):
            yield context.finding(
                call,
                f"{ast.unparse(inner.args[0])} is written as text for {ast.unparse(call.func)} to parse: pass on the"
                " object, or what was parsed of it before.",
                title="Object turned to text and parsed",
                questions=(context.ask_cost(call),),
            )
        if _PAIRS.get(back) != out or not (hot or context.loops(call)) or _is_tried(context, call):
            continue
        how = out.partition(".")[0]
        yield context.finding(
            call,
            f"The object goes through {how} only to be copied: build the changed parts again and share the rest"
            f"{', unless the conversion of keys and tuples by JSON is intended' if how == 'json' else ''}.",
            questions=() if context.loops(call) else (context.ask_cost(call),),
        )


def _is_own_text(context: Context, made: ast.expr, text: ast.Call) -> bool:
    """Return whether a class is given the text of an object that is annotated as one of it, or of a base."""
    match made, text.args:
        case ast.Name(), [ast.Name() as shown]:
            binding = context.facts.only_binding(shown)
        case _:
            return False
    if binding is None or binding.annotation is None:
        return False
    return not _list_family(context, made).isdisjoint(context.names_in(binding.annotation))


def _list_family(context: Context, name: ast.Name) -> set[str]:
    """Return the names of a class and of what it is made from; of one that is imported, those of its module.

    None if the name is no class.
    """
    binding = context.facts.only_binding(name)
    made = binding.node if binding is not None else None
    if isinstance(made, ast.ClassDef):
        return {name.id, *(base.id for base in made.bases if isinstance(base, ast.Name))}
    if binding is None or binding.kind is not BindingKind.IMPORT or not _is_class_name(name.id):
        return set()
    module = binding.origin.rpartition(".")[0]
    imported = context.facts.module.bindings.items()
    return {
        other
        for other, bindings in imported
        if _is_class_name(other) and any(b.origin and b.origin.rpartition(".")[0] == module for b in bindings)
    }


def _is_class_name(name: str) -> bool:
    return name.lstrip("_")[:1].isupper() and not name.isupper()


def _is_tried(context: Context, call: ast.Call) -> bool:
    """Return whether the result is compared at once: then the round trip itself is tested, and no copy is made."""
    match context.facts.parent(call):
        case ast.Compare():
            return True
        case ast.Call(func=ast.Attribute(attr=method)):
            return method.startswith("assert")
        case _:
            return False


CASES = (
    Case(
        name="JSON, in a loop",
        before="""
import json

def stamp(record, numbers):
    records = []
    for number in numbers:
        copy = json.loads(json.dumps(record))
        copy["number"] = number
        records.append(copy)
    return records
""",
        after="""
def stamp(record, numbers):
    return [{**record, "number": number} for number in numbers]
""",
        call="stamp",
        inputs=("({'a': [1]}, [1, 2])", "({}, [])"),
    ),
    Case(
        name="pickle, in a function that is hot",
        before="""
from pickle import dumps, loads

def change(pair, value):
    copy = loads(dumps(pair, -1))
    copy[0] = value
    return copy
""",
        after="""
def change(pair, value):
    return [value, *pair[1:]]
""",
        call="change",
        inputs=("([1, 'a'], 2)", "([1], 2)"),
        hot=True,
    ),
)

ADVISE = (
    Advise("the text of an object of a base",
           "class V:\n    def __init__(self, s):\n        self.parts = s.split('.')\nclass W(V):\n    pass\n"
           "def f(v: V):\n    return W(str(v))\n"),
    Advise("a class from elsewhere",
           "from pathlib import Path\ndef f(p: Path | str):\n    return Path(str(p)).name\n"),
)  # fmt: skip

REFUSE = (
    Refuse("the text of a number", "class V:\n    pass\ndef f(n: int):\n    return V(str(n))\n"),
    Refuse("a class of another module",
           "from a import V\nfrom b import W\ndef f(v: V):\n    return W(str(v))\n"),
    Refuse("a function", "from a import V, parse\ndef f(v: V):\n    return parse(str(v))\n"),
    Refuse("of any object", "class V:\n    pass\ndef f(n):\n    return V(str(n))\n"),
    Refuse("the round trip itself is what is tested",
           "import pickle\ndef test(xs):\n    for x in xs:\n        assert pickle.loads(pickle.dumps(x)) == x\n"),
    Refuse("tested by a method",
           "import json\ndef test(t, xs):\n    for x in xs:\n        t.assertEqual(json.loads(json.dumps(x)), x)\n"),
    Refuse("runs once", "import json\nA = json.loads(json.dumps({'a': (1,)}))\n"),
    Refuse("the text is changed between",
           "import json\ndef f(xs):\n    return [json.loads(json.dumps(x).lower()) for x in xs]\n"),
    Refuse("another module's functions",
           "import json\nfrom yaml import loads, dumps\ndef f(xs):\n    return [loads(dumps(x)) for x in xs]\n"),
    Refuse("from one form to another",
           "import json, pickle\ndef f(xs):\n    return [json.loads(pickle.dumps(x)) for x in xs]\n"),
)  # fmt: skip
