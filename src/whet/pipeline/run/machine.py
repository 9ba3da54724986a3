"""The machine that figures come from: what affects them, and what identifies it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
from pathlib import Path

from whet.model.run import Host


def describe_machine() -> Host:
    """Return what affects the figures: system, processor kind, number of processors."""
    return Host(
        system=f"{platform.system()} {platform.release()}", machine=platform.machine(), cpus=os.cpu_count() or 0
    )


def identify_machine() -> str:
    """Return a short hash of what differs between machines and stays the same on one."""
    host = describe_machine()
    parts = (platform.node(), platform.system(), host.machine, str(host.cpus), _read_processor())
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]


def _read_processor() -> str:
    with contextlib.suppress(OSError):
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
        found = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
        return found[1] if found else ""
    return platform.processor()
