import pytest

from whet.merge.loops import settle_loops
from whet.model.metric import Metric

STDLIB = "/usr/lib/python3.13/"
POLL = (
    f"<module>@/app/app.py:9;run@{STDLIB}asyncio/runners.py:5;BaseEventLoop._run_once@{STDLIB}asyncio/base_events.py:7;"
    f"EpollSelector.select@{STDLIB}selectors.py:8;epoll.poll@"
)
SERVE = f"<module>@/app/app.py:9;BaseEventLoop.create_server@{STDLIB}asyncio/base_events.py:3"
OUTSIDE = "<no Python frame>@"


def sums(profile):
    found = {}
    for each in profile.samples:
        found[each.metric] = found.get(each.metric, 0) + sum(each.value)
    return found


@pytest.mark.parametrize(
    ("others", "waiting"), [([], 90), ([(SERVE, 1)], None), ([("work@/app/app.py:3", 1)], 90)], ids=str
)
def test_the_loop_of_a_client_waits_and_that_of_a_server_is_idle(make, others, waiting):
    profile = settle_loops(make.profile([(POLL, 90, Metric.IDLE), (OUTSIDE, 5, Metric.IDLE), *others]))
    assert sums(profile).get(Metric.WAITING) == waiting
    assert sums(profile)[Metric.IDLE] == (5 if waiting else 95)


def test_a_profile_without_idle_time_is_left_as_it_is(make):
    profile = make.profile([("work@/app/app.py:3", 7), (POLL, 2, Metric.WAITING)])
    assert settle_loops(profile) is profile
