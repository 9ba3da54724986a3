"""Compiles the user's modules with anchors, as they are imported.

``SourceFileLoader.get_code`` is replaced on the class, so that finders, specs,
loaders and ``sys.meta_path`` look as in a plain run, and ``runpy`` goes the
same way as ``import``. Whatever goes wrong here, the plain path is taken.
"""

from __future__ import annotations

import os
import sys
import types
import warnings
from collections.abc import Callable
from fnmatch import fnmatch
from importlib.machinery import SourceFileLoader
from time import perf_counter
from typing import Any

from . import anchors

COMPILE_SECONDS = 1.5
"""Time that compiling user modules anew may cost in all; after that modules load as in a plain run."""
MAX_SOURCE_BYTES = 4_000_000
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

    def __init__(self, is_user: UserCode, taken: Callable[[types.CodeType, list[Any]], types.CodeType]) -> None:
        self.is_user = is_user
        self.taken = taken
        self.sources: dict[str, bytes] = {}
        self.spent = 0.0
        self.budget = COMPILE_SECONDS
        self.with_anchors = True
        self.left_plain = 0
        self.trouble: str = ""
        self.found_timer = False
        """A module of the program names SIGPROF or ITIMER_PROF."""

    def compile(self, data: bytes, file: str) -> types.CodeType | None:
        """Return the module's code with anchors, or ``None`` where the plain path is to be taken."""
        if self.spent > self.budget or len(data) > MAX_SOURCE_BYTES:
            self.left_plain += 1
            return None
        began = perf_counter()
        try:
            if b"SIGPROF" in data or b"ITIMER_PROF" in data:
                self.found_timer = True
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("ignore")
                code, placed = anchors.compile_with_anchors(data, file, MAX_ANCHORS if self.with_anchors else 0)
            del caught
            code = self.taken(anchors.install_anchors(code, placed), placed)
        except Exception as error:  # a source that does not compile must fail as in a plain run
            self.trouble = f"{file}: {type(error).__name__}"
            return None
        finally:
            self.spent += perf_counter() - began
        self.sources[file] = data
        return code


def hook_imports(compiler: Compiler) -> None:
    """Let user modules be compiled by ``compiler`` from now on."""
    original = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, fullname: str) -> types.CodeType | None:
        path = self.get_filename(fullname)
        if type(path) is str and compiler.is_user(path):
            code = compiler.compile(self.get_data(path), path)
            if code is not None:
                return code
        return original(self, fullname)

    # CPython drops the frames of its own import machinery from the tracebacks of failed imports, by file name. This
    # one stands in their midst, and a plain run has no such frame.
    get_code.__code__ = get_code.__code__.replace(co_filename=original.__code__.co_filename)
    SourceFileLoader.get_code = get_code  # type: ignore[method-assign,assignment]
    sys.path_importer_cache.clear()
