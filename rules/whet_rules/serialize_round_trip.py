"""Do not copy an object by serializing and parsing it.

## What
`json.loads(json.dumps(x))` and `pickle.loads(pickle.dumps(x))` in a loop or in a hot function.

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
    Ask,
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
    triggers=Triggers(
        nodes=frozenset({ast.Call}),
        imports=frozenset({"json", "pickle", "marshal", "json.loads", "pickle.loads"}),
        words=frozenset({"loads"}),
    ),
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
        if _PAIRS.get(back) != out or not (hot or context.loops(call)) or _is_tried(context, call):
            continue
        how = out.partition(".")[0]
        yield context.finding(
            call,
            f"The object goes through {how} only to be copied: build the changed parts again and share the rest"
            f"{', unless the conversion of keys and tuples by JSON is intended' if how == 'json' else ''}.",
            questions=() if context.loops(call) else (context.ask_cost(call),),
        )


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

REFUSE = (
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
