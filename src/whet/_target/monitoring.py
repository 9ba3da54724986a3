"""Who else watches this process by ``sys.monitoring``."""

from __future__ import annotations

import sys


def name_other_tool() -> str:
    """Return the name of a tool other than line_profiler that has announced itself, or nothing."""
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is not None:
        for tool in range(6):
            name: str | None = monitoring.get_tool(tool)
            if name is not None and name != "line_profiler":
                return name
    return ""
