"""What a program can look at inside its process is under ``whet run`` as it is plainly: code, objects, threads."""

from __future__ import annotations

import pytest
from tests.integration.pieces import BUSY, mark_slow

QUICK = [
    *("code objects", "compiled by itself", "monitoring that begins late", "changes of threads every microsecond"),
]
"""Those of ``CODE`` and ``OBJECTS`` that `make test` runs."""
CODE = {
    "code objects": (
        """
        import dis, io, marshal, sys, types
        import busy, twins
        from busy import burn

        def walk(code):
            yield code
            for each in code.co_consts:
                if isinstance(each, types.CodeType):
                    yield from walk(each)

        def differ(running, file):
            with open(file) as opened:
                compiled = compile(opened.read(), file, "exec", dont_inherit=True)
            left_out = ["co_lnotab", "co_consts", "co_lines", "co_positions", "co_branches"]
            fields = [name for name in dir(compiled) if name.startswith("co_") and name not in left_out]
            for one, other in zip(walk(running), walk(compiled), strict=True):
                wrong = [name for name in fields if getattr(one, name) != getattr(other, name)]
                if wrong or one != other or hash(one) != hash(other) :
                    print(one.co_qualname, wrong)

        burn(0.5)
        differ(sys._getframe().f_code, __file__)
        with open(twins.__file__) as opened:
            made = compile(opened.read(), twins.__file__, "exec")
        for code in walk(made):
            for function in vars(twins).values():
                if isinstance(function, types.FunctionType) and function.__code__.co_name == code.co_name:
                    print(code.co_name, function.__code__ == code, function.__code__.co_code == code.co_code)
        print(twins.one.__code__.co_code == twins.two.__code__.co_code, twins.one.__code__.co_consts)
        for function in twins.one, twins.later, burn, differ:
            said = io.StringIO()
            dis.dis(function, file=said)
            print(said.getvalue())
            # Not the bytes: they tell which names other code in the process has, of the standard library's even.
            code = function.__code__
            print(marshal.loads(marshal.dumps(code)) == code, sys.getsizeof(code))
        """,
        {
            "twins": """
                def one(rows):
                    total = 0
                    for row in rows:
                        total += row
                    return total

                def two(rows):
                    total = 0
                    for row in rows:
                        total += row
                    return total

                async def later(rows):
                    async for row in rows:
                        yield row
                """
        },
    ),
    "code objects as keys": """
        import time
        from busy import burn
        calls = {}

        def counted(function):
            def count(*arguments):
                calls[function.__code__] = calls.get(function.__code__, 0) + 1
                return function(*arguments)
            return count

        @counted
        def one(value):
            return value + 1

        @counted
        def other(value):
            return value + 1

        for number in range(150_000):
            one(number)
            other(number)
            other(number)
        print(sorted(calls.values()), len(calls))
        """,
    "at the limit of recursion": """
        import sys
        from busy import burn

        def down(depth):
            return depth if not depth else down(depth - 1)

        def find_deepest():
            depth = sys.getrecursionlimit() - 120
            try:
                while True:
                    down(depth)
                    depth += 1
            except RecursionError:
                return depth
        burn(0.2)
        for limit in 200, 1000, 3000:
            sys.setrecursionlimit(limit)
            print(limit, find_deepest())
        class Nested:
            def __repr__(self):
                return f"<{self!r}>"
        try:
            repr(Nested())
        except RecursionError as error:
            trace, frames = error.__traceback__, 0
            while trace:
                trace, frames = trace.tb_next, frames + 1
            print(frames, error)
        """,
    "compiled by itself": """
        import compileall, contextlib, glob, importlib.util, io, marshal, os, py_compile, subprocess, sys, tempfile
        import json.decoder
        import busy
        busy.burn(0.2)
        os.makedirs("made", exist_ok=True)
        for source in busy.__file__, json.decoder.__file__, __file__:
            name = py_compile.compile(source, cfile=f"made/{os.path.basename(source)}c", doraise=True)
            with open(name, "rb") as file, open(source, "rb") as text:
                # Not the bytes: they tell which names other code in the process has.
                print(name, marshal.loads(file.read()[16:]) == compile(text.read(), source, "exec"))
        sys.pycache_prefix = os.path.abspath("made")  # the library's own file is everybody's
        with contextlib.redirect_stdout(io.StringIO()):
            compileall.compile_file(json.decoder.__file__, ddir="elsewhere", force=True, quiet=2)
            sys.pycache_prefix = None
            print(compileall.compile_file(busy.__file__, ddir="elsewhere", force=True))
        said = subprocess.run([sys.executable, "-m", "compileall", "-f", "busy.py"], capture_output=True)
        print(said)
        print(sorted(os.listdir("__pycache__")) if os.path.isdir("__pycache__") else None)
        """,
    "calls and lines counted": """
        import collections, cProfile, pstats, sys, threading
        import busy
        busy.burn(0.3)
        counted = collections.Counter()

        def trace(frame, event, argument):
            counted[event, frame.f_code.co_name] += 1
            return trace

        def work(depth):
            rows = [number * 2 for number in range(50)]
            return depth and sum(rows) + work(depth - 1) or 0

        until = __import__("time").process_time() + 0.3
        for install in sys.settrace, sys.setprofile:
            counted.clear()
            install(trace)
            for _ in range(300):
                work(20)
            install(None)
            print(sorted(counted.items()))
        threads_too = getattr(threading, "settrace_all_threads", threading.settrace)
        counted.clear()
        threads_too(trace)
        threads = [threading.Thread(target=work, args=(90,)) for _ in range(5)]
        for each in threads: each.start()
        for each in threads: each.join()
        threads_too(None)
        print(sorted((event, name) for event, name in counted if name in ("work", "run", "trace") or "<" in name))
        busy.burn(0.1)
        profile = cProfile.Profile()
        profile.enable()
        for _ in range(200):
            work(50)
        profile.disable()
        for (file, _, name), (calls, *_) in sorted(pstats.Stats(profile).stats.items()):
            print(file, name, calls)
        """,
    "monitoring that begins late": """
        import collections, sys, time
        import busy
        busy.burn(0.3)

        def work(depth):
            rows = [number * 2 for number in range(50)]
            try:
                return depth and sum(rows) + work(depth - 1) or 0
            finally:
                if depth == 3:
                    try:
                        raise LookupError(depth)
                    except LookupError:
                        pass

        monitoring = getattr(sys, "monitoring", None)
        if monitoring is None:
            print("none before 3.12")
            sys.exit()
        events = {name: value for name, value in vars(monitoring.events).items() if value and value & (value - 1) == 0}
        for tool in 0, 3, 5, 4:
            counted = collections.Counter()
            monitoring.use_tool_id(tool, "mine")
            for name, value in events.items():
                def note(code, *_, name=name):
                    counted[name, getattr(code, "co_name", code)] += 1
                monitoring.register_callback(tool, value, note)
            monitoring.set_events(tool, sum(events.values()))
            for _ in range(150):
                work(20)
            monitoring.set_events(tool, 0)
            monitoring.free_tool_id(tool)
            print(tool, sorted(counted.items()))
            busy.burn(0.1)
        monitoring.use_tool_id(1, "local")
        counted.clear()
        def note(code, line):
            counted[code.co_name, line] += 1
        monitoring.register_callback(1, monitoring.events.LINE, note)
        monitoring.set_local_events(1, busy.burn.__code__, monitoring.events.LINE)
        monitoring.set_local_events(1, work.__code__, monitoring.events.LINE)
        work(100)
        print(sorted(counted.items()), [monitoring.get_tool(tool) for tool in range(6)])
        """,
}

OBJECTS = {
    "objects that raise when looked at": """
        import sys, time
        from busy import burn
        asked = []

        class Raises:
            def __getattribute__(self, name):
                asked.append(name)
                raise SystemError(f"asked for {name}")
            def __getattr__(self, name):
                raise SystemError(name)
            def __eq__(self, other):
                raise SystemError("eq")
            def __hash__(self):
                raise SystemError("hash")
            def __len__(self):
                raise SystemError("len")
            def __bool__(self):
                raise SystemError("bool")
            def __iter__(self):
                raise SystemError("iter")
            def __repr__(self):
                raise SystemError("repr")
            def __str__(self):
                raise SystemError("str")

        class Class:
            @property
            def __class__(self):
                asked.append("__class__")
                raise KeyboardInterrupt
            @property
            def __dict__(self):
                asked.append("__dict__")
                raise KeyboardInterrupt

        class Meta(type):
            def __eq__(cls, other):
                asked.append("meta eq")
                raise SystemExit(9)
            def __hash__(cls):
                asked.append("meta hash")
                raise SystemExit(9)
            def __getattribute__(cls, name):
                asked.append(name)
                raise SystemExit(9)
            def __instancecheck__(cls, other):
                asked.append("instance")
                raise SystemExit(9)
        Odd = type.__call__(Meta, "Odd", (), {"__slots__": ("__dict__",)})
        class Sized(list):
            def __len__(self):
                asked.append("len")
                raise MemoryError
            def __getitem__(self, index):
                asked.append("item")
                raise MemoryError
            def __iter__(self):
                asked.append("iter")
                raise MemoryError
        class Keyed(dict):
            def __missing__(self, key):
                asked.append(key)
                raise MemoryError
            __getitem__ = get = __len__ = __contains__ = __iter__ = __missing__
        class Name(str):
            def __hash__(self):
                asked.append("name")
                return super().__hash__()
            def __eq__(self, other):
                asked.append("name")
                return super().__eq__(other)
            def __format__(self, how):
                asked.append("name")
                return ""
        Renamed = type(Name("Renamed"), (), {"__module__": Name("other")})
        Renamed.__qualname__ = Name("Re.named")
        Unplaced = type("Unplaced", (), {"__module__": Raises()})
        Gone = type("Gone", (), {})
        class Self:
            def __init__(self):
                self.one, self.rows = Raises(), Sized([1])
            def work(self, odd, all_of_them):
                self.one, self.rows, self.odd
                raises, whole, named, keyed = Raises(), Class(), Renamed(), Keyed(a=1)
                until = time.process_time() + 0.5
                while time.process_time() < until:
                    list(map(abs, range(500)))
            odd = Sized()

        class Lazy(Self):
            def __getattribute__(self, name):
                asked.append(name)
                return super().__getattribute__(name)
        rows = [Raises(), Odd(), Class()]
        table = {Odd(): Raises(), Name("x"): Odd()}
        group = {Odd()}
        for each in Self(), Lazy():
            each.work(Odd, [rows, table, group, Unplaced(), Gone()])
        plain = {"__getattribute__", "__dict__"}
        print(sorted({str(each) for each in asked}))
        """,
    "destructors run where they belong": """
        import _thread, gc, threading, time, weakref
        seen = {}

        def note(*_):
            seen[_thread.get_ident()] = seen.get(_thread.get_ident(), 0) + 1

        class Kept:
            def __init__(self):
                self.itself, self.rows = self, [0] * 50
            def __del__(self):
                note()
        class Brief:
            def __init__(self, number):
                self.number, self.rows = number, (1, 2)
            def __del__(self):
                note()

        def idle(event):
            mine = Brief(-1)
            event.wait()

        def step(number):
            one = Brief(number)
            rows = [Brief(number) for number in range(5)]
            watch = [weakref.ref(each, note) for each in rows]
            kept = Kept()
            return one.number + one.rows[0]

        def churn(seconds):
            until = time.thread_time() + seconds
            while time.thread_time() < until:
                step(3)
        gc.callbacks.append(note)
        event = threading.Event()
        threads = [threading.Thread(target=idle, args=(event,)) for _ in range(100)]
        threads += [threading.Thread(target=churn, args=(0.2,)) for _ in range(3)]
        for each in threads: each.start()
        churn(0.2)
        gc.set_threshold(50, 5, 5)
        churn(0.2)
        gc.set_threshold(5000, 10, 10)
        event.set()
        while any(each.is_alive() for each in threads):
            churn(0.01)
        churn(0.5)
        gc.collect()
        own = {threading.get_ident(), *(each.ident for each in threads)}
        strange = sum(times for thread, times in seen.items() if thread not in own)
        # None where the system leaves a sample alone; one that it stops amid, for others to run, can be the last to
        # hold what they let go of.
        print(strange * 1_000 < sum(seen.values()), gc.isenabled(), gc.get_threshold())
        """,
    "the collector is on or off as it was set": """
        import gc, sys, threading, time
        seen = {True: 0, False: 0}
        wrong = []
        def look(seconds, is_on):
            until = time.process_time() + seconds
            while time.process_time() < until:
                for _ in range(200):
                    if gc.isenabled() is not is_on:
                        wrong.append(is_on)
        sys.setswitchinterval(1e-6)
        look(0.3, True)
        gc.disable()
        look(0.3, False)
        other = threading.Thread(target=look, args=(0.3, False))
        other.start()
        look(0.3, False)
        other.join()
        sys.setswitchinterval(0.005)
        for _ in range(20_000):
            gc.enable()
            if not gc.isenabled():
                wrong.append("on")
            gc.disable()
            if gc.isenabled():
                wrong.append("off")
        look(0.3, False)
        gc.enable()
        look(0.5, True)
        print(wrong[:10], gc.isenabled())
        """,
    "changes of threads every microsecond": """
        import queue, sys, threading, time
        sys.setswitchinterval(1e-6)
        counts, jobs = [0] * 4, queue.Queue()
        def work(number):
            until = time.perf_counter() + 0.5
            while time.perf_counter() < until:
                counts[number] += len([1 for each in range(100)])
            jobs.put(number)
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for each in threads: each.start()
        print(sorted(jobs.get() for _ in threads), all(counts), sys.getswitchinterval())
        """,
}


@pytest.mark.parametrize("program", mark_slow([*CODE, *OBJECTS], QUICK))
def test_inside_is_as_plainly(runner, alike, program):
    given = (CODE | OBJECTS)[program]
    text, modules = given if isinstance(given, tuple) else (given, {})
    path = runner.write(text, busy=BUSY, **modules)
    plain, whet = runner.both(path, cwd=path.parent)
    assert plain.stdout
    assert plain.status == 0, plain.words
    alike(plain, whet)


@pytest.mark.slow
def test_a_module_of_one_long_table_is_not_registered(runner, alike):
    """line_profiler takes time that grows with the square of a code object's lines."""
    rows = "".join(f"    {number}: ('glyph{number}', [{number}, {number + 1}]),\n" for number in range(8_000))
    pick = "def pick(number):\n    found = TABLE[number % 8000]\n    return len(found[0]) + sum(found[1])\n"
    work = "def work(times):\n    return sum(pick(number) for number in range(times))\n"
    path = runner.write("import table\nprint(table.work(600_000))\n")
    (path.parent / "table.py").write_text(f"TABLE = {{\n{rows}}}\n\n\n{pick}\n\n{work}")
    plain = runner.plain(path, cwd=path.parent)
    whet = runner.whet(path, cwd=path.parent, options=["--lines"])
    alike(plain, whet)
    exact = {row["line"]: row["hits"] for row in whet.report["lines"] if row["hits"]}
    assert exact[8_006] == exact[8_007] == 600_000
    assert min(exact) > 8_002
