"""The sampler that falls behind, and the slower one that takes over."""

from types import SimpleNamespace

import pytest

from whet.collect.api import Launch, Restarts
from whet.collect.sampler_fallback import SamplerFallback


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
    monkeypatch.setattr("whet.collect.sampler_fallback.monotonic", lambda: now[0])
    return now


SLOWER = {times: ("py-spy", "--rate", str(100 // times)) for times in (2, 5, 10)}


def follow(*followers, slower=SLOWER, counted=(90, 0), most=0.0, deepest=4_096, captures=()):
    """Return the fallback of a running sampler, and which commands it started; they become ``followers`` in order."""
    left, started = list(followers), []

    def start(words):
        started.append(words)
        return left.pop(0)

    launch = Launch(restarts=Restarts(100, slower, most), deepest=deepest, captures=captures)
    return SamplerFallback([FakeSampler(counted=counted)], launch, 1, start), started


def test_one_that_keeps_up_goes_on_alone():
    fallback, started = follow()
    fallback.check()
    assert fallback.goes_on and fallback.second is None and not started
    assert (fallback.finish(), fallback.describe("py-spy")) == ([], [])


def test_the_slower_one_begins_when_the_other_has_let_go():
    fallback, started = follow(FakeSampler())
    fallback.first.is_behind = True
    fallback.first.stop = lambda: None  # it reads a stack just now
    fallback.check()
    fallback.check()
    assert not started and fallback.goes_on
    fallback.first.is_running = False
    fallback.check()
    fallback.check()
    assert started == [("py-spy", "--rate", "10")]
    assert fallback.second is fallback.profilers[0] is not fallback.first
    (notice,) = fallback.describe("py-spy")
    assert "a slower one went on" in notice.message


def test_one_that_cannot_begin_is_followed_a_second_later(clock):
    fallback, started = follow(FakeSampler(begins=False), FakeSampler())
    fallback.first.is_behind = True
    for _ in range(3):
        fallback.check()
    assert len(started) == 1 and fallback.goes_on
    assert "no slower one could begin" in fallback.describe("py-spy")[0].message
    clock[0] += 1
    fallback.check()
    fallback.check()
    assert len(started) == 2 and fallback.goes_on
    fallback.second.stop()
    fallback.check()
    assert len(started) == 2 and not fallback.goes_on


def test_that_the_slower_one_cannot_be_started_costs_only_what_it_would_have_seen(clock):
    def fail(words):
        raise FileNotFoundError(words[0])

    fallback = SamplerFallback([FakeSampler()], Launch(restarts=Restarts(100, {10: ("gone",)})), 1, fail)
    fallback.first.is_behind = True
    fallback.check()
    fallback.check()
    assert fallback.second is None
    assert fallback.finish() == []


def test_one_that_has_no_follower_only_tells():
    fallback, _ = follow(slower={})
    fallback.first.is_behind = True
    fallback.check()
    assert fallback.first.is_running
    assert "fewer samples" in fallback.describe("py-spy")[0].message


def test_a_follower_that_the_program_did_not_wait_for_did_not_fail(clock):
    fallback, _ = follow(FakeSampler(begins=False))
    fallback.first.is_behind = True
    fallback.check()
    fallback.check()
    assert fallback.second is not None
    assert fallback.finish() == []


@pytest.mark.parametrize(
    ("counted", "then", "told"),
    [((95, 5), None, None), ((5, 5), None, None), ((90, 30), None, "30 of 120"), ((90, 10), (10, 90), "100 of 200")],
)
def test_samples_that_failed_are_reported_where_they_are_many(counted, then, told):
    fallback, _ = follow(FakeSampler(counted=then), counted=counted)
    if then:
        fallback.profilers[0] = fallback.start(fallback.restarts.slower[10])
    messages = [notice.message for notice in fallback.describe("py-spy")]
    assert ([told] if told else []) == [message.partition(" samples failed")[0] for message in messages]


def test_why_samples_failed_depends_on_how_they_are_taken():
    fallback, _ = follow(counted=(90, 30))
    (stopping,) = fallback.describe("py-spy", hint="another sampler")
    (other,) = fallback.describe("py-spy", nonblocking=True, hint="leave out --nonblocking")
    assert (
        "more than 4,096 frames" in stopping.message
        and "show as waiting" in stopping.message
        and stopping.hint == "another sampler"
    )
    assert "changed while they were read" in other.message and other.hint == "leave out --nonblocking"
    (unknown,) = follow(counted=(90, 30), deepest=0)[0].describe("gil")
    assert "most likely at very deep stacks, which it cannot read" in unknown.message


def test_one_that_cannot_be_started_again_goes_on_as_it_is():
    fallback = SamplerFallback([FakeSampler()], Launch(), 1, None)
    fallback.first.is_behind = True
    fallback.check()
    assert fallback.first.is_running and not fallback.times


@pytest.fixture
def cost(monkeypatch):
    shares = [0.0]
    monkeypatch.setattr("whet.collect.sampler_fallback.Stops.share", lambda _stops: shares[0])
    return shares


@pytest.mark.parametrize(("share", "rate"), [(0.07, 50), (0.12, 50), (0.2, 20), (0.5, 10), (0.9, 10)])
def test_samples_that_cost_too_much_become_as_rare_as_is_needed(cost, share, rate):
    fallback, started = follow(FakeSampler(), most=0.06)
    fallback.check()
    assert fallback.first.is_running
    cost[0] = share
    fallback.check()
    assert not fallback.first.is_running
    fallback.check()
    assert started == [("py-spy", "--rate", str(rate))]
    (notice,) = fallback.describe("py-spy")
    assert f"paused the program for {10 * share:.1f} ms" in notice.message
    assert notice.message.endswith(f"the rate was {rate} samples per second, not 100")
    assert notice.hint == "--rate 100 keeps the rate"


@pytest.mark.parametrize(("share", "most"), [(0.06, 0.06), (0.5, 0.0)])
def test_samples_that_may_cost_as_much_go_on(cost, share, most):
    fallback, started = follow(most=most)
    cost[0] = share
    fallback.check()
    fallback.check()
    assert fallback.first.is_running
    assert (started, fallback.describe("py-spy")) == ([], [])


def test_that_nobody_could_look_more_seldom_is_told(cost, clock):
    fallback, _ = follow(FakeSampler(begins=False), most=0.06)
    cost[0] = 0.1
    fallback.check()
    fallback.check()
    (notice,) = fallback.describe("py-spy")
    assert notice.message.endswith("the shares are those of the first seconds")
    assert notice.hint == "--rate 50"


def test_one_that_falls_behind_is_followed_by_the_slowest_whatever_its_samples_cost(cost):
    fallback, started = follow(FakeSampler(), most=0.06)
    cost[0] = 0.1
    fallback.first.is_behind = True
    fallback.check()
    fallback.check()
    assert started == [("py-spy", "--rate", "10")]
    assert len(fallback.describe("py-spy")) == 1


@pytest.mark.parametrize(("depth", "words"), [(40, "could not be read at those moments"), (1_500, "more than 4,096")])
def test_deep_stacks_are_blamed_only_where_stacks_are_deep(tmp_path, depth, words):
    capture = tmp_path / "pyspy.raw"
    capture.write_bytes(b"main (a.py:1) 7\n" + b";".join([b"f (a.py:2)"] * depth) + b" 3\n")
    fallback, _ = follow(counted=(90, 30), captures=(("pyspy-raw", capture),))
    (notice,) = fallback.describe("py-spy")
    assert words in notice.message
