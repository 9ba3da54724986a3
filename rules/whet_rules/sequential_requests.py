"""Run independent requests concurrently.

## What
`requests.get(url)`, `urlopen(url)`, `httpx.get(url)` in a loop over URLs: use a thread pool, or an asynchronous
client with `asyncio.gather`. In both cases one session for all, so that the connection is reused.

## Why
Nearly all of a request's time is spent waiting for the server. Concurrent requests overlap their waiting: n of them
take about as long as the slowest one, not as long as all together.

## When not
Where a request depends on the previous response, or where the server limits concurrency or rate.

## Source
Python documentation, `concurrent.futures`, "ThreadPoolExecutor Example": loading URLs concurrently.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="sequential-requests",
    title="Independent requests run sequentially",
    family="io",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(
        nodes=frozenset({ast.Call}), imports=frozenset({"requests", "httpx", "urllib.request", "urllib", "urllib3"})
    ),
)

_CALLS = frozenset(
    {
        "urllib.request.urlopen",
        "urllib.request.urlretrieve",
        *(f"{m}.{verb}" for m in ("requests", "httpx") for verb in ("get", "post", "put", "head", "delete", "request")),
    }
)
_SESSIONS = ("requests.Session", "requests.session", "httpx.Client", "urllib3.PoolManager")


def detect(context: Context) -> Iterator[Finding]:
    """Yield each request whose URL comes from a loop, and that does not depend on the previous iteration."""
    for call in context.nodes(ast.Call):
        if not _is_request(context, call) or not call.args:
            continue
        for loop in context.loops(call)[:1]:
            if not isinstance(loop, ast.For | ast.comprehension):
                continue
            own = {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
            used = {n.id for argument in call.args for n in ast.walk(argument) if isinstance(n, ast.Name)}
            carried = (context.written_in(loop) - own) & used
            stops = any(isinstance(n, ast.Break | ast.Return) for n in ast.walk(loop))
            if own & used and not carried and not stops:
                yield context.finding(
                    call,
                    "Each request waits for the previous one, though it does not depend on it: a thread pool"
                    " (ThreadPoolExecutor.map) or an asynchronous client runs them concurrently; one session for all"
                    " reuses the connection.",
                )


def _is_request(context: Context, call: ast.Call) -> bool:
    if context.resolve(call.func) in _CALLS:
        return True
    match call.func:
        case ast.Attribute(value=session, attr="get" | "post" | "put" | "head" | "delete" | "request"):
            place = context.place(session)
            values = [binding.value for binding in place.bindings] if place is not None else []
            # `with requests.Session() as session` binds by the with statement.
            values += [_entered(context, binding.node) for binding in place.bindings] if place is not None else []
            return any(isinstance(v, ast.Call) and context.resolve(v.func) in _SESSIONS for v in values)
        case _:
            return False


def _entered(context: Context, node: ast.AST) -> ast.expr | None:
    match context.facts.parent(node):
        case ast.withitem(context_expr=made):
            return made
        case _:
            return None


CASES = (
    Case(
        name="addresses in a loop",
        before="""
from urllib.request import urlopen

def load(addresses):
    pages = []
    for address in addresses:
        pages.append(urlopen(address).read())
    return pages
""",
        after="""
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen

def load_one(address):
    return urlopen(address).read()

def load(addresses):
    with ThreadPoolExecutor() as pool:
        return list(pool.map(load_one, addresses))
""",
        call="load",
        inputs=("(['data:,a', 'data:,b'],)", "([],)"),
    ),
)

REFUSE = (
    Refuse("once", "import requests\ndef f(url):\n    return requests.get(url)\n"),
    Refuse("each needs the one before",
           "import requests\ndef f(xs):\n    url = 'a'\n    for x in xs:\n        r = requests.get(url, x)\n"
           "        url = r.json()['next']\n"),
    Refuse("stops at the first that answers",
           "import requests\ndef f(xs):\n    for x in xs:\n        r = requests.get(x)\n        if r.ok:\n"
           "            return r\n"),
    Refuse("tries again", "import requests\ndef f(url):\n    for n in range(9):\n        r = requests.get(url)\n"),
    Refuse("a dict's `get`", "import requests\ndef f(d, xs):\n    return [d.get(x) for x in xs]\n"),
)  # fmt: skip

BENCH = None
