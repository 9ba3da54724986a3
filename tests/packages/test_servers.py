"""Servers, queues and tools that keep processes: as without whet, and those that only wait for others are idle."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter

import pytest
from tests.integration.conftest import Ran, list_children, make_environment, wait_for
from tests.integration.pieces import BUSY

from whet.model.metric import Metric
from whet.model.profile import ROOT
from whet.store import find_run, load_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(sys.platform != "linux", reason="processes as Linux tells of them"),
]

TIMES = r"\d+/\w+/\d{4} [\d:]+|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:,\d+)?|\b\d+(?:\.\d+)?m?s\b"
PIDS = r"\[\d+\]|(?i:pid|process|worker)(?::| )+\[?\d+\]?|\(\d+\)"
IDLE = 1.5
"""Seconds in which servers have nothing to do: long enough to be seen many times."""

WSGI = """
import time

def work(rounds=60_000):
    total = 0
    for number in range(rounds):
        total += number * number % 7
    return total

def app(environ, start_response):
    body = f"{environ['PATH_INFO']} {work()}\\n".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""
ASGI = """
from wsgi import work

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = f"{scope['path']} {work()}\\n".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
"""
FLASK = """
from flask import Flask
from wsgi import work

app = Flask(__name__)

@app.route("/<path:name>")
def show(name):
    return f"/{name} {work()}\\n"

if __name__ == "__main__":
    import sys
    app.run(port=int(sys.argv[1]), debug=True)
"""

SERVERS = {
    "gunicorn, sync": ["-m", "gunicorn", "--workers", "2", "--bind", "127.0.0.1:{port}", "wsgi:app"],
    "gunicorn, preload": ["-m", "gunicorn", "--preload", "--workers", "2", "--bind", "127.0.0.1:{port}", "wsgi:app"],
    "gunicorn, gthread": [
        *("-m", "gunicorn", "--worker-class", "gthread", "--threads", "3", "--workers", "2"),
        *("--bind", "127.0.0.1:{port}", "wsgi:app"),
    ],
    "gunicorn, gevent": [
        *("-m", "gunicorn", "--worker-class", "gevent", "--workers", "2", "--bind", "127.0.0.1:{port}", "wsgi:app")
    ],
    "uvicorn": ["-m", "uvicorn", "--port", "{port}", "asgi:app"],
    "uvicorn, workers": ["-m", "uvicorn", "--workers", "2", "--port", "{port}", "asgi:app"],
    "uvicorn, reload": ["-m", "uvicorn", "--reload", "--port", "{port}", "asgi:app"],
    "flask, reloader": ["flask_app.py", "{port}"],
    "hypercorn": ["-m", "hypercorn", "--bind", "127.0.0.1:{port}", "asgi:app"],
}
STARLETTE = """
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from wsgi import work

async def show(request):
    return PlainTextResponse(f"{request.url.path} {work()}\\n")

def slow(request):
    return PlainTextResponse(f"{request.url.path} {work()}\\n")

async def hand_on(request, call_next):
    return await call_next(request)

routes = [Route("/{name}", show), Mount("/api", routes=[Route("/users/{id}", slow)])]
app = Starlette(routes=routes, middleware=[Middleware(BaseHTTPMiddleware, dispatch=hand_on)])
"""
DJANGO = """
from django.http import HttpResponse
from django.urls import path
from wsgi import work

ALLOWED_HOSTS, DEBUG, ROOT_URLCONF, SECRET_KEY = ["*"], True, "manage_settings", "x"

def show(request, **_):
    return HttpResponse(f"{request.path} {work()}\\n")

def user(request, **_):  # a function of its own: in worker threads the time is told by it
    return show(request)

urlpatterns = [path("<name>", show), path("api/users/<int:id>", user)]
"""
MANAGE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "manage_settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
DJANGO_ASGI = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "manage_settings"
from django.core.asgi import get_asgi_application
application = get_asgi_application()
"""
FRAMEWORKS = {
    "starlette": (["-m", "uvicorn", "--port", "{port}", "star:app"], "/{name}", "/api/users/{id}"),
    "flask": (["-m", "flask", "--app", "flasky", "run", "--port", "{port}"], "/<path:name>", "/api/users/<id>"),
    "django": (["manage.py", "runserver", "{port}"], "/<name>", "/api/users/<int:id>"),
    "django, asgi": (
        ["-m", "uvicorn", "--port", "{port}", "django_asgi:application"],
        "/<name>",
        "/api/users/<int:id>",
    ),
}
"""How each is started, and what it calls its routes."""


def find_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def ask(port: int, path: str) -> str | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=60) as answer:
            return answer.read().decode()
    except OSError:  # not there yet
        return None


@pytest.mark.parametrize("server", SERVERS)
def test_server_answers_and_ends_as_plainly(programs, same, server):
    port = find_port()
    folder = programs.write(WSGI, "wsgi.py", asgi=ASGI, flask_app=FLASK)
    answers: list[list[str]] = []

    def use(pid: int) -> None:
        wait_for(lambda: ask(port, "ready"))
        time.sleep(IDLE)
        answers.append([ask(port, f"page{number}") for number in range(40)])
        time.sleep(IDLE)
        # Flask's reloader does not end by SIGTERM what it started; as from a terminal, all get the signal.
        below = [child for child, line in list_children(pid) if server.startswith("flask")]
        for each in [*below, pid]:
            os.kill(each, signal.SIGINT if server.startswith("flask") else signal.SIGTERM)

    words = [word.format(port=port) for word in SERVERS[server]]
    outcomes = programs.serve(folder, *words, use=use)
    assert answers[0] == answers[1]
    assert answers[0][7].startswith("/page7 ")
    same(outcomes, f"{TIMES}|{PIDS}|:{port}|:[0-9]{{5}} |PIN: [-0-9]+", ordered=False)
    assert_idle(outcomes[1].ran)
    assert outcomes[1].ran.find_functions("work"), outcomes[1].ran.words
    requests = {route["name"]: route["requests"] for route in outcomes[1].ran.report["routes"]}
    # A program of one's own that starts a server is not known to be one.
    assert requests.get("GET /{}", 0) == (0 if server.startswith("flask") else 40), requests


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_routes_are_those_of_the_framework(programs, framework):
    words, page, user = FRAMEWORKS[framework]
    port = find_port()
    flasky = f"from flask import request\n{FLASK}\n@app.route('/api/users/<id>')\ndef user(id):\n    "
    flasky += "return show(request.path[1:])\n"
    modules = {"star": STARLETTE, "manage": MANAGE, "manage_settings": DJANGO, "flasky": flasky}
    modules["django_asgi"] = DJANGO_ASGI
    folder = programs.write(WSGI, "wsgi.py", **modules)

    def use(pid: int) -> None:
        wait_for(lambda: ask(port, "ready"))
        answers = [ask(port, path) for number in range(20) for path in (f"page{number}", f"api/users/{number}")]
        assert all(answers), answers
        time.sleep(IDLE)
        for each in [*(child for child, _ in list_children(pid)), pid]:
            os.kill(each, signal.SIGINT)

    outcomes = programs.serve(folder, *[word.format(port=port) for word in words], use=use)
    ran = outcomes[1].ran
    routes = {route["name"]: route for route in ran.report["routes"]}
    assert routes[f"GET {user}"]["requests"] == 20, (routes, ran.words)
    assert routes[f"GET {page}"]["requests"] >= 20
    assert routes[f"GET {user}"]["share"] > 0 and routes[f"GET {user}"]["function"] in ("user", "slow", "show")
    assert b"whet-request" not in ran.stderr and "<whet" not in ran.words


def assert_idle(ran: Ran) -> None:
    """Assert that what stood ready for work is neither listed as waiting nor advised upon."""
    waiting: Counter[tuple[int, str, str]] = Counter()
    for profile in load_run(find_run(None, ran.folder)).profiles:
        for samples in profile.samples:
            if samples.metric is Metric.WAITING:
                for row, value in zip(samples.stack, samples.value, strict=True):
                    if row != ROOT:
                        frame = profile.frames[profile.stacks.frame[row]]
                        waiting[profile.threads[samples.thread].pid, frame.file, frame.name] += value
    assert {place: value for place, value in waiting.items() if value > IDLE * 1e9} == {}
    if ran.knows_waiting:
        assert not [each for each in ran.report["functions"] if each["waiting_seconds"] > 0.2 * IDLE], ran.words
    assert not [each for each in ran.report["advice"] if "wait" in each["title"].lower()], ran.words


TASKS = """
import os
from celery import Celery
from busy import burn

app = Celery("tasks")
app.conf.update(
    broker_url="filesystem://",
    broker_transport_options={"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"},
    result_backend="file://" + os.path.abspath("results"),
    worker_hijack_root_logger=False,
)

@app.task
def square(number):
    burn(0.05)
    return number * number
"""
SEND = """
from tasks import square
sent = [square.delay(number) for number in range(12)]
print([each.get(timeout=120, interval=0.05) for each in sent])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_celery_worker_does_all_tasks(programs, number):
    folder = programs.write(TASKS, "tasks.py", send=SEND, busy=BUSY)
    said: list[bytes] = []

    def use(pid: int) -> None:
        for name in "queue", "results", "control":
            (folder / name).mkdir(exist_ok=True)
        sending = [programs.python, "send.py"]
        said.append(subprocess.check_output(sending, cwd=folder, env=make_environment(), timeout=200))
        time.sleep(IDLE)
        os.kill(pid, number)

    for name in "queue", "results", "control":
        (folder / name).mkdir()
    words = ["-m", "celery", "-A", "tasks", "worker", "--pool", "prefork", "--concurrency", "3", "--loglevel", "INFO"]
    plain, whet = programs.serve(folder, *words, use=use)
    assert said[0] == said[1] == f"{[each * each for each in range(12)]}\n".encode()
    assert whet.ran.status == plain.ran.status, whet.ran.words
    kinds = [sorted(name.split("/")[0] for name in each.files) for each in (plain, whet)]
    assert kinds[0] == kinds[1]
    done = [each.ran.stdout + each.ran.stderr for each in (plain, whet)]
    assert [text.count(b" succeeded in ") for text in done] == [12, 12], whet.ran.words
    assert [text.count(b"Traceback") for text in done] == [0, 0], whet.ran.words
    assert whet.ran.find_functions("square"), whet.ran.words
    assert_idle(whet.ran)
