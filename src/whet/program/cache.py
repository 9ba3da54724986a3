"""whet's cache folder, and the profilers in it that are lent to targets that have none of their own.

Layout::

    <cache>/wheels/<abi>/<package>/        put there by ``whet doctor --install``
    <cache>/lent/<abi>/<package>-<key>/    links to a package of whet's own environment

Either kind of folder holds one package, with its bundled libraries, its metadata and what it
imports when it is imported itself.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from importlib.machinery import PathFinder
from pathlib import Path

from whet.errors import StoreError

COMPANIONS: Mapping[str, tuple[str, ...]] = {
    "line_profiler": ("typing_extensions",),
    "memray": ("rich", "typing_extensions"),
}
"""What a package cannot be imported without, beside the standard library; all of it pure Python.

memray's tracker asks for ``typing_extensions`` only once it has started.
"""


def cache_folder(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> Path:
    """Return whet's cache folder (which need not exist) after the platform's custom."""
    variables = os.environ if environ is None else environ
    home = Path(variables.get("HOME") or variables.get("USERPROFILE") or Path.home())
    named = variables.get("XDG_CACHE_HOME", "")
    if named and Path(named).is_absolute():  # the specification: relative paths are to be ignored
        return Path(named) / "whet"
    if platform == "win32":
        local = variables.get("LOCALAPPDATA")
        return Path(local) / "whet" / "Cache" if local else home / "AppData" / "Local" / "whet" / "Cache"
    if platform == "darwin":
        return home / "Library" / "Caches" / "whet"
    return home / ".cache" / "whet"


def wheels_folder(abi: str) -> Path:
    """Return the folder for profilers that were fetched for interpreters of this ABI."""
    return cache_folder() / "wheels" / abi


def lend(name: str, abi: str, own: Path) -> Path:
    """Return a folder with the package ``name`` alone, taken from the folder ``own`` of whet's environment.

    Raises ``StoreError`` when whet's cache cannot be written.
    """
    import shutil
    import tempfile

    parts = parts_of(name, own)
    # Another whet, or another version in the same place, gets a folder of its own.
    names = (sys.prefix, *map(str, parts), *COMPANIONS.get(name, ()))
    key = hashlib.sha256("\n".join(names).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    parent = cache_folder() / "lent" / abi
    folder = parent / f"{name}-{key}"
    if _is_whole(folder, parts):
        return folder
    try:
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = Path(tempfile.mkdtemp(dir=parent, prefix=f".{name}-"))
        try:
            for part in parts:
                _link(part, fresh / part.name)
            add_companions(name, fresh)
            put_in_place(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise StoreError(
            f"cannot prepare {name} for the target in {parent}: {error}", "name a writable folder in XDG_CACHE_HOME"
        ) from error
    return folder


def add_companions(name: str, folder: Path, *, copied: bool = False) -> None:
    """Put what ``name`` needs at its import into ``folder``, from whet's own environment: links, or copies.

    Copies are for folders that are to outlive this environment.
    """
    for companion in COMPANIONS.get(name, ()):
        spec = PathFinder.find_spec(companion)
        if spec is None or not spec.origin:
            continue
        origin = Path(spec.origin)
        source = origin.parent if spec.submodule_search_locations else origin
        if copied:
            _copy(source, folder / source.name)
        else:
            _link(source, folder / source.name)


def has_companions(name: str, folder: Path) -> bool:
    """Tell whether what ``name`` needs at its import is in ``folder``: one that an earlier whet made may lack some."""
    return all(
        (folder / each).is_dir() or (folder / f"{each}.py").is_file()
        for each in COMPANIONS.get(name, ())
        if PathFinder.find_spec(each) is not None
    )


def find_own(name: str) -> Path | None:
    """Return the folder from which whet itself imports ``name``, without importing it."""
    spec = PathFinder.find_spec(name)
    if spec is None or not spec.origin or not spec.submodule_search_locations:
        return None
    return Path(spec.origin).parent.parent


def read_version(name: str, folder: Path) -> str:
    """Return the version of the package in ``folder`` from its metadata's name; empty if there is none."""
    found = _find_metadata(name, folder)
    return found.name.removesuffix(".dist-info").rpartition("-")[2] if found else ""


def _find_metadata(name: str, folder: Path) -> Path | None:
    # Folder names are normalised by modern tools and not by older ones.
    for candidate in (*folder.glob(f"{name}-*.dist-info"), *folder.glob(f"{name.replace('_', '-')}-*.dist-info")):
        return candidate
    return None


def parts_of(name: str, folder: Path) -> list[Path]:
    """Return what belongs to the package in ``folder``: itself, its bundled libraries, its metadata."""
    parts = [folder / name]
    bundled = folder / f"{name}.libs"
    if bundled.is_dir():
        parts.append(bundled)
    metadata = _find_metadata(name, folder)
    if metadata is not None:
        parts.append(metadata)
    return parts


def put_in_place(fresh: Path, folder: Path) -> None:
    """Rename ``fresh`` to ``folder``, which may be there already: stale, or made meanwhile by another whet."""
    try:
        fresh.rename(folder)
    except OSError:
        import shutil

        aside = fresh.with_name(f"{fresh.name}.old")
        folder.rename(aside)
        fresh.rename(folder)
        shutil.rmtree(aside, ignore_errors=True)


def _is_whole(folder: Path, parts: list[Path]) -> bool:
    """Whether all parts are there and no link leads nowhere."""
    return all((folder / part.name).exists() for part in parts) and all(path.exists() for path in folder.iterdir())


def _link(source: Path, link: Path) -> None:
    """Make ``link`` stand for ``source``: a symbolic link, or a copy where those are not allowed (Windows)."""
    try:
        link.symlink_to(source, target_is_directory=source.is_dir())
    except (OSError, NotImplementedError):
        _copy(source, link)


def _copy(source: Path, copy: Path) -> None:
    import shutil

    if source.is_dir():
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, copy)
