"""Benches of servers: the requests that they are sent, and how two versions answer them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from whet.errors import TargetError, UsageError
from whet.model.bench import Bench, SlowdownCall
from whet.pipeline.bench.bench import bench, decide_bench, render_bench_as
from whet.pipeline.bench.serve import read_command
from whet.pipeline.bench.variants import BenchRequest
from whet.pipeline.serve import load_file
from whet.pipeline.serve.load_file import Request, read_load
from whet.pipeline.serve.request import LoadRequest

SERVER = """\
import sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        time.sleep({pause} if self.path.startswith("/slow") else 0)
        body = self.path.encode()
        self.send_response({status} if self.path == "/status" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        assert self.rfile.read(int(self.headers["Content-Length"])) == b'{{"a": 1}}'
        assert self.headers["Content-Type"] == "application/json" and self.headers["X-Key"] == "k"
        self.do_GET()

    def log_message(self, *_):
        pass

HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
LOAD = """\
# who asks

GET /users/1?page=2
GET /users/2
GET /slow
POST /orders {"a": 1}
X-Key: k
"""


def write_server(folder: Path, pause: float = 0.0, status: int = 200) -> None:
    (folder / "server.py").write_text(SERVER.format(pause=pause, status=status))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(load_file, "LEAST_REQUESTS", 8)
    (tmp_path / "load.txt").write_text(LOAD)
    write_server(tmp_path)
    return tmp_path


def commit(folder: Path) -> None:
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "first")):
        who = ("-c", "user.email=a@b", "-c", "user.name=a")
        subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def run(folder: Path, against: str | None = None, runs: int = 2) -> Bench:
    request = BenchRequest(
        words=("server.py", "{port}"),
        pythons=(sys.executable,),
        against=against,
        runs=runs,
        warmup=0,
        load=LoadRequest(folder / "load.txt"),
        confidence=0.9,
        max_slowdown=0.1,
    )
    return bench(request, folder)


def test_a_load_is_read_line_by_line(folder: Path) -> None:
    load = read_load(folder / "load.txt")
    headers = (("X-Key", "k"), ("Content-Type", "application/json"))
    assert load[0] == Request("GET", "/users/1?page=2")
    assert load[3] == Request("POST", "/orders", b'{"a": 1}', headers)
    assert [each.route for each in load] == ["GET /users/{}", "GET /users/{}", "GET /slow", "POST /orders"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "has no requests"),
        ("GET http://x/\n", ":1 is no request"),
        ("GET /a\nget /b\n", ":2 is no request"),
        ("A: b\n", ":1 is no request"),
        ("GET /a\nA: b\x01c\n", ":2 is no request"),
        ("GET /\u00e9\n", ":1 is no request"),
    ],
)
def test_what_is_no_request_is_named(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / "load.txt"
    file.write_text(text)
    with pytest.raises(UsageError, match=what):
        read_load(file)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("uvicorn app:app", ("uvicorn", "app:app", "--port", "{port}")),
        ("gunicorn app:app", ("gunicorn", "app:app", "--bind", "127.0.0.1:{port}")),
        ("python -m hypercorn app:app", ("python", "-m", "hypercorn", "app:app", "--bind", "127.0.0.1:{port}")),
        ("python manage.py runserver", ("python", "manage.py", "runserver", "{port}")),
        ("serve.py --at {port}", ("serve.py", "--at", "{port}")),
    ],
)
def test_known_servers_get_their_port(line: str, words: tuple[str, ...]) -> None:
    assert read_command(line) == words


@pytest.mark.parametrize("line", ["", "serve.py", "serve.py --port 8000", "'"])
def test_a_server_without_a_place_for_its_port_is_refused(line: str) -> None:
    with pytest.raises(UsageError):
        read_command(line)


def test_a_server_is_measured_by_route(folder: Path) -> None:
    measured = run(folder)
    (variant,) = measured.variants
    assert list(variant.routes) == [
        f"{quantile} {route}" for route in ("GET /users/{}", "GET /slow", "POST /orders") for quantile in ("p50", "p95")
    ]
    assert all(len(costs) == 2 and min(costs) > 0 for costs in variant.routes.values())
    assert "p95 POST /orders" in render_bench_as(measured, "text")
    (described,) = json.loads(render_bench_as(measured, "json"))["variants"]
    assert described["routes"][0]["name"] == "GET /users/{}" and described["routes"][0]["quantile"] == "p50"


def test_a_route_that_got_slower_is_named_and_fails(folder: Path) -> None:
    write_server(folder, 0.002)
    commit(folder)
    write_server(folder, 0.06)
    measured = run(folder, "HEAD", runs=4)
    calls = {route.nodeid: route.comparison.call for route in measured.routes}
    assert calls["p50 GET /slow"] is SlowdownCall.BEYOND
    assert decide_bench(measured) == 1
    assert "Routes: " in render_bench_as(measured, "text")
    described = json.loads(render_bench_as(measured, "json"))["routes"]
    assert {(each["name"], each["quantile"]) for each in described} >= {("GET /slow", "p50"), ("GET /slow", "p95")}


def test_other_statuses_are_noted_and_failures_end_the_bench(folder: Path) -> None:
    (folder / "load.txt").write_text("GET /status\n")
    commit(folder)
    write_server(folder, status=404)
    notes = " ".join(run(folder, "HEAD").notes)
    assert "with 200 by HEAD" in notes and "with 404 by working tree" in notes and "GET /status" in notes
    write_server(folder, status=503)
    with pytest.raises(TargetError, match="working tree: GET /status was answered with status 503"):
        run(folder, "HEAD")


def test_a_server_that_ends_is_named_with_what_it_said(folder: Path) -> None:
    (folder / "server.py").write_text("raise SystemExit('no database')")
    with pytest.raises(TargetError, match=r"ended before it accepted a connection \(no database\)"):
        run(folder)
