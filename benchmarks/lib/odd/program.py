"""One odd program: its files, how it is started, and what may differ between two runs of it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field

WORK = """
import time

def burn(seconds=0.1):
    numbers = list(range(500))
    until = time.process_time() + seconds
    while time.process_time() < until:
        sum(number * number for number in numbers)
"""
"""The module ``busy`` that every program may import: without some computing there would be nothing to sample."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that is odd in one way.

    ``text`` is ``prog.py``; ``files`` are others beside it, by path. ``words`` follow ``python`` on the command line.
    ``shell`` is a line of bash that starts it as ``"$@"``. ``send`` is a signal that it gets from outside once it has
    written "ready". ``typed`` are, on a terminal, what to wait for and what to type then. ``needs`` are packages from
    the index, ``python`` the oldest version that can run it. What matches ``vary`` may differ between two runs;
    where not ``ordered``, the order of lines too. ``says`` is for what cannot be as without whet: what must then
    stand in whet's report of it.
    """

    family: str
    name: str
    text: str = ""
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    words: tuple[str, ...] = ("prog.py",)
    shell: str = ""
    stdin: bytes = b""
    env: Mapping[str, str | None] = field(default_factory=dict)
    send: int = 0
    typed: tuple[tuple[str, str], ...] = ()
    needs: tuple[str, ...] = ()
    python: tuple[int, int] = (3, 11)
    vary: str = r"(?!)"
    ordered: bool = True
    says: str = ""

    def list_files(self) -> dict[str, str | bytes]:
        """Return all files by path."""
        made = {
            name: textwrap.dedent(text) if isinstance(text, str) else text
            for name, text in {"busy.py": WORK, **self.files}.items()
        }
        return {"prog.py": textwrap.dedent(self.text), **made} if self.text else made
