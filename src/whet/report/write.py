"""Writes the report without ever replacing a file that whet did not write."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path

from whet.atomic import write_atomically
from whet.errors import StoreError
from whet.report.api import Renderer
from whet.report.html import HtmlRenderer
from whet.report.view import ReportView

LARGEST = 20_000_000
"""Maximum size of the HTML report in bytes."""
_HEAD = 4096
"""Maximum position of whet's mark in a file, in bytes."""


def write_report(view: ReportView, path: Path) -> int:
    """Write the HTML report to ``path``, whole or not at all, and return its size in bytes.

    Replaces only a file that whet wrote; a pipe or a device is written to.
    Raises :class:`StoreError` for anything else that is there, and where the
    folder cannot be written; what was there before is then untouched.
    """
    return write_rendering(HtmlRenderer(), view, path)


def write_rendering(renderer: Renderer, view: ReportView, path: Path) -> int:
    """Write the report in any form to ``path``, as :func:`write_report` does the HTML; return its size in bytes.

    HTML too large for browsers is refused. What is there is known by the renderer's ``mark``; a renderer
    without one replaces nothing.
    """
    sink = BytesIO()
    renderer.render(view, sink)
    page = sink.getvalue()
    if isinstance(renderer, HtmlRenderer) and len(page) > LARGEST:
        raise StoreError(
            f"the report would take {len(page) / 1e6:.0f} MB, too large for browsers",
            "leave the source code out with --no-source, or include fewer files with --include and --exclude",
        )
    write_page(page, path, partial(bears_mark, mark=getattr(renderer, "mark", None)))
    return len(page)


def write_page(page: bytes, path: Path, is_ours: Callable[[Path], bool]) -> None:
    """Write ``page`` to ``path`` as :func:`write_report` does; ``is_ours`` tells of a file there that whet wrote it."""
    try:
        # A link stays one: what it points to is replaced.
        path = path.resolve() if path.is_symlink() else path
        mode = path.stat().st_mode if path.exists() else None
        if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            path.write_bytes(page)
            return
        if mode is not None and stat.S_ISDIR(mode):
            raise StoreError(f"{path} is a folder", "give a file for the report with -o")
        if mode is not None and not is_ours(path):
            hint = "give another file with -o, or delete this one first"
            raise StoreError(f"{path} was not written by whet and is not overwritten", hint)
        write_atomically(path, page, sync=False)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreError(f"the report cannot be written to {path}: {reason}", "give another path with -o") from error


def is_report(path: Path) -> bool:
    """Return whether ``path`` is an HTML report that whet wrote."""
    return bears_mark(path, HtmlRenderer.mark)


def bears_mark(path: Path, mark: re.Pattern[bytes] | None) -> bool:
    """Return whether ``path`` is a file that begins with ``mark``; without a mark none does."""
    if mark is None or not path.is_file():
        return False
    with path.open("rb") as file:
        return mark.match(file.read(_HEAD)) is not None
