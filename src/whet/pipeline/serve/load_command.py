"""A command that sends load to a server, as of ``--load-command``: ``wrk -c 8 http://127.0.0.1:{port}/``.

How many requests it sends, and when it ends, is its own. What a request costs is told from the server, in which whet
counts them (:mod:`whet.inprocess.requests`). The first seconds are not counted. Of a server in which whet cannot count,
it is the duration of the whole command, which has to send the same number each time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, perf_counter_ns, sleep

from whet.collect.requests import list_captures
from whet.errors import FormatError, TargetError
from whet.formats.request_counts import read_request_counts
from whet.model.routes import RouteTotals
from whet.pipeline.serve.load_file import QUANTILES, tell_metric
from whet.program.leash import end_with_parent
from whet.prove.run import read_tail
from whet.prove.sandbox import make_shell_command
from whet.prove.serving import PORT, Driving, Served

LEAST_COUNTED = 20
WARMUP_SECONDS = 1.0
"""What is not counted of a load that is ended after a duration: what is imported and cached at first."""
STOP_SECONDS = 5.0
_SETTLE_SECONDS = 0.02
"""The server saves what it has counted at least so often."""
Counts = Mapping[str, Counter[int]]
"""The number of requests of each route in each class of durations."""


class CommandLoad:
    """A line for the shell, run in ``directory``. Counting begins ``warmup`` seconds after it was started.

    ``duration`` is after how many seconds of counting it is ended, 0 for when it ends by itself. ``counted`` is where
    the server leaves what whet counts in it. ``metric``: as of a file's load. ``agreed`` is one list for all
    versions that are compared.
    """

    def __init__(
        self,
        line: str,
        directory: str,
        counted: Path,
        *,
        warmup: float = 0.0,
        duration: float = 0.0,
        metric: str = "time",
        agreed: list[bool] | None = None,
    ) -> None:
        self.line, self.directory, self.counted, self.metric = line, directory, counted, metric
        self.warmup, self.duration = warmup, duration
        self.agreed = agreed if agreed is not None else []
        """Whether whet counts the requests, one entry after the first run: the same must be compared for all."""

    def prepare(self) -> None:
        """Remove what the last run's server left."""
        for path in self.counted.iterdir():
            if path.suffix in (".names", ".counts"):
                path.unlink()

    def start(self, port: int, responses: Path) -> Driving:
        """Start the command. What it prints is kept beside ``responses``, which it does not write."""
        return _CommandDriving(self, port, responses.with_name("load"))

    def describe(self) -> str:
        """Return what a run is sent."""
        if self.agreed == [False]:
            return f"compared is how long `{self.line}` takes, since whet cannot count requests in this server"
        after = f" after {self.warmup:g} s" if self.warmup else ""
        took = f" for {self.duration:g} s" if self.duration else ""
        counted = f"its requests counted in the server{after}{took}"
        return f"each run's load was `{self.line}`, {counted}{tell_metric(self.metric)}"


class _CommandDriving:
    def __init__(self, load: CommandLoad, port: int, out: Path) -> None:
        self._load, self._out = load, out
        self._before: Counts | None = {} if not load.warmup else None
        self._after: Counts = {}
        self._elapsed_ns = self._whole_ns = 0
        self._is_ended_here = False
        self._began = monotonic()
        self._started_ns = self._counting_since = perf_counter_ns()
        with out.open("wb") as printed:
            self._process = subprocess.Popen(
                make_shell_command(load.line.replace(PORT, str(port))),
                cwd=load.directory,
                env={**os.environ, "PORT": str(port)},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=os.name != "nt",
                preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509  one call of the kernel's
            )
        self.pid = self._process.pid
        self._ended = threading.Event()
        self._ended_ns = 0
        threading.Thread(target=self._await_end, daemon=True).start()

    def _await_end(self) -> None:
        """Take the time of the command's end, which a wait with a limit would notice later."""
        self._process.wait()
        self._ended_ns = perf_counter_ns()
        self._ended.set()

    def wait(self, seconds: float) -> bool:
        if self._elapsed_ns:
            return True
        load, passed = self._load, monotonic() - self._began
        until = load.warmup if self._before is None else load.warmup + load.duration if load.duration else passed + 1e9
        if self._ended.wait(max(0.0, min(seconds, until - passed))):
            self._finish_counting(self._ended_ns)
            return True
        if monotonic() - self._began < until:
            return False
        if self._before is None:
            self._before, self._counting_since = self._count(), perf_counter_ns()
            return False
        self._is_ended_here = True
        self._finish_counting(perf_counter_ns())
        self.stop()
        return True

    def _finish_counting(self, now: int) -> None:
        self._elapsed_ns, self._whole_ns = max(1, now - self._counting_since), max(1, now - self._started_ns)
        if not self._is_ended_here:
            sleep(_SETTLE_SECONDS)
        self._after = self._count()

    def finish(self) -> Served:
        load = self._load
        said = read_tail(self._out).strip().splitlines()[-1:] or ["no output"]
        if self._process.returncode and not self._is_ended_here:
            raise TargetError(f"the load command ended with status {self._process.returncode}: {said[0][:200]}")
        if not load.agreed:
            load.agreed.append(bool(self._after))
        if load.agreed == [False]:
            return self._finish_uncounted()
        if self._before is None:
            raise TargetError(f"the load command ended within the {load.warmup:g} s that are not counted")
        routes = {
            route: found for route in self._after if (found := self._after[route] - self._before.get(route, _NONE))
        }
        whole = sum(routes.values(), Counter[int]())
        if whole.total() < LEAST_COUNTED:
            raise TargetError(f"the server answered only {whole.total()} requests while they were counted")
        p50, p95 = (_find_quantile(whole, part) for part in QUANTILES.values())
        return Served(
            cost_ns={"p50": p50, "p95": p95}.get(load.metric, round(self._elapsed_ns / whole.total())),
            requests=whole.total(),
            elapsed_ns=self._elapsed_ns,
            p50_ns=p50,
            p95_ns=p95,
            quantiles={
                f"{name} {route}": _find_quantile(found, part)
                for route, found in routes.items()
                for name, part in QUANTILES.items()
            },
        )

    def _finish_uncounted(self) -> Served:
        if self._is_ended_here or self._load.metric != "time":
            option = "--duration" if self._is_ended_here else f"--metric {self._load.metric}"
            raise TargetError(
                f"whet cannot count requests in this server, so {option} has no meaning",
                "send the requests of a file with --load, or a fixed number of them without that option",
            )
        return Served(cost_ns=self._whole_ns, elapsed_ns=self._whole_ns)

    def stop(self) -> None:
        """End the command and what it has started."""
        if not self._ended.is_set():
            self._signal(signal.SIGTERM)
            self._ended.wait(STOP_SECONDS)
        self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        self._ended.wait()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(OSError):
            if os.name == "nt":
                self._process.terminate()
            else:
                os.killpg(self.pid, number)

    def _count(self) -> Counts:
        counts: dict[str, Counter[int]] = {}
        for names, numbers in list_captures(self._load.counted):
            with contextlib.suppress(OSError, FormatError):
                for _, route in read_request_counts(names, numbers).routes:
                    counts.setdefault(route.name, Counter()).update(_count_classes(route))
        return counts


_NONE: Counter[int] = Counter()


def _count_classes(route: RouteTotals) -> dict[int, int]:
    return dict(zip(route.classes, route.counts, strict=True))


def _find_quantile(classes: Counter[int], part: float) -> int:
    kinds = sorted(classes)
    return RouteTotals("", 0, kinds, [classes[kind] for kind in kinds]).find_quantile(part)
