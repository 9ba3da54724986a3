"""Whose a file is that whet would run, or take settings from: the user's, the system's, or that of somebody else.

Rules of a project are code, and so is the interpreter in its environment. As git does, whet runs and heeds what belongs
to the user who runs it, or to the system; what is another user's only where a folder was named by ``whet trust``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from whet.atomic import PRIVATE, write_atomically
from whet.errors import StoreError
from whet.reading import MOST_SETTINGS, read_file

FILE = "trusted.json"
HINT = "if you trust it: whet trust {}"


def is_trusted(*paths: Path) -> bool:
    """Whether all of ``paths`` that exist are the user's or the system's, or in a folder that the user trusts.

    Windows has owners of another kind: there, everything is.
    """
    others = [path for path in paths if not _is_own(path)]
    if not others:
        return True
    folders = list_trusted()
    return all(any(_lies_in(path, folder) for folder in folders) for path in others)


def list_trusted(environ: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """Return the folders that the user trusts; none where the list cannot be read or is another user's."""
    import json

    path = _find_list(environ)
    try:
        named = json.loads(read_file(path, MOST_SETTINGS)) if _is_own(path) else []
    except (OSError, ValueError, RecursionError):
        return ()
    return tuple(Path(each) for each in named if isinstance(each, str)) if isinstance(named, list) else ()


def trust(folder: Path) -> None:
    """Remember that the user trusts ``folder`` and what is in it. Raises ``StoreError``."""
    _write_list({*list_trusted(), folder.resolve()})


def distrust(folder: Path) -> bool:
    """Forget it; return whether it was trusted. Raises ``StoreError``."""
    known = set(list_trusted())
    if folder.resolve() not in known:
        return False
    _write_list(known - {folder.resolve()})
    return True


def _write_list(folders: Iterable[Path]) -> None:
    import json

    path = _find_list()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(sorted(map(str, folders)), indent=1).encode("ascii") + b"\n", mode=PRIVATE)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}", "free some space, or fix its permissions"
        ) from error


def _find_list(environ: Mapping[str, str] | None = None) -> Path:
    """Return the file that holds the list, in the user's folder for settings."""
    variables = os.environ if environ is None else environ
    named = variables.get("XDG_CONFIG_HOME", "")
    if named and Path(named).is_absolute():
        return Path(named) / "whet" / FILE
    home = Path(variables.get("HOME") or variables.get("USERPROFILE") or Path.home())
    if sys.platform == "win32":
        return Path(variables.get("APPDATA") or home / "AppData" / "Roaming") / "whet" / FILE
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "whet" / FILE
    return home / ".config" / "whet" / FILE


def _is_own(path: Path) -> bool:
    if not hasattr(os, "getuid"):
        return True
    try:
        # A link may be another user's although what it leads to is not.
        owners = {path.stat().st_uid, path.lstat().st_uid}
    except (OSError, ValueError):
        return True  # what is not there is not run
    return owners <= _list_own_users()


def _list_own_users() -> set[int]:
    """Return the user, the system, and for ``sudo`` who called it, as git does."""
    users = {os.getuid(), 0}
    caller = os.environ.get("SUDO_UID", "")
    if os.getuid() == 0 and caller.isdecimal():
        users.add(int(caller))
    return users


def _lies_in(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder)
    except (OSError, RuntimeError, ValueError):
        return False
