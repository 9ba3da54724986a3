"""How many processors there are to share."""

from __future__ import annotations

import os


def count_processors() -> int:
    """Return how many processors this process and those that it starts may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
