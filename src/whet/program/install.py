"""Fetches the profilers that a target lacks into whet's cache, never into the user's environment."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from whet.errors import CollectorError, StoreError
from whet.program.ask import PACKAGES
from whet.program.cache import add_companions, find_own, parts_of, put_in_place, read_version, wheels_folder
from whet.program.host import TargetHost
from whet.program.quietly import last_line, run_quietly

LOWEST = {"line_profiler": "5.0.0", "memray": "1.19.1", "pyinstrument": "5.1.1"}
"""The oldest versions that are taken from a target's environment."""

NEWEST = {"pyinstrument": (3, 14)}
"""The newest Python that there are wheels for, where that is not the newest one."""

_SECONDS = 600
_OFFLINE = "the package index cannot be reached"


def install_collectors(host: TargetHost) -> list[str]:
    """Fetch what ``host`` can import from nowhere; return names and versions, as ``memray 1.20.0``.

    An empty list means that nothing was missing. The wheels are for the target's
    version and ABI; nothing is built from source.

    Raises ``CollectorError``: no network, no pip, or no wheel for this interpreter (what could be fetched stays);
    ``StoreError``: the cache cannot be written.
    """
    fetched: list[str] = []
    failed: list[str] = []
    for name in list_missing(host):
        try:
            fetched.append(f"{name} {_fetch(name, host)}".strip())
        except CollectorError as error:
            failed.append(error.message)
    if failed:
        done = f" (fetched: {', '.join(fetched)})" if fetched else ""
        offline = any(message.endswith(_OFFLINE) for message in failed)
        hint = "see that this machine reaches its package index, then try again" if offline else ""
        raise CollectorError("; ".join(failed) + done, hint)
    return fetched


def install_line(host: TargetHost) -> str:
    """Return the command that fetches what ``host`` lacks."""
    return f"whet doctor --install --python {shlex.quote(host.interpreter.path)}"


def list_missing(host: TargetHost) -> list[str]:
    """Return the profilers that ``host`` cannot import from anywhere and that exist for its platform."""
    return [name for name in PACKAGES if name not in host.packages and not why_none(name, host)]


def why_none(name: str, host: TargetHost) -> str:
    """Return why the profiler ``name`` does not exist for ``host``; empty where it does."""
    if name == "memray" and os.name == "nt":
        return "does not exist for Windows"
    if host.version[:2] > NEWEST.get(name, host.version[:2]):
        return f"does not exist for Python {host.version[0]}.{host.version[1]} yet"
    return ""


def _fetch(name: str, host: TargetHost) -> str:
    if not host.abi:
        raise CollectorError(f"{name}: the interpreter does not tell its ABI")
    parent = wheels_folder(host.abi)
    try:
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = Path(tempfile.mkdtemp(dir=parent, prefix=f".{name}-"))
        try:
            _run_installers(name, host, fresh)
            _strip(name, fresh)
            add_companions(name, fresh, copied=True)
            put_in_place(fresh, parent / name)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise StoreError(
            f"cannot put {name} into {parent}: {error}", "name a writable folder in XDG_CACHE_HOME"
        ) from error
    return read_version(name, parent / name)


def _strip(name: str, folder: Path) -> None:
    """Leave the package alone in ``folder``: installers put console scripts and further modules beside it."""
    keep = set(parts_of(name, folder))
    for entry in folder.iterdir():
        if entry in keep:
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _run_installers(name: str, host: TargetHost, folder: Path) -> None:
    """Try each installer there is, and with each the version that whet itself has, then any that will do."""
    own = find_own(name)
    version = read_version(name, own) if own is not None else ""
    # One version on both sides: what the target records is read by whet's own.
    wanted = [f"{name}=={version}"] if version else []
    wanted.append(f"{name}>={LOWEST[name]}")
    said = ""
    tried = False
    for command in _list_installers(host):
        for requirement in wanted:
            tried = True
            words = [*command, "--target", str(folder), "--no-deps", "--only-binary", ":all:", requirement]
            status, said = _run(words, folder)
            if status == 0 and (folder / name).is_dir():
                return
            if _is_offline(said):  # each attempt would wait for the same nothing
                raise CollectorError(f"{name}: {_OFFLINE}")
        if _has_no_wheel(said):  # nor will the next installer find one
            break
    if not tried:
        raise CollectorError(f"{name}: neither pip nor uv is there to fetch it")
    raise CollectorError(f"{name}: {_explain(said, host)}")


def _list_installers(host: TargetHost) -> Iterator[list[str]]:
    """Yield the beginnings of commands that install for the target's interpreter, the likeliest first."""
    python = host.interpreter.path
    # Not quietly, and with retries: what pip says on the way tells a missing network from a missing wheel.
    common = ["install", "--no-input", "--retries", "2", "--disable-pip-version-check", "--no-warn-conflicts"]
    if any((Path(folder) / "pip").is_dir() for folder in host.site_packages):
        yield [python, "-m", "pip", *common]
    if find_spec("pip") is not None:
        yield [sys.executable, "-m", "pip", "--python", python, *common]
    uv = shutil.which("uv")
    if uv is not None:
        yield [uv, "pip", "install", "--python", python]
    bundled = _find_bundled_pip(host)
    if bundled is not None:
        yield [python, str(bundled / "pip"), *common]


def _find_bundled_pip(host: TargetHost) -> Path | None:
    """Return the pip wheel that comes with the standard library, of the target or of whet's own interpreter."""
    for folder in (*host.stdlib, os.path.dirname(os.__file__)):  # noqa: PTH120
        for wheel in Path(folder).glob("ensurepip/_bundled/pip-*.whl"):
            return wheel
    return None


def _run(words: list[str], folder: Path) -> tuple[int, str]:
    """Run an installer, in an empty folder so that no file of the user's shadows a module; return status and words."""
    # Settings of the user's that contradict --target.
    environ = dict(os.environ, PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0")
    environ.pop("PIP_TARGET", None)
    environ.pop("PIP_PREFIX", None)
    environ.pop("__PYVENV_LAUNCHER__", None)
    return run_quietly(words, _SECONDS, cwd=folder, environ=environ)


def _is_offline(said: str) -> bool:
    # pip says so in passing, then concludes that there is no such distribution.
    marks = (
        "could not fetch url",
        "connection error",
        "connection refused",
        "newconnectionerror",
        "getaddrinfo",
        "name resolution",
        "timed out",
        "proxy error",
        "sslerror",
        "dns error",
    )
    return any(mark in said.lower() for mark in marks)


def _has_no_wheel(said: str) -> bool:
    return "no matching distribution" in said.lower() or "no solution" in said.lower()


def _explain(said: str, host: TargetHost) -> str:
    if _has_no_wheel(said):
        return f"there is no wheel for {host.interpreter.implementation} {host.interpreter.version} ({host.abi})"
    return last_line(said, "the installer failed without output")
