"""The quantities that whet measures, and their units.

Inside whet every quantity is an integer: nanoseconds, bytes or a count.
Conversion to seconds happens only where something is shown.
"""

from __future__ import annotations

from enum import StrEnum

NANOSECONDS_PER_SECOND = 1_000_000_000


class Unit(StrEnum):
    """What one step of a metric's integer means."""

    NANOSECONDS = "ns"
    BYTES = "bytes"
    COUNT = "count"


class Metric(StrEnum):
    """A quantity that a collector can attach to a stack or a line."""

    CPU = "cpu"
    """Nanoseconds in which a thread computed."""
    WAITING = "waiting"
    """Nanoseconds in which a thread waited for something (I/O, a lock, sleep)."""
    IDLE = "idle"
    """Nanoseconds in which a thread stood ready for work: event loop, accept loop, parked worker."""
    GIL = "gil"
    """Nanoseconds in which a thread was ready to run Python and waited for the global interpreter lock."""
    HITS = "hits"
    """How often a line ran."""
    ALLOCATED = "allocated"
    """Bytes allocated, whether freed later or not."""
    ALLOCATIONS = "allocations"
    """How many allocations were made."""
    PEAK = "peak"
    """Bytes live at the moment of the process's highest use."""
    BRIEF = "brief"
    """The part of ``PEAK`` that was allocated for less than a quarter of the recording."""
    LIVE = "live"
    """Bytes live as the recording ended, just before the interpreter freed what was left."""
    GROWN = "grown"
    """Bytes that were live near the end of the recording and not in its middle, where they rose all the time."""

    @property
    def unit(self) -> Unit:
        """The unit of this metric's integers."""
        return _UNITS[self]


_UNITS = {
    Metric.CPU: Unit.NANOSECONDS,
    Metric.WAITING: Unit.NANOSECONDS,
    Metric.IDLE: Unit.NANOSECONDS,
    Metric.GIL: Unit.NANOSECONDS,
    Metric.HITS: Unit.COUNT,
    Metric.ALLOCATED: Unit.BYTES,
    Metric.ALLOCATIONS: Unit.COUNT,
    Metric.PEAK: Unit.BYTES,
    Metric.BRIEF: Unit.BYTES,
    Metric.LIVE: Unit.BYTES,
    Metric.GROWN: Unit.BYTES,
}


def seconds(nanoseconds: int) -> float:
    """Return ``nanoseconds`` in seconds."""
    return nanoseconds / NANOSECONDS_PER_SECOND
