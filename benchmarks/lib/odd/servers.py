"""Servers from the index, and what else starts processes of its own and runs until it is told to end."""

from __future__ import annotations

from collections.abc import Iterator

from lib.odd.program import Program

ASKED = {
    "serve.py": """
        from busy import burn
        async def app(scope, receive, send):
            if scope["type"] == "lifespan":
                while (await receive())["type"] != "lifespan.shutdown":
                    await send({"type": "lifespan.startup.complete"})
                await send({"type": "lifespan.shutdown.complete"})
                return
            burn(0.01)
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
            await send({"type": "http.response.body", "body": b"answer"})
        def wsgi(environ, start):
            burn(0.01)
            start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
            return [b"answer"]
        """,
    "flasky.py": """
        import sys
        from busy import burn
        from flask import Flask
        app = Flask(__name__)
        @app.route("/")
        def page(): burn(0.01); return "answer"
        if __name__ == "__main__": app.run(port=int(sys.argv[1]), debug="debug" in sys.argv)
        """,
    "manage.py": """
        import sys
        from busy import burn
        from django.conf import settings
        from django.core.management import execute_from_command_line
        from django.http import HttpResponse
        from django.urls import path
        settings.configure(DEBUG=True, ROOT_URLCONF=__name__, SECRET_KEY="x", DATABASES={})
        urlpatterns = [path("", lambda request: (burn(0.01), HttpResponse("answer"))[1])]
        execute_from_command_line(sys.argv)
        """,
    "web.py": """
        import sys
        from aiohttp import web
        from busy import burn
        async def page(request): burn(0.01); return web.Response(text="answer")
        app = web.Application()
        app.router.add_get("/", page)
        web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
        """,
    "torn.py": """
        import sys, tornado.httpserver, tornado.ioloop, tornado.web
        from busy import burn
        class Page(tornado.web.RequestHandler):
            def get(self): burn(0.01); self.write("answer")
        server = tornado.httpserver.HTTPServer(tornado.web.Application([("/", Page)]))
        server.bind(int(sys.argv[1]), "127.0.0.1"); server.start(1)
        tornado.ioloop.IOLoop.current().start()
        """,
    "sane.py": """
        import sys
        from busy import burn
        from sanic import Sanic, text
        app = Sanic("sane", configure_logging=False)
        @app.get("/")
        async def page(request): burn(0.01); return text("answer")
        if __name__ == "__main__": app.run("127.0.0.1", int(sys.argv[1]), workers=2, motd=False)
        """,
    "ask.py": """
        import sys, time, urllib.request
        for _ in range(600):
            try: print([urllib.request.urlopen(sys.argv[1]).read() for _ in range(5)]); break
            except OSError: time.sleep(0.1)
        """,
}
SERVE = '"$@" 2>errors & python3 ask.py http://127.0.0.1:{0}/; sleep 0.2; kill -{1} $!; wait $!; echo $?; rm errors'
"""Bash lets what it starts in the background ignore SIGINT: that ends only a server that handles it itself."""
HANDLE_SIGINT = ("uvicorn", "gunicorn", "hypercorn", "aiohttp")
FIRST_PORT = 18_431
UVICORN = ("-m", "uvicorn", "--log-level", "error", "--port", "{port}", "serve:app")
GUNICORN = ("-m", "gunicorn", "--log-level", "critical", "-b", "127.0.0.1:{port}", "serve:wsgi")
SERVERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "uvicorn": (("uvicorn",), UVICORN),
    "uvicorn on uvloop": (("uvicorn", "uvloop"), (*UVICORN, "--loop", "uvloop")),
    "uvicorn, workers": (("uvicorn",), (*UVICORN, "--workers", "2")),
    "uvicorn, reload": (("uvicorn",), (*UVICORN, "--reload")),
    "gunicorn": (("gunicorn",), GUNICORN),
    "gunicorn, preload": (("gunicorn",), (*GUNICORN, "--preload", "--workers", "2")),
    "gunicorn, threads": (("gunicorn",), (*GUNICORN, "--worker-class", "gthread", "--threads", "3")),
    "gunicorn, gevent": (("gunicorn", "gevent"), (*GUNICORN, "--worker-class", "gevent")),
    "gunicorn, max requests": (("gunicorn",), (*GUNICORN, "--max-requests", "2", "--workers", "2")),
    "hypercorn": (("hypercorn",), ("-m", "hypercorn", "--bind", "127.0.0.1:{port}", "serve:app")),
    "waitress": (("waitress",), ("-m", "waitress", "--listen", "127.0.0.1:{port}", "serve:wsgi")),
    "flask": (("flask",), ("flasky.py", "{port}")),
    "flask's command": (("flask",), ("-m", "flask", "--app", "flasky", "run", "--port", "{port}")),
    "django": (("django",), ("manage.py", "runserver", "--noreload", "{port}")),
    "aiohttp": (("aiohttp",), ("web.py", "{port}")),
    "tornado": (("tornado",), ("torn.py", "{port}")),
    "sanic": (("sanic",), ("sane.py", "{port}")),
}
CELERY = {
    "tasks.py": """
        import os
        from busy import burn
        from celery import Celery
        app = Celery("tasks", broker="filesystem://", backend="file://results")
        app.conf.broker_transport_options = {"data_folder_in": "queue", "data_folder_out": "queue",
                                             "control_folder": "control"}
        for folder in "queue", "control", "results": os.makedirs(folder, exist_ok=True)
        @app.task
        def add(a, b): burn(0.05); return a + b
        @app.task
        def fail(): burn(0.05); raise ValueError("failed")
        """,
    "send.py": """
        import shutil
        from tasks import add, fail
        results = [add.delay(number, number) for number in range(6)]
        failed = fail.delay()
        print([each.get(timeout=60) for each in results], failed.get(timeout=60, propagate=False))
        """,
}
WORKER = (
    "-m",
    "celery",
    "-A",
    "tasks",
    "--quiet",
    "worker",
    "--loglevel",
    "CRITICAL",
    "--without-mingle",
    "--without-gossip",
)
WORK = (
    '"$@" >said 2>errors & python3 send.py; kill -TERM $!; wait $!; echo $?; rm -rf said errors queue control results'
)


def make() -> Iterator[Program]:
    """Yield the programs of this family."""
    port = FIRST_PORT
    for name, (needs, words) in SERVERS.items():
        for stop in ("TERM", "INT") if name.startswith(HANDLE_SIGINT) else ("TERM",):
            port += 1
            yield Program(
                "servers",
                f"{name}, SIG{stop}",
                files=ASKED,
                words=tuple(word.format(port=port) for word in words),
                shell=SERVE.format(port, stop),
                needs=needs,
            )
    for pool in ("prefork", "solo", "threads", "gevent"):
        needs = ("celery", "gevent") if pool == "gevent" else ("celery",)
        words = (*WORKER, "--pool", pool, "--concurrency", "2")
        yield Program("servers", f"celery's worker, {pool}", files=CELERY, words=words, shell=WORK, needs=needs)
