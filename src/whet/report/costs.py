"""The figures of one place, and the rows of the hotspot tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from whet.model.frame import Owner
from whet.model.growth import GrowingLine, Growth
from whet.model.hotspot import Cost, FunctionSpot, LineSpot
from whet.model.run import Run
from whet.model.source import split_lines
from whet.report.growth import describe_growing, exponent_figure
from whet.report.parts import CostFigures, FunctionRow, LineRow
from whet.report.places import Places
from whet.report.units import NOTHING, Figure, bytes_figure, count_figure, hits_figure, share_figure, time_figure

FUNCTION_LIMIT = 5_000
LINE_LIMIT = 10_000


def figure_cost(cost: Cost) -> CostFigures:
    """Return the metrics of a place, formatted."""
    return CostFigures(
        spent_seconds=time_figure(cost.spent_ns),
        self_seconds=time_figure(cost.self_ns),
        total_seconds=time_figure(cost.total_ns),
        attributed_seconds=time_figure(cost.attributed_ns),
        waiting_seconds=time_figure(cost.waiting_ns),
        spent_share=share_figure(cost.spent_share, cost.share_error),
        self_share=share_figure(cost.self_share),
        total_share=share_figure(cost.total_share),
        share_error=cost.share_error,
        samples=cost.samples,
        hits=hits_figure(cost.hits),
        hit_seconds=time_figure(cost.hit_ns),
        allocated_bytes=bytes_figure(cost.allocated_bytes),
        allocations=count_figure(cost.allocations),
        peak_bytes=bytes_figure(cost.peak_bytes),
        live_bytes=bytes_figure(cost.live_bytes),
        grown_bytes=bytes_figure(cost.grown_bytes),
        collectors=cost.collectors,
    )


def list_functions(
    spots: Sequence[FunctionSpot], places: Places, growth: Growth | None = None
) -> tuple[FunctionRow, ...]:
    """Return rows for the hottest ``FUNCTION_LIMIT`` functions, with their growth where it is known."""
    fits = {(each.file, each.function_line, each.function): each.fit for each in growth.functions} if growth else {}
    return tuple(
        FunctionRow(
            file=places.show(spot.file),
            name=spot.name,
            line=spot.line,
            end_line=spot.end_line,
            owner=spot.owner.value,
            cost=_figure_cost_of(spot),
            anchor=places.line_anchor(spot.file, spot.line),
            growth=exponent_figure(fits.get((spot.file, spot.line, spot.name))),
        )
        for spot in spots[:FUNCTION_LIMIT]
    )


def _figure_cost_of(spot: FunctionSpot) -> CostFigures:
    figures = figure_cost(spot.cost)
    if spot.owner is Owner.USER or figures.spent_seconds.value:
        return figures
    # Its time is in the rows of the user's lines that call it: a zero would read as "costs nothing".
    elsewhere = Figure(NOTHING, 0.0, "attributed to your line that calls it")
    return replace(figures, spent_share=elsewhere, attributed_seconds=elsewhere)


def list_lines(
    spots: Sequence[LineSpot],
    run: Run,
    places: Places,
    growth: Growth | None = None,
    growing: Mapping[tuple[str, int], GrowingLine] | None = None,
    *,
    include_source: bool = True,
) -> tuple[LineRow, ...]:
    """Return rows for the hottest ``LINE_LIMIT`` lines, with their code if the source is known and included.

    ``growing`` are lines whose time a pass rose within the run.
    """
    fits = {(each.file, each.line): each.fit for each in growth.lines} if growth else {}
    texts: dict[str, list[str]] = {}
    rows = []
    for spot in spots[:LINE_LIMIT]:
        if spot.file not in texts:
            source = run.sources.get(spot.file) if include_source else None
            texts[spot.file] = split_lines(source.text) if source else []
        lines = texts[spot.file]
        rows.append(
            LineRow(
                file=places.show(spot.file),
                line=spot.line,
                function=spot.function,
                function_line=spot.function_line,
                owner=spot.owner.value,
                cost=figure_cost(spot.cost),
                code=lines[spot.line - 1].strip() if 0 < spot.line <= len(lines) else "",
                anchor=places.line_anchor(spot.file, spot.line),
                callees=spot.callees,
                growth=exponent_figure(fits.get((spot.file, spot.line))),
                grows=describe_growing(found) if (found := (growing or {}).get((spot.file, spot.line))) else "",
            )
        )
    return tuple(rows)
