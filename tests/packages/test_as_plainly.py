"""Programs whose packages look at code, compile it, send it elsewhere or switch stacks.

Each writes, ends and leaves files under ``whet run`` as without it.
"""

from __future__ import annotations

import pytest
from tests.integration.pieces import BUSY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PROGRAMS = {
    "billiard's pool": """
        import billiard
        from busy import burn

        def work(number):
            burn(0.03)
            return number * number

        if __name__ == "__main__":
            burn(0.1)
            with billiard.Pool(3, maxtasksperchild=3) as pool:
                print(pool.map(work, range(20), chunksize=1))
                print([each.get() for each in [pool.apply_async(work, (number,)) for number in range(5)]])
        """,
    "numba": (
        """
        import numpy
        import compat, kernels, numba
        from busy import burn
        burn(0.1)
        values = numpy.arange(2_000_000, dtype=numpy.float64)
        print(kernels.total(values), kernels.squares(1_000), kernels.plain.__name__)
        compiled = numba.njit(kernels.plain)
        for _ in range(20):
            result = compiled(values)
        print(result == kernels.plain(values[:100]) or result, compiled.signatures)
        print(kernels.total.py_func is not kernels.total, compat.HAS_NUMBA)
        burn(0.2)
        """,
        {
            "compat": """
                try:
                    from numba import njit, prange
                    HAS_NUMBA = True
                except ImportError:
                    HAS_NUMBA = False
                    prange = range
                    def njit(function=None, **options):
                        return function or (lambda function: function)
                """,
            "kernels": """
                from compat import njit, prange

                @njit(cache=False)
                def total(values):
                    result = 0.0
                    for index in range(len(values)):
                        result += values[index] % 7
                    return result

                @njit(parallel=True, fastmath=True)
                def squares(count):
                    result = 0
                    for index in prange(count):
                        result += index * index
                    return result

                def plain(values):
                    result = 0.0
                    for value in values:
                        if value > 10:
                            result += value
                        else:
                            result -= value
                    return result
                """,
        },
    ),
    "Pony's queries": """
        from pony.orm import Database, PrimaryKey, Required, count, db_session, desc, select
        from busy import burn
        db = Database()

        class Person(db.Entity):
            id = PrimaryKey(int)
            name = Required(str)
            age = Required(int)

        db.bind("sqlite", ":memory:")
        db.generate_mapping(create_tables=True)
        burn(0.2)
        with db_session:
            for number in range(300):
                Person(id=number + 1, name=f"name {number % 20}", age=number % 90)
        least = 20
        for _ in range(50):
            with db_session:
                found = select(p for p in Person if p.age > least and p.name != "name 3").order_by(Person.id)
                names = [p.name for p in found]
                pairs = select((p.name, count(p)) for p in Person if p.age in (1, 2, 80) or not p.age)[:]
                oldest = Person.select(lambda p: p.age > 60).order_by(lambda p: desc(p.age)).first()
        print(len(names), sorted(pairs), oldest.age, found.get_sql())
        """,
    "uvloop's subprocesses": """
        import asyncio, sys
        import uvloop
        from busy import burn

        async def one(number):
            words = "import sys; sum(range(10 ** 6)); print(sys.stdin.read()); sys.exit(int(sys.argv[1]))"
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", words, str(number), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
            burn(0.02)
            said, _ = await child.communicate(b"%d" % number)
            shell = await asyncio.create_subprocess_shell(f"exit {number}")
            return said, child.returncode, await shell.wait()

        async def main():
            print(type(asyncio.get_running_loop()).__module__)
            for _ in range(3):
                print(await asyncio.gather(*map(one, range(8))))
            try:
                await asyncio.create_subprocess_exec("/no/such/program")
            except FileNotFoundError as error:
                print(error.errno)
            burn(0.1)
        uvloop.run(main())
        """,
    "icecream and executing": """
        import sys
        import executing
        from icecream import ic
        from busy import burn
        burn(0.2)

        def where():
            node = executing.Source.executing(sys._getframe(1)).node
            return type(node).__name__, getattr(node, "lineno", None)

        class Point:
            def __init__(self, x):
                self.x = ic(x)
            def __add__(self, other):
                return executing.Source.executing(sys._getframe(1)).text()
            __getitem__ = __lt__ = __add__

        ic.configureOutput(includeContext=True)
        one, other = Point(1), Point(2)
        for number in range(3):
            print(where(), ic(number + 1), [where() for _ in range(2)], one + other, one[other], one < other)
        ic(sorted(map(str, range(20))), one.x if number else other.x)
        print(executing.Source.executing(sys._getframe()).code_qualname())
        burn(0.1)
        """,
    "dill and cloudpickle": """
        import subprocess, sys
        import cloudpickle, dill
        from busy import burn
        burn(0.2)
        LIMIT = 5

        def outer(factor):
            def inner(value):
                return [factor * value + number for number in range(LIMIT)]
            return inner

        class Shape:
            def area(self):
                return super().__repr__() and 3

        for tool in cloudpickle, dill:
            for each in outer(3), lambda value: value + LIMIT, Shape:
                again = tool.loads(tool.dumps(each))
                print(tool.__name__, each.__name__, again().area() if each is Shape else again(2))
        text = cloudpickle.dumps(outer(4))
        words = "import pickle, sys; print(pickle.load(sys.stdin.buffer)(10))"
        print(subprocess.run([sys.executable, "-c", words], input=text, capture_output=True))
        burn(0.1)
        """,
    "greenlet": """
        import greenlet, sys, threading
        from busy import burn
        told = []

        def ping(number):
            while number:
                burn(0.002)
                told.append(number)
                number = other.switch(number - 1)
            return "end"

        def pong(number):
            while True:
                burn(0.002)
                number = one.switch(number - 1)

        one, other = greenlet.greenlet(ping), greenlet.greenlet(pong)
        print(one.switch(60), len(told), other.dead, sys.getrecursionlimit())

        def deep(depth):
            return greenlet.getcurrent().parent.switch(depth) if not depth else deep(depth - 1)

        made = [greenlet.greenlet(deep) for _ in range(200)]
        print(sum(each.switch(50) for each in made))
        burn(0.2)
        for each in made:
            each.switch(1)
        print({each.dead for each in made})

        def elsewhere():
            kept = [greenlet.greenlet(deep) for _ in range(50)]
            for each in kept:
                each.switch(20)
                burn(0.004)
            told.append(len(kept))
        threads = [threading.Thread(target=elsewhere) for _ in range(3)]
        for each in threads: each.start()
        for each in threads: each.join()
        print(told[-3:])
        """,
    "gevent": """
        from gevent import monkey
        monkey.patch_all()
        import gevent, gevent.pool, queue, socket, subprocess, sys, threading, time
        from busy import burn
        jobs, told = queue.Queue(), []

        def work():
            while (number := jobs.get()) is not None:
                burn(0.01)
                time.sleep(0.005)
                told.append(number)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for each in threads: each.start()
        for number in range(40): jobs.put(number)
        for each in threads: jobs.put(None)
        for each in threads: each.join()
        print(sorted(told), threading.active_count())
        server = socket.create_server(("127.0.0.1", 0))

        def serve():
            for _ in range(5):
                connection, _ = server.accept()
                connection.sendall(connection.recv(100).upper())
                connection.close()

        def ask(number):
            with socket.create_connection(server.getsockname()) as connection:
                connection.sendall(b"question %d" % number)
                return connection.recv(100)
        gevent.spawn(serve)
        print(gevent.pool.Pool(3).map(ask, range(5)))
        for number in range(4):
            print(subprocess.run([sys.executable, "-c", f"raise SystemExit({number})"]).returncode)
            burn(0.02)
        pool = gevent.get_hub().threadpool
        print(pool.apply(lambda: burn(0.3) or 7), type(threading.current_thread()).__name__)
        """,
    "eventlet": """
        import warnings
        warnings.simplefilter("ignore")
        import eventlet
        eventlet.monkey_patch()
        import socket, threading, time
        from eventlet import tpool
        from busy import burn

        def work(number):
            burn(0.01)
            time.sleep(0.002)
            return number * 2
        pool = eventlet.GreenPool(5)
        print(list(pool.imap(work, range(40))))
        threads = [threading.Thread(target=work, args=(1,)) for _ in range(4)]
        for each in threads: each.start()
        for each in threads: each.join()
        print(tpool.execute(work, 21), threading.active_count())
        """,
    "coverage's monitoring": (
        """
        import os, sys
        os.environ["COVERAGE_CORE"] = "sysmon" if sys.version_info >= (3, 12) else "ctrace"
        from busy import burn
        burn(0.3)
        import coverage
        measured = coverage.Coverage(branch=sys.version_info >= (3, 14), data_file=None, config_file=False)
        measured.start()
        import late
        for number in range(300):
            late.work(number % 7)
        measured.stop()
        data = measured.get_data()
        (file,) = [each for each in data.measured_files() if each.endswith("late.py")]
        print(sorted(data.lines(file)), sorted(data.arcs(file) or ()), measured.analysis2(file)[3:])
        print(measured._collector.tracer_name())
        """,
        {
            "late": """
                def work(number):
                    total = 0
                    while number:
                        total += number
                        number -= 1
                    return total
                """
        },
    ),
    "pypdf": """
        import hashlib, io
        import pypdf
        from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject
        writer = pypdf.PdfWriter()
        for number in range(30):
            page = writer.add_blank_page(width=200, height=300)
            font = DictionaryObject()
            font.update({NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1"),
                         NameObject("/BaseFont"): NameObject("/Helvetica")})
            fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
            page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
            stream = DecodedStreamObject()
            stream.set_data(b"BT /F1 12 Tf 20 200 Td (page %d of all) Tj ET" % number * 20)
            page[NameObject("/Contents")] = writer._add_object(stream)
        written = io.BytesIO()
        writer.write(written)
        with open("made.pdf", "wb") as file:
            file.write(written.getvalue())
        print(hashlib.sha256(written.getvalue()).hexdigest(), pypdf.__version__)
        for page in pypdf.PdfReader("made.pdf").pages:
            print(page.extract_text()[:40], page.mediabox)
        """,
    "sqlglot": """
        import sqlglot
        from sqlglot.optimizer import optimize
        schema = {"x": {"a": "int", "b": "int"}, "y": {"b": "int", "c": "text"}}
        text = "select x.a, sum(y.b) from x join y on x.b = y.b where y.c = 'v' and x.a in (1, 2, {}) group by x.a"
        for number in range(60):
            tree = sqlglot.parse_one(text.format(number), read="mysql")
            print(tree.sql("bigquery"), optimize(tree, schema).sql("duckdb"))
        """,
    "rich": """
        import io
        from rich.console import Console
        from rich.markdown import Markdown
        from rich.progress import track
        from rich.syntax import Syntax
        from rich.table import Table
        from rich.traceback import install
        from busy import burn
        install(width=100, show_locals=True)
        console = Console(width=90, force_terminal=True)
        table = Table(title="rows")
        table.add_column("number")
        table.add_column("square")
        for number in range(200):
            table.add_row(str(number), f"[bold]{number * number}[/]")
        for _ in range(5):
            console.print(table, Markdown("# One\\n* two\\n* three"), Syntax("def f(x):\\n    return x", "python"))

        def fail(value, rows):
            burn(0.2)
            return value / len(rows)
        fail(1, [])
        """,
}


@pytest.mark.parametrize("options", [(), ("--full",)], ids=["default", "full"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_program_is_as_plainly(programs, same, program, options):
    given = PROGRAMS[program]
    text, modules = given if isinstance(given, tuple) else (given, {})
    folder = programs.write(text, busy=BUSY, **modules)
    outcomes = programs.run(folder, "prog.py", options=options)
    assert outcomes[0].ran.stdout
    assert outcomes[0].ran.status == (1 if program == "rich" else 0), outcomes[0].ran.words
    same(outcomes)


LOKY = """
import os, sys
from loky import get_reusable_executor

LIMIT = 50

def crunch(rows):
    total = 0
    for row in rows:
        total += row * row % LIMIT
    return total

def work(number):
    end = os.times().user + 0.2
    while os.times().user < end:
        result = crunch(range(number, number + 2_000))
    return result

if __name__ == "__main__":
    executor = get_reusable_executor(max_workers=2, timeout=20)
    print(list(executor.map(work, range(10))))
    executor.shutdown()
"""


def test_functions_that_loky_sends_by_value_have_their_users_file(programs, same):
    folder = programs.write(LOKY)
    outcomes = programs.run(folder, "prog.py")
    assert outcomes[0].ran.status == 0, outcomes[0].ran.words
    same(outcomes)
    ran = outcomes[1].ran
    (row,) = ran.find_functions("crunch")
    assert (row["file"], row["line"], row["owner"]) == ("prog.py", 7, "user")
    (caller,) = ran.find_functions("work")
    # Of the run it may be less where the start of the workers takes long.
    assert row["total_share"] > 0.3 * caller["total_share"]
    own = [each["file"] for each in ran.report["functions"] if each["owner"] == "user"]
    assert {*own} == {"prog.py"}, ran.words
