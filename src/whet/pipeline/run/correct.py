"""Corrects the times of samplers outside the program by what their profiles hold and the system counted.

That a profile is whet's own sampler's or another distribution's makes no difference. Corrections only take time away
from computing, so a sampler that sees a part of the program is never scaled up to all that the program computed.
Samplers inside the program stay as sampled: they give threads ids of their own, for which there are no clocks.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from whet.collect.attach import Watched
from whet.merge.computing import drop_frameless, drop_own_threads, find_blind, rename_threads, scale_threads
from whet.merge.corrections import Corrections
from whet.merge.waiting import judge_waiting, split_waiting
from whet.model.metric import Metric
from whet.model.profile import Profile
from whet.pipeline.run.clocks import (
    POLLED_NS,
    count_awake,
    describe_contenders,
    describe_queue,
    describe_unknown,
    describe_unplaced,
    find_contenders,
    find_gil_parts,
    find_unknown,
    read_clocks,
    scale_to_clocks,
)
from whet.pipeline.run.notices import STOOD_STILL


class Corrector:
    """Corrects the profiles of one execution. ``own`` are the (pid, tid) of whet's threads inside the program.

    ``attached``: the program ran already when it was sampled. What the reader must know goes to ``notices``.
    """

    def __init__(
        self, watched: Watched, own: Collection[tuple[int, int]], *, attached: bool = False, has_gil: bool = True
    ) -> None:
        self.watched = watched
        self.poller = watched.poller
        self.own = own
        self.attached = attached
        self.has_gil = has_gil
        self.notices = describe_queue(self.poller)

    def correct(self, profile: Profile) -> Profile:
        """Return the profile of a sampler that works alone, with computing scaled down to the CPU clocks.

        Where it tells waiting from computing, but not from being idle, its waiting is divided into those.
        """
        corrections = Corrections()
        waiting = tuple(each for each in profile.samples if each.metric is Metric.WAITING)
        others = tuple(each for each in profile.samples if each.metric is not Metric.WAITING)
        tells_idle = any(each.metric is Metric.IDLE for each in others)
        active, still = self._prepare(
            replace(profile, samples=others), replace(profile, samples=waiting) if waiting else None, corrections
        )
        active = self._scale(active, corrections)
        if still is not None and tells_idle:
            active = replace(active, samples=(*active.samples, *still.samples))
        elif still is not None:
            judged = judge_waiting(active, still, attached=self.attached)
            active = corrections.note("waiting and idle time added", active, judged)
        return corrections.attach(active)

    def join(self, active: Profile, wall: Profile | None) -> Profile:
        """Return ``active`` with the waiting and idle time that follows from ``wall``, which has all threads.

        Computing is scaled down to the CPU clocks last: what is no computing of what was sampled may be waiting.
        """
        corrections = Corrections()
        note, poller = corrections.note, self.poller
        active, wall = self._prepare(active, wall, corrections)
        awake = count_awake(poller)
        blind = find_blind(active, awake, POLLED_NS)
        limited = scale_threads(active, awake, POLLED_NS, poller.current)
        active = note("limited to the time awake", active, limited)
        clocks = read_clocks(poller, wall)
        unknown = find_unknown(poller, clocks, wall)
        self.notices += describe_unknown(unknown, wall)
        gil = find_gil_parts(poller)
        contenders = find_contenders(active, {*gil, *unknown}) if self.has_gil and wall is not None else set()
        self.notices += describe_contenders(contenders, wall)
        split = split_waiting(
            active,
            wall,
            clocks,
            overlap=self.watched.overlap,
            elapsed_ns=self.watched.wall_ns,
            attached=self.attached,
            unknown=unknown | contenders,
            blind=blind,
            parents=poller.parents,
            gil=gil,
        )
        self.notices += describe_unplaced(split)
        joined = note("waiting and idle time added", active, split)
        return corrections.attach(self._scale(joined, corrections))

    def _prepare(
        self, active: Profile, wall: Profile | None, corrections: Corrections
    ) -> tuple[Profile, Profile | None]:
        """Leave out what is whet's own or shows nothing, and call threads by the system's ids."""
        kept, kept_wall = drop_own_threads(active, wall, self.own)
        assert kept is not None
        active = corrections.note("whet's own threads left out", active, kept)
        if ids := self.watched.own_ids:
            active = rename_threads(active, ids)
            kept_wall = rename_threads(kept_wall, ids) if kept_wall is not None else None
        if self.poller.paused_share > STOOD_STILL:
            active = corrections.note("samples without a Python frame left out", active, drop_frameless(active))
        return active, kept_wall

    def _scale(self, profile: Profile, corrections: Corrections) -> Profile:
        scaled = scale_to_clocks(profile, self.poller, self.watched.cpu_ns)
        return corrections.note("scaled to the CPU clocks", profile, scaled)
