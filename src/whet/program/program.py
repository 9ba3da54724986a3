"""Tells files that plain Python can run from files that it cannot."""

from __future__ import annotations

import zipfile
from pathlib import Path

from whet.program.shebang import interpreter_of_script
from whet.program.spec import TargetKind, TargetSpec

SOURCE_SUFFIXES = (".py", ".pyw", ".pyz", ".pyc")
BINARY_MAGIC = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")
"""How executables of Linux, Windows and macOS begin."""


def is_program(path: Path, *, heed_shebang: bool = True) -> bool:
    """Whether ``python PATH`` could run it: source or bytecode, or a folder or zip with ``__main__.py``.

    A text that names another interpreter in its first line is none, unless ``heed_shebang`` is false.
    """
    try:
        if path.is_dir():
            return (path / "__main__.py").is_file() or (path / "__main__.pyc").is_file()
        if not path.is_file():
            # A pipe such as /dev/fd/63 can be read once only: that is left to the target.
            return path.exists()
        if zipfile.is_zipfile(path):
            return _is_runnable_zip(path)
        return path.suffix in SOURCE_SUFFIXES or _is_program_text(path, heed_shebang)
    except (OSError, ValueError):
        return False


def read_head(path: Path) -> bytes:
    """Return as much of a file as tells what it is. Raises ``OSError``."""
    with path.open("rb") as file:
        return file.read(256)


def read_script(spec: TargetSpec) -> dict[str, bytes]:
    """Return the source of a script by the path that its frames have; nothing for what is no script, or not there."""
    path = Path(spec.directory) / spec.name
    try:
        if spec.kind in (TargetKind.SCRIPT, TargetKind.CONSOLE_SCRIPT) and path.is_file():
            return {str(path): path.read_bytes()}
    except OSError:
        return {}
    return {}


def _is_program_text(path: Path, heed_shebang: bool) -> bool:
    head = read_head(path)
    if head[:2] == b"#!" and heed_shebang:
        return interpreter_of_script(path) is not None
    return not head.startswith(BINARY_MAGIC) and b"\0" not in head


def _is_runnable_zip(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return not {"__main__.py", "__main__.pyc"}.isdisjoint(archive.namelist())
    except zipfile.BadZipFile:
        return False
