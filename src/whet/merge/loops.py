"""Idle event loops of a profile that was sampled inside the program, judged as those seen from outside are."""

from __future__ import annotations

from dataclasses import replace

from whet.merge.idle_stacks import Stance, find_stance, is_serving
from whet.model.frame import Frame, Owner
from whet.model.metric import Metric
from whet.model.profile import Profile, Samples


def settle_loops(profile: Profile) -> Profile:
    """Return ``profile`` with the polls of event loops as waiting, unless the program serves others.

    A reader of one format sees a sample at a time and calls every poll idle. A
    client's loop polls because the client waits for what it asked for.
    """
    if not any(each.metric is Metric.IDLE for each in profile.samples):
        return profile
    if any(is_serving(frame) for frame in profile.frames):
        return profile
    settled: list[Samples] = []
    for each in profile.samples:
        if each.metric is not Metric.IDLE:
            settled.append(each)
            continue
        of_loop = [_is_loop(profile, row) for row in each.stack]
        for metric, wanted in ((Metric.WAITING, True), (Metric.IDLE, False)):
            rows = [row for row, loop in zip(each.stack, of_loop, strict=True) if loop is wanted]
            values = [value for value, loop in zip(each.value, of_loop, strict=True) if loop is wanted]
            if rows:
                count = max(1, round(each.count * len(rows) / len(each.stack)))
                settled.append(Samples(metric, each.thread, rows, values, count))
    return replace(profile, samples=tuple(settled))


def _is_loop(profile: Profile, row: int) -> bool:
    if row < 0:
        return False
    frames: list[Frame] = [profile.frames[profile.stacks.frame[step]] for step in profile.stacks.walk(row)]
    python = [frame for frame in frames if frame.owner is not Owner.NATIVE]
    return bool(python) and find_stance(python, main=True) is Stance.LOOP
