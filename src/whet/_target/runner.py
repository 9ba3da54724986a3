"""Brings the process into the state of a plain run that is about to execute the program's first line, and lets it."""

from __future__ import annotations

import builtins
import json
import os
import sys
import types
from contextlib import suppress
from typing import Any

from . import anchors, main_file, unseen, whole_writes


class Program:
    """The program, about to begin."""

    def __init__(self, settings: dict[str, Any], code: types.CodeType) -> None:
        self.settings = settings
        self.code = code
        self.kind: str = settings["kind"]
        self.name: str = settings["name"]
        self.is_bundle = self.kind == "script" and main_file.is_bundle(self.name)
        self.agent: Any = None
        self.all_lines: Any = None
        self.stops: list[Any] = []
        self.warned: list[tuple[str, str, int]] = []

    def set_up(self) -> None:
        """Load what will observe the program, and take the traces of how it was started away."""
        if self.settings.get("agent"):
            from . import agent

            self.agent = agent.Agent(self.settings["agent"])
            self.agent.prepare()
        if self.settings.get("all_lines"):
            from . import all_lines

            # Without it the program runs all the same; whet sees that there is no capture.
            with suppress(ImportError):
                self.all_lines = all_lines.prepare(self.settings["all_lines"])
        self._take_main()
        self._repeat_warnings()
        self._restore_words()
        self._restore_main()

    def _take_main(self) -> None:
        """Put the anchors into the program's own code and register it, as is done with each imported module."""
        with open(self.settings["main"] + ".json", encoding="utf-8", errors="surrogatepass") as file:
            described = json.load(file)
        self.warned = described["warnings"]
        placed: list[anchors.Anchor] = []
        for each in described["anchors"]:
            placed.append(anchors.Anchor.of(each, placed[-1] if placed else None))
        if placed:
            anchors.patch(self.code, placed)
        if self.kind == "module" or self.is_bundle:
            return
        for observer in (self.agent, self.all_lines):
            if observer is not None and (self.kind == "code" or observer.is_user(self.code.co_filename)):
                source = main_file.read_source(self.kind, self.name)
                observer.take_main(self.code, placed, source)
                observer.compiler.note_source(self.code.co_filename, source)

    def _restore_words(self) -> None:
        words = {"script": [self.name], "module": ["-m", self.name], "code": ["-c", self.name]}[self.kind]
        first = {"script": self.name, "module": "-m", "code": "-c"}[self.kind]
        sys.argv[0] = first
        main = self.settings["main"]
        at = next((i for i, word in enumerate(sys.orig_argv) if word == main), len(sys.orig_argv) - len(sys.argv))
        sys.orig_argv[at : at + 1] = words

    def restore_path(self) -> None:
        """Let imports find the program's own modules, as the last thing: whet's own must not find those."""
        if not sys.flags.safe_path:
            sys.path[0] = self._first_path()
        elif self.is_bundle:
            sys.path.insert(0, main_file.script_path(self.name))

    def _first_path(self) -> str:
        if self.kind == "script":
            return main_file.script_path(self.name) if self.is_bundle else os.path.dirname(os.path.realpath(self.name))
        return os.getcwd() if self.kind == "module" else ""

    def _restore_main(self) -> None:
        main = sys.modules["__main__"].__dict__
        main.pop("__file__", None)
        main.pop("__cached__", None)
        if self.kind == "script" and not self.is_bundle:
            from importlib.machinery import SourceFileLoader

            main["__file__"] = self.code.co_filename
            if sys.version_info < (3, 15):
                main["__cached__"] = None
            main["__loader__"] = SourceFileLoader("__main__", self.code.co_filename)
        else:
            from importlib.machinery import BuiltinImporter

            main["__loader__"] = BuiltinImporter
            if self.kind == "code":
                self._show_source_of_code()

    def _show_source_of_code(self) -> None:
        """Let tracebacks show the lines of ``-c``, as the interpreter does from 3.13 on."""
        import linecache

        register = getattr(linecache, "_register_code", None)
        if register is not None and sys.version_info >= (3, 13):
            # 3.13 knows it by the file's name, later ones by the code object.
            key = "<string>" if sys.version_info < (3, 14) else self.code
            register(key, main_file.dedent(self.name), "<string>")

    def forget_shadowed(self, loaded_before: set[str]) -> None:
        """Forget modules that were imported here and for which the program brings its own file of that name."""
        if sys.flags.safe_path:
            return
        try:
            names = {entry.split(".")[0] for entry in os.listdir(sys.path[0] or ".")}
        except OSError:
            return
        for name in set(sys.modules) - loaded_before:
            if name.split(".")[0] in names and not name.startswith("_whet_target"):
                del sys.modules[name]

    def _repeat_warnings(self) -> None:
        """Show what the compiler warned of when it made the program's file."""
        if self.warned:
            import warnings

            for words, category, line in self.warned:
                warnings.warn_explicit(words, getattr(builtins, category), self.code.co_filename, line)

    def begin(self) -> None:
        """Start the profilers inside once those outside have attached."""
        import atexit

        # First in, last out: the program's own exit functions are part of what is measured.
        atexit.register(self._finish)
        if self.settings.get("memray"):
            from . import memory

            self.stops.append(memory.start(self.settings["memray"]))
        sampler = self.settings.get("pyinstrument")
        if self._shake_hands() == b"P":
            sampler = self.settings["fallback"]["pyinstrument"]
        if sampler:
            self._start_sampling(sampler)
            if self.agent is not None:
                self.agent.own_profile_function = sys.getprofile()
        if self.all_lines is not None:
            self.stops.append(self.all_lines.start())
        if self.agent is not None:
            self.agent.start()

    def _start_sampling(self, settings: dict[str, Any]) -> None:
        try:
            from . import sampling

            self.stops.append(sampling.start(settings))
        except Exception as error:
            # The program runs all the same; whet reads why there is no capture.
            with open(f"{settings['capture']}.why", "w", encoding="utf-8", errors="backslashreplace") as sink:
                sink.write(f"{type(error).__name__}: {error}")

    def _shake_hands(self) -> bytes:
        """Say that this process is ready to be attached to, and return what is to happen next."""
        if "ready" not in self.settings:
            return b"G"
        ready, go = _open(self.settings["ready"], os.O_WRONLY), _open(self.settings["go"], os.O_RDONLY)
        _allow_tracing()
        os.write(ready, b"R%d\n" % os.getpid())
        os.close(ready)
        answer = os.read(go, 1)
        os.close(go)
        return answer

    def _finish(self) -> None:
        finish = [self.agent.finish] if self.agent is not None else []
        for stop in (*finish, *reversed(self.stops)):
            try:
                stop()
            except Exception:  # noqa: S112
                # A program may have changed anything. The capture is missing then, which whet says; stderr is not ours.
                continue


def start(settings_path: str, code: types.CodeType, loaded_before: set[str]) -> None:
    """Set up and return; the program's first statement comes next. ``code`` is that of its module."""
    with open(settings_path, encoding="utf-8", errors="surrogateescape") as file:
        settings = json.load(file)
    program = Program(settings, code)
    program.set_up()
    whole_writes.keep_writes_whole()
    program.begin()
    unseen.rename_own_code()
    program.restore_path()
    program.forget_shadowed(loaded_before)


def _open(number: int, flags: int) -> int:
    """Return the descriptor of an inherited end of a pipe, which on Windows is named by its handle."""
    if sys.platform == "win32":
        import msvcrt

        return msvcrt.open_osfhandle(number, flags)
    return number


def _allow_tracing() -> None:
    """Let py-spy, which is no ancestor of this process, read it where the Yama module restricts that."""
    try:
        with open("/proc/sys/kernel/yama/ptrace_scope", encoding="ascii") as file:
            if file.read().strip() != "1":
                return
        import ctypes

        set_ptracer, anyone = 0x59616D61, ctypes.c_ulong(-1 & (2**64 - 1))
        ctypes.CDLL(None).prctl(set_ptracer, anyone, 0, 0, 0)
    except (OSError, ImportError, AttributeError):
        # No Yama here, or no way to ask: the attempt to attach will tell.
        return
