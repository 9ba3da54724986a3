"""The one view model that every renderer shows, so that no two of them disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import nlargest
from typing import Any, TypeVar

from whet.model.advice import Advice
from whet.model.finding import Safety
from whet.model.flame import CallTree, FlameTree
from whet.model.growth import Cause, GrowingLine, Growth
from whet.model.hotspot import Hotspots, share_error
from whet.model.metric import Metric
from whet.model.run import Run
from whet.records import dataclass
from whet.report.call_tree import list_call_tree
from whet.report.costs import FUNCTION_LIMIT, LINE_LIMIT, list_functions, list_lines
from whet.report.drawn import Icicle, TreeRow
from whet.report.excerpts import build_listings, choose_excerpts, shown_lines
from whet.report.flame import describe_calls
from whet.report.growth import GrowthView, view_growth
from whet.report.icicle import MOST_BOXES, lay_out
from whet.report.job import Job, describe_job
from whet.report.memory import draw_memory
from whet.report.method import describe_method, describe_provenance
from whet.report.parts import (
    Caution,
    FunctionRow,
    Kind,
    LineRow,
    MemoryCurve,
    Method,
    NamedTime,
    Provenance,
    SourceListing,
    Suggestion,
    SuggestionGroup,
    Summary,
    ThreadRow,
)
from whet.report.places import Places
from whet.report.relations import relate_functions
from whet.report.routes import RouteTable, list_routes
from whet.report.suggestions import group_suggestions, list_suggestions
from whet.report.summary import compare_runs, head_difference, list_cautions, summarise
from whet.report.tests import UnitRow, list_units
from whet.report.units import share_figure, time_figure

TABLE_FUNCTIONS = 50
TABLE_LINES = 80
TABLE_MEMORY = 10
TABLE_SMALL = 40
_LEAST_HELD = 1_000_000
"""Bytes that a line must hold to be listed with those that hold memory."""

_Row = TypeVar("_Row", FunctionRow, LineRow)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which optional metrics were measured at all: an empty column is not shown."""

    waiting: bool
    hits: bool
    memory: bool
    growth: bool = False


@dataclass(frozen=True, slots=True)
class ReportView:
    """The contents of a report. ``functions`` and ``lines`` are sorted hottest first; tables show the first of them."""

    title: str
    """Title of the report: the user's, else the program's name."""
    compared: str
    """The run that it is compared with, and the two times; empty without one."""
    summary: Summary
    provenance: Provenance
    cautions: tuple[Caution, ...]
    columns: Columns
    functions: tuple[FunctionRow, ...]
    lines: tuple[LineRow, ...]
    table_functions: tuple[FunctionRow, ...]
    table_lines: tuple[LineRow, ...]
    suggestions: tuple[Suggestion, ...]
    dependencies: tuple[NamedTime, ...]
    imports: tuple[NamedTime, ...]
    threads: tuple[ThreadRow, ...]
    units: tuple[UnitRow, ...]
    """Tests and fixtures."""
    routes: RouteTable | None
    """What a server answered requests of; ``None`` for other programs."""
    icicles: tuple[Icicle, ...]
    flame: Mapping[str, Any] | None
    """All calls for the interactive flame graph, as :func:`whet.report.flame.describe_calls` writes them."""
    call_tree: tuple[TreeRow, ...]
    """The calls with most of the time, for reading."""
    memory: MemoryCurve | None
    listings: tuple[SourceListing, ...]
    method: Method
    growth: GrowthView | None = None
    """How cost grows with the size of the input, where `whet scale` measured it."""
    job: Job | None = None
    """The parts of a merged run, and tasks; ``None`` for one that was not merged."""

    @property
    def hot_functions(self) -> tuple[FunctionRow, ...]:
        """The functions with a cost: others are only in the tables."""
        return tuple(row for row in self.functions if row.cost.spent_seconds.value)

    @property
    def top_functions(self) -> tuple[FunctionRow, ...]:
        """The five hottest functions."""
        return self.hot_functions[:5]

    @property
    def largest_peak(self) -> float:
        """The most bytes that any function holds at the peak: what bars are parts of."""
        return max((row.cost.peak_bytes.value or 0.0 for row in self.functions), default=0.0)

    @property
    def largest_allocated(self) -> float:
        """The most bytes that any function allocates."""
        return max((row.cost.allocated_bytes.value or 0.0 for row in self.functions), default=0.0)

    @property
    def memory_lines(self) -> tuple[LineRow, ...]:
        """The lines that hold most memory at the peak or at the end, of at least a megabyte."""

        def hold(row: LineRow) -> float:
            return max(row.cost.peak_bytes.value or 0.0, row.cost.live_bytes.value or 0.0)

        rows = [row for row in self.lines if hold(row) >= _LEAST_HELD]
        return tuple(sorted(rows, key=lambda row: (-hold(row), row.file, row.line))[:TABLE_MEMORY])

    @property
    def top_suggestions(self) -> tuple[Suggestion, ...]:
        """The three best suggestions: what `whet prove` can try or has shown first, nothing refuted or general."""
        wanted = [item for item in self.suggestions if not item.is_refuted and item.kind is not Kind.GENERAL]
        return tuple(wanted[:3])

    @property
    def general(self) -> tuple[Suggestion, ...]:
        """What is said of the program as a whole."""
        return tuple(item for item in self.suggestions if not item.is_refuted and item.kind is Kind.GENERAL)

    @property
    def safeties(self) -> tuple[tuple[str, str], ...]:
        """The safety levels that occur and their meanings, safest first."""
        order = list(Safety)
        found = {item.safety: item.safety_means for item in self.suggestions}
        return tuple(sorted(found.items(), key=lambda pair: order.index(Safety(pair[0]))))

    @property
    def suggestion_groups(self) -> tuple[SuggestionGroup, ...]:
        """The suggestions by verdict and kind: measured faster, untested, to change by hand, in general, refuted."""
        return group_suggestions(self.suggestions)


def build_view(
    run: Run,
    hotspots: Hotspots,
    advice: Sequence[Advice] = (),
    flames: Mapping[Metric, FlameTree] | None = None,
    *,
    calls: CallTree | None = None,
    before: Run | None = None,
    changes: str = "",
    include_source: bool = True,
    title: str = "",
    growth: Growth | None = None,
    causes: Sequence[Cause] = (),
    growing: Mapping[tuple[str, int], GrowingLine] | None = None,
) -> ReportView:
    """Return the view of a run. Without ``include_source`` no line of the program's source is in it.

    ``growth`` is that of the run's scaling, ``causes`` join it to ``advice``. ``growing`` are lines whose time a
    pass rose within the run, by file and line.

    ``flames`` are drawn as given, ``calls`` are the data of the interactive flame graph. ``before`` is the run whose
    columns are added in ``calls``, ``changes`` summarizes the differences since then.
    """
    excerpts = choose_excerpts(run, hotspots, advice) if include_source else ()
    lines_shown = shown_lines(excerpts)
    places = Places(run, lines_shown)
    functions = list_functions(hotspots.functions, places, growth)
    lines = list_lines(hotspots.lines, run, places, growth, growing, include_source=include_source)
    suggestions = list_suggestions(
        advice, places, run.proof, include_source=include_source, lines=hotspots.line_index, causes=causes
    )
    costs = [*(row.cost for row in functions), *(row.cost for row in lines)]
    relations = relate_functions(calls, places, lines_shown) if calls is not None else None
    summary = summarise(run, hotspots, functions)
    if before is not None and changes:
        summary = head_difference(summary, changes)
    return ReportView(
        title=title or summary.title,
        compared=compare_runs(before, run) if before is not None else "",
        summary=summary,
        provenance=describe_provenance(run),
        cautions=(*list_cautions(run, hotspots), *_state_cuts(hotspots)),
        columns=Columns(
            waiting=any(cost.waiting_seconds.value for cost in costs),
            hits=any(cost.hits.value is not None for cost in costs),
            memory=any(cost.allocated_bytes.value is not None or cost.peak_bytes.value is not None for cost in costs),
            growth=growth is not None,
        ),
        functions=functions,
        lines=lines,
        table_functions=_pick_rows(functions, TABLE_FUNCTIONS),
        table_lines=_pick_rows(lines, TABLE_LINES),
        suggestions=suggestions,
        dependencies=_list_dependencies(hotspots),
        imports=_list_imports(hotspots, places),
        threads=tuple(
            ThreadRow(
                pid=thread.pid,
                tid=thread.tid,
                name=thread.name,
                process=thread.process,
                label=thread.label,
                task=thread.task,
                cpu=time_figure(thread.cpu_ns),
                waiting=time_figure(thread.waiting_ns),
                idle=time_figure(thread.idle_ns),
                gil=time_figure(thread.gil_ns),
            )
            for thread in hotspots.threads
        ),
        units=list_units(hotspots, run, places, include_source=include_source),
        routes=list_routes(hotspots, run, places, include_source=include_source),
        icicles=_lay_out_all(tuple((flames or {}).values()), places),
        flame=describe_calls(calls, run, places) if calls is not None and len(calls) else None,
        call_tree=list_call_tree(calls, places) if calls is not None else (),
        memory=draw_memory(run.resident, places),
        listings=build_listings(run, hotspots, excerpts, suggestions, places, relations),
        method=describe_method(run, hotspots),
        growth=view_growth(run, growth, causes, places, include_source=include_source) if growth is not None else None,
        job=describe_job(run, places),
    )


def _lay_out_all(trees: Sequence[FlameTree], places: Places) -> tuple[Icicle, ...]:
    """Lay out the trees that are not empty; the first gets most of the page's boxes."""
    full = [tree for tree in trees if tree.whole > 0]
    rest = MOST_BOXES // 3 // max(len(full) - 1, 1)
    first = MOST_BOXES if len(full) == 1 else MOST_BOXES * 2 // 3
    return tuple(lay_out(tree, places, rest if i else first) for i, tree in enumerate(full))


def _pick_rows(rows: tuple[_Row, ...], most: int) -> tuple[_Row, ...]:
    """Return the hottest ``most`` rows and those that hold or allocate most memory, in the order of ``rows``."""
    chosen = set(range(min(most, len(rows))))
    peaks = [row.cost.peak_bytes.value or 0.0 for row in rows]
    allocated = [row.cost.allocated_bytes.value or 0.0 for row in rows]
    for values in (peaks, allocated):
        largest = nlargest(TABLE_MEMORY, range(len(rows)), key=values.__getitem__)
        chosen |= {i for i in largest if values[i] > 0}
    return tuple(rows[i] for i in sorted(chosen))


def _list_dependencies(hotspots: Hotspots) -> tuple[NamedTime, ...]:
    return tuple(
        NamedTime(
            name=spot.package,
            kind=spot.owner.value,
            file="",
            self_seconds=time_figure(spot.self_ns),
            total_seconds=time_figure(spot.total_ns),
            share=share_figure(spot.share, share_error(spot.share, hotspots.samples)),
        )
        for spot in hotspots.dependencies[:TABLE_SMALL]
    )


def _list_imports(hotspots: Hotspots, places: Places) -> tuple[NamedTime, ...]:
    return tuple(
        NamedTime(
            name=spot.module,
            kind="module",
            file=places.show(spot.file),
            self_seconds=time_figure(None),
            total_seconds=time_figure(spot.total_ns),
            share=share_figure(spot.share, share_error(spot.share, hotspots.samples)),
        )
        for spot in hotspots.imports[:TABLE_SMALL]
    )


def _state_cuts(hotspots: Hotspots) -> tuple[Caution, ...]:
    cut = []
    for what, limit, found in (
        ("functions", FUNCTION_LIMIT, len(hotspots.functions)),
        ("lines", LINE_LIMIT, len(hotspots.lines)),
    ):
        if found > limit:
            cut.append(Caution("report", f"the hottest {limit:,} of {found:,} {what} are listed"))
    return tuple(cut)
