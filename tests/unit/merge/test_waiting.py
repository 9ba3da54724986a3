from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whet.merge.standstill import Told
from whet.merge.waiting import ThreadClock, split_waiting
from whet.merge.wall_time import split_wall
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, StackTable, Thread

MS = 1_000_000
LIB = "/usr/lib/python3.13"
ASYNCIO = f"main@/app/a.py:9;_run_once@{LIB}/asyncio/base_events.py:5;select@{LIB}/selectors.py:4"
JOIN = f"main@/app/a.py:9;join@{LIB}/threading.py:4"
WORKER = Thread(1, 2, "worker")
CHILD = Thread(5, 5, "MainThread")


def active_of(make, *entries):
    """100 looks a second; values in samples."""
    return make.profile([(s, n * 10 * MS, Metric.CPU, *rest) for s, n, *rest in entries], period_ns=10 * MS)


def wall_of(make, *entries):
    """25 looks a second; values in samples."""
    return make.profile([(s, n * 40 * MS, Metric.WAITING, *rest) for s, n, *rest in entries], period_ns=40 * MS)


def total(profile, metric, thread=None):
    return sum(
        sum(entry.value)
        for entry in profile.samples
        if entry.metric is metric and (thread is None or profile.threads[entry.thread] == thread)
    )


def test_without_a_second_sampler_nothing_changes(make):
    active = active_of(make, ("main@/app/a.py:1", 100))
    assert split_waiting(active, None) is active
    assert split_waiting(active, Profile("py-spy")) is active


def test_what_computing_does_not_explain_is_waiting(make):
    active = active_of(make, ("main@/app/a.py:1;work@/app/a.py:5", 400))
    wall = wall_of(make, ("main@/app/a.py:1;work@/app/a.py:5", 101), ("main@/app/a.py:2", 50))
    split = split_waiting(active, wall)
    assert make.stacks(split, Metric.WAITING) == {"main:2": 2_000 * MS}
    assert make.stacks(split, Metric.CPU) == make.stacks(active, Metric.CPU)
    assert total(split, Metric.IDLE) == 0
    (waiting,) = [entry for entry in split.samples if entry.metric is Metric.WAITING]
    assert waiting.count == 50
    assert all(parent < row for row, parent in enumerate(split.stacks.parent))


def test_waiting_and_computing_on_one_line(make):
    active = active_of(make, ("main@/app/a.py:1", 400))
    wall = wall_of(make, ("main@/app/a.py:1", 300))
    assert total(split_waiting(active, wall), Metric.WAITING) == 300 * 40 * MS - 400 * 10 * MS
    half = split_waiting(active, wall, overlap=0.5)
    assert total(half, Metric.WAITING) == 300 * 40 * MS - 200 * 10 * MS


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_nothing(make, seed):
    chance = Random(seed)
    places = [f"main@/app/a.py:1;f{n % 40}@/app/a.py:{n + 5}" for n in range(200)]
    active = active_of(make, *((chance.choice(places), 1) for _ in range(10_000)))
    wall = wall_of(make, *((chance.choice(places), 1) for _ in range(2_500)))
    split = split_waiting(active, wall)
    assert total(split, Metric.WAITING) + total(split, Metric.IDLE) <= 0.01 * total(active, Metric.CPU)


def test_many_small_waits_are_seen_together(make):
    active = active_of(make, ("main@/app/a.py:1", 100))
    wall = wall_of(make, ("main@/app/a.py:1", 25), *((f"f@/app/a.py:{line}", 2) for line in range(100, 300)))
    split = split_waiting(active, wall)
    assert total(split, Metric.WAITING) == pytest.approx(400 * 40 * MS, rel=0.1)
    assert "main:1" not in make.stacks(split, Metric.WAITING)


def test_the_systems_clock_bounds_waiting(make):
    active = active_of(make, ("main@/app/a.py:1", 100))
    wall = wall_of(make, ("main@/app/a.py:2", 100))
    clock = ThreadClock(1, 1, 3_000 * MS)
    assert total(split_waiting(active, wall, [clock]), Metric.WAITING) == 1_000 * MS
    assert total(split_waiting(active, wall, [ThreadClock(1, 1, 9_000 * MS)]), Metric.WAITING) == 0


def test_threads_are_matched_by_ids_and_new_ones_are_added(make):
    active = active_of(make, ("main@/app/a.py:1", 100))
    wall = wall_of(
        make,
        ("main@/app/a.py:1", 25),
        (f"_worker@{LIB}/concurrent/futures/thread.py:1", 30, WORKER),
        ("job@/app/a.py:7", 20, WORKER),
    )
    split = split_waiting(active, wall)
    assert [thread.tid for thread in split.threads] == [1, 2]
    assert total(split, Metric.IDLE, WORKER) == 30 * 40 * MS
    assert total(split, Metric.WAITING, WORKER) == 20 * 40 * MS
    assert total(split, Metric.WAITING) == 20 * 40 * MS


def test_a_client_waits_in_its_event_loop(make):
    active = active_of(make, ("main@/app/a.py:1", 10))
    split = split_waiting(active, wall_of(make, (ASYNCIO, 50)))
    assert (total(split, Metric.WAITING), total(split, Metric.IDLE)) == (2_000 * MS, 0)


@pytest.mark.parametrize("reason", ["attached", "listening", "seen accepting", "other thread"])
def test_a_server_is_idle_in_its_event_loop(make, reason):
    accepted = f"main@/app/a.py:9;_accept_connection@{LIB}/asyncio/selector_events.py:5"
    active = active_of(make, (accepted if reason == "seen accepting" else "main@/app/a.py:1", 10))
    rest = [("main@/app/a.py:1", 3), (ASYNCIO, 50, WORKER)] if reason == "other thread" else [(ASYNCIO, 50)]
    options = {"attached": {"attached": True}, "listening": {"listening": {1}}}.get(reason, {})
    split = split_waiting(active, wall_of(make, *rest), **options)
    assert (total(split, Metric.WAITING), total(split, Metric.IDLE)) == (0, 2_000 * MS)


def test_who_joins_a_computing_thread_is_idle(make):
    active = active_of(make, ("work@/app/a.py:5", 200, WORKER), ("main@/app/a.py:1", 1))
    wall = wall_of(make, ("work@/app/a.py:5", 50, WORKER), (JOIN, 50))
    split = split_waiting(active, wall)
    assert (total(split, Metric.WAITING), total(split, Metric.IDLE)) == (0, 2_000 * MS)


def test_who_joins_a_waiting_thread_does_not_count_it_twice(make):
    active = active_of(make, ("main@/app/a.py:1", 1))
    wall = wall_of(make, ("fetch@/app/a.py:5", 50, WORKER), (JOIN, 50))
    split = split_waiting(active, wall)
    assert total(split, Metric.WAITING, WORKER) == 2_000 * MS
    assert total(split, Metric.IDLE) == pytest.approx(2_000 * MS, rel=0.01)
    assert total(split, Metric.WAITING) == pytest.approx(2_000 * MS, rel=0.01)


def test_who_joins_beyond_the_work_of_others_waits(make):
    wait = f"main@/app/a.py:9;communicate@{LIB}/subprocess.py:4"
    active = active_of(make, ("main@/app/a.py:1", 10), ("work@/app/c.py:5", 50, CHILD))
    wall = wall_of(make, (wait, 100), ("work@/app/c.py:5", 12, CHILD))
    split = split_waiting(active, wall)
    assert total(split, Metric.IDLE) == 500 * MS
    assert total(split, Metric.WAITING) == 3_500 * MS


def test_joins_come_before_loops_when_the_time_of_others_is_dealt_out(make):
    active = active_of(make, ("work@/app/a.py:5", 200, WORKER), ("main@/app/a.py:1", 1))
    wall = wall_of(make, ("work@/app/a.py:5", 50, WORKER), (JOIN, 50), (ASYNCIO, 25))
    split = split_waiting(active, wall)
    assert total(split, Metric.IDLE) == 2_000 * MS
    assert sum(v for stack, v in make.stacks(split, Metric.WAITING).items() if stack.endswith("select:4")) == 1_000 * MS


def test_native_frames_of_one_sampler_do_not_look_like_waiting(make):
    active = active_of(make, ("main@/app/a.py:1;memcpy@/usr/lib/libc.so.6", 400))
    split = split_waiting(active, wall_of(make, ("main@/app/a.py:1", 100)))
    assert split is active


def test_deep_stacks(make):
    stack = ";".join(f"f@/app/a.py:{1 + depth % 7}" for depth in range(20_000))
    active = active_of(make, ("main@/app/a.py:1", 10))
    split = split_waiting(active, wall_of(make, (stack, 50), ("", 30)))
    assert sorted(make.stacks(split, Metric.WAITING).values()) == [1_200 * MS, 2_000 * MS]


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 60), st.booleans()), max_size=12),
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 60), st.booleans()), min_size=1, max_size=12),
)
def test_time_is_never_made_up(make, computing, seen):
    def entries(rows):
        return [
            (f"main@/app/a.py:1;f@/app/a.py:{line}", n, WORKER if other else Thread(1, 1)) for line, n, other in rows
        ]

    active, wall = active_of(make, *entries(computing)), wall_of(make, *entries(seen))
    split = split_waiting(active, wall)
    assert total(split, Metric.CPU) == total(active, Metric.CPU)
    for thread in split.threads:
        stood = total(split, Metric.WAITING, thread) + total(split, Metric.IDLE, thread)
        assert 0 <= stood <= sum(total(wall, metric, thread) for metric in Metric)
    for entry in split.samples:
        assert all(value > 0 for value in entry.value)
        assert entry.count >= 1


COMPUTE, NAP = "run@/app/a.py:3;crunch@/app/a.py:9", "run@/app/a.py:4;nap@/app/a.py:20"
FIGHTER = Thread(1, 3, "fighter")


def clocks_of(*threads, waited, watched):
    told = Told(watched * MS, waited * MS, 10 * MS)
    return [ThreadClock(thread.pid, thread.tid, (watched - waited) * MS, told) for thread in threads]


def test_who_waits_for_the_gil_waits_for_nothing_else(make):
    """Two threads on one GIL: each computes for 2 s and waits for it for 2 s, on the same line."""
    active = active_of(make, (COMPUTE, 200, WORKER), (COMPUTE, 200, FIGHTER))
    wall = wall_of(make, (COMPUTE, 100, WORKER), (COMPUTE, 100, FIGHTER))
    clocks = clocks_of(WORKER, FIGHTER, waited=2_000, watched=4_000)
    known = split_waiting(active, wall, clocks, gil={(1, 2): 0.98, (1, 3): 1.0})
    assert total(known, Metric.WAITING) + total(known, Metric.IDLE) == 0
    assert total(known, Metric.GIL) == 4_000 * MS
    assert total(known, Metric.CPU) == 4_000 * MS
    assert total(split_waiting(active, wall, clocks), Metric.WAITING) == 4_000 * MS, "as if it were not known"


def test_a_sleep_between_fights_for_the_gil_is_waiting_where_it_is(make):
    """Of 4 s a thread computes for 1, waits for the GIL for 2 and sleeps for 1."""
    active = active_of(make, (COMPUTE, 100, WORKER), ("main@/app/a.py:8", 1))
    wall = wall_of(make, (COMPUTE, 75, WORKER), (NAP, 25, WORKER), (JOIN, 1))
    split = split_waiting(active, wall, clocks_of(WORKER, waited=3_000, watched=4_000), gil={(1, 2): 0.66})
    assert make.stacks(split, Metric.WAITING) == {"run:4;nap:20": pytest.approx(1_000 * MS, rel=0.05)}
    assert make.stacks(split, Metric.GIL) == {"run:3;crunch:9": pytest.approx(2_000 * MS, rel=0.05)}
    assert total(split, Metric.WAITING) + total(split, Metric.GIL) == 3_000 * MS


def test_the_gil_of_a_thread_of_which_nothing_else_is_counted(make):
    active = active_of(make, (COMPUTE, 100, WORKER), ("main@/app/a.py:8", 1))
    wall = wall_of(make, (COMPUTE, 75, WORKER), (NAP, 25, WORKER), (JOIN, 1))
    before = split_waiting(active, wall)
    split = split_waiting(active, wall, gil={(1, 2): 0.4})
    assert total(split, Metric.GIL) + total(split, Metric.WAITING) == total(before, Metric.WAITING)
    assert total(split, Metric.GIL) == pytest.approx(total(before, Metric.WAITING) * 0.4, abs=MS)
    split = split_waiting(active, wall, gil={(1, 2): 0.9})
    assert set(make.stacks(split, Metric.WAITING)) == {"run:4;nap:20"}


def test_who_waits_for_threads_that_wait_for_the_gil_is_idle(make):
    active = active_of(make, (COMPUTE, 100, WORKER), (COMPUTE, 100, FIGHTER), ("main@/app/a.py:8", 1))
    wall = wall_of(make, (COMPUTE, 50, WORKER), (COMPUTE, 50, FIGHTER), (JOIN, 50))
    clocks = [
        *clocks_of(WORKER, FIGHTER, waited=1_000, watched=2_000),
        ThreadClock(1, 1, 10 * MS, Told(2_000 * MS, 1_990 * MS, 10 * MS)),
    ]
    split = split_waiting(active, wall, clocks, gil={(1, 2): 1.0, (1, 3): 1.0})
    assert total(split, Metric.IDLE) == 1_990 * MS
    assert total(split, Metric.WAITING) == 0


def test_a_thread_that_fights_for_the_gil_waits_for_nothing_else_where_it_computes(make):
    """The samplers do not agree on where it was: that is chance, as 8 % of other waiting have no place of their own."""
    other = "run@/app/a.py:3;crunch@/app/a.py:10"
    active = active_of(make, (COMPUTE, 78, WORKER), (other, 22, WORKER), (COMPUTE, 100, FIGHTER))
    wall = wall_of(make, (COMPUTE, 30, WORKER), (other, 70, WORKER), (COMPUTE, 100, FIGHTER))
    clocks = clocks_of(WORKER, FIGHTER, waited=3_000, watched=4_000)
    split = split_waiting(active, wall, clocks, gil={(1, 2): 0.92, (1, 3): 1.0})
    assert total(split, Metric.WAITING) == 0
    assert total(split, Metric.GIL, WORKER) == 3_000 * MS


def test_a_program_of_one_thread_is_not_said_to_wait_for_the_gil(make):
    """The other thread is whet's own, which reads values."""
    active = active_of(make, (COMPUTE, 100, WORKER))
    wall = wall_of(make, (COMPUTE, 30, WORKER))
    split = split_waiting(active, wall, clocks_of(WORKER, waited=200, watched=1_200), gil={(1, 2): 1.0})
    assert total(split, Metric.GIL) == total(split, Metric.WAITING) == 0
    assert total(split, Metric.CPU) == 1_000 * MS


def test_who_waits_for_a_child_that_was_sampled_late_is_idle(make):
    """The child was awake for 2 s; the sampler had found its way in after half a second."""
    active = active_of(make, (COMPUTE, 150, CHILD), ("main@/app/a.py:8", 1))
    wall = wall_of(make, (COMPUTE, 38, CHILD), ("main@/app/a.py:9", 50))
    clocks = [
        ThreadClock(5, 5, 2_000 * MS, Told(2_000 * MS, 0, 10 * MS)),
        ThreadClock(1, 1, 10 * MS, Told(2_000 * MS, 1_990 * MS, 10 * MS)),
    ]
    split = split_waiting(active, wall, clocks, parents={5: 1})
    assert total(split, Metric.IDLE) == 1_990 * MS
    assert total(split, Metric.WAITING) == 0


@pytest.mark.parametrize("name", ["join", "sleep"])
def test_waits_of_no_time_are_no_division_by_it(name):
    """Profiles of other tools may hold such: a weight of 0."""
    frames = (Frame("a.py", "f", 3, 1, Owner.USER), Frame("/usr/lib/python3.11/threading.py", name, 5, 4, Owner.STDLIB))
    waits = Samples(Metric.WAITING, 0, [1], [0], 1)
    profile = Profile("x", frames, StackTable((ROOT, 0), (0, 1)), (Thread(1, 1),), (waits,), wall=True, unjudged=True)
    assert sum(sum(each.value) for each in split_wall(profile).samples) == 0
