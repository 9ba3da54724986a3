"""Servers under ``whet run``: their routes, with all requests, however they end."""

from __future__ import annotations

import contextlib
import http.client
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import Ran, Runner, wait_for
from tests.integration.pieces import mark_slow

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as a terminal sends them")

APP = """
import os, sys, traceback

def work(rounds=100_000):
    total = 0
    for number in range(rounds):
        total += number * number % 7
    return total

def app(environ, start_response):
    if environ["PATH_INFO"] == "/error":
        raise ValueError("error")
    if environ["PATH_INFO"] == "/finders":
        start_response("200 OK", [])
        return [repr([type(each).__name__ for each in sys.meta_path] + sorted(os.environ)).encode()]
    total = work() if environ["PATH_INFO"].startswith("/users") else 0
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(total).encode()]

if __name__ == "__main__":
    from wsgiref.simple_server import WSGIRequestHandler, make_server
    WSGIRequestHandler.log_message = lambda *_: None
    with make_server("127.0.0.1", int(sys.argv[1]), app) as server:
        server.serve_forever()
"""
REQUESTS = 60


def find_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def ask(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().read()


def is_up(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, process.communicate()
    with contextlib.suppress(OSError):
        return bool(socket.create_connection(("127.0.0.1", port), 1).close() is None)
    return False


def serve(runner: Runner, app: Path, port: int, number: int, command: list[str]) -> Ran:
    """Start a server, send it requests and then a signal."""
    process = runner.start(command, app.parent)
    try:
        wait_for(lambda: is_up(port, process))
        for each in range(REQUESTS):
            ask(port, f"/users/{each}")
        for path in ("/", "/error", "/finders"):
            ask(port, path)
        # While it is busy with a request, wsgiref takes Ctrl-C for an error of the application.
        time.sleep(0.5)
    finally:
        process.send_signal(number)
    return runner.finish(process, app.parent)


def list_requests(ran: Ran) -> dict[str, Any]:
    return {route["name"]: route for route in ran.report["routes"]}


@pytest.mark.parametrize("number", mark_slow([signal.SIGINT, signal.SIGTERM], [signal.SIGTERM]))
def test_all_requests_are_counted_and_the_program_meets_nothing(runner: Runner, number: int) -> None:
    app = runner.write(APP, "app.py")
    port = find_port()
    plain = serve(runner, app, port, number, [sys.executable, "app.py", str(port)])
    port = find_port()
    ran = serve(runner, app, port, number, runner.command("app.py", str(port), options=["--routes"]))
    assert ran.status == plain.status, ran.words
    # Of wsgiref: the traceback of what the application raised.
    said, expected = ran.words, plain.words
    assert [line for line in expected.splitlines() if "Error" in line and line in said]
    assert "whet-request" not in said and "<whet" not in said
    routes = list_requests(ran)
    assert routes["GET /users/{}"]["requests"] == REQUESTS, ran.words
    assert {name: routes[name]["requests"] for name in ("GET /", "GET /error")} == {"GET /": 1, "GET /error": 1}
    users = routes["GET /users/{}"]
    assert 0 < users["p50_seconds"] <= users["p95_seconds"] < users["spent_seconds"] + 600
    assert users["share"] == max(route["share"] for route in routes.values())
    assert users["share"] > 0.1 and users["lines"][0]["file"] == "app.py"
    assert "GET /users/{}" in said


@pytest.mark.slow
def test_without_the_option_nothing_is_timed(runner: Runner) -> None:
    app = runner.write(APP, "app.py")
    port = find_port()
    ran = serve(runner, app, port, signal.SIGINT, runner.command("app.py", str(port)))
    assert ran.report["routes"] == []


def test_one_request_is_profiled_by_a_middleware(runner: Runner) -> None:
    program = """
    import os, time
    from pathlib import Path
    import whet.wsgi

    def work():
        end = time.process_time() + 1
        while time.process_time() < end:
            sum(range(1_000))

    def app(environ, start_response):
        work()
        start_response("200 OK", [])
        return [b"x"]

    said = []
    middleware = whet.wsgi.Middleware(app, folder="kept")
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/users/7", "QUERY_STRING": "whet=1"}
    environ["HTTP_X_WHET_TOKEN"] = os.environ["WHET_TOKEN"]
    body = middleware(environ, lambda *args: said.append(args))
    assert list(body) == [b"x"]
    body.close()
    report = Path("kept", dict(said[0][1])["X-Whet-Report"])
    while not report.exists():
        time.sleep(0.05)
    """
    path = runner.write(program)
    ran = runner.plain(path, cwd=path.parent, WHET_TOKEN="abcdefghijklmnop")
    assert ran.status == 0, ran.words
    (report,) = ran.folder.glob("kept/*.html")
    text = report.read_text("utf-8")
    assert "GET /users/{}" in text and "work" in text and "abcdefghijklmnop" not in text
