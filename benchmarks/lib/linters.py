"""The environment that linters are measured in: one for the running interpreter, made once, apart from whet's own."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

from .environment import PROBE, cache_folder

LINTERS = ("ruff", "perflint", "fixit")
OLDEST = {"perflint": "0.8.1"}
"""Releases below which pip would look for one that fits other pins, and find one that no longer works."""


def find_linters() -> tuple[Path, dict[str, str]]:
    """Return the folder of the linters' commands, and the versions of those that could be installed."""
    folder = cache_folder() / f"linters-{platform.python_version()}"
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"making an environment for linters in {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    found = _list_versions(python)
    for name in LINTERS:
        if name not in found:
            print(f"installing {name}", file=sys.stderr)
            words = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "--prefer-binary"]
            wanted = f"{name}>={OLDEST[name]}" if name in OLDEST else name
            done = subprocess.run([python, *words, wanted], stdout=subprocess.DEVNULL, check=False)
            if done.returncode:
                print(f"{name} cannot be installed on {platform.python_version()}: left out", file=sys.stderr)
    return python.parent, _list_versions(python)


def _list_versions(python: Path) -> dict[str, str]:
    import json

    done = subprocess.run([python, "-c", PROBE, *LINTERS, "pylint"], capture_output=True, text=True, check=True)
    versions: dict[str, str] = json.loads(done.stdout)["packages"]
    return versions
