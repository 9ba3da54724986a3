"""Which distribution whet was installed from: ``whet`` on the package index is another project's name."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from whet.program.checkup import Check

NAME = "whet-perf"
"""This project's distribution. It installs the command and the package ``whet``."""
_FOREIGN = "whet"


def check_distribution(path: Sequence[str] | None = None) -> Check:
    """Look for whet's distribution in the folders of ``path`` (default ``sys.path``), and for one of another's.

    Both bring files of the same names, so the one that was installed last has overwritten the other.
    """
    own, foreign = _find_version(NAME, path), _find_version(_FOREIGN, path)
    if foreign is not None:
        return Check(
            "distribution",
            False,
            f"{_FOREIGN} {foreign} is installed in whet's environment, which is another project; "
            f"this one is {NAME}, and its files may have been overwritten",
            f"{sys.executable} -m pip uninstall {_FOREIGN} && {sys.executable} -m pip install --force-reinstall {NAME}",
            needed=False,
        )
    if own is None:
        return Check("distribution", True, f"none: whet runs from its sources, without {NAME} installed", needed=False)
    return Check("distribution", True, f"{NAME} {own}", needed=False)


def _find_version(name: str, path: Sequence[str] | None) -> str | None:
    from importlib import metadata

    folders = list(sys.path if path is None else path)
    found = next(iter(metadata.distributions(name=name, path=folders)), None)
    if found is None:
        return None
    try:
        return found.version or "of unknown version"
    except Exception:  # a folder without metadata: which error that is differs between Python versions
        return "of unknown version"
