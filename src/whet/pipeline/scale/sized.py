"""One run at one size, and what its places cost; the runs of a size pooled into one run."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from whet.errors import TargetError
from whet.merge.evidence import pool_evidence
from whet.merge.hotspots import merge_run
from whet.model.frame import Owner
from whet.model.hotspot import Cost, Hotspots
from whet.model.profile import Profile
from whet.model.run import Execution, Run, describe_exit
from whet.model.scaling import LengthsSeen, MemoryRun, PlaceCosts, SizedRun
from whet.pipeline.run.measure import measure_memory_once, measure_once
from whet.pipeline.scale.request import ScaleRequest, make_environ, make_line, put_size
from whet.prove.run import run_helper

LEAST_SHARE = 0.005
"""Part of some run from which on a place's costs are kept."""
MOST_PLACES = 600
MOST_LENGTHS = 400

_FIGURES = re.compile(r"[\d.,]+")

Place = tuple[str, str, int, int]
"""File, function, its first line, and the line; 0 for the function as a whole."""
Name = tuple[str, int, str]
"""File, first line of the function, and name of a variable."""


@dataclass(slots=True)
class Costs:
    """What all runs cost so far, place by place."""

    runs: list[SizedRun] = field(default_factory=list)
    places: dict[Place, dict[int, int]] = field(default_factory=dict)
    """Nanoseconds by the index of the run; where a place was not seen there is no entry."""
    lengths: dict[Name, dict[int, int]] = field(default_factory=dict)
    memory_runs: list[MemoryRun] = field(default_factory=list)
    allocated: dict[Place, dict[int, int]] = field(default_factory=dict)

    def add(self, size: int, run: Run) -> None:
        """Add a run that was sampled."""
        hotspots = merge_run(run)
        execution, index = run.executions[-1], len(self.runs)
        self.runs.append(
            SizedRun(
                size,
                execution.wall_ns,
                execution.cpu_ns,
                hotspots.busy_ns,
                hotspots.waiting_ns,
                hotspots.samples,
                execution.peak_resident_bytes,
                sum(each.size == size for each in self.runs),
            )
        )
        for place, cost in _list_places(hotspots):
            self.places.setdefault(place, {})[index] = cost.spent_ns
        for seen in run.evidence.seen:
            if seen.max_length:
                self.lengths.setdefault((seen.file, seen.function_line, seen.name), {})[index] = seen.max_length

    def add_memory(self, size: int, run: Run) -> None:
        """Add a run under memray."""
        hotspots = merge_run(run)
        costs = list(_list_places(hotspots))
        whole = sum(cost.allocated_bytes or 0 for place, cost in costs if not place[3])
        peak = sum(cost.peak_bytes or 0 for place, cost in costs if not place[3])
        if not whole:
            return
        index = len(self.memory_runs)
        self.memory_runs.append(MemoryRun(size, whole, peak))
        for place, cost in costs:
            if cost.allocated_bytes:
                self.allocated.setdefault(place, {})[index] = cost.allocated_bytes

    def keep(self, sizes: Collection[int]) -> None:
        """Forget the runs of all other sizes."""
        index = {old: new for new, old in enumerate(i for i, run in enumerate(self.runs) if run.size in sizes)}
        self.runs = [self.runs[old] for old in index]
        for table in (self.places, self.lengths):
            for costs in table.values():
                kept = {index[old]: cost for old, cost in costs.items() if old in index}
                costs.clear()
                costs.update(kept)

    def list_places(self) -> tuple[PlaceCosts, ...]:
        """Return the places that ever mattered, the dearest first."""
        count = len(self.runs)
        busy = [max(1, run.busy_ns) for run in self.runs]
        shares = {
            place: max((cost / busy[index] for index, cost in costs.items()), default=0.0)
            for place, costs in self.places.items()
        }
        kept = sorted((place for place in shares if shares[place] >= LEAST_SHARE), key=lambda each: -shares[each])
        return tuple(
            PlaceCosts(
                *place,
                spent_ns=_spread(self.places[place], count),
                allocated_bytes=_spread(self.allocated.get(place, {}), len(self.memory_runs)),
            )
            for place in kept[:MOST_PLACES]
        )

    def list_lengths(self) -> tuple[LengthsSeen, ...]:
        """Return the lengths of variables that were seen at several sizes."""
        count = len(self.runs)
        kept = [name for name, seen in self.lengths.items() if len({self.runs[index].size for index in seen}) > 1]
        kept.sort(key=lambda name: -max(self.lengths[name].values()))
        return tuple(LengthsSeen(*name, lengths=_spread(self.lengths[name], count)) for name in kept[:MOST_LENGTHS])


def run_sized(request: ScaleRequest, size: int, out: Path) -> Run:
    """Run the program once at a size under the sampler. Raises ``TargetError`` where it, or ``--make``, fails."""
    with _prepared(request, size, out):
        run, outcome = measure_once(put_size(request.spec, size), request.host, request.options, out)
        if outcome.interrupted:
            raise KeyboardInterrupt
        _refuse_failed(run.executions[-1], size, out)
    return run


def run_memory(request: ScaleRequest, size: int, out: Path) -> Run:
    """Run the program once at a size under memray."""
    with _prepared(request, size, out):
        run = measure_memory_once(put_size(request.spec, size), request.host, request.options, out)
        _refuse_failed(run.executions[-1], size, out)
    return run


def pool_runs(runs: Sequence[Run]) -> Run:
    """Return the runs of one size as one run of several executions, as ``whet run --repeat`` makes it."""
    profiles: list[Profile] = []
    executions: list[Execution] = []
    for run in runs:
        profiles += [replace(each, execution=each.execution + len(executions)) for each in run.profiles]
        executions += run.executions
    # The same notice of several runs differs in its figures: the first one stays.
    notices = {(each.about, _FIGURES.sub("", each.message)): each for run in reversed(runs) for each in run.notices}
    return replace(
        runs[0],
        executions=tuple(executions),
        profiles=tuple(profiles),
        evidence=pool_evidence([run.evidence for run in runs]),
        sources={file: source for run in runs for file, source in run.sources.items()},
        notices=tuple(notices.values()),
    )


@contextlib.contextmanager
def _prepared(request: ScaleRequest, size: int, out: Path) -> Iterator[None]:
    """Make the input, set the environment, and leave no captures behind."""
    shutil.rmtree(out, ignore_errors=True)
    with _environ_set(make_environ(request, size)):
        if request.make:
            line = make_line(request, size)
            trouble = run_helper("make", line, request.spec.directory, os.environ)
            if trouble:
                raise TargetError(f"n = {size:,}: {trouble}", f"try it by hand: {line}")
        yield
    shutil.rmtree(out, ignore_errors=True)


@contextlib.contextmanager
def _environ_set(extra: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in extra}
    os.environ.update(extra)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _refuse_failed(execution: Execution, size: int, out: Path) -> None:
    if execution.stopped:
        raise TargetError(
            f"n = {size:,}: the program was {execution.stopped}", "give smaller sizes, or more --max-time"
        )
    if execution.exit_status:
        said = _read_last_line(out / "stderr")
        how = describe_exit(execution.exit_status, execution.signal)
        raise TargetError(
            f"n = {size:,}: the program {how}{f': {said}' if said else ''}",
            "it must exit with status 0 at each size; try this size by hand",
        )


def _read_last_line(file: Path) -> str:
    with contextlib.suppress(OSError), file.open("rb") as source:
        source.seek(max(0, source.seek(0, os.SEEK_END) - 2_000))
        lines = source.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else ""
    return ""


def _list_places(hotspots: Hotspots) -> Iterator[tuple[Place, Cost]]:
    for function in hotspots.functions:
        if function.owner is Owner.USER:
            yield (function.file, function.name, function.line, 0), function.cost
    for line in hotspots.lines:
        if line.owner is Owner.USER:
            yield (line.file, line.function, line.function_line, line.line), line.cost


def _spread(costs: Mapping[int, int], count: int) -> tuple[int, ...]:
    return tuple(costs.get(index, 0) for index in range(count))
