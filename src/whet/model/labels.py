"""Labels: pairs that tell the runs of one job apart."""

from __future__ import annotations

import re

Labels = tuple[tuple[str, str], ...]


def name_suffix(labels: Labels) -> str:
    """Return labels as a part of a file's name: ``rank-3``; empty for none.

    >>> name_suffix((("rank", "3"),))
    'rank-3'
    """
    plain = ["-".join((name, re.sub(r"[^A-Za-z0-9_.]+", "-", value))) for name, value in labels]
    return "-".join(plain)[:60].strip("-.")
