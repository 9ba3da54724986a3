"""Corrections of sampled times are noted step by step, and none is invented."""

from __future__ import annotations

from dataclasses import replace

from whet.merge.corrections import Corrections, sum_times
from whet.model.metric import Metric
from whet.model.profile import Correction, Profile, Samples


def profile(*values: tuple[Metric, int]) -> Profile:
    return Profile("py-spy", samples=tuple(Samples(metric, 0, (0,), (value,), 1) for metric, value in values))


def test_each_step_is_noted_with_what_it_moved_of_each_metric():
    corrections = Corrections()
    sampled = profile((Metric.CPU, 100))
    cut = corrections.note("cut", sampled, profile((Metric.CPU, 70)))
    added = corrections.note("added", cut, profile((Metric.CPU, 70), (Metric.WAITING, 20), (Metric.IDLE, 5)))
    corrections.note("nothing", added, replace(added))
    assert corrections.attach(added).corrections == (
        Correction("cut", Metric.CPU, -30),
        Correction("added", Metric.WAITING, 20),
        Correction("added", Metric.IDLE, 5),
    )
    assert sum_times(sampled, Metric.CPU) == 100 and not sampled.corrections


def test_a_step_that_comes_twice_is_one_correction():
    corrections = Corrections()
    corrections.note("cut", profile((Metric.CPU, 100)), profile((Metric.CPU, 70)))
    corrections.note("cut", profile((Metric.CPU, 50)), profile((Metric.CPU, 45)))
    assert corrections.attach(profile()).corrections == (Correction("cut", Metric.CPU, -35),)
