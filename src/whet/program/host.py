"""The interpreter that runs the program, and what lies around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from whet.model.run import Interpreter
from whet.records import dataclass


@dataclass(frozen=True, slots=True)
class TargetHost:
    """What whet asked the target's interpreter about itself.

    ``packages`` maps a distribution's import name (``line_profiler``,
    ``memray``, ``pyinstrument``) to the folder from which the target can import
    it, its own environment first, then whet's own or whet's cache when the ABI
    is the same; names that it cannot import from anywhere are absent.
    ``borrowed`` names those that are not the target's own.
    """

    interpreter: Interpreter
    version: tuple[int, int, int]
    abi: str
    """As in ``cpython-313-x86_64-linux-gnu``."""
    prefix: str = ""
    stdlib: tuple[str, ...] = ()
    """Folders of the standard library, extension modules included."""
    site_packages: tuple[str, ...] = ()
    scripts: str = ""
    """The folder of the environment's console scripts."""
    packages: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of those packages."""
    borrowed: frozenset[str] = frozenset()
    debug: bool = False
    """Whether it is a debug build, which runs programs several times slower."""
    ignores_environment: bool = False
    """Whether it heeds no variable ``PYTHON...``, as one beside a ``python._pth`` does not."""
    no_site: bool = False
    """Whether it starts without ``site``: it reads no ``.pth`` file and runs no ``sitecustomize``."""
