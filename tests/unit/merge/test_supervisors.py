import pytest
from tests.unit.merge.test_waiting import LIB, MS, active_of, total, wall_of

from whet.merge.idle_stacks import Stance
from whet.merge.supervisors import find_supervisors
from whet.merge.waiting import split_waiting
from whet.model.metric import Metric
from whet.model.profile import Thread

PARENT, CHILD, OTHER = (1, 1, ""), (5, 5, ""), (6, 6, "")
SLEEP, SELECT = ("/app/a.py", "main"), (f"{LIB}/selectors.py", "select")


def find(waits, seen, computed=None, parents=None, serving=(), main=(PARENT, CHILD, OTHER)):
    return find_supervisors(waits, seen, computed or {}, {5: 1, 6: 5} if parents is None else parents, serving, main)


def test_the_parent_of_a_server_is_idle():
    assert find({PARENT: {SLEEP: 9}}, {PARENT: 10, CHILD: 9}, serving={5}) == {1: Stance.IDLE}


def test_of_a_grandchild_too():
    assert find({PARENT: {SLEEP: 9}}, {PARENT: 10, OTHER: 9}, serving={6}) == {1: Stance.IDLE}


def test_the_parent_of_workers_joins_them():
    assert find({PARENT: {SLEEP: 9}}, {PARENT: 10, CHILD: 9}, {CHILD: 8}) == {1: Stance.JOIN}
    assert find({PARENT: {SLEEP: 9}, CHILD: {SELECT: 8}}, {PARENT: 10, CHILD: 9})[1] is Stance.JOIN


@pytest.mark.parametrize(
    ("waits", "seen", "parents"),
    [
        ({PARENT: {SLEEP: 9}}, {PARENT: 10}, {}),
        ({PARENT: {SLEEP: 9}}, {PARENT: 10, CHILD: 9}, {}),
        ({PARENT: {SLEEP: 9}}, {PARENT: 10, CHILD: 9}, {5: 99}),
        ({PARENT: {SLEEP: 9}}, {PARENT: 10, CHILD: 2}, {5: 1}),
        ({PARENT: {SLEEP: 4}}, {PARENT: 10, CHILD: 9}, {5: 1}),
        ({PARENT: {SLEEP: 5, SELECT: 4}}, {PARENT: 10, CHILD: 9}, {5: 1}),
        ({}, {PARENT: 10, CHILD: 9}, {5: 1}),
        ({}, {}, {5: 1}),
    ],
)
def test_who_is_no_supervisor(waits, seen, parents):
    assert find(waits, seen, parents=parents, serving={5}) == {}


def test_a_child_that_does_nothing_explains_no_waiting():
    """multiprocessing starts a resource tracker beside programs that wait for their own reasons."""
    assert find({PARENT: {SLEEP: 9}}, {PARENT: 10, CHILD: 10}, {CHILD: 1}) == {}


def test_parents_in_a_circle():
    assert find({PARENT: {SLEEP: 9}}, {PARENT: 10, CHILD: 9}, {CHILD: 9}, parents={5: 1, 1: 5}) == {1: Stance.JOIN}


# -- in a profile -----------------------------------------------------------------------------------------------------

WORKER = Thread(5, 5, "MainThread")
READER = Thread(1, 2, "receiver")
PIPE = "Popen2IO.read@/venv/lib/python3.13/site-packages/execnet/gateway_base.py:9"


def test_a_loop_that_looks_after_a_server_is_idle(make):
    active = active_of(
        make,
        ("main@/app/a.py:1", 2),
        ("main@/app/a.py:9;accept@/usr/lib/python3.13/socket.py:2", 1, WORKER),
    )
    wall = wall_of(make, ("main@/app/a.py:3", 50), (f"main@/app/a.py:9;accept@{LIB}/socket.py:2", 50, WORKER))
    assert total(split_waiting(active, wall), Metric.WAITING) == 2_000 * MS
    split = split_waiting(active, wall, parents={5: 1})
    assert (total(split, Metric.WAITING), total(split, Metric.IDLE)) == (0, pytest.approx(4_000 * MS, rel=0.01))


def test_a_sleep_beside_children_that_compute_is_idle_as_long_as_they_do(make):
    active = active_of(make, ("main@/app/a.py:1", 2), ("work@/app/a.py:9", 150, WORKER))
    wall = wall_of(make, ("main@/app/a.py:3", 50), ("work@/app/a.py:9", 38, WORKER))
    split = split_waiting(active, wall, parents={5: 1})
    assert (total(split, Metric.WAITING), total(split, Metric.IDLE)) == (500 * MS, 1_500 * MS)


def test_a_thread_that_reads_from_a_child_is_idle(make):
    bootstrap = f"Thread._bootstrap@{LIB}/threading.py:1"
    entries = [("main@/app/a.py:1", 25), ("work@/app/a.py:9", 25, WORKER)]
    active = active_of(make, ("main@/app/a.py:1", 100), ("work@/app/a.py:9", 100, WORKER))
    wall = wall_of(make, *entries, (f"{bootstrap};{PIPE}", 25, READER))
    assert total(split_waiting(active, wall), Metric.WAITING) == 1_000 * MS
    split = split_waiting(active, wall, parents={5: 1})
    assert (total(split, Metric.WAITING), total(split, Metric.IDLE)) == (0, 1_000 * MS)
    own = wall_of(make, *entries, (f"{bootstrap};fetch@/app/a.py:4;{PIPE}", 25, READER))
    assert total(split_waiting(active, own, parents={5: 1}), Metric.WAITING, READER) == 1_000 * MS
