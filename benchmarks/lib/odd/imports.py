"""Programs that change how modules come to be."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

from lib.odd.program import Program

STANDARD = (
    "types", "json", "ast", "enum", "signal", "threading", "re", "random", "string", "token", "select", "socket",
    "queue", "dis", "inspect", "collections", "marshal", "ctypes", "logging", "_whet_inprocess", "tempfile", "struct",
    "traceback", "weakref", "functools", "dataclasses", "atexit", "gc",
)  # fmt: skip
SHADOWED = """
    import sys
    print("{0}" in sys.modules)
    from busy import burn
    burn()
    import {0}
    print(getattr({0}, "OWN", None), {0}.__spec__.origin in ("built-in", "frozen") or {0}.__file__[-20:])
"""
TRICKS: dict[str, tuple[str, dict[str, str | bytes]]] = {
    "finder of its own": (
        """
        import importlib.machinery, importlib.util, sys
        from busy import burn
        class Finder:
            def find_spec(self, name, path=None, target=None):
                print("asked for", name)
                if name == "made_up": return importlib.machinery.ModuleSpec(name, self)
            def create_module(self, spec): return None
            def exec_module(self, module): module.value = 5
        sys.meta_path.insert(0, Finder())
        burn()
        import made_up
        print(made_up.value, [type(each).__name__ for each in sys.meta_path], sys.path_hooks)
        """,
        {},
    ),
    "import replaced": (
        """
        import builtins
        from busy import burn
        real = builtins.__import__
        def tell(name, *rest, **named):
            print("import", name)
            return real(name, *rest, **named)
        builtins.__import__ = tell
        burn()
        import colorsys, this_is_not_there
        """,
        {},
    ),
    "main replaced": (
        """
        import sys, types
        from busy import burn
        sys.modules["__main__"] = types.ModuleType("__main__")
        burn()
        print(__name__, sys.modules["__main__"].__dict__.keys())
        """,
        {},
    ),
    "modules removed": (
        """
        import sys
        from busy import burn
        kept = dict(sys.modules)
        for name in list(sys.modules):
            if name not in ("sys", "builtins", "__main__"): del sys.modules[name]
        burn(0.2)
        import json
        print(json.dumps([1]), json is kept.get("json"))
        sys.modules.update(kept)
        """,
        {},
    ),
    "path replaced": (
        """
        import sys
        from busy import burn
        sys.path[:] = []
        sys.path_hooks.clear()
        sys.path_importer_cache.clear()
        burn()
        try: import colorsys
        except ImportError as error: print(error)
        """,
        {},
    ),
    "reloaded": (
        """
        import importlib, busy
        for _ in range(20):
            importlib.reload(busy)
            busy.burn(0.01)
        print(busy.burn.__code__.co_filename[-8:])
        """,
        {},
    ),
    "from a zip": (
        """
        import sys
        sys.path.insert(0, "library.zip")
        import inside
        from busy import burn
        burn()
        print(inside.work(5), inside.__file__[-20:], inside.__loader__.get_source("inside")[:10])
        """,
        {"library.zip": b"ZIP:inside.py:def work(number):\n    return sum(range(number * 10 ** 5))\n"},
    ),
    "compiled only": (
        """
        import os, py_compile, sys
        open("only.py", "w").write("def work(): return sum(range(10 ** 6))")
        py_compile.compile("only.py", "only.pyc"); os.unlink("only.py")
        import only
        print(only.work(), os.path.basename(only.__file__))
        """,
        {},
    ),
    "namespace package": (
        """
        import sys
        sys.path += ["one", "two"]
        import space.a, space.b
        from busy import burn
        burn()
        print(space.a.NAME, space.b.NAME, list(space.__path__), space.__file__)
        """,
        {"one/space/a.py": "NAME = 'a'", "two/space/b.py": "NAME = 'b'"},
    ),
    "lazy modules": (
        """
        import importlib.util, sys
        from busy import burn
        spec = importlib.util.find_spec("late")
        spec.loader = importlib.util.LazyLoader(spec.loader)
        late = sys.modules["late"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(late)
        burn()
        print("before"); print(late.VALUE)
        """,
        {"late.py": "print('loaded'); VALUE = 1"},
    ),
    "code made at run time": (
        """
        import linecache, traceback
        from busy import burn
        text = "def made(n):\\n    return sum(range(n)) / 0\\n"
        linecache.cache["<made>"] = (len(text), None, text.splitlines(True), "<made>")
        space = {}
        exec(compile(text, "<made>", "exec"), space)
        burn()
        try: space["made"](10 ** 6)
        except ZeroDivisionError: traceback.print_exc()
        print(eval("sum(range(5))"), [each for each in vars() if each.startswith("__")])
        """,
        {},
    ),
    "runpy": (
        """
        import runpy
        from busy import burn
        burn()
        print(runpy.run_path("other.py", run_name="ran")["name"], runpy.run_module("other")["name"])
        """,
        {"other.py": "import sys\nname = __name__, sys.argv[0][-8:]"},
    ),
    "syntax error in what is imported": ("from busy import burn\nburn()\nimport broken\n", {"broken.py": "def (:\n"}),
    "circular imports": (
        "import one\nfrom busy import burn\nburn()\nprint(one.two.one is one)\n",
        {"one.py": "import two\nfrom busy import burn\nburn(0.05)", "two.py": "import one\nfrom busy import burn"},
    ),
    "thousand modules": (
        """
        import importlib, os
        os.mkdir("many")
        for number in range(1000):
            open(f"many/m{number}.py", "w").write(f"def f(): return {number}")
        importlib.invalidate_caches()
        print(sum(importlib.import_module(f"many.m{number}").f() for number in range(1000)))
        """,
        {},
    ),
    "subinterpreters": (
        """
        import sys
        from busy import burn
        burn()
        try: import _interpreters as made
        except ImportError: import _xxsubinterpreters as made
        each = made.create()
        made.run_string(each, "import sys, os; sum(range(10 ** 6)); print('x' in sys.modules, os.getcwd()[:1])")
        made.destroy(each)
        """,
        {},
    ),
}
CUSTOM = {
    "prints": "print('from the customization')",
    "prints to stderr": "import sys; print('customized', file=sys.stderr)",
    "raises": "raise LookupError('on purpose')",
    "exits": "raise SystemExit(3)",
    "imports much": "import json, threading, asyncio, logging",
    "traces": "import sys; sys.settrace(lambda *_: None)",
    "starts a thread": "import threading; threading.Thread(target=print, args=('thread',)).start()",
}


def fill_zip(text: bytes) -> bytes:
    """Return a zip file with the one module that ``text`` names and holds."""
    _, name, code = text.decode().split(":", 2)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr(zipfile.ZipInfo(name), code)
    return held.getvalue()


def make() -> Iterator[Program]:
    """Yield the programs of this family."""
    for name in STANDARD:
        own = {f"{name}.py": "OWN = 'own'\n"}
        yield Program("imports", f"a local {name}.py", SHADOWED.format(name), own)
    for name, (text, files) in TRICKS.items():
        made = {path: fill_zip(held) if held[:4] in (b"ZIP:",) else held for path, held in files.items()}
        yield Program("imports", name, text, made)
    tell = "import sys\nfrom busy import burn\nburn()\nprint([each in sys.modules for each in ('json', '{0}')])\n"
    for module in ("sitecustomize", "usercustomize"):
        for name, text in CUSTOM.items():
            files = {f"own/{module}.py": text}
            env = {"PYTHONPATH": "own"}
            yield Program("imports", f"{module} that {name}", tell.format(module), files, env=env, ordered=False)
