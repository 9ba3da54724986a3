"""Await independent coroutines concurrently.

## What
`for url in urls: pages.append(await fetch(url))`, `[await fetch(url) for url in urls]`: `asyncio.gather` or a
`TaskGroup` starts all of them, and waits once.

## Why
Each `await` in the loop waits for its own coroutine to finish before the next one starts. Coroutines that run
concurrently overlap their waiting: the loop takes as long as the slowest one, not as long as all of them together.

## When not
Where an iteration needs the result of the previous one, where order matters (a queue, a lock, a stream, a transaction),
or where the other side limits concurrent requests: a semaphore bounds them.

## Source
Python documentation, asyncio, "Running tasks concurrently".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="await-in-loop",
    title="Independent coroutines awaited one by one",
    family="io",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.Await})),
)

_ORDERED = frozenset(
    {
        *("acquire", "commit", "drain", "execute", "flush", "join", "put", "read", "readexactly", "readline"),
        *("recv", "release", "rollback", "send", "send_json", "send_text", "sendall", "sleep", "wait", "write"),
        *("aclose", "close", "__anext__", "anext", "to_thread", "run"),
    }
)
"""Names of coroutines that work on something ordered, or that exist to wait."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each coroutine that gets an argument from the loop and needs nothing of the previous iteration."""
    for node in context.nodes(ast.Await):
        match node.value:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) as call if name not in _ORDERED:
                pass
            case _:
                continue
        loops = context.loops(node)
        if loops and _is_independent(context, node, call, loops[0]):
            yield context.finding(
                node,
                f"Every iteration waits for {ast.unparse(call.func)} to finish before the next one starts:"
                " asyncio.gather or a TaskGroup runs them concurrently, a semaphore limits how many.",
            )


def _is_independent(context: Context, node: ast.Await, call: ast.Call, loop: ast.AST) -> bool:
    if not isinstance(loop, ast.For | ast.comprehension) or _in_async_with(context, node, loop):
        return False
    own = {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
    given = {
        n.id for a in (*call.args, *(k.value for k in call.keywords)) for n in ast.walk(a) if isinstance(n, ast.Name)
    }
    if not own & given:
        return False
    if isinstance(loop, ast.comprehension):
        return not loop.ifs and not loop.is_async
    leaves = (ast.Break, ast.Return, ast.Raise, ast.Continue, ast.Try, ast.TryStar, ast.Yield)
    if any(isinstance(part, leaves) for part in ast.walk(loop)):
        return False
    # What an iteration writes must not be read before it is written: that would be the previous iteration's value.
    written: set[str] = set(own)
    everything = {n.id for n in ast.walk(loop) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    for statement in loop.body:
        names = [n for n in ast.walk(statement) if isinstance(n, ast.Name)]
        reads = {n.id for n in names if isinstance(n.ctx, ast.Load)}
        if isinstance(statement, ast.AugAssign) or (reads & everything) - written:
            return False
        written |= {n.id for n in names if isinstance(n.ctx, ast.Store)}
    return sum(isinstance(part, ast.Await) for part in ast.walk(loop)) == 1


def _in_async_with(context: Context, node: ast.AST, loop: ast.AST) -> bool:
    above = context.facts.parent(node)
    while above is not None and above is not loop:
        if isinstance(above, ast.AsyncWith | ast.AsyncFor | ast.With):
            return True
        above = context.facts.parent(above)
    return False


CASES = (
    Case(
        name="results in a list, by a loop and by a comprehension",
        before="""
import asyncio

async def fetch(number):
    await asyncio.sleep(0)
    return number * 2

async def load(numbers):
    found = []
    for number in numbers:
        found.append(await fetch(number))
    return found, [await fetch(number) for number in numbers]

def run(numbers):
    return asyncio.run(load(numbers))
""",
        after="""
import asyncio

async def fetch(number):
    await asyncio.sleep(0)
    return number * 2

async def load(numbers):
    found = await asyncio.gather(*map(fetch, numbers))
    return list(found), list(await asyncio.gather(*map(fetch, numbers)))

def run(numbers):
    return asyncio.run(load(numbers))
""",
        call="run",
        inputs=("([1, 2, 3],)", "([],)"),
    ),
)

REFUSE = (
    Refuse("each turn needs the one before",
           "async def f(xs):\n    token = None\n    for x in xs:\n        token = await g(x, token)\n"),
    Refuse("a stream has an order", "async def f(writer, xs):\n    for x in xs:\n        await writer.send(x)\n"),
    Refuse("stops at the first", "async def f(xs):\n    for x in xs:\n        if await g(x):\n            return x\n"),
    Refuse("nothing of the loop's is used", "async def f(xs):\n    for x in xs:\n        await step()\n"),
    Refuse("a while loop polls", "async def f(x):\n    while x.busy:\n        await g(x)\n"),
    Refuse("under a lock",
           "async def f(lock, xs):\n    for x in xs:\n        async with lock:\n            await g(x)\n"),
    Refuse("two steps of one turn",
           "async def f(xs):\n    for x in xs:\n        y = await g(x)\n        await h(y)\n"),
    Refuse("a sum is carried along", "async def f(xs):\n    n = 0\n    for x in xs:\n        n += await g(x)\n"),
    Refuse("together already", "import asyncio\nasync def f(xs):\n    await asyncio.gather(*[g(x) for x in xs])\n"),
)  # fmt: skip

BENCH = None
