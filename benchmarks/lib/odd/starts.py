"""Programs that are started in all of Python's ways: options, variables, archives, packages, names, locales."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

from lib.odd.program import Program

TELL = """
    import os, sys, warnings
    from busy import burn
    burn()
    print(__name__, __file__, __package__, __spec__ and __spec__.name, __doc__, __debug__, sys.argv, sys.orig_argv[1:])
    print(sys.flags, sys._xoptions, sys.warnoptions, warnings.filters[:2], sys.path[:2], sys.dont_write_bytecode)
    print(sys.stdout.encoding, sys.stdout.errors, sys.getfilesystemencoding(), sys.pycache_prefix)
    print(sorted(name for name in os.environ if name.startswith("PY")), sorted(vars())[:20])
    assert not __debug__ or burn.__doc__ is None
    warnings.warn("a warning")
"""
OPTIONS = (
    "-O", "-OO", "-E", "-s", "-S", "-I", "-B", "-u", "-b", "-bb", "-d", "-q", "-v", "-x", "-P", "-R", "-W error",
    "-W ignore", "-W default", "-X dev", "-X utf8", "-X utf8=0", "-X importtime", "-X faulthandler",
    "-X tracemalloc=5", "-X showrefcount", "-X frozen_modules=off", "-X no_debug_ranges", "-X int_max_str_digits=999",
    "-X pycache_prefix=cached", "-X perf", "-X cpu_count=1", "-X warn_default_encoding", "-X safe_path",
    "-X unknown", "-OOBsu", "-sSE", "--check-hash-based-pycs always", "-X lazy_imports=all",
)  # fmt: skip
VARIABLES = (
    "PYTHONOPTIMIZE=2", "PYTHONUNBUFFERED=1", "PYTHONWARNINGS=error::DeprecationWarning", "PYTHONSAFEPATH=1",
    "PYTHONNOUSERSITE=1", "PYTHONPATH=own:", "PYTHONUTF8=0", "PYTHONUTF8=1", "PYTHONIOENCODING=latin-1:replace",
    "PYTHONFAULTHANDLER=1", "PYTHONTRACEMALLOC=3", "PYTHONASYNCIODEBUG=1", "PYTHONMALLOC=debug",
    "PYTHONMALLOC=malloc", "PYTHONBREAKPOINT=0", "PYTHONPROFILEIMPORTTIME=1", "PYTHONPYCACHEPREFIX=cached",
    "PYTHONDONTWRITEBYTECODE=1", "PYTHONHASHSEED=7", "PYTHONDEVMODE=1", "PYTHONVERBOSE=1", "PYTHONINTMAXSTRDIGITS=800",
    "PYTHONNODEBUGRANGES=1", "PYTHONSTARTUP=startup.py", "PYTHONDEBUG=1", "PYTHONPERFSUPPORT=1",
    "PYTHON_COLORS=1", "FORCE_COLOR=1", "NO_COLOR=1", "LC_ALL=C", "LC_ALL=POSIX", "LC_ALL=C.UTF-8",
    "LC_ALL=xx_XX.none", "LANG=tr_TR.UTF-8", "PYTHONCOERCECLOCALE=0", "PYTHONCOERCECLOCALE=warn", "TZ=Asia/Kathmandu",
    "COLUMNS=20", "MALLOC_ARENA_MAX=1", "LD_BIND_NOW=1",
)  # fmt: skip
NAMES = (
    "with space.py", "with'quote.py", "naïve.py", "-dash.py", "no_extension", "prog.txt", "prog.pyw", "two\nlines.py",
    "ünï/código.py", "$HOME.py", "a;b.py", "%s.py", "class.py", "1.py", "types.py", "__main__.py",
)  # fmt: skip
SOURCES = {
    "latin-1": "# -*- coding: latin-1 -*-\nprint(len('\xe9'))\n".encode("latin-1"),
    "byte order mark": b"\xef\xbb\xbfprint(__name__)\n",
    "line ends of Windows": b"from busy import burn\r\nburn()\r\nprint('''a\r\nb''')\r\n",
    "line ends of old": b"from busy import burn\rburn()\rprint(1)\r",
    "form feeds": b"from busy import burn\n\x0cburn()\n\x0c\nprint(1)\n",
    "no line end": b"print(1)",
    "nothing": b"",
    "NUL": b"print(1)\n\0\n",
    "not UTF-8": b"print('\xff')\n",
    "unknown coding": b"# coding: nonsense\nprint(1)\n",
    "syntax error": b"def f(:\n",
    "tabs and spaces": b"if 1:\n\tx = 1\n        y = 2\n",
    "docstring and futures": b"'''Text.'''\nfrom __future__ import annotations\nprint(__doc__, annotations.compiler_flag)\n",
    "long line": b"x = [" + b"1, " * 50_000 + b"]\nprint(len(x))\n",
    "deep nesting": b"x = " + b"(" * 90 + b"1" + b")" * 90 + b"\nprint(x)\n",
    "too deep nesting": b"x = " + b"(" * 300 + b"1" + b")" * 300 + b"\nprint(x)\n",
}
ENDS = {
    "sys.exit()": "import sys; sys.exit()",
    "sys.exit(3)": "import sys; sys.exit(3)",
    "sys.exit(-1)": "import sys; sys.exit(-1)",
    "sys.exit(256)": "import sys; sys.exit(256)",
    "sys.exit(text)": "import sys; sys.exit('text')",
    "sys.exit(object)": "import sys; sys.exit((1, 2))",
    "SystemExit in a thread": "import threading, sys; threading.Thread(target=sys.exit, args=(5,)).start()",
    "os._exit": "import os; print('lost'); os._exit(4)",
    "os.abort": "import os; os.abort()",
    "exception": "1 / 0",
    "exception with notes": "e = ValueError('x'); e.add_note('note'); raise e",
    "exception group": "raise ExceptionGroup('several', [ValueError(1), TypeError(2)])",
    "chained": "try: 1 / 0\nexcept Exception as e: raise LookupError from e",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "RecursionError": "def f(): f()\nf()",
    "MemoryError": "raise MemoryError",
    "in a destructor": "class A:\n    def __del__(self): 1 / 0\nA()",
    "in an exit function": "import atexit\natexit.register(lambda: 1 / 0)",
    "SystemExit in an exit function": "import atexit, sys\natexit.register(sys.exit, 9)",
    "in a thread": "import threading\nt = threading.Thread(target=lambda: 1 / 0, name='t'); t.start(); t.join()",
    "excepthook": "import sys\nsys.excepthook = lambda *a: print('hooked', a[0].__name__)\n1 / 0",
    "excepthook that fails": "import sys\nsys.excepthook = lambda *a: 1 / 0\n[][1]",
    "threading.excepthook": "import threading\nthreading.excepthook = lambda a: print(a.exc_type)\n"
    "t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()",
    "daemon threads": "import threading\nthreading.Thread(target=burn, args=(9,), daemon=True).start()",
    "late thread": "import threading\nthreading.Thread(target=lambda: (burn(0.2), print('late'))).start()",
    "segmentation fault": "import ctypes; ctypes.string_at(0)",
    "stdout closed": "import sys; print('x'); sys.stdout.close()",
    "stdout that fails": "import os; print('x'); os.close(1)",
    "stderr replaced": "import io, sys; sys.stderr = io.StringIO(); 1 / 0",
    "standard streams None": "import sys; sys.stdout = sys.stderr = None; 1 / 0",
    "unraisable hook": "import sys\nsys.unraisablehook = lambda a: print('hook')\n"
    "class A:\n    def __del__(self): 1 / 0\nA()",
    "in asyncio": "import asyncio\nasync def f(): 1 / 0\nasyncio.run(f())",
    "task not awaited": "async def f(): pass\nf()",
    "exit in asyncio": "import asyncio, sys\nasync def f(): sys.exit(8)\nasyncio.run(f())",
    "generator left open": "def g():\n    try: yield 1\n    finally: print('closed')\nx = g(); next(x)",
    "exit functions in order": "import atexit\nfor n in range(3): atexit.register(print, n)",
    "finalizers": "import weakref\nclass A: pass\na = A(); weakref.finalize(a, print, 'finalized')",
    "finder at shutdown": "import sys\nclass A:\n    def __del__(self): print(sys and len(sys.modules) > 0)\na = A(); sys.a = a",
    "files left open": "f = open('made', 'w'); f.write('text')",
    "frozen": "import gc; gc.freeze(); gc.disable()",
}


def make_archive(*names: str) -> bytes:
    """Return a zip of a program, with a first line as of the module ``zipapp``."""
    held = io.BytesIO(b"")
    held.write(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(held, "a") as file:
        for name in names:
            code = "from part import work\nimport sys\nprint(__name__, work(9), sys.argv)\nsys.exit(3)\n"
            part = "def work(number):\n    return sum(range(number * 10 ** 5))\n"
            file.writestr(zipfile.ZipInfo(name), code if name == "__main__.py" else part)
    return held.getvalue()


def make() -> Iterator[Program]:
    """Yield the programs of these families."""
    varied = r"0x[0-9a-f]+|(import time:|# ).*|.*\bimport '.*|\[\d+ refs.*"
    for option in OPTIONS:
        words = tuple(option.split(None, 1)) if option[1] in "WX-" else (option,)
        yield Program("options", option, TELL, words=(*words, "prog.py", "a"), vary=varied)
    for option in ("-O", "-I", "-X dev", "-W error", "-u", "-S"):
        words = tuple(option.split(None, 1))
        yield Program("options", f"{option} -c", words=(*words, "-c", "import sys; print(sys.argv, sys.flags)", "a"))
        yield Program("options", f"{option} -m", TELL, words=(*words, "-m", "prog", "a"), vary=varied)
    for variable in VARIABLES:
        family = "locales" if variable[:2] in ("LC", "LA", "TZ") or "LOCALE" in variable else "variables"
        name, _, value = variable.partition("=")
        files = {"startup.py": "print('startup')"}
        yield Program(family, variable, TELL, files, env={name: value}, vary=varied)
    undecodable = (
        "import os, sys\nprint(ascii(sys.argv[1:]), ascii(os.environ['ODD']))\nfrom busy import burn\nburn()\n"
    )
    shell = "export ODD=$'\\xff\\xfe'; exec \"$@\" $'\\xe9' '' ' ' $'a\\nb'"
    yield Program("locales", "words that are not UTF-8", undecodable, shell=shell)
    written = "import os\nopen(b'\\xff\\xfe', 'w').write('x')\nfrom busy import burn\nburn()\nprint(os.listdir(b'.'))\n"
    yield Program("locales", "file names that are not UTF-8", written, vary=r"\[b.*")
    binary = "import sys\nsys.stdout.buffer.write(bytes(range(256)))\nfrom busy import burn\nburn()\n"
    yield Program("locales", "output that is no text", binary)
    for name in NAMES:
        words = ("--", name) if False else ((f"./{name}",) if name.startswith("-") else (name,))
        yield Program("names", repr(name), files={name: TELL}, words=words)
    yield Program("names", "a link to the script", TELL, shell='ln -s ../prog.py sub/link.py; exec "$@"',
                  files={"sub/x": ""}, words=("sub/link.py",))  # fmt: skip
    for name, source in SOURCES.items():
        yield Program("sources", name, files={"prog.py": source})
    for name, code in ENDS.items():
        yield Program("ends", name, f"from busy import burn\nburn()\nprint('before', flush=True)\n{code}\n")
    program = {"app.pyz": make_archive("__main__.py", "part.py"), "bare.zip": make_archive("part.py")}
    yield Program("archives", "zipapp", files=program, words=("app.pyz", "a", "-b"))
    yield Program("archives", "without a main module", files=program, words=("bare.zip",))
    yield Program("archives", "-O on a zipapp", files=program, words=("-O", "app.pyz"))
    main = "import sys\nfrom busy import burn\nburn()\nprint(__name__, __package__, sys.argv, sys.path[0][-9:])\n"
    yield Program(
        "archives", "folder", files={"app/__main__.py": main, "app/busy.py": "def burn(): pass"}, words=("app", "a")
    )
    package = {"pack/__init__.py": "print('init')", "pack/__main__.py": main, "pack/sub.py": main}
    for words in (
        ("-m", "pack"),
        ("-m", "pack.sub", "a", "-b"),
        ("-m", "no_such"),
        ("-m", "pack.no_such"),
        ("-m", "busy"),
    ):
        yield Program("archives", " ".join(words), files=package, words=words)
    for module in ("timeit -n 5 -r 1 -s x=1 0", "json.tool data.json", "unittest test_it", "doctest doc.py", "this",
                   "compileall -q busy.py", "zipfile -l app.pyz", "trace --listfuncs prog.py",
                   "cProfile -o out prog.py", "pdb -c c -c q prog.py", "runpy prog", "ast prog.py", "tokenize prog.py"):  # fmt: skip
        files = {
            "data.json": '{"a": [1, 2]}', "doc.py": '"""\n>>> 1 + 1\n2\n"""\n', **program,
            "test_it.py": "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertTrue(0)\n",
        }  # fmt: skip
        text = "from busy import burn\nburn()\nprint('ran')\n"
        vary = r"\d+(\.\d+)? (nsec|usec|msec|sec).*|Ran .*|raw times.*"
        yield Program("modules", f"-m {module}", text, files, words=("-m", *module.split()), vary=vary)
    for code in (
        "print(1)",
        "import sys; print(sys.argv, __name__); sys.exit(3)",
        "1 / 0",
        "",
        "def f(:",
        "\nprint(1)\n",
    ):
        yield Program("modules", f"-c {code!r}", words=("-c", code, "a", "-b"))
