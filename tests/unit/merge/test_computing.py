from __future__ import annotations

from dataclasses import replace

from whet.merge.computing import drop_own_threads, find_blind, rename_threads, scale_threads
from whet.merge.waiting import ThreadClock
from whet.model.frame import NO_FRAME, Frame
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, StackTable, Thread

MS = 1_000_000
QUEUE = "/usr/lib/python3.13/queue.py"


def make_profile() -> Profile:
    """Two threads of process 7: the first sleeps for 3 s, the other computes 0.5 s and waits for jobs for 2.5 s."""
    frames = (Frame("/a.py", "main", 1), Frame("/a.py", "work", 2), Frame(QUEUE, "get", 171))
    return Profile(
        collector="py-spy",
        frames=frames,
        stacks=StackTable((ROOT, ROOT, 1), (0, 1, 2)),
        threads=(Thread(7, 1, "MainThread"), Thread(7, 11, "worker")),
        samples=(
            Samples(Metric.CPU, 0, [0], [3000 * MS], 300),
            Samples(Metric.CPU, 1, [1, 2], [500 * MS, 2500 * MS], 300),
        ),
        period_ns=10 * MS,
    )


def values_of(profile: Profile) -> dict[tuple[int, int], int]:
    return {
        (entry.thread, row): value
        for entry in profile.samples
        for row, value in zip(entry.stack, entry.value, strict=True)
    }


def test_threads_get_our_ids():
    renamed = rename_threads(make_profile(), {(7, 1): 4000, (8, 11): 4001})
    assert [(each.pid, each.tid) for each in renamed.threads] == [(7, 4000), (7, 11)]


def test_what_is_known_to_wait_is_cut_first():
    clocks = [ThreadClock(7, 1, 30 * MS), ThreadClock(7, 11, 480 * MS)]
    scaled = scale_threads(make_profile(), clocks)
    assert values_of(scaled) == {(0, 0): 30 * MS, (1, 1): 480 * MS}
    assert [entry.count for entry in scaled.samples] == [3, 48]


def test_waiting_is_cut_no_further_than_needed():
    clocks = [ThreadClock(7, 1, 3000 * MS), ThreadClock(7, 11, 1000 * MS)]
    scaled = scale_threads(make_profile(), clocks)
    assert values_of(scaled) == {(0, 0): 3000 * MS, (1, 1): 500 * MS, (1, 2): 500 * MS}


def test_a_thread_without_a_clock_and_one_within_two_samples_stay():
    profile = make_profile()
    assert scale_threads(profile, [ThreadClock(7, 11, 2980 * MS)]).samples == list(profile.samples)


def test_a_clock_may_be_older_than_the_last_sample():
    clocks = [ThreadClock(7, 11, 2900 * MS)]
    assert values_of(scale_threads(make_profile(), clocks))[1, 2] == 2400 * MS
    assert scale_threads(make_profile(), clocks, slack_ns=100 * MS).samples == list(make_profile().samples)


def test_a_thread_that_never_computed_has_no_samples_left():
    scaled = scale_threads(make_profile(), [ThreadClock(7, 1, 0)])
    assert {entry.thread for entry in scaled.samples} == {1}


def test_only_computing_is_cut():
    profile = make_profile()
    waiting = replace(profile, samples=[replace(each, metric=Metric.WAITING) for each in profile.samples])
    assert scale_threads(waiting, [ThreadClock(7, 1, 0)]).samples == waiting.samples


def test_a_thread_that_is_sampled_more_than_it_is_awake_is_not_told_from_others():
    clocks = [ThreadClock(7, 1, 2000 * MS), ThreadClock(7, 11, 480 * MS)]
    # What is known to wait is no computing, whoever sees it.
    assert find_blind(make_profile(), clocks) == {(7, 1)}
    assert find_blind(make_profile(), clocks, slack_ns=500 * MS) == set()
    assert find_blind(make_profile(), []) == set()


def keep(active: Profile, wall: Profile | None) -> tuple[set[int], set[int]]:
    """Return which threads of each profile are left."""
    kept, kept_wall = drop_own_threads(active, wall)
    assert kept is not None
    return {each.thread for each in kept.samples}, {each.thread for each in (kept_wall.samples if kept_wall else ())}


def test_threads_that_begin_in_whets_code_are_left_out_of_both():
    profile = make_profile()
    assert keep(profile, profile) == ({0, 1}, {0, 1})
    frames = (profile.frames[0], replace(profile.frames[1], file="<whet>/agent.py"), profile.frames[2])
    own = replace(profile, frames=frames)
    assert keep(own, own) == ({0}, {0})
    # Seen in its own code by one sampler is enough.
    bare = replace(profile, samples=[profile.samples[0], replace(profile.samples[1], stack=[ROOT], value=[1])])
    assert keep(own, bare) == ({0}, {0})


def test_whets_thread_that_mostly_shows_no_frame_is_left_out_though_its_capture_is_lost():
    profile = make_profile()
    frames = (profile.frames[0], replace(profile.frames[1], file="<whet>/agent.py"), NO_FRAME)
    stacks = StackTable((ROOT, ROOT, ROOT), (0, 1, 2))
    samples = [profile.samples[0], replace(profile.samples[1], stack=[1, 2], value=[MS, 900 * MS])]
    own = replace(profile, frames=frames, stacks=stacks, samples=samples)
    assert keep(own, own) == ({0}, {0})


def test_a_thread_of_the_programs_that_ends_in_whets_code_stays():
    profile = make_profile()
    frames = (*profile.frames, Frame("<whet>/agent.py", "finish", 1))
    stacks = StackTable((ROOT, ROOT, 1, ROOT), (0, 1, 2, 3))
    samples = [profile.samples[0], replace(profile.samples[0], stack=[3], value=[MS])]
    assert keep(replace(profile, frames=frames, stacks=stacks, samples=samples), None)[0] == {0}


def test_of_all_threads_those_without_python_code_wait_for_nothing():
    profile = make_profile()
    bare = replace(profile, samples=[profile.samples[0], replace(profile.samples[1], stack=[ROOT], value=[1])])
    assert keep(bare, bare) == ({0, 1}, {0})


def test_threads_that_the_agent_names_are_left_out_though_nobody_saw_its_code():
    profile = make_profile()
    kept, _ = drop_own_threads(profile, None, {(7, 11)})
    assert kept is not None
    assert {each.thread for each in kept.samples} == {0}
