"""Requests of several processes as one, and the frames that name them."""

from __future__ import annotations

from whet.merge.requests import PREFIX, find_route_names, name_requests, pool_requests, pool_routes
from whet.merge.units import find_units
from whet.model.frame import Frame, Owner
from whet.model.hotspot import UnitKind
from whet.model.metric import Metric
from whet.model.profile import Profile, Samples, StackTable, Thread
from whet.model.routes import REQUEST_FILE, Requests, RouteTotals, find_bounds
from whet.model.run import Interpreter, Run

VIEW = Frame("/srv/app.py", "show", 5, 4, Owner.USER)
SERVER = Frame("/site-packages/server.py", "serve", owner=Owner.DEPENDENCY)


def name(key: str) -> Frame:
    return Frame(REQUEST_FILE, PREFIX + key.encode().hex(), 40, 40, Owner.DEPENDENCY)


def make_profile(*stacks: tuple[list[Frame], int]) -> Profile:
    frames = list(dict.fromkeys(frame for stack, _ in stacks for frame in stack))
    parent: list[int] = []
    frame_of: list[int] = []
    ends = []
    for stack, _ in stacks:
        above = -1
        for frame in stack:
            parent.append(above)
            frame_of.append(frames.index(frame))
            above = len(parent) - 1
        ends.append(above)
    samples = Samples(Metric.CPU, 0, ends, [value for _, value in stacks], len(stacks))
    return Profile("py-spy", frames, StackTable(parent, frame_of), (Thread(1, 1),), (samples,))


def make_run(profile: Profile, *routes: RouteTotals) -> Run:
    return Run("", (), "", "", "", Interpreter("", ""), profiles=(profile,), requests=Requests(1, tuple(routes)))


def find_routes(run: Run) -> dict[str, int]:
    return {unit.name: unit.spent_ns for unit in find_units(run, 100, 100) if unit.kind is UnitKind.ROUTE}


def test_durations_of_one_route_are_added_up() -> None:
    one = RouteTotals("GET /a", 10, (40, 50), (1, 1))
    other = RouteTotals("GET /a", 20, (30, 50), (2, 3), "app.py", 4, "show")
    more = RouteTotals("GET /b", 99, (60,), (1,))
    assert pool_routes((one, other, more)) == (
        more,
        RouteTotals("GET /a", 30, (30, 40, 50), (2, 1, 4), "app.py", 4, "show"),
    )
    pooled = pool_requests((Requests(5, (one,), 1, ("a",)), Requests(7, (other,), 2, ("a", "b"))))
    assert (pooled.elapsed_ns, pooled.processes, pooled.timed) == (7, 3, ("a", "b"))
    assert pooled.routes[0].requests == 7


def test_quantiles_are_those_of_the_requests() -> None:
    route = RouteTotals("GET /a", 0, (100, 200, 300), (50, 45, 5))
    for part, index in ((0.0, 100), (0.5, 100), (0.51, 200), (0.95, 200), (0.96, 300), (1.0, 300)):
        low, high = find_bounds(index)
        assert low <= route.find_quantile(part) < high
    assert RouteTotals("GET /b").find_quantile(0.5) == 0


def test_frames_of_requests_are_named_after_their_route() -> None:
    call = Frame(REQUEST_FILE, "WsgiApplication.__call__", 9)
    profile = make_profile(([SERVER, call, name("GET /{}"), VIEW], 5), ([SERVER, name("GET /{}"), name("GET /{}")], 2))
    named = name_requests(profile, {"GET /{}": "GET /{id}"})
    rows = [named.frames[at].name for at in named.stacks.frame]
    assert rows == ["serve", "GET /{id}", "show", "serve", "GET /{id}"] or rows == ["serve", "GET /{id}", "show"]
    assert sum(named.samples[0].value) == 7
    assert find_routes(make_run(named)) == {"GET /{id}": 7}


def test_a_name_stands_for_a_route_only_if_nearly_all_are_of_it() -> None:
    def make(route: str, requests: int) -> RouteTotals:
        return RouteTotals(route, 0, (1,), (requests,))

    named = [("GET /{}", make("GET /{id}", 99)), ("GET /{}", make("GET /{name}", 1)), ("GET /a", make("GET /a", 1))]
    assert find_route_names(named) == {"GET /{}": "GET /{id}", "GET /a": "GET /a"}
    named[1] = ("GET /{}", make("GET /{name}", 50))
    assert find_route_names(named)["GET /{}"] == "GET /{}"


def test_a_route_whose_request_is_not_on_the_stack_is_found_by_its_function() -> None:
    worker = Frame("/site-packages/anyio.py", "run", owner=Owner.DEPENDENCY)
    profile = make_profile(([worker, VIEW], 3), ([name("GET /b"), VIEW], 4), ([worker], 5))
    route = RouteTotals("GET /a", 1, (1,), (1,), VIEW.file, VIEW.first_line, VIEW.name)
    assert find_routes(make_run(name_requests(profile, {}), route)) == {"GET /a": 3, "GET /b": 4}


def test_hostile_names_of_frames_are_names() -> None:
    broken = Frame(REQUEST_FILE, PREFIX + "zz")
    assert name_requests(make_profile(([broken, VIEW], 1)), {}).frames[0] == Frame(
        REQUEST_FILE, "", owner=Owner.DEPENDENCY
    )
