"""``whet bench --serve``: a server is started for each run, sent the same load, and ended."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from whet.errors import TargetError, UsageError
from whet.model.trial import Clock
from whet.pipeline.bench.session import BenchSession
from whet.pipeline.bench.tests import Run, TestComparer
from whet.pipeline.bench.variants import BenchRequest, Runner
from whet.pipeline.serve.port import place_port
from whet.pipeline.serve.request import PlannedLoad
from whet.prove.run import Observed


def read_command(line: str) -> tuple[str, ...]:
    """Return the words of ``--serve``, with ``{port}`` where the port is to stand. Raises ``UsageError``."""
    try:
        words = tuple(shlex.split(line))
    except ValueError as error:
        raise UsageError(f"--serve cannot be read: {error}", "quote it as for a shell") from error
    if not words:
        raise UsageError("--serve names no program", "for example --serve 'uvicorn app:app'")
    return place_port(words)


class ServeSession(BenchSession):
    """Runs in each of which the server answers all of the load."""

    def __init__(
        self,
        request: BenchRequest,
        runners: Sequence[Runner],
        folder: Path,
        load: PlannedLoad,
        tests: TestComparer | None,
    ) -> None:
        super().__init__(request, runners, folder, tests)
        self.load = load
        # A server's CPU time holds its start, and what waits is what its clients wait for.
        self.clock = request.clock or Clock.WALL
        self._statuses: dict[str, tuple[int, str]] = {}
        self._differing: dict[str, None] = {}
        self._quantiles: Mapping[str, int] = {}

    def run(self) -> tuple[str, ...]:
        """Run everything and return notes."""
        notes = super().run()
        return (*notes, self.load.describe(), *self._differing)

    def _read_tests(self, runner: Runner) -> Run:
        runner.routes.append(self._quantiles)
        return {name: (ns, ns, None) for name, ns in self._quantiles.items()}

    def _observe(self, runner: Runner) -> Observed:
        observed = super()._observe(runner)
        served = observed.served
        assert served is not None
        if served.failure:
            raise TargetError(f"{runner.variant.label}: {served.failure}", "send it the load by hand to see why")
        self._quantiles = served.quantiles
        for name, answered in served.statuses.items():
            status, other = self._statuses.setdefault(name, (answered, runner.variant.label))
            if status != answered:
                text = f"{name} was answered with {status} by {other}, with {answered} by {runner.variant.label}"
                self._differing[text] = None
        return observed


def collect_routes(runner: Runner) -> Mapping[str, tuple[int, ...]]:
    """Return the p50 and p95 of each route in each run, by name."""
    names = list(runner.routes[0]) if runner.routes else []
    return {name: tuple(run[name] for run in runner.routes if name in run) for name in names}


def finish_runner(runner: Runner) -> Runner:
    """Return the runner with its routes in its variant."""
    return replace(runner, variant=replace(runner.variant, routes=collect_routes(runner)))
