"""Programs that look closely at themselves or at Python notice nothing of ``whet run``."""

from __future__ import annotations

import os
import sys

import pytest
from tests.integration.pieces import mark_slow

LOOPS = """
def work(rows):
    total = 0
    for row in rows:
        total += row
    return total


def long(rows):
    kept = []
    for row in rows:
        kept.append(str(row).upper().strip().encode().decode().partition("x"))
    return len(kept)
"""

QUICK = [
    *("tracing by file", "tracing of lines", "profiler of its own", "hooks of its own", "source of its own"),
    *("standard modules shadowed", "pickling of main", "exit functions in their order", "exceptions while exiting"),
    *("warnings of the compiler", "future imports and a docstring", "keyboard interrupt of its own"),
    *("traceback through a module", "references and collection", "code changed"),
]
"""Those of ``PROGRAMS`` that `make test` runs."""
PROGRAMS = {
    "traceback through a module": (
        "import usermod\n\ndef main():\n    usermod.work([1, 'x'])\n\nmain()\n",
        {"usermod": LOOPS},
    ),
    "errors of iterating": (
        """
        import traceback, usermod
        class Broken:
            def __iter__(self):
                raise ValueError("no iterating")
        for bad in (5, None, Broken(), {1: 1, "a": 1}, 7, Broken()):
            for _ in range(2):
                try:
                    usermod.work(bad)
                except (TypeError, ValueError):
                    traceback.print_exc()
        """,
        {"usermod": LOOPS},
    ),
    "tracing by file": (
        """
        import sys, time, usermod
        seen = set()
        sys.settrace(lambda frame, event, argument: seen.add(frame.f_code.co_filename))
        until = time.process_time() + 0.3
        while time.process_time() < until:
            usermod.work(range(1000))
        sys.settrace(None)
        print(sorted(file for file in seen if "inprocess" in file))
        """,
        {"usermod": LOOPS},
    ),
    "calls counted by cProfile": (
        """
        import usermod
        rows = list(range(300))
        def busy():
            for _ in range(10_000):
                usermod.work(rows)
        busy()
        import cProfile, pstats
        profile = cProfile.Profile()
        profile.enable()
        busy()
        profile.disable()
        for place, (calls, *_) in sorted(pstats.Stats(profile).stats.items()):
            print(*place, calls)
        """,
        {"usermod": LOOPS},
    ),
    "exception group": (
        """
        def bad(number):
            raise ValueError(number)

        def run():
            errors = []
            for number in range(3):
                try:
                    bad(number)
                except ValueError as error:
                    errors.append(error)
            raise ExceptionGroup("several", errors)
        run()
        """,
        {},
    ),
    "error while a module is imported": (
        "import badmod\n",
        {"badmod": "import worse\n", "worse": "for x in 5:\n    x\n"},
    ),
    "module that does not compile": ("import badmod\n", {"badmod": "x = 1\ndef f(:\n"}),
    "module that is not there": ("import usermod\nimport nowhere.at_all\n", {"usermod": LOOPS}),
    "keyboard interrupt of its own": ("def go():\n    raise KeyboardInterrupt\ngo()\n", {}),
    "exit with words": ("import sys\nsys.exit('that is all')\n", {}),
    "exceptions while exiting": (
        "import atexit\natexit.register(lambda: 1 / 0)\natexit.register(print, 'first')\nraise SystemExit(5)\n",
        {},
    ),
    "exit functions in their order": (
        "import atexit\nfor number in range(3):\n    atexit.register(print, 'atexit', number)\nprint('end')\n",
        {},
    ),
    "hooks of its own": (
        """
        import sys, threading
        sys.excepthook = lambda *about: print("hook", about[0].__name__, about[1])
        threading.excepthook = lambda about: print("thread hook", about.exc_type.__name__)
        sys.unraisablehook = lambda about: print("unraisable", about.exc_value)
        class Noisy:
            def __del__(self):
                raise ValueError("in del")
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        del thread
        Noisy()
        raise KeyError("x")
        """,
        {},
    ),
    "standard modules shadowed": (
        """
        import json, queue, random, typing_extras
        print(json.WHO, queue.WHO, random.WHO, typing_extras.WHO)
        import secrets_of_mine
        """,
        {
            name: f"WHO = 'my own {name}'\nprint(WHO, __name__)\n"
            for name in ("json", "queue", "random", "typing_extras", "secrets_of_mine")
        },
    ),
    "modules shadowed that it does not import": (
        "print('end')\n",
        {
            name: f"print('imported {name} by accident')\nraise SystemExit(77)\n"
            for name in (
                "ctypes",
                "signal",
                "marshal",
                "ast",
                "dis",
                "fnmatch",
                "resource",
                "math",
                "bisect",
                "struct",
                "logging",
                "inspect",
                "typing",
                "dataclasses",
                "threading",
                "token",
                "string",
                "hashlib",
                "line_profiler",
                "memray",
                "pyinstrument",
                "whet",
                "main",
                "settings",
                "anchors",
                "agent",
            )
        },
    ),
    "pickling of main": (
        """
        import copy, pickle, sys
        class Point:
            def __init__(self, rows):
                self.total = 0
                for row in rows:
                    self.total += row
        def scale(rows):
            return [row * 2 for row in rows]
        point = pickle.loads(pickle.dumps(Point(range(4))))
        print(type(point) is Point, point.total, Point.__module__, Point.__qualname__)
        print(pickle.loads(pickle.dumps(scale)) is scale, copy.deepcopy(scale) is scale)
        print(pickle.dumps(Point) == pickle.dumps(sys.modules["__main__"].Point))
        """,
        {},
    ),
    "code pickled by value": (
        """
        import copy, pickle, types, usermod
        def mine(rows):
            total = 0
            for row in rows:
                total += row
            return total
        # As cloudpickle does it: the attributes of the code, by way of pickle, into a code object made anew.
        parts = ["co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_nlocals", "co_stacksize", "co_flags",
                 "co_code", "co_consts", "co_names", "co_varnames", "co_filename", "co_name", "co_qualname",
                 "co_firstlineno", "co_linetable", "co_exceptiontable", "co_freevars", "co_cellvars"]
        for function in (mine, usermod.work, usermod.long):
            for copied in (lambda value: pickle.loads(pickle.dumps(value)), copy.deepcopy):
                code = types.CodeType(*(copied(getattr(function.__code__, part)) for part in parts))
                again = types.FunctionType(code, {})
                print(function.__name__, again([1, 2, 3]), again(range(10)), again(iter([4])), again([5] * 1_000))
        """,
        {"usermod": LOOPS},
    ),
    "code changed": (
        """
        import types, usermod
        code = usermod.work.__code__
        print(code == code.replace(), hash(code) == hash(code.replace()), code.co_varnames, code.co_firstlineno)
        print(types.FunctionType(code.replace(co_name="other"), {})([1, 2]))
        usermod.long.__code__ = code
        print(usermod.long([3, 4]), code.co_consts[0], code.co_argcount, code.co_flags)
        """,
        {"usermod": LOOPS},
    ),
    "source of its own": (
        """
        import inspect, linecache, sys, usermod
        def function(a,
                     b=2):
            for number in range(3):
                a += number
            return a
        print(inspect.getsource(function), inspect.getsource(usermod), inspect.signature(function))
        print(linecache.getline(__file__, 2), inspect.getsourcelines(usermod.long)[1], inspect.stack()[0].lineno)
        print(usermod.__file__, usermod.__cached__, usermod.__spec__.origin, type(usermod.__loader__).__name__)
        with open(__file__) as file:
            print(file.read() == inspect.getsource(sys.modules["__main__"]))
        print(usermod.__loader__.get_source("usermod") == inspect.getsource(usermod))
        print([hook for hook in sys.meta_path if "whet" in repr(hook)], len(sys.path_hooks), list(globals()))
        """,
        {"usermod": LOOPS},
    ),
    "doctests": (
        '''
        """
        >>> add(1, 2)
        3
        >>> add(1, 3)
        5
        """
        def add(a, b):
            """
            >>> add(2, 2)
            4
            """
            for _ in range(3):
                pass
            return a + b
        if __name__ == "__main__":
            import doctest
            raise SystemExit(doctest.testmod(verbose=True).failed)
        ''',
        {},
    ),
    "unit tests": (
        """
        import unittest
        class Test(unittest.TestCase):
            def test_passes(self):
                for number in range(3):
                    self.assertGreaterEqual(number, 0)
            def test_fails(self):
                for number in range(3):
                    self.assertEqual(number, 0)
            def test_raises(self):
                with self.assertRaisesRegex(ValueError, "x"):
                    raise ValueError("x")
        class Result(unittest.TextTestResult):
            def stopTestRun(self):
                print(self.testsRun, len(self.failures))
        class Runner(unittest.TextTestRunner):
            def _makeResult(self):
                return Result(self.stream, True, 2)
            def run(self, tests):
                result = self._makeResult()
                tests(result)
                result.printErrors()
                result.stopTestRun()
                return result
        unittest.main(testRunner=Runner)
        """,
        {},
    ),
    "tracing of lines": (
        """
        import sys, trace, usermod
        seen = []
        def tracer(frame, event, argument):
            if frame.f_code.co_filename.endswith("usermod.py"):
                seen.append((event, frame.f_lineno, frame.f_code.co_name))
                return tracer
        sys.settrace(tracer)
        usermod.work([1, 2])
        usermod.long([1, 2])
        sys.settrace(None)
        print(seen)
        counter = trace.Trace(count=1, trace=0)
        counter.runfunc(usermod.work, [1, 2, 3])
        print(sorted((key[1], count) for key, count in counter.results().counts.items() if "usermod" in key[0]))
        print(sorted(trace._find_executable_linenos(usermod.__file__)))
        """,
        {"usermod": LOOPS},
    ),
    "profiler of its own": (
        """
        import cProfile, pstats, usermod
        profile = cProfile.Profile()
        profile.runcall(usermod.work, [1, 2])
        print([(line, name, row[0]) for (file, line, name), row in pstats.Stats(profile).stats.items()
               if file.endswith("usermod.py")])
        """,
        {"usermod": LOOPS},
    ),
    "warnings": (
        """
        import warnings, usermod
        warnings.warn("one", DeprecationWarning)
        for _ in range(3):
            warnings.warn("two")
        print(usermod.work([1]))
        """,
        {"usermod": LOOPS + "\nimport warnings\nwarnings.warn('three', stacklevel=2)\n"},
    ),
    "warnings of the compiler": ("x = 5\nprint(x is 5)\nprint('\\d')\nassert (x, 'always')\n", {}),
    "future imports and a docstring": (
        '"""The doc."""\nfrom __future__ import annotations\n\nx: Unknown = 3\nprint(__doc__, __annotations__)\n',
        {},
    ),
    "nothing but a docstring": ('"""Only this."""\n', {}),
    "nothing at all": ("", {}),
    "source in latin-1": ("# -*- coding: latin-1 -*-\nprint(ascii('\u00c3\u00a9'))\n1 / 0  # \u00e9\n", {}),
    "references and collection": (
        """
        import gc, sys, weakref
        class Thing:
            pass
        def make():
            thing = Thing()
            for _ in range(100):
                pass
            return sys.getrefcount(thing), weakref.ref(thing)
        print([(count, ref() is None) for count, ref in (make() for _ in range(50))], gc.isenabled(), gc.callbacks)
        """,
        {},
    ),
    "random numbers that are seeded": (
        "import random\nrandom.seed(5)\nprint(sum(random.random() for _ in range(300_000)), random.getstate()[1][-1])",
        {},
    ),
    "deep expressions": ("print(" + "+".join(["1"] * 3_000) + ")\n", {}),
}


@pytest.mark.parametrize("program", mark_slow(PROGRAMS, QUICK))
def test_program_notices_nothing(runner, alike, program):
    text, modules = PROGRAMS[program]
    path = runner.write(text, **modules)
    alike(*runner.both(path.name, cwd=path.parent))


@pytest.mark.parametrize("words", [["prog.py"], ["-m", "prog"]], ids=["script", "module"])
def test_modules_of_the_programs_own_names_are_its_own(runner, alike, words):
    """A program that ticks, forks and has files by the names of what whet itself would import then."""
    program = runner.write(
        """
        import os, sys
        total = sum(step % 7 for step in range(2_000_000))
        if hasattr(os, "fork"):
            pid = os.fork()
            total += sum(step % 7 for step in range(1_000_000))
            if pid == 0:
                os._exit(0)
            print(os.waitpid(pid, 0)[1])
        import ctypes, resource
        print(total, ctypes.WHO, resource.WHO)
        """,
        ctypes="WHO = 'mine'\nprint('loading', __name__)\n",
        resource="WHO = 'mine'\nprint('loading', __name__)\n",
    )
    plain, whet = runner.both(*words, cwd=program.parent)
    alike(plain, whet)
    assert not whet.warnings_about("line_profiler")


def test_warnings_as_errors(runner, alike):
    program = runner.write("import warnings\nprint('on', flush=True)\nwarnings.warn('one')\n")
    alike(*runner.both("-W", "error", program))
    faulty = runner.write("x = 5\nprint(x is 5)\n")
    plain, whet = runner.both("-W", "error", faulty)
    assert b"SyntaxError" in plain.stderr
    alike(plain, whet)


def test_development_mode_finds_nothing_of_whets(runner, alike):
    """No unclosed file, no unawaited anything: ``-X dev`` and warnings as errors stay quiet about whet's own code."""
    program = runner.write("import usermod\nprint(usermod.long(range(30_000)))\n", usermod=LOOPS)
    alike(*runner.both("-X", "dev", "-W", "error", program))


@pytest.mark.skipif(os.name != "posix", reason="descriptors of POSIX")
def test_descriptors_and_signals_are_as_plainly(runner, alike):
    program = runner.write(
        """
        import os, signal, sys, threading
        def is_open(number):
            try:
                os.fstat(number)
            except OSError:
                return False
            return True
        print([number for number in range(64) if is_open(number)], [each.name for each in threading.enumerate()])
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD):
            print(signal.getsignal(number))
        print(signal.pthread_sigmask(signal.SIG_BLOCK, []), os.getpgrp() == os.getpgid(os.getppid()), sys.gettrace())
        """
    )
    alike(*runner.both(program))


def test_environment_is_as_plainly(runner, alike):
    program = runner.write("import os\nprint(sorted(os.environ.items()))\nprint(os.getcwd())\n")
    alike(*runner.both(program, PYTHONHASHSEED="0"))


@pytest.mark.skipif(sys.platform != "linux", reason="names of modules by /proc")
def test_dependency_in_site_packages_is_left_as_it_is(runner, alike):
    """Bytecode of what is not the user's is used and written as ever."""
    program = runner.write("import colorsys, usermod\nprint(colorsys.__cached__, usermod.work([1]))\n", usermod=LOOPS)
    alike(*runner.both(program, PYTHONDONTWRITEBYTECODE=None))
