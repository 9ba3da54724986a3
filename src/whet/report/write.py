"""Writing the report without ever taking somebody else's file away."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from io import BytesIO
from pathlib import Path

from whet.errors import StoreError
from whet.report.html import GENERATOR, HtmlRenderer
from whet.report.view import ReportView

DEFAULT_NAME = "whet-report.html"
_HEAD = 1024
"""How far into a file the mark of whet stands at most, in bytes."""


def write_report(view: ReportView, path: Path) -> None:
    """Write the HTML report to ``path``, whole or not at all.

    Replaces only a file that whet wrote; a pipe or a device is written to.
    Raises :class:`StoreError` for anything else that is there, and where the
    folder cannot be written; what was there before is then untouched.
    """
    page = BytesIO()
    HtmlRenderer().render(view, page)
    try:
        # A link stays one: what it points to is replaced.
        path = path.resolve() if path.is_symlink() else path
        mode = path.stat().st_mode if path.exists() else None
        if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            path.write_bytes(page.getvalue())
            return
        if mode is not None and not is_report(path):
            what = "is a folder" if stat.S_ISDIR(mode) else "was not written by whet"
            raise StoreError(f"{path} {what} and is left alone", "name another file for the report with -o")
        _replace(path, page.getvalue(), mode)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreError(f"the report cannot be written to {path}: {reason}", "name another place with -o") from error


def is_report(path: Path) -> bool:
    """Tell whether ``path`` is a file that whet wrote."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return head.startswith(b"<!doctype html>") and GENERATOR.encode("ascii") in head


def _replace(path: Path, data: bytes, mode: int | None) -> None:
    handle, name = tempfile.mkstemp(prefix=".whet-report-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(stat.S_IMODE(mode) if mode is not None else 0o666 & ~_read_umask())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _read_umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
