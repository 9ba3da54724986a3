"""Frames and threads as tools write them into one piece of text, as in collapsed stacks.

| tool | a frame | roots |
| --- | --- | --- |
| py-spy | ``name (file:line)``, ``name (file)``, ``name (library)`` | ``process 12:"command"``, ``thread (12): name`` |
| Tachyon | ``file:name:line``, ``<native>``, ``<task>:name:0`` | ``tid:12`` |
| austin | ``file:name:line`` | ``P12``, ``T0:12`` |
| perf with ``-X perf`` | ``py::name:file``, C functions as names | the thread's name |
| others | a name | |
"""

from __future__ import annotations

import re
from typing import NamedTuple

from whet.model.frame import Frame, Owner

_PY_SPY = re.compile(r"(?P<name>.*?) \((?P<file>.+?)(?::(?P<line>\d{1,9}))?\)", re.DOTALL)
_COLONS = re.compile(r"(?P<file>.*?):(?P<name>[^:]*):(?P<line>\d{1,9})", re.DOTALL)
_PERF = re.compile(r"py::(?P<name>[^:]*):(?P<file>.*)", re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_THREAD = re.compile(r"thread \((?P<tid>0[xX][0-9a-fA-F]{1,16}|\d{1,19})\)(?:: ?(?P<name>.*))?", re.DOTALL)
_PROCESS = re.compile(r'process (?P<pid>\d{1,19}):"(?P<command>.*)"', re.DOTALL)
_TID = re.compile(r"tid:(?P<tid>\d{1,19})")
_AUSTIN_PROCESS = re.compile(r"P(?P<pid>\d{1,19})")
_AUSTIN_THREAD = re.compile(r"T\d+:(?P<tid>[0-9a-fA-F]{1,16})")
_NATIVE = frozenset({"<native>", "<GC>", "[unknown]", "<no Python frame>"})
_SHIM = Frame("__init__", "__init__")
"""What CPython from 3.13 on puts between the call of a class and its ``__init__``, as py-spy shows it."""


class Root(NamedTuple):
    """What the outermost pieces of a stack say of its thread."""

    pid: int = 0
    tid: int = 0
    name: str = ""
    process: str = ""


def read_frame(piece: str) -> Frame:
    """Return the frame that ``piece`` stands for; one that is in no known form is a name.

    >>> read_frame("work (app.py:3)")
    Frame(file='app.py', name='work', line=3, first_line=0, owner=<Owner.USER: 'user'>)
    """
    if piece in _NATIVE:
        return Frame("", piece, owner=Owner.NATIVE)
    if (found := _PERF.fullmatch(piece)) is not None:
        return Frame(found["file"], found["name"])
    # Without the bracket at its end there would be as many attempts as there are others.
    if piece.endswith(")") and (found := _PY_SPY.fullmatch(piece)) is not None:
        return Frame(found["file"], found["name"], int(found["line"] or 0))
    drive = piece[:2] if _DRIVE.match(piece) else ""
    if (found := _COLONS.fullmatch(piece[len(drive) :])) is not None:
        if found["file"] == "<task>":
            return Frame("", f"<task {found['name']}>", owner=Owner.NATIVE)
        return Frame(drive + found["file"], found["name"], int(found["line"]))
    return Frame("", piece)


def is_shim(frame: Frame) -> bool:
    """Return whether a frame is no function of anybody's."""
    return frame == _SHIM


def read_roots(pieces: list[str]) -> tuple[Root, list[str]]:
    """Return what the first pieces of a stack, outermost first, say of its thread, and the pieces that are frames."""
    root = Root()
    for at, piece in enumerate(pieces):
        if (found := _PROCESS.fullmatch(piece)) is not None:
            root = root._replace(pid=int(found["pid"]), process=found["command"])
        elif (found := _AUSTIN_PROCESS.fullmatch(piece)) is not None and at == 0:
            root = root._replace(pid=int(found["pid"]))
        elif (found := _THREAD.fullmatch(piece)) is not None:
            root = root._replace(tid=int(found["tid"], 0) % 2**63, name=found["name"] or "")
        elif (found := _TID.fullmatch(piece)) is not None and at == 0:
            root = root._replace(tid=int(found["tid"]))
        elif (found := _AUSTIN_THREAD.fullmatch(piece)) is not None and at == 1 and root.pid:
            # Decimal in one form of austin's output and hexadecimal in the other.
            root = root._replace(tid=int(found["tid"], 10 if found["tid"].isdecimal() else 16))
        else:
            return root, pieces[at:]
    return root, []


def write_thread(pid: int, tid: int, name: str, process: str) -> list[str]:
    """Return the pieces that :func:`read_roots` reads back; none for a thread of which nothing is known."""
    pieces = [f'process {pid}:"{process}"'] if pid or process else []
    if tid or name:
        pieces.append(f"thread ({tid}): {name}" if name else f"thread ({tid})")
    return pieces


def write_frame(frame: Frame) -> str:
    """Return a frame as py-spy writes it."""
    if not frame.file:
        return frame.name
    line = frame.line or frame.first_line
    return f"{frame.name} ({frame.file}:{line})" if line else f"{frame.name} ({frame.file})"
