"""Advice on waiting in an asyncio program: how much of it at once, and who waits for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whet.advise.join import advise
from whet.model.evidence import Awaited, Evidence
from whet.model.finding import Finding, Safety, Speed
from whet.model.frame import Frame, Owner
from whet.model.hotspot import Cost, Hotspots, LineSpot
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, StackTable, Thread
from whet.model.run import Execution, Host, Interpreter, Purpose, Run, SourceFile

FILE = "/p/a.py"
SECOND = 1_000_000_000
TEXT = """\
async def send(n):
    await connection.ask(n)
async def load(items):
    for item in items:
        await send(item)
run(load(range(9)))
"""
FOUND = Finding(
    "await-in-loop", FILE, 5, 5, 8, "load", 3, "One by one", "Every iteration waits.", Safety.ADVICE, Speed.FACTOR, (5,)
)


def make_run(concurrency):
    frames = [
        Frame(FILE, name, line, first) for name, line, first in (("<module>", 6, 1), ("load", 5, 3), ("send", 2, 1))
    ]
    poll = Frame("/usr/lib/python3.13/asyncio/base_events.py", "_run_once", 9, 1, Owner.STDLIB)
    profile = Profile(
        "py-spy 0.4.1",
        frames=(*frames, poll),
        stacks=StackTable((ROOT, 0, 1, 2), (0, 3, 1, 2)),
        threads=(Thread(1, 1),),
        samples=(Samples(Metric.WAITING, 0, (3,), (8 * SECOND,), 800),),
    )
    awaited = tuple(Awaited(FILE, line, 8 * SECOND, concurrency) for line in (2, 5))
    return Run(
        "0",
        ("a.py",),
        "",
        "/p",
        "/p",
        Interpreter("/bin/python", "3.13.1"),
        host=Host("Linux", "x", 8),
        executions=(Execution(Purpose.TIME, (), 10 * SECOND, 2 * SECOND, 0),),
        profiles=(profile,),
        sources={FILE: SourceFile(FILE, "a.py", "", TEXT)},
        evidence=Evidence(awaited=awaited),
    )


def make_hotspots():
    spots = (
        LineSpot(FILE, 2, "send", 1, Owner.USER, Cost(waiting_ns=8 * SECOND)),
        LineSpot(FILE, 5, "load", 3, Owner.USER, Cost()),
    )
    index = {(spot.file, spot.line): spot for spot in spots}
    return Hotspots(busy_ns=10 * SECOND, cpu_ns=2 * SECOND, samples=1_000, lines=spots, line_index=index)


def test_a_loop_that_awaits_one_by_one_has_what_its_coroutines_wait():
    (item,) = advise(make_run(1.0), make_hotspots(), (FOUND,))
    assert (item.finding.rule, item.share) == ("await-in-loop", 0.8)
    assert item.finding.message.endswith("8.0 s went by like that, one task at a time.")


def test_where_others_wait_meanwhile_the_loop_is_not_named():
    (item,) = advise(make_run(6.0), make_hotspots(), (FOUND,))
    assert (item.finding.rule, item.finding.line) == ("waiting", 2)
    assert "6 tasks at once (on average) through load (line 5) waited here. More at once" in item.finding.message


@pytest.mark.parametrize(("concurrency", "told"), [(1.0, "one task at a time"), (2.0, "2 tasks at once (on average)")])
def test_waiting_says_how_many_wait_at_once_and_who_awaits_them(concurrency, told):
    (item,) = advise(make_run(concurrency), make_hotspots(), ())
    assert f"{told} through load (line 5) waited here." in item.finding.message


def test_where_no_tasks_were_seen_nothing_is_said_of_them():
    run = replace(make_run(1.0), evidence=Evidence())
    (item,) = advise(run, make_hotspots(), ())
    assert "waited here" not in item.finding.message.removeprefix("The program waited here")
