"""Programs that frameworks from the index run."""

from __future__ import annotations

import re
import textwrap
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
    "typer": (("typer",), "import typer\napp = typer.Typer(pretty_exceptions_enable=False)\n@app.command()\ndef main(count: int = 3):\n    burn()\n    for x in range(count): typer.secho(f'{x}', fg='red')\n    raise typer.Exit(4)\napp()\n"),
    "typer's traceback": (("typer",), "import typer\ndef main(n: int = 3):\n    burn()\n    return 1 / (n - 3)\ntyper.run(main)\n"),
    "fire": (("fire",), "import fire\ndef main(n=3):\n    burn()\n    return list(range(n))\nfire.Fire(main)\n"),
    "bottle": (("bottle",), "import bottle, io\napp = bottle.Bottle()\n@app.route('/<n:int>')\ndef page(n): burn(0.02); return {'n': n}\nprint([list(app({'PATH_INFO': f'/{n}', 'REQUEST_METHOD': 'GET', 'wsgi.errors': io.StringIO()}, lambda *a: None)) for n in range(5)])\n"),
    "anyio": (("anyio",), "import anyio\nfrom anyio import to_process, to_thread\nasync def main():\n    async with anyio.create_task_group() as group:\n        for n in range(3): group.start_soon(anyio.sleep, 0.01)\n    burn()\n    print(await to_thread.run_sync(sum, [1, 2]), await to_process.run_sync(sum, [3, 4]))\nif __name__ == '__main__': anyio.run(main)\n"),
    "uvloop's signals": (("uvloop",), "import asyncio, os, signal, uvloop\nasync def main():\n    told = asyncio.Event()\n    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, told.set)\n    os.kill(os.getpid(), signal.SIGUSR1); await told.wait(); burn()\n    print(await asyncio.to_thread(sum, [1, 2]))\n    raise KeyError('end')\nuvloop.run(main())\n"),
    "nest_asyncio": (("nest_asyncio",), "import asyncio, nest_asyncio\nnest_asyncio.apply()\nasync def inner(): await asyncio.sleep(0.01); burn(); return 5\nasync def outer(): return asyncio.get_event_loop().run_until_complete(inner())\nprint(asyncio.run(outer()))\n"),
    "freezegun": (("freezegun",), "import freezegun, datetime, time\nburn()\nwith freezegun.freeze_time('2020-01-02', ignore=['busy']) as frozen:\n    print(datetime.datetime.now(), time.time()); frozen.tick(5); print(time.monotonic() > 0, time.localtime().tm_sec)\nburn()\n"),
    "time-machine": (("time-machine",), "import time, time_machine\nburn()\nwith time_machine.travel(5.0, tick=False): print(time.time(), time.gmtime().tm_year, time.time_ns())\nburn()\nprint(time.time() > 1e9)\n"),
    "setproctitle": (("setproctitle",), "import os, setproctitle, sys\nburn()\nsetproctitle.setproctitle('another title')\nburn()\nprint(setproctitle.getproctitle(), open('/proc/self/cmdline').read().strip(chr(0)), sys.argv)\n"),
    "multiprocess": (("multiprocess",), "import multiprocess\ndef main():\n    k = 3\n    with multiprocess.Pool(2) as pool: print(pool.map(lambda n: (burn(0.02), n * k)[1], range(6)))\nif __name__ == '__main__': main()\n"),
    "pebble": (("pebble",), "import pebble, time\nif __name__ == '__main__':\n    with pebble.ProcessPool(2) as pool:\n        futures = [pool.schedule(sum, args=([n],)) for n in range(5)]; burn()\n        late = pool.schedule(time.sleep, args=(60,), timeout=0.5)\n        print([f.result() for f in futures], type(late.exception()).__name__)\n"),
    "loky, killed": (("joblib",), "from joblib.externals import loky\nimport os, signal\ndef end(n): os.kill(os.getpid(), signal.SIGKILL)\nif __name__ == '__main__':\n    pool = loky.get_reusable_executor(2)\n    print(list(pool.map(abs, [-1, 2]))); burn()\n    try: pool.submit(end, 1).result()\n    except Exception as error: print(type(error).__name__)\n"),
    "pyinstrument": (("pyinstrument",), "import pyinstrument\nwith pyinstrument.Profiler() as profiler: burn(0.2)\nprint('burn' in profiler.output_text())\n"),
    "yappi": (("yappi",), "import yappi\nyappi.start(); burn(); yappi.stop()\nprint([s.ncall for s in yappi.get_func_stats() if s.name == 'burn'], [t.name for t in yappi.get_thread_stats()])\n"),
    "viztracer": (("viztracer",), "import viztracer, json\nwith viztracer.VizTracer(output_file='trace.tmp.json', verbose=0): print(len([n for n in range(5)])); sorted([3, 1], key=lambda n: n)\nnames = {e['name'].split(' (')[0] for e in json.load(open('trace.tmp.json'))['traceEvents'] if e['ph'] == 'X'}\nprint(sorted(names))\nimport os; os.remove('trace.tmp.json'); burn()\n"),
    "line_profiler": (("line_profiler",), "import line_profiler, late\np = line_profiler.LineProfiler(late.f)\np.runcall(late.f); burn()\n(rows,) = p.get_stats().timings.values()\nprint([row[:2] for row in rows])\n"),
    "debugpy": (("debugpy",), "import os; os.environ['PYDEVD_DISABLE_FILE_VALIDATION'] = '1'\nimport debugpy, sys\ndebugpy.listen(('127.0.0.1', 0)); burn()\nprint(debugpy.is_client_connected())\n"),
    "typeguard's hook": (("typeguard",), "import typeguard\ntypeguard.install_import_hook('hinted')\nimport hinted\nburn(); print(hinted.add(1, 2))\nhinted.add('a', 'b')\n"),
    "beartype's hook": (("beartype",), "from beartype.claw import beartype_package\nbeartype_package('hinted')\nimport hinted\nburn(); print(hinted.add(1, 2))\ntry: hinted.add('a', 'b')\nexcept Exception as e: print(type(e).__name__)\n"),
    "sentry": (("sentry-sdk",), "import sentry_sdk, sentry_sdk.transport, threading\nclass Nowhere(sentry_sdk.transport.Transport):\n    def capture_envelope(self, envelope): pass\nsent = []\nsentry_sdk.init(transport=Nowhere, dsn='http://a@127.0.0.1:9/1', before_send=lambda event, hint: sent.append(event), traces_sample_rate=1.0, profiles_sample_rate=1.0, before_send_transaction=lambda e, h: None)\nwith sentry_sdk.start_transaction(name='x'): burn(0.2)\nt = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()\nprint(len(sent), sent[0]['exception']['values'][0]['type'])\n1 / 0\n"),
    "better_exceptions": (("better_exceptions",), "import better_exceptions\nbetter_exceptions.hook()\nburn()\ndef f(a): return a / (a - 5)\nf(5)\n"),
    "tqdm": (("tqdm",), "import sys\nfrom tqdm.contrib.concurrent import thread_map\nfrom tqdm import tqdm\ndef f(n): burn(0.01); return n\nprint(thread_map(f, range(5), max_workers=2, disable=True), list(tqdm(range(3), file=sys.stdout, bar_format='{n_fmt}/{total_fmt}')))\n"),
    "apscheduler": (("apscheduler",), "from apscheduler.schedulers.background import BackgroundScheduler\nimport threading\ntold, done = [], threading.Event()\ndef job():\n    burn(0.02); told.append(1)\n    if len(told) == 3: done.set()\ns = BackgroundScheduler(); s.start(); s.add_job(job, 'interval', seconds=0.1, max_instances=9)\nprint(done.wait(30)); s.shutdown()\n"),
    "hypothesis": (("hypothesis",), "from hypothesis import given, settings, strategies as st\n@settings(derandomize=True, database=None, max_examples=200)\n@given(st.lists(st.integers()))\ndef test(values): assert sum(values) < 1000, values\nburn()\ntest()\n"),
    "zmq": (("pyzmq",), "import threading, zmq\nc = zmq.Context()\na, b = c.socket(zmq.PAIR), c.socket(zmq.PAIR)\na.bind('inproc://x'); b.connect('inproc://x')\ndef serve():\n    while (m := b.recv()) != b'end': burn(0.02); b.send(m * 2)\nt = threading.Thread(target=serve); t.start()\nfor n in range(5): a.send(b'%d' % n); print(a.recv())\na.send(b'end'); t.join()\n"),
    "cffi": (("cffi",), "import cffi\nffi = cffi.FFI(); ffi.cdef('void qsort(void *, size_t, size_t, int (*)(const void *, const void *));')\nlib = ffi.dlopen(None); a = ffi.new('int[]', [3, 1, 2])\n@ffi.callback('int(const void *, const void *)')\ndef compare(x, y): burn(0.01); return ffi.cast('int *', x)[0] - ffi.cast('int *', y)[0]\nlib.qsort(a, 3, 4, compare); print(list(a))\n"),
    "polars": (("polars",), "import polars\nburn()\nf = polars.DataFrame({'a': range(5000), 'b': [n % 7 for n in range(5000)]})\nprint(f.group_by('b').agg(polars.col('a').sum()).sort('b').to_dicts(), f.select(polars.col('a').map_elements(lambda n: n * 2, return_dtype=polars.Int64).sum()).item())\n"),
    "numba, cached": (("numba",), "import numba\n@numba.njit(cache=False, nogil=True)\ndef f(n):\n    s = 0\n    for i in range(n): s += i % 7\n    return s\nfrom concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(3) as pool: print(list(pool.map(f, [10 ** 6] * 6)))\nburn()\n@numba.njit\ndef g(n): return 1 // n\ng(0)\n"),
    "numba's callback": (("numba",), "import numba, ctypes\n@numba.cfunc('int64(int64)')\ndef f(n): return n * 2\n@numba.vectorize\ndef v(a, b): return a + b\n@numba.njit\ndef g(n):\n    with numba.objmode(r='int64'): r = slow(n)\n    return r\ndef slow(n): burn(0.05); return n + 1\nimport numpy\nprint(f.ctypes(5), v(numpy.arange(3), 2), g(5))\n"),
    "gevent's hub": (("gevent",), "import gevent, gevent.event, gevent.signal, os, signal\ntold = gevent.event.Event()\ngevent.signal_handler(signal.SIGUSR1, told.set)\nburn(); os.kill(os.getpid(), signal.SIGUSR1); told.wait()\nprint(gevent.get_hub().threadpool.apply(sum, ([1, 2],)))\ng = gevent.spawn(lambda: 1 / 0); g.join(); print(type(g.exception).__name__, gevent.spawn(gevent.sleep, 60).ready())\n"),
    "gevent's fork": (("gevent",), "from gevent import monkey; monkey.patch_all()\nimport os, subprocess, sys, gevent\nburn()\nprint(subprocess.check_output([sys.executable, '-c', 'print(5)']), flush=True)\nif not (pid := os.fork()): gevent.sleep(0.01); burn(0.02); os._exit(6)\nprint(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"),
    "eventlet": (("eventlet",), "import eventlet; eventlet.monkey_patch()\nimport eventlet.tpool, socket, threading, time\ndef work(n): burn(0.01); time.sleep(0.01); return n * 2\npool = eventlet.GreenPool(3)\nprint(list(pool.imap(work, range(6))), eventlet.tpool.execute(sum, [1, 2]))\n"),
    "django, asynchronous": (("django",), "import asyncio, django\nfrom django.conf import settings\nsettings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=['*'], SECRET_KEY='x', DATABASES={'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}})\ndjango.setup()\nfrom asgiref.sync import sync_to_async\nfrom django.http import HttpResponse\nfrom django.test import AsyncClient\nfrom django.urls import path\nasync def page(request, n): await sync_to_async(burn)(0.02); return HttpResponse(str(n))\nurlpatterns = [path('<int:n>/', page)]\nasync def main(): print([(await AsyncClient().get(f'/{n}/')).content for n in range(5)])\nasyncio.run(main())\n"),
    "django's tests": (("django",), "import sys, django, unittest\nfrom django.conf import settings\nsettings.configure(SECRET_KEY='x', INSTALLED_APPS=[], DATABASES={'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}})\ndjango.setup()\nfrom django.test import TestCase\nfrom django.test.runner import DiscoverRunner\nclass T(TestCase):\n    def test_a(self): burn()\n    def test_b(self): self.assertEqual(1, 2)\nrunner = DiscoverRunner(verbosity=0, timing=False)\nsuite = unittest.defaultTestLoader.loadTestsFromTestCase(T)\nrunner.setup_databases(); r = runner.run_suite(suite, stream=sys.stdout)\nprint(len(r.failures)); sys.exit(len(r.failures))\n"),
    "flask's command": (("flask",), "import flask\nfrom flask.cli import FlaskGroup\ndef create(): \n    app = flask.Flask('prog')\n    @app.cli.command('work')\n    def work(): burn(); print('worked', flask.current_app.name)\n    return app\nFlaskGroup(create_app=create)(['work'])\n"),
    "starlette, threads": (("fastapi", "httpx"), "from fastapi import BackgroundTasks, FastAPI\nfrom fastapi.testclient import TestClient\napp = FastAPI()\ntold = []\n@app.get('/{n}')\ndef page(n: int, tasks: BackgroundTasks): burn(0.02); tasks.add_task(told.append, n); return n\n@app.websocket('/ws/socket')\nasync def ws(socket): await socket.accept(); await socket.send_text('hello'); await socket.close()\nwith TestClient(app) as client: print([client.get(f'/{n}').json() for n in range(5)], told, client.get('/x').status_code)\n"),
    "twisted's processes": (("twisted",), "import sys\nfrom twisted.internet import reactor, utils\nburn()\nd = utils.getProcessOutputAndValue(sys.executable, ['-c', 'import sys; print(5); sys.exit(3)'])\nd.addBoth(lambda r: (print(r), reactor.stop()))\nreactor.run()\n"),
    "twisted on asyncio": (("twisted",), "import asyncio\nfrom twisted.internet import asyncioreactor\nasyncioreactor.install()\nfrom twisted.internet import defer, reactor, task\nasync def main(): await defer.Deferred.fromFuture(asyncio.ensure_future(asyncio.sleep(0.01, 5))); burn(); return 5\ndefer.ensureDeferred(main()).addCallback(print).addCallback(lambda _: reactor.stop())\nreactor.run()\n"),
    "tornado's processes": (("tornado",), "import os, tornado.process\nburn()\nn = tornado.process.fork_processes(2, max_restarts=0)\nburn(0.05); open(f'child{n}', 'w').close()\n"),
    "dask, processes": (("dask",), "import dask, dask.bag\ndef f(n): return n * n\nif __name__ == '__main__':\n    with dask.config.set(num_workers=2): print(dask.compute(*[dask.delayed(f)(n) for n in range(6)], scheduler='processes'), dask.bag.from_sequence(range(6)).map(f).sum().compute(scheduler='sync'))\n    burn()\n"),
    "IPython": (("ipython",), "import os; os.mkdir('ip'); os.environ['IPYTHONDIR'] = os.path.abspath('ip')\nfrom IPython.core.interactiveshell import InteractiveShell\ns = InteractiveShell(colors='nocolor')\ns.run_cell('from busy import burn\\nburn()\\nx = 5\\nx + 1'); print(s.user_ns['_'])\ns.run_cell('%timeit -n1 -r1 -q pass'); s.history_manager.end_session()\nimport shutil; shutil.rmtree('ip', ignore_errors=True)\n"),
    "jinja2": (("jinja2",), "import jinja2\nburn()\nt = jinja2.Environment(loader=jinja2.DictLoader({'a.html': '{% for x in xs %}\\n{{ 1 // x }}\\n{% endfor %}'})).get_template('a.html')\nprint(t.render(xs=[1, 2]))\nt.render(xs=[0])\n"),
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


def make() -> Iterator[Program]:
    """Yield the programs of this family."""
    vary = r"in \d+\.\d+s|=+|rootdir.*|\d{4}-\d\d-\d\dT[\d:]+Z"
    late = {
        "late.py": "def f():\n    total = 0\n    for n in range(10):\n        total += n\n    return total\n",
        "hinted.py": "def add(a: int, b: int) -> int:\n    return a + b\n",
    }
    for name, (needs, text) in TEXTS.items():
        # What patches the standard library does so before anything imports it.
        whole = re.sub(r"\A(\n?(?:.*monkey.*\n)*)", r"\1from busy import burn\n", textwrap.dedent(text))
        yield Program("frameworks", name, whole, late, needs=needs, vary=vary)
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
