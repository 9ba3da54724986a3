"""What is corrected of sampled times depends on what the profile holds. The samplers are nobody's in particular."""

from __future__ import annotations

import pytest

from whet.collect.attach import Watched
from whet.collect.resident import TreePoller
from whet.model.frame import NO_FRAME, Frame
from whet.model.metric import Metric
from whet.model.profile import ROOT, Correction, Profile, Samples, StackTable, Thread
from whet.pipeline.run.correct import Corrector

SECOND = 10**9
MAIN, AGENT, WORKER = 7, 8, 9
FRAMES = (
    Frame("/srv/app.py", "main", 3),
    Frame("<whet>/agent.py", "watch", 1),
    NO_FRAME,
    Frame("/usr/lib/python3.13/threading.py", "wait", 355),
)
COMPUTES, WATCHES, BARE, WAITS = range(4)


def sampled(*entries: tuple[int, int, Metric, int]) -> Profile:
    """Return a profile of (thread, row, metric, nanoseconds); row ``n`` is frame ``n`` alone."""
    threads = (MAIN, AGENT, WORKER)
    return Profile(
        "theirs 1.0",
        frames=FRAMES,
        stacks=StackTable((ROOT,) * len(FRAMES), tuple(range(len(FRAMES)))),
        threads=tuple(Thread(7, tid) for tid in threads),
        samples=tuple(
            Samples(metric, threads.index(tid), [row], [value], max(1, value // 10**7))
            for tid, row, metric, value in entries
        ),
        period_ns=10**7,
    )


def watch(clocks: dict[int, int], cpu_ns: int, *, paused: float = 0.0) -> Watched:
    poller = TreePoller(7)
    poller.clocks = {(7, tid): spent for tid, spent in clocks.items()}
    poller._polls, poller._paused_polls = 100, round(100 * paused)
    return Watched(poller, wall_ns=4 * SECOND, cpu_ns=cpu_ns)


def spent(profile: Profile) -> dict[tuple[int, Metric], float]:
    sums: dict[tuple[int, Metric], float] = {}
    for each in profile.samples:
        key = profile.threads[each.thread].tid, each.metric
        sums[key] = sums.get(key, 0) + sum(each.value) / SECOND
    return sums


@pytest.mark.parametrize("clocks", [{MAIN: 2 * SECOND, WORKER: 2 * SECOND}, {}])
def test_a_sampler_of_one_thread_is_not_scaled_up_to_all_that_the_program_computed(clocks: dict[int, int]) -> None:
    profile = Corrector(watch(clocks, 4 * SECOND), ()).correct(sampled((MAIN, COMPUTES, Metric.CPU, SECOND)))
    assert spent(profile) == {(MAIN, Metric.CPU): 1}
    assert profile.corrections == ()


def test_nobody_computes_longer_than_the_clocks_say() -> None:
    profile = sampled((MAIN, COMPUTES, Metric.CPU, 3 * SECOND), (WORKER, COMPUTES, Metric.CPU, SECOND))
    corrected = Corrector(watch({MAIN: SECOND, WORKER: 2 * SECOND}, 3 * SECOND), ()).correct(profile)
    assert spent(corrected) == {(MAIN, Metric.CPU): 1, (WORKER, Metric.CPU): 1}
    assert corrected.corrections == (Correction("scaled to the CPU clocks", Metric.CPU, -2 * SECOND),)


def test_threads_that_have_ids_of_their_own_are_held_to_the_process() -> None:
    """Where no thread is known there is nothing to hold one by itself to."""
    profile = sampled((MAIN, COMPUTES, Metric.CPU, 3 * SECOND), (WORKER, COMPUTES, Metric.CPU, SECOND))
    corrected = Corrector(watch({4001: 2 * SECOND}, 2 * SECOND), ()).correct(profile)
    assert spent(corrected) == pytest.approx({(MAIN, Metric.CPU): 1.5, (WORKER, Metric.CPU): 0.5})


@pytest.mark.parametrize("own", [(), {(7, AGENT)}])
def test_whets_threads_are_left_out_by_their_ids_or_their_code(own: set[tuple[int, int]]) -> None:
    row = COMPUTES if own else WATCHES
    profile = sampled(
        (MAIN, COMPUTES, Metric.CPU, SECOND),
        (AGENT, row, Metric.CPU, SECOND // 10),
        (AGENT, row, Metric.WAITING, 3 * SECOND),
    )
    corrected = Corrector(watch({}, 4 * SECOND), own).correct(profile)
    assert spent(corrected) == {(MAIN, Metric.CPU): 1}
    assert corrected.corrections == (Correction("whet's own threads left out", Metric.CPU, -SECOND // 10),)


def test_samples_without_a_frame_are_nothing_where_the_program_stood_still() -> None:
    profile = sampled((MAIN, COMPUTES, Metric.CPU, SECOND), (WORKER, BARE, Metric.CPU, SECOND))
    assert len(spent(Corrector(watch({}, 4 * SECOND), ()).correct(profile))) == 2
    assert spent(Corrector(watch({}, 4 * SECOND, paused=0.5), ()).correct(profile)) == {(MAIN, Metric.CPU): 1}


def test_waiting_of_who_tells_no_idle_time_is_divided() -> None:
    profile = sampled((MAIN, COMPUTES, Metric.CPU, SECOND), (WORKER, COMPUTES, Metric.WAITING, SECOND))
    assert spent(Corrector(watch({}, 4 * SECOND), ()).correct(profile))[WORKER, Metric.WAITING] == 1
    parked = Frame("/usr/lib/python3.13/concurrent/futures/thread.py", "_worker", 81)
    parked_profile = Profile(
        profile.collector,
        frames=(FRAMES[0], parked),
        stacks=StackTable((ROOT, ROOT), (0, 1)),
        threads=profile.threads,
        samples=(profile.samples[0], Samples(Metric.WAITING, 2, [1], [SECOND], 100)),
        period_ns=profile.period_ns,
    )
    assert spent(Corrector(watch({}, 4 * SECOND), ()).correct(parked_profile))[WORKER, Metric.IDLE] == 1


def test_waiting_of_who_tells_idle_time_stays_as_it_is() -> None:
    profile = sampled(
        (MAIN, COMPUTES, Metric.CPU, SECOND),
        (WORKER, WAITS, Metric.WAITING, SECOND),
        (WORKER, WAITS, Metric.IDLE, 2 * SECOND),
    )
    corrected = Corrector(watch({}, 4 * SECOND), ()).correct(profile)
    assert spent(corrected) == {(MAIN, Metric.CPU): 1, (WORKER, Metric.WAITING): 1, (WORKER, Metric.IDLE): 2}


def test_what_is_no_time_stays_as_it_is() -> None:
    profile = sampled((MAIN, COMPUTES, Metric.ALLOCATED, 5_000))
    corrected = Corrector(watch({MAIN: 1}, 1), ()).correct(profile)
    assert [list(each.value) for each in corrected.samples] == [[5_000]]
    assert corrected.corrections == ()
