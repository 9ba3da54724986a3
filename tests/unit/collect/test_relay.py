"""The sampler that falls behind, and the slower one that takes over."""

from types import SimpleNamespace

import pytest

from whet.collect.api import Launch
from whet.collect.relay import Relay


class FakeSampler:
    """A sampler that begins where ``begins`` says so, and ends when it is asked to or by itself."""

    def __init__(self, *, begins=True, counted=(90, 0)):
        self.sampling_since = int(begins)
        self.is_running = begins
        self.is_behind = False
        self.counted = counted
        self.complaint = "no"
        self.process = SimpleNamespace(pid=2)

    def stop(self):
        self.is_running = False

    def finish(self):
        return 0 if self.sampling_since else 1


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("whet.collect.relay.monotonic", lambda: now[0])
    return now


SLOWER = {times: ("py-spy", "--rate", str(100 // times)) for times in (2, 5, 10)}


def follow(*followers, slower=SLOWER, counted=(90, 0), most=0.0):
    """Return the relay of a sampler that runs, and which commands it started; they become ``followers`` one by one."""
    left, started = list(followers), []

    def start(words):
        started.append(words)
        return left.pop(0)

    launch = Launch(slower=slower, rate=100, most_share=most)
    return Relay([FakeSampler(counted=counted)], launch, 1, start), started


def test_one_that_keeps_up_goes_on_alone():
    relay, started = follow()
    relay.check()
    assert relay.goes_on and relay.second is None and not started
    assert (relay.finish(), relay.describe("py-spy")) == ([], [])


def test_the_slower_one_begins_when_the_other_has_let_go():
    relay, started = follow(FakeSampler())
    relay.first.is_behind = True
    relay.first.stop = lambda: None  # it reads a stack just now
    relay.check()
    relay.check()
    assert not started and relay.goes_on
    relay.first.is_running = False
    relay.check()
    relay.check()
    assert started == [("py-spy", "--rate", "10")]
    assert relay.second is relay.sidecars[0] is not relay.first
    (notice,) = relay.describe("py-spy")
    assert "a slower one went on" in notice.message


def test_one_that_cannot_begin_is_followed_a_second_later(clock):
    relay, started = follow(FakeSampler(begins=False), FakeSampler())
    relay.first.is_behind = True
    for _ in range(3):
        relay.check()
    assert len(started) == 1 and relay.goes_on
    assert "no slower one could begin" in relay.describe("py-spy")[0].message
    clock[0] += 1
    relay.check()
    relay.check()
    assert len(started) == 2 and relay.goes_on
    relay.second.stop()
    relay.check()
    assert len(started) == 2 and not relay.goes_on


def test_that_the_slower_one_cannot_be_started_costs_only_what_it_would_have_seen(clock):
    def fail(words):
        raise FileNotFoundError(words[0])

    relay = Relay([FakeSampler()], Launch(slower={10: ("gone",)}), 1, fail)
    relay.first.is_behind = True
    relay.check()
    relay.check()
    assert relay.second is None
    assert relay.finish() == []


def test_one_that_has_no_follower_only_tells():
    relay, _ = follow(slower={})
    relay.first.is_behind = True
    relay.check()
    assert relay.first.is_running
    assert "fewer samples" in relay.describe("py-spy")[0].message


def test_a_follower_that_the_program_did_not_wait_for_did_not_fail(clock):
    relay, _ = follow(FakeSampler(begins=False))
    relay.first.is_behind = True
    relay.check()
    relay.check()
    assert relay.second is not None
    assert relay.finish() == []


@pytest.mark.parametrize(
    ("counted", "then", "told"),
    [((95, 5), None, None), ((5, 5), None, None), ((90, 30), None, "30 of 120"), ((90, 10), (10, 90), "100 of 200")],
)
def test_looks_that_failed_are_told_where_they_are_many(counted, then, told):
    relay, _ = follow(FakeSampler(counted=then), counted=counted)
    if then:
        relay.sidecars[0] = relay.start(relay.launch.slower[10])
    messages = [notice.message for notice in relay.describe("py-spy")]
    assert ([told] if told else []) == [message.partition(" looks failed")[0] for message in messages]


def test_why_looks_failed_depends_on_how_it_looks():
    relay, _ = follow(counted=(90, 30))
    (stopping,) = relay.describe("py-spy", hint="another sampler")
    (other,) = relay.describe("py-spy", nonblocking=True, hint="leave out --nonblocking")
    assert "more than 4,096 frames" in stopping.message and stopping.hint == "another sampler"
    assert "changed while they were read" in other.message and other.hint == "leave out --nonblocking"


@pytest.fixture
def cost(monkeypatch):
    shares = [0.0]
    monkeypatch.setattr("whet.collect.relay.Stops.share", lambda _stops: shares[0])
    return shares


@pytest.mark.parametrize(("share", "rate"), [(0.07, 50), (0.12, 50), (0.2, 20), (0.5, 10), (0.9, 10)])
def test_looks_that_cost_too_much_become_as_rare_as_is_needed(cost, share, rate):
    relay, started = follow(FakeSampler(), most=0.06)
    relay.check()
    assert relay.first.is_running
    cost[0] = share
    relay.check()
    assert not relay.first.is_running
    relay.check()
    assert started == [("py-spy", "--rate", str(rate))]
    (notice,) = relay.describe("py-spy")
    assert f"held the program up for {10 * share:.1f} ms" in notice.message
    assert notice.message.endswith(f"it was looked at {rate} times a second and not 100")
    assert notice.hint == "--rate 100 keeps the rate"


@pytest.mark.parametrize(("share", "most"), [(0.06, 0.06), (0.5, 0.0)])
def test_looks_that_may_cost_as_much_go_on(cost, share, most):
    relay, started = follow(most=most)
    cost[0] = share
    relay.check()
    relay.check()
    assert relay.first.is_running
    assert (started, relay.describe("py-spy")) == ([], [])


def test_that_nobody_could_look_more_seldom_is_told(cost, clock):
    relay, _ = follow(FakeSampler(begins=False), most=0.06)
    cost[0] = 0.1
    relay.check()
    relay.check()
    (notice,) = relay.describe("py-spy")
    assert notice.message.endswith("the shares are those of the first seconds")
    assert notice.hint == "--rate 50"


def test_one_that_falls_behind_is_followed_by_the_slowest_whatever_its_looks_cost(cost):
    relay, started = follow(FakeSampler(), most=0.06)
    cost[0] = 0.1
    relay.first.is_behind = True
    relay.check()
    relay.check()
    assert started == [("py-spy", "--rate", "10")]
    assert len(relay.describe("py-spy")) == 1
