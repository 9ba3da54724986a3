"""Splits the samples of a thread by the tasks that it ran, whose names stand on its stacks."""

from __future__ import annotations

from dataclasses import replace

from whet.merge.drop_frames import drop_frames
from whet.model.metric import Metric
from whet.model.profile import ROOT, Profile, Samples, Thread
from whet.model.task_frames import FILE, read_task_name


def split_tasks(profile: Profile) -> Profile:
    """Return ``profile`` with a thread for each task that a thread ran, and without the frames that named them."""
    ours = [frame.file == FILE for frame in profile.frames]
    names = [read_task_name(frame.name) if own else "" for own, frame in zip(ours, profile.frames, strict=True)]
    if not any(names):
        return profile
    task_of: list[str] = []
    for above, frame in zip(profile.stacks.parent, profile.stacks.frame, strict=True):
        # A task that runs another one in its own thread is what that time is for.
        task_of.append(names[frame] or (task_of[above] if above != ROOT else ""))
    stacks, place = drop_frames(profile.stacks, lambda frame, _: ours[frame])
    threads = {thread: at for at, thread in enumerate(profile.threads)}
    values: dict[tuple[Metric, int], dict[int, int]] = {}
    counts: dict[tuple[Metric, int], float] = {}
    for entry in profile.samples:
        whole = sum(entry.value)
        for row, value in zip(entry.stack, entry.value, strict=True):
            thread: Thread = profile.threads[entry.thread]
            if row >= 0 and task_of[row]:
                thread = replace(thread, task=task_of[row])
            key = entry.metric, threads.setdefault(thread, len(threads))
            rows = values.setdefault(key, {})
            at = place[row] if row >= 0 else row
            rows[at] = rows.get(at, 0) + value
            counts[key] = counts.get(key, 0.0) + (entry.count * value / whole if whole else 0.0)
    return replace(
        profile,
        stacks=stacks,
        threads=tuple(threads),
        samples=tuple(
            Samples(metric, at, list(rows), list(rows.values()), round(counts[metric, at]))
            for (metric, at), rows in values.items()
        ),
    )
