"""The rows of a report's table of routes, which a server answered requests of."""

from __future__ import annotations

from whet.model.hotspot import Hotspots, UnitKind, share_error
from whet.model.routes import RouteTotals
from whet.model.run import Run
from whet.records import dataclass
from whet.report.places import Places
from whet.report.tests import UnitLineRow, list_unit_lines
from whet.report.units import NOTHING, Figure, count_figure, format_count, format_seconds, share_figure, time_figure

MOST_ROUTES = 200
_SERVERS = {"wsgiref.simple_server": "wsgiref (Django's runserver)"}


@dataclass(frozen=True, slots=True)
class RouteRow:
    """A route with its requests, and what was sampled of them. Figures are empty where requests were not timed."""

    name: str
    file: str
    line: int
    function: str
    requests: Figure
    rate: Figure
    """Requests a second."""
    p50: Figure
    p95: Figure
    spent_seconds: Figure
    waiting_seconds: Figure
    share: Figure
    share_error: float
    lines: tuple[UnitLineRow, ...] = ()
    anchor: str = ""

    @property
    def place(self) -> str:
        """``file:line`` of the function that handles it; empty where the framework does not say."""
        return f"{self.file}:{self.line}" if self.file else ""


@dataclass(frozen=True, slots=True)
class RouteTable:
    """All routes, those with most of the time first; ``sentence`` says how many requests there were."""

    sentence: str
    rows: tuple[RouteRow, ...]


def list_routes(hotspots: Hotspots, run: Run, places: Places, *, include_source: bool) -> RouteTable | None:
    """Return the routes that were seen; ``None`` where there are none."""
    sampled = {spot.name: spot for spot in hotspots.units if spot.kind is UnitKind.ROUTE}
    counted = {route.name: route for route in run.requests.routes}
    if not sampled and not counted:
        return None
    rows = []
    for name in dict.fromkeys((*sampled, *counted)):
        route = counted.get(name, RouteTotals(name))
        spot = sampled.get(name)
        share = spot.share if spot is not None else 0.0
        error = spot.share_error if spot is not None else share_error(0.0, hotspots.samples)
        rows.append(
            RouteRow(
                name=name,
                file=places.show(route.file) if route.file else "",
                line=route.line,
                function=route.function,
                requests=count_figure(route.requests or None),
                rate=_write_rate(route.requests, run.requests.elapsed_ns),
                p50=_write_quantile(route, 0.5),
                p95=_write_quantile(route, 0.95),
                spent_seconds=time_figure(spot.spent_ns if spot is not None else 0),
                waiting_seconds=time_figure(spot.waiting_ns if spot is not None else 0),
                share=share_figure(share, error),
                share_error=error,
                lines=list_unit_lines(spot.lines, run, places, include_source=include_source) if spot else (),
                anchor=places.line_anchor(route.file, route.line) if route.file else "",
            )
        )
    rows.sort(key=lambda row: (-(row.share.value or 0.0), -(row.requests.value or 0.0), row.name))
    return RouteTable(_describe(run, rows), tuple(rows[:MOST_ROUTES]))


def _write_rate(requests: int, elapsed_ns: int) -> Figure:
    if not requests or elapsed_ns <= 0:
        return Figure()
    rate = requests * 1e9 / elapsed_ns
    return Figure(f"{rate:.1f}" if rate < 99.95 else format_count(rate), rate)


def _write_quantile(route: RouteTotals, part: float) -> Figure:
    return time_figure(route.find_quantile(part)) if route.requests else Figure()


def _describe(run: Run, rows: list[RouteRow]) -> str:
    requests = run.requests
    count = sum(route.requests for route in requests.routes)
    if not count:
        return ""
    rate = _write_rate(count, requests.elapsed_ns)
    second = f", {rate} a second" if rate.text != NOTHING else ""
    processes = f", answered by {requests.processes} processes" if requests.processes > 1 else ""
    plural = "s" if count != 1 else ""
    return (
        f"{count:,} request{plural} in {format_seconds(requests.elapsed_ns)}{second}, of {len(rows):,} "
        f"route{'s' if len(rows) != 1 else ''}{processes}."
    )


def explain_requests(run: Run) -> list[str]:
    """Return how requests were timed, for the method section."""
    requests = run.requests
    if not requests.timed:
        return []
    names = ", ".join(_SERVERS.get(name, name.partition(".")[0]) for name in requests.timed)
    if not requests.routes:
        return [
            f"No request was timed: the program called no application through {names}, or in processes that whet is "
            "not in."
        ]
    return [
        f"Requests were timed inside the program, where {names} calls the application (--no-routes leaves that out): "
        "from the call to the last part of the response, without the time in the server's own queues. p50 and p95 are "
        "accurate to 3 %, requests a second are counted from the first request's begin to the last one's end. A "
        "route's share is the time sampled while one of its requests was on the stack, in whatever thread or task."
    ]
