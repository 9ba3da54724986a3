"""pyinstrument: where time goes, sampled inside the target, with the awaiting callers of async code."""

from __future__ import annotations

from pathlib import Path

from whet.collect.api import Launch, Missing
from whet.model.metric import Metric
from whet.program.host import TargetHost
from whet.program.install import install_line, why_none
from whet.program.spec import TargetSpec

CAPTURE = "pyinstrument.json"


class PyinstrumentCollector:
    """Samples one thread from inside; ``rate`` is in samples a second."""

    name = "pyinstrument"
    metrics = frozenset((Metric.CPU, Metric.WAITING))

    def __init__(self, host: TargetHost | None = None, rate: int = 100) -> None:
        self.host = host
        self.rate = rate

    def missing(self, host: TargetHost) -> Missing | None:
        """Return why pyinstrument cannot run on ``host``."""
        if "pyinstrument" not in host.packages and (why := why_none("pyinstrument", host)):
            return Missing(f"pyinstrument {why}", "--sampler tachyon")
        if "pyinstrument" not in host.packages:
            return Missing("pyinstrument is not installed for this interpreter", install_line(host))
        return None

    def launch(self, spec: TargetSpec, out: Path) -> Launch:
        """Return what the code inside the target needs."""
        borrowed = self.host is not None and "pyinstrument" in self.host.borrowed
        folder = self.host.packages["pyinstrument"] if borrowed and self.host is not None else None
        settings = {"capture": str(out / CAPTURE), "interval": 1 / self.rate, "folder": folder}
        return Launch(agent={"pyinstrument": settings}, captures=(("pyinstrument", out / CAPTURE),))
