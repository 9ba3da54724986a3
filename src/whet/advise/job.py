"""Advice that needs the view of a whole job: its workers, tasks and transfers, next to the client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from whet.advise.measured_advice import MeasuredAdvice, find_hottest, make_measured_advice, tell_share, tell_time
from whet.advise.source_loops import find_loop
from whet.model.frame import Frame, Owner
from whet.model.hotspot import Hotspots, LineSpot
from whet.model.imbalance import find_imbalance, name_parts
from whet.model.metric import Metric
from whet.model.part import TaskTotals
from whet.model.profile import Profile
from whet.model.run import Run

TASK_COST_NS = 1_000_000
"""What Dask's manual says that a task costs the scheduler, where nobody has measured it."""
_MANY_TASKS = 100
_SMALL = 10.0
"""A task should take so many times what it costs the scheduler."""
_MUCH_MOVED = 50_000_000
"""Bytes of one piece of data that were moved, in all, and"""
_OFTEN = 3
"""how often at least, to be named."""
_UNEVEN = 1.2
_GIL_PART = 0.2
_PICKLING_PART = 0.1
_COMPUTE_PART = 0.2
_PICKLE = frozenset({"dumps", "dump", "reducer_override", "serialize", "pickle_dumps"})
_PICKLE_FILES = ("distributed/protocol/", "cloudpickle/")
_CALLS = frozenset({"compute", "persist", "result", "gather"})


def remark_job(run: Run, hotspots: Hotspots, own: Sequence[LineSpot]) -> Iterator[MeasuredAdvice]:
    """Yield what the parts, tasks and transfers of a merged run say; nothing for a run that was not merged."""
    if not run.parts:
        return
    spot = find_hottest(own)
    yield from _imbalance(run, own)
    yield from _small_tasks(run, hotspots, spot)
    yield from _moved_data(run, hotspots, spot)
    yield from _gil(run, hotspots, spot)
    clients = {part.label for part in run.parts if not part.is_worker}
    if clients:
        yield from _pickling(run, hotspots, spot, clients)
        yield from _compute_in_loop(run, own, clients)


def _imbalance(run: Run, own: Sequence[LineSpot]) -> Iterator[MeasuredAdvice]:
    found = find_imbalance(run.parts)
    if found is None or not found.is_significant or found.ratio < _UNEVEN or found.function is None:
        return
    function = found.function
    inside = [each for each in own if (each.file, each.function_line) == (function.file, function.line)]
    spot = find_hottest(inside or own)
    what = name_parts(run.parts)
    message = (
        f"{found.label} worked for {tell_time(found.work_ns)}, the median of the other {what} is"
        f" {tell_time(found.others_ns)}; it spent {tell_time(function.spent_ns)} more in {function.name}. Those that"
        f" are done wait for it: make pieces of work equal, or make more of them than there are {what}, so that who is"
        " done takes another one."
    )
    share = min(1.0, 1 - 1 / found.ratio)
    yield make_measured_advice(
        "load-imbalance", "One part holds up the others", message, spot, share, gain=found.ratio, whole=True
    )


def _small_tasks(run: Run, hotspots: Hotspots, spot: LineSpot) -> Iterator[MeasuredAdvice]:
    count = sum(each.count for each in run.tasks)
    if not count:
        return
    measured = run.scheduler_ns // count
    cost = measured or TASK_COST_NS
    small = [each for each in run.tasks if each.count >= _MANY_TASKS and _each(each) < _SMALL * cost]
    if not small:
        return
    most = max(small, key=lambda each: each.count)
    whence = "of its CPU time, as measured" if measured else "as Dask's manual has it"
    message = (
        f"{most.count:,} tasks {most.name!r} took {_each(most) / 1e6:.1f} ms each, and a task costs the scheduler"
        f" {cost / 1e6:.1f} ms ({whence}): the workers wait for it rather than compute. Let one task do many items, for"
        " at least 100 ms: larger chunks and partitions, or a function that loops over a part of the list."
    )
    overhead = sum(each.count for each in small) * cost
    share = overhead / (overhead + max(hotspots.cpu_ns, 1))
    yield make_measured_advice(
        "small-tasks", "Tasks too small for their overhead", message, spot, share, gain=1.0, whole=True
    )


def _each(task: TaskTotals) -> int:
    return (task.cpu_ns + task.blocked_ns) // max(1, task.count)


def _moved_data(run: Run, hotspots: Hotspots, spot: LineSpot) -> Iterator[MeasuredAdvice]:
    moved = [each for each in run.transfers if each.times >= _OFTEN and each.times * each.size >= _MUCH_MOVED]
    if not moved:
        return
    most = moved[0]
    spent = sum(each.transfer_ns for each in run.tasks)
    message = (
        f"{most.key} ({most.size / 1e6:,.0f} MB) went from worker to worker {most.times} times"
        f"{f', and {len(moved) - 1} others as often' if len(moved) > 1 else ''}; transfers took {tell_time(spent)}."
        " Send what all tasks need once (client.scatter(data, broadcast=True)), or only the part that a task needs, or"
        " let tasks run where their data is."
    )
    share = spent / (spent + max(hotspots.busy_ns, 1))
    yield make_measured_advice("data-moved", "Data is moved repeatedly", message, spot, share, gain=1.0, whole=True)


def _gil(run: Run, hotspots: Hotspots, spot: LineSpot) -> Iterator[MeasuredAdvice]:
    if run.interpreter.free_threaded:
        return
    threads: dict[str, int] = {}
    for thread in hotspots.threads:
        if thread.task and thread.cpu_ns:
            threads[thread.label] = threads.get(thread.label, 0) + 1
    held = [
        part
        for part in run.parts
        if threads.get(part.label, 0) > 1 and part.gil_ns >= _GIL_PART * (part.cpu_ns + part.gil_ns)
    ]
    if not held:
        return
    waited, computed = sum(part.gil_ns for part in held), sum(part.cpu_ns for part in held)
    message = (
        f"Threads of {len(held)} workers waited for the GIL for {tell_time(waited)}, next to {tell_time(computed)} of"
        " computing: tasks that run Python code run one at a time in a worker. Start more workers with a thread each"
        " (dask worker --nworkers N --nthreads 1)."
    )
    share = waited / (waited + computed)
    yield make_measured_advice(
        "worker-gil", "Worker threads wait for the GIL", message, spot, share, gain=1 + share, whole=True
    )


def _pickling(run: Run, hotspots: Hotspots, spot: LineSpot, clients: set[str]) -> Iterator[MeasuredAdvice]:
    spent = whole = 0
    for profile in run.profiles:
        rows = _mark_rows(profile, _is_pickling)
        for samples in profile.samples:
            if samples.metric is Metric.CPU and profile.threads[samples.thread].label in clients:
                whole += sum(samples.value)
                spent += sum(v for row, v in zip(samples.stack, samples.value, strict=True) if row >= 0 and rows[row])
    if not whole or spent < _PICKLING_PART * whole:
        return
    message = (
        f"The client spent {tell_time(spent)}, {tell_share(spent / whole)} of its CPU time, pickling what tasks get."
        " Let tasks load large data themselves, or send it once (client.scatter) and pass the future."
    )
    share = spent / max(hotspots.busy_ns, 1)
    yield make_measured_advice(
        "large-arguments", "Task arguments are expensive to pickle", message, spot, share, gain=1.0, whole=True
    )


def _is_pickling(frame: Frame) -> bool:
    plain = frame.file.replace("\\", "/")
    return frame.name.rpartition(".")[2] in _PICKLE and any(folder in plain for folder in _PICKLE_FILES)


def _mark_rows(profile: Profile, wanted: Callable[[Frame], bool]) -> list[bool]:
    """Tell for each row whether it is called, directly or not, from a wanted frame, or is one."""
    marks = [wanted(frame) for frame in profile.frames]
    rows: list[bool] = []
    for parent, frame in zip(profile.stacks.parent, profile.stacks.frame, strict=True):
        rows.append(marks[frame] or (parent >= 0 and rows[parent]))
    return rows


def _compute_in_loop(run: Run, own: Sequence[LineSpot], clients: set[str]) -> Iterator[MeasuredAdvice]:
    """Yield a line of the client's that waits for the cluster in each turn of a loop."""
    waited: dict[Frame, int] = {}
    for profile in run.profiles:
        frames = profile.frames
        for samples in profile.samples:
            if samples.metric not in (Metric.IDLE, Metric.WAITING):
                continue
            if profile.threads[samples.thread].label not in clients:
                continue
            for row, value in zip(samples.stack, samples.value, strict=True):
                stack = [frames[profile.stacks.frame[at]] for at in profile.stacks.walk(row)] if row >= 0 else []
                frame = next((each for each in stack if each.owner is Owner.USER), None)
                if frame is not None:
                    waited[frame] = waited.get(frame, 0) + value
    wall = max((execution.wall_ns for execution in run.executions[:1]), default=0)
    for frame, value in sorted(waited.items(), key=lambda item: (-item[1], item[0].file, item[0].line)):
        source = run.sources.get(frame.file)
        if not wall or value < _COMPUTE_PART * wall or source is None:
            continue
        loop = find_loop(source.text, frame.line, _CALLS, frame.name)
        if loop is None or not loop.is_counted:
            continue
        spot = replace(
            find_hottest(own), file=frame.file, line=frame.line, function=frame.name, function_line=frame.first_line
        )
        message = (
            f"The client waited here for {tell_time(value)}, in every iteration of the loop in line {loop.line}: one"
            " result is computed at a time while most workers have nothing to do. Collect what is to be computed in the"
            " loop, and compute it once (dask.compute(*results), client.gather(futures))."
        )
        yield make_measured_advice(
            "compute-in-loop", "Results are computed one by one", message, spot, value / wall, gain=1.0, whole=True
        )
        return
