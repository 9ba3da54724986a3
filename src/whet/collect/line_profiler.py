"""line_profiler: how often the lines of chosen functions run, exactly, in an execution of its own."""

from __future__ import annotations

from pathlib import Path

from whet.collect.api import Launch, Missing
from whet.model.metric import Metric
from whet.program.host import TargetHost
from whet.program.install import install_line
from whet.program.spec import TargetSpec

CAPTURE = "exact-lines.json"


class LineProfilerCollector:
    """Counts the lines of ``functions``, given as ``(file, first line)``, throughout; nothing is scaled."""

    name = "line_profiler"
    metrics = frozenset((Metric.HITS,))

    def __init__(self, host: TargetHost | None = None, functions: tuple[tuple[str, int], ...] = ()) -> None:
        self.host = host
        self.functions = functions

    def missing(self, host: TargetHost) -> Missing | None:
        """Return why lines cannot be counted on ``host``."""
        if host.interpreter.implementation != "CPython":
            return Missing(f"line_profiler runs on CPython, and this is {host.interpreter.implementation}")
        if host.interpreter.free_threaded:
            return Missing(
                "line_profiler does not run on a free-threaded build", "choose another interpreter with --python"
            )
        if "line_profiler" not in host.packages:
            return Missing("line_profiler is not installed for this interpreter", install_line(host))
        return None

    def launch(self, spec: TargetSpec, out: Path) -> Launch:
        """Return what the code inside the program needs."""
        borrowed = self.host is not None and "line_profiler" in self.host.borrowed
        settings = {
            "capture": str(out / CAPTURE),
            "functions": [list(each) for each in self.functions],
            "folder": self.host.packages["line_profiler"] if borrowed and self.host is not None else None,
        }
        return Launch(agent={"exact_lines": settings}, captures=(("whet-lines", out / CAPTURE),))
