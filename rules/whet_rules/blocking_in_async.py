"""Do not block the event loop.

## What
In an `async def`: `time.sleep`, `requests.get`, `urlopen`, `subprocess.run` and other calls that block until they are
done. Use `await asyncio.sleep`, an asynchronous client, `asyncio.create_subprocess_exec`, or `asyncio.to_thread`.

## Why
An event loop runs one coroutine at a time. One that blocks stops all others: meanwhile no timer fires and no connection
is served.

## When not
In a script with a single coroutine, nothing else is waiting.

## Source
Python documentation, asyncio, "Developing with asyncio", Running blocking code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

_PROGRAMS = ("run", "call", "check_call", "check_output", "getoutput")
_VERBS = ("get", "post", "put", "patch", "head", "delete", "request")
_CLIENT = "an asynchronous client (httpx.AsyncClient, aiohttp), or await asyncio.to_thread(…)"
_INSTEAD = {
    "time.sleep": "await asyncio.sleep(…)",
    "os.system": "await asyncio.create_subprocess_shell(…)",
    "urllib.request.urlopen": _CLIENT,
    "urllib.request.urlretrieve": _CLIENT,
    **{f"subprocess.{name}": "await asyncio.create_subprocess_exec(…)" for name in _PROGRAMS},
    **{f"requests.{verb}": _CLIENT for verb in _VERBS},
}

RULE = Rule(
    slug="blocking-in-async",
    title="Blocking call in a coroutine",
    family="io",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(
        imports=frozenset({"time", "requests", "urllib.request", "urllib", "subprocess", "os"}),
        names=frozenset(name.rpartition(".")[2] for name in _INSTEAD),
    ),
    ruff="ASYNC210",
)


def detect(context: Context) -> Iterator[Finding]:
    """Yield each call in a coroutine that is known to block until it is done."""
    if not isinstance(context.function.node, ast.AsyncFunctionDef):
        return
    for call in context.nodes(ast.Call):
        name = context.resolve(call.func)
        if name in _INSTEAD:
            yield context.finding(call, f"{name} blocks the event loop and all its tasks: use {_INSTEAD[name]}.")


CASES = (
    Case(
        name="sleeping",
        before="""
import asyncio
import time

async def poll(found, name):
    found.append(name)
    time.sleep(0.001)

def run(names):
    found = []
    for name in names:
        asyncio.run(poll(found, name))
    return found
""",
        after="""
import asyncio

async def poll(found, name):
    found.append(name)
    await asyncio.sleep(0.001)

def run(names):
    found = []
    for name in names:
        asyncio.run(poll(found, name))
    return found
""",
        call="run",
        inputs=("(['a'],)",),
    ),
)

REFUSE = (
    Refuse("no coroutine", "import time\ndef f():\n    time.sleep(1)\n"),
    Refuse("in a thread", "import asyncio, time\nasync def f():\n    await asyncio.to_thread(time.sleep, 1)\n"),
    Refuse("a function within that runs elsewhere",
           "import time\nasync def f(pool):\n    def work():\n        time.sleep(1)\n    pool.submit(work)\n"),
    Refuse("another `sleep`", "import time\nasync def f(clock):\n    await clock.sleep(1)\n"),
)  # fmt: skip

BENCH = None
