"""Compiles the user's modules with anchors, as they are imported.

Two methods of ``SourceFileLoader`` are replaced on the class, so that finders,
specs, loaders and ``sys.meta_path`` look as in a plain run, and ``runpy`` goes
the same way as ``import``. Whatever goes wrong here, the plain path is taken.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from fnmatch import fnmatch
from importlib.machinery import SourceFileLoader
from time import perf_counter
from typing import Any

from . import anchors, placing

COMPILE_SECONDS = 1.5
"""Time that compiling user modules anew may cost in all; after that modules load as in a plain run."""
MAX_SOURCE_BYTES = 4_000_000
_PROFILERS = frozenset(
    os.path.join(os.path.dirname(os.path.abspath(os.__file__)), name)
    for name in ("cProfile.py", "profile.py", os.path.join("profiling", "tracing", "__init__.py"))
)
MAX_ANCHORS = 20_000
"""Anchors in one module at most."""


class UserCode:
    """Tells which files are the user's."""

    def __init__(self, foreign: list[str], program: list[str], include: list[str], exclude: list[str]) -> None:
        self.foreign = tuple(self._as_folder(path) for path in foreign if path)
        self.program = tuple(self._as_folder(path) for path in program if path)
        self.include = tuple(include)
        self.exclude = tuple(exclude)
        self.own = self._as_folder(os.path.dirname(os.path.abspath(__file__)))
        self.cache: dict[str, bool] = {}

    @staticmethod
    def _as_folder(path: str) -> str:
        return path if path.endswith(".py") else os.path.join(path, "")

    def __call__(self, file: str) -> bool:
        """Return whether ``file`` is the user's code."""
        known = self.cache.get(file)
        if known is None:
            known = self.cache[file] = self._decide(file)
        return known

    def _decide(self, file: str) -> bool:
        if file.startswith("<") or file.startswith(self.own):
            return False
        path = os.path.abspath(file)
        if any(fnmatch(path, pattern) for pattern in self.exclude):
            return False
        if path.startswith(self.program) or any(fnmatch(path, pattern) for pattern in self.include):
            return True
        return not path.startswith(self.foreign)


class Compiler:
    """Compiles user sources with anchors and hands the code to whoever counts lines."""

    def __init__(
        self,
        is_user: UserCode,
        taken: Callable[[placing.Placed, bytes], types.CodeType],
        left_alone: Callable[[], None] = lambda: None,
    ) -> None:
        self.is_user = is_user
        self.taken = taken
        self.left_alone = left_alone
        """Called once there is a ``claim`` that cannot wait for the next module."""
        self.sources: dict[str, bytes] = {}
        self.spent = 0.0
        self.budget = COMPILE_SECONDS
        self.with_anchors = True
        self.togglable = False
        """Whether counters that cost too much can be switched off."""
        self.other_files: set[str] = set()
        """The user's files that load as in a plain run, so that starting stays quick."""
        self.strangers: set[str] = set()
        """The user's files that were seen running and that the import system did not compile."""
        self.trouble: str = ""
        self.claim = ""
        """Why the program must be left alone: it uses the timer, or a profiler that would tell of whet's calls."""

    def wants(self, path: str) -> bool:
        """Return whether a file is the user's and there is time left to compile it anew."""
        if not self.is_user(path):
            return False
        if self.spent > self.budget:
            self.other_files.add(path)
            return False
        return True

    def compile(self, data: bytes, file: str, *, quietly: bool = False) -> types.CodeType | None:
        """Return the module's code with anchors, or ``None`` where the plain path is to be taken.

        What the compiler warns of is shown as in a plain run, which says nothing where it takes bytecode (``quietly``).
        """
        if len(data) > MAX_SOURCE_BYTES:
            self.other_files.add(file)
            return None
        began = perf_counter()
        try:
            self._look_for_timer(data)
            budget = MAX_ANCHORS if self.with_anchors else 0
            with _warnings_off() if quietly else nullcontext():
                placed = placing.compile_with_anchors(data, file, budget, togglable=self.togglable)
            code = self.taken(placing.Placed(anchors.install_anchors(*placed), placed.anchors), data)
        except Exception as error:  # a source that does not compile must fail as in a plain run
            self.trouble = f"{file}: {type(error).__name__}"
            return None
        finally:
            self.spent += perf_counter() - began
        self.sources[file] = data
        return code

    def note_stranger(self, frame: types.FrameType | None) -> None:
        """Take note of the innermost user code from ``frame`` outwards, where something else has compiled it."""
        while frame is not None:
            file = frame.f_code.co_filename
            if self.is_user(file):
                if file not in self.sources and file not in self.other_files and file.endswith(".py"):
                    self.strangers.add(file)
                return
            frame = frame.f_back

    def note_source(self, file: str, source: bytes) -> None:
        """Keep the source of the program itself, which was compiled before this process began."""
        self._look_for_timer(source)
        if not file.startswith("<"):
            self.sources[file] = source

    def _look_for_timer(self, source: bytes) -> None:
        if b"SIGPROF" in source or b"ITIMER_PROF" in source:
            self.claim = self.claim or "the program uses the CPU timer (SIGPROF) itself"

    def note_library(self, path: str) -> None:
        """Take note of a module that is about to be loaded and is not the program's own."""
        if path in _PROFILERS and not self.claim:
            self.claim = (
                "the program loads a profiler of its own (cProfile), which would count whet's work as the program's"
            )
            self.with_anchors = False
            self.left_alone()


@contextmanager
def _warnings_off() -> Iterator[None]:
    """Show no warnings meanwhile.

    ``warnings.catch_warnings`` would make all modules forget which warnings they have shown already.
    """
    filters = warnings.filters
    warnings.filters = [("ignore", None, Warning, None, 0)]
    try:
        yield
    finally:
        warnings.filters = filters


def _has_bytecode(source: str, stats: Any) -> bool:
    """Tell whether a plain run would take bytecode that lies beside the source, and so not compile it."""
    try:
        with open(importlib.util.cache_from_source(source), "rb") as file:
            header = file.read(16)
    except (OSError, NotImplementedError, ValueError):
        return False
    if header[:4] != importlib.util.MAGIC_NUMBER or len(header) < 16:
        return False
    if header[4] & 1:  # told by its hash, which hardly anything but a build makes, of sources that stay
        return True
    numbers = (int(stats["mtime"]) & 0xFFFFFFFF, stats["size"] & 0xFFFFFFFF)
    return header[8:] == b"".join(number.to_bytes(4, "little") for number in numbers)


def hook_imports(compiler: Compiler) -> None:
    """Let user modules be compiled by ``compiler`` from now on."""
    plain_stats = SourceFileLoader.path_stats
    plain_compile = SourceFileLoader.source_to_code
    call = importlib._bootstrap._call_with_frames_removed  # type: ignore[attr-defined]
    compiled: set[str] = set()
    """Modules that a plain run does not compile now, but takes from bytecode."""

    def path_stats(self: SourceFileLoader, path: str) -> Any:
        # Without a time of modification the import system compiles the source, and writes no bytecode of it.
        stats = plain_stats(self, path)
        if type(path) is str:
            if compiler.wants(path):
                (compiled.add if _has_bytecode(path, stats) else compiled.discard)(path)
                raise OSError
            compiler.note_library(path)
        return stats

    def source_to_code(self: SourceFileLoader, data: Any, path: Any, *, _optimization: int = -1) -> Any:
        if type(path) is str and compiler.wants(path):
            code = compiler.compile(bytes(data), path, quietly=path in compiled)
            if code is not None:
                return code
        with _warnings_off() if path in compiled else nullcontext():
            return call(compile, data, path, "exec", dont_inherit=True, optimize=_optimization)

    _disguise(path_stats, plain_stats)
    _disguise(source_to_code, plain_compile)
    SourceFileLoader.path_stats = path_stats  # type: ignore[method-assign]
    SourceFileLoader.source_to_code = source_to_code  # type: ignore[method-assign,assignment]


def _disguise(function: Any, original: Any) -> None:
    """Let a replacement's frames look like those of the original.

    CPython drops the frames of its own import machinery from the tracebacks of
    failed imports, by file name; where it does not, lines are shown.
    """
    code, model = function.__code__, original.__code__
    last = max(line for *_, line in code.co_lines() if line)
    model_last = max(line for *_, line in model.co_lines() if line)
    # The call stands on the last line but one of the original where that is long.
    shift = min(model_last, _first_line_of_call(model)) - last
    function.__code__ = code.replace(
        co_filename=model.co_filename, co_qualname=model.co_qualname, co_firstlineno=code.co_firstlineno + shift
    )


def _first_line_of_call(code: types.CodeType) -> int:
    lines = [position[0] for position in code.co_positions() if position[0]]
    return max(set(lines), key=lambda line: (lines.count(line), -line)) if lines else code.co_firstlineno
