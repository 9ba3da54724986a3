"""Use a compiled JSON library in hot code.

## What
`json.dumps` and `json.loads` of the standard library in code that is measured hot: orjson or msgspec. For
`dataclasses.asdict` followed by `json.dumps`: both libraries, and pydantic's own `model_dump_json`, serialize the
object directly.

## Why
orjson and msgspec are written in Rust and C and need a third to a tenth of the time. `asdict` deep-copies the object,
only for the copy to be serialized and dropped.

## When not
Where the output must stay byte for byte the same, or every value must still be accepted. Both libraries return bytes,
write no space after colons and commas, UTF-8 instead of escapes, floats in another notation (`1e-7`), and NaN
and infinity as `null`, which `json` writes and reads as `NaN`: neither reads that. Lone surrogates and the key `None`
raise; dates, which `json` refuses, are written. `indent`, `default` and `sort_keys` have other names.

orjson: integers beyond 64 bits raise, and are read as floats; so do keys that are not exactly `str` (without
`OPT_NON_STR_KEYS`) and named tuples. Of a dataclass it leaves out fields whose name begins with `_`, and writes
attributes that are no fields.

msgspec: instances of subclasses of `int` and `str` raise (enums do not); sets are written as lists and bytes as base64,
where `json` raises.

## Source
orjson's README, "Performance"; msgspec's documentation, "Benchmarks".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Ask, Case, Context, Finding, Refuse, Rule, Safety, ScopeKind, Speed, Triggers

RULE = Rule(
    slug="json-serializer",
    title="Standard-library json in hot code",
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
                    message = (
                        "asdict() copies the object before it is serialized: orjson and msgspec need no copy; orjson"
                        " leaves out fields whose name begins with _, and writes attributes that are no fields"
                    )
                case _:
                    message = "the standard library's json is slow: orjson and msgspec take a fraction of the time"
        elif name in _READING:
            message = (
                "the standard library's json is slow: orjson.loads takes less time, msgspec.json.decode with a type"
                " even less"
            )
        else:
            continue
        yield context.finding(call, f"{message} ({_have(context)}).", questions=(context.ask_cost(call),))


def _have(context: Context) -> str:
    """Return which of the two can be imported, or how to install one."""
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
