"""Programs that frameworks from the index run."""

from __future__ import annotations

from collections.abc import Iterator

from lib.odd.program import Program

TEXTS: dict[str, tuple[tuple[str, ...], str]] = {
    "gevent": (
        ("gevent",),
        """
        from gevent import monkey
        monkey.patch_all()
        import gevent, gevent.pool, queue, socket, threading, time
        jobs, told = queue.Queue(), []
        def work():
            while (number := jobs.get()) is not None:
                burn(0.01); time.sleep(0.002); told.append(number)
        threads = [threading.Thread(target=work) for _ in range(4)]
        for each in threads: each.start()
        for number in range(20): jobs.put(number)
        for each in threads: jobs.put(None)
        for each in threads: each.join()
        print(sorted(told), gevent.pool.Pool(3).map(lambda n: n * 2, range(5)), threading.active_count())
        """,
    ),
    "greenlet": (
        ("greenlet",),
        """
        import greenlet
        def ping(number):
            while number: burn(0.002); number = other.switch(number - 1)
            return "end"
        def pong(number):
            while True: burn(0.002); number = one.switch(number - 1)
        one, other = greenlet.greenlet(ping), greenlet.greenlet(pong)
        print(one.switch(40), other.dead)
        """,
    ),
    "celery, eager": (
        ("celery",),
        """
        import celery
        app = celery.Celery("app", broker="memory://", backend="cache+memory://")
        app.conf.task_always_eager = True
        @app.task
        def add(a, b): burn(0.05); return a + b
        print(celery.group(add.s(n, n) for n in range(5))().get(), add.apply(args=(1, "x")).state)
        """,
    ),
    "celery's worker": (
        ("celery",),
        """
        import celery, threading, time
        from celery.contrib.testing.worker import start_worker
        app = celery.Celery("app", broker="memory://", backend="cache+memory://")
        @app.task
        def add(a, b): burn(0.05); return a + b
        with start_worker(app, pool="solo", perform_ping_check=False, loglevel="CRITICAL"):
            print([add.delay(n, n).get(timeout=60) for n in range(3)])
        """,
    ),
    "numba": (
        ("numba",),
        """
        import numba, numpy
        @numba.njit
        def total(values):
            result = 0.0
            for value in values: result += value % 7
            return result
        @numba.njit(parallel=True)
        def squares(count):
            result = 0
            for index in numba.prange(count): result += index * index
            return result
        print(total(numpy.arange(1e6)), squares(1000), total.py_func(range(10)), total.signatures)
        """,
    ),
    "numpy": (("numpy",), "import numpy\nburn()\na = numpy.arange(10 ** 6).reshape(1000, 1000)\nprint((a @ a).sum(), numpy.linalg.det(numpy.eye(50)))\n"),
    "pandas": (("pandas",), "import pandas\nburn()\nf = pandas.DataFrame({'a': range(5000), 'b': [n % 7 for n in range(5000)]})\nprint(f.groupby('b').sum(), f.apply(lambda r: r.a + r.b, axis=1).sum())\n"),
    "flask": (
        ("flask",),
        """
        import flask
        app = flask.Flask(__name__)
        @app.route("/<int:number>")
        def page(number): burn(0.02); return {"number": number}
        client = app.test_client()
        print([client.get(f"/{n}").json for n in range(5)], client.get("/x").status)
        """,
    ),
    "django": (
        ("django",),
        """
        import django
        from django.conf import settings
        settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", DATABASES={})
        django.setup()
        from django.http import HttpResponse
        from django.test import Client
        from django.urls import path
        urlpatterns = [path("<int:n>/", lambda request, n: (burn(0.02), HttpResponse(n))[1])]
        print([Client().get(f"/{n}/").content for n in range(5)])
        """,
    ),
    "fastapi": (
        ("fastapi", "httpx"),
        """
        import asyncio, fastapi, httpx
        app = fastapi.FastAPI()
        @app.get("/{number}")
        def page(number: int): burn(0.02); return {"number": number}
        async def main():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
                for number in range(5): print((await client.get(f"/{number}")).json())
        asyncio.run(main())
        """,
    ),
    "aiohttp": (
        ("aiohttp",),
        """
        import asyncio, aiohttp
        from aiohttp import web
        async def page(request): burn(0.02); return web.json_response({"path": request.path})
        async def main():
            app = web.Application(); app.router.add_get("/{x}", page)
            runner = web.AppRunner(app); await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0); await site.start()
            port = runner.addresses[0][1]
            async with aiohttp.ClientSession() as session:
                for number in range(5):
                    async with session.get(f"http://127.0.0.1:{port}/{number}") as answer: print(await answer.json())
            await runner.cleanup()
        asyncio.run(main())
        """,
    ),
    "tornado": (("tornado",), "import asyncio\nfrom tornado import gen, ioloop\nasync def f():\n    await gen.sleep(0.01); burn()\n    return 5\nprint(ioloop.IOLoop.current().run_sync(f))\n"),
    "trio": (("trio",), "import trio\nasync def child(n, out):\n    await trio.sleep(0.01); burn(0.02); out.append(n)\nasync def main():\n    out = []\n    async with trio.open_nursery() as nursery:\n        for n in range(5): nursery.start_soon(child, n, out)\n    print(sorted(out), await trio.to_thread.run_sync(sum, [1, 2]))\ntrio.run(main)\n"),
    "twisted": (("twisted",), "from twisted.internet import defer, reactor, task, threads\ndef done(r): print(r); reactor.stop()\nburn()\ndefer.gatherResults([task.deferLater(reactor, 0.01, lambda: 1), threads.deferToThread(sum, [1, 2])]).addCallback(done)\nreactor.run()\n"),
    "uvloop": (("uvloop",), "import asyncio, sys, uvloop\nasync def main():\n    p = await asyncio.create_subprocess_exec(sys.executable, '-c', 'print(5)'); await p.wait(); burn()\n    print(type(asyncio.get_running_loop()).__module__)\nuvloop.run(main())\n"),
    "sqlalchemy": (("sqlalchemy",), "import sqlalchemy as s\ne = s.create_engine('sqlite://')\nt = s.Table('t', s.MetaData(), s.Column('n', s.Integer))\nt.create(e)\nwith e.begin() as c:\n    c.execute(t.insert(), [{'n': n} for n in range(500)]); burn()\n    print(c.execute(s.select(s.func.sum(t.c.n))).scalar())\n"),
    "pydantic": (("pydantic",), "import pydantic\nclass M(pydantic.BaseModel):\n    a: int\n    b: list[str] = []\nburn()\nprint(M(a='5', b=['x']).model_dump_json())\nM(a='x')\n"),
    "click": (("click",), "import click\n@click.command()\n@click.option('--n', default=3)\ndef main(n):\n    burn()\n    for x in range(n): click.secho(f'{x}', fg='red')\n    raise click.ClickException('no')\nmain()\n"),
    "joblib": (("joblib",), "import joblib\ndef f(n):\n    burn(0.02)\n    return n * n\nif __name__ == '__main__':\n    print(joblib.Parallel(2)(joblib.delayed(f)(n) for n in range(6)))\n"),
    "dask": (("dask",), "import dask\n@dask.delayed\ndef f(n): burn(0.02); return n * n\nprint(dask.compute(*[f(n) for n in range(6)]))\n"),
    "attrs": (("attrs",), "import attrs\n@attrs.define\nclass A:\n    x: int = attrs.field(validator=attrs.validators.instance_of(int))\nburn()\nprint(A(1), A('x'))\n"),
    "cloudpickle": (("cloudpickle",), "import cloudpickle, pickle\ndef outer(k): return lambda v: v * k\nburn()\nprint(pickle.loads(cloudpickle.dumps(outer(3)))(5))\n"),
    "coverage": (("coverage",), "import coverage\nc = coverage.Coverage(data_file=None, config_file=False)\nc.start()\nimport late\nlate.f()\nc.stop()\n(f,) = [x for x in c.get_data().measured_files() if x.endswith('late.py')]\nprint(sorted(c.get_data().lines(f)))\nburn()\n"),
    "rich": (("rich",), "from rich import print, traceback\ntraceback.install(show_locals=True, width=80)\nprint({'a': [1, 2]})\nburn()\n1 / 0\n"),
    "structlog": (("structlog",), "import structlog\nburn()\nstructlog.configure(processors=[structlog.processors.JSONRenderer()])\nstructlog.get_logger().info('event', n=1)\n"),
    "regex": (("regex",), "import regex\nburn()\nprint(regex.findall(r'(?r)\\d+', 'a1b22'))\n"),
    "lxml": (("lxml",), "from lxml import etree\nburn()\nprint(etree.tostring(etree.fromstring('<a><b/></a>')), etree.XPath('//b')(etree.fromstring('<a><b/></a>')))\n"),
    "Pillow": (("pillow",), "from PIL import Image\nburn()\ni = Image.new('RGB', (50, 50), 'red').rotate(45)\ni.save('made.png')\nprint(i.getpixel((25, 25)))\n"),
    "psutil": (("psutil",), "import psutil, sys\nburn()\np = psutil.Process()\nprint(p.status(), len(p.children()), p.cmdline()[1:])\n"),
    "watchdog": (("watchdog",), "import time\nfrom watchdog.events import FileSystemEventHandler\nfrom watchdog.observers import Observer\nclass H(FileSystemEventHandler):\n    def on_created(self, e): seen.append(e.src_path[-4:])\nseen = []\nimport os\nos.mkdir('w'); o = Observer(); o.schedule(H(), 'w'); o.start(); open('w/file', 'w').close()\nfor _ in range(200):\n    if seen: break\n    time.sleep(0.02)\no.stop(); o.join(); burn(); print(set(seen))\n"),
}  # fmt: skip
PYTEST = {
    "test_it.py": """
        import pytest
        from busy import burn
        @pytest.mark.parametrize("number", range(5))
        def test_passes(number, tmp_path): burn(0.02)
        def test_fails(capsys): print("captured"); assert [1, 2] == [1, 3]
        """
}
SERVER = {
    "serve.py": """
        from busy import burn
        async def app(scope, receive, send):
            burn(0.01)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"answer"})
        def wsgi(environ, start):
            burn(0.01); start("200 OK", [("Content-Type", "text/plain")]); return [b"answer"]
        """,
    "ask.py": """
        import os, signal, sys, time, urllib.request
        address = sys.argv[1]
        for _ in range(600):
            try: print([urllib.request.urlopen(address).read() for _ in range(5)]); break
            except OSError: time.sleep(0.1)
        """,
}
SERVE = '"$@" 2>errors & python3 ask.py http://127.0.0.1:{0}/; sleep 0.2; kill -{1} $!; wait $!; echo $?; rm errors'


def make() -> Iterator[Program]:
    """Yield the programs of this family."""
    late = {"late.py": "def f():\n    total = 0\n    for n in range(10):\n        total += n\n    return total\n"}
    for name, (needs, text) in TEXTS.items():
        whole = f"from busy import burn\n{_dedent(text)}"
        if "monkey" in text:
            whole = f"{_dedent(text).split('import gevent,')[0]}from busy import burn\nimport gevent,{_dedent(text).split('import gevent,')[1]}"
        yield Program("frameworks", name, whole, late, needs=needs)
    vary = r"in \d+\.\d+s|=+|rootdir.*"
    yield Program(
        "frameworks",
        "pytest",
        files=PYTEST,
        words=("-m", "pytest", "-p", "no:cacheprovider"),
        needs=("pytest",),
        vary=vary,
    )
    words = ("-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider")
    yield Program(
        "frameworks",
        "pytest-xdist",
        files=PYTEST,
        words=words,
        needs=("pytest", "pytest-xdist"),
        vary=rf"{vary}|\[gw\d\].*|.*%.*",
        ordered=False,
    )
    for stop in ("TERM", "INT"):
        port = 18_431
        words = ("-m", "uvicorn", "--port", str(port), "--log-level", "error", "serve:app")
        yield Program(
            "frameworks",
            f"uvicorn, SIG{stop}",
            files=SERVER,
            words=words,
            shell=SERVE.format(port, stop),
            needs=("uvicorn",),
        )
        words = ("-m", "gunicorn", "-b", f"127.0.0.1:{port}", "serve:wsgi", "--log-level", "critical")
        yield Program(
            "frameworks",
            f"gunicorn, SIG{stop}",
            files=SERVER,
            words=words,
            shell=SERVE.format(port, stop),
            needs=("gunicorn",),
        )


def _dedent(text: str) -> str:
    import textwrap

    return textwrap.dedent(text)
