"""The tests of a bench whose program is pytest: what each costs in each run, and how two versions of it compare."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import whet
from whet.model.bench import BenchTest, BenchVariant, SlowdownCall
from whet.model.trial import Clock
from whet.pipeline.bench.figures import choose_clock, compare_pairs
from whet.program.spec import TargetKind, TargetSpec
from whet.prove.run import Workload
from whet.prove.stats import split_error
from whet.reading import MOST_DATA, read_file

_PLUGIN = "_whet_durations"
_INSIDE = Path(whet.__file__).parent / "inprocess" / "durations"
_NAMED = 3
Run = Mapping[str, tuple[int, int, int | None]]
"""A run's tests by node id: wall and CPU time of the call, and what pytest-benchmark measured, in nanoseconds."""


def is_pytest(spec: TargetSpec) -> bool:
    """Whether the program is pytest, as a module or as a command."""
    if spec.kind is TargetKind.MODULE:
        return spec.name == "pytest"
    return spec.kind is TargetKind.CONSOLE_SCRIPT and Path(spec.name).stem in ("pytest", "py.test")


def record_tests(workload: Workload, file: Path) -> Workload:
    """Return ``workload`` with pytest recording its tests in ``file``."""
    environ = dict(workload.environ)
    plugins = [each for each in (environ.get("PYTEST_PLUGINS", ""), _PLUGIN) if each]
    folders = [each for each in (environ.get("PYTHONPATH", ""), str(_INSIDE)) if each]
    added = {"PYTEST_PLUGINS": ",".join(plugins), "PYTHONPATH": os.pathsep.join(folders), "WHET_DURATIONS": str(file)}
    return replace(workload, environ={**environ, **added})


def read_tests(file: Path) -> Run:
    """Return what a run recorded, and remove it; nothing where it did not, or not so."""
    try:
        found = json.loads(read_file(file, MOST_DATA))
        file.unlink()
        return {str(name): _read_costs(*costs) for name, costs in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _read_costs(wall: int, cpu: int, rounds: int | None) -> tuple[int, int, int | None]:
    return max(0, int(wall)), max(0, int(cpu)), None if rounds is None else max(0, int(rounds))


@dataclass(slots=True)
class TestComparer:
    """Compares the tests of two versions, which ran in pairs."""

    clock: Clock | None
    confidence: float
    limit: float
    baseline: list[Run] = field(default_factory=list)
    candidate: list[Run] = field(default_factory=list)
    _clocks: dict[str, Clock] = field(default_factory=dict)

    def split(self) -> float:
        """Return the error that each comparison may have, the one of the whole program included."""
        return split_error(1 - self.confidence, len(self._list_common()) + 1)

    def compare(self, variants: Sequence[BenchVariant], planned: int | None) -> tuple[BenchTest, ...]:
        """Return the verdict on each test that passed in all runs of both versions; those over the limit first."""
        if len(self.baseline) < 2:
            return ()
        error = self.split()
        tests = [self._compare_test(name, variants, error, planned) for name in self._list_common()]
        order = (SlowdownCall.BEYOND, SlowdownCall.OPEN, SlowdownCall.WITHIN, None)
        return tuple(sorted(tests, key=lambda test: (order.index(test.comparison.call), test.comparison.estimate)))

    def is_settled(self, variants: Sequence[BenchVariant], planned: int) -> bool:
        """Whether it is clear of all tests on which side of the limit they are."""
        return all(test.comparison.call is not SlowdownCall.OPEN for test in self.compare(variants, planned))

    def describe_left_out(self) -> tuple[str, ...]:
        """Return notes on tests that were not compared."""
        common = set(self._list_common())
        before, after = (set().union(*runs) for runs in (self.baseline, self.candidate))
        return (
            *_name_some(before - after, "only in the baseline"),
            *_name_some(after - before, "only in the working tree"),
            *_name_some((before & after) - common, "not passed in each run"),
        )

    def _list_common(self) -> list[str]:
        runs = [*self.baseline, *self.candidate]
        first = runs[0] if runs else {}
        return [name for name in first if all(name in run for run in runs)]

    def _compare_test(
        self, name: str, variants: Sequence[BenchVariant], error: float, planned: int | None
    ) -> BenchTest:
        pair = (self.baseline, self.candidate)
        is_benchmark = all(run[name][2] is not None for runs in pair for run in runs)
        before, after = (
            replace(
                variant,
                wall_ns=tuple((run[name][2] or 0) if is_benchmark else run[name][0] for run in runs),
                cpu_ns=tuple(run[name][1] for run in runs),
                peak_bytes=(),
            )
            for variant, runs in zip(variants, pair, strict=True)
        )
        # Chosen once: a clock that could change between looks would be chosen by its result.
        clock = self._clocks.setdefault(name, Clock.WALL if is_benchmark else self.clock or choose_clock(before))
        comparison = compare_pairs(before, after, clock, error=error, limit=self.limit, planned=planned)
        return BenchTest(name, is_benchmark, before.costs(clock), after.costs(clock), comparison)


def _name_some(names: Iterable[str], what: str) -> tuple[str, ...]:
    found = sorted(names)
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return (f"tests {what}: {', '.join(found[:_NAMED])}{more}",) if found else ()
