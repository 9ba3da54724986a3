"""What timing requests costs a server: CPU seconds per request with and without it, interleaved.

    python benchmarks/services.py [--python PYTHON] [--rounds N] [--requests N]

The interpreter needs uvicorn, starlette and flask. Each round calls an application that answers with a few bytes, the
worst case for an overhead, by way of the framework, in one process, alternately as it is and timed. Printed are the
medians, and their ratio with the quartiles over rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

INSIDE = Path(__file__).parents[1] / "src" / "whet" / "inprocess"
PROGRAM = """
import asyncio, json, sys, tempfile, time, types
folder, rounds, requests = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
package = types.ModuleType("_whet_inprocess")
package.__path__ = [folder]
sys.modules["_whet_inprocess"] = package
from _whet_inprocess.requests import applications, counts
from flask import Flask
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from werkzeug.test import create_environ

async def hello(request):
    return PlainTextResponse("hello")

star = Starlette(routes=[Route("/users/{id}", hello)])
flask = Flask(__name__)
flask.route("/users/<id>")(lambda id: "hello")
kept = counts.Counts(tempfile.mkdtemp() + "/requests")

async def send(message):
    pass

def ask_asgi(app):
    async def drive():
        for number in range(requests):
            scope = {"type": "http", "method": "GET", "path": f"/users/{number % 100}", "headers": [], "root_path": "",
                     "query_string": b""}
            await app(scope, None, send)
    asyncio.run(drive())

environ = create_environ("/users/3")

def ask_wsgi(app):
    for number in range(requests):
        body = app(dict(environ), lambda *_: None)
        for part in body:
            pass
        body.close()

def time_one(ask, app):
    began = time.process_time_ns()
    ask(app)
    return (time.process_time_ns() - began) / requests

found = {"starlette": [], "flask": []}
for _ in range(rounds):
    for name, ask, app, wrap in (
        ("starlette", ask_asgi, star, applications.AsgiApplication),
        ("flask", ask_wsgi, flask, applications.WsgiApplication),
    ):
        found[name].append([time_one(ask, app), time_one(ask, wrap(app, kept))])
print(json.dumps(found))
"""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--requests", type=int, default=1_000)
    asked = parser.parse_args()
    command = [asked.python, "-c", PROGRAM, str(INSIDE), str(asked.rounds), str(asked.requests)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for name, pairs in found.items():
        plain, timed = (statistics.median(each[side] for each in pairs) for side in (0, 1))
        low, middle, high = statistics.quantiles([after / before for before, after in pairs], n=4)
        print(
            f"{name}: {plain / 1000:.0f} µs of CPU a request plain, {timed / 1000:.0f} µs timed: "
            f"{middle:.2f}x [{low:.2f}, {high:.2f}]"
        )


if __name__ == "__main__":
    main()
