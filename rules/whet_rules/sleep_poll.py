"""Wait for an event instead of polling.

## What
`while not done: time.sleep(0.1)`, and loops that only test and sleep: `Event.wait`, `Condition.wait_for`, a
`queue.Queue`, `Popen.wait(timeout=…)`, `Future.result(timeout=…)`, and `asyncio.Event` in a coroutine.

## Why
On average half of each sleep is wasted, and each poll costs a wake-up. A synchronization primitive wakes its waiter
immediately.

## When not
Where the other side cannot notify: another machine, a file system without notification, hardware. A back-off
between attempts is not polling.

## Source
Python documentation, `threading.Event` and `threading.Condition.wait_for`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="sleep-poll",
    title="Polling loop with sleep()",
    family="io",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(nodes=frozenset({ast.While}), words=frozenset({"sleep"})),
)

_LONG = 60
"""Seconds from which a sleep is a schedule and not polling."""


def detect(context: Context) -> Iterator[Finding]:
    """Yield each loop whose body does nothing but sleep."""
    for loop in context.nodes(ast.While):
        match loop:
            case ast.While(
                test=test, body=[ast.Expr(value=ast.Call() | ast.Await(value=ast.Call()) as only)], orelse=[]
            ):
                call = only.value if isinstance(only, ast.Await) else only
            case _:
                continue
        if not isinstance(call, ast.Call) or isinstance(test, ast.Constant) or len(call.args) != 1:
            continue
        name = context.resolve(call.func)
        seconds = call.args[0].value if isinstance(call.args[0], ast.Constant) else 0
        if name in ("time.sleep", "asyncio.sleep") and isinstance(seconds, int | float) and seconds < _LONG:
            how = (
                "an asyncio.Event or a Future"
                if name == "asyncio.sleep"
                else "Event.wait, Condition.wait_for, a queue, or the wait(timeout=…) of the awaited object"
            )
            yield context.finding(
                loop.body[0],
                f"The loop polls `{ast.unparse(test)[:60]}` and notices the change half a sleep late on average: {how}"
                " wakes immediately.",
            )


CASES = (
    Case(
        name="a flag that another thread sets",
        before="""
import threading
import time

def run():
    done = []
    thread = threading.Timer(0.02, lambda: done.append(1))
    thread.start()
    while not done:
        time.sleep(0.005)
    return done
""",
        after="""
import threading

def run():
    done = []
    event = threading.Event()
    thread = threading.Timer(0.02, lambda: (done.append(1), event.set()))
    thread.start()
    event.wait()
    return done
""",
        call="run",
        inputs=("()",),
    ),
)

REFUSE = (
    Refuse("work on a schedule", "import time\ndef f():\n    while True:\n        work()\n        time.sleep(1)\n"),
    Refuse("sleeps for ever", "import time\ndef f():\n    while True:\n        time.sleep(1)\n"),
    Refuse("a schedule", "import time\ndef f(x):\n    while x.on:\n        time.sleep(3600)\n"),
    Refuse("another `sleep`", "from tools import sleep\ndef f(x):\n    while x.on:\n        sleep(1)\n"),
    Refuse("tries again",
           "import time\ndef f(x):\n    while not x.ok:\n        x.connect()\n        time.sleep(1)\n"),
)  # fmt: skip

BENCH = None
