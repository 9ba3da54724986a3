"""A made-up run, for testing renderers without running or profiling anything.

Renderers of other distributions are tested with it too, so it covers
everything: measured and unmeasured metrics, lines with and without hits,
advice with and without a diff, several threads, a warning.
"""

from __future__ import annotations

from dataclasses import replace

from whet.model.advice import Advice, Estimate
from whet.model.evidence import Evidence, Seen
from whet.model.finding import Finding, Safety, Speed
from whet.model.flame import CallColumn, CallTree, FlameTree
from whet.model.frame import Frame, Owner
from whet.model.hotspot import (
    Callee,
    Cost,
    DependencySpot,
    FunctionSpot,
    Hotspots,
    ImportSpot,
    LineSpot,
    ThreadTime,
    UnitKind,
    UnitLine,
    UnitSpot,
)
from whet.model.metric import Metric
from whet.model.profile import LineCount, Profile, Thread
from whet.model.routes import Requests, RouteTotals
from whet.model.run import Execution, Host, Interpreter, Notice, Purpose, Resident, Run, SourceFile
from whet.model.trial import Checked, Clock, Gain, Proof, RewriteRef, Trial, Verdict

PROJECT = "/srv/shop"
LEDGER = f"{PROJECT}/shop/ledger.py"
ORDERS = f"{PROJECT}/orders.py"
DECODER = "/usr/lib/python3.13/json/decoder.py"

LEDGER_TEXT = '''"""The ledger: which orders were seen, and what they sum up to."""

from dataclasses import dataclass, field


@dataclass
class Entry:
    number: int
    customer: str
    cents: int


@dataclass
class Ledger:
    """All entries in the order in which they came."""

    entries: list[Entry] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    journal: str = ""

    def seen(self, number):
        # A list, asked for membership once an order.
        return number in self.numbers

    def add(self, entry):
        if self.seen(entry.number):
            return False
        self.numbers.append(entry.number)
        self.entries.append(entry)
        self.journal += f"{entry.number}:{entry.cents}\\n"
        return True

    def total(self, customer):
        return sum(entry.cents for entry in self.entries if entry.customer == customer)


def close(ledger):
    """Print the totals."""
    for customer in sorted({entry.customer for entry in ledger.entries}):
        print(customer, ledger.total(customer))
'''
ORDERS_TEXT = '''"""Read the orders and close the day."""

import json
import sys

from shop.ledger import Entry, Ledger, close


def read(path):
    with open(path) as file:
        for line in file:
            yield Entry(**json.loads(line))


def main(path):
    ledger = Ledger()
    for entry in read(path):
        ledger.add(entry)
    close(ledger)


if __name__ == "__main__":
    main(sys.argv[1])
'''

_BUSY = 3_120_000_000
_ERROR = 0.014


def make_run(hostile: str = "") -> Run:
    """Return a run; ``hostile`` is inserted wherever text comes from the program (names, arguments, …)."""
    sources = {
        LEDGER: _make_source(LEDGER, f"shop/{hostile}ledger.py", LEDGER_TEXT + (f"# {hostile}\n" if hostile else "")),
        ORDERS: _make_source(ORDERS, "orders.py", ORDERS_TEXT),
    }
    lines = (LineCount(LEDGER, 23, 21, 41_250), LineCount(LEDGER, 30, 25, 1_200_000))
    return Run(
        whet_version="0.1.0",
        command=("orders.py", "--day", "2024-02-29", f"day{hostile}.jsonl", "--token=hunter2hunter2"),
        started="2024-11-20T10:11:12+01:00",
        directory=PROJECT,
        project=PROJECT,
        interpreter=Interpreter("/srv/shop/.venv/bin/python", "3.13.0", why="the project's .venv"),
        host=Host("Linux", "x86_64", 8),
        commit="8d1f0c2",
        executions=(
            Execution(Purpose.TIME, ("py-spy", "values", "resident"), 3_400_000_000, 3_060_000_000, 0, 0, 96_400_000),
            Execution(Purpose.EXACT_LINES, ("line_profiler",), 9_100_000_000, 8_900_000_000, 0),
        ),
        profiles=(
            Profile("py-spy 0.4.3", period_ns=10_000_000, ticks=312),
            Profile("line_profiler 5.1.0", lines=lines, execution=1),
        ),
        sources=sources,
        evidence=Evidence(812, (_make_seen(hostile),)),
        resident=Resident(
            at_ns=tuple(range(0, 3_400_000_000, 50_000_000)),
            bytes=tuple(18_000_000 + 1_200_000 * i if i < 60 else 40_000_000 for i in range(68)),
            peak_bytes=96_400_000,
            peak_at_ns=2_950_000_000,
            peak_stack=((ORDERS, 23, "<module>"), (ORDERS, 18, "main"), (LEDGER, 30, f"Ledger.add{hostile}")),
        ),
        notices=(
            Notice(
                "memray", f"no memory was measured: memray does not load {hostile}".strip(), "whet doctor --install"
            ),
        ),
        not_measured=(("memory", "--memory"),),
        requests=Requests(
            elapsed_ns=3_000_000_000,
            routes=(
                RouteTotals(
                    f"GET /orders/{{number}}{hostile}",
                    1_400_000_000,
                    (270, 302, 350),
                    (300, 90, 30),
                    ORDERS,
                    15,
                    f"main{hostile}",
                ),
                RouteTotals("GET (no route)", 30_000_000, (250,), (70,)),
            ),
            processes=2,
            timed=("uvicorn.config",),
        ),
    )


def make_hotspots(hostile: str = "") -> Hotspots:
    """Return the merge result of the run of :func:`make_run`."""
    lines = (
        _make_line(LEDGER, 23, f"Ledger.seen{hostile}", 21, 0.412, 41_250),
        replace(
            _make_line(LEDGER, 30, f"Ledger.add{hostile}", 25, 0.201, 1_200_000),
            callees=(Callee(f"Decoder.decode{hostile}", DECODER, 8, 0.62), Callee("json.dumps", DECODER, 3, 0.2)),
        ),
        _make_line(LEDGER, 34, "Ledger.total", 33, 0.152),
        _make_line(ORDERS, 12, "read", 9, 0.141),
        _make_line(ORDERS, 18, "main", 15, 0.031),
        _make_line(LEDGER, 40, "close", 37, 0.0004),
    )
    functions = (
        _make_function(LEDGER, f"Ledger.seen{hostile}", 21, 23, 0.412, 0.412, lines[0].cost.hits),
        _make_function(LEDGER, f"Ledger.add{hostile}", 25, 31, 0.201, 0.613, lines[1].cost.hits),
        _make_function(LEDGER, "Ledger.total", 33, 34, 0.152, 0.152),
        _make_function(ORDERS, "read", 9, 12, 0.141, 0.141),
        _make_function(ORDERS, "main", 15, 19, 0.031, 0.99),
        _make_function(LEDGER, "close", 37, 40, 0.0004, 0.152),
    )
    return Hotspots(
        busy_ns=_BUSY,
        cpu_ns=_BUSY - 90_000_000,
        waiting_ns=90_000_000,
        idle_ns=400_000_000,
        samples=312,
        share_error=0.028,
        functions=functions,
        lines=lines,
        imports=(ImportSpot("json", "/usr/lib/python3.13/json/__init__.py", 62_000_000, 0.02),),
        dependencies=(DependencySpot("json", Owner.STDLIB, 320_000_000, 440_000_000, 0.103),),
        threads=(
            ThreadTime(4242, 4242, "MainThread", "python orders.py", 3_000_000_000, 90_000_000, 0),
            ThreadTime(4242, 4243, f"worker{hostile}", "python orders.py", 30_000_000, 0, 400_000_000),
        ),
        units=(
            UnitSpot(
                UnitKind.TEST,
                "/srv/shop/tests/test_ledger.py",
                f"TestLedger.test_add{hostile}",
                14,
                1_300_000_000,
                0,
                0.42,
                0.028,
                (UnitLine(LEDGER, 23, 1_200_000_000, 0.923),),
            ),
            UnitSpot(
                UnitKind.ROUTE,
                "",
                f"GET /orders/{{number}}{hostile}",
                0,
                900_000_000,
                0,
                0.288,
                0.026,
                (UnitLine(LEDGER, 30, 600_000_000, 0.667),),
            ),
        ),
        line_index={(line.file, line.line): line for line in lines},
    )


def make_advice(hostile: str = "") -> tuple[Advice, ...]:
    """Return advice for the run of :func:`make_run`: one with observed values and a diff, one without either."""
    membership = Finding(
        rule="list-membership",
        file=LEDGER,
        line=23,
        end_line=23,
        column=15,
        function=f"Ledger.seen{hostile}",
        function_line=21,
        title="Ask a set, not a list, for membership",
        message=f"Each test walks the list. A set answers in constant time. {hostile}".strip(),
        safety=Safety.OBSERVED,
        speed=Speed.ASYMPTOTIC,
        lines=(23,),
    )
    joining = replace(
        membership,
        rule="str-concat",
        line=30,
        end_line=30,
        function="Ledger.add",
        function_line=25,
        title="Collect the pieces and join them once",
        message="Growing a string in an attribute copies all of it each time.",
        safety=Safety.ADVICE,
        lines=(30,),
    )
    diff = (
        "--- a/shop/ledger.py\n+++ b/shop/ledger.py\n@@ -21,3 +21,3 @@\n     def seen(self, number):\n"
        f"-        return number in self.numbers\n+        return number in self.number_set{hostile}\n"
    )
    return (
        Advice("3f2a9c1b7d", membership, 0.412, _ERROR, Estimate(1.5, 1.7), (_make_seen(hostile),), diff=diff),
        Advice("b81c22e0aa", joining, 0.201, 0.011, Estimate(1.0, 1.25)),
    )


def make_proof(hostile: str = "") -> Proof:
    """Return a session of proving for the advice of :func:`make_advice`: one rewrite won, one made no difference."""
    gain = Gain(2.4, 2.31, 2.52, 20, 0.99, Clock.CPU, 3_060_000_000, 1_275_000_000, 96_400_000, 97_100_000)
    even = Gain(1.004, 0.98, 1.03, 24, 0.99, Clock.CPU, 1_275_000_000, 1_270_000_000)
    return Proof(
        workload=("orders.py", f"day{hostile}.jsonl"),
        started="2024-11-20T10:14:00+01:00",
        trials=(
            Trial(RewriteRef("3f2a9c1b7d", "list-membership"), Verdict.FASTER, gain),
            Trial(
                RewriteRef("b81c22e0aa", "str-concat"),
                Verdict.NO_DIFFERENCE,
                even,
                f"within chance {hostile}".strip(),
            ),
        ),
        total=gain,
        total_verdict=Verdict.FASTER,
        applied=("3f2a9c1b7d",),
        checked=Checked(stdout_bytes=512, files=("totals.csv", f"day{hostile}.log"), file_bytes=41_000),
        runs=88,
        seconds=214.0,
        notes=(f"the working folder was copied for each run {hostile}".strip(),),
    )


def make_proven(hostile: str = "") -> tuple[Run, tuple[Advice, ...]]:
    """Return run and advice as they are after :func:`make_proof`."""
    proof = make_proof(hostile)
    advice = tuple(
        replace(item, trial=trial, verdict=trial.verdict)
        for item, trial in zip(make_advice(hostile), proof.trials, strict=True)
    )
    third = replace(make_advice(hostile)[0], id="c0ffee0001", share=0.05, diff="")
    return replace(make_run(hostile), proof=proof), (*advice, third)


def make_flames(hostile: str = "") -> dict[Metric, FlameTree]:
    """Return the flame tree of the run of :func:`make_run`."""
    frames = (
        Frame(ORDERS, "<module>", 23, 1),
        Frame(ORDERS, "main", 18, 15),
        Frame(LEDGER, f"Ledger.add{hostile}", 30, 25),
        Frame(LEDGER, f"Ledger.seen{hostile}", 23, 21),
        Frame(ORDERS, "read", 12, 9),
        Frame(DECODER, "JSONDecoder.decode", 345, 341, Owner.STDLIB),
        Frame(LEDGER, "close", 40, 37),
        Frame(LEDGER, "Ledger.total", 34, 33),
        Frame("_json.so", "scan_once", 0, 0, Owner.NATIVE),
        Frame("/srv/shop/.venv/lib/python3.13/site-packages/attr/_make.py", "__init__", 8, 8, Owner.DEPENDENCY),
    )
    rows = (  # depth, frame, thousandths of the whole in the node itself
        (0, 0, 3), (1, 1, 28), (2, 2, 201), (3, 3, 412), (2, 6, 0), (3, 7, 152),
        (2, 4, 38), (3, 5, 63), (4, 8, 40), (3, 9, 62), (1, 6, 1),
    )  # fmt: skip
    own = [part * _BUSY // 1000 for _, _, part in rows]
    total = list(own)
    for row in range(len(rows)):
        depth = rows[row][0]
        for later in range(row + 1, len(rows)):
            if rows[later][0] <= depth:
                break
            total[row] += own[later]
    return {Metric.CPU: FlameTree(Metric.CPU, frames, [r[0] for r in rows], [r[1] for r in rows], own, total)}


def make_calls(hostile: str = "", *, compared: bool = False) -> CallTree:
    """Return the calls of the run of :func:`make_run`: in two threads, computing, waiting and allocating.

    With ``compared`` an earlier run is added, in which ``Ledger.seen`` took twice as long and ``close`` half.
    """
    tree = make_flames(hostile)[Metric.CPU]
    rows = [row for row, value in enumerate(tree.self_value) if value]
    own = [tree.self_value[row] for row in rows]
    waiting = CallColumn(Metric.WAITING, 0, 0, [6], [90_000_000], 9)
    worker = CallColumn(Metric.CPU, 0, 1, [6, 8], [20_000_000, 10_000_000], 3)
    allocated = CallColumn(Metric.ALLOCATED, 1, 2, [2, 7], [48_000_000, 2_000_000], 0)
    change = {3: 2.0, 5: 0.5}
    before = [round(value * change.get(row, 1.0)) for row, value in zip(rows, own, strict=True)]
    return CallTree(
        frames=tree.frames,
        threads=(
            Thread(4242, 4242, "MainThread", "python orders.py"),
            Thread(4242, 4243, f"worker{hostile}", "python orders.py"),
            Thread(4343, 4343, "MainThread", f"python orders.py {hostile}"),
        ),
        depth=tree.depth,
        frame=tree.frame,
        columns=(CallColumn(Metric.CPU, 0, 0, rows, own, 309), worker, waiting, allocated),
        before=(CallColumn(Metric.CPU, 0, 0, rows, before, 400),) if compared else (),
    )


def _make_source(file: str, shown: str, text: str) -> SourceFile:
    return SourceFile(file=file, shown=shown, sha256="", text=text)


def _make_seen(hostile: str) -> Seen:
    return Seen(
        LEDGER, f"Ledger.seen{hostile}", 21, f"self.numbers{hostile}", 214,
        {"builtins.list": 214}, {"builtins.int": 214}, 1_900, 2_000, 2_100,
    )  # fmt: skip


def _make_cost(share: float, total: float, hits: int | None) -> Cost:
    waiting = 90_000_000 if share == 0.141 else 0
    attributed = round(share * _BUSY) - waiting
    return Cost(
        self_ns=round(attributed * 0.9),
        total_ns=round(total * _BUSY),
        attributed_ns=attributed,
        waiting_ns=waiting,
        self_share=share * 0.9,
        total_share=total,
        spent_share=share,
        share_error=_ERROR if share > 0.01 else 0.0,
        samples=round(share * 312),
        hits=hits,
        hit_ns=round((attributed + waiting) / hits) if hits else None,
        collectors=("py-spy", "line_profiler") if hits else ("py-spy",),
    )


def _make_line(file: str, line: int, function: str, start: int, share: float, hits: int | None = None) -> LineSpot:
    return LineSpot(file, line, function, start, Owner.USER, _make_cost(share, share, hits))


def _make_function(
    file: str, name: str, line: int, end: int, share: float, total: float, hits: int | None = None
) -> FunctionSpot:
    return FunctionSpot(file, name, line, end, Owner.USER, _make_cost(share, total, hits), (0,))
