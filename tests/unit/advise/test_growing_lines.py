"""Growth within one run: a length that rises more and more slowly is found, a steady one is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whet.advise.growing_lines import find_fold, find_growing_lines
from whet.model.evidence import Evidence, Seen
from whet.model.frame import Owner
from whet.model.hotspot import Cost, LineSpot
from whet.model.metric import Metric
from whet.model.profile import Profile, Samples, Thread
from whet.model.source import SourceFile
from whet.report.fakes import LEDGER, make_hotspots, make_run

SECOND = 1_000_000
LIST = {"builtins.list": 80}


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


def find(text: str, line: int, *, spent: float = 3.9, function: int = 1, seen: Seen | None = None) -> list[str]:
    """Return the names of variables with which ``line`` grows; it takes ``spent`` seconds of 4."""
    source = SourceFile("a.py", "a.py", "", text)
    cost = Cost(attributed_ns=round(spent * 1e9))
    spot = LineSpot("a.py", line, "work", function, Owner.USER, cost)
    hotspots = replace(make_hotspots(), lines=(spot,))
    seen = seen or Seen("a.py", "work", 1, "v", 80, LIST, track=tuple(make_track(2.0)))
    found = find_growing_lines(Evidence(80, (seen,)), hotspots, {"a.py": source})
    return [f"{each.name}:{each.line}" for each in found.values()]


SEARCH = "def work():\n    for x in range(9):\n        if x not in v:\n            v.append(x)\n"


def test_the_line_looks_at_all_of_the_variable() -> None:
    assert find(SEARCH, 3) == ["v:3"]
    assert find(SEARCH, 4) == []
    assert find(SEARCH.replace("v", "w"), 3) == []
    assert find("def work(:\n", 1) == []


def test_a_line_that_only_runs_more_often_is_silent() -> None:
    inner = (
        "def work():\n    for x in range(9):\n        for y in range(x):\n            use(v[y])\n        v.append(x)\n"
    )
    assert find(inner, 4) == []
    assert find(inner.replace("use(v[y])", "use(v)"), 4) == []
    assert find(inner.replace("use(v[y])", "sum(v)"), 4) == ["v:4"]


def test_the_line_takes_most_of_the_time_in_which_the_length_rose() -> None:
    assert find(SEARCH, 3, spent=2.5) == ["v:3"]
    assert find(SEARCH, 3, spent=2.0) == []


def test_costs_of_several_processes_are_those_of_one_track() -> None:
    threads = (Thread(1, 1), Thread(2, 2))
    samples = tuple(Samples(Metric.CPU, at, [0], [100], 1) for at in range(2))
    profile = Profile("fake", threads=threads, samples=samples)
    seen = Seen("a.py", "work", 1, "v", 80, LIST, track=tuple(make_track(2.0)))
    spot = LineSpot("a.py", 3, "work", 1, Owner.USER, Cost(attributed_ns=3_900_000_000))
    hotspots = replace(make_hotspots(), lines=(spot,))
    sources = {"a.py": SourceFile("a.py", "a.py", "", SEARCH)}
    assert find_growing_lines(Evidence(80, (seen,)), hotspots, sources, [profile]) == {}
    assert find_growing_lines(Evidence(80, (seen,)), hotspots, sources, [replace(profile, samples=samples[:1])])


def test_a_variable_is_followed_into_the_function_that_it_is_passed_to() -> None:
    text = "def work():\n    add(v, 1)\ndef add(rows, x):\n    if x not in rows:\n        rows.append(x)\n"
    source = SourceFile("a.py", "a.py", "", text)
    spot = LineSpot("a.py", 4, "add", 3, Owner.USER, Cost(attributed_ns=3_900_000_000))
    hotspots = replace(make_hotspots(), lines=(spot,))
    seen = Seen("a.py", "work", 1, "v", 80, LIST, track=tuple(make_track(2.0)))
    (line,) = find_growing_lines(Evidence(80, (seen,)), hotspots, {"a.py": source}).values()
    assert (line.line, line.name) == (4, "rows")


def test_attributes_are_told_from_locals() -> None:
    run, hotspots = make_run(), make_hotspots()
    seen = Seen(LEDGER, "Ledger.seen", 21, "self.numbers", 80, LIST, track=tuple(make_track(2.0, seconds=0.4)))
    found = find_growing_lines(Evidence(80, (seen,)), hotspots, run.sources)
    (line,) = found.values()
    assert (line.file, line.line, line.name, line.length) == (LEDGER, 23, "self.numbers", 20_000)
    # A variable that only ends alike, and one that the line does not name.
    for name in ("numbers", "self.entries"):
        other = Evidence(80, (replace(seen, name=name),))
        assert find_growing_lines(other, hotspots, run.sources) == {}
    assert find_growing_lines(Evidence(80, (replace(seen, file="x.py"),)), hotspots, run.sources) == {}
