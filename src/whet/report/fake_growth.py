"""A made-up scaling for the run of :mod:`whet.report.fakes`, for testing renderers without running anything."""

from __future__ import annotations

from dataclasses import replace

from whet.model.growth import (
    Agreement,
    Bounded,
    Cause,
    Crossing,
    Curve,
    Fit,
    Growth,
    LengthGrowth,
    PlaceGrowth,
    Shape,
)
from whet.model.run import Run
from whet.model.scaling import LengthsSeen, PlaceCosts, Scaling, SizedRun
from whet.report.fakes import LEDGER, ORDERS, make_run

SIZES = (1000, 2000, 4000, 8000)
_MS = 1_000_000


def make_scaled_run(hostile: str = "") -> Run:
    """Return the run of :func:`whet.report.fakes.make_run` with a scaling: two runs of four sizes."""
    seen = [size * size // 50_000 * _MS for size in SIZES * 2]
    read = [size // 20 * _MS for size in SIZES * 2]
    runs = tuple(
        SizedRun(size, one + other + 30 * _MS, one + other + 20 * _MS, one + other, 0, (one + other) // _MS, 10**7)
        for size, one, other in zip(SIZES * 2, seen, read, strict=True)
    )
    scaling = Scaling(
        command=("orders.py", f"day{hostile}-{{n}}.jsonl"),
        make=f"gen.py {{n}} {hostile}".strip(),
        runs=runs,
        places=(
            PlaceCosts(LEDGER, f"Ledger.seen{hostile}", 21, 0, seen),
            PlaceCosts(LEDGER, f"Ledger.seen{hostile}", 21, 23, seen),
            PlaceCosts(ORDERS, "read", 9, 0, read),
            PlaceCosts(ORDERS, "read", 9, 12, read),
        ),
        lengths=(LengthsSeen(LEDGER, 21, f"self.numbers{hostile}", SIZES * 2),),
        seconds=12.5,
        notes=(f"not run: n = 16,000 {hostile}".strip(),),
    )
    return replace(make_run(hostile), scaling=scaling)


def make_growth(hostile: str = "") -> Growth:
    """Return what follows from the scaling of :func:`make_scaled_run`."""
    seen = PlaceGrowth(
        LEDGER, f"Ledger.seen{hostile}", 21, 0, make_fit(2.0, 0.08, 1280 * _MS, Shape.QUADRATIC), 0.76, 0.97
    )
    read = PlaceGrowth(ORDERS, "read", 9, 0, make_fit(1.0, 0.12, 400 * _MS), 0.24, 0.03)
    return Growth(
        sizes=SIZES,
        ahead=80_000,
        whole=make_fit(1.84, 0.21, 1700 * _MS, None, 20 * _MS),
        memory=make_fit(0.02, 0.06, 10**7, Shape.CONSTANT),
        functions=(seen, read),
        lines=(replace(seen, line=23), replace(read, line=12)),
        lengths=(LengthGrowth(LEDGER, 21, f"self.numbers{hostile}", Bounded(1.0, 0.94, 1.07), 8000),),
        crossings=(Crossing(1200.0), Crossing(2500.0, 1, 0)),
    )


def make_causes(hostile: str = "") -> tuple[Cause, ...]:
    """Return the growth of the first advice of :func:`whet.report.fakes.make_advice`."""
    growth = make_growth(hostile)
    title = f"Ask a set, not a list, for membership{hostile}"
    return (Cause("3f2a9c1b7d", title, growth.lines[0], growth.lengths, Agreement.CONFIRMED),)


def make_fit(exponent: float, error: float, cost: float, shape: Shape | None = None, constant: float = 0.0) -> Fit:
    """Return a fit of a cost at the largest size, with an interval of ``error`` to either side."""
    curves = [Curve(constant, cost - constant, exponent + side * error, float(SIZES[-1]), 0.02) for side in (-1, 0, 1)]
    bounds = Bounded(exponent, exponent - error, exponent + error)
    return Fit(curves[1], bounds, curves, shape, 0.95, 0.05, 2828.0)
