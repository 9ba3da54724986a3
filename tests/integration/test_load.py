"""Runs of a server: what it is sent by a file or a command, what is counted, and a proof of a change to it."""

from __future__ import annotations

import os
import sys
from difflib import unified_diff
from pathlib import Path

import pytest

from whet.cli.main import run_command_line
from whet.errors import UsageError
from whet.pipeline.serve import load_command, load_file
from whet.pipeline.serve.port import place_port
from whet.pipeline.serve.request import LoadRequest, make_load_request, plan_load
from whet.program.spec import TargetKind, TargetSpec
from whet.prove.run import Limits, Observed, Workload, run_once

SERVER = """\
import sys, time
from wsgiref.simple_server import WSGIRequestHandler, make_server

class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/end":
        raise SystemExit("no more")
    time.sleep(0.03 if path.startswith("/slow") else 0)
    start_response("200 OK", [])
    return [path.encode()]

make_server("127.0.0.1", int(sys.argv[1]), app, handler_class=Quiet).serve_forever()
"""
PLAIN = """\
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    while True:
        server.accept()[0].close()
"""
CLIENT = """\
import sys, time, urllib.request
for _ in range(int(sys.argv[2])):
    urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/users/7").read()
time.sleep(float(sys.argv[3]))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(load_file, "LEAST_REQUESTS", 4)
    monkeypatch.setattr(load_command, "LEAST_COUNTED", 5)
    (tmp_path / "server.py").write_text(SERVER)
    (tmp_path / "client.py").write_text(CLIENT)
    (tmp_path / "load.txt").write_text("GET /users/1\nGET /slow/2\n")
    return tmp_path


def serve(folder: Path, request: LoadRequest, limits: Limits | None = None) -> Observed:
    spec = TargetSpec(TargetKind.SCRIPT, "server.py", ("{port}",), str(folder))
    own = folder / "session"
    own.mkdir()
    load, variables = plan_load(request, spec, str(folder), own, os.environ)
    workload = Workload((sys.executable, *spec.words), str(folder), {**os.environ, **variables}, load=load)
    return run_once(workload, limits or Limits(), folder / "out")


def command(number: int, then: float = 0.0) -> str:
    return f"{sys.executable} client.py {{port}} {number} {then}"


def test_a_file_is_sent_and_its_responses_are_kept(folder: Path) -> None:
    seen = serve(folder, LoadRequest(folder / "load.txt"))
    assert seen.served is not None and not seen.served.failure and seen.status == 0
    assert seen.stdout.file.read_text() == "GET /users/1 200\n/users/1\nGET /slow/2 200\n/slow/2\n" * 2
    assert seen.served.requests == 4 and seen.served.cost_ns == seen.served.elapsed_ns >= 60_000_000
    assert set(seen.served.quantiles) == {
        f"{part} GET {path}/{{}}" for part in ("p50", "p95") for path in ("/users", "/slow")
    }


def test_versions_can_be_compared_by_a_quantile(folder: Path) -> None:
    seen = serve(folder, LoadRequest(folder / "load.txt", metric="p95")).served
    assert seen is not None and seen.cost_ns == seen.p95_ns >= 30_000_000


def test_what_a_command_sends_is_counted_in_the_server(folder: Path) -> None:
    seen = serve(folder, LoadRequest(command=command(12))).served
    assert seen is not None and not seen.failure
    # What ended in the last milliseconds may not be saved yet.
    assert 8 <= seen.requests <= 12 and seen.cost_ns == round(seen.elapsed_ns / seen.requests)
    assert list(seen.quantiles) == ["p50 GET /users/{}", "p95 GET /users/{}"]


def test_a_command_that_goes_on_is_ended_after_the_duration(folder: Path) -> None:
    seen = serve(folder, LoadRequest(command=command(10**6), duration=0.5, warmup=0.3)).served
    assert seen is not None
    assert seen.elapsed_ns > 0 or "answered only" in seen.failure  # on a busy machine the client may not have begun
    assert seen.requests < 10**6


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (LoadRequest(command=command(2)), "answered only"),
        (LoadRequest(command=command(9), warmup=60), "ended within the 60 s that are not counted"),
        (LoadRequest(command="exit 3"), "ended with status 3: no output"),
    ],
)
def test_a_command_that_shows_nothing_is_a_failure(folder: Path, request_: LoadRequest, why: str) -> None:
    seen = serve(folder, request_).served
    assert seen is not None and why in seen.failure


def test_of_another_server_the_commands_own_duration_counts(folder: Path) -> None:
    (folder / "server.py").write_text(PLAIN)
    seen = serve(folder, LoadRequest(command="sleep 0.2")).served
    assert seen is not None and not seen.failure and seen.requests == 0
    assert seen.cost_ns >= 200_000_000


def test_of_another_server_nothing_else_can_be_told(folder: Path) -> None:
    (folder / "server.py").write_text(PLAIN)
    seen = serve(folder, LoadRequest(command="sleep 60", duration=0.1)).served
    assert seen is not None and "--duration has no meaning" in seen.failure


def test_a_server_that_ends_under_load_is_a_failure(folder: Path) -> None:
    (folder / "load.txt").write_text("GET /end\n")
    (folder / "server.py").write_text(SERVER.replace('raise SystemExit("no more")', "import os; os._exit(3)"))
    seen = serve(folder, LoadRequest(folder / "load.txt")).served
    assert seen is not None
    assert "GET /end was not answered" in seen.failure or "ended before it had answered everything" in seen.failure


def test_a_load_that_takes_too_long_is_ended_with_all_of_it(folder: Path) -> None:
    seen = serve(folder, LoadRequest(command="sleep 600 & sleep 600"), Limits(seconds=1.0))
    assert seen.ended is not None


@pytest.mark.parametrize(
    ("line", "placed"),
    [
        ("/venv/bin/uvicorn app:app", "/venv/bin/uvicorn app:app --port {port}"),
        ("uvicorn --port 80 app:app", "uvicorn app:app --port {port}"),
        ("gunicorn --bind=0.0.0.0:80 -w 2 app", "gunicorn -w 2 app --bind 127.0.0.1:{port}"),
        ("manage.py runserver", "manage.py runserver {port}"),
        ("manage.py runserver 0:8000 --noreload", "manage.py runserver --noreload {port}"),
        ("serve.py --at={port} -p 1", "serve.py --at={port} -p 1"),
    ],
)
def test_a_port_is_placed(line: str, placed: str) -> None:
    assert place_port(line.split()) == tuple(placed.split())


def test_an_unknown_server_has_to_say_where_its_port_goes() -> None:
    with pytest.raises(UsageError, match="where its port goes"):
        place_port(("serve.py", "--port", "80"))


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"file": Path("a"), "command": "b"}, "two different loads"),
        ({"duration": 2.0}, "--duration does nothing without a load"),
        ({"command": "b", "connections": 2}, "--connections is for"),
        ({"file": Path("a"), "duration": 2.0}, "--duration is for"),
        ({"file": Path("a"), "warmup": 2.0}, "--warmup is for"),
    ],
)
def test_options_that_do_not_go_together_are_refused(given: dict[str, object], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        make_load_request(**{"file": None, "command": "", "connections": None, **given})  # type: ignore[arg-type]


def test_a_change_of_a_server_is_proven(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    write_patch(folder, "time.sleep(0.03 if", "time.sleep(0.003 if")
    words = ["prove", "--patch", "p", "--load", "load.txt", "--runs", "3", "--confidence", "90%"]
    assert run_command_line([*words, "--", "server.py", "{port}"]) == 0
    said = capfd.readouterr().err
    assert "as fast [" in said and "output identical (4 responses, 100 B)" in said
    assert "requests a second, p50" in said


def test_a_change_with_other_responses_is_refuted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    write_patch(folder, "return [path.encode()]", "return [path.encode()[1:]]")
    assert run_command_line(["prove", "--patch", "p", "--load", "load.txt", "--", "server.py", "{port}"]) == 0
    assert "the change is refuted: responses, line 2: '/users/1' became 'users/1'" in capfd.readouterr().err


def write_patch(folder: Path, old: str, new: str) -> None:
    lines, changed = (text.splitlines(keepends=True) for text in (SERVER, SERVER.replace(old, new)))
    (folder / "p").write_text("".join(unified_diff(lines, changed, "a/server.py", "b/server.py")))
