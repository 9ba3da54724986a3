"""What stands between a server and its application: the application and the server meet nothing of it."""

from __future__ import annotations

import asyncio
import contextvars
import json
import sys
import traceback
import types
from pathlib import Path
from typing import Any

import pytest

from whet.formats.request_counts import read_request_counts
from whet.inprocess.requests.applications import AsgiApplication, WsgiApplication
from whet.inprocess.requests.counts import Counts


class Server:
    """Calls applications as servers do; ``counted`` reads back how many requests each route had."""

    def __init__(self, folder: Path) -> None:
        self.counts = Counts(str(folder / "requests"))
        self.sent: list[Any] = []

    @property
    def counted(self) -> dict[str, int]:
        self.counts.save()
        names, counts = (Path(f"{self.counts.capture}.{self.counts.pid}.{kind}") for kind in ("names", "counts"))
        if not counts.exists():
            return {}
        return {route.name: route.requests for _, route in read_request_counts(names, counts).routes}

    def ask(self, application: Any, path: str = "/", environ: dict[str, Any] | None = None) -> Any:
        """Call a WSGI application; return what it returned."""
        request = {"REQUEST_METHOD": "GET", "PATH_INFO": path, **(environ or {})}
        return WsgiApplication(application, self.counts)(request, lambda *args: self.sent.append(args))

    def wait(self, application: Any, **scope: Any) -> Any:
        """Await an ASGI application."""

        async def send(message: Any) -> None:
            self.sent.append(message)

        whole = {"type": "http", "method": "GET", "path": "/", **scope}
        return asyncio.run(await_it(AsgiApplication(application, self.counts)(whole, None, send)))


async def await_it(awaitable: Any) -> Any:
    return await awaitable


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def list_functions(error: BaseException) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


# -- WSGI -----------------------------------------------------------------------------


def test_a_list_comes_back_as_it_is(server: Server) -> None:
    body = [b"x"]

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("A", "b")])
        return body

    assert server.ask(app, "/a") is body
    assert server.sent == [("200 OK", [("A", "b")])]
    assert server.counted == {"GET /a": 1}


def test_an_error_of_the_application_has_only_its_own_frames(server: Server) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no") as caught:
        server.ask(app)
    names = list_functions(caught.value)
    assert names[-2:] == ["ask", "app"]
    assert caught.value.__context__ is None
    assert server.counted == {"GET /": 1}


def test_an_error_of_the_server_has_only_its_own_frames(server: Server) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])

    def refuse(*_: Any) -> Any:
        raise AssertionError("headers are sent")

    with pytest.raises(AssertionError) as caught:
        WsgiApplication(app, server.counts)({}, refuse)
    assert list_functions(caught.value)[-2:] == ["app", "refuse"]


def test_a_stream_ends_when_it_is_closed_and_not_before(server: Server) -> None:
    said: list[str] = []

    class Body:
        filename = "x.txt"

        def __iter__(self) -> Any:
            yield b"a"
            yield b"b"

        def close(self) -> None:
            said.append("closed")

    made = server.ask(lambda environ, start_response: Body(), "/s")
    assert (server.counted, made.filename, hasattr(made, "__len__")) == ({}, "x.txt", False)
    assert list(made) == [b"a", b"b"]
    made.close()
    assert (server.counted, said) == ({"GET /s": 1}, ["closed"])


def test_a_generator_is_closed_and_has_only_its_own_frames(server: Server) -> None:
    said: list[str] = []

    def app(environ: Any, start_response: Any) -> Any:
        try:
            yield b"a"
            raise ValueError("late")
        finally:
            said.append("ended")

    body = server.ask(app)
    parts = iter(body)
    assert next(parts) == b"a"
    with pytest.raises(ValueError, match="late") as caught:
        next(parts)
    assert list_functions(caught.value)[1:] == ["app"]
    body = server.ask(app)
    next(iter(body))
    body.close()
    assert (said, server.counted) == (["ended", "ended"], {"GET /": 2})


def test_what_has_a_length_keeps_it_and_what_has_no_close_gets_none(server: Server) -> None:
    class Sized:
        def __len__(self) -> int:
            return 1

        def __iter__(self) -> Any:
            return iter([b"x"])

    made = server.ask(lambda environ, start_response: Sized())
    assert (len(made), hasattr(made, "close"), list(made)) == (1, False, [b"x"])


def test_a_file_for_the_server_comes_back_as_it_is(server: Server) -> None:
    class Wrapper(list[bytes]):
        pass

    body = Wrapper()
    assert server.ask(lambda environ, start_response: body, "/", {"wsgi.file_wrapper": Wrapper}) is body


def test_an_application_keeps_its_attributes(server: Server) -> None:
    def app() -> None:
        pass

    app.routes = ["/a"]  # type: ignore[attr-defined]
    assert WsgiApplication(app, server.counts).routes == AsgiApplication(app, server.counts).routes == ["/a"]


@pytest.mark.parametrize("environ", [{}, {"PATH_INFO": None, "REQUEST_METHOD": 3}, {"PATH_INFO": "\udc80" * 9_000}])
def test_whatever_the_request_says_it_is_served(server: Server, environ: dict[str, Any]) -> None:
    assert WsgiApplication(lambda *_: [b""], server.counts)(environ, None) == [b""]


def test_a_file_that_cannot_be_written_costs_no_request(tmp_path: Path) -> None:
    counts = Counts(str(tmp_path / "gone" / "requests"))
    assert WsgiApplication(lambda *_: [b"x"], counts)({}, None) == [b"x"]


# -- ASGI -----------------------------------------------------------------------------

START = {"type": "http.response.start", "status": 200}
END = {"type": "http.response.body", "body": b"x"}


def test_messages_pass_and_the_last_part_ends_the_request(server: Server) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> str:
        assert receive is None
        await send(START)
        await send({**END, "more_body": True})
        assert server.counted == {}
        await send(END)
        assert server.counted == {"GET /a": 1}
        return "more"

    assert server.wait(app, path="/a") == "more"
    assert server.sent == [START, {**END, "more_body": True}, END]
    assert server.counted == {"GET /a": 1}


def test_an_error_of_an_asgi_application_has_only_its_own_frames(server: Server) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no") as caught:
        server.wait(app)
    assert list_functions(caught.value)[-2:] == ["await_it", "app"]
    assert server.counted == {"GET /": 1}


def test_a_request_that_is_cancelled_is_counted_and_cancelled(server: Server) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(3600)

    async def drive() -> None:
        scope = {"type": "http", "method": "GET", "path": "/long"}
        task = asyncio.create_task(AsgiApplication(app, server.counts)(scope, None, None))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(drive())
    assert server.counted == {"GET /long": 1}


def test_context_variables_are_those_of_the_server(server: Server) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        variable.set("by the application")

    async def drive() -> str:
        await AsgiApplication(app, server.counts)({"type": "http", "method": "GET", "path": "/"}, None, None)
        return variable.get()

    assert asyncio.run(drive()) == "by the application"


def test_what_is_no_request_is_left_alone(server: Server) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    given = ({"type": "websocket"}, object(), object())
    asyncio.run(await_it(AsgiApplication(app, server.counts)(*given)))
    assert seen == [given]
    assert server.counted == {}


def test_the_end_of_the_application_saves(server: Server, tmp_path: Path) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.shutdown.complete"})

    server.counts.add("GET /", "", None, 0)
    server.counts.add("GET /", "", None, 0)
    server.wait(app, type="lifespan")
    assert not server.counts.unsaved
    assert server.sent == [{"type": "lifespan.shutdown.complete"}]


# -- routes -----------------------------------------------------------------------------


class Route:
    endpoint = None

    def __init__(self, path: str) -> None:
        self.path = path


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ({"route": Route("/users/{id}")}, "GET /users/{id}"),
        ({"route": Route("/{id}"), "root_path": "/api/users"}, "GET /users/{id}"),
        ({"fastapi": {"effective_route_context": Route("/v1/{id}")}, "route": Route("/{id}")}, "GET /v1/{id}"),
        ({"router": None, "root_path": "/api/static"}, "GET /static/{path}"),
        ({"router": None}, "GET (no route)"),
        ({"route": 3, "fastapi": 4}, "GET /users/{}"),
        ({}, "GET /users/{}"),
    ],
)  # fmt: skip
def test_routes_are_named_by_pattern(server: Server, found: dict[str, Any], name: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope.update(found)

    server.wait(app, path="/users/4711", root_path="/api", query_string=b"token=secret")
    assert server.counted == {name: 1}
    assert "secret" not in "".join(path.read_text("latin-1") for path in Path(server.counts.capture).parent.iterdir())


def test_the_place_of_a_route_is_that_of_the_function_behind_decorators(server: Server) -> None:
    def view() -> None:
        pass

    def decorated() -> None:
        pass

    decorated.__wrapped__ = view  # type: ignore[attr-defined]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope.update(route=Route("/a"), endpoint=decorated)

    server.wait(app)
    row = read_place(server)
    assert (row["file"], row["line"]) == (__file__, view.__code__.co_firstlineno)
    assert row["function"].endswith("view")


def read_place(server: Server) -> dict[str, Any]:
    (named,) = Path(f"{server.counts.capture}.{server.counts.pid}.names").read_text("ascii").splitlines()
    row: dict[str, Any] = json.loads(named)
    return row


class View:
    """Handles requests by a method each; what Flask and Django call is a function that names the class."""

    def get(self) -> None:
        pass

    def post(self) -> None:
        pass

    def list_all(self) -> None:
        pass

    @classmethod
    def as_view(cls, name: str, **attributes: Any) -> Any:
        def view() -> None:
            pass

        vars(view).update({name: cls, **attributes})
        return view


@pytest.mark.parametrize(
    ("endpoint", "method", "function"),
    [
        (View, "POST", "View.post"),
        (View, "HEAD", "View.get"),
        (View.as_view("view_class"), "GET", "View.get"),
        (View.as_view("cls", actions={"get": "list_all"}), "GET", "View.list_all"),
        (View.as_view("view_class"), "DELETE", "View.as_view.<locals>.view"),
    ],
)
def test_the_place_of_a_class_is_that_of_its_method(server: Server, endpoint: Any, method: str, function: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope.update(route=Route("/a"), endpoint=endpoint)

    server.wait(app, method=method)
    assert read_place(server)["function"] == function


DJANGO = """
async def send_response(response, send):
    await send({"type": "http.response.start"})
    await send({"type": "http.response.body"})
"""


class Request:
    def __init__(self, match: Any) -> None:
        self.resolver_match = match

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("mounted", "name"), [("/api", "GET /users/<int:id>"), ("/api/v1", "GET /v1/users/<int:id>")])
def test_a_route_of_django_is_found_where_its_response_is_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch, mounted: str, name: str
) -> None:
    django = types.ModuleType("django.core.handlers.asgi")
    exec(DJANGO, vars(django))
    monkeypatch.setitem(sys.modules, django.__name__, django)
    match = types.SimpleNamespace(route="users/<int:id>", func=View.as_view("view_class"))
    response = types.SimpleNamespace(_resource_closers=[Request(match).close])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def send_on(message: Any) -> None:  # as middleware does
            await send(message)

        scope.update(root_path=mounted)
        await django.send_response(response, send_on)

    server.wait(app, path="/users/3", root_path="/api")
    assert server.counted == {name: 1}
    assert read_place(server)["function"] == "View.get"


def test_the_path_that_leads_to_a_wsgi_application_is_part_of_its_routes(server: Server) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        rule = types.SimpleNamespace(rule="/users/<id>", endpoint="user")
        environ |= {"SCRIPT_NAME": "/at/shop", "werkzeug.request": types.SimpleNamespace(url_rule=rule)}
        start_response("200 OK", [])
        return [b""]

    server.ask(app, "/shop/users/3", {"SCRIPT_NAME": "/at"})
    assert server.counted == {"GET /shop/users/<id>": 1}
