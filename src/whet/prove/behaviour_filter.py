"""Finds the rewrites that keep the program's behaviour, by running it with them once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from whet.errors import TargetError
from whet.model.trial import Verdict
from whet.prove.rewrites import Unit, apply_rewrites
from whet.prove.run import Observed, read_tail
from whet.prove.sandbox import Sandbox
from whet.prove.variants import BASELINE, Failure, VariantRunner

ALL = "all"


class BehaviourFilter:
    """Drops what fails or behaves differently. ``tests`` is a shell command that must succeed on each variant."""

    def __init__(
        self, sandbox: Sandbox, runner: VariantRunner, originals: Mapping[str, bytes], tests: str = ""
    ) -> None:
        self._sandbox = sandbox
        self._runner = runner
        self._originals = originals
        self._tests = tests

    def find_sound(self, units: list[Unit]) -> tuple[list[Unit], dict[tuple[str, ...], Failure]]:
        """Return the units that, all together, behave like the baseline, and why each of the others does not.

        The variant ``ALL`` is defined as those together. Raises :class:`TargetError` if the tests fail without any.
        """
        runner = self._runner
        runner.doing = "all rewrites together"
        if self._tests:
            self.test(BASELINE)
        if self._is_sound(ALL, units):
            return units, {}
        if len(units) == 1:
            return [], {units[0].ids: runner.failures[ALL]}
        runner.doing = "each rewrite alone"
        refuted: dict[tuple[str, ...], Failure] = {}
        for unit in units:
            variant = f"alone {unit.ids[0]}"
            if not self._is_sound(variant, [unit]):
                refuted[unit.ids] = runner.failures[variant]
        alone = [unit for unit in units if unit.ids not in refuted]
        if alone and refuted and self._is_sound(ALL, alone):
            return alone, refuted
        together: list[Unit] = []
        for unit in sorted(alone, key=lambda unit: unit.is_offer):
            if self._is_sound(ALL, [*together, unit]):
                together.append(unit)
            else:
                failure = runner.failures[ALL]
                refuted[unit.ids] = Failure(failure.verdict, f"together with the others: {failure.why}")
        together = [unit for unit in alone if unit in together]
        self.define(ALL, together)
        return together, refuted

    def define(self, variant: str, units: Sequence[Unit]) -> bool:
        """Create a variant of the program with some units; ``False`` if it does not compile."""
        failed = self._sandbox.define({variant: apply_rewrites(self._originals, units)})
        if variant in failed:
            self._runner.failures[variant] = Failure(Verdict.FAILED, f"it does not compile: {failed[variant]}")
        return variant not in failed

    def test(self, variant: str) -> bool:
        """Run the tests on a variant, if there are any; raises :class:`TargetError` if the baseline fails them."""
        runner = self._runner
        if not self._tests:
            return True
        runner.doing = "the tests"
        done = self._sandbox.run_tests(variant, self._tests, max(1.0, runner.left()))
        runner.runs += 1
        if done.status == 0 and done.ended is None:
            return True
        if variant == BASELINE:
            raise TargetError(
                f"the tests fail on the unmodified program: {_last_line(done)}", "fix them first, or drop --tests"
            )
        runner.failures[variant] = Failure(Verdict.DIFFERENT_OUTPUT, f"tests fail: {_last_line(done)}")
        return False

    def _is_sound(self, variant: str, units: Sequence[Unit]) -> bool:
        """Run a variant once, and its tests, to check its behaviour."""
        runner = self._runner
        runner.failures.pop(variant, None)
        if runner.left() <= 0:
            runner.failures[variant] = Failure(Verdict.NOT_RUN, "the budget was used up before it could be tried")
            return False
        if not self.define(variant, units):
            return False
        if runner.try_variant(variant) is None and not self.is_by_chance(variant):
            return False
        return self.test(variant)

    def is_by_chance(self, variant: str) -> bool:
        """Run the baseline again before a difference is reported: it may occasionally differ from itself."""
        runner = self._runner
        failure = runner.failures.get(variant)
        if failure is None or failure.verdict is not Verdict.DIFFERENT_OUTPUT:
            return False
        runner.try_variant(BASELINE)
        if runner.unstable:
            del runner.failures[variant]
        return bool(runner.unstable)


def _last_line(done: Observed) -> str:
    lines = (read_tail(done.stderr.file).strip() or read_tail(done.stdout.file).strip()).splitlines()
    return lines[-1][:300] if lines else f"exit {done.status}"
