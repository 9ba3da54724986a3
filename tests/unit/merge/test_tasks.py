from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from whet.merge.corrections import sum_times
from whet.merge.tasks import split_tasks
from whet.model.frame import Frame
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, StackTable, Thread
from whet.model.task_frames import FILE, read_task_name, write_task_name

WORKER, RUN, SOLVE = Frame("worker.py", "_worker"), Frame("worker.py", "_run_task"), Frame("job.py", "solve")
SWITCH = Frame(FILE, "run_named")


def make_profile(samples: tuple[Samples, ...]) -> Profile:
    """_worker calls solve for the tasks inc and dec, through frames that name them."""
    inc, dec = Frame(FILE, write_task_name("inc")), Frame(FILE, write_task_name("dec"))
    return Profile(
        "py-spy",
        frames=(WORKER, SWITCH, inc, RUN, SOLVE, dec),
        stacks=StackTable([ROOT, 0, 1, 2, 3, 1, 5, 6], [0, 1, 2, 3, 4, 5, 3, 4]),
        threads=(Thread(7, 8, "pool-0"),),
        samples=samples,
    )


def test_a_thread_for_each_task_and_no_frame_that_names_one() -> None:
    profile = split_tasks(
        make_profile(
            (Samples(Metric.CPU, 0, [4, 7, ROOT], [30, 50, 20], 10), Samples(Metric.IDLE, 0, [0], [100], 10)),
        )
    )
    found = {
        (profile.threads[each.thread].task, each.metric): [
            (
                [profile.frames[profile.stacks.frame[at]].name for at in profile.stacks.walk(row)] if row >= 0 else [],
                value,
            )
            for row, value in zip(each.stack, each.value, strict=True)
        ]
        for each in profile.samples
    }
    stack = ["solve", "_run_task", "_worker"]
    assert found == {
        ("inc", Metric.CPU): [(stack, 30)],
        ("dec", Metric.CPU): [(stack, 50)],
        ("", Metric.CPU): [([], 20)],
        ("", Metric.IDLE): [(["_worker"], 100)],
    }
    assert sum(each.count for each in profile.samples) == 20
    assert {thread.name for thread in profile.threads} == {"pool-0"}


def test_profiles_without_tasks_stay_as_they_are() -> None:
    profile = Profile("py-spy", frames=(SOLVE,), stacks=StackTable([ROOT], [0]), threads=(Thread(1, 1),))
    assert split_tasks(profile) is profile


def test_a_task_within_a_task_has_its_own_time() -> None:
    outer, inner = Frame(FILE, write_task_name("outer")), Frame(FILE, write_task_name("inner"))
    profile = Profile(
        "py-spy",
        frames=(outer, SOLVE, inner),
        stacks=StackTable([ROOT, 0, 1, 2], [0, 1, 2, 1]),
        threads=(Thread(1, 1),),
        samples=(Samples(Metric.CPU, 0, [1, 3], [1, 2], 3),),
    )
    split = split_tasks(profile)
    assert {split.threads[each.thread].task: sum(each.value) for each in split.samples} == {"outer": 1, "inner": 2}
    assert sum_times(split, Metric.CPU) == 3


@given(st.text(max_size=60))
def test_names_come_back_whatever_they_hold(name: str) -> None:
    name = name.encode("utf-8", "replace").decode()
    written = write_task_name(name)
    assert written.isidentifier()
    assert read_task_name(written) == name


def test_what_is_no_task_is_none() -> None:
    assert read_task_name("solve") == read_task_name("whet_task_xyz") == ""
