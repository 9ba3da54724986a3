"""Whose code a file is: the user's, a dependency's, the standard library's, or no Python at all.

The rule, first match wins:

1. no file, a shared library or a C-like source: native;
2. ``<frozen …>``: standard library; other names in angle brackets see :func:`_owner_of_generated`;
3. excluded by a glob: standard library if it lies there, else a dependency;
4. part of the program itself, or included by a glob: the user's;
5. in a site-packages or dist-packages folder, wherever that is (also inside the project): a dependency;
6. in the standard library: standard library;
7. everything else: the user's.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import translate

from whet.model.frame import Owner

_NATIVE = re.compile(
    r"(\.(so|dylib|dll|pyd|exe|c|cc|cpp|cxx|h|hh|hpp|hxx|rs|s|asm|f|f90|go|m|mm|cu)|\.so(\.\d+)+|\.framework/.*)$",
    re.IGNORECASE,
)
_DEPENDENCY_FOLDER = re.compile(r"(^|/)((site|dist)-packages|[^/]+\.egg)(/|$)", re.IGNORECASE)
_STDLIB_FOLDER = re.compile(
    r"(^|/)(lib(64|32)?/(python|pypy)3\.\d+t?|python3\d*t?/lib|python3\d+\.zip)/", re.IGNORECASE
)
_DRIVE = re.compile(r"([A-Za-z]:[\\/]|\\\\)")
GIVEN_CODE = "<-c code>"
"""What the code of ``-c`` is called: see :mod:`whet.merge.given_code`."""
_GIVEN = frozenset({"<string>", "<script>"})
"""Code that is given as text: the second by ``Interpreter.exec()``."""
_TYPED_IN = (GIVEN_CODE, *_GIVEN, "<stdin>", "<console>", "<input>", "<unknown>")
_TYPED_IN_PREFIXES = ("<ipython-input-", "<python-input-", "<doctest ", "<cell ", "<stdin-")
_DATACLASS_METHODS = frozenset(
    f"__{name}__" for name in ("init", "repr", "eq", "lt", "le", "gt", "ge", "hash", "setattr", "delattr", "replace")
)


@dataclass(frozen=True)
class Ownership:
    """Who owns which file. Folders are absolute paths; globs match the whole path or the path inside the project.

    A glob without a slash or wildcard names a folder or module anywhere: ``pandas``
    includes ``…/site-packages/pandas/frame.py``. ``program`` are files and folders
    that are the program itself although they lie where dependencies do (``black``
    run by its console script), and ``<string>`` for ``-c CODE``. ``hidden`` are
    folders of code that whet itself brought into the target.
    """

    project: str = ""
    stdlib: tuple[str, ...] = ()
    site_packages: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    ignore_case: bool = sys.platform in ("win32", "darwin")
    _known: dict[tuple[str, str], Owner] = field(default_factory=dict, init=False, repr=False, compare=False)
    _matchers: dict[str, re.Pattern[str] | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def owner(self, file: str, name: str = "") -> Owner:
        """Return the owner of ``file``; ``name``, the function's, settles generated code. Cached, touches no disk."""
        key = (file, name if file.startswith("<") else "")
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._decide(file, name)
        return known

    def is_hidden(self, file: str) -> bool:
        """Tell whether ``file`` is whet's own code inside the target."""
        return bool(self.hidden) and self._lies_in(self._normalise(file), self.hidden)

    def _decide(self, file: str, name: str) -> Owner:
        if is_native_file(file):
            return Owner.NATIVE
        if file.startswith("<"):
            return _owner_of_generated(file, name, file in self.program)
        return self._owner_of_path(self._normalise(file))

    def _owner_of_path(self, path: str) -> Owner:
        in_dependency = bool(_DEPENDENCY_FOLDER.search(path)) or self._lies_in(path, self.site_packages)
        in_stdlib = not in_dependency and (bool(_STDLIB_FOLDER.search(path)) or self._lies_in(path, self.stdlib))
        foreign = Owner.STDLIB if in_stdlib else Owner.DEPENDENCY
        if self._matches(path, "exclude"):
            return foreign
        if self._lies_in(path, self.program) or self._matches(path, "include"):
            return Owner.USER
        return foreign if in_dependency or in_stdlib else Owner.USER

    def _normalise(self, path: str) -> str:
        """Return ``path`` with forward slashes, without a trailing one, in one case where case does not count."""
        windows = sys.platform == "win32" or _DRIVE.match(path) is not None
        if windows:
            path = path.replace("\\", "/")
        if windows or self.ignore_case:
            path = path.lower()
        return path.rstrip("/") or "/"

    def _lies_in(self, path: str, places: Iterable[str]) -> bool:
        for place in places:
            root = self._normalise(place) if place else ""
            if root and (path == root or path.startswith(root if root == "/" else f"{root}/")):
                return True
        return False

    def _matches(self, path: str, which: str) -> bool:
        pattern = self._matchers.get(which)
        if pattern is None:
            globs = self.include if which == "include" else self.exclude
            pattern = self._matchers[which] = _compile_globs([self._normalise(glob) for glob in globs if glob])
        if pattern.match(path):
            return True
        project = self._normalise(self.project) if self.project else ""
        return bool(project) and path.startswith(f"{project}/") and bool(pattern.match(path[len(project) + 1 :]))


def is_native_file(file: str) -> bool:
    """Tell whether a frame's file is no Python: none at all, a shared library, a C-like source."""
    return not file or file in ("~", "?", "[unknown]") or file.startswith("[") or _NATIVE.search(file) is not None


def _compile_globs(globs: Iterable[str]) -> re.Pattern[str]:
    """Return one pattern for ``globs``; a glob matches a file, or a folder with everything in it."""
    parts: list[str] = []
    for glob in globs:
        trimmed = glob.removeprefix("./")
        if not any(letter in trimmed for letter in "*?[/"):
            parts.append(rf"(?:.*/)?{re.escape(trimmed)}(?:\.py)?(?:/.*)?\Z")
        else:
            parts += [translate(trimmed), translate(f"{trimmed}/*")]
    return re.compile("|".join(parts) if parts else r"(?!)")


def is_generated_method(name: str) -> bool:
    """Tell whether a function compiled from a text may be one that the standard library makes for a class."""
    return "__create_fn__" in name or name in _DATACLASS_METHODS or name == "<lambda>"


def _owner_of_generated(file: str, name: str, is_program: bool) -> Owner:
    """Return the owner of code whose file is a name in angle brackets.

    ``<string>`` is the program under ``-c``, and what user code gives to
    ``exec``; but the standard library makes methods of dataclasses and named tuples
    that way too. Those cost the line that calls them, so they are not the user's.
    Names that typing or notebooks make are the user's; all others
    (``<attrs generated init …>``, ``<decorator-gen-3>``) come from libraries.
    """
    if file.startswith(("<built-in", "<method", "<native")):
        return Owner.NATIVE
    made_by_dataclass = file == "<string>" and "__create_fn__" in name
    if file.startswith("<frozen ") or made_by_dataclass:
        return Owner.STDLIB
    if is_program:
        return Owner.USER
    # The module level of a string is what a child was started with (multiprocessing's ``python -c``), or what user
    # code gives to ``exec`` or to another interpreter, whose line it then costs.
    if file in _GIVEN and (name in _DATACLASS_METHODS or name in {"<lambda>", "<module>"}):
        return Owner.STDLIB
    typed_in = file in _TYPED_IN or file.startswith(_TYPED_IN_PREFIXES)
    return Owner.USER if typed_in else Owner.DEPENDENCY
