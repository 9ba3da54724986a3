"""How many requests of each route ended, and after how long: counted in memory, kept in files.

Each process has two files. ``CAPTURE.PID.names`` has a JSON object a line for each slot, ``CAPTURE.PID.counts`` a head
of two numbers (when the first request began and the last one ended, in nanoseconds of a monotonic clock) and for each
slot its numbers: the nanoseconds of all its requests, and how many there were in each class of durations. So what was
counted is there whatever ends the process. Numbers have 64 bits, in the machine's order.
"""

from __future__ import annotations

import _thread
import os
from sys import byteorder
from time import perf_counter_ns

from .. import captures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HEAD = 2
PARTS = 16
"""Classes of durations for each power of two: a class is 6 % wide at most."""
CLASSES = 40 * PARTS
"""Up to two hours."""
NUMBERS = 1 + CLASSES
MOST_SLOTS = 500
OTHER = "other routes"
SAVE_EVERY_NS = 5_000_000
IDLE_SAVE_EVERY_NS = 1_000_000
"""How often it is saved at most: while further requests are being answered, and after the last of them."""

_NEVER = 2**63
_open, _write, _close, _seek, _getpid = os.open, os.write, os.close, os.lseek, os.getpid
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def find_class(ns: int) -> int:
    """Return the class of a duration.

    >>> find_class(0), find_class(31), find_class(32), find_class(1_000_000)
    (0, 31, 32, 270)
    """
    shift = max(0, ns.bit_length() - 5)
    return min(shift * PARTS + (ns >> shift), CLASSES - 1)


class Counts:
    """The counts of this process: of a fork's child, its own."""

    def __init__(self, capture: str) -> None:
        self.capture = capture
        self.begin()

    def begin(self) -> None:
        """Begin in this process, with nothing counted."""
        self.pid = _getpid()
        # A garbage collection may end another request amid this one's.
        self.lock = _thread.RLock()
        self.slots: dict[tuple[str, str], int] = {}
        self.first = _NEVER
        self.numbers: list[list[int]] = []
        self.active = 0
        """Requests that are being answered."""
        self.unsaved: dict[int, int] = {}
        """What has changed, by its place in the file."""
        self.saved_at = -SAVE_EVERY_NS

    def add(self, key: str, route: str, place: tuple[str, int, str] | None, began: int) -> None:
        """Count a request that ends now: of ``route``, empty where only its path is known, handled at ``place``.

        ``key`` is what it is called on the stack, which begins with its method.
        """
        if _getpid() != self.pid:
            self.begin()
        ended = perf_counter_ns()
        with self.lock:
            slot = self.slots.get((key, route))
            if slot is None:
                slot = self._add_slot(key, route, place)
            numbers, at = self.numbers[slot], HEAD + NUMBERS * slot
            kind = 1 + find_class(ended - began)
            numbers[0] += ended - began
            numbers[kind] += 1
            self.first = min(self.first, began)
            self.unsaved[0], self.unsaved[1] = self.first, ended
            self.unsaved[at], self.unsaved[at + kind] = numbers[0], numbers[kind]
            if ended >= self.saved_at + (SAVE_EVERY_NS if self.active > 0 else IDLE_SAVE_EVERY_NS):
                self.saved_at = ended
                self._save()

    def save(self, *_: Any) -> None:
        """Save what is not saved yet: the process may end. Raises nothing."""
        try:
            if _getpid() == self.pid and self.unsaved:
                with self.lock:
                    self._save()
        except Exception:
            pass

    def _add_slot(self, key: str, route: str, place: tuple[str, int, str] | None) -> int:
        if len(self.slots) >= MOST_SLOTS:
            key, route, place = OTHER, "", None
            if (key, route) in self.slots:
                return self.slots[key, route]
        slot = self.slots[key, route] = len(self.numbers)
        self.numbers.append([0] * NUMBERS)
        file, line, function = place or ("", 0, "")
        shown = f"{key.partition(' ')[0]} {route}" if route else key
        named = {"key": key, "route": shown, "file": file, "line": line, "function": function}
        data = f"{captures.encode(named)}\n".encode("ascii")
        self._write("names", os.O_APPEND, [(0, data)])
        return slot

    def _save(self) -> None:
        self._write("counts", 0, [(8 * at, number.to_bytes(8, byteorder)) for at, number in self.unsaved.items()])
        self.unsaved.clear()

    def _write(self, name: str, flags: int, pieces: list[tuple[int, bytes]]) -> None:
        number = _open(f"{self.capture}.{self.pid}.{name}", _FLAGS | flags, 0o600)
        try:
            for at, data in pieces:
                if not flags:
                    _seek(number, at, 0)
                _write(number, data)
        finally:
            _close(number)
