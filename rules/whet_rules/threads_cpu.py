"""Use processes, not threads, for CPU-bound work.

## What
`ThreadPoolExecutor` or `threading.Thread` given a function of the file that only computes: a loop of arithmetic over
numbers, no files, no network, no waiting. `ProcessPoolExecutor`, a free-threaded build, or from Python 3.14 on
`InterpreterPoolExecutor` use several cores.

## Why
Under the GIL one thread runs Python at a time: CPU-bound threads take turns, and switching adds overhead. A measurement
shows the same if all threads together kept about one core busy.

## When not
Where the threads wait for files, sockets or other programs, or compute in C code that releases the GIL (NumPy,
hashlib, zlib). Processes get their arguments by pickling: large ones cancel out the gain.

Threads that read, modify and write back shared data without a lock have a race that the GIL mostly hides; a
free-threaded build exposes it. Check for that first.

## Source
Python documentation, `threading`: "CPython implementation detail: due to the Global Interpreter Lock, only one
thread can execute Python code at once".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from whet.engine.api import Case, Context, Finding, Refuse, Rule, Safety, Speed, Triggers

RULE = Rule(
    slug="threads-cpu",
    title="CPU-bound work in threads",
    family="io",
    safety=Safety.ADVICE,
    speed=Speed.FACTOR,
    triggers=Triggers(
        nodes=frozenset({ast.Call}),
        imports=frozenset({"threading", "concurrent.futures", "multiprocessing.pool", "multiprocessing.dummy"}),
    ),
)

_POOLS = ("concurrent.futures.ThreadPoolExecutor", "multiprocessing.pool.ThreadPool", "multiprocessing.dummy.Pool")
_COMPUTING = frozenset(
    f"builtins.{n}"
    for n in ("abs", "divmod", "float", "int", "len", "max", "min", "pow", "range", "round", "sum", "zip")
) | {"builtins.enumerate"}


def detect(context: Context) -> Iterator[Finding]:
    """Yield each function that is passed to threads and only computes."""
    for call in context.nodes(ast.Call):
        function = _handed_over(context, call)
        if function is not None and _computes(context, function):
            yield context.finding(
                call,
                f"{function.name} is CPU-bound, and under the GIL one thread runs at a time: processes"
                " (ProcessPoolExecutor) or a free-threaded build use all cores. Data that the threads share and modify"
                " without a lock is a race that the GIL hides.",
            )


def _handed_over(context: Context, call: ast.Call) -> ast.FunctionDef | None:
    """Return the function of this file that a thread is to run."""
    target: ast.expr | None = None
    if context.resolve(call.func) == "threading.Thread":
        target = next((keyword.value for keyword in call.keywords if keyword.arg == "target"), None)
    else:
        match call.func:
            case ast.Attribute(value=ast.Name() as pool, attr="map" | "submit" | "imap" | "apply_async") if call.args:
                target = call.args[0] if _is_pool(context, pool) else None
            case _:
                pass
    if not isinstance(target, ast.Name):
        return None
    binding = context.facts.only_binding(target)
    return binding.node if binding is not None and isinstance(binding.node, ast.FunctionDef) else None


def _is_pool(context: Context, pool: ast.Name) -> bool:
    binding = context.facts.only_binding(pool)
    made = binding.value if binding is not None else None
    if binding is not None and made is None:
        match context.facts.parent(binding.node):
            case ast.withitem(context_expr=entered):
                made = entered
            case _:
                pass
    return isinstance(made, ast.Call) and context.resolve(made.func) in _POOLS


def _computes(context: Context, function: ast.FunctionDef) -> bool:
    """Return whether the function has a loop of arithmetic, and calls nothing that may wait or release the GIL."""
    loops = [n for n in ast.walk(function) if isinstance(n, ast.For | ast.While)]
    if not any(isinstance(n, ast.BinOp | ast.AugAssign) for loop in loops for n in ast.walk(loop)):
        return False
    for node in ast.walk(function):
        match node:
            case ast.With() | ast.Await() | ast.Yield() | ast.YieldFrom() | ast.Import() | ast.ImportFrom():
                return False
            case ast.Call(func=called):
                name = context.resolve(called) or ""
                grows = isinstance(called, ast.Attribute) and called.attr == "append"
                if name not in _COMPUTING and not name.startswith("math.") and not grows:
                    return False
            case _:
                pass
    return True


CASES = (
    Case(
        name="a pool, and threads",
        before="""
import threading
from concurrent.futures import ThreadPoolExecutor

def weigh(count):
    total = 0
    for number in range(count):
        total += number * number % 7
    return total

def run(counts):
    thread = threading.Thread(target=weigh, args=(10,))
    thread.start()
    thread.join()
    with ThreadPoolExecutor() as pool:
        return list(pool.map(weigh, counts))
""",
        after="""
def weigh(count):
    total = 0
    for number in range(count):
        total += number * number % 7
    return total

def run(counts):
    return [weigh(count) for count in counts]
""",
        call="run",
        inputs=("([10, 20],)", "([],)"),
    ),
)

REFUSE = (
    Refuse("waits for the network",
           "from concurrent.futures import ThreadPoolExecutor\ndef load(u):\n    n = 0\n    for x in u:\n"
           "        n += fetch(x)\n    return n\ndef f(us):\n    with ThreadPoolExecutor() as pool:\n"
           "        return list(pool.map(load, us))\n"),
    Refuse("processes already",
           "from concurrent.futures import ProcessPoolExecutor\ndef add(n):\n    s = 0\n    for x in range(n):\n"
           "        s += x\n    return s\ndef f(ns):\n    with ProcessPoolExecutor() as pool:\n"
           "        return list(pool.map(add, ns))\n"),
    Refuse("no loop", "import threading\ndef add(n):\n    return n + 1\ndef f():\n"
           "    threading.Thread(target=add, args=(1,)).start()\n"),
    Refuse("a function from elsewhere",
           "import threading\nfrom tools import work\ndef f():\n    threading.Thread(target=work).start()\n"),
)  # fmt: skip

BENCH = None
