"""What `whet bench` measured: the runs of each variant, their figures, and how variants compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import StrEnum

from whet.model.run import Host, Interpreter
from whet.model.trial import Clock
from whet.records import dataclass


@dataclass(frozen=True, slots=True)
class BenchVariant:
    """One way to run the program, and what each run cost: nanoseconds and bytes, one entry a run.

    ``options`` are the interpreter's, ``environ`` what was set for this variant (``NAME=VALUE``).
    """

    label: str
    interpreter: Interpreter
    options: tuple[str, ...] = ()
    environ: tuple[str, ...] = ()
    commit: str = ""
    wall_ns: Sequence[int] = ()
    cpu_ns: Sequence[int] = ()
    peak_bytes: Sequence[int] = ()
    routes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Of a server, the p50 and p95 of each route in each run, by name as ``p95 GET /users/{}``; not saved."""

    def costs(self, clock: Clock) -> Sequence[int]:
        """Return what each run cost by a clock."""
        return self.wall_ns if clock is Clock.WALL else self.cpu_ns


@dataclass(frozen=True, slots=True)
class Figures:
    """A figure in nanoseconds with its interval; ``None`` where so few runs bound it on no such variant."""

    value: float
    low: float | None
    high: float | None


class SlowdownCall(StrEnum):
    """Whether a variant is slower than the limit allows."""

    BEYOND = "slower than the limit"
    WITHIN = "within the limit"
    OPEN = "not decided"


@dataclass(frozen=True, slots=True)
class BenchComparison:
    """How many times as fast ``candidate`` is as ``baseline`` (above 1 is faster), with its interval.

    ``interleaved`` is false where the baseline's runs are from another session.
    """

    baseline: str
    candidate: str
    estimate: float
    low: float
    high: float
    pairs: int
    confidence: float
    clock: Clock
    interleaved: bool = True
    limit: float | None = None
    """The slow-down that is allowed, as a part of 1."""
    call: SlowdownCall | None = None


@dataclass(frozen=True, slots=True)
class BenchTest:
    """A test of both versions: what its call cost in each run (nanoseconds, by the comparison's clock).

    Or a quantile of the durations of a route's requests.

    ``is_benchmark`` tells that pytest-benchmark's fixture measured it: a cost is then the median of a run's rounds.
    """

    nodeid: str
    is_benchmark: bool
    baseline_ns: Sequence[int]
    candidate_ns: Sequence[int]
    comparison: BenchComparison


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything about one ``whet bench``. ``machine`` tells machines apart without naming them."""

    whet_version: str
    command: tuple[str, ...]
    started: str
    host: Host
    machine: str
    clock: Clock
    variants: tuple[BenchVariant, ...]
    comparisons: tuple[BenchComparison, ...] = ()
    tests: tuple[BenchTest, ...] = ()
    """Of pytest in two versions; not saved."""
    routes: tuple[BenchTest, ...] = ()
    """Of a server in two versions the p50 and p95 of each route, named as in ``BenchVariant.routes``; not saved."""
    notes: tuple[str, ...] = ()
