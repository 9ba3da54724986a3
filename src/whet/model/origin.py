"""Where a profile came from that whet did not record."""

from __future__ import annotations

from whet.records import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """One file. ``missing`` is what it does not hold, or holds otherwise than its name says."""

    label: str
    """What its figures are told apart by: the file's name without suffix, made unique."""
    file: str
    format: str
    """The name of the reader, as in ``pprof``."""
    tool: str
    """Name and version of what recorded it, as far as it says."""
    samples: int = 0
    """Samples behind its times; 0 where it does not say."""
    wall: bool = False
    """Whether its times are wall time, in which threads may also have waited."""
    missing: tuple[str, ...] = ()
