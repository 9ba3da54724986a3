"""How cost grows: the figures of the whole, of functions and lines, and a picture with logarithmic axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from math import log10

from whet.model.growth import Agreement, Bounded, Cause, Crossing, Fit, GrowingLine, Growth, PlaceGrowth, UnclearGrowth
from whet.model.run import Run
from whet.model.scaling import PlaceCosts, Scaling
from whet.model.source import SourceFile, split_lines
from whet.records import dataclass
from whet.report.places import Places
from whet.report.units import Figure, format_bytes, format_seconds, format_share

MOST_ROWS = 30
MOST_UNCLEAR = 3
LEAST_GROWTH = 0.2
"""Exponent from which on a length is named as one that grows."""
MOST_CURVES = 5
"""Functions in the picture next to the whole."""
_STEPS = 40
"""Points of a curve in the picture."""
_LEFT, _RIGHT = 0.09, 0.04
"""Parts of the picture's width beside the sizes: room for labels."""
_LEAST_COST = 1e5
"""Nanoseconds below which the picture shows nothing."""


@dataclass(frozen=True, slots=True)
class GrowthRow:
    """How one place grows. ``line`` is 0 for a function as a whole."""

    file: str
    name: str
    function_line: int
    line: int
    exponent: Figure
    """Such as ``n^1.98 [1.93, 2.03]``."""
    low: float
    high: float
    shape: str
    cost: Figure
    """At the largest size, by the fit."""
    share: Figure
    ahead: Figure
    """The cost at the size that is predicted, with its interval."""
    ahead_low: float
    ahead_high: float
    ahead_share: Figure
    constant: Figure
    allocated: Figure
    """The exponent of the memory that it allocates."""
    causes: tuple[str, ...] = ()
    code: str = ""
    anchor: str = ""

    @property
    def place(self) -> str:
        """Its location, such as ``ledger.py:44``."""
        return f"{self.file}:{self.line or self.function_line}"


@dataclass(frozen=True, slots=True)
class GrowthCurve:
    """One cost in the picture: all points are fractions of its width and height, from the lower left."""

    label: str
    exponent: str
    points: tuple[tuple[float, float], ...]
    line: tuple[tuple[float, float], ...]
    band: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class GrowthView:
    """The section on growth. ``sentences`` say what follows for the whole program."""

    sizes: tuple[int, ...]
    runs: int
    clock: str
    exponent: Figure
    low: float
    high: float
    shape: str
    ahead_size: int
    whole: GrowthRow
    memory: GrowthRow | None
    sentences: tuple[str, ...]
    functions: tuple[GrowthRow, ...]
    lines: tuple[GrowthRow, ...]
    curves: tuple[GrowthCurve, ...]
    size_ticks: tuple[tuple[float, str], ...]
    cost_ticks: tuple[tuple[float, str], ...]
    measured_to: float
    """Where the largest size is, as a fraction of the picture's width."""
    confidence: float
    notes: tuple[str, ...] = ()
    scaling: Scaling = field(default_factory=Scaling, repr=False)


def format_exponent(exponent: Bounded) -> str:
    """Write an exponent with its interval: ``n^1.98 [1.93, 2.03]``."""
    return f"n^{exponent.value:.2f} [{exponent.low:.2f}, {exponent.high:.2f}]"


def describe_growing(line: GrowingLine) -> str:
    """Return how a line's time a pass rose within the run: ``7-fold as self.text grew to 2,000,000``."""
    return f"{line.fold:.0f}-fold as {line.name} grew to {line.length:,}"


def exponent_figure(fit: Fit | None) -> Figure:
    """Return the exponent as a figure, the shape in its hint."""
    if fit is None:
        return Figure()
    return Figure(format_exponent(fit.exponent), fit.exponent.value, f"as {fit.shape}" if fit.shape else "")


def view_growth(
    run: Run, growth: Growth, causes: Sequence[Cause], places: Places, *, include_source: bool = True
) -> GrowthView:
    """Return the section for a run with a scaling. ``causes`` join findings to the lines that grow."""
    scaling = run.scaling
    sources = run.sources if include_source else {}
    whole = _make_whole(growth.whole, growth.predict(growth.ahead), growth, "the program", format_seconds)
    memory = None
    if growth.memory is not None:
        memory = _make_whole(growth.memory, growth.memory.at(growth.ahead), growth, "resident memory", format_bytes)
    reasons: dict[tuple[str, int], list[str]] = {}
    for cause in causes:
        reasons.setdefault((cause.line.file, cause.line.line), []).append(describe_cause(cause))
    functions = tuple(_make_row(each, sources, growth, places, ()) for each in growth.functions[:MOST_ROWS])
    lines = tuple(
        _make_row(each, sources, growth, places, reasons.get((each.file, each.line), ()))
        for each in growth.lines[:MOST_ROWS]
    )
    picture = _Picture(growth, scaling)
    return GrowthView(
        sizes=growth.sizes,
        runs=len(scaling.runs),
        clock=scaling.clock.value,
        exponent=exponent_figure(growth.whole),
        low=growth.whole.exponent.low,
        high=growth.whole.exponent.high,
        shape=whole.shape,
        ahead_size=growth.ahead,
        whole=whole,
        memory=memory,
        sentences=tuple(_state(growth, scaling, whole, memory, functions)),
        functions=functions,
        lines=lines,
        curves=tuple(picture.draw()),
        size_ticks=tuple(picture.list_sizes()),
        cost_ticks=tuple(picture.list_costs()),
        measured_to=picture.x(growth.sizes[-1]),
        confidence=growth.whole.confidence,
        notes=(*(_note_unclear(each, growth, places) for each in growth.unclear[:MOST_UNCLEAR]), *scaling.notes),
        scaling=scaling,
    )


def _note_unclear(function: UnclearGrowth, growth: Growth, places: Places) -> str:
    place = f"{places.show(function.file)}:{function.function_line}"
    share = f"{format_share(function.share)} of the cost at n = {growth.sizes[-1]:,}"
    why = "it follows no power of the size, or too few samples met it (larger --sizes)"
    return f"how {function.function} ({place}) grows is not known, although it has {share}: {why}"


def describe_cause(cause: Cause) -> str:
    """Return a sentence that joins a finding to the growth of its line: ``x in list: seen grows as n^1.00 …``."""
    grows = f"line {cause.line.line} grows as {format_exponent(cause.line.fit.exponent)}"
    growing = [each for each in cause.lengths if each.exponent.value >= LEAST_GROWTH]
    lengths = ", ".join(f"len({each.name}) to {each.largest:,} as n^{each.exponent.value:.2f}" for each in growing[:3])
    grows += f", {lengths}" if lengths else ""
    match cause.agreement:
        case Agreement.CONFIRMED:
            return f"{cause.title}: {grows}; the rewrite removes this growth"
        case Agreement.NOT_SEEN:
            return f"{cause.title}: {grows}; the rule expects growth beyond n, which these sizes do not show"
        case Agreement.FACTOR_ONLY:
            return f"{cause.title}: {grows}; the rewrite saves a constant factor, not the growth"
        case _:
            return f"{cause.title}: {grows}"


def _make_whole(fit: Fit, ahead: Bounded, growth: Growth, name: str, write: Callable[[float], str]) -> GrowthRow:
    largest = growth.sizes[-1]
    return GrowthRow(
        file="",
        name=name,
        function_line=0,
        line=0,
        exponent=exponent_figure(fit),
        low=fit.exponent.low,
        high=fit.exponent.high,
        shape=fit.shape or "",
        cost=Figure(write(fit.best.at(largest)), fit.best.at(largest)),
        share=Figure(),
        ahead=Figure(f"{write(ahead.value)} [{write(ahead.low)}, {write(ahead.high)}]", ahead.value),
        ahead_low=ahead.low,
        ahead_high=ahead.high,
        ahead_share=Figure(),
        constant=Figure(write(fit.best.constant), fit.best.constant) if fit.best.constant else Figure(),
        allocated=exponent_figure(growth.allocated) if name == "the program" else Figure(),
    )


def _make_row(
    place: PlaceGrowth, sources: Mapping[str, SourceFile], growth: Growth, places: Places, causes: Sequence[str]
) -> GrowthRow:
    fit, ahead = place.fit, place.fit.at(growth.ahead)
    cost = fit.best.at(growth.sizes[-1])
    return GrowthRow(
        file=places.show(place.file),
        name=place.function,
        function_line=place.function_line,
        line=place.line,
        exponent=exponent_figure(fit),
        low=fit.exponent.low,
        high=fit.exponent.high,
        shape=fit.shape or "",
        cost=Figure(format_seconds(cost), cost / 1e9),
        share=Figure(format_share(place.share), place.share),
        ahead=Figure(f"{format_seconds(ahead.value)} [{_range(ahead)}]", ahead.value / 1e9),
        ahead_low=ahead.low / 1e9,
        ahead_high=ahead.high / 1e9,
        ahead_share=Figure(format_share(place.ahead), place.ahead),
        constant=Figure(format_seconds(fit.best.constant), fit.best.constant / 1e9) if fit.best.constant else Figure(),
        allocated=exponent_figure(place.allocated),
        causes=tuple(causes),
        code=_find_code(sources, place) if place.line else "",
        anchor=places.line_anchor(place.file, place.line or place.function_line),
    )


def _range(bounds: Bounded) -> str:
    return f"{format_seconds(bounds.low)}, {format_seconds(bounds.high)}"


def _find_code(sources: Mapping[str, SourceFile], place: PlaceGrowth) -> str:
    source = sources.get(place.file)
    lines = split_lines(source.text) if source is not None else []
    return lines[place.line - 1].strip() if 0 < place.line <= len(lines) else ""


def _state(
    growth: Growth, scaling: Scaling, whole: GrowthRow, memory: GrowthRow | None, functions: Sequence[GrowthRow]
) -> Iterator[str]:
    """Yield what follows for the program, in sentences."""
    smallest, largest = growth.sizes[0], growth.sizes[-1]
    name = f" ({whole.shape})" if whole.shape else ""
    yield (
        f"The program's {scaling.clock} time grows as {whole.exponent}{name}, measured from n = {smallest:,} "
        f"to {largest:,} in {len(scaling.runs)} runs."
    )
    yield (
        f"At n = {growth.ahead:,}, {_describe_reach(growth)}, it takes about "
        f"{format_seconds(whole.ahead.value or 0)}, between {format_seconds(whole.ahead_low)} and "
        f"{format_seconds(whole.ahead_high)}."
    )
    if memory is not None:
        name = f" ({memory.shape})" if memory.shape else ""
        yield (
            f"Resident memory grows as {memory.exponent}{name}, to {memory.cost} at n = {largest:,}; at "
            f"n = {growth.ahead:,} it is about {memory.ahead}."
        )
    if growth.allocated is not None:
        yield f"Memory that it allocates, as memray sees it, grows as {exponent_figure(growth.allocated)}."
    for crossing in growth.crossings:
        yield _state_crossing(crossing, growth, functions)


def _describe_reach(growth: Growth) -> str:
    """Return how far the predicted size is from those that ran."""
    smallest, largest, ahead = growth.sizes[0], growth.sizes[-1], growth.ahead
    if smallest <= ahead <= largest:
        return "within what was measured"
    factor = ahead / largest if ahead > largest else smallest / ahead
    times = f"{factor:.2g}" if factor < 10 else f"{factor:,.0f}"
    return f"{times} times {'beyond' if ahead > largest else 'below'} what was measured"


def _state_crossing(crossing: Crossing, growth: Growth, functions: Sequence[GrowthRow]) -> str:
    size = f"n = {_round_size(crossing.size):,}"
    beyond = ", beyond what was measured" if crossing.size > growth.sizes[-1] else ""
    if crossing.small is None or crossing.large is None:
        return f"Below {size}, what does not grow (start, imports) costs more than what does{beyond}."
    small, large = functions[crossing.small], functions[crossing.large]
    return f"Below {size}, {small.name} costs more than {large.name}, above it less{beyond}."


def _round_size(size: float) -> int:
    """Return a size with two digits: a crossing is not known better."""
    unit = 10 ** max(0, int(log10(size)) - 1) if size >= 1 else 1
    return max(1, round(size / unit) * unit)


class _Picture:
    """Maps sizes and costs to fractions of the picture, and draws the whole and the worst functions."""

    def __init__(self, growth: Growth, scaling: Scaling) -> None:
        self.growth, self.scaling = growth, scaling
        self.chosen = growth.functions[:MOST_CURVES]
        self.first = log10(min(growth.sizes[0], growth.ahead))
        self.last = log10(max(growth.sizes[-1], growth.ahead))
        costs = [run.cost(scaling.clock) for run in scaling.runs]
        end = max(growth.sizes[-1], growth.ahead)
        ends = [growth.predict(end).value, *(each.fit.best.at(end) for each in self.chosen)]
        self.low = log10(max(_LEAST_COST, min((cost for cost in costs if cost), default=1) / 30))
        self.high = max(log10(max(*ends, *costs, 10 * _LEAST_COST)) + 0.15, self.low + 1)

    def x(self, size: float) -> float:
        """Return where a size is, as a fraction of the width."""
        return _LEFT + (1 - _LEFT - _RIGHT) * (log10(size) - self.first) / (self.last - self.first)

    def y(self, cost: float) -> float:
        """Return where a cost is, as a fraction of the height; what is off the picture lies at its edge."""
        height = (log10(cost) - self.low) / (self.high - self.low) if cost > 0 else 0.0
        return min(1.0, max(0.0, height))

    def draw(self) -> Iterator[GrowthCurve]:
        """Yield the curves, the whole first."""
        clock = self.scaling.clock
        yield self._draw(
            "the program", self.growth.whole, self.growth.predict, [run.cost(clock) for run in self.scaling.runs]
        )
        costs: Mapping[tuple[str, int, str], PlaceCosts] = {
            (each.file, each.function_line, each.function): each for each in self.scaling.places if not each.line
        }
        for each in self.chosen:
            place = costs.get((each.file, each.function_line, each.function))
            yield self._draw(each.function, each.fit, each.fit.at, place.spent_ns if place is not None else ())

    def _draw(self, label: str, fit: Fit, predict: Callable[[float], Bounded], costs: Sequence[int]) -> GrowthCurve:
        steps = [10 ** (self.first + (self.last - self.first) * step / _STEPS) for step in range(_STEPS + 1)]
        bounds = [predict(size) for size in steps]
        upper = [(self.x(size), self.y(each.high)) for size, each in zip(steps, bounds, strict=True)]
        lower = [(self.x(size), self.y(each.low)) for size, each in zip(steps, bounds, strict=True)]
        return GrowthCurve(
            label=label,
            exponent=format_exponent(fit.exponent),
            points=tuple(
                (self.x(run.size), self.y(cost))
                for run, cost in zip(self.scaling.runs, costs, strict=False)
                if self.y(cost) > 0
            ),
            line=tuple((self.x(size), self.y(each.value)) for size, each in zip(steps, bounds, strict=True)),
            band=(*upper, *reversed(lower)),
        )

    def list_sizes(self) -> Iterator[tuple[float, str]]:
        """Yield the ticks of the sizes: the measured ones as far as there is room, and the one that is predicted."""
        last = -1.0
        for size in sorted({*self.growth.sizes, self.growth.ahead}):
            if self.x(size) - last >= 0.1:
                last = self.x(size)
                yield last, f"{size:,}"

    def list_costs(self) -> Iterator[tuple[float, str]]:
        """Yield the ticks of the costs: powers of ten."""
        for power in range(int(self.low), int(self.high) + 1):
            if self.low <= power <= self.high:
                yield self.y(10.0**power), format_seconds(10.0**power)
