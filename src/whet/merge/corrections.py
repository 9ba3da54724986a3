"""From the times that samplers recorded to those that the report shows: each correction, and how much time it moved."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from whet.model.metric import Metric
from whet.model.profile import Correction, Profile

_TIMES = (Metric.CPU, Metric.WAITING, Metric.IDLE, Metric.GIL)


class Corrections:
    """Notes what each step changes. A step returns a new profile; the one before it is left as it is."""

    def __init__(self) -> None:
        self._moved: Counter[tuple[str, Metric]] = Counter()

    def note(self, name: str, before: Profile, after: Profile) -> Profile:
        """Note by how much the step called ``name`` changed the times of each metric; return ``after``."""
        for metric in _TIMES:
            self._moved[name, metric] += sum_times(after, metric) - sum_times(before, metric)
        return after

    def attach(self, profile: Profile) -> Profile:
        """Return ``profile`` with all corrections that changed anything, in their order."""
        noted = tuple(Correction(name, metric, moved) for (name, metric), moved in self._moved.items() if moved)
        return replace(profile, corrections=noted)


def sum_times(profile: Profile, metric: Metric) -> int:
    """Return the nanoseconds of all samples of ``metric``."""
    return sum(sum(entry.value) for entry in profile.samples if entry.metric is metric)
