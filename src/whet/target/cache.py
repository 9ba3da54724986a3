"""whet's cache folder, and the profilers in it that are lent to targets that have none of their own.

Layout::

    <cache>/wheels/<abi>/<package>/        put there by ``whet doctor --install``
    <cache>/lent/<abi>/<package>-<key>/    links to a package of whet's own environment

Either kind of folder holds one package (with its bundled libraries and its
metadata) and, where that package imports others at its own import, a
subfolder ``companions`` with those.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.machinery import PathFinder
from pathlib import Path

from whet.errors import CollectorError, StoreError
from whet.target.host import TargetHost

COMPANIONS: Mapping[str, tuple[str, ...]] = {
    "line_profiler": ("typing_extensions",),
    "memray": ("rich",),
}
"""What a package cannot be imported without, beside the standard library; all of it pure Python."""

_COMPANIONS_FOLDER = "companions"


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


def borrow(name: str, host: TargetHost) -> Path | None:
    """Return the folder that lends the package ``name`` to ``host``; ``None`` when the target has its own.

    The folder is to be appended last to the target's ``sys.path``: it holds that
    package and nothing else that the target could import by accident. What the
    package needs at its own import is in ``companions_of(folder)``.

    Raises ``CollectorError`` when the package is nowhere to be had.
    """
    if name not in host.packages:
        raise CollectorError(f"{name} is not available for {host.interpreter.path}", "whet doctor --install")
    if name not in host.borrowed:
        return None
    source = Path(host.packages[name])
    if source == wheels_folder(host.abi) / name:
        return source
    return _lend(name, source, host.abi)


def companions_of(folder: Path) -> Path | None:
    """Return the folder to have on ``sys.path`` while the package in ``folder`` is imported, and not after."""
    companions = folder / _COMPANIONS_FOLDER
    return companions if companions.is_dir() else None


def add_companions(name: str, folder: Path) -> None:
    """Put links to what ``name`` needs at its import under ``folder``, from whet's own environment."""
    for companion in COMPANIONS.get(name, ()):
        spec = PathFinder.find_spec(companion)
        if spec is None or not spec.origin:
            continue
        origin = Path(spec.origin)
        source = origin.parent if spec.submodule_search_locations else origin
        (folder / _COMPANIONS_FOLDER).mkdir(exist_ok=True)
        _link(source, folder / _COMPANIONS_FOLDER / source.name)


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


def _parts_of(name: str, folder: Path) -> Iterator[Path]:
    yield folder / name
    bundled = folder / f"{name}.libs"
    if bundled.is_dir():
        yield bundled
    metadata = _find_metadata(name, folder)
    if metadata is not None:
        yield metadata


def _lend(name: str, source: Path, abi: str) -> Path:
    parts = list(_parts_of(name, source))
    # Another whet, or another version in the same place, gets a folder of its own.
    key = hashlib.sha256("\n".join((sys.prefix, *map(str, parts))).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    parent = cache_folder() / "lent" / abi
    folder = parent / f"{name}-{key}"
    if _is_whole(folder, parts):
        return folder
    try:
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = Path(tempfile.mkdtemp(dir=parent, prefix=f".{name}-"))
    except OSError as error:
        raise StoreError(
            f"cannot prepare {name} for the target in {parent}: {error}", "name a writable folder in XDG_CACHE_HOME"
        ) from error
    try:
        for part in parts:
            _link(part, fresh / part.name)
        add_companions(name, fresh)
        _put_in_place(fresh, folder)
    except OSError as error:
        raise StoreError(f"cannot prepare {name} for the target in {folder}: {error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _put_in_place(fresh: Path, folder: Path) -> None:
    try:
        fresh.rename(folder)
    except OSError:
        # A stale one (links into an environment that is gone), or another whet that was quicker with the same.
        aside = fresh.with_name(f"{fresh.name}.old")
        folder.rename(aside)
        fresh.rename(folder)
        shutil.rmtree(aside, ignore_errors=True)


def _is_whole(folder: Path, parts: list[Path]) -> bool:
    return all((folder / part.name).exists() for part in parts) and all(
        path.exists() for path in (folder / _COMPANIONS_FOLDER).glob("*")
    )


def _link(source: Path, link: Path) -> None:
    """Make ``link`` stand for ``source``: a symbolic link, or a copy where those are not allowed (Windows)."""
    try:
        link.symlink_to(source, target_is_directory=source.is_dir())
    except (OSError, NotImplementedError):
        if source.is_dir():
            shutil.copytree(source, link, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, link)
