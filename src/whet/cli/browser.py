"""Opens a report once it is written, and warns of a large one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from whet.cli.console import say

LARGE = 5_000_000
"""Size in bytes from which a report is unwieldy."""


def open_report(path: Path) -> None:
    """Open ``path`` in a browser, or report that there is none. Never fails."""
    if not _has_screen() or not _open(path.absolute().as_uri()):
        say(f"whet: no browser could be opened; open {path} yourself")


def _has_screen() -> bool:
    """Return whether a window can be shown: without one, Python would start a text browser in this terminal."""
    if os.environ.get("BROWSER") or sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open(address: str) -> bool:
    import webbrowser

    try:
        return webbrowser.open(address)
    except (webbrowser.Error, OSError):
        return False


def warn_of_size(size: int, path: Path) -> None:
    """Warn that a report of ``size`` bytes is large to open and to send."""
    if size > LARGE:
        say(f"whet: {path} takes {size / 1e6:.0f} MB; `whet report --no-source` leaves out the largest part")
