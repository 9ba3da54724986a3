"""Compiled templates in whet's cache folder: compiling them takes longer than the rest of a small report."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import jinja2.compiler
from jinja2.bccache import Bucket, BytecodeCache

from whet import __version__
from whet.atomic import read_checked, write_checked
from whet.program.cache import cache_folder


class TemplateCache(BytecodeCache):
    """Caches templates compiled by the installed Jinja, which checks itself that source and Python match.

    Nothing here raises: a cache that cannot be read or written is ignored.
    """

    def __init__(self, folder: Path | None = None) -> None:
        # Compiling also depends on Jinja and its settings.
        states = [Path(file).stat() for file in (jinja2.compiler.__file__, Path(__file__).with_name("html.py"))]
        name = "-".join((__version__, *(f"{state.st_mtime_ns:x}.{state.st_size:x}" for state in states)))
        self._folder = (folder or cache_folder()) / "templates" / name

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill ``bucket`` if its template is cached."""
        with suppress(OSError, RuntimeError):
            if data := read_checked(self._folder / bucket.key):
                bucket.bytecode_from_string(data)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Save the contents of ``bucket``."""
        with suppress(OSError, RuntimeError):
            self._folder.mkdir(parents=True, exist_ok=True)
            write_checked(self._folder / bucket.key, bucket.bytecode_to_string())
