"""line_profiler: how often lines run. In windows beside the sampler, or throughout in an execution of its own."""

from __future__ import annotations

from pathlib import Path

from whet.collect.api import Launch, Missing
from whet.model.metric import Metric
from whet.target.host import TargetHost
from whet.target.install import install_line
from whet.target.spec import TargetSpec

WINDOWS = "lines.json"
EXACT = "exact-lines.json"


class LineProfilerCollector:
    """Counts lines, and looks at values at the same ticks.

    ``program``, ``include`` and ``exclude`` say what counts as the user's code, as
    in :class:`whet.merge.ownership.Ownership`. With ``exact``, the functions
    given as ``(file, first line)`` are traced throughout (all user functions
    where there are none), and nothing else is done.
    """

    name = "line_profiler"
    metrics = frozenset((Metric.HITS,))

    def __init__(
        self,
        host: TargetHost | None = None,
        *,
        program: tuple[str, ...] = (),
        include: tuple[str, ...] = (),
        exclude: tuple[str, ...] = (),
        exact: bool = False,
        functions: tuple[tuple[str, int], ...] = (),
    ) -> None:
        self.host = host
        self.program = program
        self.include = include
        self.exclude = exclude
        self.exact = exact
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

    def _list_foreign(self) -> list[str]:
        host = self.host
        if host is None:
            return []
        return [*host.stdlib, *host.site_packages, *(host.packages[name] for name in host.borrowed)]

    def launch(self, spec: TargetSpec, out: Path) -> Launch:
        """Return what the agent needs. Without line_profiler it still looks at values."""
        host = self.host
        settings: dict[str, object] = {
            "foreign": self._list_foreign(),
            "program": list(self.program),
            "include": list(self.include),
            "exclude": list(self.exclude),
        }
        borrowed = host is not None and "line_profiler" in host.borrowed
        folder = host.packages["line_profiler"] if borrowed and host is not None else None
        if self.exact:
            settings.update(capture=str(out / EXACT), functions=[list(each) for each in self.functions], folder=folder)
            return Launch(agent={"all_lines": settings}, captures=(("whet-lines", out / EXACT),))
        settings.update(lines=str(out / WINDOWS), line_profiler_folder=folder)
        return Launch(agent={"agent": settings}, captures=(("whet-lines", out / WINDOWS),))


def list_captures(out: Path) -> list[Path]:
    """Return the captures under ``out``: the program's first, then those of forked children."""
    found = [out / WINDOWS, *sorted(out.glob(f"{WINDOWS}.*"))]
    return [path for path in found if path.suffix != ".tmp" and path.is_file()]
