"""The waiting of an event loop, put where the tasks waited that the agent saw."""

from __future__ import annotations

from whet.merge.awaiting import place_awaiting, sum_awaited
from whet.merge.evidence import pool_evidence
from whet.merge.hotspots import merge_run
from whet.merge.tree import self_values
from whet.model.agent_report import AgentReport, TaskWait
from whet.model.evidence import Awaited, Evidence
from whet.model.metric import Metric
from whet.model.profile import Thread

BASE = "/usr/lib/python3.13/asyncio/base_events.py"
LOOP = f"<module>@/app/a.py:9:1;run@/usr/lib/python3.13/asyncio/runners.py:190:170;_run_once@{BASE}:1900:1890"
POLL = f"{LOOP};select@/usr/lib/python3.13/selectors.py:468:450"
ONE = (("/app/a.py", 5, "main", 4), ("/app/a.py", 2, "fetch", 1))
OTHER = (("/app/a.py", 6, "main", 4),)


def waited(profile):
    values = self_values(profile, [Metric.WAITING])
    return {
        tuple((profile.frames[profile.stacks.frame[each]].name) for each in profile.stacks.walk(row)): value
        for row, value in enumerate(values[:-1])
        if value
    }


def test_waiting_is_spread_over_the_stacks_of_tasks_in_their_proportion(make):
    profile = make.profile([(POLL, 90, Metric.WAITING), (LOOP, 5)])
    agent = AgentReport(1, waits=(TaskWait(ONE, 1, 200, 200), TaskWait(OTHER, 0, 99, 99), TaskWait(OTHER, 1, 100, 800)))
    placed = place_awaiting(profile, [agent])
    above = ("_run_once", "run", "<module>")
    assert waited(placed) == {("fetch", "main", *above): 60, ("main", *above): 30}
    assert sum(self_values(placed, [Metric.CPU])) == 5
    lines = {spot.line: spot.cost for spot in merge_run(make.run(placed)).lines}
    assert {line: cost.waiting_ns for line, cost in lines.items() if cost.waiting_ns} == {2: 60, 6: 30}


def test_what_another_thread_or_process_waits_stays(make):
    blocking = "<module>@/app/a.py:9:1;get@/usr/lib/python3.13/queue.py:3:1"
    profile = make.profile([(POLL, 90, Metric.WAITING), (blocking, 7, Metric.WAITING)])
    assert waited(place_awaiting(profile, [AgentReport(2, waits=(TaskWait(ONE, 1, 9, 9),))])) == waited(profile)
    placed = place_awaiting(profile, [AgentReport(1, waits=(TaskWait(ONE, 0, 3, 3),))])
    assert waited(placed) == {
        ("get", "<module>"): 7,
        ("fetch", "main", "_run_once", "run", "<module>"): 90,
    }
    other = make.profile([(POLL, 90, Metric.WAITING, Thread(1, 8, "Thread-2"))])
    assert waited(place_awaiting(other, [AgentReport(1, waits=(TaskWait(ONE, 1, 3, 3),))])) == waited(other)


def test_nothing_is_lost_by_rounding(make):
    profile = make.profile([(POLL, 100, Metric.WAITING)])
    waits = tuple(TaskWait((("/app/a.py", line, "f", 1),), 1, 7, 7) for line in range(2, 9))
    values = self_values(place_awaiting(profile, [AgentReport(1, waits=waits)]), [Metric.WAITING])
    assert sum(values) == 100
    assert sum(map(bool, values)) == 7


def test_lines_say_how_many_tasks_waited_at_once():
    awaited = sum_awaited([TaskWait(ONE, 1, 100, 300), TaskWait(OTHER, 1, 50, 50), TaskWait(ONE, 1, 100, 100)])
    assert awaited == (
        Awaited("/app/a.py", 2, 200, 2.0),
        Awaited("/app/a.py", 5, 200, 2.0),
        Awaited("/app/a.py", 6, 50, 1.0),
    )
    pooled = pool_evidence([Evidence(awaited=awaited), Evidence(awaited=(Awaited("/app/a.py", 2, 600, 6.0),))])
    assert pooled.awaited[0] == Awaited("/app/a.py", 2, 800, 5.0)
