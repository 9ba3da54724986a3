"""Growth within one run: a length that rises more and more slowly is found, a steady one is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whet.advise.growing_lines import find_fold, find_growing_lines
from whet.model.evidence import Evidence, Seen
from whet.report.fakes import LEDGER, make_hotspots, make_run

SECOND = 1_000_000


def make_track(power: float, points: int = 40, seconds: float = 4.0, longest: int = 20_000) -> list[int]:
    """Return a track of a length whose n-th element came after n to the power of ``power``."""
    track: list[int] = []
    for point in range(points):
        part = (point + 1) / points
        track += [round(longest * part ** (1 / power)), round(seconds * part * SECOND)]
    return track


def test_a_pass_that_takes_all_of_it_grows_up_to_sevenfold() -> None:
    # The first sample finds a length already: the first quarter begins there.
    assert find_fold(make_track(2.0, points=10_000)) == pytest.approx(7, rel=0.1)
    assert 3 < find_fold(make_track(2.0, points=40)) < 7
    assert find_fold(make_track(3.0, points=10_000)) > 15


@pytest.mark.parametrize("power", [0.5, 1.0, 1.2])
def test_a_pass_of_the_same_time_does_not_grow(power: float) -> None:
    assert find_fold(make_track(power)) == 0


def test_few_samples_and_little_time_show_nothing() -> None:
    assert find_fold(make_track(2.0, points=10)) == 0
    assert find_fold(make_track(2.0, seconds=0.1)) == 0
    assert find_fold(make_track(2.0, longest=50)) == 0
    assert find_fold([]) == 0
    assert find_fold([5]) == 0


def test_only_the_highest_rise_counts() -> None:
    earlier = make_track(1.0, longest=5_000)
    later = [number + 4 * SECOND * (at % 2) for at, number in enumerate(make_track(2.0))]
    assert find_fold(earlier + later) > 3


def test_lengths_that_do_not_rise_show_nothing() -> None:
    assert find_fold([number for point in range(50) for number in (1000, point * SECOND)]) == 0
    assert find_fold([number for point in range(50) for number in (1000 - point, point * SECOND)]) == 0


def test_the_line_names_the_variable_and_takes_most_of_its_function() -> None:
    run, hotspots = make_run(), make_hotspots()
    seen = Seen(LEDGER, "Ledger.seen", 21, "self.numbers", 80, track=tuple(make_track(2.0)))
    found = find_growing_lines(Evidence(80, (seen,)), hotspots, run.sources)
    (line,) = found.values()
    assert (line.file, line.line, line.name, line.length) == (LEDGER, 23, "self.numbers", 20_000)
    # A variable that only ends alike, and one that the line does not name.
    for name in ("numbers", "self.entries"):
        other = Evidence(80, (replace(seen, name=name),))
        assert find_growing_lines(other, hotspots, run.sources) == {}
    assert find_growing_lines(Evidence(80, (replace(seen, file="x.py"),)), hotspots, run.sources) == {}
