"""From the runs of a scaling to growth: which places are listed, in which order, and where curves cross."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whet.model.growth import Shape
from whet.model.scaling import LengthsSeen, MemoryRun, PlaceCosts, Scaling, SizedRun
from whet.model.trial import Clock
from whet.scale.growth import find_growth

SIZES = (1000, 2000, 4000, 8000)
MS = 1_000_000


def make_scaling(repeats: int = 2) -> Scaling:
    """Return runs of a program that imports for 50 ms, parses in n / 10 ms, and joins in n² / 100,000 ms."""
    sizes = [size for _ in range(repeats) for size in SIZES]
    imports = [50 * MS for _ in sizes]
    parse = [size * MS // 10 for size in sizes]
    join = [size * size * MS // 100_000 for size in sizes]
    whole = [sum(costs) for costs in zip(imports, parse, join, strict=True)]
    runs = tuple(
        SizedRun(size, cost + 5 * MS, cost, cost, 0, cost // MS, 10**7 + 1000 * size)
        for size, cost in zip(sizes, whole, strict=True)
    )
    places = (
        PlaceCosts("a.py", "<module>", 1, 0, imports),
        PlaceCosts("a.py", "parse", 10, 0, parse),
        PlaceCosts("a.py", "join", 20, 0, join),
        PlaceCosts("a.py", "<module>", 1, 3, imports),
        PlaceCosts("a.py", "parse", 10, 12, parse),
        PlaceCosts("a.py", "join", 20, 22, join),
        PlaceCosts("a.py", "rare", 30, 0, [0] * (len(sizes) - 1) + [MS]),
    )
    lengths = (LengthsSeen("a.py", 20, "seen", tuple(sizes)), LengthsSeen("a.py", 20, "few", (3,) * len(sizes)))
    return Scaling(("a.py", "{n}"), runs=runs, places=places, lengths=lengths)


def test_what_dominates_ahead_comes_first() -> None:
    growth = find_growth(make_scaling())
    assert growth is not None
    assert growth.ahead == 80_000
    assert [each.function for each in growth.functions] == ["join", "parse", "<module>"]
    assert [each.line for each in growth.lines] == [22, 12, 3]
    join, parse, module = growth.functions
    assert join.fit.shape is Shape.QUADRATIC
    assert parse.fit.exponent.low < 1 < parse.fit.exponent.high
    assert module.fit.exponent.low < 0 < module.fit.exponent.high < 0.3
    assert join.ahead == pytest.approx(64_000 / (64_000 + 8_000 + 50), rel=0.1)
    assert join.share == pytest.approx(640 / 1490, abs=0.01)


def test_places_seen_in_few_samples_are_left_out() -> None:
    growth = find_growth(make_scaling())
    assert growth is not None
    assert "rare" not in {each.function for each in growth.functions}


def test_what_matters_and_follows_no_power_is_named() -> None:
    scaling = make_scaling()
    odd = [
        size * MS if size == 4000 else MS if size < 8000 else 900 * MS for size in (run.size for run in scaling.runs)
    ]
    growth = find_growth(replace(scaling, places=(*scaling.places, PlaceCosts("a.py", "odd", 40, 0, odd))))
    assert growth is not None
    assert [(each.function, each.function_line) for each in growth.unclear] == [("odd", 40)]
    assert "odd" not in [each.function for each in growth.functions]
    assert growth.unclear[0].share == pytest.approx(0.59, abs=0.1)


def test_curves_cross_where_they_do() -> None:
    growth = find_growth(make_scaling())
    assert growth is not None
    crossings = {(each.small, each.large): each.size for each in growth.crossings}
    # n² / 100,000 = n / 10, n² / 100,000 = 50, n / 10 = 50
    assert crossings[1, 0] == pytest.approx(10_000, rel=0.3)
    assert crossings[2, 0] == pytest.approx(2_236, rel=0.1)
    assert crossings[2, 1] == pytest.approx(500, rel=0.3)


def test_lengths_that_grow_are_known_and_short_ones_left_out() -> None:
    growth = find_growth(make_scaling())
    assert growth is not None
    (seen,) = growth.lengths
    assert (seen.name, seen.largest) == ("seen", 8000)
    assert seen.exponent.low < 1 < seen.exponent.high


def test_memory_grows_above_what_the_interpreter_takes() -> None:
    growth = find_growth(make_scaling())
    assert growth is not None
    assert growth.memory is not None
    assert growth.memory.best.at(80_000) > 5e7
    assert growth.allocated is None


def test_memory_runs_give_the_growth_of_what_is_allocated() -> None:
    scaling = make_scaling()
    memory_runs = tuple(MemoryRun(size, 100 * size, 50 * size) for size in SIZES)
    places = tuple(replace(each, allocated_bytes=tuple(100 * size for size in SIZES)) for each in scaling.places)
    growth = find_growth(replace(scaling, memory_runs=memory_runs, places=places))
    assert growth is not None
    assert growth.allocated is not None
    assert growth.allocated.exponent.low < 1 < growth.allocated.exponent.high
    assert growth.functions[0].allocated is not None


def test_the_clock_is_that_of_the_scaling() -> None:
    scaling = make_scaling()
    late = replace(scaling, runs=tuple(replace(run, wall_ns=run.size**3) for run in scaling.runs), clock=Clock.WALL)
    growth = find_growth(late)
    assert growth is not None
    assert growth.whole.shape is Shape.CUBIC


def test_without_runs_there_is_no_growth() -> None:
    assert find_growth(Scaling()) is None


def test_single_runs_on_a_busy_machine_have_wider_intervals() -> None:
    quiet = make_scaling(repeats=1)
    # Twice as long as they computed, without waiting.
    busy = replace(quiet, runs=tuple(replace(run, wall_ns=2 * run.cpu_ns) for run in quiet.runs))
    waiting = replace(busy, runs=tuple(replace(run, waiting_ns=run.cpu_ns) for run in busy.runs))
    widths = [
        growth.whole.exponent.high - growth.whole.exponent.low
        for growth in map(find_growth, (quiet, busy, waiting))
        if growth is not None
    ]
    assert widths[0] == widths[2] < widths[1]


def test_costs_are_predicted_for_the_size_that_was_asked() -> None:
    growth = find_growth(replace(make_scaling(), predict=1_000_000))
    assert growth is not None
    assert growth.ahead == 1_000_000
    assert growth.functions[0].ahead == pytest.approx(0.99, abs=0.01)
    # One power of the whole would not see that the quadratic part takes over.
    true = (10**7 + 10**5 + 50) * MS
    cost = growth.predict(growth.ahead)
    assert growth.whole.at(growth.ahead).high < true
    assert cost.low < true < cost.high
    assert cost.value == pytest.approx(true, rel=0.2)
    for size in (3000, 8000):
        assert growth.predict(size) == growth.whole.at(size)
    assert growth.predict(8001).value == pytest.approx(growth.whole.at(8001).value, rel=0.001)


def test_a_small_function_whose_growth_is_hardly_known_does_not_decide_what_the_whole_will_cost() -> None:
    growth = find_growth(make_scaling())
    assert growth is not None
    curve = replace(growth.functions[0].fit.best, exponent=4.0, scale=1e9)
    wild = replace(
        growth.functions[0].fit, best=curve, allowed=(replace(curve, exponent=-1), replace(curve, exponent=6))
    )
    others = (replace(growth.functions[0], fit=wild, share=0.02), *growth.functions[1:])
    assert replace(growth, functions=others).predict(800_000) == growth.whole.at(800_000)
    much = replace(growth, functions=(replace(others[0], share=0.5), *growth.functions[1:]))
    assert much.predict(800_000).high > 1000 * growth.whole.at(800_000).high
