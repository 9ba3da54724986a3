"""Makes ``__main__``, ``sys.argv`` and ``sys.path`` what the program expects, and runs it."""

from __future__ import annotations

import builtins
import json
import os
import sys
import types
from importlib.machinery import SourceFileLoader
from typing import Any, NoReturn

OWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "")


class Program:
    """The program, ready to be started."""

    def __init__(self, settings: dict[str, Any], kind: str, name: str, args: list[str]) -> None:
        self.settings = settings
        self.kind = kind
        self.name = name
        self.args = args
        self.code: types.CodeType | None = None
        self.namespace: dict[str, Any] = {}
        self.agent: Any = None
        self.all_lines: Any = None
        self.stops: list[Any] = []

    def set_up(self, loaded_before: set[str]) -> None:
        """Bring everything into the state of a plain run that is about to execute its first line."""
        if self.settings.get("agent"):
            from . import agent

            self.agent = agent.Agent(self.settings["agent"])
            self.agent.prepare()
        if self.settings.get("all_lines"):
            from . import all_lines

            self.all_lines = all_lines.prepare(self.settings["all_lines"])
        own_main = sys.modules["__main__"]
        # Keeps this module's own globals alive: functions of bootstrap.py still run.
        self.keep = own_main
        main = types.ModuleType("__main__")
        main.__dict__["__builtins__"] = builtins
        if sys.version_info < (3, 14):
            main.__annotations__ = {}
        sys.modules["__main__"] = main
        self.namespace = main.__dict__
        if not sys.flags.safe_path:
            sys.path[0] = self._first_path()
        sys.argv[:] = [self.name if self.kind == "script" else "-c" if self.kind == "code" else "-m", *self.args]
        words = {"script": [self.name], "module": ["-m", self.name], "code": ["-c", self.name]}[self.kind]
        if hasattr(sys, "orig_argv"):
            at = next((i for i, word in enumerate(sys.orig_argv) if word.startswith(OWN)), 1)
            sys.orig_argv[at:] = [*words, *self.args]
        self._unload_shadowed(loaded_before)

    def _first_path(self) -> str:
        if self.kind == "script":
            return self.name if self._is_bundle() else os.path.dirname(os.path.realpath(self.name))
        return os.getcwd() if self.kind == "module" else ""

    def _script_path(self) -> str:
        """Return ``__file__`` as the interpreter makes it: absolute, but not normalised."""
        if os.path.isabs(self.name) or os.name == "nt":
            return os.path.abspath(self.name) if os.name == "nt" else self.name
        return os.path.join(os.getcwd(), self.name.removeprefix("./"))

    def _is_bundle(self) -> bool:
        """Tell whether the script is a folder or a zip file with a ``__main__.py`` in it."""
        if os.path.isdir(self.name):
            return True
        import zipimport

        try:
            zipimport.zipimporter(self.name)
        except zipimport.ZipImportError:
            return False
        return True

    def _unload_shadowed(self, loaded_before: set[str]) -> None:
        """Forget modules that we imported and for which the program brings its own file of that name."""
        folder = sys.path[0] or "."
        try:
            names = {entry.split(".")[0] for entry in os.listdir(folder)}
        except OSError:
            return
        for name in set(sys.modules) - loaded_before:
            if name.split(".")[0] in names and not name.startswith("_whet_target"):
                del sys.modules[name]

    def load(self) -> None:
        """Compile the program where it is ours to compile."""
        if self.kind == "module" or (self.kind == "script" and self._is_bundle()):
            return
        if self.kind == "code":
            self.namespace.update(__loader__=None, __spec__=None, __package__=None, __doc__=None)
            self.namespace["__loader__"] = builtins.__dict__["__loader__"]
            self.code = compile(self.name, "<string>", "exec", dont_inherit=True)
            return
        path = self._script_path()
        self.namespace.update(__file__=path, __spec__=None, __package__=None, __doc__=None)
        if sys.version_info < (3, 15):
            self.namespace["__cached__"] = None
        loader = SourceFileLoader("__main__", path)
        self.namespace["__loader__"] = loader
        with open(self.name, "rb") as file:
            data = file.read()
        code = None
        for compiling in (self.agent, self.all_lines):
            if compiling is not None and code is None and compiling.is_user(path):
                code = compiling.compiler.compile(data, path)
        if code is None and self.name.endswith(".pyc"):
            import marshal

            code = marshal.loads(data[16:])  # noqa: S302  # the program itself
        self.code = code if code is not None else compile(data, path, "exec", dont_inherit=True)

    def begin(self) -> None:
        """Wait until the profilers outside have attached, then start those inside."""
        import atexit

        # First in, last out: the program's own exit functions are part of what is measured.
        atexit.register(self._finish)
        if self.settings.get("memray"):
            from . import memory

            self.stops.append(memory.start(self.settings["memray"]))
        if self.settings.get("all_lines"):
            from . import all_lines

            self.stops.append(all_lines.start(self.all_lines))
        sampler = self.settings.get("pyinstrument")
        if self._shake_hands() == b"P":
            sampler = self.settings["fallback"]["pyinstrument"]
        if sampler:
            from . import sampling

            self.stops.append(sampling.start(sampler))
            if self.agent is not None:
                self.agent.own_profile_function = sys.getprofile()
        if self.agent is not None:
            self.agent.start()
        self.load()

    def _shake_hands(self) -> bytes:
        """Say that this process is ready to be attached to, and return what is to happen next."""
        if "ready" not in self.settings:
            return b"G"
        ready, go = _open(self.settings["ready"], os.O_WRONLY), _open(self.settings["go"], os.O_RDONLY)
        _allow_tracing()
        os.write(ready, b"R")
        os.close(ready)
        answer = os.read(go, 1)
        os.close(go)
        return answer

    def _finish(self) -> None:
        if self.agent is not None:
            self.agent.finish()
        for stop in reversed(self.stops):
            stop()

    def run_module(self) -> None:
        """Run a module, folder or zip file by :mod:`runpy`, as the interpreter itself does."""
        import runpy

        if self.kind == "module":
            sys.argv[0] = "-m"
            runpy._run_module_as_main(self.name)  # type: ignore[attr-defined]
        else:
            runpy._run_module_as_main("__main__", False)  # type: ignore[attr-defined]

    def fail(self, error: BaseException) -> NoReturn:
        """Let an exception end the program as in a plain run, without whet's frames in the traceback."""
        strip_own_frames(error)
        if isinstance(error, KeyboardInterrupt):
            _show(error)
            sys.excepthook = lambda *_: None
            # The interpreter itself turns this into the right exit: by the signal.
            raise error
        _show(error)
        sys.exit(1)


def _open(number: int, flags: int) -> int:
    """Return the descriptor of an inherited end of a pipe, which on Windows is named by its handle."""
    if sys.platform == "win32":
        import msvcrt

        return msvcrt.open_osfhandle(number, flags)
    return number


def strip_own_frames(error: BaseException) -> None:
    """Take frames of this package out of the tracebacks of an exception and of those it arose from."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        kept = []
        traceback = one.__traceback__
        while traceback is not None:
            if not traceback.tb_frame.f_code.co_filename.startswith(OWN):
                kept.append(traceback)
            traceback = traceback.tb_next
        for outer, inner in zip(kept, [*kept[1:], None], strict=True):
            outer.tb_next = inner
        one.__traceback__ = kept[0] if kept else None
        todo += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            todo += one.exceptions


def _show(error: BaseException) -> None:
    """Report an uncaught exception through ``sys.excepthook``, as the interpreter does."""
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit:
        raise
    except BaseException as second:
        strip_own_frames(second)
        print("Error in sys.excepthook:", file=sys.stderr)  # noqa: T201  # the interpreter's own words
        sys.__excepthook__(type(second), second, second.__traceback__)
        print("\nOriginal exception was:", file=sys.stderr)  # noqa: T201
        sys.__excepthook__(type(error), error, error.__traceback__)


def _allow_tracing() -> None:
    """Let py-spy, which is no ancestor of ours, read this process where the Yama module restricts that."""
    try:
        with open("/proc/sys/kernel/yama/ptrace_scope", encoding="ascii") as file:
            if file.read().strip() != "1":
                return
        import ctypes

        ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1 & (2**64 - 1)), 0, 0, 0)
    except (OSError, ImportError, AttributeError):
        # No Yama here, or no way to ask: the attempt to attach will tell.
        return


def prepare(argv: list[str]) -> Program:
    """Read the settings and return the program, ready to begin."""
    loaded_before = set(sys.modules)
    settings_path, kind, name, *args = argv[1:]
    with open(settings_path, encoding="utf-8", errors="surrogateescape") as file:
        settings = json.load(file)
    program = Program(settings, kind, name, args)
    program.set_up(loaded_before)
    return program
