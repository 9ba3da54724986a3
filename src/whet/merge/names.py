"""Names of modules and packages, made from paths."""

from __future__ import annotations

import re
from collections.abc import Sequence

from whet.model.frame import Frame, Owner

IMPORT_SYSTEM = "(import system)"
_ROOTS = re.compile(r".*/(?:(?:site|dist)-packages|(?:lib(?:64|32)?/)?(?:python|pypy)3\.\d+t?|python3\d*t?/lib)/", re.I)
_DYNLOAD = re.compile(r"^lib-dynload/")
_MACHINERY = ("<frozen importlib", "<frozen zipimport")


def is_import_machinery(frame: Frame) -> bool:
    """Tell whether a frame belongs to the import system rather than to a module that is imported."""
    return frame.file.startswith(_MACHINERY)


def module_name(file: str, roots: Sequence[str] = ()) -> str:
    """Return the dotted name under which ``file`` was imported, as far as its path tells.

    ``roots`` are folders that stood on ``sys.path``; the longest that fits is cut off.
    """
    if file.startswith("<frozen "):
        return file[len("<frozen ") :].rstrip(">")
    inside = _inside(file, roots)
    parts = [part for part in inside.split("/") if part]
    if not parts:
        return file
    parts[-1] = parts[-1].partition(".")[0]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    return ".".join(parts)


def package_name(frame: Frame, roots: Sequence[str] = ()) -> str:
    """Return what a foreign frame is listed under: its top-level package, its standard module or its library."""
    if frame.owner is Owner.NATIVE:
        return re.split(r"[\\/]", frame.file)[-1] or "(native)"
    if frame.file.startswith("<frozen "):
        return module_name(frame.file).lstrip("_").partition(".")[0]
    if frame.file.startswith("<"):
        return frame.file.strip("<>").partition(" ")[0] or frame.file
    return module_name(frame.file, roots).partition(".")[0]


def _inside(file: str, roots: Sequence[str]) -> str:
    path = file.replace("\\", "/")
    library = _ROOTS.match(path)
    if library:
        return _DYNLOAD.sub("", path[library.end() :])
    fitting = [root for root in (r.replace("\\", "/").rstrip("/") for r in roots if r) if path.startswith(f"{root}/")]
    if fitting:
        return path[len(max(fitting, key=len)) + 1 :]
    return path.rpartition("/")[2]
