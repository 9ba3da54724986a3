"""Lets a program run with some of its files rewritten, while the files on disk stay as they are.

A copy of this file stands beside one of ``hook/sitecustomize.py`` and a ``table`` of sources and
compiled code, in a folder that ``PYTHONPATH`` names first. So the interpreter loads it in the program
and in every Python that the program starts.

Files that the table does not name load as ever. Baseline and candidate have the same
files in their tables, so both pay the same.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would take most of the time that all of this does, and be seen by the program
    from typing import Any

_external: Any = sys.modules["_frozen_importlib_external"]


class Overlay:
    """The files of a table, as the import system and whoever shows source get to see them."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.files: dict[str, tuple[bytes, bytes]] = table["files"]
        self.usable = table["magic"] == _external.MAGIC_NUMBER and table["optimize"] == sys.flags.optimize
        """Whether the code was compiled for an interpreter like this one."""
        self.names = {file.replace("\\", "/").rpartition("/")[2] for file in self.files}
        self.note: Any = None
        """Is told of each file of the table that is loaded."""

    def find(self, path: Any) -> str | None:
        """Return the table's name for ``path``, whichever way that is spelt; ``None`` for another file."""
        if not isinstance(path, str):
            return None
        if path in self.files:
            return path
        if path.replace("\\", "/").rpartition("/")[2] not in self.names:
            return None
        import os

        real = os.path.realpath(path)
        return next((file for file in self.files if os.path.realpath(file) == real), None)

    def load_code(self, file: str, path: str) -> Any:
        """Return the module's code as if it had been compiled from ``path``."""
        source, compiled = self.load_source(file), self.files[file][1]
        if not self.usable or not compiled:
            return compile(source, path, "exec", dont_inherit=True)
        import _imp
        import marshal

        code = marshal.loads(compiled)  # noqa: S302  what overlay_compile.py wrote
        _imp._fix_co_filename(code, path)  # type: ignore[attr-defined]
        return code

    def load_source(self, file: str) -> bytes:
        """Return a source of the table."""
        if self.note is not None:
            self.note(b"loaded", file)
        return self.files[file][0]

    def hook_imports(self) -> None:
        """Let the import system, and ``runpy``, find the table's code and sources."""
        import _imp
        import _io

        loader = _external.SourceFileLoader
        plain_code, plain_data, plain_open = loader.get_code, loader.get_data, _io.open_code
        find, load_code, files, install = self.find, self.load_code, self.files, self.hook_linecache
        load_source = self.load_source

        def get_code(self: Any, fullname: str) -> Any:
            file = find(self.path)
            if file is not None:
                return load_code(file, self.path)
            code = plain_code(self, fullname)
            return _continue_with(code, install) if fullname == "linecache" else code

        def get_data(self: Any, path: Any) -> Any:
            file = find(path)
            return plain_data(self, path) if file is None else load_source(file)

        def open_code(path: Any) -> Any:
            file = find(path)
            if file is None:
                return plain_open(path)
            # zipimport looks whether a script is an archive, which does not load it.
            is_looked_at = sys._getframe(1).f_globals.get("__name__") == "zipimport"
            return _io.BytesIO(files[file][0] if is_looked_at else load_source(file))

        for function in (get_code, get_data):
            # CPython drops the frames of its import machinery from tracebacks, by their file name.
            function.__code__ = function.__code__.replace(co_filename=plain_code.__code__.co_filename)
            setattr(loader, function.__name__, function)
        # Python 3.14 starts without ``io``, which then takes it from ``_io``.
        for module in ("_io", "io"):
            if module in sys.modules:
                vars(sys.modules[module])["open_code"] = open_code
        if "linecache" in sys.modules:
            self.hook_linecache(sys.modules["linecache"].__dict__)
        elif _imp.is_frozen("linecache"):
            _after_frozen("linecache", install)

    def hook_linecache(self, module: dict[str, Any]) -> None:
        """Let tracebacks and :mod:`inspect` show the sources that run: they look them up by file name."""
        plain, find, files = module["updatecache"], self.find, self.files

        def updatecache(filename: Any, module_globals: Any = None) -> Any:
            file = find(filename)
            if file is None:
                return plain(filename, module_globals)
            lines = _external.decode_source(files[file][0]).splitlines(keepends=True)
            if lines and not lines[-1].endswith("\n"):
                lines[-1] += "\n"
            # Without a time of modification it is taken for what a loader gave, and is kept.
            module["cache"][filename] = (sum(map(len, lines)), None, lines, filename)
            return lines

        module["updatecache"] = updatecache


def _after_frozen(name: str, what: Any) -> None:
    """Call ``what`` with a module's namespace once it is loaded, which Python 3.15 has among its frozen ones."""
    importer = sys.modules["_frozen_importlib"].FrozenImporter
    plain = importer.exec_module

    def exec_module(module: Any) -> None:
        plain(module)
        if module.__name__ == name:
            importer.exec_module = staticmethod(plain)
            what(vars(module))

    exec_module.__code__ = exec_module.__code__.replace(co_filename=plain.__code__.co_filename)
    importer.exec_module = staticmethod(exec_module)


def _continue_with(code: Any, what: Any) -> Any:
    """Return code that does the same as ``code``, then calls ``what`` with the module's namespace."""

    class Step:
        call = staticmethod(what)

    both = compile("exec('code', globals())\n'step'.call(globals())", code.co_filename, "exec", dont_inherit=True)
    placed = {"code": code, "step": Step}
    return both.replace(co_consts=tuple(placed.get(each, each) for each in both.co_consts))


def watch_writing(log: str) -> None:
    """Append to ``log`` each path that the program opens for writing, moves, makes or removes, once a process."""
    import os

    writing = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC
    changing = {"os.remove": 1, "os.rename": 2, "os.mkdir": 1, "os.rmdir": 1, "os.truncate": 1, "sqlite3.connect": 1}
    noted: set[str] = set()
    busy = False

    def look(event: str, words: Any) -> None:
        nonlocal busy
        if event == "open":
            paths = words[:1] if isinstance(words[2], int) and words[2] & writing else ()
        elif event in changing:
            paths = words[: changing[event]]
        else:
            return
        if busy:
            return
        busy = True
        try:
            for path in paths:
                if isinstance(path, (str, bytes)) and (name := os.path.abspath(os.fsdecode(path))) not in noted:
                    noted.add(name)
                    _append(log, os.fsencode(name))
        except (OSError, ValueError):
            pass
        finally:
            busy = False

    sys.addaudithook(look)


def _append(log: str, entry: bytes) -> None:
    """Append an entry to a log that all processes of a run write to."""
    import os

    number = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(number, entry + b"\0")
    os.close(number)


def watch_loading(overlay: Overlay, log: str) -> None:
    """Append to ``log`` each file of the table that is loaded, or that is the script: the interpreter reads that."""
    import os

    noted: set[tuple[bytes, str]] = set()

    def note(how: bytes, file: str) -> None:
        if (how, file) in noted:
            return
        noted.add((how, file))
        try:
            _append(log, how + b" " + os.fsencode(file))
        except OSError:
            pass

    overlay.note = note
    script = overlay.find(sys.argv[0]) if sys.argv else None
    if script is not None:
        note(b"script", script)


def start(folder: str) -> None:
    """Put the table in ``folder`` in the place of its files, and say that the interpreter can be read by now."""
    import marshal
    import os

    with open(folder + "/table", "rb") as file:
        table = marshal.load(file)  # noqa: S302  what overlay_compile.py wrote
    overlay = Overlay(table)
    overlay.hook_imports()
    try:
        os.close(os.open(folder + "/started", os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError:
        pass
    if table["log"]:
        watch_loading(overlay, table["log"] + "-loaded")
        watch_writing(table["log"])
