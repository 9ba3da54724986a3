"""memray: which lines allocate, and what lives at the peak. Runs inside the target, on an execution of its own."""

from __future__ import annotations

from pathlib import Path

from whet.collect.api import Launch, Missing
from whet.model.metric import Metric
from whet.program.host import TargetHost
from whet.program.install import install_line
from whet.program.spec import TargetSpec

CAPTURE = "memray.bin"
RECORDS = "memray.jsonl"
"""What ``whet.inprocess.profilers.memray_reader`` makes of the capture, in an interpreter that has memray."""


class MemrayCollector:
    """Records every allocation. ``python_allocators`` counts Python's small objects one by one, at a price.

    ``native`` records C stacks as well; ``children`` records forked children into files of their own, named after
    the capture with a dot and their pid.
    """

    name = "memray"
    metrics = frozenset((Metric.ALLOCATED, Metric.ALLOCATIONS, Metric.PEAK, Metric.BRIEF, Metric.LIVE, Metric.GROWN))

    def __init__(
        self,
        host: TargetHost | None = None,
        python_allocators: bool = False,
        native: bool = False,
        children: bool = False,
    ) -> None:
        self.host = host
        self.python_allocators = python_allocators
        self.native = native
        self.children = children

    def missing(self, host: TargetHost) -> Missing | None:
        """Return why memray cannot run on ``host``: it exists for CPython on Linux and macOS only."""
        if host.abi.endswith(("win32", "win_amd64", "win_arm64")) or "-win" in host.abi:
            return Missing("memray does not exist for Windows", "run the program under WSL to measure its memory")
        if host.interpreter.implementation != "CPython":
            return Missing(f"memray runs on CPython, and this is {host.interpreter.implementation}")
        if "memray" not in host.packages:
            return Missing("memray is not installed for this interpreter", install_line(host))
        return None

    def launch(self, spec: TargetSpec, out: Path) -> Launch:
        """Return what the agent needs, and where the figures will be once the reader has made them of the capture."""
        borrowed = self.host is not None and "memray" in self.host.borrowed
        return Launch(
            agent={
                "memray": {
                    "capture": str(out / CAPTURE),
                    "trace_python_allocators": self.python_allocators,
                    "native": self.native,
                    "follow_fork": self.children,
                    "path": self.host.packages["memray"] if borrowed and self.host is not None else None,
                }
            },
            captures=(("memray", out / RECORDS),),
        )


def list_captures(out: Path) -> list[Path]:
    """Return the captures under ``out`` that hold anything: the program's first, then those of forked children."""
    found = [out / CAPTURE, *sorted(out.glob(f"{CAPTURE}.*"))]
    return [path for path in found if path.is_file() and path.stat().st_size]
