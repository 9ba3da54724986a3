"""Use a compiled serializer where JSON is a hot spot.

## What
`json.dumps` and `json.loads` of the standard library in code that a run showed to be hot: orjson or msgspec. Of
`dataclasses.asdict` first and `json.dumps` then: both libraries, and pydantic's own `model_dump_json`, write the
object itself.

## Why
orjson and msgspec are written in Rust and C and need a third to a tenth of the time. `asdict` copies the object
deeply, only for the copy to be written and dropped.

## When not
Where the output must stay the same to the byte: orjson writes no space behind colons and commas, and bytes in
place of text, refuses NaN, and integers beyond 64 bits. `indent`, `default` and `sort_keys` have other names there.

## Source
orjson's README, "Performance"; msgspec's documentation, "Benchmarks".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Ask, Case, Context, Finding, Refuse, Rule, Safety, ScopeKind, Speed, Triggers

RULE = Rule(
    slug="json-serializer",
    title="JSON goes through the standard library",
    family="serialization",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.Call}), imports=frozenset({"json"})),
    asks=frozenset({Ask.SHARE}),
)

_WRITING = ("json.dumps", "json.dump")
_READING = ("json.loads", "json.load")


def detect(context: Context) -> Iterator[Finding]:
    """Yield each call of `json` in a function that is measured hot."""
    if not context.measured or context.function.kind is ScopeKind.MODULE:
        return
    for call in context.nodes(ast.Call):
        name = context.resolve(call.func)
        if name in _WRITING and call.args:
            match call.args[0]:
                case ast.Call(func=function) if context.resolve(function) == "dataclasses.asdict":
                    message = "asdict() copies the object to be written: orjson and msgspec write it as it is"
                case _:
                    message = "json writes this with the standard library: orjson and msgspec take a fraction"
        elif name in _READING:
            message = (
                "json reads this with the standard library: orjson.loads takes less, msgspec.json.decode with a type"
                " less still"
            )
        else:
            continue
        yield context.finding(call, f"{message} ({_have(context)}).", questions=(context.ask_cost(call),))


def _have(context: Context) -> str:
    """Return which of the two is there, or how to get one."""
    there = [name for name in ("orjson", "msgspec") if context.has_package(name)]
    return f"{' and '.join(there)} can be imported" if there else "to install one: python -m pip install orjson"


CASES = (
    Case(
        name="lines of JSON",
        before="""
import json

def read(lines):
    return [json.loads(line) for line in lines]

def write(rows):
    return "\\n".join(json.dumps(row) for row in rows)

def run(rows):
    return read(write(rows).splitlines())
""",
        after="""
def read(lines):
    import ast
    return [ast.literal_eval(line) for line in lines]

def write(rows):
    return "\\n".join(map(repr, rows))

def run(rows):
    return read(write(rows).splitlines())
""",
        call="run",
        inputs=("([{'a': 1}, [2.5]],)",),
        hot=True,
    ),
)

REFUSE = (
    Refuse("the exception's name", "import json\ndef f(x):\n    raise json.JSONDecodeError('a', x, 0)\n"),
    Refuse("at start-up", "import json\nCONFIG = json.loads('{}')\n"),
    Refuse("not `json`", "import json\ndef f(pickle, x):\n    return pickle.dumps(x)\n"),
)  # fmt: skip

BENCH = None
