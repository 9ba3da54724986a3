"""Describes the target's interpreter, and which profilers can be imported in it, from where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from whet.errors import StoreError
from whet.model.run import Interpreter
from whet.program.ask import PACKAGES, Answer, ask_interpreter, name_abi
from whet.program.cache import find_own, has_companions, lend, read_version, wheels_folder
from whet.program.host import TargetHost
from whet.program.interpreter import Choice


def probe(path: Path, why: str, environ: Mapping[str, str] | None = None) -> TargetHost:
    """Ask the interpreter at ``path`` about itself (one short process) and complete it by what whet can lend.

    Raises ``TargetError``: it does not start, or is no Python. Whether whet can
    measure on it is decided before, by ``choose_interpreter``.
    """
    return describe_host(path, why, ask_interpreter(path, environ))


def describe_host(path: Path, why: str, answer: Answer) -> TargetHost:
    """Make a ``TargetHost`` of an answer: its own packages first, then whet's own, then those in whet's cache."""
    packages = {name: folder for name, folder in answer.found.items() if name in PACKAGES}
    borrowed: set[str] = set()
    for name in PACKAGES:
        if name in packages:
            continue
        lent = _find_lendable(name, answer.abi)
        if lent is not None:
            packages[name] = str(lent)
            borrowed.add(name)
    return replace(
        describe_bare_host(path, why, answer),
        packages=packages,
        versions={name: read_version(name, Path(folder)) for name, folder in packages.items()},
        borrowed=frozenset(borrowed),
    )


def describe_choice(choice: Choice) -> TargetHost:
    """Make a ``TargetHost`` of the interpreter that was chosen."""
    host = describe_host(choice.path, choice.why, choice.answer)
    return replace(host, interpreter=replace(host.interpreter, obvious=choice.obvious))


def describe_bare_host(path: Path, why: str, answer: Answer) -> TargetHost:
    """Make a ``TargetHost`` of an answer where nothing is to be imported in the target."""
    return TargetHost(
        interpreter=Interpreter(
            path=str(path),
            version=answer.shown_version,
            implementation="CPython" if answer.implementation == "cpython" else answer.implementation,
            free_threaded=answer.free_threaded,
            why=why,
            libraries=answer.libraries,
        ),
        version=answer.version,
        abi=answer.abi,
        prefix=answer.prefix,
        stdlib=answer.stdlib,
        site_packages=answer.site_packages,
        scripts=answer.scripts,
        debug=answer.debug,
        ignores_environment=answer.ignores_environment,
        no_site=answer.no_site,
    )


def own_abi() -> str:
    """Return the ABI of the interpreter that runs whet, in the form of ``TargetHost.abi``."""
    import platform
    import sys

    return name_abi(EXTENSION_SUFFIXES[0].strip(".").rpartition(".")[0], sys.platform, platform.machine())


def _find_lendable(name: str, abi: str) -> Path | None:
    if not abi:
        return None
    own = find_own(name) if abi == own_abi() else None
    if own is not None:
        try:
            return lend(name, abi, own)
        except StoreError:
            return own  # no cache can be written; the agent has the folder on its path for the import only
    cached = wheels_folder(abi) / name
    return cached if (cached / name).is_dir() and has_companions(name, cached) else None
